//! How dead letters end, and how unknown outcomes are found out.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::Filter;
use synapsor_operator::{Application, OperatorError, Reconciled, Resolution};
use synapsor_proposal::AttestedOutcome::{Applied, NotApplied};
use synapsor_proposal::{AttestedOutcome, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ErrorCode, Outcome, Report};
use tokio_util::sync::CancellationToken;

use crate::floor::{Floor, Mood};

/// Ends a dead letter, told in a line.
async fn resolve(floor: &Floor, id: &ProposalId, outcome: Option<AttestedOutcome>) -> String {
    let line = match floor.port.resolve(id, outcome, "looked at it".into()).await {
        Ok(Resolution::Ended(proposal)) => format!("ended, {}", proposal.status),
        Ok(Resolution::Attested(proposal)) => format!("attested, {}", proposal.status),
        Ok(Resolution::Found(application)) => format!("found {}, {}", application.report.outcome, application.proposal.status),
        Err(error) => format!("refused: {error}"),
    };
    told(&line, id)
}

async fn reconcile(floor: &Floor, id: &ProposalId) -> String {
    let line = match floor.port.reconcile(id, &mut |_| {}).await {
        Ok(Reconciled::Tried(application)) => format!("tried, {}", application.report.outcome),
        Ok(Reconciled::Stopped(proposal)) => format!("stopped, {}", proposal.status),
        Ok(Reconciled::Known(proposal)) => format!("known, {}", proposal.status),
        Ok(Reconciled::Person { attempt, .. }) => format!("a person must say what attempt {attempt} did"),
        Err(error) => format!("refused: {error}"),
    };
    told(&line, id)
}

/// The line without what differs each time.
fn told(line: &str, id: &ProposalId) -> String {
    let line = line.replace(id.as_str(), "wrp_1");
    match line.find("until 20") {
        Some(at) => format!("{}TIME{}", &line[..at + 6], &line[at + 33..]),
        None => line,
    }
}

