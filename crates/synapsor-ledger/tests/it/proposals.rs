//! A proposal from its first event to its last.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Claim, LedgerError, NewProposal, Recorded};
use synapsor_proposal::{Delivery, Ending, Fact, Order, Proposal, Status};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, proposal, proposal_of, proposal_until};

const LEASE: Duration = Duration::from_secs(30);

async fn story(fixture: &Fixture, proposal: &Proposal) -> String {
    let replay = fixture.operator.replay(proposal.id()).await.unwrap();
    let kinds: Vec<_> = replay.events.iter().map(|event| event.event.fact.kind()).collect();
    let receipts: Vec<_> = replay.receipts.iter().map(|receipt| format!("{:?}", receipt.status)).collect();
    format!("{} | {} | receipts: {}", replay.state.status, kinds.join(" "), receipts.join(" "))
}

async fn claim(fixture: &Fixture, proposal: &Proposal) -> synapsor_ledger::Lease {
    match fixture.operator.claim(proposal.id(), &holder("worker"), LEASE, Delivery::Again).await.unwrap() {
        Claim::Granted(lease) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

async fn report(fixture: &Fixture, proposal: &Proposal, attempt: u32, report: Report) -> Proposal {
    fixture.operator.report(proposal.id(), &dana(), attempt, &report).await.unwrap()
}

#[tokio::test]
async fn a_proposal_is_approved_claimed_applied_and_replayed() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let lease = claim(&fixture, &proposal).await;
    let applied = report(&fixture, &proposal, lease.attempt, Report { rows_affected: 1, ..Report::new(Outcome::Applied) }).await;
    assert_eq!(applied.status, Status::Applied);
    assert_snapshot!(story(&fixture, &proposal).await, @"applied | proposal_created evidence_recorded proposal_approved writeback_job_recorded writeback_attempt_claimed writeback_applied | receipts: Applied");
    let replay = fixture.operator.replay(proposal.id()).await.unwrap();
    assert_eq!(replay.replay_id, format!("replay_{}", proposal.id()));
    assert_eq!((replay.evidence.len(), replay.query_audit.len()), (1, 1));
    let job = replay.job.unwrap();
    assert_eq!((job.attempt, job.lease_expires_at), (1, None));
}

#[tokio::test]
async fn trap_2_the_same_open_content_is_the_same_proposal() {
    let fixture = Fixture::new();
    let first = fixture.proposed("INV-1").await;
    let again = fixture.agent.record_proposal(proposal("INV-1", "paid")).await.unwrap();
    assert_eq!(again, Recorded::Existing(first.clone()));
    // The second read is on record all the same.
    assert_eq!((fixture.count("evidence"), fixture.count("query_audit"), fixture.count("proposals")), (2, 2, 1));
    let other = fixture.agent.record_proposal(proposal("INV-1", "void")).await.unwrap();
    assert!(matches!(other, Recorded::Created(_)));
}

#[tokio::test]
async fn a_final_state_frees_the_content() {
    for order in [Order::Reject { reason: "no".into() }, Order::Cancel { reason: None }] {
        let fixture = Fixture::new();
        let first = fixture.proposed("INV-1").await;
        fixture.execute(&first, order).await.unwrap();
        assert!(matches!(fixture.agent.record_proposal(proposal("INV-1", "paid")).await.unwrap(), Recorded::Created(_)));
    }
}

#[tokio::test]
async fn content_whose_time_has_passed_is_free_and_the_old_proposal_expired() {
    let fixture = Fixture::new();
    let soon = Timestamp::now().after(Duration::from_millis(50));
    let Recorded::Created(first) = fixture.agent.record_proposal(proposal_until("INV-1", "paid", soon)).await.unwrap() else {
        panic!("it is new")
    };
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(matches!(fixture.agent.record_proposal(proposal("INV-1", "paid")).await.unwrap(), Recorded::Created(_)));
    assert_snapshot!(story(&fixture, &first).await, @"expired | proposal_created evidence_recorded proposal_expired | receipts:");
}

/// The configuration changed while it waited: it left shadow mode, or the capability was reviewed again.
#[tokio::test]
async fn an_undecided_proposal_on_other_terms_gives_way_to_the_new_one() {
    let shadow = || {
        let mut new = proposal("INV-1", "paid");
        new.change_set.mode = Mode::Shadow;
        NewProposal { change_set: new.change_set.sealed().unwrap(), ..new }
    };
    let reviewed_before = || NewProposal { capability_digest: Digest::of_bytes(b"before"), ..proposal("INV-1", "paid") };
    for old in [shadow(), reviewed_before()] {
        let fixture = Fixture::new();
        let first = fixture.agent.record_proposal(old).await.unwrap().proposal().clone();
        let second = fixture.proposed("INV-1").await;
        assert_eq!(story(&fixture, &first).await, "canceled | proposal_created evidence_recorded proposal_superseded | receipts: ");
        let replay = fixture.operator.replay(first.id()).await.unwrap();
        assert_eq!(replay.events[2].event.fact, Fact::Superseded { by: second.id().clone() });
        assert_eq!(fixture.approve(&second).await.unwrap().status, Status::Approved);
        fixture.operator.verify().await.unwrap();
    }
}

#[tokio::test]
async fn proposing_again_on_other_terms_does_not_undo_an_approval() {
    let fixture = Fixture::new();
    let approved = fixture.approved("INV-1").await;
    let again = NewProposal { capability_digest: Digest::of_bytes(b"reviewed again"), ..proposal("INV-1", "paid") };
    assert_eq!(fixture.agent.record_proposal(again).await.unwrap(), Recorded::Existing(approved));
}

#[tokio::test]
async fn approving_too_late_is_refused_and_the_expiry_is_recorded() {
    let fixture = Fixture::new();
    let soon = Timestamp::now().after(Duration::from_millis(30));
    let new = proposal_until("INV-1", "paid", soon);
    let Recorded::Created(first) = fixture.agent.record_proposal(new).await.unwrap() else { panic!("it is new") };
    tokio::time::sleep(Duration::from_millis(40)).await;
    let refusal = fixture.approve(&first).await.unwrap_err();
    assert!(matches!(refusal, LedgerError::Refused(synapsor_proposal::Refusal::Expired { .. })), "{refusal}");
    assert_eq!(fixture.operator.load(first.id()).await.unwrap().proposal.status, Status::Expired);
}

#[tokio::test]
async fn trap_19_a_report_needs_an_attempt_that_was_claimed() {
    let fixture = Fixture::new();
    let pending = fixture.proposed("INV-1").await;
    let refusal = fixture.operator.report(pending.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap_err();
    assert!(refusal.to_string().ends_with("was never claimed"), "{refusal}");
    assert_eq!(fixture.operator.load(pending.id()).await.unwrap().proposal.status, Status::PendingReview);
}

#[tokio::test]
async fn trap_19_every_report_of_every_attempt_has_its_receipt() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    claim(&fixture, &proposal).await;
    report(&fixture, &proposal, 1, Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()).await;
    claim(&fixture, &proposal).await;
    report(&fixture, &proposal, 2, Report::new(Outcome::AlreadyApplied)).await;
    report(&fixture, &proposal, 1, Report::new(Outcome::Applied)).await;
    report(&fixture, &proposal, 2, Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT)).await;
    assert_snapshot!(story(&fixture, &proposal).await, @"applied | proposal_created evidence_recorded proposal_approved writeback_job_recorded writeback_attempt_claimed writeback_failed writeback_attempt_claimed writeback_already_applied writeback_applied writeback_contradiction | receipts: Failed AlreadyApplied Applied Conflict");
}

