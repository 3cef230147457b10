//! What a person may decide, and when.

use insta::assert_snapshot;
use serde_json::json;
use synapsor_proposal::{MAX_REASON_BYTES, Misfit, Order, Roles, fold};
use synapsor_protocol::Timestamp;

use crate::fixture::{HOUR, History, boss, change_set, order_of, someone};

/// Every way to arrive somewhere.
const PLACES: [(&str, &[&str]); 9] = [
    ("pending_review", &[]),
    ("approved", &["approve"]),
    ("rejected", &["reject"]),
    ("canceled", &["cancel"]),
    ("pending_worker", &["approve", "claim"]),
    ("applied", &["approve", "claim", "1 applied"]),
    ("conflict", &["approve", "claim", "1 conflict VERSION_CONFLICT"]),
    ("failed", &["approve", "claim", "1 failed", "tombstone 1 failed"]),
    ("canceled after a claim", &["approve", "claim", "tombstone 1 canceled"]),
];

fn table(order: &str, at: impl Fn(Timestamp) -> Timestamp) -> String {
    let line = |(name, way): &(&str, &[&str])| {
        let mut history = History::new().through(way);
        history.now = at(history.now);
        format!("{name:22} {}", history.answer(order))
    };
    PLACES.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn in_time(order: &str) -> String {
    table(order, |now| now)
}

fn too_late(order: &str) -> String {
    table(order, |now| now.after(HOUR))
}

#[test]
fn approve_from_everywhere() {
    assert_snapshot!(in_time("approve"), @r"
        pending_review         approved (proposal_approved, writeback_job_recorded)
        approved               approved (nothing new)
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         refused: PROPOSAL_WRONG_STATUS
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn reject_from_everywhere() {
    assert_snapshot!(in_time("reject"), @r"
        pending_review         rejected (proposal_rejected)
        approved               rejected (proposal_rejected)
        rejected               rejected (nothing new)
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         refused: WRITEBACK_CLAIMED
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn cancel_from_everywhere() {
    assert_snapshot!(in_time("cancel"), @r"
        pending_review         canceled (proposal_canceled)
        approved               canceled (proposal_canceled)
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               canceled (nothing new)
        pending_worker         refused: WRITEBACK_CLAIMED
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn claim_from_everywhere() {
    assert_snapshot!(in_time("claim"), @r"
        pending_review         refused: PROPOSAL_WRONG_STATUS
        approved               pending_worker (writeback_attempt_claimed)
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         pending_worker (writeback_attempt_claimed)
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn expire_before_its_time() {
    assert_snapshot!(in_time("expire"), @r"
        pending_review         refused: PROPOSAL_NOT_EXPIRED
        approved               refused: PROPOSAL_NOT_EXPIRED
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         refused: WRITEBACK_CLAIMED
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn expire_after_its_time() {
    assert_snapshot!(too_late("expire"), @r"
        pending_review         expired (proposal_expired)
        approved               expired (proposal_expired)
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         refused: WRITEBACK_CLAIMED
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn nothing_is_approved_rejected_or_claimed_after_its_time() {
    for order in ["approve", "reject", "cancel", "claim"] {
        let answers = too_late(order);
        let undecided = answers.lines().next().unwrap();
        assert!(undecided.ends_with("PROPOSAL_EXPIRED") || order == "claim", "{order}: {undecided}");
    }
    assert_snapshot!(too_late("claim"), @r"
        pending_review         refused: PROPOSAL_WRONG_STATUS
        approved               refused: PROPOSAL_EXPIRED
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         refused: PROPOSAL_EXPIRED
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim refused: PROPOSAL_WRONG_STATUS
        ");
}

#[test]
fn a_tombstone_ends_what_was_claimed_and_nothing_else() {
    assert_snapshot!(in_time("tombstone 1 canceled"), @r"
        pending_review         refused: PROPOSAL_WRONG_STATUS
        approved               refused: PROPOSAL_WRONG_STATUS
        rejected               refused: PROPOSAL_WRONG_STATUS
        canceled               refused: PROPOSAL_WRONG_STATUS
        pending_worker         canceled (writeback_tombstoned)
        applied                refused: PROPOSAL_WRONG_STATUS
        conflict               refused: PROPOSAL_WRONG_STATUS
        failed                 refused: PROPOSAL_WRONG_STATUS
        canceled after a claim canceled (nothing new)
        ");
}

#[test]
fn an_approval_names_what_the_reviewer_was_shown() {
    let mut history = History::new();
    assert_snapshot!(history.answer("approve another"), @"refused: APPROVAL_DIGEST_MISMATCH");
}

#[test]
fn an_approval_may_be_repeated_by_the_same_person_only() {
    let mut history = History::new().through(&["approve"]);
    assert_snapshot!(history.answer("approve"), @"approved (nothing new)");
    let order = order_of("approve", &history.state);
    let refusal = history.order_by(&someone(&[]), order).unwrap_err();
    assert_snapshot!(refusal, @"proposal wrp_1 is approved; the command needs one that is pending_review");
}

#[test]
fn trap_42_the_role_is_enforced_not_only_asked_for() {
    let guarded = || History::of(change_set(|json| json["approval"]["required_role"] = json!("returns_lead")));
    for order in ["approve", "reject"] {
        let mut history = guarded();
        let decision = order_of(order, &history.state);
        let refusal = history.order_by(&someone(&["clerk"]), decision.clone()).unwrap_err();
        assert_eq!(refusal.code(), "APPROVAL_ROLE_REQUIRED");
        history.order_by(&someone(&["clerk", "returns_lead"]), decision).unwrap();
    }
    let mut history = guarded();
    let order = order_of("approve", &history.state);
    history.order(order).unwrap();
    let approval = history.state.approval.unwrap();
    assert_eq!((approval.role.as_deref(), approval.operator.account.as_str()), (Some("returns_lead"), "dana"));
}

#[test]
fn shadow_and_read_only_proposals_are_never_approved() {
    let answer = |mode: &str| History::of(change_set(|json| json["mode"] = json!(mode))).answer("approve");
    assert_snapshot!(answer("shadow"), @"refused: SHADOW_WRITEBACK_DISABLED");
    assert_snapshot!(answer("read_only"), @"refused: READ_ONLY_WRITEBACK_DISABLED");
    let mut shadow = History::of(change_set(|json| json["mode"] = json!("shadow")));
    assert_snapshot!(shadow.answer("claim"), @"refused: SHADOW_WRITEBACK_DISABLED");
    assert_snapshot!(shadow.answer("reject"), @"rejected (proposal_rejected)");
}

#[test]
fn a_rejection_says_why_in_bounds() {
    let mut history = History::new();
    for reason in [String::new(), " \n".into(), "x".repeat(MAX_REASON_BYTES + 1)] {
        let refusal = history.order(Order::Reject { reason }).unwrap_err();
        assert_eq!(refusal.to_string(), "the reason must say something in at most 4000 bytes");
    }
}

#[test]
fn a_note_is_a_remark_and_is_cut() {
    let noted = synapsor_proposal::OperatorIdentity::new("dana", 1000, Roles::Every, Some("é".repeat(400)));
    assert_eq!(noted.record().note.map(|note| note.len()), Some(500));
    assert_eq!(boss().record().note, None);
}

#[test]
fn a_history_that_cannot_be_is_named() {
    let history = History::new().through(&["approve", "claim", "1 applied"]);
    let check = |order: &[usize]| {
        let events: Vec<_> = order.iter().map(|&at| history.events[at].clone()).collect();
        fold(&events).map(|_| ()).unwrap_err()
    };
    let misfit: Misfit = check(&[1]);
    assert_snapshot!(misfit, @"event 1 (evidence_recorded) cannot follow: a history begins with proposal_created");
    assert_snapshot!(check(&[0, 0]), @"event 2 (proposal_created) cannot follow: it was created before");
    assert_snapshot!(check(&[0, 2, 2]), @"event 3 (proposal_approved) cannot follow: it is not pending_review");
    assert_snapshot!(check(&[0, 4]), @"event 2 (writeback_attempt_claimed) cannot follow: it is neither approved nor pending_worker");
    assert_snapshot!(check(&[0, 2, 5]), @"event 3 (writeback_applied) cannot follow: it contradicts the final state");
    assert_snapshot!(check(&[0, 2, 4, 4]), @"event 4 (writeback_attempt_claimed) cannot follow: attempts are counted one by one");
}
