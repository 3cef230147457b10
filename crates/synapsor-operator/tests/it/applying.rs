//! Applying: one attempt at a time, and the outcome over all of them.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_operator::OperatorPort;
use synapsor_protocol::Outcome::{AlreadyApplied, Applied, Conflict, Failed, Unknown};
use synapsor_protocol::{ErrorCode, Outcome, Report};

use crate::desk::{Desk, told};

/// What each of these reports makes of a proposal, line by line.
async fn check(outcomes: &[Outcome]) -> String {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report(outcomes.iter().copied());
    let mut lines = Vec::new();
    for _ in outcomes {
        lines.push(format!("{} | {}", desk.apply(&id).await, desk.status(&id).await));
    }
    lines.join("\n")
}

#[tokio::test]
async fn an_applied_change_stays_applied_and_nothing_runs_again() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    assert_snapshot!(desk.apply(&id).await, @"applied by attempt 1, proposal applied");
    assert_snapshot!(desk.apply(&id).await, @"already_applied by no attempt, proposal applied");
    assert_snapshot!(desk.executor.asked(), @"run 1");
}

#[tokio::test]
async fn a_failure_is_not_the_end() {
    assert_snapshot!(check(&[Failed, Failed, Applied]).await, @"
    failed by attempt 1, proposal pending_worker | pending_worker: dead letter, outcome failed: the attempt did nothing, and another one would fare no better
    failed by attempt 2, proposal pending_worker | pending_worker: dead letter, outcome failed: the attempt did nothing, and another one would fare no better
    applied by attempt 3, proposal applied | applied
    ");
}

#[tokio::test]
async fn a_later_failure_does_not_make_an_unknown_outcome_known() {
    assert_snapshot!(check(&[Unknown, Failed, AlreadyApplied]).await, @"
    unknown by attempt 1, proposal pending_worker | pending_worker: the outcome of attempt 1 is unknown
    failed by attempt 2, proposal pending_worker | pending_worker: dead letter, outcome unknown: the attempt did nothing, and another one would fare no better
    already_applied by attempt 3, proposal applied | applied
    ");
}

#[tokio::test]
async fn a_conflict_is_final() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Conflict]);
    assert_snapshot!(desk.apply(&id).await, @"conflict by attempt 1, proposal conflict");
    assert_snapshot!(desk.apply(&id).await, @"conflict by no attempt, proposal conflict");
}

#[tokio::test]
async fn a_fenced_attempt_is_the_last_one() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.reports.lock().unwrap().push_back(Report::because(Failed, ErrorCode::FENCED));
    assert_snapshot!(desk.apply(&id).await, @"failed by attempt 1, proposal pending_worker");
    assert_snapshot!(desk.apply(&id).await, @"refused: the last attempt of proposal wrp_1 ended with FENCED: no other may follow");
}

#[tokio::test]
async fn what_nobody_approved_is_not_applied() {
    let desk = Desk::new();
    let id = desk.proposed(Duration::from_secs(60)).await;
    assert_snapshot!(desk.apply(&id).await, @"refused: proposal wrp_1 is pending_review, and only an approved one can be applied");
    desk.port.reject(&id, "no".into()).await.unwrap();
    assert_snapshot!(desk.apply(&id).await, @"refused: proposal wrp_1 is rejected, and only an approved one can be applied");
    assert_snapshot!(desk.executor.asked(), @"");
}

#[tokio::test]
async fn of_sixteen_that_apply_at_once_one_applies() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    *desk.executor.delay.lock().unwrap() = Duration::from_millis(50);
    let appliers = (0..16).map(|_| {
        let (port, id) = (desk.port.clone(), id.clone());
        tokio::spawn(async move { told(&id, port.apply(&id, &mut |_| {}).await) })
    });
    let mut answers = Vec::new();
    for applier in appliers.collect::<Vec<_>>() {
        answers.push(applier.await.unwrap());
    }
    answers.sort();
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("already_applied")).count(), 15, "{answers:#?}");
    assert_eq!(answers[15], "applied by attempt 1, proposal applied");
    assert_snapshot!(desk.executor.asked(), @"run 1");
}

