//! Is an approved change applied exactly once, or visibly not, or visibly unknown?

use std::sync::Arc;
use std::time::Duration;

use synapsor_handler::{Done, EffectError, Job, Tx};

use crate::ask::{Ask, Asking};
use crate::shop::{Shop, TOKEN, assert_snapshot, credit, insert, on_each_engine};

on_each_engine! {
    an_approved_change_is_applied_once_and_its_receipt_answers_again
    each_form_alone_is_the_same_change
    sixteen_at_once_run_one_effect_and_all_are_answered
    a_version_that_moved_conflicts_and_the_conflict_stays
    a_missing_row_and_another_tenants_row_get_the_same_bytes
    an_effect_that_only_appends_still_uses_the_version_up
    a_refusal_of_the_author_rolls_back_and_closes_the_attempt
    a_panic_rolls_back_and_closes_the_attempt
    an_effect_that_takes_too_long_is_rolled_back
    an_effect_that_ends_the_transaction_is_unknown_and_not_repeated
    a_key_of_another_change_is_refused
    a_receipt_in_progress_is_unknown
    a_dry_run_runs_only_what_may_be_tried_and_changes_nothing
    a_client_that_goes_away_tears_nothing
    a_row_outside_the_declared_tables_is_not_touched
    a_weak_guard_is_verified_under_the_lock
    where_there_is_one_tenant_only_the_table_is_declared_as_shared
    a_database_that_is_gone_is_failed_and_worth_another_attempt
}

async fn an_approved_change_is_applied_once_and_its_receipt_answers_again(shop: &Shop) {
    let (handler, ask) = (shop.handler(), Ask::flat(shop));
    handler.check().await.unwrap();
    let heard = ask.send(&handler).await;
    assert_snapshot!(heard.said(), @r#"200 applied, 2 rows, mutated, version 3 -> 4, {"effects":["db.insert","db.update"]}"#);
    assert_eq!(heard.header("idempotency-key"), "wrp_1:INV-1");
    assert_eq!(heard.header("x-synapsor-proposal-hash"), "sha256:0101");
    for again in [ask.clone(), ask.clone().attempt(7), ask.with("/issued_at", "2026-01-01T00:00:00Z")] {
        assert_snapshot!(again.said(&handler).await, @r#"200 already_applied, 0 rows, version 3 -> 4, {"effects":["db.insert","db.update"]}"#);
    }
    assert_eq!(shop.runs(), 1);
    assert_snapshot!(shop.shown(), @"
    INV-1 | ACME | overdue | 1
    INV-1 | acme | credited | 4
    INV-1 | acme  | overdue | 1
    INV-1 | globex | overdue | 7
    wrp_1:INV-1 | acme | INV-1 | 500
    ");
    assert_snapshot!(shop.receipts(), @"wrp_1:INV-1 | 1 | applied");
}

async fn each_form_alone_is_the_same_change(shop: &Shop) {
    let handler = shop.handler();
    let nested = Ask::nested(shop);
    assert!(nested.said(&handler).await.starts_with("200 applied, 2 rows"), "{}", nested.said(&handler).await);
    // The flat one finds the receipt of the nested one: the same operation, the same hash.
    assert!(Ask::flat(shop).attempt(2).said(&handler).await.starts_with("200 already_applied"));
    let mut both = Ask::flat(shop);
    both.body["change_set"] = Ask::nested(shop).body["change_set"].clone();
    assert!(both.said(&handler).await.starts_with("200 already_applied"));
    assert_eq!(shop.runs(), 1);
}

async fn sixteen_at_once_run_one_effect_and_all_are_answered(shop: &Shop) {
    let (handler, ask) = (shop.handler(), Ask::flat(shop));
    let start = Arc::new(tokio::sync::Barrier::new(16));
    let tasks = (1..=16).map(|attempt| {
        let (handler, ask, start) = (handler.clone(), ask.clone().attempt(attempt), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            let said = ask.said(&handler).await;
            said.split(',').next().unwrap().to_owned()
        })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200 applied").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200 already_applied").count(), 15, "{outcomes:?}");
    assert_eq!((shop.runs(), shop.table("select count(*) from credits")), (1, "1".to_owned()));
}

async fn a_version_that_moved_conflicts_and_the_conflict_stays(shop: &Shop) {
    let (handler, ask) = (shop.handler(), Ask::flat(shop).version(2));
    assert_snapshot!(ask.said(&handler).await, @"200 conflict ROW_CHANGED_AFTER_PROPOSAL, 0 rows, version 3");
    shop.execute("update invoices set version = 2 where tenant_id = 'acme' and id = 'INV-1'");
    assert_snapshot!(ask.attempt(2).said(&handler).await, @"200 conflict ROW_CHANGED_AFTER_PROPOSAL, 0 rows, version 3");
    assert_eq!((shop.runs(), shop.receipts()), (0, "wrp_1:INV-1 | 1 | conflict".to_owned()));
}

async fn a_missing_row_and_another_tenants_row_get_the_same_bytes(shop: &Shop) {
    shop.execute("insert into invoices values ('INV-9', 'globex', 'C-1', 'overdue', 1, 1, null, 3)");
    let handler = shop.handler();
    let others = Ask::flat(shop).object("INV-9").proposal("wrp_2").with("/idempotency_key", "wrp_2:x").send(&handler).await;
    let missing = Ask::flat(shop).object("INV-8").proposal("wrp_3").with("/idempotency_key", "wrp_3:x").send(&handler).await;
    assert_eq!(others.text, missing.text);
    assert_snapshot!(others.said(), @"200 conflict ROW_NOT_FOUND_OR_WRONG_TENANT, 0 rows");
    assert_eq!(shop.runs(), 0);
}

async fn an_effect_that_only_appends_still_uses_the_version_up(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        insert(&job, &tx).await?;
        Ok(Done::new())
    });
    assert_snapshot!(Ask::flat(shop).said(&handler).await, @"200 applied, 1 rows, mutated, version 3 -> 4");
    assert_snapshot!(Ask::flat(shop).proposal("wrp_2").said(&handler).await, @"200 conflict ROW_CHANGED_AFTER_PROPOSAL, 0 rows, version 4");
    // With `database` a trigger moves it; here there is none.
    let unmoved = Ask::flat(shop).proposal("wrp_3").version(4).with("/version_advance", "database");
    assert_snapshot!(unmoved.said(&handler).await, @"500 failed VERSION_NOT_ADVANCED, 0 rows");
    assert_eq!(shop.table("select count(*) from credits"), "1");
}

