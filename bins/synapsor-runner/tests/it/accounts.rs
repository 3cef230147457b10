//! Who decides? The account of the process, with the roles that the configuration gives it.

use std::os::unix::fs::chown;

use insta::assert_snapshot;
use nix::unistd::Uid;
use serde_json::{Value, json};
use synapsor_testkit::left_out;

use crate::desk::{Desk, account, refusals};

fn declare(desk: &Desk, account: &str, roles: &[&str]) {
    desk.configure(|config| config["operators"] = json!({account: {"roles": roles}}));
}

fn uid() -> String {
    Uid::current().to_string()
}

#[test]
fn an_account_may_be_declared_by_name_or_by_number() {
    for name in [account(), uid()] {
        let desk = Desk::sqlite();
        declare(&desk, &name, &["billing_lead"]);
        let id = desk.propose("x");
        desk.approve(&id);
        assert_eq!(desk.status(&id), "approved", "{name}");
    }
}

#[test]
fn whoever_lacks_the_role_neither_approves_nor_rejects() {
    let desk = Desk::sqlite();
    declare(&desk, &account(), &["support_lead"]);
    desk.propose("x");
    let told = desk.transcript(&["proposals approve --yes", "proposals reject --reason no --yes"]);
    assert_snapshot!(refusals(&told), @r"
    $ proposals approve --yes
    exit: 1
    error: account `<account>` does not hold the role `billing_lead` that proposal wrp_#1 needs
    hint: an operator with the role `billing_lead` must decide (`operators` in the configuration)
    $ proposals reject --reason no --yes
    exit: 1
    error: account `<account>` does not hold the role `billing_lead` that proposal wrp_#1 needs
    hint: an operator with the role `billing_lead` must decide (`operators` in the configuration)
    ");
}

#[test]
fn a_capability_without_a_role_is_decided_by_any_declared_account() {
    let desk = Desk::sqlite();
    declare(&desk, &account(), &[]);
    let answer = desk.call("support.propose_status", &json!({"id": "T-1", "status": "solved"}));
    desk.approve(&crate::desk::id_of(&answer));
}

#[test]
fn an_account_that_is_not_declared_is_refused() {
    let desk = Desk::sqlite();
    declare(&desk, "somebody-else", &["billing_lead"]);
    desk.propose("x");
    let told = desk.transcript(&["proposals approve --yes", "proposals reject --yes --reason x", "apply"]);
    assert_snapshot!(told.replace(&format!("uid {}", uid()), "uid <uid>").replace(&account(), "<account>"), @r#"
    $ proposals approve --yes
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid <uid>) is not among the operators that the configuration declares
    hint: declare it: "operators": {"<account>": {"roles": [...]}}

    $ proposals reject --yes --reason x
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid <uid>) is not among the operators that the configuration declares
    hint: declare it: "operators": {"<account>": {"roles": [...]}}

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid <uid>) is not among the operators that the configuration declares
    hint: declare it: "operators": {"<account>": {"roles": [...]}}
    "#);
}

#[test]
fn the_variable_user_and_a_note_give_no_authority() {
    let mut desk = Desk::sqlite();
    declare(&desk, "dana", &["billing_lead"]);
    for name in ["USER", "LOGNAME", "USERNAME", "SUDO_USER"] {
        desk.set(name, "dana");
    }
    let id = desk.propose("x");
    let seen = desk.run("proposals approve --yes --actor dana");
    assert_eq!((seen.code, desk_status(&mut desk, &id).as_str()), (Some(1), "pending_review"), "{seen}");
}

fn desk_status(desk: &mut Desk, id: &str) -> String {
    declare(desk, &account(), &["billing_lead"]);
    desk.status(id)
}

#[test]
fn a_note_stands_beside_the_account_that_decided() {
    let mut desk = Desk::sqlite();
    desk.set("USER", "mallory");
    desk.propose("x");
    assert_eq!(desk.run("proposals approve --yes --actor dana").code, Some(0));
    let shown = desk.json("proposals show --json");
    let events = shown["events"].as_array().unwrap();
    let approval: &Value = events.iter().find(|event| event["kind"] == "proposal_approved").unwrap_or_else(|| panic!("{shown:#}"));
    assert_eq!(approval["actor"], account().as_str(), "{approval:#}");
    let operator = &approval["payload"]["operator"];
    assert_eq!((&operator["account"], &operator["note"]), (&json!(account()), &json!("dana")), "{approval:#}");
    assert!(!shown.to_string().contains("mallory"));
}

#[test]
fn without_declared_operators_only_the_owner_of_the_ledger_decides() {
    if !Uid::current().is_root() {
        return left_out("an account that may give files away");
    }
    let desk = Desk::sqlite();
    desk.propose("x");
    chown(desk.ledger(), Some(65_534), None).unwrap();
    let told = desk.transcript(&["proposals approve --yes", "proposals cancel --yes", "apply"]);
    assert_snapshot!(told.replace(&account(), "<account>"), @r"
    $ proposals approve --yes
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid 0) does not own the ledger, which belongs to uid 65534, and the configuration declares no operators
    hint: run the command as the account that owns the ledger, or declare `operators` in the configuration

    $ proposals cancel --yes
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid 0) does not own the ledger, which belongs to uid 65534, and the configuration declares no operators
    hint: run the command as the account that owns the ledger, or declare `operators` in the configuration

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: account `<account>` (uid 0) does not own the ledger, which belongs to uid 65534, and the configuration declares no operators
    hint: run the command as the account that owns the ledger, or declare `operators` in the configuration
    ");
}

#[test]
fn a_configuration_without_operators_says_who_decides() {
    let desk = Desk::sqlite();
    let notices = desk.json("config validate --json");
    assert_snapshot!(notices["notices"][0], @r#"{"severity":"notice","path":"$.operators","code":"OPERATORS_UNDECLARED","message":"`operators` is absent, so only the account that owns the ledger's file may decide, in every role","line":1,"column":1,"hint":"declare who may decide: `operators`"}"#);
}
