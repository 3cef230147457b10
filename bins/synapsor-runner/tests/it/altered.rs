//! A ledger that was edited by hand: nothing is shown as if it were true, nothing approved, nothing applied.

use insta::assert_snapshot;
use synapsor_testkit::sqlite;

use crate::desk::Desk;

/// The first line that each verb says after the edit; the row must stay as it was.
fn check(approve: bool, edit: &str) -> String {
    let desk = Desk::sqlite();
    let id = if approve { desk.approved("x") } else { desk.propose("x") };
    let digest = desk.json("proposals show --json")["approval_digest"].as_str().unwrap().to_owned();
    sqlite::execute(&desk.ledger(), edit);
    let mut said: Vec<_> = [
        format!("proposals show {id}"),
        format!("proposals approve {id} --digest {digest}"),
        format!("apply {id} --dry-run"),
        format!("apply {id}"),
        format!("proposals cancel {id} --yes"),
        format!("replay show {id}"),
    ]
    .iter()
    .map(|words| {
        let seen = desk.run(words);
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(1), ""), "{words} after {edit}: {seen}");
        desk.scrub(seen.stderr.lines().next().unwrap_or_default())
    })
    .collect();
    said.dedup();
    assert_eq!(desk.invoice(), "1500 | NULL | 3", "{edit}");
    assert_eq!(desk.table("select count(*) from sqlite_schema where name like 'synapsor%'"), "0", "the source was not even opened");
    format!("{edit}\n  {}\n", said.join("\n  "))
}

