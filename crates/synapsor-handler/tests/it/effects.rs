//! What can an effect do, and what can it not?

use synapsor_handler::{Columns, Done, EffectError, Job, Tx};

use crate::ask::{Ask, Asking};
use crate::shop::{Shop, assert_snapshot, credit, insert, on_each_engine};

on_each_engine! {
    what_an_author_may_not_ask_is_refused_by_name_and_loses_nothing
    every_statement_stays_within_the_tenant
    what_was_updated_can_be_returned
    a_statement_that_the_database_refuses_loses_the_transaction
    the_applications_own_sql_runs_in_the_same_transaction
    a_target_that_is_deleted_by_name_is_applied_and_one_that_is_merely_gone_is_not
    a_transaction_that_outlives_its_effect_reaches_nothing
    the_job_says_who_and_what
}

/// One line for each question.
async fn refusals(job: &Job, tx: &Tx) -> String {
    let (id, one) = ([("id", job.object_id().into())], 1.into());
    let mut lines = Vec::new();
    let mut keep = |result: Result<(), synapsor_handler::TxError>| lines.push(result.map_or_else(|e| e.to_string(), |()| "done".into()));
    keep(tx.update("customers", &[("name", "x".into())], &id).await.map(drop));
    keep(tx.update("invoices\"; drop table invoices", &[("status", "x".into())], &id).await.map(drop));
    keep(tx.update("invoices", &[("nothing", "x".into())], &id).await.map(drop));
    keep(tx.update("invoices", &[("tenant_id", "globex".into())], &id).await.map(drop));
    keep(tx.update("invoices", &[("status", "x".into())], &[id[0].clone(), ("tenant_id", "globex".into())]).await.map(drop));
    keep(tx.update("invoices", &[("status", "x".into())], &[]).await.map(drop));
    keep(tx.update("invoices", &[], &id).await.map(drop));
    keep(tx.update("invoices", &[("amount_cents", "many".into())], &id).await.map(drop));
    keep(tx.update("invoices", &[("amount_cents", synapsor_handler::Scalar::Null)], &id).await.map(drop));
    keep(tx.update("invoices", &[("version", one), ("version", 2.into())], &id).await.map(drop));
    keep(tx.delete("credits", &[]).await.map(drop));
    keep(tx.query("credits", &[], &[]).await.map(drop));
    keep(tx.insert("credits", &[("tenant_id", "globex".into())]).await);
    lines.join("\n")
}

async fn what_an_author_may_not_ask_is_refused_by_name_and_loses_nothing(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        let lines = refusals(&job, &tx).await;
        credit(job, tx).await.map(|done| done.detail("lines", lines))
    });
    let receipt = Ask::flat(shop).send(&handler).await.receipt();
    assert_snapshot!(receipt["details"]["lines"].as_str().unwrap(), @"
    table `customers` was not declared for effects
    table `invoices\"; drop table invoices` was not declared for effects
    table `invoices` has no column `nothing`
    column `tenant_id` of table `invoices` is the tenant, which the transaction itself sets
    column `tenant_id` of table `invoices` is the tenant, which the transaction itself sets
    a change of table `invoices` needs a column that says which rows
    an update of table `invoices` sets nothing
    column `amount_cents`: expected an integer
    column `amount_cents`: a value is needed
    column `version` of table `invoices` is named twice
    a change of table `credits` needs a column that says which rows
    a query of table `credits` names no column
    column `tenant_id` of table `credits` is the tenant, which the transaction itself sets
    ");
    assert_eq!(receipt["status"], "applied");
}

async fn every_statement_stays_within_the_tenant(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        let id = [("id", job.object_id().into())];
        let updated = tx.update("invoices", &[("status", "seen".into())], &id).await?;
        let read = tx.query("invoices", &[], &["id", "status"]).await?;
        let deleted = tx.delete("tickets", &[("id", "T-1".into())]).await?;
        insert(&job, &tx).await?;
        Ok(Done::new().detail("counts", vec![updated, read.len() as u64, deleted]))
    });
    let receipt = Ask::flat(shop).send(&handler).await.receipt();
    assert_eq!(receipt["details"]["counts"].to_string(), "[1,2,1]");
    assert_snapshot!(shop.table("select tenant_id, status from invoices where id = 'INV-1' order by tenant_id"), @"
    ACME | overdue
    acme | seen
    acme  | overdue
    globex | overdue
    ");
    assert_eq!(shop.table("select tenant_id from tickets"), "globex");
    assert_eq!(shop.table("select tenant_id from credits"), "acme");
}

async fn what_was_updated_can_be_returned(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        let (set, filter) = ([("status", "seen".into())], [("id", job.object_id().into()), ("status", "overdue".into())]);
        let rows = tx.update_returning("invoices", &set, &filter, &["id", "status", "amount_cents"]).await?;
        let none = tx.update_returning("invoices", &set, &filter, &["id"]).await?;
        Ok(Done::new().detail("rows", shown(&rows)).detail("none", shown(&none)))
    });
    let receipt = Ask::flat(shop).send(&handler).await.receipt();
    let (rows, none) = (&receipt["details"]["rows"], &receipt["details"]["none"]);
    assert_snapshot!(rows.as_str().unwrap(), @r#"[{"amount_cents":12900,"id":"INV-1","status":"seen"}]"#);
    assert_eq!(none, "[]");
}

