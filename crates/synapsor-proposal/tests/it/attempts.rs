//! Outcomes belong to attempts; the operation is judged over all of them.

use insta::assert_snapshot;

use crate::fixture::{HOUR, History};

/// What is known after these orders.
fn check(orders: &[&str]) -> String {
    let state = History::new().through(&["approve"]).through(orders).state;
    let code = state.code().map(|code| format!(" {code}")).unwrap_or_default();
    let outcome = state.outcome().map_or("none".to_owned(), |outcome| format!("{outcome}{code}"));
    let last = state.last_report.as_ref().map_or("none".to_owned(), |last| format!("{} of {}", last.report.outcome, last.attempt));
    let pending = state.pending().map_or("settled".to_owned(), |pending| pending.to_string());
    let contradictions = state.contradictions.len();
    format!("{}, outcome {outcome}, last {last}, {contradictions} contradictions, next {}: {pending}", state.status, state.next_attempt())
}

#[test]
fn an_attempt_that_has_not_reported_may_have_acted() {
    assert_snapshot!(check(&["claim"]), @"pending_worker, outcome unknown, last none, 0 contradictions, next 2: attempt 1 by worker has not reported");
    assert_snapshot!(check(&["claim", "claim"]), @"pending_worker, outcome unknown, last none, 0 contradictions, next 3: attempt 2 by worker has not reported");
}

#[test]
fn the_operation_failed_only_if_every_attempt_did() {
    assert_snapshot!(check(&["claim", "1 failed DATABASE_UNAVAILABLE"]), @"pending_worker, outcome failed DATABASE_UNAVAILABLE, last failed of 1, 0 contradictions, next 2: attempt 1 failed and changed nothing (DATABASE_UNAVAILABLE); another attempt may follow");
    assert_snapshot!(check(&["claim", "1 failed", "claim", "2 failed"]), @"pending_worker, outcome failed, last failed of 2, 0 contradictions, next 3: attempt 2 failed and changed nothing; another attempt may follow");
    assert_snapshot!(check(&["claim", "1 unknown COMMIT_UNKNOWN", "claim", "2 failed"]), @"pending_worker, outcome unknown COMMIT_UNKNOWN, last failed of 2, 0 contradictions, next 3: the outcome of attempt 1 is unknown (COMMIT_UNKNOWN)");
    assert_snapshot!(check(&["claim", "claim", "2 failed"]), @"pending_worker, outcome unknown, last failed of 2, 0 contradictions, next 3: the outcome of attempt 1 is unknown");
    assert_snapshot!(check(&["claim", "claim", "2 failed", "1 failed"]), @"pending_worker, outcome failed, last failed of 2, 0 contradictions, next 3: attempt 2 failed and changed nothing; another attempt may follow");
}

#[test]
fn a_later_failed_does_not_take_back_an_unknown_of_the_same_attempt() {
    assert_snapshot!(check(&["claim", "1 unknown", "1 failed"]), @"pending_worker, outcome unknown, last failed of 1, 0 contradictions, next 2: the outcome of attempt 1 is unknown");
    assert_snapshot!(check(&["claim", "1 failed", "1 unknown"]), @"pending_worker, outcome unknown, last unknown of 1, 0 contradictions, next 2: the outcome of attempt 1 is unknown");
}

#[test]
fn a_superseded_attempt_moves_nothing_unless_it_brings_a_receipt() {
    assert_snapshot!(check(&["claim", "claim", "1 unknown COMMIT_UNKNOWN"]), @"pending_worker, outcome unknown, last none, 0 contradictions, next 3: attempt 2 by worker has not reported");
    assert_snapshot!(check(&["claim", "claim", "2 unknown", "1 failed"]), @"pending_worker, outcome unknown, last unknown of 2, 0 contradictions, next 3: the outcome of attempt 2 is unknown");
    assert_snapshot!(check(&["claim", "claim", "1 applied"]), @"applied, outcome applied, last applied of 1, 0 contradictions, next 3: settled");
    assert_snapshot!(check(&["claim", "claim", "1 conflict VERSION_CONFLICT"]), @"conflict, outcome conflict VERSION_CONFLICT, last conflict of 1, 0 contradictions, next 3: settled");
}