#[tokio::test]
async fn whoever_waits_is_told_who_holds_the_job_and_takes_over_when_the_lease_lapses() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let short = Duration::from_millis(300);
    // The first one dies in the middle: its future is dropped, its lease is not given back.
    desk.executor.will_report([Applied, AlreadyApplied]);
    *desk.executor.delay.lock().unwrap() = Duration::from_secs(60);
    let dying: OperatorPort = desk.port.clone().with_lease(short);
    let dead = id.clone();
    let dying = tokio::spawn(async move { told(&dead, dying.apply(&dead, &mut |_| {}).await) });
    while desk.executor.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    dying.abort();
    *desk.executor.delay.lock().unwrap() = Duration::ZERO;
    let mut holders = Vec::new();
    let application = desk.port.clone().with_lease(short).apply(&id, &mut |held| holders.push(held.holder.clone())).await;
    assert_snapshot!(told(&id, application), @"applied by attempt 2, proposal applied");
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_snapshot!(desk.executor.asked(), @"run 1, run 2");
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_work_goes_on() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    *desk.executor.delay.lock().unwrap() = Duration::from_millis(900);
    let port = desk.port.clone().with_lease(Duration::from_millis(200));
    let (slow, other) = (port.clone(), port.clone());
    let (id_of_slow, id_of_other) = (id.clone(), id.clone());
    let slow = tokio::spawn(async move { told(&id_of_slow, slow.apply(&id_of_slow, &mut |_| {}).await) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_snapshot!(told(&id, other.apply(&id_of_other, &mut |_| {}).await), @"already_applied by no attempt, proposal applied");
    assert_snapshot!(slow.await.unwrap(), @"applied by attempt 1, proposal applied");
    assert_snapshot!(desk.executor.asked(), @"run 1");
}

/// The work may hold locks of the business while the ledger is somebody else's.
#[tokio::test]
async fn a_ledger_that_is_slow_to_renew_a_lease_does_not_hold_the_work_up() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    *desk.executor.delay.lock().unwrap() = Duration::from_millis(600);
    let (port, of_id) = (desk.port.clone().with_lease(Duration::from_millis(900)), id.clone());
    let applying = tokio::spawn(async move { told(&of_id, port.apply(&of_id, &mut |_| {}).await) });
    while desk.executor.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = rusqlite::Connection::open(desk.folder.path().join("ledger/local.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(desk.executor.reports.lock().unwrap().is_empty(), "the work is done while the ledger is locked");
    other.execute_batch("rollback").unwrap();
    assert_snapshot!(applying.await.unwrap(), @"applied by attempt 1, proposal applied");
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_the_proposal_can_still_be_applied() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let before = desk.port.show(&id).await.unwrap().events.len();
    desk.port.rehearse(&id).await.unwrap();
    assert_eq!(desk.port.show(&id).await.unwrap().events.len(), before);
    desk.executor.will_report([Applied]);
    assert_snapshot!(desk.apply(&id).await, @"applied by attempt 1, proposal applied");
}

#[tokio::test]
async fn an_outcome_that_the_ledger_cannot_take_is_told_all_the_same() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    *desk.executor.delay.lock().unwrap() = Duration::from_millis(200);
    // Its lease lapses with nobody to give it back.
    let (port, of_id) = (desk.port.clone().with_lease(Duration::from_millis(400)), id.clone());
    let applying = tokio::spawn(async move { told(&of_id, port.apply(&of_id, &mut |_| {}).await) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    std::fs::rename(desk.folder.path().join("ledger"), desk.folder.path().join("elsewhere")).unwrap();
    assert_snapshot!(applying.await.unwrap(), @"refused: the outcome of proposal wrp_1 is `applied`, but it is not on record");
    // And it is found again once the ledger is back.
    std::fs::rename(desk.folder.path().join("elsewhere"), desk.folder.path().join("ledger")).unwrap();
    desk.executor.will_report([AlreadyApplied]);
    assert_snapshot!(desk.apply(&id).await, @"already_applied by attempt 2, proposal applied");
}
