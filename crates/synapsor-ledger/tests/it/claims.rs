//! Who may try, and until when the others wait.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Claim, Lease, LedgerError, Recorded};
use synapsor_proposal::{Delivery, OperatorCommand, Order, Proposal, Status};
use synapsor_protocol::id::LeaseId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, proposal_until};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(400);

async fn claim(fixture: &Fixture, proposal: &Proposal, process: &str, lease: Duration) -> Claim {
    fixture.operator.claim(proposal.id(), &holder(process), lease, Delivery::Again).await.unwrap()
}

async fn granted(fixture: &Fixture, proposal: &Proposal, process: &str, lease: Duration) -> Lease {
    match claim(fixture, proposal, process, lease).await {
        Claim::Granted(lease) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

#[tokio::test]
async fn one_holds_the_job_and_the_others_see_who() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let lease = granted(&fixture, &proposal, "pid 1", LONG).await;
    let Claim::Held { holder, until } = claim(&fixture, &proposal, "pid 2", LONG).await else { panic!("two hold it") };
    assert_eq!((holder.as_str(), until), ("pid 1", lease.expires_at));
    // The attempt is on record before anything runs.
    let state = fixture.operator.load(proposal.id()).await.unwrap().proposal;
    assert_eq!((state.status, state.attempts.len(), state.unresolved()), (Status::PendingWorker, 1, true));
}

#[tokio::test]
async fn a_lease_that_lapsed_lets_the_next_attempt_through() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let first = granted(&fixture, &proposal, "pid 1", SHORT).await;
    tokio::time::sleep(SHORT * 2).await;
    let second = granted(&fixture, &proposal, "pid 2", LONG).await;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_snapshot!(fixture.operator.renew(&first).await.unwrap_err().to_string().replace(proposal.id().as_str(), "ID"), @"the lease on attempt 1 of proposal ID is lost");
    // The late one still reports, and it counts.
    let state = fixture.operator.report(proposal.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap();
    assert_eq!(state.status, Status::Applied);
    assert!(matches!(claim(&fixture, &proposal, "pid 3", LONG).await, Claim::Settled(settled) if *settled == state));
}

#[tokio::test]
async fn a_lease_can_be_renewed_while_nobody_took_it() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let lease = granted(&fixture, &proposal, "pid 1", SHORT).await;
    tokio::time::sleep(SHORT * 2).await;
    let renewed = fixture.operator.renew(&lease).await.unwrap();
    assert!(renewed.expires_at > lease.expires_at);
    assert!(matches!(claim(&fixture, &proposal, "pid 2", LONG).await, Claim::Held { .. }));
}

#[tokio::test]
async fn trap_59_only_the_lease_that_was_granted_is_renewed() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let lease = granted(&fixture, &proposal, "pid 1", LONG).await;
    for forged in [
        Lease { lease_id: LeaseId::generate(), ..lease.clone() },
        Lease { attempt: 2, ..lease.clone() },
        Lease { proposal_id: fixture.proposed("INV-2").await.id().clone(), ..lease.clone() },
    ] {
        assert!(matches!(fixture.operator.renew(&forged).await, Err(LedgerError::LeaseLost { .. })));
    }
    fixture.operator.report(proposal.id(), &dana(), 1, &Report::new(Outcome::Unknown)).await.unwrap();
    assert!(matches!(fixture.operator.renew(&lease).await, Err(LedgerError::LeaseLost { .. })));
}

#[tokio::test]
async fn a_report_gives_the_lease_back_unless_another_holds_it() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    granted(&fixture, &proposal, "pid 1", SHORT).await;
    tokio::time::sleep(SHORT * 2).await;
    granted(&fixture, &proposal, "pid 2", LONG).await;
    let failed = Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE);
    fixture.operator.report(proposal.id(), &dana(), 1, &failed).await.unwrap();
    assert!(matches!(claim(&fixture, &proposal, "pid 3", LONG).await, Claim::Held { .. }));
    fixture.operator.report(proposal.id(), &dana(), 2, &failed).await.unwrap();
    assert_eq!(granted(&fixture, &proposal, "pid 3", LONG).await.attempt, 3);
}

#[tokio::test]
async fn what_is_not_approved_cannot_be_claimed() {
    let fixture = Fixture::new();
    let proposal = fixture.proposed("INV-1").await;
    let refusal = fixture.operator.claim(proposal.id(), &holder("pid 1"), LONG, Delivery::Again).await.unwrap_err();
    assert_snapshot!(refusal.to_string().replace(proposal.id().as_str(), "ID"), @"proposal ID is pending_review; the command needs one that is approved or pending_worker");
    let rejected = fixture.execute(&proposal, Order::Reject { reason: "no".into() }).await.unwrap();
    assert!(matches!(claim(&fixture, &proposal, "pid 1", LONG).await, Claim::Settled(settled) if *settled == rejected));
}

