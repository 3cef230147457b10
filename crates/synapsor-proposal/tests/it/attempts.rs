//! Outcomes belong to attempts; the operation is judged over all of them.

use insta::assert_snapshot;

use crate::fixture::{HOUR, History, MINUTE};

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

#[test]
fn where_nothing_may_follow_an_unknown_the_next_claim_is_refused() {
    let answer = |orders: &[&str]| History::new().through(&["approve"]).through(orders).answer("claim once");
    assert_snapshot!(answer(&[]), @"pending_worker (writeback_attempt_claimed)");
    assert_snapshot!(answer(&["claim", "1 failed"]), @"pending_worker (writeback_attempt_claimed)");
    for may_have_acted in [
        &["claim"][..],
        &["claim", "1 unknown"],
        &["claim", "claim", "2 failed"],
        &["claim", "1 unknown", "claim", "2 failed"],
        &["claim", "1 unknown", "1 failed"],
    ] {
        assert_eq!(answer(may_have_acted), "refused: WRITEBACK_OUTCOME_UNKNOWN", "{may_have_acted:?}");
    }
    assert_snapshot!(answer(&["claim", "1 unknown", "park 1"]), @"refused: WRITEBACK_OUTCOME_UNKNOWN");
}

#[test]
fn a_dead_letter_waits_for_a_person_and_ends_nothing() {
    assert_snapshot!(check(&["park 0"]), @"approved, outcome none, last none, 0 contradictions, next 1: dead letter, outcome failed: it keeps failing");
    assert_snapshot!(check(&["claim", "1 failed PERMISSION_DENIED", "park 1"]), @"pending_worker, outcome failed PERMISSION_DENIED, last failed of 1, 0 contradictions, next 2: dead letter, outcome failed (PERMISSION_DENIED): it keeps failing");
    assert_snapshot!(check(&["claim", "park 1"]), @"pending_worker, outcome unknown, last none, 0 contradictions, next 2: dead letter, outcome unknown: it keeps failing");
    assert_snapshot!(check(&["claim", "giveup 1 unknown"]), @"pending_worker, outcome unknown, last unknown of 1, 0 contradictions, next 2: dead letter, outcome unknown: it keeps failing");
    assert_snapshot!(check(&["claim", "claim", "giveup 2 failed"]), @"pending_worker, outcome unknown, last failed of 2, 0 contradictions, next 3: dead letter, outcome unknown: it keeps failing");
}

#[test]
fn a_claim_a_tombstone_or_a_receipt_ends_a_dead_letter() {
    assert_snapshot!(check(&["claim", "giveup 1 failed", "claim"]), @"pending_worker, outcome unknown, last failed of 1, 0 contradictions, next 3: attempt 2 by worker has not reported");
    assert_snapshot!(check(&["claim", "giveup 1 unknown", "1 applied"]), @"applied, outcome applied, last applied of 1, 0 contradictions, next 2: settled");
    assert_snapshot!(check(&["claim", "giveup 1 unknown", "tombstone 1 failed"]), @"failed, outcome failed, last unknown of 1, 0 contradictions, next 2: settled");
    assert_snapshot!(check(&["claim", "giveup 1 unknown", "1 failed"]), @"pending_worker, outcome unknown, last failed of 1, 0 contradictions, next 2: dead letter, outcome unknown: it keeps failing");
    assert_snapshot!(check(&["park 0", "cancel"]), @"canceled, outcome none, last none, 0 contradictions, next 1: settled");
}