/// A job that a worker gave up in this mood of its station.
async fn given_up(floor: &Floor, source: &str, mood: Mood) -> ProposalId {
    let id = floor.approved(source).await;
    let station = if source == "desk" { &floor.desk } else { &floor.shop };
    station.is_with(&id, mood);
    while floor.state(&id).await.dead_letter.is_none() {
        floor.drain().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    station.special.lock().unwrap().clear();
    id
}

/// As if everything about a proposal had happened long ago: nothing of it can be under way.
async fn long_ago(floor: &Floor, id: &ProposalId, outcome: AttestedOutcome) -> String {
    let state = floor.state(id).await;
    let attempt = state.attempts.last().unwrap().number;
    let order =
        synapsor_proposal::Order::Attest { attempt, outcome, not_before: state.created_at, reason: "the mail is in the outbox".into() };
    let by = synapsor_proposal::OperatorIdentity::new("dana", 1000, synapsor_proposal::Roles::Every, None);
    floor.operator().execute(id, synapsor_proposal::OperatorCommand { by, order }).await.unwrap().status.to_string()
}

#[tokio::test]
async fn a_dead_letter_of_a_source_ends_behind_a_tombstone() {
    let floor = Floor::new();
    let id = given_up(&floor, "shop", Mood::Refuses).await;
    floor.shop.is(Mood::Down(Duration::ZERO));
    assert_snapshot!(resolve(&floor, &id, None).await, @"refused: proposal wrp_1 cannot be settled: the source gives no certain answer");
    assert!(floor.state(&id).await.dead_letter.is_some());
    floor.shop.is(Mood::Works);
    assert_snapshot!(resolve(&floor, &id, Some(Applied)).await, @"refused: what became of proposal wrp_1 can be proved in its source, so no `--outcome` is taken");
    assert_snapshot!(resolve(&floor, &id, None).await, @"ended, failed");
    assert_snapshot!(resolve(&floor, &id, None).await, @"refused: proposal wrp_1 is failed, and no dead letter");
    assert_eq!((floor.state(&id).await.dead_letter, floor.shop.effects()), (None, 0));
}

#[tokio::test]
async fn a_dead_letter_that_had_its_effect_is_found_applied() {
    let floor = Floor::new();
    let id = given_up(&floor, "shop", Mood::LosesAnswers).await;
    assert_snapshot!(floor.status(&id).await, @"pending_worker: dead letter, outcome unknown (COMMIT_UNKNOWN): 3 attempts were made after 3 attempts");
    assert_snapshot!(resolve(&floor, &id, Some(NotApplied)).await, @"found already_applied, applied");
    assert_eq!(floor.shop.effects(), 1);
}

/// Another attempt would find the same, and move on the moment from which a person may say what they found.
#[tokio::test]
async fn where_somebody_elses_receipt_stands_reconciling_asks_no_more() {
    let floor = Floor::new();
    let id = given_up(&floor, "shop", Mood::Foreign).await;
    let asked = floor.shop.asked();
    for _ in 0..3 {
        let told = reconcile(&floor, &id).await;
        assert!(told.starts_with("a person must say"), "{told}");
    }
    assert_eq!(floor.shop.asked(), asked);
}

/// What is proved to have done nothing, and what nobody tried, is not tried to find out about it.
#[tokio::test]
async fn what_is_known_is_not_asked_about() {
    let floor = Floor::new();
    let (refused, untried) = (given_up(&floor, "shop", Mood::Refuses).await, floor.approved("shop").await);
    let asked = floor.shop.asked();
    assert_eq!(reconcile(&floor, &refused).await, "known, pending_worker");
    assert_eq!(reconcile(&floor, &untried).await, "known, approved");
    assert_eq!(floor.shop.asked(), asked);
}

/// A right that was taken away: the queue waits for its return, but for the few that were under way.
#[tokio::test]
async fn what_every_job_is_refused_for_is_not_asked_by_all_of_them() {
    let floor = Floor::new();
    floor.many_approved("shop", 60).await;
    floor.shop.is(Mood::Refuses);
    let (tally, _) = floor.drain().await;
    assert!(tally.dead_letters < 30 && tally.left > 30, "{tally:?}");
    assert_eq!(floor.shop.effects(), 0);
}

#[tokio::test]
async fn a_dead_letter_that_was_never_tried_is_withdrawn() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    assert_snapshot!(resolve(&floor, &id, None).await, @"refused: proposal wrp_1 is approved, and no dead letter");
    let by = synapsor_proposal::OperatorIdentity::new("dana", 1000, synapsor_proposal::Roles::Every, None);
    let order = synapsor_proposal::Order::Park { attempt: 0, reason: "the configuration does not allow it".into() };
    floor.operator().execute(&id, synapsor_proposal::OperatorCommand { by, order }).await.unwrap();
    assert_snapshot!(resolve(&floor, &id, Some(Applied)).await, @"refused: proposal wrp_1 was never tried, so it is not applied: without `--outcome` it is withdrawn");
    assert_snapshot!(resolve(&floor, &id, None).await, @"ended, canceled");
}

#[tokio::test]
async fn what_an_application_did_is_attested_by_a_person_and_not_before_it_is_over() {
    let floor = Floor::new();
    let id = given_up(&floor, "desk", Mood::LosesAnswers).await;
    assert_snapshot!(resolve(&floor, &id, None).await, @"refused: what became of proposal wrp_1 cannot be proved: say `--outcome applied` or `--outcome not-applied`, and how you know");
    assert_snapshot!(resolve(&floor, &id, Some(Applied)).await, @"refused: a request of proposal wrp_1 may be under way until TIME: nobody can attest its outcome before");
    assert_snapshot!(reconcile(&floor, &id).await, @"a person must say what attempt 1 did");
    assert_eq!(floor.port.unresolved().await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(long_ago(&floor, &id, Applied).await, "applied");
    let state = floor.state(&id).await;
    assert_eq!((state.outcome(), state.attestation.unwrap().operator.account.as_str()), (Some(Outcome::Applied), "dana"));
    // A receipt that comes later and says otherwise is kept as a contradiction.
    let by = synapsor_proposal::OperatorIdentity::new("dana", 1000, synapsor_proposal::Roles::Every, None);
    let late = Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT);
    let state = floor.operator().report(&id, &by, 1, &late).await.unwrap();
    assert_eq!((state.status, state.contradictions.len()), (Status::Applied, 1));
}

#[tokio::test]
async fn what_an_application_was_never_given_needs_no_waiting() {
    let floor = Floor::new();
    let id = given_up(&floor, "desk", Mood::Refuses).await;
    assert_snapshot!(resolve(&floor, &id, Some(Applied)).await, @"refused: it is proved that no attempt of proposal wrp_1 did anything: nobody can attest that it was applied");
    assert_snapshot!(resolve(&floor, &id, None).await, @"attested, failed");
}

