//! TRAP 9: a ledger edited by hand says what was edited, and nothing is approved, claimed or applied from it.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Altered, Diagnostic, LedgerError};
use synapsor_proposal::{Delivery, Ending, Order, Proposal, Status};
use synapsor_protocol::id::DiagnosticId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, read};

async fn pending(fixture: &Fixture) -> Proposal {
    fixture.proposed("INV-1").await
}

async fn approved(fixture: &Fixture) -> Proposal {
    fixture.approved("INV-1").await
}

/// Claimed twice; the first attempt failed, the second has not reported.
async fn claimed(fixture: &Fixture) -> Proposal {
    let proposal = approved(fixture).await;
    for _ in 0..2 {
        fixture.operator.claim(proposal.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
    }
    let failed = Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE);
    fixture.operator.report(proposal.id(), &dana(), 1, &failed).await.unwrap()
}

/// Edits and answers what every way to act on the proposal says.
async fn after(fixture: Fixture, proposal: Proposal, edit: &str) -> String {
    assert_ne!(fixture.edit(edit), 0, "{edit}");
    let digest = proposal.terms.approval_digest.clone();
    let ending = Order::Tombstone { attempt: 2, ending: Ending::Failed, reason: None };
    let answers = [
        fixture.operator.load(proposal.id()).await.map(drop),
        fixture.operator.replay(proposal.id()).await.map(drop),
        fixture.agent.proposal("acme", "agent-7", proposal.id()).await.map(drop),
        fixture.execute(&proposal, Order::Approve { digest, reason: None }).await.map(drop),
        fixture.operator.claim(proposal.id(), &holder("worker"), Duration::from_secs(30), Delivery::Again).await.map(drop),
        fixture.operator.report(proposal.id(), &dana(), 2, &Report::new(Outcome::Applied)).await.map(drop),
        fixture.execute(&proposal, ending).await.map(drop),
        fixture.operator.verify().await.map(drop),
    ];
    let mut named = Vec::new();
    for answer in answers {
        match answer {
            // Not even found under its tenant is as good as refused.
            Ok(()) => named.push("accepted".to_owned()),
            Err(LedgerError::Altered { record, .. }) => named.push(record.to_string()),
            Err(LedgerError::AlteredCommit(_)) => {}
            Err(other) => named.push(other.to_string()),
        }
    }
    named.dedup();
    named.join(" / ")
}

macro_rules! edits {
    ($($name:ident: $state:ident, $edit:literal => $said:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let fixture = Fixture::new();
            let proposal = $state(&fixture).await;
            let prefix = proposal.id().to_string();
            assert_eq!(after(fixture, proposal, $edit).await.replace(&prefix, "ID"), $said);
        }
    )*};
}