#[tokio::test]
async fn trap_7_a_failed_attempt_is_not_the_end() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    for attempt in 1..=3 {
        assert_eq!(claim(&fixture, &proposal).await.attempt, attempt);
        report(&fixture, &proposal, attempt, Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()).await;
    }
    assert_eq!(claim(&fixture, &proposal).await.attempt, 4);
    assert_eq!(report(&fixture, &proposal, 4, Report::new(Outcome::Applied)).await.status, Status::Applied);
}

#[tokio::test]
async fn trap_8_an_unknown_outcome_writes_no_receipt_and_stays_pending() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    claim(&fixture, &proposal).await;
    let state = report(&fixture, &proposal, 1, Report::because(Outcome::Unknown, ErrorCode::COMMIT_UNKNOWN)).await;
    assert!(state.unresolved());
    assert_snapshot!(state.pending().unwrap(), @"the outcome of attempt 1 is unknown (COMMIT_UNKNOWN)");
    assert_snapshot!(story(&fixture, &proposal).await, @"pending_worker | proposal_created evidence_recorded proposal_approved writeback_job_recorded writeback_attempt_claimed writeback_unknown | receipts:");
}

#[tokio::test]
async fn trap_39_why_an_attempt_failed_is_on_record() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    claim(&fixture, &proposal).await;
    report(&fixture, &proposal, 1, Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()).await;
    let dossier = fixture.operator.load(proposal.id()).await.unwrap();
    assert_snapshot!(dossier.proposal.pending().unwrap(), @"attempt 1 failed and changed nothing (DATABASE_UNAVAILABLE); another attempt may follow");
    let listed = fixture.operator.list(&Default::default()).await.unwrap();
    assert_eq!(listed.lines[0].code, Some(ErrorCode::DATABASE_UNAVAILABLE));
    assert_eq!(listed.lines[0].outcome, Some(Outcome::Failed));
}