#[tokio::test]
async fn a_person_may_not_have_it_delivered_twice_either() {
    let floor = Floor::new();
    let id = given_up(&floor, "desk", Mood::LosesAnswers).await;
    let refused = floor.port.replay_dead_letter(&id, &mut |_| {}).await.unwrap_err();
    assert!(matches!(&refused, OperatorError::NeedsPerson { attempt: 1, .. }), "{refused}");
    assert!(matches!(floor.port.apply(&id, &mut |_| {}).await, Err(OperatorError::NeedsPerson { .. })));
    assert_eq!((floor.desk.asked(), floor.desk.effects()), (1, 1));
    assert!(floor.state(&id).await.dead_letter.is_some());
}

#[tokio::test]
async fn a_replay_counts_attempts_anew() {
    let floor = Floor::new();
    let id = given_up(&floor, "shop", Mood::Down(Duration::ZERO)).await;
    assert_eq!(floor.state(&id).await.attempts.len(), 3);
    floor.shop.is(Mood::Down(Duration::ZERO));
    let Application { retry_after, proposal, .. } = floor.port.replay_dead_letter(&id, &mut |_| {}).await.unwrap();
    assert!(retry_after.is_some() && proposal.dead_letter.is_none());
    assert!(matches!(floor.port.replay_dead_letter(&id, &mut |_| {}).await, Err(OperatorError::NoDeadLetter { .. })));
    floor.shop.is(Mood::Works);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((floor.drain().await.0.applied, floor.state(&id).await.attempts.len()), (1, 5));
}

#[tokio::test]
async fn an_unknown_outcome_of_a_source_is_found_out_or_stopped() {
    let floor = Floor::new();
    let made = given_up(&floor, "shop", Mood::LosesAnswers).await;
    assert_eq!(floor.port.unresolved().await.unwrap(), std::slice::from_ref(&made));
    assert_snapshot!(reconcile(&floor, &made).await, @"tried, already_applied");
    assert_eq!(floor.port.unresolved().await.unwrap(), []);
    // Claimed, and its process died; by now its time has passed.
    let left = floor.proposed("shop", Duration::from_secs(3)).await;
    floor.approve(&left).await;
    floor.shop.is_with(&left, Mood::Slow(Duration::from_secs(60)));
    let dying = floor.another().with_lease(Duration::from_millis(50));
    drop(tokio::time::timeout(Duration::from_millis(1500), dying.apply(&left, &mut |_| {})).await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(floor.port.unresolved().await.unwrap(), std::slice::from_ref(&left));
    assert_snapshot!(reconcile(&floor, &left).await, @"stopped, expired");
    assert_eq!(floor.shop.effects(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trap_52_of_many_that_are_applied_at_once_each_is_told_exactly_once() {
    let floor = Floor::new();
    let mut ids = floor.many_approved("shop", 230).await;
    floor.proposed("shop", Duration::from_secs(60)).await;
    floor.shop.is_with(&ids[7], Mood::Panics);
    floor.shop.is_with(&ids[8], Mood::Refuses);
    floor.edit(&format!("UPDATE proposals SET approval_digest = 'sha256:00' WHERE proposal_id = '{}'", ids[9]));
    let selected = floor.port.approved(&Filter::default()).await.unwrap();
    assert_eq!((selected.ids.len(), selected.unreadable), (229, 1));
    let mut told = Vec::new();
    let never = CancellationToken::new();
    floor.port.apply_all(selected.ids, 8, &never, &mut |id, answer| told.push((id.clone(), answer.is_ok()))).await;
    let well = told.iter().filter(|(_, well)| *well).count();
    assert_eq!((told.len(), well, floor.shop.effects()), (229, 228, 227));
    let mut seen: Vec<_> = told.into_iter().map(|(id, _)| id).collect();
    seen.sort();
    ids.remove(9);
    ids.sort();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn many_that_are_stopped_say_which_were_not_begun() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 10).await;
    let stop = CancellationToken::new();
    let (mut applied, mut left) = (0, 0);
    floor
        .port
        .apply_all(ids, 1, &stop, &mut |_, answer| {
            match answer {
                Ok(_) => applied += 1,
                Err(OperatorError::NotBegun { .. }) => left += 1,
                Err(error) => panic!("{error}"),
            }
            stop.cancel();
        })
        .await;
    assert_eq!((applied, left, floor.shop.effects()), (1, 9, 1));
}