edits! {
    another_patch_value: approved, "UPDATE proposals SET change_set_json = replace(change_set_json, '\"paid\"', '\"void\"')"
        => "its change set does not match its hash";
    another_key: approved, "UPDATE proposals SET change_set_json = replace(change_set_json, 'INV-1', 'INV-2')"
        => "its change set does not match its hash";
    another_tenant: approved, "UPDATE proposals SET change_set_json = replace(change_set_json, 'acme', 'evil')"
        => "its change set does not match its hash";
    a_lower_version: pending, "UPDATE proposals SET change_set_json = replace(change_set_json, '\"value\":3', '\"value\":4')"
        => "its change set does not match its hash";
    no_json_any_more: pending, "UPDATE proposals SET change_set_json = '{'"
        => "its change set does not match its hash";
    a_status_by_hand: pending, "UPDATE proposals SET status = 'approved'"
        => "its `status` is not what its events say";
    a_status_taken_back: claimed, "UPDATE proposals SET status = 'approved'"
        => "its `status` is not what its events say";
    a_longer_life: pending, "UPDATE proposals SET expires_at = '2099-01-01T00:00:00.000000Z'"
        => "its `expires_at` is not what its events say";
    another_approval_digest: pending, "UPDATE proposals SET approval_digest = 'sha256:00'"
        => "its `approval_digest` is not what its events say";
    another_hash: pending, "UPDATE proposals SET proposal_hash = 'sha256:00'"
        => "its `proposal_hash` is not what its events say";
    a_payload: approved, "UPDATE proposal_events SET payload_json = replace(payload_json, 'dana', 'mallory') WHERE kind = 'proposal_approved'"
        => "event 3 does not match its hash";
    an_actor: approved, "UPDATE proposal_events SET actor = 'mallory' WHERE sequence = 3"
        => "event 3 does not match its hash";
    a_time: approved, "UPDATE proposal_events SET created_at = '2020-01-01T00:00:00.000000Z' WHERE sequence = 1"
        => "event 1 does not match its hash";
    a_kind: approved, "UPDATE proposal_events SET kind = 'proposal_rejected' WHERE sequence = 3"
        => "event 3 does not match its hash";
    a_chain_hash: approved, "UPDATE proposal_events SET hash = 'sha256:00' WHERE sequence = 2"
        => "event 2 does not match its hash";
    the_first_event_dropped: approved, "DELETE FROM proposal_events WHERE sequence = 1"
        => "event 1 is missing";
    an_event_dropped: claimed, "DELETE FROM proposal_events WHERE sequence = 3"
        => "event 3 is missing";
    the_last_event_dropped: claimed, "DELETE FROM proposal_events WHERE sequence = 7"
        => "event 7 is missing";
    the_approval_deleted: approved, "DELETE FROM approvals"
        => "its approval is not what its events say";
    another_approver: approved, "UPDATE approvals SET approver = 'mallory'"
        => "its approval is not what its events say";
    an_approval_invented: pending, "INSERT INTO approvals (proposal_id, status, proposal_version, proposal_hash, approver, approver_uid, created_at) \
            SELECT proposal_id, 'approved', 1, proposal_hash, 'mallory', 0, created_at FROM proposals"
        => "its approval is not what its events say";
    the_job_deleted: approved, "DELETE FROM writeback_jobs"
        => "its job is not what its events say";
    an_attempt_number: claimed, "UPDATE writeback_jobs SET attempt = 1"
        => "its job is not what its events say";
    a_receipt: claimed, "UPDATE writeback_receipts SET receipt_json = replace(receipt_json, 'failed', 'applied')"
        => "its receipts are not what its events say";
    the_receipts_deleted: claimed, "DELETE FROM writeback_receipts"
        => "its receipts are not what its events say";
}

#[tokio::test]
async fn edited_evidence_is_named() {
    for (table, id) in [("evidence", "evidence_id"), ("query_audit", "audit_id")] {
        for edit in [format!("UPDATE {table} SET body_json = replace(body_json, 'open', 'gone') || ' '"), format!("DELETE FROM {table}")] {
            let fixture = Fixture::new();
            let proposal = approved(&fixture).await;
            let link = proposal.evidence.clone().unwrap();
            let said = after(fixture, proposal, &edit).await;
            let record = if id == "evidence_id" { Altered::Evidence(link.evidence_id) } else { Altered::Audit(link.audit_id) };
            assert_eq!(said, record.to_string());
        }
    }
}

#[tokio::test]
async fn trap_53_the_order_of_members_is_no_edit() {
    let fixture = Fixture::new();
    let proposal = pending(&fixture).await;
    let written = serde_json::to_value(fixture.operator.load(proposal.id()).await.unwrap().change_set).unwrap();
    let reversed: Vec<String> = written.as_object().unwrap().iter().rev().map(|(name, value)| format!("{name:?} : {value}")).collect();
    assert_eq!(fixture.edit(&format!("UPDATE proposals SET change_set_json = '{{ {} }}'", reversed.join(", "))), 1);
    assert_eq!(fixture.approve(&proposal).await.unwrap().status, Status::Approved);
}

