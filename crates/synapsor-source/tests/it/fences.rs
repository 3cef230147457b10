//! Is an operation that was stopped for good really stopped?

use crate::business::{Business, Draft, assert_snapshot, on_each_engine};

on_each_engine! {
    a_tombstone_stops_its_attempt_and_every_lower_one
    a_higher_attempt_goes_on_after_a_tombstone
    a_tombstone_is_raised_and_never_lowered
    what_was_applied_or_conflicted_is_found_instead_of_fenced
    fence_and_apply_at_once_agree
}

async fn a_tombstone_stops_its_attempt_and_every_lower_one(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert_snapshot!(draft.attempt(2).fence(&writer).await, @"tombstoned");
    assert_snapshot!(draft.attempt(1).apply(&writer).await, @"failed FENCED");
    assert_snapshot!(draft.attempt(2).apply(&writer).await, @"failed FENCED");
    assert_eq!(business.receipts(), "wrp_1:T-1 | 2 | tombstone");
    assert!(business.shown().contains("T-1 | acme | open"));
}

async fn a_higher_attempt_goes_on_after_a_tombstone(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert_eq!(draft.attempt(2).fence(&writer).await, "tombstoned");
    assert_snapshot!(draft.attempt(3).apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.receipts(), "wrp_1:T-1 | 3 | applied");
}

async fn a_tombstone_is_raised_and_never_lowered(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    for (attempt, kept) in [(2, 2), (4, 4), (3, 4)] {
        assert_eq!(draft.attempt(attempt).fence(&writer).await, "tombstoned");
        assert_eq!(business.receipts(), format!("wrp_1:T-1 | {kept} | tombstone"));
    }
}

async fn what_was_applied_or_conflicted_is_found_instead_of_fenced(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    let late = Draft { operation: "wrp_2:T-1", ..draft.clone() };
    assert!(draft.apply(&writer).await.starts_with("applied"));
    assert!(late.apply(&writer).await.starts_with("conflict"));
    assert_snapshot!(draft.attempt(9).fence(&writer).await, @"found: already_applied, version 1 -> 2, also changed: version");
    assert_snapshot!(late.attempt(9).fence(&writer).await, @"found: conflict VERSION_CONFLICT, version 2");
    assert_snapshot!(business.receipts(), @"
    wrp_1:T-1 | 1 | applied
    wrp_2:T-1 | 1 | conflict
    ");
}

async fn fence_and_apply_at_once_agree(business: &Business) {
    let writer = business.writer();
    for round in 0..8 {
        let operation: &'static str = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"][round];
        let mut draft = Draft { operation, ..Draft::close(business) };
        let version = business.table("select version from tickets where tenant_id = 'acme'");
        draft.expected = version.parse::<i64>().unwrap().into();
        let (fenced, applied) = tokio::join!(draft.fence(&writer), draft.apply(&writer));
        let after = business.table("select version from tickets where tenant_id = 'acme'");
        match (fenced.as_str(), applied.as_str()) {
            ("tombstoned", "failed FENCED") => assert_eq!(after, version),
            (found, done) if found.starts_with("found: already_applied") && done.starts_with("applied") => assert_ne!(after, version),
            other => panic!("{other:?}"),
        }
    }
}
