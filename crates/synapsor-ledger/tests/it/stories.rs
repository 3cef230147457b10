//! A story is told piece by piece, whole, in order, and only if all of it verifies.

use std::ops::ControlFlow;
use std::time::Duration;

use synapsor_ledger::{Evidence, Job, LedgerError, Listener, QueryAudit, RecordedEvent};
use synapsor_proposal::{Delivery, Proposal};
use synapsor_protocol::{ChangeSet, ErrorCode, ExecutionReceipt, Outcome, Report};

use crate::fixture::{Fixture, dana, holder};

/// Writes down what it hears, until it has heard enough.
#[derive(Default)]
struct Heard {
    pieces: Vec<serde_json::Value>,
    enough: Option<usize>,
}

impl Heard {
    fn hear(&mut self, piece: &impl serde::Serialize) -> ControlFlow<()> {
        self.pieces.push(serde_json::to_value(piece).unwrap());
        if self.enough == Some(self.pieces.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Listener for Heard {
    fn begin(&mut self, proposal: &ChangeSet, state: &Proposal, job: Option<&Job>) -> ControlFlow<()> {
        self.hear(&(proposal, state, job))
    }
    fn event(&mut self, event: &RecordedEvent) -> ControlFlow<()> {
        self.hear(event)
    }
    fn receipt(&mut self, receipt: &ExecutionReceipt) -> ControlFlow<()> {
        self.hear(receipt)
    }
    fn audit(&mut self, audit: &QueryAudit) -> ControlFlow<()> {
        self.hear(audit)
    }
    fn evidence(&mut self, evidence: &Evidence) -> ControlFlow<()> {
        self.hear(evidence)
    }
}

async fn tried_twice(fixture: &Fixture) -> Proposal {
    let proposal = fixture.approved("INV-1").await;
    for attempt in 1..=2 {
        fixture.operator.claim(proposal.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
        let failed = Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE);
        fixture.operator.report(proposal.id(), &dana(), attempt, &failed).await.unwrap();
    }
    proposal
}

#[tokio::test]
async fn what_is_told_is_what_the_replay_holds() {
    let fixture = Fixture::new();
    let proposal = tried_twice(&fixture).await;
    let replay = fixture.operator.replay(proposal.id()).await.unwrap();
    let told = fixture.operator.tell(proposal.id(), Heard::default()).await.unwrap().pieces;
    let mut expected = vec![value(&(&replay.proposal, &replay.state, &replay.job))];
    expected.extend(replay.events.iter().map(value));
    expected.extend(replay.receipts.iter().map(value));
    expected.extend([value(&replay.query_audit[0]), value(&replay.evidence[0])]);
    assert_eq!(told, expected);
    assert_eq!((replay.events.len(), replay.receipts.len()), (8, 2));
}

/// Any record as a value.
fn value(record: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(record).unwrap()
}

#[tokio::test]
async fn whoever_heard_enough_hears_no_more() {
    let fixture = Fixture::new();
    let proposal = tried_twice(&fixture).await;
    for enough in 1..=12 {
        let heard = fixture.operator.tell(proposal.id(), Heard { enough: Some(enough), ..Heard::default() }).await.unwrap();
        assert_eq!(heard.pieces.len(), enough.min(13));
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_story_that_was_edited_at_its_end() {
    for edit in [
        "UPDATE proposal_events SET actor = 'mallory' WHERE sequence = 8",
        "DELETE FROM proposal_events WHERE sequence = 8",
        "UPDATE writeback_receipts SET receipt_json = replace(receipt_json, 'failed', 'applied') WHERE sequence = 8",
        "DELETE FROM writeback_receipts WHERE sequence = 8",
        "INSERT INTO writeback_receipts SELECT proposal_id, 9, writeback_job_id, 3, status, idempotency_key, receipt_json, created_at, checksum, \
            shape, object_id, at_micros FROM writeback_receipts WHERE sequence = 8",
        "UPDATE evidence SET body_json = '{}'",
        "DELETE FROM approvals",
    ] {
        let fixture = Fixture::new();
        let proposal = tried_twice(&fixture).await;
        assert_eq!(fixture.edit(edit), 1, "{edit}");
        let told = fixture.operator.tell(proposal.id(), Heard::default()).await;
        let (Err(LedgerError::Altered { record, .. }), Err(LedgerError::Altered { record: loaded, .. })) =
            (told.map(drop), fixture.operator.load(proposal.id()).await.map(drop))
        else {
            panic!("{edit} was not found")
        };
        assert_eq!(record, loaded, "{edit}");
    }
}