#[tokio::test]
async fn a_tenant_column_by_hand_hides_the_proposal_and_changes_nothing() {
    let fixture = Fixture::new();
    let proposal = pending(&fixture).await;
    fixture.edit("UPDATE proposals SET tenant_id = 'globex'");
    assert!(fixture.agent.proposal("acme", "agent-7", proposal.id()).await.unwrap().is_none());
    assert!(matches!(fixture.agent.proposal("globex", "agent-7", proposal.id()).await, Err(LedgerError::Altered { .. })));
    assert!(matches!(fixture.approve(&proposal).await, Err(LedgerError::Altered { .. })));
}

#[tokio::test]
async fn a_read_changed_or_removed_is_found_by_the_commit_that_wrote_it() {
    for edit in [
        "UPDATE query_audit SET body_json = replace(body_json, 'INV-2', 'INV-3')",
        "DELETE FROM query_audit WHERE body_json LIKE '%INV-2%'",
        "UPDATE commits SET hash = 'sha256:00' WHERE number = 2",
        "DELETE FROM commits WHERE number = 2",
    ] {
        let fixture = Fixture::new();
        for number in 1..=3 {
            fixture.agent.record_read(read(&format!("INV-{number}"))).await.unwrap();
        }
        let head = fixture.operator.head().await.unwrap().unwrap();
        let verified = fixture.operator.verify().await.unwrap();
        assert_eq!((verified.head, verified.records, head.commit), (Some(head.clone()), 6, 3));
        fixture.edit(edit);
        let found = fixture.operator.verify().await;
        assert!(matches!(found, Err(LedgerError::AlteredCommit(2) | LedgerError::AlteredRecord { commit: 2, .. })), "{edit}: {found:?}");
    }
}

#[tokio::test]
async fn a_proposal_removed_is_missed_by_what_is_left_of_it() {
    let fixture = Fixture::new();
    let proposal = claimed(&fixture).await;
    fixture.proposed("INV-2").await;
    let id = proposal.id().as_str();
    assert_eq!(fixture.edit(&format!("DELETE FROM proposals WHERE proposal_id = '{id}'")), 1);
    assert_snapshot!(fixture.operator.verify().await.unwrap_err().to_string().replace(id, "ID"), @"proposal ID was altered: it was removed");
}

/// The events are missed by the commits. What no commit covers is tried alone.
#[tokio::test]
async fn a_row_about_no_proposal_is_found() {
    for row in [
        "INSERT INTO approvals (proposal_id, status, proposal_version, proposal_hash, approver, approver_uid, created_at) \
            SELECT 'wrp_gone', 'approved', 1, proposal_hash, 'mallory', 0, created_at FROM proposals",
        "INSERT INTO writeback_jobs (proposal_id, writeback_job_id, attempt, created_at) \
            SELECT 'wrp_gone', 'wbj_gone', 0, created_at FROM proposals",
        "INSERT INTO writeback_receipts SELECT 'wrp_gone', 1, 'wbj_gone', 1, 'applied', 'key', '{}', created_at, NULL, NULL, NULL, NULL FROM proposals",
    ] {
        let fixture = Fixture::new();
        pending(&fixture).await;
        fixture.operator.verify().await.unwrap();
        assert_eq!(fixture.edit(row), 1, "{row}");
        assert_eq!(fixture.operator.verify().await.unwrap_err().to_string(), "proposal wrp_gone was altered: it was removed");
    }
}

