//! Shadow mode: what an agent would have done, beside what people did.

use insta::assert_snapshot;
use serde_json::json;

use crate::desk::{Desk, id_of};

fn shadow_desk() -> Desk {
    let desk = Desk::sqlite();
    desk.configure(|config| config["mode"] = json!("shadow"));
    desk
}

fn status(desk: &Desk, ticket: &str, status: &str) -> String {
    id_of(&desk.call("support.propose_status", &json!({"id": ticket, "status": status})))
}

fn done(desk: &Desk, id: &str, patch: &str) -> synapsor_testkit::Seen {
    desk.program("shadow record-human-action").args([id, "--patch", patch, "--actor", "Dana of the desk", "--notes", "by phone"]).run()
}

#[test]
fn a_shadow_proposal_is_compared_with_what_a_person_did() {
    let desk = shadow_desk();
    let id = desk.propose("goodwill");
    assert_snapshot!(desk.transcript(&["shadow list", &format!("shadow compare {id}"), "shadow report"]), @r"
    $ shadow list
    exit: 0
    ---- stdout ----
    no_human_action wrp_#1 billing.propose_waiver invoices:INV-1
    ---- stderr ----

    $ shadow compare wrp_#1
    exit: 0
    ---- stdout ----
    no_human_action wrp_#1 billing.propose_waiver invoices:INV-1
    ---- stderr ----

    $ shadow report
    exit: 0
    ---- stdout ----
    billing.propose_waiver: 1 proposal, 0 exact_match, 0 partial_match, 0 mismatch, 1 no_human_action
    in all: 1 proposal, 0 exact_match, 0 partial_match, 0 mismatch, 1 no_human_action
    ---- stderr ----
    ");
    let seen = done(&desk, &id, r#"{"late_fee_cents": 0, "waiver_reason": "kindness", "status": "paid"}"#);
    assert_snapshot!(desk.scrub(&seen.to_string()), @r"
    exit: 0
    ---- stdout ----
    Recorded what a person did in the case of wrp_#1. Compare them: synapsor-runner shadow compare wrp_#1
    ---- stderr ----
    ");
    assert_snapshot!(desk.transcript(&[&format!("shadow compare {id}"), "shadow report", "shadow list"]), @r#"
    $ shadow compare wrp_#1
    exit: 0
    ---- stdout ----
    partial_match   wrp_#1 billing.propose_waiver invoices:INV-1
      late_fee_cents: equal, 0
      status: not proposed, done "paid"
      waiver_reason: proposed "goodwill", done "kindness"
    recorded by <account>: by phone
    ---- stderr ----

    $ shadow report
    exit: 0
    ---- stdout ----
    billing.propose_waiver: 1 proposal, 0 exact_match, 1 partial_match, 0 mismatch, 0 no_human_action
    in all: 1 proposal, 0 exact_match, 1 partial_match, 0 mismatch, 0 no_human_action
    ---- stderr ----

    $ shadow list
    exit: 0
    ---- stdout ----
    partial_match   wrp_#1 billing.propose_waiver invoices:INV-1
    ---- stderr ----
    "#);
    assert!(desk.run(&format!("replay show {id}")).stdout.contains("shadow_human_action_recorded"));
    assert_eq!(
        desk.invoice(),
        desk.table("select late_fee_cents, waiver_reason, version from invoices where tenant_id = 'acme' and id = 'INV-1'")
    );
}

#[test]
fn values_are_compared_as_values_and_the_last_action_counts() {
    let desk = shadow_desk();
    let id = desk.propose("goodwill");
    let result = |patch: &str| {
        assert_eq!(done(&desk, &id, patch).code, Some(0));
        let compared = desk.json(&format!("shadow compare {id} --json"));
        assert_eq!(compared["ok"], true, "{compared}");
        compared["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(result(r#"{"late_fee_cents": "0", "waiver_reason": "goodwill "}"#), "mismatch");
    assert_eq!(result(r#"{"late_fee_cents": 0.0}"#), "partial_match");
    desk.folder.write("done.json", r#"{"waiver_reason": "goodwill", "late_fee_cents": 0}"#);
    assert_eq!(result("done.json"), "exact_match");
    assert_eq!(desk.json("shadow report --json")["total"]["exact_match"], 1);
}

#[test]
fn what_cannot_be_recorded_is_refused_in_words() {
    let desk = shadow_desk();
    let id = desk.propose("goodwill");
    for patch in ["{}", "{\"a\": [1]}", "[]", "absent.json", "{\"a; drop\": 1}", "{\"a\": 9007199254740993}"] {
        let seen = done(&desk, &id, patch);
        assert_eq!(seen.code, Some(1), "{patch}: {seen}");
    }
    assert_snapshot!(desk.scrub(&done(&desk, &id, "{}").to_string()), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the action for proposal wrp_#1 sets no column
    ");
    assert_snapshot!(desk.scrub(&done(&desk, &id, "[]").to_string()), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: what the person did cannot be read: the record does not have the expected form: invalid type: sequence, expected a map at line 1 column 0
    hint: it is one JSON object of columns, for example '{"status": "solved"}', or a file with one
    "#);
    assert_snapshot!(desk.scrub(&done(&desk, &id, "absent.json").to_string()), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: absent.json cannot be read: No such file or directory (os error 2)
    hint: it is one JSON object of columns, for example '{"status": "solved"}', or a file with one
    "#);
    assert_snapshot!(desk.scrub(&done(&desk, &id, r#"{"late_fee_cents": 0, "nope": 0}"#).to_string()), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `nope` is no column that `billing.propose_waiver` sets or shows
    hint: its columns are `id`, `late_fee_cents`, `status`, `waiver_reason`
    ");
    assert_eq!(desk.json(&format!("shadow compare {id} --json"))["result"], "no_human_action");
    let other = Desk::sqlite();
    let reviewed = other.propose("goodwill");
    assert_snapshot!(other.scrub(&done(&other, &reviewed, r#"{"late_fee_cents": 0}"#).to_string()), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is no shadow proposal: there is nothing to compare what people did with
    ");
    assert_snapshot!(other.shown("shadow list"), @r"
    exit: 0
    ---- stdout ----
    no shadow proposals
    ---- stderr ----
    ");
}

#[test]
fn an_account_that_is_not_declared_looks_and_records_nothing() {
    let desk = shadow_desk();
    let id = desk.propose("goodwill");
    desk.configure(|config| config["operators"] = json!({"somebody-else": {"roles": ["billing_lead"]}}));
    assert_eq!(done(&desk, &id, r#"{"late_fee_cents": 0}"#).code, Some(1));
    assert_eq!(desk.json(&format!("shadow compare {id} --json"))["result"], "no_human_action");
}

#[test]
fn lists_go_on_page_by_page() {
    let desk = shadow_desk();
    let ids: Vec<String> = ["waiting", "solved"].iter().map(|to| status(&desk, "T-1", to)).collect();
    let first = desk.json("shadow list --limit 1 --json");
    assert_eq!(first["proposals"][0]["proposal_id"], ids[1]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = desk.json(&format!("shadow list --limit 1 --before {cursor} --json"));
    assert_eq!(second["proposals"][0]["proposal_id"], ids[0]);
    assert!(second["next_cursor"].is_null());
    assert_eq!(desk.run("shadow list --before nonsense").code, Some(1));
}
