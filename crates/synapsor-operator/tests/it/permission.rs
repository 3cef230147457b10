//! The configuration of today wins over what was approved yesterday.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, told};

/// What applying answers under a configuration that was edited after the approval.
async fn check(edit: impl FnOnce(&mut Value)) -> String {
    let desk = Desk::new();
    let id = desk.approved().await;
    let answer = told(&id, desk.under(edit).apply(&id, &mut |_| {}).await);
    assert_eq!(desk.executor.asked(), "", "nothing may run");
    assert_eq!(desk.status(&id).await, "approved: approved, not applied yet");
    answer
}

#[tokio::test]
async fn what_the_configuration_no_longer_allows_is_not_applied() {
    assert_snapshot!(check(|c| c["mode"] = json!("shadow")).await, @"refused: proposal wrp_1 cannot be applied: the configuration's mode is shadow, which does not write back");
    assert_snapshot!(check(|c| c["capabilities"][0]["name"] = json!("returns.other")).await, @"refused: proposal wrp_1 cannot be applied: the configuration has no proposal capability `returns.propose_amount` any more");
    assert_snapshot!(check(|c| c["capabilities"][0]["target"]["table"] = json!("orders")).await, @"refused: proposal wrp_1 cannot be applied: the capability now has another table: `orders` instead of `returns`");
    assert_snapshot!(check(|c| c["capabilities"][0]["target"]["tenant_key"] = json!("tenant")).await, @"refused: proposal wrp_1 cannot be applied: the capability now has another tenant column: `tenant` instead of `store_id`");
    assert_snapshot!(check(|c| c["capabilities"][0]["conflict_guard"] = json!({"weak_guard_ack": true})).await, @"refused: proposal wrp_1 cannot be applied: the capability now has another version column: `__row_hash` instead of `version`");
    assert_snapshot!(check(|c| c["capabilities"][0]["conflict_guard"] = json!({"column": "version", "advance": "database"})).await, @"refused: proposal wrp_1 cannot be applied: the capability now says differently who moves the version column");
    assert_snapshot!(check(|c| c["capabilities"][0]["numeric_bounds"]["amount"]["maximum"] = json!(50)).await, @"refused: proposal wrp_1 cannot be applied: column `amount` must be at most 50");
    assert_snapshot!(check(|c| {
        c["capabilities"][0]["patch"] = json!({"note": {"from_arg": "id"}});
        c["capabilities"][0]["allowed_columns"] = json!(["note"]);
        c["capabilities"][0]["numeric_bounds"] = json!({"note": {"minimum": 0}});
    }).await, @"refused: proposal wrp_1 cannot be applied: column `amount` may not be set by this capability");
}

#[tokio::test]
async fn a_read_only_source_takes_no_direct_write() {
    // The validator refuses such a file already; a declared executor of the same type is its way around.
    let checked = std::panic::catch_unwind(|| crate::desk::config(|c| c["sources"]["shop"]["read_only"] = json!(true)));
    assert!(checked.is_err(), "a direct write to a read-only source is a finding");
}