async fn a_refusal_of_the_author_rolls_back_and_closes_the_attempt(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        let done = credit(job.clone(), tx).await?;
        if job.attempt() < 3 { Err(EffectError::refuse("the limit is reached")) } else { Ok(done) }
    });
    let (before, ask) = (shop.shown(), Ask::flat(shop));
    let refused = ask.clone().attempt(2).said(&handler).await;
    assert_snapshot!(refused, @r#"500 failed HANDLER_BUSINESS_ERROR, 0 rows, {"reason":"the limit is reached"}"#);
    assert_eq!(shop.shown(), before);
    assert_snapshot!(shop.receipts(), @"wrp_1:INV-1 | 2 | tombstone");
    // A slow predecessor finds the tombstone, and so does the same attempt.
    assert_snapshot!(ask.clone().attempt(1).said(&handler).await, @"409 failed FENCED, 0 rows");
    assert_snapshot!(ask.clone().attempt(2).said(&handler).await, @"409 failed FENCED, 0 rows");
    assert!(ask.attempt(3).said(&handler).await.starts_with("200 applied"));
}

async fn a_panic_rolls_back_and_closes_the_attempt(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        insert(&job, &tx).await?;
        assert!(job.attempt() > 1, "the author's own fault, canary-7f");
        Ok(Done::new())
    });
    let (before, ask) = (shop.shown(), Ask::flat(shop));
    let heard = ask.send(&handler).await;
    assert_snapshot!(heard.said(), @"500 failed HANDLER_BUSINESS_ERROR, 0 rows");
    assert!(!heard.text.contains("canary"));
    assert_eq!((shop.shown(), shop.receipts()), (before, "wrp_1:INV-1 | 1 | tombstone".to_owned()));
    assert!(ask.attempt(2).said(&handler).await.starts_with("200 applied"));
}

async fn an_effect_that_takes_too_long_is_rolled_back(shop: &Shop) {
    let slow = |job: Job, tx: Tx| async move {
        insert(&job, &tx).await?;
        std::future::pending::<()>().await;
        Ok(Done::new())
    };
    let handler = shop.bare().bearer_token(TOKEN).effect_time(Duration::from_millis(200)).effect("billing.credit", slow).build().unwrap();
    let before = shop.shown();
    assert_snapshot!(Ask::flat(shop).said(&handler).await, @"500 failed HANDLER_BUSINESS_ERROR, 0 rows");
    assert_eq!((shop.shown(), shop.receipts()), (before, "wrp_1:INV-1 | 1 | tombstone".to_owned()));
}