#[tokio::test]
async fn what_expired_after_a_claim_is_not_claimed_again_and_not_ended_either() {
    let fixture = Fixture::new();
    let soon = Timestamp::now().after(Duration::from_millis(1200));
    let Recorded::Created(proposal) = fixture.agent.record_proposal(proposal_until("INV-1", "paid", soon)).await.unwrap() else {
        panic!("it is new")
    };
    fixture.approve(&proposal).await.unwrap();
    granted(&fixture, &proposal, "pid 1", Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let refusal = fixture.operator.claim(proposal.id(), &holder("pid 2"), LONG, Delivery::Again).await.unwrap_err();
    assert!(matches!(refusal, LedgerError::Refused(synapsor_proposal::Refusal::Expired { .. })), "{refusal}");
    let dossier = fixture.operator.load(proposal.id()).await.unwrap();
    assert_eq!((dossier.proposal.status, dossier.proposal.attempts.len()), (Status::PendingWorker, 1));
    assert!(dossier.proposal.unresolved());
}

#[tokio::test]
async fn what_expired_before_any_claim_is_recorded_as_expired_and_verifies() {
    let fixture = Fixture::new();
    let soon = Timestamp::now().after(Duration::from_millis(400));
    let Recorded::Created(proposal) = fixture.agent.record_proposal(proposal_until("INV-1", "paid", soon)).await.unwrap() else {
        panic!("it is new")
    };
    fixture.approve(&proposal).await.unwrap();
    tokio::time::sleep(Duration::from_millis(450)).await;
    let refusal = fixture.operator.claim(proposal.id(), &holder("pid 1"), LONG, Delivery::Again).await.unwrap_err();
    assert!(matches!(refusal, LedgerError::Refused(synapsor_proposal::Refusal::Expired { .. })), "{refusal}");
    let dossier = fixture.operator.load(proposal.id()).await.unwrap();
    let job = dossier.job.unwrap();
    assert_eq!((dossier.proposal.status, job.lease_id, job.lease_expires_at), (Status::Expired, None, None));
    assert!(matches!(claim(&fixture, &proposal, "pid 2", LONG).await, Claim::Settled(_)));
    fixture.operator.verify().await.unwrap();
}

/// A clock that was years ahead when somebody claimed, and was put right since.
#[tokio::test]
async fn a_lease_that_ends_further_ahead_than_any_lease_holds_nobody_up() {
    let hour = Duration::from_secs(3600);
    for end in [Timestamp::now().after(hour * 2).as_micros(), Timestamp::now().after(hour * 100_000).as_micros(), i64::MAX] {
        let fixture = Fixture::new();
        let proposal = fixture.approved("INV-1").await;
        granted(&fixture, &proposal, "pid 1", LONG).await;
        let far = format!("UPDATE writeback_jobs SET lease_expires_at = {end}");
        fixture.edit(&far);
        let lease = granted(&fixture, &proposal, "pid 2", LONG).await;
        assert_eq!(lease.attempt, 2);
        assert!(matches!(claim(&fixture, &proposal, "pid 3", LONG).await, Claim::Held { .. }));
        fixture.edit(&far);
        let order = Order::Claim { holder: "pid 4".into(), lease_id: LeaseId::generate(), delivery: Delivery::Again };
        assert_eq!(fixture.execute(&proposal, order).await.unwrap().attempts.len(), 3);
    }
}

#[tokio::test]
async fn the_longest_lease_holds_an_hour_and_so_does_its_renewal() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let lease = granted(&fixture, &proposal, "pid 1", Duration::MAX).await;
    assert_eq!(lease.duration, Duration::from_secs(3600));
    assert!(matches!(claim(&fixture, &proposal, "pid 2", LONG).await, Claim::Held { .. }));
    fixture.operator.renew(&Lease { duration: Duration::MAX, ..lease }).await.unwrap();
    assert!(matches!(claim(&fixture, &proposal, "pid 2", LONG).await, Claim::Held { .. }));
}

#[tokio::test]
async fn an_order_to_claim_respects_the_lease_too() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    granted(&fixture, &proposal, "pid 1", LONG).await;
    let order = Order::Claim { holder: "pid 2".into(), lease_id: LeaseId::generate(), delivery: Delivery::Again };
    let answer = fixture.operator.execute(proposal.id(), OperatorCommand { by: dana(), order }).await;
    assert!(matches!(answer, Err(LedgerError::Held { holder, .. }) if holder == "pid 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_who_claim_at_once_one_is_granted() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let handles: Vec<_> = (0..16).map(|_| fixture.another()).collect();
    let claims: Vec<_> = handles
        .iter()
        .enumerate()
        .map(|(number, ledger)| {
            let (operator, id) = (ledger.operator(), proposal.id().clone());
            tokio::spawn(async move { operator.claim(&id, &holder(&format!("pid {number}")), LONG, Delivery::Again).await.unwrap() })
        })
        .collect();
    let mut answers: BTreeMap<&str, u32> = BTreeMap::new();
    for claim in claims {
        let answer = match claim.await.unwrap() {
            Claim::Granted(_) => "granted",
            Claim::Held { .. } => "held",
            Claim::Settled(_) => "settled",
        };
        *answers.entry(answer).or_default() += 1;
    }
    assert_eq!(answers, BTreeMap::from([("granted", 1), ("held", 15)]));
}