#[test]
fn a_proposal_that_was_edited_is_neither_shown_nor_approved_nor_applied() {
    let edits = [
        "update proposals set change_set_json = replace(change_set_json, '\"late_fee_cents\":0', '\"late_fee_cents\":999999')",
        "update proposals set change_set_json = replace(change_set_json, '\"acme\"', '\"globex\"')",
        "update proposals set change_set_json = replace(change_set_json, 'INV-1', 'INV-2')",
        "update proposals set change_set_json = replace(change_set_json, '\"waiver_reason\"', '\"status\"')",
        "update proposals set change_set_json = '{}'",
        "update proposals set tenant_id = 'globex'",
        "update proposals set status = 'approved'",
        "update proposals set proposal_hash = 'sha256:00'",
        "update proposals set expires_at = '2099-01-01T00:00:00.000000Z'",
        "update proposals set capability = 'support.propose_status'",
        "update proposals set mode = 'shadow'",
        "update proposal_events set payload_json = replace(payload_json, 'billing_lead', 'anybody')",
        "update proposal_events set actor = 'mallory'",
        "update proposal_events set created_at = '2020-01-01T00:00:00.000000Z'",
        "delete from proposal_events where sequence = 1",
        "delete from proposal_events where sequence = 2",
        "update evidence set body_json = replace(body_json, '1500', '0')",
        "delete from query_audit",
        "insert into approvals select proposal_id, 'approved', 1, proposal_hash, approval_digest, 'root', 0, null, 'billing_lead', null, created_at from proposals",
        "insert into writeback_jobs (proposal_id, writeback_job_id, attempt, created_at) select proposal_id, 'wbj_1', 0, created_at from proposals",
    ];
    assert_snapshot!(edits.map(|edit| check(false, edit)).concat(), @r#"
    update proposals set change_set_json = replace(change_set_json, '"late_fee_cents":0', '"late_fee_cents":999999')
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set change_set_json = replace(change_set_json, '"acme"', '"globex"')
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set change_set_json = replace(change_set_json, 'INV-1', 'INV-2')
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set change_set_json = replace(change_set_json, '"waiver_reason"', '"status"')
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set change_set_json = '{}'
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set tenant_id = 'globex'
      error: proposal wrp_#1 was altered: its `tenant_id` is not what its events say
    update proposals set status = 'approved'
      error: proposal wrp_#1 was altered: its `status` is not what its events say
    update proposals set proposal_hash = 'sha256:00'
      error: proposal wrp_#1 was altered: its `proposal_hash` is not what its events say
    update proposals set expires_at = '2099-01-01T00:00:00.000000Z'
      error: proposal wrp_#1 was altered: its `expires_at` is not what its events say
    update proposals set capability = 'support.propose_status'
      error: proposal wrp_#1 was altered: its `capability` is not what its events say
    update proposals set mode = 'shadow'
      error: proposal wrp_#1 was altered: its `mode` is not what its events say
    update proposal_events set payload_json = replace(payload_json, 'billing_lead', 'anybody')
      error: proposal wrp_#1 was altered: event 1 does not match its hash
    update proposal_events set actor = 'mallory'
      error: proposal wrp_#1 was altered: event 1 does not match its hash
    update proposal_events set created_at = '2020-01-01T00:00:00.000000Z'
      error: proposal wrp_#1 was altered: event 1 does not match its hash
    delete from proposal_events where sequence = 1
      error: proposal wrp_#1 was altered: event 1 is missing
    delete from proposal_events where sequence = 2
      error: proposal wrp_#1 was altered: event 2 is missing
    update evidence set body_json = replace(body_json, '1500', '0')
      error: proposal wrp_#1 was altered: its evidence ev_#1 was changed or removed
    delete from query_audit
      error: proposal wrp_#1 was altered: its audit record qa_#1 was changed or removed
    insert into approvals select proposal_id, 'approved', 1, proposal_hash, approval_digest, 'root', 0, null, 'billing_lead', null, created_at from proposals
      error: proposal wrp_#1 was altered: its approval is not what its events say
    insert into writeback_jobs (proposal_id, writeback_job_id, attempt, created_at) select proposal_id, 'wbj_1', 0, created_at from proposals
      error: proposal wrp_#1 was altered: its job is not what its events say
    "#);
}

#[test]
fn an_approval_or_a_job_that_was_edited_is_not_applied() {
    let edits = [
        "update proposals set change_set_json = replace(change_set_json, '\"late_fee_cents\":0', '\"late_fee_cents\":999999')",
        "update proposals set approval_digest = 'sha256:00'",
        "update proposals set attempts = 3",
        "update approvals set approver = 'mallory'",
        "update approvals set proposal_hash = 'sha256:00'",
        "delete from approvals",
        "update writeback_jobs set writeback_job_id = 'wbj_other'",
        "delete from writeback_jobs",
        "delete from proposal_events where kind = 'proposal_approved'",
        "delete from proposal_events where sequence = (select max(sequence) from proposal_events)",
        "update proposal_events set payload_json = '{}' where kind = 'proposal_approved'",
        "update proposal_events set payload_json = 'no json' where kind = 'proposal_approved'",
    ];
    assert_snapshot!(edits.map(|edit| check(true, edit)).concat(), @r#"
    update proposals set change_set_json = replace(change_set_json, '"late_fee_cents":0', '"late_fee_cents":999999')
      error: proposal wrp_#1 was altered: its change set does not match its hash
    update proposals set approval_digest = 'sha256:00'
      error: proposal wrp_#1 was altered: its `approval_digest` is not what its events say
    update proposals set attempts = 3
      error: proposal wrp_#1 was altered: its `attempts` is not what its events say
    update approvals set approver = 'mallory'
      error: proposal wrp_#1 was altered: its approval is not what its events say
    update approvals set proposal_hash = 'sha256:00'
      error: proposal wrp_#1 was altered: its approval is not what its events say
    delete from approvals
      error: proposal wrp_#1 was altered: its approval is not what its events say
    update writeback_jobs set writeback_job_id = 'wbj_other'
      error: proposal wrp_#1 was altered: its job is not what its events say
    delete from writeback_jobs
      error: proposal wrp_#1 was altered: its job is not what its events say
    delete from proposal_events where kind = 'proposal_approved'
      error: proposal wrp_#1 was altered: event 3 is missing
    delete from proposal_events where sequence = (select max(sequence) from proposal_events)
      error: proposal wrp_#1 was altered: event 4 is missing
    update proposal_events set payload_json = '{}' where kind = 'proposal_approved'
      error: proposal wrp_#1 was altered: event 3 does not match its hash
    update proposal_events set payload_json = 'no json' where kind = 'proposal_approved'
      error: proposal wrp_#1 was altered: event 3 does not match its hash
    "#);
}

#[test]
fn an_edited_proposal_is_no_obstacle_for_the_others() {
    let desk = Desk::sqlite();
    desk.propose("x");
    sqlite::execute(&desk.ledger(), "update proposals set tenant_id = 'globex'");
    let other = desk.approved("y");
    assert_eq!(desk.apply(&other), "applied");
    let list = desk.json("proposals list --json");
    assert_eq!((list["proposals"].as_array().map(Vec::len), &list["unreadable"]), (Some(1), &serde_json::json!(1)), "{list:#}");
}