async fn a_statement_that_the_database_refuses_loses_the_transaction(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        // The check constraint refuses it; an author who looks away changes nothing about that.
        let refused = insert(&job, &tx).await.is_err();
        let after = tx.update("invoices", &[("status", "x".into())], &[("id", job.object_id().into())]).await.is_err();
        if refused && after { Ok(Done::new()) } else { Err(EffectError::refuse("it was not refused")) }
    });
    let (before, ask) = (shop.shown(), Ask::flat(shop).cents(1_000_001));
    let heard = ask.send(&handler).await;
    assert_snapshot!(heard.said(), @"500 failed HANDLER_BUSINESS_ERROR, 0 rows");
    assert!(!heard.text.to_lowercase().contains("check"), "{}", heard.text);
    assert_eq!((shop.shown(), shop.receipts()), (before, "wrp_1:INV-1 | 1 | tombstone".to_owned()));
}

async fn the_applications_own_sql_runs_in_the_same_transaction(shop: &Shop) {
    let place = match shop.schema() {
        "main" => ["?1", "?2"],
        "public" => ["$1", "$2"],
        _ => ["?", "?"],
    };
    let sql = format!("update invoices set late_fee_cents = late_fee_cents + {} where tenant_id = {} and id = 'INV-1'", place[0], place[1]);
    let handler = shop.with_effect(move |job: Job, tx: Tx| {
        let sql = sql.clone();
        async move {
            let rows = tx.sql(&sql, &[7.into(), job.tenant_id().into()]).await?;
            if job.attempt() == 1 { Err(EffectError::new("once more")) } else { Ok(Done::new().detail("rows", rows)) }
        }
    });
    let fee = "select late_fee_cents from invoices where tenant_id = 'acme' and id = 'INV-1'";
    assert!(Ask::flat(shop).said(&handler).await.starts_with("500 failed HANDLER_BUSINESS_ERROR"));
    assert_eq!(shop.table(fee), "1500");
    let said = Ask::flat(shop).attempt(2).said(&handler).await;
    assert_snapshot!(said, @r#"200 applied, 1 rows, mutated, version 3 -> 4, {"rows":1}"#);
    assert_eq!(shop.table(fee), "1507");
}

async fn a_target_that_is_deleted_by_name_is_applied_and_one_that_is_merely_gone_is_not(shop: &Shop) {
    let gone = shop.with_effect(|_: Job, tx: Tx| async move {
        tx.sql("delete from invoices where tenant_id = 'acme' and id = 'INV-1'", &[]).await?;
        Ok(Done::new())
    });
    assert_snapshot!(Ask::flat(shop).said(&gone).await, @"500 failed EFFECT_DIFFERS_FROM_APPROVAL, 0 rows");
    let moved = shop.with_effect(|_: Job, tx: Tx| async move {
        tx.sql("update invoices set tenant_id = 'initech' where tenant_id = 'acme' and id = 'INV-1'", &[]).await?;
        Ok(Done::new())
    });
    assert_snapshot!(Ask::flat(shop).proposal("wrp_2").said(&moved).await, @"500 failed EFFECT_DIFFERS_FROM_APPROVAL, 0 rows");
    let deleted = shop.with_effect(|job: Job, tx: Tx| async move {
        tx.delete("invoices", &[("id", job.object_id().into())]).await?;
        Ok(Done::new().effect("db.delete"))
    });
    let said = Ask::flat(shop).proposal("wrp_3").said(&deleted).await;
    assert_snapshot!(said, @r#"200 applied, 1 rows, mutated, {"effects":["db.delete"]}"#);
    assert_eq!(shop.table("select count(*) from invoices where tenant_id = 'acme'"), "1");
}

async fn a_transaction_that_outlives_its_effect_reaches_nothing(shop: &Shop) {
    let (keep, mut kept) = tokio::sync::mpsc::channel(1);
    let handler = shop.with_effect(move |job: Job, tx: Tx| {
        let keep = keep.clone();
        async move {
            keep.send(tx.clone()).await?;
            credit(job, tx).await
        }
    });
    assert!(Ask::flat(shop).said(&handler).await.starts_with("200 applied"));
    let late = kept.recv().await.unwrap();
    let refused = late.update("invoices", &[("status", "late".into())], &[("id", "INV-1".into())]).await.unwrap_err();
    assert_eq!((refused.to_string().as_str(), refused.lost), ("the transaction is over", true));
}

async fn the_job_says_who_and_what(shop: &Shop) {
    let handler = shop.with_effect(|job: Job, tx: Tx| async move {
        let line = format!(
            "{} {} {} {} {} {} by {} approved by {}, {} cents, was {}, is {} at {}",
            job.proposal_id(),
            job.operation_id(),
            job.attempt(),
            job.action(),
            job.tenant_id(),
            job.object_id(),
            job.principal(),
            job.approver().unwrap_or("nobody"),
            job.patch().integer("credit_cents")?,
            job.before().text("status")?,
            job.row().text("status")?,
            job.row().integer("version")?,
        );
        let wrong = [job.row().text("late_fee_cents").err(), job.row().integer("status").err(), job.patch().text("cents").err()];
        let wrong: Vec<String> = wrong.into_iter().flatten().map(|error| error.to_string()).collect();
        credit(job, tx).await.map(|done| done.detail("line", line).detail("wrong", wrong.join(", ")))
    });
    let receipt = Ask::flat(shop).send(&handler).await.receipt();
    assert_snapshot!(receipt["details"]["line"].as_str().unwrap(), @"wrp_1 wrp_1:INV-1 1 billing.credit acme INV-1 by approved_operator approved by ada, 500 cents, was overdue, is overdue at 3");
    assert_snapshot!(receipt["details"]["wrong"].as_str().unwrap(), @"`late_fee_cents` of the row is no text, `status` of the row is no integer, `cents` of the patch is not there");
}

fn shown(rows: &[Columns]) -> String {
    serde_json::to_string(rows).unwrap()
}
