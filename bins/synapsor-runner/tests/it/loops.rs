//! The loop, once per engine: read, propose, approve, apply, replay; and every way in which it ends otherwise.

use serde_json::json;
use synapsor_testkit::Seen;

use crate::desk::{Desk, answer_of, assert_same, id_of, on_each_engine, outcome, told};

on_each_engine! {
    a_change_is_read_proposed_approved_applied_and_replayed
    the_same_change_proposed_again_is_the_same_proposal
    two_proposals_on_one_version_end_as_one_applied_and_one_conflict
    a_row_that_somebody_else_changed_is_a_conflict_and_may_be_proposed_for_again
    a_row_that_is_gone_is_a_conflict
    sixteen_that_apply_at_once_make_one_change
    sixteen_that_propose_at_once_make_one_proposal
    a_dry_run_changes_nothing_anywhere_and_the_proposal_can_be_applied_afterwards
    a_dry_run_tells_a_conflict_without_recording_it
    a_configuration_that_became_stricter_wins_over_an_approval
    a_row_without_tenants_can_be_changed_where_that_was_declared
    an_optional_argument_that_is_left_out_leaves_its_column_alone
    a_transition_that_was_not_reviewed_is_refused
    a_database_that_refuses_the_change_leaves_no_trace_and_says_why
    an_effect_that_differs_from_what_was_approved_is_undone
}

