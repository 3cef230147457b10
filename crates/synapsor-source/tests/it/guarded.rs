//! Is an approved change applied exactly once, or visibly not?

use std::sync::Arc;

use synapsor_source::guarded::{Advance, Guard};

use crate::business::{Business, Draft, assert_snapshot, checked, name, on_each_engine, said};

on_each_engine! {
    an_approved_change_is_applied_once_and_leaves_a_receipt
    sixteen_at_once_apply_one_operation_once
    a_version_that_moved_conflicts_and_the_conflict_stays
    two_changes_of_one_version_cannot_both_apply
    a_missing_row_and_another_tenants_row_conflict_alike
    lookalikes_of_the_tenant_are_not_touched
    a_weak_guard_is_verified_under_the_lock
    a_null_version_is_never_the_expected_one
    an_effect_that_differs_from_the_approval_is_rolled_back
    columns_that_change_besides_are_named_in_the_receipt
    a_version_that_the_database_should_move_must_move
    a_version_moved_by_the_database_is_accepted
    a_trigger_that_moves_the_row_to_another_tenant_is_rolled_back
    a_constraint_that_refuses_leaves_nothing_behind
    a_constraint_deferred_to_the_commit_is_a_failure_not_unknown
    an_operation_id_of_another_change_is_refused
    a_receipt_in_progress_is_unknown_and_a_foreign_status_too
    a_dry_run_changes_nothing_and_burns_nothing
    a_dry_run_without_a_receipt_table_does_not_create_it
    a_receipt_table_of_another_layout_is_refused_with_the_statements_that_mend_it
    only_reviewed_columns_are_set
    a_guard_that_cannot_be_verified_is_refused
    a_uuid_version_becomes_another_one
    a_version_at_the_end_of_its_type_is_not_advanced
    a_value_of_every_type_is_written_as_it_was_approved
}