#[tokio::test]
async fn a_tombstone_ends_a_claimed_proposal_and_frees_its_content() {
    let fixture = Fixture::new();
    let first = fixture.approved("INV-1").await;
    claim(&fixture, &first).await;
    let refused = fixture.execute(&first, Order::Cancel { reason: None }).await.unwrap_err();
    assert!(refused.to_string().contains("must be fenced in the source first"), "{refused}");
    let ended = fixture.operator.tombstoned(first.id(), &dana(), 1, Ending::Canceled, Some("not needed".into())).await.unwrap();
    assert_eq!(ended.status, Status::Canceled);
    assert_snapshot!(story(&fixture, &first).await, @"canceled | proposal_created evidence_recorded proposal_approved writeback_job_recorded writeback_attempt_claimed writeback_tombstoned | receipts:");
    assert!(matches!(fixture.agent.record_proposal(proposal("INV-1", "paid")).await.unwrap(), Recorded::Created(_)));
}

#[tokio::test]
async fn commands_that_are_on_record_may_be_repeated() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let again = fixture.approve(&proposal).await.unwrap();
    assert_eq!(again.events, proposal.events);
    claim(&fixture, &proposal).await;
    let once = report(&fixture, &proposal, 1, Report::new(Outcome::Applied)).await;
    let twice = report(&fixture, &proposal, 1, Report::new(Outcome::Applied)).await;
    assert_eq!(once, twice);
}

#[tokio::test]
async fn a_tenant_and_its_principals_see_their_own_records_only() {
    let fixture = Fixture::new();
    let later = Timestamp::now().after(LEASE);
    let new = proposal_of("globex", "INV-1", "paid", later);
    let evidence_id = new.evidence.evidence_id.clone();
    let Recorded::Created(theirs) = fixture.agent.record_proposal(new).await.unwrap() else { panic!("it is new") };
    for (tenant, principal) in
        [("acme", "agent-7"), ("Globex", "agent-7"), ("globex ", "agent-7"), ("globex", "agent-8"), ("globex", "Agent-7")]
    {
        assert!(fixture.agent.proposal(tenant, principal, theirs.id()).await.unwrap().is_none());
        assert!(fixture.agent.evidence(tenant, principal, &evidence_id).await.unwrap().is_none());
        assert!(fixture.agent.replay(tenant, principal, theirs.id()).await.unwrap().is_none());
    }
    assert!(fixture.agent.proposal("globex", "agent-7", theirs.id()).await.unwrap().is_some());
    assert!(fixture.agent.evidence("globex", "agent-7", &evidence_id).await.unwrap().is_some());
    assert!(fixture.agent.replay("globex", "agent-7", theirs.id()).await.unwrap().is_some());
}

/// Other programs read these members.
#[tokio::test]
async fn a_replay_is_written_with_these_members() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    claim(&fixture, &proposal).await;
    report(&fixture, &proposal, 1, Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT)).await;
    let replay = serde_json::to_value(fixture.operator.replay(proposal.id()).await.unwrap()).unwrap();
    let names = |value: &serde_json::Value| {
        // Sorted, because a feature of serde_json that another crate switches on decides the order.
        let names: std::collections::BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_snapshot!(names(&replay), @"events evidence generated_at job proposal query_audit receipts replay_id state");
    assert_snapshot!(names(&replay["events"][0]), @"actor created_at event_id hash kind payload sequence");
    assert_snapshot!(names(&replay["events"][5]["payload"]), @"attempt report");
    assert_snapshot!(names(&replay["state"]), @"approval attempts closing contradictions created_at events evidence last_report status terms tombstone updated_at writeback_job_id");
    assert_snapshot!(names(&replay["receipts"][0]), @"executed_at idempotency_key proposal_id receipt_hash rows_affected runner_id safe_error_code schema_version source_database_mutated status writeback_job_id");
    assert_snapshot!(names(&replay["job"]), @"attempt created_at holder lease_id writeback_job_id");
}

#[tokio::test]
async fn a_proposal_that_is_not_there_is_named() {
    let fixture = Fixture::new();
    let id = ProposalId::new("wrp_nowhere").unwrap();
    assert_snapshot!(fixture.operator.load(&id).await.unwrap_err(), @"there is no proposal wrp_nowhere");
    assert_snapshot!(fixture.operator.claim(&id, &holder("w"), LEASE, Delivery::Again).await.unwrap_err(), @"there is no proposal wrp_nowhere");
    assert_eq!(fixture.operator.latest().await.unwrap(), None);
}
