//! Ending a proposal without an effect: never called final before a tombstone or a receipt says so.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_executor::Fence;
use synapsor_operator::Cancellation;
use synapsor_protocol::Outcome::{AlreadyApplied, Failed, Unknown};
use synapsor_protocol::{ErrorCode, Report};

use crate::desk::Desk;

/// What canceling answers after this attempt, and where the proposal stands then.
async fn check(attempt: Option<Report>, fence: Option<Fence>) -> String {
    let desk = Desk::new();
    let id = desk.approved().await;
    if let Some(report) = attempt {
        desk.executor.reports.lock().unwrap().push_back(report);
        desk.apply(&id).await;
    }
    fence.into_iter().for_each(|fence| desk.executor.will_fence(fence));
    let answer = match desk.port.cancel(&id, Some("not needed".into())).await.unwrap() {
        Cancellation::Canceled(_) => "canceled".to_owned(),
        Cancellation::Settled(application) => format!("settled: {}", application.report.outcome),
        Cancellation::Unresolved(report) => format!("unresolved: {}", report.outcome),
    };
    format!("{answer} | {} | {}", desk.status(&id).await, desk.executor.asked())
}

#[tokio::test]
async fn before_it_was_claimed_a_word_in_the_ledger_is_enough() {
    assert_snapshot!(check(None, None).await, @"canceled | canceled | ");
}

#[tokio::test]
async fn after_it_was_claimed_the_tombstone_comes_first() {
    assert_snapshot!(check(Some(Report::new(Unknown)), Some(Fence::Tombstoned)).await, @"canceled | canceled | run 1, fence 1");
    assert_snapshot!(check(Some(Report::new(Failed)), Some(Fence::Tombstoned)).await, @"canceled | canceled | run 1, fence 1");
}

#[tokio::test]
async fn what_has_a_receipt_cannot_be_canceled_and_the_receipt_is_recorded() {
    let found = Fence::Found(Report::new(AlreadyApplied));
    assert_snapshot!(check(Some(Report::new(Unknown)), Some(found)).await, @"settled: already_applied | applied | run 1, fence 1");
}

#[tokio::test]
async fn while_the_source_gives_no_answer_nothing_changes() {
    let unreachable = Fence::Unresolved(Report::because(Failed, ErrorCode::DATABASE_UNAVAILABLE));
    assert_snapshot!(
        check(Some(Report::new(Unknown)), Some(unreachable)).await,
        @"unresolved: failed | pending_worker: the outcome of attempt 1 is unknown | run 1, fence 1"
    );
}

#[tokio::test]
async fn an_expired_proposal_that_was_never_claimed_just_expires() {
    let desk = Desk::new();
    let id = desk.approved_for(Duration::from_millis(150)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_snapshot!(desk.apply(&id).await, @"refused: proposal wrp_1 expired before it was applied");
    assert_snapshot!(desk.status(&id).await, @"expired");
    assert_snapshot!(desk.executor.asked(), @"");
}

#[tokio::test]
async fn expiry_never_keeps_an_open_attempt_from_being_found_out() {
    for (fence, expected) in [
        (Fence::Tombstoned, "refused: proposal wrp_1 expired before it was applied | expired"),
        (Fence::Found(Report::new(AlreadyApplied)), "already_applied by no attempt, proposal applied | applied"),
    ] {
        let desk = Desk::new();
        let id = desk.approved_for(Duration::from_millis(400)).await;
        desk.executor.will_report([Unknown]);
        desk.apply(&id).await;
        tokio::time::sleep(Duration::from_millis(450)).await;
        desk.executor.will_fence(fence);
        assert_eq!(format!("{} | {}", desk.apply(&id).await, desk.status(&id).await), expected);
    }
}

#[tokio::test]
async fn a_stricter_configuration_stops_an_open_attempt_and_records_what_that_found() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Unknown]);
    desk.apply(&id).await;
    desk.executor.will_fence(Fence::Tombstoned);
    let stricter = desk.under(|config| config["capabilities"][0]["numeric_bounds"]["amount"]["maximum"] = 50.into());
    let answer = crate::desk::told(&id, stricter.apply(&id, &mut |_| {}).await);
    assert_snapshot!(answer, @"refused: proposal wrp_1 cannot be applied: column `amount` must be at most 50");
    assert_snapshot!(desk.status(&id).await, @"failed");
}
