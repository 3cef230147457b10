//! Is a declared change applied exactly once, or visibly not?

use std::thread;

use serde_json::json;

use crate::shop::{NEXT_SECRET, SECRET, Shop, on_each_engine};

on_each_engine! {
    a_credit_is_applied_once_and_its_receipt_answers_again
    sixteen_at_once_are_one_credit_and_all_are_answered
    a_sum_that_the_column_does_not_hold_rolls_back
    decimals_are_added_exactly
    a_step_that_misses_its_rows_rolls_back
    what_is_required_is_told_and_nothing_is_done
    another_tenants_row_is_not_to_be_told_from_a_missing_one
    a_request_for_another_table_is_refused
    a_deleted_target_is_no_failure
    a_dry_run_changes_nothing
    a_statement_that_the_database_refuses_rolls_back_and_names_nothing
}

/// A snapshot that holds on every engine.
macro_rules! assert_snapshot {
    ($value:expr, @$expected:literal) => {
        let value = $value;
        insta::allow_duplicates! { insta::assert_snapshot!(value, @$expected) }
    };
}

fn a_credit_is_applied_once_and_its_receipt_answers_again(shop: &Shop) {
    let (serving, ask) = (shop.serve(), shop.ask());
    let said = serving.said(&ask.clone().patch(json!({"credit_cents": 500, "reason": "late"})));
    assert_snapshot!(said, @r#"200 applied, 2 rows, mutated, version 3 -> 4, {"effects":["db.insert","db.update"]}"#);
    let again = serving.said(&ask.attempt(2));
    assert_snapshot!(again, @r#"200 already_applied, 0 rows, version 3 -> 4, {"effects":["db.insert","db.update"]}"#);
    assert_snapshot!(shop.shown(), @"
    INV-1 | acme | credited | 11500 | 4
    INV-2 | acme | written_off | 900 | 1
    INV-9 | acme | open | 9223372036854775807 | 1
    INV-1 | globex | open | 5000 | 7
    wrp_1:INV-1 | acme | INV-1 | 500 | late | ada | 1
    ");
    assert_eq!(shop.table("select count(*) from credits where length(id) = 36 and granted_at is not null"), "1");
}

fn sixteen_at_once_are_one_credit_and_all_are_answered(shop: &Shop) {
    let serving = shop.serve();
    let said: Vec<String> = thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| serving.said(&shop.ask()))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let count = |status: &str| said.iter().filter(|said| said.starts_with(status)).count();
    assert_eq!((count("200 applied"), count("200 already_applied")), (1, 15), "{said:?}");
    assert_eq!(shop.table("select count(*), sum(cents) from credits"), "1 | 500");
}

fn a_sum_that_the_column_does_not_hold_rolls_back(shop: &Shop) {
    let (serving, before) = (shop.serve(), shop.shown());
    let raise = shop.ask().with("/action", "billing.raise").object("INV-9").version(1).cents(1);
    let raise = raise.with("/idempotency_key", "wrp_1:INV-9").with("/before", json!({}));
    assert_snapshot!(serving.said(&raise), @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"step 2 (update `invoices`): column `due_cents`: outside the range of the column's type"}"#);
    assert_eq!((shop.shown(), shop.table("select count(*) from notes")), (before, "3".to_owned()));
    // Up to the edge it is applied.
    let edge = shop.ask().with("/action", "billing.raise").object("INV-9").version(1).cents(0).with("/before", json!({}));
    assert!(serving.said(&edge.with("/proposal_id", "wrp_2").with("/idempotency_key", "wrp_2:INV-9")).starts_with("200 applied"));
}

fn decimals_are_added_exactly(shop: &Shop) {
    let serving = shop.serve();
    let fee = |proposal: &str, version: i64, fee: &str| {
        let ask = shop.ask().proposal(proposal).version(version).with("/action", "billing.fee");
        serving.said(&ask.patch(json!({"fee": fee})))
    };
    assert!(fee("wrp_1", 3, "0.20").starts_with("200 applied"));
    assert!(fee("wrp_2", 4, "-100.09").starts_with("200 applied"));
    let total = shop.table("select total from invoices where tenant_id = 'acme' and id = 'INV-1'");
    assert_eq!(total.parse::<f64>().unwrap(), 0.01, "{total}");
    let finer = fee("wrp_3", 5, "much");
    assert_snapshot!(finer, @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"step 1 (update `invoices`): `patch.fee` is no integer and no exact decimal"}"#);
}

fn a_step_that_misses_its_rows_rolls_back(shop: &Shop) {
    let (serving, before) = (shop.serve(), shop.shown());
    let note = |proposal: &str, note: &str| {
        let ask = shop.ask().proposal(proposal).with("/action", "billing.note");
        serving.said(&ask.patch(json!({"note": note})))
    };
    for missing in ["N-0", "N-3"] {
        assert_snapshot!(note(missing, missing), @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"step 2 (update `notes`): 0 rows, not 1"}"#);
    }
    assert_eq!(shop.shown(), before);
    assert!(note("wrp_3", "N-2").starts_with("200 applied"));
    assert_eq!(shop.table("select id, body from notes order by id"), "N-1 | one\nN-2 | seen\nN-3 | three");
    // A range takes both of its ends, and nothing beyond.
    shop.execute("update notes set body = 'draft'");
    let sweep = |proposal: &str, version: i64, body: &str| {
        let ask = shop.ask().proposal(proposal).version(version).with("/action", "billing.sweep");
        serving.said(&ask.patch(json!({"body": body})))
    };
    assert_snapshot!(sweep("wrp_4", 4, "draft"), @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"step 1 (delete `notes`): 2 rows, not 0 to 1"}"#);
    assert!(sweep("wrp_5", 4, "nothing").starts_with("200 applied"));
    shop.execute("update notes set body = 'one' where id = 'N-1'");
    assert!(sweep("wrp_6", 5, "draft").starts_with("200 applied"));
    assert_eq!(shop.table("select id, body from notes order by id"), "N-1 | one\nN-3 | draft");
}

fn what_is_required_is_told_and_nothing_is_done(shop: &Shop) {
    let (serving, before) = (shop.serve(), shop.shown());
    let written_off = shop.ask().object("INV-2").version(1).with("/idempotency_key", "wrp_1:INV-2").with("/before", json!({}));
    assert_snapshot!(serving.said(&written_off), @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"it was written off"}"#);
    for (proposal, cents, reason) in [
        ("wrp_2", json!(0), "a credit is more than nothing"),
        ("wrp_3", json!(-1), "a credit is more than nothing"),
        ("wrp_4", json!(12_001), "more than what is due"),
        ("wrp_5", json!("12000.5"), "more than what is due"),
        ("wrp_6", json!("some"), "a credit is more than nothing"),
        ("wrp_7", json!(null), "a credit is more than nothing"),
    ] {
        let said = serving.said(&shop.ask().proposal(proposal).with("/patch/credit_cents", cents));
        assert_eq!(said, format!("500 failed HANDLER_BUSINESS_ERROR, 0 rows, {{\"reason\":\"{reason}\"}}"), "{proposal}");
    }
    let other = serving.said(&shop.ask().proposal("wrp_8").patch(json!({"reason": "no amount"})));
    assert_snapshot!(other, @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"`credit_cents` of the patch is not there"}"#);
    assert_eq!(shop.shown(), before);
    assert!(serving.said(&shop.ask().proposal("wrp_9").cents(12_000)).starts_with("200 applied"));
}

fn another_tenants_row_is_not_to_be_told_from_a_missing_one(shop: &Shop) {
    let (serving, before) = (shop.serve(), shop.shown());
    let of = |proposal: &str, tenant: &str, object: &str| {
        let ask = shop.ask().with("/proposal_id", proposal).with("/idempotency_key", format!("{proposal}:{object}"));
        let ask = ask.tenant(tenant).object(object).with("/before", json!({})).signed(&[SECRET]);
        let heard = ask.post(&serving.address, "/synapsor/writeback").unwrap();
        (heard.said(), heard.text)
    };
    let (missing, theirs) = (of("wrp_1", "acme", "INV-7"), of("wrp_2", "globex", "INV-2"));
    assert_snapshot!(missing.0, @"200 conflict ROW_NOT_FOUND_OR_WRONG_TENANT, 0 rows");
    assert_eq!(missing.1, theirs.1);
    assert_eq!(shop.shown(), before);
}

fn a_request_for_another_table_is_refused(shop: &Shop) {
    let serving = shop.serve();
    let notes = shop.ask().with("/target/table", "notes").object("N-1").with("/before", json!({}));
    assert_snapshot!(serving.said(&notes), @"400 failed BAD_WRITEBACK_REQUEST, 0 rows");
    assert_eq!(shop.table("select count(*) from credits"), "0");
}

fn a_deleted_target_is_no_failure(shop: &Shop) {
    let serving = shop.serve();
    let said = serving.said(&shop.ask().with("/action", "billing.drop"));
    assert_snapshot!(said, @r#"200 applied, 1 rows, mutated, {"effects":["db.delete"]}"#);
    assert_eq!(shop.table("select id, tenant_id from invoices where id = 'INV-1'"), "INV-1 | globex");
    assert!(serving.said(&shop.ask().with("/action", "billing.drop").attempt(2)).starts_with("200 already_applied"));
}

fn a_dry_run_changes_nothing(shop: &Shop) {
    let (serving, before) = (shop.serve(), shop.shown());
    let tried = serving.said(&shop.ask().with("/dry_run", true));
    assert_snapshot!(tried, @r#"200 applied, 0 rows, version 3 -> 4, {"effects":["db.insert","db.update"],"dry_run":true}"#);
    let untried = serving.said(&shop.ask().with("/action", "billing.raise").with("/dry_run", true));
    assert_snapshot!(untried, @"400 failed DRY_RUN_UNSUPPORTED, 0 rows");
    assert_eq!(shop.shown(), before);
}

fn a_statement_that_the_database_refuses_rolls_back_and_names_nothing(shop: &Shop) {
    shop.execute("update invoices set due_cents = 5000000 where tenant_id = 'acme' and id = 'INV-1'");
    let (serving, before) = (shop.serve(), shop.shown());
    let said = serving.said(&shop.ask().cents(1_000_000));
    assert_snapshot!(said, @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"step 1 (insert `credits`): the database refused it"}"#);
    assert_eq!(shop.shown(), before);
}

#[test]
fn while_a_secret_is_replaced_both_sign() {
    let shop = Shop::sqlite();
    let serving = shop.serve();
    let ask = |proposal: &str, version: i64| shop.ask().proposal(proposal).version(version);
    assert!(serving.said_as_it_is(&ask("wrp_1", 3).signed(&[SECRET])).starts_with("200 applied"));
    assert!(serving.said_as_it_is(&ask("wrp_2", 4).signed(&[NEXT_SECRET])).starts_with("200 applied"));
    assert!(serving.said_as_it_is(&ask("wrp_3", 5).signed(&[NEXT_SECRET, SECRET])).starts_with("200 applied"));
    assert_eq!(serving.said_as_it_is(&ask("wrp_4", 6).signed(&["the secret before"])), "401 failed INVALID_SIGNATURE, 0 rows");
    assert_eq!(serving.said_as_it_is(&ask("wrp_4", 6)), "401 failed INVALID_SIGNATURE, 0 rows");
    let other = ask("wrp_4", 6).header("authorization", "Bearer another token of some length").signed(&[SECRET]);
    assert_eq!(serving.said_as_it_is(&other), "401 failed UNAUTHORIZED, 0 rows");
}