#[test]
fn what_settled_or_went_on_meanwhile_is_not_given_up() {
    let answer = |orders: &[&str], word: &str| History::new().through(&["approve"]).through(orders).answer(word);
    assert_snapshot!(answer(&["claim"], "giveup 1 applied"), @"applied (writeback_applied)");
    assert_snapshot!(answer(&["claim", "claim"], "giveup 1 failed"), @"pending_worker (writeback_failed)");
    assert_snapshot!(answer(&["claim", "claim"], "park 1"), @"refused: WRITEBACK_ATTEMPT_SUPERSEDED");
    assert_snapshot!(answer(&["claim"], "park 0"), @"refused: WRITEBACK_ATTEMPT_SUPERSEDED");
    assert_snapshot!(answer(&["claim", "giveup 1 failed"], "giveup 1 failed"), @"pending_worker (nothing new)");
    assert_snapshot!(answer(&["claim", "1 applied"], "park 1"), @"refused: PROPOSAL_WRONG_STATUS");
    assert_eq!(History::new().answer("park 0"), "refused: PROPOSAL_WRONG_STATUS");
}

#[test]
fn attempts_after_a_dead_letter_are_counted_anew() {
    let series = |orders: &[&str]| History::new().through(&["approve"]).through(orders).state.series().len();
    assert_eq!(series(&["claim", "1 failed", "claim", "giveup 2 failed"]), 0);
    assert_eq!(series(&["claim", "1 failed", "claim", "giveup 2 failed", "claim"]), 1);
    assert_eq!(series(&["park 0", "claim", "1 failed", "claim"]), 2);
}

#[test]
fn a_person_attests_what_nothing_can_prove() {
    let minute_later = |orders: &[&str], word: &str| {
        let mut history = History::new().through(&["approve"]).through(orders);
        history.now = history.now.after(MINUTE);
        let answer = history.answer(word);
        format!("{answer}, outcome {:?}", history.state.outcome())
    };
    let now = |orders: &[&str], word: &str| History::new().through(&["approve"]).through(orders).answer(word);
    assert_snapshot!(minute_later(&["claim", "giveup 1 unknown"], "attest 1 applied"), @"applied (writeback_attested), outcome Some(Applied)");
    assert_snapshot!(minute_later(&["claim", "giveup 1 unknown"], "attest 1 not-applied"), @"failed (writeback_attested), outcome Some(Failed)");
    assert_snapshot!(minute_later(&["claim"], "attest 1 applied"), @"applied (writeback_attested), outcome Some(Applied)");
    assert_snapshot!(minute_later(&["claim", "1 failed"], "attest 1 applied"), @"refused: ATTESTATION_CONTRADICTS_PROOF, outcome Some(Failed)");
    assert_snapshot!(minute_later(&["claim", "1 conflict"], "attest 1 applied"), @"refused: PROPOSAL_WRONG_STATUS, outcome Some(Conflict)");
    // A request may be under way for a minute; what is proved to have done nothing has none.
    assert_snapshot!(now(&["claim", "giveup 1 unknown"], "attest 1 applied"), @"refused: ATTESTATION_TOO_EARLY");
    assert_snapshot!(now(&["claim", "1 failed"], "attest 1 not-applied"), @"failed (writeback_attested)");
    assert_snapshot!(now(&["claim", "claim"], "attest 1 not-applied"), @"refused: WRITEBACK_ATTEMPT_SUPERSEDED");
}

#[test]
fn a_receipt_that_differs_from_what_was_attested_is_a_contradiction() {
    let later = |outcome: &str, word: &str| {
        let mut history = History::new().through(&["approve", "claim", "1 unknown"]);
        history.now = history.now.after(MINUTE);
        history = history.through(&[&format!("attest 1 {outcome}")]);
        history.answer(word)
    };
    assert_snapshot!(later("applied", "1 applied"), @"applied (writeback_applied)");
    assert_snapshot!(later("applied", "1 conflict"), @"applied (writeback_contradiction)");
    assert_snapshot!(later("not-applied", "1 applied"), @"failed (writeback_contradiction)");
    assert_snapshot!(later("not-applied", "1 conflict"), @"failed (writeback_conflict)");
    assert_snapshot!(later("not-applied", "1 failed"), @"failed (writeback_failed)");
}
