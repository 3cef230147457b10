//! A person decides: sees everything, is asked, and binds to what was shown.

use insta::assert_snapshot;
use serde_json::json;
use synapsor_testkit::sqlite;

use crate::desk::{Desk, id_of, refusals};

fn digest(desk: &Desk, id: &str) -> String {
    desk.json(&format!("proposals show {id} --json"))["approval_digest"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_terminal_and_without_a_yes_nothing_is_decided() {
    let desk = Desk::sqlite();
    let id = desk.propose("x");
    for words in ["proposals approve", "proposals reject --reason no", "proposals cancel"] {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(1), "{seen}");
        assert!(seen.stderr.contains("there is no terminal to ask on"), "{words}: {seen}");
        assert_eq!(desk.status(&id), "pending_review");
    }
    assert_snapshot!(desk.shown("proposals approve latest"), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    proposal         wrp_#1 version 1
    status           pending_review: waits for a decision
    capability       billing.propose_waiver
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
      late_fee_cents: 1500 -> 0
      waiver_reason: null -> "x"
    the rest of the row, as it was read
      id: "INV-1"
      status: "overdue"
      tenant_id: "acme"
      version: 3
    guard            `version` must still be 3; it moves on with the change
    tenant guard     `tenant_id` = "acme"
    may change       late_fee_cents, waiver_reason
    executor         sql_update
    evidence         ev_#1
    needs role       billing_lead
    expires at       <time>
    proposal hash    sha256:#1
    approval digest  sha256:#2
    history
       1 <time> proposal_created by agent-7
       2 <time> evidence_recorded by agent-7
    next
      synapsor-runner proposals approve wrp_#1 --digest sha256:#2
      synapsor-runner proposals reject wrp_#1 --reason '...'
    error: there is no terminal to ask on, so wrp_#1 was left as it is
    hint: say `--yes`, or name what you saw with `--digest`
    "#);
}

#[test]
fn on_a_terminal_a_person_is_shown_the_change_and_asked() {
    for (typed, code, status) in
        [("n\n", 1, "pending_review"), ("\n", 1, "pending_review"), ("y\n", 0, "approved"), ("YES\n", 0, "approved")]
    {
        let desk = Desk::sqlite();
        let id = desk.propose("x");
        let seen = desk.program("proposals approve").run_on_terminal(typed);
        assert_eq!(seen.code, Some(code), "{typed:?}: {seen}");
        assert!(seen.stdout.contains("late_fee_cents: 1500 -> "), "{typed:?}: {seen}");
        assert_eq!(desk.status(&id), status, "{typed:?}");
    }
}

#[test]
fn an_approval_shows_the_change_that_it_binds_to() {
    let desk = Desk::sqlite();
    let id = desk.propose("x");
    let seen = desk.run(&format!("proposals approve {id} --yes"));
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stderr.contains("late_fee_cents: 1500 -> 0"), "{seen}");
    assert!(seen.stderr.contains(&digest(&desk, &id)), "{seen}");
}

#[test]
fn an_approval_by_digest_holds_for_what_was_shown_and_nothing_else() {
    let desk = Desk::sqlite();
    let id = desk.propose("x");
    let other = id_of(&desk.call("support.propose_status", &json!({"id": "T-1", "status": "solved"})));
    let refused = desk.transcript(&[
        &format!("proposals approve {id} --digest {}", digest(&desk, &other)),
        &format!("proposals approve {id} --digest sha256:00"),
        &format!("proposals approve {id} --digest yes"),
    ]);
    assert_snapshot!(refused, @r"
    $ proposals approve wrp_#1 --digest sha256:#1
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the digest sha256:#1 is not the approval digest of proposal wrp_#1, which is sha256:#2
    hint: look at it again: `synapsor-runner proposals show wrp_#1`

    $ proposals approve wrp_#1 --digest sha256:00
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the digest sha256:00 is not the approval digest of proposal wrp_#1, which is sha256:#2
    hint: look at it again: `synapsor-runner proposals show wrp_#1`

    $ proposals approve wrp_#1 --digest yes
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `--digest` takes a digest: `sha256:` and the hash
    ");
    assert_eq!(desk.status(&id), "pending_review");
    let seen = desk.run(&format!("proposals approve {id} --digest {}", digest(&desk, &id)));
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{seen}");
}

#[test]
fn a_decision_is_made_once() {
    let desk = Desk::sqlite();
    desk.approved("x");
    let told = desk.transcript(&[
        "proposals approve --yes",
        "proposals reject --reason late --yes",
        "apply",
        "proposals approve --yes",
        "proposals reject --reason late --yes",
        "proposals cancel --yes",
    ]);
    assert_snapshot!(refusals(&told), @r"
    $ proposals approve --yes
    exit: 0
    $ proposals reject --reason late --yes
    exit: 0
    $ apply
    exit: 1
    error: proposal wrp_#1 is rejected, and only an approved one can be applied
    $ proposals approve --yes
    exit: 1
    error: proposal wrp_#1 is rejected; the command needs one that is pending_review
    hint: `synapsor-runner proposals show wrp_#1` tells its story
    $ proposals reject --reason late --yes
    exit: 0
    $ proposals cancel --yes
    exit: 1
    error: proposal wrp_#1 is rejected; the command needs one that is open and not claimed
    hint: `synapsor-runner proposals show wrp_#1` tells its story
    ");
}

#[test]
fn a_rejection_has_a_reason_and_frees_the_change_for_another_proposal() {
    let desk = Desk::sqlite();
    let first = desk.propose("x");
    let seen = desk.program("proposals reject --yes --reason").arg("   ").run();
    assert_eq!((seen.code, desk.status(&first).as_str()), (Some(1), "pending_review"), "{seen}");
    assert_snapshot!(desk.transcript(&["proposals reject --reason unproven --yes --actor dana", "apply"]), @r"
    $ proposals reject --reason unproven --yes --actor dana
    exit: 0
    ---- stdout ----
    Rejected wrp_#1; nothing was changed in the database.
    ---- stderr ----

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is rejected, and only an approved one can be applied
    ");
    let second = desk.propose("x");
    assert_ne!(first, second);
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

#[test]
fn a_cancelled_proposal_is_never_applied() {
    let desk = Desk::sqlite();
    for approve in [false, true] {
        let id = desk.propose("x");
        if approve {
            desk.approve(&id);
        }
        assert_eq!(desk.run("proposals cancel --yes").code, Some(0));
        let told = desk.apply(&id).replace(&id, "<id>");
        assert_snapshot_of_cancelled(&told);
    }
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

fn assert_snapshot_of_cancelled(told: &str) {
    insta::allow_duplicates! { assert_snapshot!(told, @"refused: proposal <id> is canceled, and only an approved one can be applied") }
}

#[test]
fn an_expired_proposal_is_neither_approved_nor_applied_and_is_no_rejection() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["capabilities"][1]["approval"]["expires_after_seconds"] = json!(5));
    let (waits, other) = (desk.propose("x"), desk.propose("y"));
    // On a busy machine that takes its time, too.
    desk.approve(&other);
    std::thread::sleep(std::time::Duration::from_millis(5100));
    assert_snapshot!(
        desk.transcript(&[
            &format!("proposals approve {waits} --digest {}", digest(&desk, &waits)),
            &format!("apply {other}"),
            "proposals list",
        ]),
        @r"
        $ proposals approve wrp_#1 --digest sha256:#1
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: proposal wrp_#1 expired at <time>
        hint: the agent can propose it again

        $ apply wrp_#2
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: proposal wrp_#2 expired before it was applied
        hint: the agent can propose it again

        $ proposals list
        exit: 0
        ---- stdout ----
         PROPOSAL                              STATUS   CAPABILITY              TENANT  OBJECT          CREATED
         wrp_#2  expired  billing.propose_waiver  acme    invoices:INV-1  <time>
         wrp_#1  expired  billing.propose_waiver  acme    invoices:INV-1  <time>
        ---- stderr ----
        "
    );
    assert_eq!((desk.status(&waits), desk.status(&other)), ("expired".to_owned(), "expired".to_owned()));
    assert_ne!(desk.propose("x"), waits, "the same change may be proposed again");
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

#[test]
fn a_reviewer_sees_characters_that_a_terminal_would_hide() {
    let desk = Desk::sqlite();
    let path = desk.folder.join("business.db");
    sqlite::execute(&path, "update invoices set status = 'paid' || char(27) || '[8m, not' || char(13) || 'ok' where id = 'INV-1'");
    let reason = "fine\u{1b}[2K\rlate_fee_cents: 0 -> 0\n\u{202e}drawkcab\u{200b}\u{7}";
    desk.propose(reason);
    let seen = desk.run("proposals show");
    assert!(!seen.stdout.contains(['\u{1b}', '\r', '\u{202e}', '\u{200b}', '\u{7}']), "{seen}");
    let rows: Vec<_> = seen.stdout.lines().filter(|line| line.contains("waiver_reason") || line.contains("status: ")).collect();
    assert_snapshot!(rows.join("\n"), @r#"
      waiver_reason: null -> "fine\u001b[2K\rlate_fee_cents: 0 -> 0\n\u{202e}drawkcab\u{200b}\u0007"
      status: "paid\u001b[8m, not\rok"
    may change       late_fee_cents, waiver_reason
    "#);
}

#[test]
fn a_long_change_is_shown_to_its_end() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["capabilities"][1]["args"]["reason"] = json!({"type": "string"}));
    let reason = format!("{}-the end", "long ".repeat(20_000));
    desk.propose(&reason);
    assert!(desk.run("proposals show").stdout.contains(&reason));
    assert!(desk.run("replay show").stdout.contains(&reason));
}

#[test]
fn a_list_is_filtered_and_read_page_by_page() {
    let desk = Desk::sqlite();
    let first = desk.approved("x");
    desk.call("support.propose_status", &json!({"id": "T-1", "status": "solved"}));
    assert_eq!(desk.apply(&first), "applied");
    let lines = [
        "proposals list",
        "proposals list --status applied",
        "proposals list --state pending_review",
        "proposals list --capability support.propose_status",
        "proposals list --object tickets:T-1",
        "proposals list --object INV-1",
        "proposals list --tenant globex",
        "proposals list --limit 1",
        "proposals list --status lost",
    ];
    let told = desk.transcript(&lines);
    let cursor = told.split("--before ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert_snapshot!(told.replace(cursor, "<cursor>"), @r"
    $ proposals list
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT          CREATED
     wrp_#1  pending_review  support.propose_status  acme    tickets:T-1     <time>
     wrp_#2  applied         billing.propose_waiver  acme    invoices:INV-1  <time>
    ---- stderr ----

    $ proposals list --status applied
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS   CAPABILITY              TENANT  OBJECT          CREATED
     wrp_#2  applied  billing.propose_waiver  acme    invoices:INV-1  <time>
    ---- stderr ----

    $ proposals list --state pending_review
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT       CREATED
     wrp_#1  pending_review  support.propose_status  acme    tickets:T-1  <time>
    ---- stderr ----

    $ proposals list --capability support.propose_status
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT       CREATED
     wrp_#1  pending_review  support.propose_status  acme    tickets:T-1  <time>
    ---- stderr ----

    $ proposals list --object tickets:T-1
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT       CREATED
     wrp_#1  pending_review  support.propose_status  acme    tickets:T-1  <time>
    ---- stderr ----

    $ proposals list --object INV-1
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS   CAPABILITY              TENANT  OBJECT          CREATED
     wrp_#2  applied  billing.propose_waiver  acme    invoices:INV-1  <time>
    ---- stderr ----

    $ proposals list --tenant globex
    exit: 0
    ---- stdout ----
    no proposals
    ---- stderr ----

    $ proposals list --limit 1
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT       CREATED
     wrp_#1  pending_review  support.propose_status  acme    tickets:T-1  <time>
    more: --before <cursor>
    ---- stderr ----

    $ proposals list --status lost
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `lost` is no status
    hint: one of: pending_review, approved, rejected, canceled, expired, pending_worker, applied, conflict, failed
    ");
}

#[test]
fn a_proposal_that_is_not_there_is_said_to_be_not_there() {
    let desk = Desk::sqlite();
    let lines = ["proposals list", "proposals show", "apply", "replay show wrp_1"];
    assert_snapshot!(desk.transcript(&lines), @r"
    $ proposals list
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no ledger `<folder>/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger

    $ proposals show
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no ledger `<folder>/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no ledger `<folder>/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger

    $ replay show wrp_1
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no ledger `<folder>/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    ");
    desk.propose("x");
    assert_snapshot!(desk.transcript(&["proposals show wrp_1", "apply wrp_1", "replay show replay_wrp_1"]), @r"
    $ proposals show wrp_1
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no proposal wrp_1
    hint: `synapsor-runner proposals list` shows what there is

    $ apply wrp_1
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no proposal wrp_1
    hint: `synapsor-runner proposals list` shows what there is

    $ replay show replay_wrp_1
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no proposal wrp_1
    hint: `synapsor-runner proposals list` shows what there is
    ");
}