async fn an_approved_change_is_applied_once_and_leaves_a_receipt(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert_snapshot!(draft.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    assert_snapshot!(draft.apply(&writer).await, @"already_applied, version 1 -> 2, also changed: version");
    assert_snapshot!(draft.attempt(7).apply(&business.writer()).await, @"already_applied, version 1 -> 2, also changed: version");
    assert_snapshot!(business.shown(), @"
    T-1 | acme | closed | 2 | 2
    T-1 | globex | open | 3 | 1
    ");
    let receipt = "select operation_id, job_id, proposal_id, length(proposal_hash), attempt, action, status, receipt_json, \
         completed_at >= created_at from synapsor_writeback_receipts";
    let shown = business.table(receipt).replace(" | t", " | 1");
    assert_snapshot!(shown, @r#"wrp_1:T-1 | wbj_1 | wrp_1 | 71 | 1 | desk.close_ticket | applied | {"outcome":"applied","rows_affected":1,"previous_version":1,"new_version":2,"also_changed":["version"],"transient":false} | 1"#);
}

async fn sixteen_at_once_apply_one_operation_once(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    let table = checked(writer.check(&draft.usage).await);
    let start = Arc::new(tokio::sync::Barrier::new(16));
    let tasks = (1..=16).map(|attempt| {
        let (writer, change, start) = (writer.clone(), draft.attempt(attempt).change(&table), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            writer.apply(&change).await.outcome.as_str()
        })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "applied").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "already_applied").count(), 15, "{outcomes:?}");
    assert_snapshot!(business.shown(), @"
    T-1 | acme | closed | 2 | 2
    T-1 | globex | open | 3 | 1
    ");
}

async fn a_version_that_moved_conflicts_and_the_conflict_stays(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    business.execute("update tickets set version = 2 where tenant_id = 'acme'");
    assert_snapshot!(draft.apply(&writer).await, @"conflict VERSION_CONFLICT, version 2");
    business.execute("update tickets set version = 1 where tenant_id = 'acme'");
    assert_snapshot!(draft.attempt(2).apply(&writer).await, @"conflict VERSION_CONFLICT, version 2");
    assert_snapshot!(business.receipts(), @"wrp_1:T-1 | 1 | conflict");
    // A successor is another operation.
    let successor = Draft { operation: "wrp_2:T-1", content: "close it again", ..draft };
    assert_snapshot!(successor.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
}

async fn two_changes_of_one_version_cannot_both_apply(business: &Business) {
    let (writer, first) = (business.writer(), Draft::close(business));
    let second = Draft { operation: "wrp_2:T-1", content: "raise it", patch: vec![("priority", 9.into())], ..first.clone() };
    assert_eq!(first.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_snapshot!(second.apply(&writer).await, @"conflict VERSION_CONFLICT, version 2");
}

async fn a_missing_row_and_another_tenants_row_conflict_alike(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    business.execute("insert into tickets values ('T-9', 'globex', 'x', 'open', 1, 1)");
    let others = Draft { id: "T-9".into(), operation: "wrp_1:T-9", ..draft.clone() };
    let missing = Draft { id: "T-8".into(), operation: "wrp_1:T-8", ..draft };
    let answers = (others.apply(&writer).await, missing.apply(&writer).await);
    assert_eq!(answers.0, answers.1);
    assert_snapshot!(answers.0, @"conflict ROW_NOT_FOUND");
}

async fn lookalikes_of_the_tenant_are_not_touched(business: &Business) {
    business.execute("insert into tickets values ('T-1', 'ácme', 'x', 'accent', 1, 1), ('T-1', 'ACME', 'x', 'capitals', 1, 1), ('T-1', 'acme ', 'x', 'blank', 1, 1)");
    let writer = business.writer();
    assert!(Draft::close(business).apply(&writer).await.starts_with("applied"));
    assert_eq!(business.table("select count(*) from tickets where status = 'closed'"), "1");
    assert_eq!(business.table("select tenant_id from tickets where status = 'closed'"), "acme");
}

async fn a_weak_guard_is_verified_under_the_lock(business: &Business) {
    let (source, writer) = (business.source(), business.writer());
    let mut draft = Draft::close(business);
    draft.usage.version = None;
    let draft = Draft { weak: true, ..draft }.with_row_hash(&source, &["id", "status", "priority"]).await;
    business.execute("update tickets set priority = 3 where tenant_id = 'acme'");
    assert_snapshot!(draft.apply(&writer).await, @"conflict ROW_CHANGED_AFTER_PROPOSAL");
    let fresh = Draft { operation: "wrp_2:T-1", ..draft }.with_row_hash(&source, &["id", "status", "priority"]).await;
    assert_snapshot!(fresh.apply(&writer).await, @"applied, 1 row");
}

async fn a_null_version_is_never_the_expected_one(business: &Business) {
    business.execute("create table notes (id text primary key, tenant_id text not null, body text, version bigint); insert into notes values ('N-1', 'acme', 'a', null)");
    let usage = business.usage("notes", &["body"], &["body"]);
    let writer = business.writer();
    let draft = Draft { usage, id: "N-1".into(), patch: vec![("body", "b".into())], ..Draft::close(business) };
    assert_snapshot!(draft.apply(&writer).await, @"conflict VERSION_CONFLICT, version null");
    let of_null = Draft { expected: synapsor_protocol::Scalar::Null, operation: "wrp_2:N-1", ..draft };
    assert_snapshot!(of_null.apply(&writer).await, @"failed WRITEBACK_SAFETY_FAILURE");
}

async fn an_effect_that_differs_from_the_approval_is_rolled_back(business: &Business) {
    business.on_update("tickets", "status", "'escalated'");
    let (writer, draft) = (business.writer(), Draft::close(business));
    let before = business.shown();
    assert_snapshot!(draft.apply(&writer).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!(business.shown(), before);
    assert_eq!(business.receipts(), "");
}

async fn columns_that_change_besides_are_named_in_the_receipt(business: &Business) {
    business.on_update("tickets", "subject", "'touched'");
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert_snapshot!(draft.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: subject version");
    assert_snapshot!(business.table("select receipt_json from synapsor_writeback_receipts"), @r#"{"outcome":"applied","rows_affected":1,"previous_version":1,"new_version":2,"also_changed":["subject","version"],"transient":false}"#);
}

async fn a_version_that_the_database_should_move_must_move(business: &Business) {
    let (writer, draft) = (business.writer(), Draft { advance: Advance::Database, ..Draft::close(business) });
    let before = business.shown();
    assert_snapshot!(draft.apply(&writer).await, @"failed VERSION_NOT_ADVANCED");
    assert_eq!(business.shown(), before);
    assert_eq!(business.receipts(), "");
}

async fn a_version_moved_by_the_database_is_accepted(business: &Business) {
    business.on_update("tickets", "version", "old.version + 10");
    let (writer, draft) = (business.writer(), Draft { advance: Advance::Database, ..Draft::close(business) });
    assert_snapshot!(draft.apply(&writer).await, @"applied, 1 row, version 1 -> 11, also changed: version");
}

async fn a_trigger_that_moves_the_row_to_another_tenant_is_rolled_back(business: &Business) {
    business.on_update("tickets", "tenant_id", "'initech'");
    let (writer, draft) = (business.writer(), Draft::close(business));
    let before = business.shown();
    assert_snapshot!(draft.apply(&writer).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!(business.shown(), before);
}

async fn a_constraint_that_refuses_leaves_nothing_behind(business: &Business) {
    business.execute("create table stock (id text primary key, tenant_id text not null, amount integer not null check (amount >= 0), version bigint not null); insert into stock values ('S-1', 'acme', 5, 1)");
    let usage = business.usage("stock", &["amount"], &["amount"]);
    let writer = business.writer();
    let draft = Draft { usage, id: "S-1".into(), patch: vec![("amount", (-1).into())], ..Draft::close(business) };
    assert_snapshot!(draft.apply(&writer).await, @"failed TRANSACTION_FAILED");
    assert_eq!(business.receipts(), "");
    // Nothing is burnt: the same operation may be tried again.
    business.execute("update stock set amount = 6");
    let within = Draft { patch: vec![("amount", 4.into())], ..draft }.attempt(2);
    assert_snapshot!(within.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
}

async fn a_constraint_deferred_to_the_commit_is_a_failure_not_unknown(business: &Business) {
    business.execute(
        "create table owners (id text primary key); insert into owners values ('ada'); \
         create table assets (id text primary key, tenant_id text not null, owner text not null \
            references owners (id) deferrable initially deferred, version bigint not null); \
         insert into assets values ('A-1', 'acme', 'ada', 1)",
    );
    let usage = business.usage("assets", &["owner"], &["owner"]);
    let writer = business.writer();
    let draft = Draft { usage, id: "A-1".into(), patch: vec![("owner", "nobody".into())], ..Draft::close(business) };
    assert_snapshot!(draft.apply(&writer).await, @"failed TRANSACTION_FAILED");
    assert_eq!(business.receipts(), "");
    assert_eq!(business.table("select owner, version from assets"), "ada | 1");
    if !business.is_sqlite() {
        assert_eq!(draft.rehearse(&writer).await, "failed TRANSACTION_FAILED, receipt table present");
    }
}

async fn an_operation_id_of_another_change_is_refused(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert!(draft.apply(&writer).await.starts_with("applied"));
    let other = Draft { content: "something else", expected: 2.into(), ..draft };
    assert_snapshot!(other.attempt(2).apply(&writer).await, @"failed IDEMPOTENCY_KEY_REUSED");
    assert_snapshot!(other.fence(&writer).await, @"unresolved: failed IDEMPOTENCY_KEY_REUSED");
}

async fn a_receipt_in_progress_is_unknown_and_a_foreign_status_too(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    // Makes the table.
    assert!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.apply(&writer).await.starts_with("applied"));
    let hash = draft.claim().proposal_hash;
    for (operation, status) in [("wrp_3:T-1", "in_progress"), ("wrp_4:T-1", "failed")] {
        business.execute(&format!(
            "insert into synapsor_writeback_receipts (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status, created_at) \
             values ('{operation}', 'j', 'p', '{hash}', 1, 'a', '{status}', '2026-03-02T08:00:00Z')"
        ));
    }
    let begun = Draft { operation: "wrp_3:T-1", expected: 2.into(), ..draft.clone() }.attempt(2);
    let foreign = Draft { operation: "wrp_4:T-1", expected: 2.into(), ..draft }.attempt(2);
    assert_snapshot!(begun.apply(&writer).await, @"unknown IDEMPOTENCY_RECEIPT_IN_PROGRESS");
    assert_snapshot!(begun.fence(&writer).await, @"unresolved: unknown IDEMPOTENCY_RECEIPT_IN_PROGRESS");
    assert_snapshot!(foreign.apply(&writer).await, @"unknown IDEMPOTENCY_RECEIPT_UNREADABLE");
    assert_snapshot!(foreign.fence(&writer).await, @"unresolved: unknown IDEMPOTENCY_RECEIPT_UNREADABLE");
}

async fn a_dry_run_changes_nothing_and_burns_nothing(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    // Makes the table.
    assert!(draft.fence(&writer).await == "tombstoned");
    let draft = Draft { operation: "wrp_2:T-1", ..draft };
    let before = business.shown();
    assert_snapshot!(draft.rehearse(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version, receipt table present");
    let late = Draft { expected: 5.into(), ..draft.clone() };
    assert_snapshot!(late.rehearse(&writer).await, @"conflict VERSION_CONFLICT, version 1, receipt table present");
    assert_eq!(business.shown(), before);
    assert_eq!(business.receipts(), "wrp_1:T-1 | 1 | tombstone");
    assert_snapshot!(draft.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    assert_snapshot!(draft.rehearse(&writer).await, @"already_applied, version 1 -> 2, also changed: version, receipt table present");
}

async fn a_dry_run_without_a_receipt_table_does_not_create_it(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    assert_snapshot!(draft.rehearse(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version, receipt table absent");
    let tables = match () {
        () if business.is_sqlite() => "select count(*) from sqlite_schema where name like '%receipts'",
        () if business.is_mysql() => {
            "select count(*) from information_schema.tables where table_schema = database() and table_name like '%receipts'"
        }
        () => "select count(*) from pg_class where relname like '%receipts'",
    };
    assert_eq!(business.table(tables), "0");
}

async fn a_receipt_table_of_another_layout_is_refused_with_the_statements_that_mend_it(business: &Business) {
    business.execute(
        "create table synapsor_writeback_receipts (idempotency_key text primary key, job_id text not null unique, \
         proposal_id text not null, status text not null, result_hash text, created_at timestamp not null default current_timestamp, completed_at timestamp)",
    );
    let (writer, draft) = (business.writer(), Draft::close(business));
    let table = checked(writer.check(&draft.usage).await);
    let report = writer.apply(&draft.change(&table)).await;
    assert_snapshot!(said(&report), @"failed RECEIPT_TABLE_UNUSABLE");
    let detail = report.detail.unwrap();
    business.execute(detail.split_once(": ").unwrap().1);
    assert_snapshot!(draft.apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    assert_snapshot!(business.receipts(), @"wrp_1:T-1 | 1 | applied");
}

async fn only_reviewed_columns_are_set(business: &Business) {
    let (writer, draft) = (business.writer(), Draft::close(business));
    let table = checked(writer.check(&draft.usage).await);
    let mut change = draft.change(&table);
    change.patch.push((name("id"), table.key(&"T-2".into()).unwrap()));
    assert_snapshot!(said(&writer.apply(&change).await), @"failed PATCH_COLUMN_NOT_ALLOWED");
    let mut change = draft.change(&table);
    change.patch = vec![(name("priority"), table.value(&name("status"), &"closed".into()).unwrap())];
    assert_snapshot!(said(&writer.apply(&change).await), @"failed PATCH_COLUMN_NOT_ALLOWED");
    change.patch.clear();
    assert_snapshot!(said(&writer.apply(&change).await), @"failed WRITEBACK_SAFETY_FAILURE");
    let mut change = draft.change(&table);
    change.tenant = None;
    assert_snapshot!(said(&writer.apply(&change).await), @"failed WRITEBACK_SAFETY_FAILURE");
}

async fn a_guard_that_cannot_be_verified_is_refused(business: &Business) {
    business.execute("create table notes (id text primary key, tenant_id text not null, body text, version text not null); insert into notes values ('N-1', 'acme', 'a', 'etag-1')");
    let usage = business.usage("notes", &["body"], &["body"]);
    let writer = business.writer();
    let draft = Draft {
        usage,
        id: "N-1".into(),
        expected: "etag-1".into(),
        patch: vec![("body", "b".into())],
        advance: Advance::Database,
        ..Draft::close(business)
    };
    assert_snapshot!(draft.apply(&writer).await, @"failed WRITEBACK_SAFETY_FAILURE");
    let table = checked(writer.check(&draft.usage).await);
    let mut change = draft.change(&table);
    change.guard = Guard::Version { column: name("body"), expected: "a".into(), advance: Advance::Auto, row: None };
    assert_snapshot!(said(&writer.apply(&change).await), @"failed WRITEBACK_SAFETY_FAILURE");
}

async fn a_uuid_version_becomes_another_one(business: &Business) {
    business.execute("create table notes (id text primary key, tenant_id text not null, body text, version uuid not null); insert into notes values ('N-1', 'acme', 'a', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')");
    let usage = business.usage("notes", &["body"], &["body"]);
    let draft = Draft {
        usage,
        id: "N-1".into(),
        expected: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into(),
        patch: vec![("body", "b".into())],
        ..Draft::close(business)
    };
    let answer = draft.apply(&business.writer()).await;
    assert!(answer.starts_with("applied"), "{answer}");
    assert_eq!(
        business
            .table("select version = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', length(cast(version as text)) from notes")
            .replace('f', "0"),
        "0 | 36"
    );
}

async fn a_version_at_the_end_of_its_type_is_not_advanced(business: &Business) {
    business.execute("update tickets set version = 9223372036854775807");
    let draft = Draft { expected: "9223372036854775807".into(), ..Draft::close(business) };
    assert_snapshot!(draft.apply(&business.writer()).await, @"failed VERSION_NOT_ADVANCED");
}

async fn a_value_of_every_type_is_written_as_it_was_approved(business: &Business) {
    let real = if business.is_sqlite() { "real" } else { "double precision" };
    business.execute(&format!(
        "create table things (id text primary key, tenant_id text not null, flag boolean, amount numeric(10,2), ratio {real}, \
         day date, doc json, note varchar(5), big bigint, version bigint not null); insert into things (id, tenant_id, version) values ('X', 'acme', 1)"
    ));
    let columns = ["flag", "amount", "ratio", "day", "doc", "note", "big"];
    let usage = business.usage("things", &columns, &columns);
    let patch = vec![
        ("flag", true.into()),
        ("amount", "12.50".into()),
        ("ratio", crate::business::value("0.1")),
        ("day", "2026-03-02".into()),
        ("doc", r#"{"b": 1e2, "a": "ü"}"#.into()),
        ("note", "füünf".into()),
        ("big", "9007199254740993".into()),
    ];
    let (source, writer) = (business.source(), business.writer());
    let draft = Draft { usage: usage.clone(), id: "X".into(), patch, ..Draft::close(business) };
    let answer = draft.apply(&writer).await;
    assert_eq!(answer, "applied, 1 row, version 1 -> 2, also changed: version");
    let row = crate::business::read(&source, &usage, &"X".into(), &"acme".into(), 1).await;
    let row = row.replace("\"12.50\"", "\"12.5\"");
    assert_snapshot!(row, @r#"{"amount":"12.5","big":"9007199254740993","day":"2026-03-02","doc":"{\"a\":\"ü\",\"b\":100}","flag":true,"id":"X","note":"füünf","ratio":0.1,"tenant_id":"acme","version":2}"#);
    let nulls = columns.iter().map(|column| (*column, synapsor_protocol::Scalar::Null)).collect();
    let emptied = Draft { patch: nulls, operation: "wrp_2:X", expected: 2.into(), ..draft };
    assert!(emptied.apply(&writer).await.starts_with("applied"));
}