async fn an_effect_that_ends_the_transaction_is_unknown_and_not_repeated(shop: &Shop) {
    for (proposal, end, fails) in
        [("wrp_1", "commit", false), ("wrp_2", "commit", true), ("wrp_3", "rollback", false), ("wrp_4", "rollback", true)]
    {
        let handler = shop.with_effect(move |_: Job, tx: Tx| async move {
            tx.sql(end, &[]).await?;
            if fails { Err(EffectError::new("and then")) } else { Ok(Done::new()) }
        });
        let ask = Ask::flat(shop).proposal(proposal);
        assert_snapshot!(ask.said(&handler).await, @"500 failed HANDLER_EXCEPTION, 0 rows");
        assert_snapshot!(ask.attempt(2).said(&handler).await, @"500 failed HANDLER_EXCEPTION, 0 rows");
    }
}

async fn a_key_of_another_change_is_refused(shop: &Shop) {
    let handler = shop.handler();
    assert!(Ask::flat(shop).said(&handler).await.starts_with("200 applied"));
    let other = Ask::flat(shop).attempt(2).with("/proposal_hash", "sha256:0202");
    assert_snapshot!(other.said(&handler).await, @"409 failed IDEMPOTENCY_KEY_REUSED, 0 rows");
    // Without a hash the content is hashed: the same is the same, and another is another.
    let unhashed = |ask: Ask| ask.without("/proposal_hash").proposal("wrp_2").version(4);
    assert!(unhashed(Ask::flat(shop)).said(&handler).await.starts_with("200 applied"));
    assert!(unhashed(Ask::flat(shop)).said(&handler).await.starts_with("200 already_applied"));
    assert_snapshot!(unhashed(Ask::flat(shop)).cents(501).said(&handler).await, @"409 failed IDEMPOTENCY_KEY_REUSED, 0 rows");
}

async fn a_receipt_in_progress_is_unknown(shop: &Shop) {
    let handler = shop.handler();
    assert!(Ask::flat(shop).said(&handler).await.starts_with("200 applied"));
    shop.execute("update synapsor_handler_receipts set status = 'in_progress'");
    assert_snapshot!(Ask::flat(shop).attempt(2).said(&handler).await, @"500 failed HANDLER_EXCEPTION, 0 rows");
    shop.execute("update synapsor_handler_receipts set status = 'failed'");
    assert_snapshot!(Ask::flat(shop).attempt(2).said(&handler).await, @"500 failed HANDLER_EXCEPTION, 0 rows");
    assert_eq!(shop.runs(), 1);
}