fn a_change_is_read_proposed_approved_applied_and_replayed(desk: &mut Desk) {
    desk.folder.write("read.json", r#"{"id": "INV-1"}"#);
    desk.folder.write("waive.json", r#"{"id": "INV-1", "reason": "the payment page was down"}"#);
    assert_same!(desk.transcript(&[
        "config validate --check-db",
        "propose billing.inspect_invoice --input read.json",
        "propose billing.propose_waiver --input waive.json",
        "proposals list",
        "proposals show",
        "apply",
        "proposals approve --yes --reason checked",
        "apply",
        "apply",
        "propose billing.inspect_invoice --input read.json",
        "replay show",
    ]), @r#"
    $ config validate --check-db
    exit: 0
    ---- stdout ----
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    notice RECEIPT_TABLE_ABSENT source `desk`, account for writing
      there is no receipt table yet; the first change creates it
    synapsor.runner.json is valid, and the databases have what it names (0 errors, 0 warnings, 2 notices)
    ---- stderr ----

    $ propose billing.inspect_invoice --input read.json
    exit: 0
    ---- stdout ----
    Read invoices INV-1 with billing.inspect_invoice; nothing was changed.
      amount_cents: 12900
      id: "INV-1"
      late_fee_cents: 1500
      status: "overdue"
      waiver_reason: null
    ---- stderr ----

    $ propose billing.propose_waiver --input waive.json
    exit: 0
    ---- stdout ----
    Proposal wrp_#1 for invoices INV-1 is waiting for review; nothing was changed in the database.
      late_fee_cents: 1500 -> 0
      waiver_reason: null -> "the payment page was down"
    A person reviews and decides outside of this conversation; until then nothing is changed, and you cannot approve it.
    review it: synapsor-runner proposals show wrp_#1
    ---- stderr ----

    $ proposals list
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS          CAPABILITY              TENANT  OBJECT          CREATED
     wrp_#1  pending_review  billing.propose_waiver  acme    invoices:INV-1  <time>
    ---- stderr ----

    $ proposals show
    exit: 0
    ---- stdout ----
    proposal         wrp_#1 version 1
    status           pending_review: waits for a decision
    capability       billing.propose_waiver
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
      late_fee_cents: 1500 -> 0
      waiver_reason: null -> "the payment page was down"
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
    ---- stderr ----

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is pending_review, and only an approved one can be applied
    hint: decide first: `synapsor-runner proposals approve wrp_#1`

    $ proposals approve --yes --reason checked
    exit: 0
    ---- stdout ----
    Approved wrp_#1. Apply it: synapsor-runner apply wrp_#1
    ---- stderr ----
    proposal         wrp_#1 version 1
    status           pending_review: waits for a decision
    capability       billing.propose_waiver
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
      late_fee_cents: 1500 -> 0
      waiver_reason: null -> "the payment page was down"
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

    $ apply
    exit: 0
    ---- stdout ----
    applied: wrp_#1
    1 row changed, with a receipt in the same transaction, version 3 -> 4
    also changed by the database or the guard: version
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----

    $ apply
    exit: 0
    ---- stdout ----
    already_applied: wrp_#1
    the change had been made before; nothing was changed now
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----

    $ propose billing.inspect_invoice --input read.json
    exit: 0
    ---- stdout ----
    Read invoices INV-1 with billing.inspect_invoice; nothing was changed.
      amount_cents: 12900
      id: "INV-1"
      late_fee_cents: 0
      status: "overdue"
      waiver_reason: "the payment page was down"
    ---- stderr ----

    $ replay show
    exit: 0
    ---- stdout ----
    proposal         wrp_#1 version 1
    status           applied
    last outcome     attempt 1: applied
    capability       billing.propose_waiver
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
      late_fee_cents: 1500 -> 0
      waiver_reason: null -> "the payment page was down"
    the rest of the row, as it was read
      id: "INV-1"
      status: "overdue"
      tenant_id: "acme"
      version: 3
    evidence         ev_#1 read at <time> by `billing.propose_waiver`
    query            qa_#1 <schema>.invoices gave 1 row(s), shape sha256:#3
    history
       1 <time> proposal_created by agent-7
       2 <time> evidence_recorded by agent-7
       3 <time> proposal_approved by <account>: checked
       4 <time> writeback_job_recorded by <account>
       5 <time> writeback_attempt_claimed by <account>: attempt 1, pid <pid>
       6 <time> writeback_applied by <account>: attempt 1
    receipt          applied, 1 row(s), wrp_#1:INV-1, sha256:#4
    ---- stderr ----
    "#);
    assert_eq!(desk.invoice(), "0 | the payment page was down | 4");
    assert_eq!(desk.receipts(), "applied | 1");
}

fn the_same_change_proposed_again_is_the_same_proposal(desk: &mut Desk) {
    let first = desk.propose("x");
    assert_eq!(desk.propose("x"), first);
    assert_ne!(desk.propose("y"), first);
    desk.approve(&first);
    assert_eq!(desk.propose("x"), first, "an approved one is open, too");
    assert_eq!(desk.apply(&first), "applied");
    assert_ne!(desk.propose("x"), first, "the row is another one now");
}

fn two_proposals_on_one_version_end_as_one_applied_and_one_conflict(desk: &mut Desk) {
    let (first, second) = (desk.approved("first"), desk.approved("second"));
    assert_eq!(desk.apply(&second), "applied");
    assert_eq!(desk.apply(&first), "conflict VERSION_CONFLICT");
    assert_eq!(desk.apply(&first), "conflict VERSION_CONFLICT");
    assert_eq!(desk.invoice(), "0 | second | 4");
    assert_eq!(desk.receipts(), "applied | 1\nconflict | 1");
}

fn a_row_that_somebody_else_changed_is_a_conflict_and_may_be_proposed_for_again(desk: &mut Desk) {
    let id = desk.approved("x");
    desk.execute("update invoices set late_fee_cents = 700, version = version + 1 where tenant_id = 'acme' and id = 'INV-1'");
    assert_same!(desk.transcript(&["apply", "apply"]), @r"
    $ apply
    exit: 1
    ---- stdout ----
    conflict: wrp_#1 (VERSION_CONFLICT)
    the row is not what was approved; nothing was changed, and the agent may propose again
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----

    $ apply
    exit: 1
    ---- stdout ----
    conflict: wrp_#1 (VERSION_CONFLICT)
    the row is not what was approved; nothing was changed, and the agent may propose again
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    ");
    assert_eq!(desk.status(&id), "conflict");
    let again = desk.approved("x");
    assert_ne!(again, id);
    assert_eq!(desk.apply(&again), "applied");
    assert_eq!(desk.invoice(), "0 | x | 5");
}

fn a_row_that_is_gone_is_a_conflict(desk: &mut Desk) {
    let id = desk.approved("x");
    desk.execute("update invoices set tenant_id = 'globex2' where tenant_id = 'acme' and id = 'INV-1'");
    assert_same!(desk.apply(&id), @"conflict ROW_NOT_FOUND");
    assert_eq!(desk.table("select late_fee_cents from invoices where tenant_id = 'globex2'"), "1500");
}

/// Runs the same words sixteen times at once.
fn sixteen(desk: &Desk, words: &str, last: &str) -> Vec<Seen> {
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..16).map(|_| scope.spawn(|| desk.program(words).arg(last).run())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

fn sixteen_that_apply_at_once_make_one_change(desk: &mut Desk) {
    let id = desk.approved("x");
    let mut outcomes: Vec<_> = sixteen(desk, "apply --json", &id).iter().map(|seen| outcome(&answer_of(seen))).collect();
    outcomes.sort();
    let expected: Vec<_> = std::iter::repeat_n("already_applied", 15).chain(["applied"]).collect();
    assert_eq!(outcomes, expected);
    assert_eq!((desk.invoice().as_str(), desk.receipts().lines().count()), ("0 | x | 4", 1));
}

fn sixteen_that_propose_at_once_make_one_proposal(desk: &mut Desk) {
    let seen = sixteen(desk, "propose billing.propose_waiver --json", r#"{"id":"INV-1","reason":"x"}"#);
    let mut ids: Vec<_> = seen.iter().map(|seen| id_of(&answer_of(seen))).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

fn a_dry_run_changes_nothing_anywhere_and_the_proposal_can_be_applied_afterwards(desk: &mut Desk) {
    let id = desk.approved("x");
    let events = desk.json("replay show --json")["events"].clone();
    assert_same!(desk.transcript(&["apply --dry-run"]), @r"
    $ apply --dry-run
    exit: 0
    ---- stdout ----
    dry run: wrp_#1 would be applied, version 3 -> 4
    everything was rolled back: no state changed, neither in the source nor in the ledger
    the receipt table is not there yet, so claiming the operation was left out; applying makes it
    ---- stderr ----
    ");
    assert_eq!(desk.json("replay show --json")["events"], events, "the ledger is as it was");
    let tables = desk.dialect(
        "sqlite_schema where name",
        "pg_tables where tablename",
        "information_schema.tables where table_schema = database() and table_name",
    );
    assert_eq!(desk.table(&format!("select count(*) from {tables} like 'synapsor%'")), "0", "not even the receipt table is made");
    assert_eq!((desk.invoice().as_str(), desk.status(&id).as_str()), ("1500 | NULL | 3", "approved"));
    assert_eq!(desk.apply(&id), "applied");
    let seen = desk.run(&format!("apply {id} --dry-run"));
    assert_eq!(seen.code, Some(1), "{seen}");
}

fn a_dry_run_tells_a_conflict_without_recording_it(desk: &mut Desk) {
    let first = desk.approved("first");
    assert_eq!(desk.apply(&first), "applied");
    desk.execute("update invoices set version = 3 where tenant_id = 'acme' and id = 'INV-1'");
    let id = desk.approved("second");
    desk.execute("update invoices set version = 8 where tenant_id = 'acme' and id = 'INV-1'");
    assert_same!(desk.transcript(&["apply --dry-run"]), @r"
    $ apply --dry-run
    exit: 1
    ---- stdout ----
    dry run: wrp_#1 would be conflict (VERSION_CONFLICT)
    everything was rolled back: no state changed, neither in the source nor in the ledger
    ---- stderr ----
    ");
    desk.execute("update invoices set version = 3 where tenant_id = 'acme' and id = 'INV-1'");
    assert_eq!(desk.receipts(), "applied | 1");
    assert_eq!(desk.apply(&id), "applied");
}

fn a_configuration_that_became_stricter_wins_over_an_approval(desk: &mut Desk) {
    let id = desk.approved("x");
    let before = desk.folder.read("synapsor.runner.json");
    let mut told = Vec::new();
    for change in 0..4 {
        desk.configure(|config| {
            let capability = &mut config["capabilities"][1];
            match change {
                0 => {
                    capability["patch"] = json!({"waiver_reason": {"from_arg": "reason"}});
                    capability["allowed_columns"] = json!(["waiver_reason"]);
                }
                1 => capability["target"]["tenant_key"] = json!("customer_id"),
                2 => capability["name"] = json!("billing.propose_another"),
                _ => capability["conflict_guard"] = json!({"weak_guard_ack": true}),
            }
        });
        told.push(desk.apply(&id).replace(&id, "<id>"));
        desk.folder.write("synapsor.runner.json", &before);
    }
    assert_same!(told.join("\n"), @r"
    refused: proposal <id> cannot be applied: column `late_fee_cents` may not be set by this capability
    refused: proposal <id> cannot be applied: the capability now has another tenant column: `customer_id` instead of `tenant_id`
    refused: proposal <id> cannot be applied: the configuration has no proposal capability `billing.propose_waiver` any more
    refused: proposal <id> cannot be applied: the capability now has another version column: `__row_hash` instead of `version`
    ");
    assert_eq!((desk.invoice().as_str(), desk.status(&id).as_str()), ("1500 | NULL | 3", "approved"));
    assert_eq!(desk.apply(&id), "applied", "with the reviewed configuration it goes on");
}

fn a_row_without_tenants_can_be_changed_where_that_was_declared(desk: &mut Desk) {
    desk.execute("create table settings (id text primary key not null, value text not null, version bigint not null); insert into settings values ('colour', 'red', 1)");
    let mut capability = desk.proposes("desk.propose_setting", "settings", &["id", "value"]);
    capability["target"] = json!({"schema": desk.schema(), "table": "settings", "primary_key": "id", "single_tenant_dev": true});
    capability["args"]["value"] = json!({"type": "string"});
    capability["patch"] = json!({"value": {"from_arg": "value"}});
    capability["allowed_columns"] = json!(["value"]);
    desk.offer(capability);
    let id = id_of(&desk.call("desk.propose_setting", &json!({"id": "colour", "value": "blue"})));
    assert!(desk.run("proposals show").stdout.contains("there is one tenant only"));
    desk.approve(&id);
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.table("select * from settings"), "colour | blue | 2");
}

fn an_optional_argument_that_is_left_out_leaves_its_column_alone(desk: &mut Desk) {
    let mut capability = desk.proposes("desk.propose_ticket", "tickets", &["id", "subject", "priority"]);
    capability["args"]["subject"] = json!({"type": "string", "required": false});
    capability["args"]["priority"] = json!({"type": "number", "required": false});
    capability["patch"] = json!({"subject": {"from_arg": "subject"}, "priority": {"from_arg": "priority"}});
    capability["allowed_columns"] = json!(["subject", "priority"]);
    desk.offer(capability);
    let answer = desk.call("desk.propose_ticket", &json!({"id": "T-1", "priority": 9}));
    assert_eq!(answer["proposal"]["diff"], json!({"priority": {"before": 2, "proposed": 9}}), "{answer:#}");
    let id = id_of(&answer);
    desk.approve(&id);
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.table("select subject, priority from tickets where tenant_id = 'acme'"), "Late fee on INV-1 | 9");
    assert_same!(told(&desk.call("desk.propose_ticket", &json!({"id": "T-1"}))), @"POLICY_VIOLATION: The call changes nothing: each optional argument that sets a column was left out.");
}

fn a_transition_that_was_not_reviewed_is_refused(desk: &mut Desk) {
    desk.execute("update tickets set status = 'solved' where tenant_id = 'acme'");
    assert_same!(told(&desk.call("support.propose_status", &json!({"id": "T-1", "status": "waiting"}))), @"POLICY_VIOLATION: Column `status` may not move from its present state to the proposed one.");
    let audited = desk.json("proposals list --json");
    assert_eq!(audited["proposals"], json!([]));
}

fn a_database_that_refuses_the_change_leaves_no_trace_and_says_why(desk: &mut Desk) {
    let check = desk.dialect(
        "create trigger no before update on invoices when new.late_fee_cents = 0 begin select raise(abort, 'secret of the trigger'); end",
        "alter table invoices add constraint no check (late_fee_cents <> 0) not valid",
        "create trigger no before update on invoices for each row if new.late_fee_cents = 0 then \
         signal sqlstate '45000' set message_text = 'secret of the trigger'; end if",
    );
    let id = desk.approved("x");
    desk.execute(check);
    let answer = desk.json(&format!("apply {id} --json"));
    assert_eq!((&answer["status"], &answer["proposal_status"]), (&json!("failed"), &json!("pending_worker")), "{answer:#}");
    assert!(desk.run("proposals show").stdout.contains("last outcome     attempt 1: failed"));
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
    assert_eq!(desk.receipts(), "");
    desk.execute(desk.dialect("drop trigger no", "alter table invoices drop constraint no", "drop trigger no"));
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.receipts(), "applied | 2");
}

fn an_effect_that_differs_from_what_was_approved_is_undone(desk: &mut Desk) {
    let id = desk.approved("x");
    desk.execute(desk.dialect(
        "create trigger sly after update on invoices when new.waiver_reason = 'x' begin \
         update invoices set waiver_reason = 'y' where rowid = new.rowid; end",
        "create function sly() returns trigger language plpgsql as $$ begin new.waiver_reason := 'y'; return new; end $$; \
         create trigger sly before update on invoices for each row execute function sly()",
        "create trigger sly before update on invoices for each row set new.waiver_reason = 'y'",
    ));
    assert_same!(desk.apply(&id), @"failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!((desk.invoice().as_str(), desk.receipts().as_str()), ("1500 | NULL | 3", ""));
}