#[test]
fn receipts_that_agree_are_recorded_without_complaint() {
    assert_snapshot!(check(&["claim", "claim", "2 already_applied", "1 applied"]), @"applied, outcome already_applied, last already_applied of 2, 0 contradictions, next 3: settled");
    assert_snapshot!(check(&["claim", "claim", "1 applied", "2 already_applied"]), @"applied, outcome applied, last applied of 1, 0 contradictions, next 3: settled");
    assert_snapshot!(check(&["claim", "claim", "1 conflict", "2 conflict"]), @"conflict, outcome conflict, last conflict of 1, 0 contradictions, next 3: settled");
    assert_snapshot!(check(&["claim", "claim", "1 applied", "2 failed FENCED"]), @"applied, outcome applied, last applied of 1, 0 contradictions, next 3: settled");
}

#[test]
fn a_receipt_that_disagrees_with_a_final_state_is_a_contradiction() {
    assert_snapshot!(check(&["claim", "1 applied", "1 conflict"]), @"applied, outcome applied, last applied of 1, 1 contradictions, next 2: settled");
    assert_snapshot!(check(&["claim", "1 conflict", "1 applied"]), @"conflict, outcome conflict, last conflict of 1, 1 contradictions, next 2: settled");
    assert_snapshot!(check(&["claim", "tombstone 1 failed", "1 applied"]), @"failed, outcome failed, last none, 1 contradictions, next 2: settled");
    assert_snapshot!(check(&["claim", "tombstone 1 canceled", "1 conflict"]), @"canceled, outcome none, last none, 1 contradictions, next 2: settled");
}

#[test]
fn two_effects_contradict_each_other() {
    assert_snapshot!(check(&["claim", "claim", "1 applied", "2 applied"]), @"applied, outcome applied, last applied of 1, 1 contradictions, next 3: settled");
}

#[test]
fn a_report_may_be_repeated() {
    let mut history = History::new().through(&["approve", "claim", "1 unknown COMMIT_UNKNOWN"]);
    assert_snapshot!(history.answer("1 unknown COMMIT_UNKNOWN"), @"pending_worker (nothing new)");
    assert_snapshot!(history.answer("1 applied"), @"applied (writeback_applied)");
    assert_snapshot!(history.answer("1 applied"), @"applied (nothing new)");
}

#[test]
fn what_was_never_claimed_cannot_report() {
    let mut history = History::new().through(&["approve", "claim"]);
    assert_snapshot!(history.answer("2 applied"), @"refused: WRITEBACK_ATTEMPT_NOT_CLAIMED");
    assert_snapshot!(history.answer("0 failed"), @"refused: WRITEBACK_ATTEMPT_NOT_CLAIMED");
}

#[test]
fn fenced_and_reused_keys_are_never_retried() {
    for code in ["FENCED", "IDEMPOTENCY_KEY_REUSED"] {
        let mut history = History::new().through(&["approve", "claim", &format!("1 failed {code}")]);
        assert_eq!(history.answer("claim"), "refused: WRITEBACK_NOT_RETRYABLE");
        assert_eq!(history.answer("tombstone 1 failed"), "failed (writeback_tombstoned)");
    }
    let mut superseded = History::new().through(&["approve", "claim", "claim", "1 failed FENCED"]);
    assert_snapshot!(superseded.answer("claim"), @"pending_worker (writeback_attempt_claimed)");
}

#[test]
fn a_tombstone_must_name_the_last_attempt() {
    let mut history = History::new().through(&["approve", "claim", "claim"]);
    assert_snapshot!(history.answer("tombstone 1 failed"), @"refused: WRITEBACK_ATTEMPT_SUPERSEDED");
    assert_snapshot!(history.answer("tombstone 3 failed"), @"refused: WRITEBACK_ATTEMPT_NOT_CLAIMED");
    assert_snapshot!(history.answer("tombstone 2 expired"), @"refused: PROPOSAL_NOT_EXPIRED");
    history.now = history.now.after(HOUR);
    assert_snapshot!(history.answer("tombstone 2 expired"), @"expired (writeback_tombstoned)");
    assert_snapshot!(history.answer("tombstone 2 expired"), @"expired (nothing new)");
    assert_snapshot!(history.answer("tombstone 2 failed"), @"refused: PROPOSAL_WRONG_STATUS");
}