async fn a_dry_run_runs_only_what_may_be_tried_and_changes_nothing(shop: &Shop) {
    let (handler, before) = (shop.handler(), shop.shown());
    let ask = Ask::flat(shop).with("/dry_run", true);
    assert_snapshot!(ask.said(&handler).await, @"400 failed DRY_RUN_UNSUPPORTED, 0 rows");
    assert_eq!(shop.runs(), 0);
    let ask = ask.with("/action", "billing.credit_or_try");
    let tried = ask.said(&handler).await;
    assert_snapshot!(tried, @r#"200 applied, 0 rows, version 3 -> 4, {"effects":["db.insert","db.update"],"dry_run":true}"#);
    assert_snapshot!(ask.clone().version(2).said(&handler).await, @r#"200 conflict ROW_CHANGED_AFTER_PROPOSAL, 0 rows, version 3, {"dry_run":true}"#);
    assert_eq!((shop.runs(), shop.shown()), (1, before));
    // Nothing is burnt, not even the receipt table was made.
    let real = ask.with("/dry_run", false);
    assert!(real.said(&handler).await.starts_with("200 applied, 2 rows, mutated"));
    assert_eq!(shop.receipts(), "wrp_1:INV-1 | 1 | applied");
}

async fn a_client_that_goes_away_tears_nothing(shop: &Shop) {
    let (begun, mut waiting) = tokio::sync::mpsc::channel(1);
    let handler = shop.with_effect(move |job: Job, tx: Tx| {
        let begun = begun.clone();
        async move {
            insert(&job, &tx).await?;
            begun.send(()).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Done::new())
        }
    });
    let (asked, gone) = (Ask::flat(shop), handler.clone());
    let client = tokio::spawn(async move { asked.send(&gone).await });
    waiting.recv().await.unwrap();
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    handler.finish().await;
    assert_eq!(shop.receipts(), "wrp_1:INV-1 | 1 | applied");
    assert!(Ask::flat(shop).said(&handler).await.starts_with("200 already_applied"));
}

async fn a_row_outside_the_declared_tables_is_not_touched(shop: &Shop) {
    let handler = shop.handler();
    for (pointer, value) in [
        ("/target/table", "customers"),
        ("/target/table", "nowhere"),
        ("/target/schema", "elsewhere"),
        ("/target/primary_key/column", "customer_id"),
    ] {
        let said = Ask::flat(shop).with(pointer, value).said(&handler).await;
        assert_eq!(said, "400 failed BAD_WRITEBACK_REQUEST, 0 rows", "{pointer}");
    }
    let column = Ask::flat(shop).with("/tenant_guard/column", "customer_id").with("/guards/tenant/column", "customer_id");
    let single = Ask::flat(shop).with("/tenant_guard/column", "__single_tenant_dev").with("/guards/tenant/column", "__single_tenant_dev");
    let named = Ask::flat(shop).with("/scope", serde_json::json!({"tenant_id": "globex", "object_id": "INV-1"}));
    let other = Ask::flat(shop).with("/scope", serde_json::json!({"tenant_id": "acme", "object_id": "INV-2"}));
    for ask in [column, single, named, other] {
        assert_eq!(ask.said(&handler).await, "400 failed BAD_WRITEBACK_REQUEST, 0 rows");
    }
    assert_eq!(shop.runs(), 0);
}

async fn a_weak_guard_is_verified_under_the_lock(shop: &Shop) {
    let handler = shop.handler();
    let before: synapsor_handler::Columns = [("id", "INV-1".into()), ("status", "overdue".into())]
        .map(|(name, value): (&str, synapsor_handler::Scalar)| (name.parse().unwrap(), value))
        .into();
    let digest = synapsor_protocol::change_set::row_hash(&before).unwrap();
    let weak = |id: &str| {
        let guard = serde_json::json!({"column": "__row_hash", "value": digest.as_str()});
        let seen = serde_json::json!({"id": "INV-1", "status": "overdue", "credit_cents": null});
        Ask::flat(shop).proposal(id).with("/guards/expected_version", guard).with("/before", seen)
    };
    shop.execute("update invoices set status = 'paid' where tenant_id = 'acme' and id = 'INV-1'");
    assert_snapshot!(weak("wrp_1").said(&handler).await, @"200 conflict ROW_CHANGED_AFTER_PROPOSAL, 0 rows");
    shop.execute("update invoices set status = 'overdue' where tenant_id = 'acme' and id = 'INV-1'");
    assert!(weak("wrp_2").said(&handler).await.starts_with("200 applied"));
    let lying = weak("wrp_3").with("/before/status", "credited");
    assert_snapshot!(lying.said(&handler).await, @"400 failed BAD_WRITEBACK_REQUEST, 0 rows");
}

async fn where_there_is_one_tenant_only_the_table_is_declared_as_shared(shop: &Shop) {
    shop.execute("create table flags (id text not null, state text not null, version bigint not null, primary key (id))");
    shop.execute("insert into flags values ('dark', 'off', 1)");
    let turn = |job: Job, tx: Tx| async move {
        tx.update("flags", &[("state", job.patch().scalar("credit_cents")?.plain_text().into())], &[("id", job.object_id().into())])
            .await?;
        Ok(Done::new())
    };
    let shared = shop.bare().table(synapsor_handler::Table::shared("flags")).bearer_token(TOKEN).effect("billing.credit", turn);
    let handler = shared.build().unwrap();
    let guard = serde_json::json!({"column": "__single_tenant_dev", "value": "single_tenant_dev"});
    let ask = Ask::flat(shop).with("/target/table", "flags").object("dark").version(1);
    let ask = ask.with("/tenant_guard", guard.clone()).with("/guards/tenant", guard).with("/before", serde_json::json!({}));
    assert_snapshot!(ask.said(&handler).await, @"200 applied, 1 rows, mutated, version 1 -> 2");
    assert_eq!(shop.table("select state, version from flags"), "500 | 2");
}

async fn a_database_that_is_gone_is_failed_and_worth_another_attempt(shop: &Shop) {
    let _ = shop;
    let handler = synapsor_handler::Handler::builder()
        .bearer_token(TOKEN)
        .sqlite("/nowhere/at-all.db")
        .table(synapsor_handler::Table::new("invoices", "tenant_id"))
        .effect("billing.credit", credit)
        .build()
        .unwrap();
    let heard = Ask::flat(shop).with("/target/schema", "main").send(&handler).await;
    assert_snapshot!(heard.said(), @"503 failed DATABASE_UNAVAILABLE, 0 rows");
    assert_eq!(heard.header("retry-after"), "1");
    assert!(!heard.text.contains("nowhere"));
}