#[tokio::test]
async fn a_record_filed_under_another_id_or_tenant_is_found() {
    for edit in [
        "UPDATE evidence SET evidence_id = 'ev_other'",
        "UPDATE query_audit SET audit_id = 'qa_other'",
        "UPDATE diagnostics SET diagnostic_id = 'diag_other'",
        "UPDATE evidence SET tenant_id = 'globex'",
    ] {
        let fixture = Fixture::new();
        fixture.agent.record_read(read("INV-1")).await.unwrap();
        let diagnostic = Diagnostic {
            diagnostic_id: DiagnosticId::generate(),
            tenant_id: Some("acme".into()),
            capability: "billing.propose_status".into(),
            code: "SOURCE_UNAVAILABLE".into(),
            detail: "no answer".into(),
            created_at: Timestamp::now(),
        };
        fixture.agent.record_diagnostic(diagnostic).await.unwrap();
        fixture.operator.verify().await.unwrap();
        assert_eq!(fixture.edit(edit), 1, "{edit}");
        assert!(matches!(fixture.operator.verify().await, Err(LedgerError::AlteredRecord { .. })), "{edit}");
    }
}

#[tokio::test]
async fn a_commit_cut_off_at_the_end_leaves_its_records_behind() {
    let fixture = Fixture::new();
    fixture.agent.record_read(read("INV-1")).await.unwrap();
    fixture.edit("DELETE FROM commits");
    assert_snapshot!(fixture.operator.verify().await.unwrap_err(), @"commit 1 of the ledger was altered");
}

/// What is verified beforehand is verified on what stood there then: the edit is committed while the command waits for the
/// writer's lock.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_the_look_and_the_lock_is_found() {
    for (edit, said) in [
        (
            "UPDATE proposals SET change_set_json = replace(change_set_json, '\"paid\"', '\"void\"')",
            "its change set does not match its hash",
        ),
        ("UPDATE proposals SET tenant_id = 'evil'", "its `tenant_id` is not what its events say"),
        ("UPDATE proposal_events SET actor = 'mallory' WHERE sequence = 3", "event 3 does not match its hash"),
        ("DELETE FROM proposal_events WHERE sequence = 4", "event 4 is missing"),
        ("DELETE FROM approvals", "its approval is not what its events say"),
        ("UPDATE writeback_jobs SET attempt = 7", "its job is not what its events say"),
        ("UPDATE evidence SET body_json = replace(body_json, 'open', 'shut')", "its evidence ev_1 was changed or removed"),
        ("DELETE FROM query_audit", "its audit record qa_1 was changed or removed"),
    ] {
        let fixture = Fixture::new();
        let proposal = approved(&fixture).await;
        let other = rusqlite::Connection::open(fixture.path()).unwrap();
        other.pragma_update(None, "foreign_keys", false).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_ne!(other.execute(edit, []).unwrap(), 0);
        let (operator, id) = (fixture.operator.clone(), proposal.id().clone());
        let claim = tokio::spawn(async move { operator.claim(&id, &holder("worker"), Duration::from_secs(30), Delivery::Again).await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!claim.is_finished(), "it did not wait for the lock");
        other.execute_batch("COMMIT").unwrap();
        let Err(LedgerError::Altered { record, .. }) = claim.await.unwrap() else { panic!("{edit} was not found") };
        let link = proposal.evidence.unwrap();
        let record = record.to_string().replace(link.evidence_id.as_str(), "ev_1").replace(link.audit_id.as_str(), "qa_1");
        assert_eq!(record, said, "{edit}");
    }
}

/// What somebody else decided meanwhile is no edit.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_between_the_look_and_the_lock_counts() {
    let fixture = Fixture::new();
    let proposal = approved(&fixture).await;
    let answers: Vec<_> = (0..8)
        .map(|number| {
            let (operator, id) = (fixture.another().operator(), proposal.id().clone());
            tokio::spawn(async move {
                operator.claim(&id, &holder(&format!("worker {number}")), Duration::from_secs(30), Delivery::Again).await
            })
        })
        .collect();
    let mut granted = 0;
    for answer in answers {
        granted += u32::from(matches!(answer.await.unwrap().unwrap(), synapsor_ledger::Claim::Granted(_)));
    }
    assert_eq!(granted, 1);
    assert_eq!(fixture.operator.load(proposal.id()).await.unwrap().attempts().len(), 1);
}
