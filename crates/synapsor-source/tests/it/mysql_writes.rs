//! What is true of a write to MySQL or MariaDB alone?

use std::time::Duration;

use mysql_async::prelude::Queryable;
use synapsor_protocol::Secret;
use synapsor_source::guarded::Advance;
use synapsor_source::{Location, SourceSettings, WriteSource};

use crate::business::{Business, Draft, checked, findings, name, read, receipts, said};
use crate::mysql_only::mysql;

fn writer(url: String, statement_timeout: Duration) -> WriteSource {
    let settings = SourceSettings { statement_timeout, ..SourceSettings::new("desk", Location::Mysql(Secret::new(url))) };
    WriteSource::open(settings, receipts()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_takes_nothing_back_is_refused_for_rows_and_for_receipts() {
    let business = mysql!();
    business.execute(
        "create table log (id varchar(9) primary key, tenant_id varchar(9) not null, body varchar(9), version int not null) engine = MyISAM; \
         insert into log values ('L', 'acme', 'a', 1)",
    );
    let mut usage = business.usage("log", &["body"], &["body"]);
    let found = findings(business.writer().check(&usage).await).replace(business.schema(), "S");
    insta::assert_snapshot!(found, @"Error STORAGE_NOT_TRANSACTIONAL: `S.log` is stored by MyISAM, which does not take a failed transaction back; only InnoDB can be written to directly");
    usage.writes = false;
    assert_eq!(findings(business.source().check(&usage).await), "");
    let (writer, draft) = (business.writer(), Draft::close(&business));
    assert_eq!(draft.fence(&writer).await, "tombstoned");
    business.execute("truncate synapsor_writeback_receipts; alter table synapsor_writeback_receipts engine = Aria");
    let fresh = business.writer();
    let table = checked(fresh.check(&draft.usage).await);
    let report = fresh.apply(&draft.change(&table)).await;
    assert_eq!(said(&report), "failed RECEIPT_TABLE_UNUSABLE");
    let detail = report.detail.unwrap();
    insta::assert_snapshot!(detail.replace(business.schema(), "S"), @"the receipt table cannot be used as it is; run: ALTER TABLE `S`.`synapsor_writeback_receipts` ENGINE=InnoDB;");
    business.execute(detail.split_once(": ").unwrap().1);
    assert_eq!(draft.apply(&fresh).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_table_that_takes_two_operations_for_one_is_refused() {
    let business = mysql!();
    // The layout of other writers, in the collation of most databases.
    business.execute(
        "create table synapsor_writeback_receipts (idempotency_key varchar(255) primary key, job_id varchar(255) not null unique, \
            proposal_id varchar(512) not null, status varchar(64) not null, result_hash varchar(128), \
            created_at timestamp not null default current_timestamp, completed_at timestamp null) collate utf8mb4_general_ci; \
         insert into synapsor_writeback_receipts values ('WRP_1:t-1', 'old', 'p', 'applied', null, now(), now())",
    );
    let (writer, draft) = (business.writer(), Draft::close(&business));
    let table = checked(writer.check(&draft.usage).await);
    let detail = writer.apply(&draft.change(&table)).await.detail.unwrap();
    insta::assert_snapshot!(detail.replace(business.schema(), "S"), @"the receipt table cannot be used as it is; run: ALTER TABLE `S`.`synapsor_writeback_receipts` CHANGE COLUMN idempotency_key operation_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL; ALTER TABLE `S`.`synapsor_writeback_receipts` ADD COLUMN proposal_hash VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT ''; ALTER TABLE `S`.`synapsor_writeback_receipts` ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0; ALTER TABLE `S`.`synapsor_writeback_receipts` ADD COLUMN action VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT ''; ALTER TABLE `S`.`synapsor_writeback_receipts` ADD COLUMN receipt_json LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;");
    business.execute(detail.split_once(": ").unwrap().1);
    business.execute("alter table synapsor_writeback_receipts modify column operation_id varchar(255) not null");
    let detail = writer.apply(&draft.change(&table)).await.detail.unwrap();
    insta::assert_snapshot!(detail.replace(business.schema(), "S"), @"the receipt table cannot be used as it is; run: ALTER TABLE `S`.`synapsor_writeback_receipts` MODIFY COLUMN operation_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;");
    business.execute(detail.split_once(": ").unwrap().1);
    assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    // Only the operation is a duplicate: that somebody else has the job is an error.
    let clash = Draft { operation: "wrp_2:T-1", expected: 2.into(), ..draft };
    assert_eq!(clash.apply(&writer).await, "failed TRANSACTION_FAILED");
    assert_eq!(clash.fence(&writer).await, "unresolved: failed TRANSACTION_FAILED");
    assert_eq!(business.receipts(), "WRP_1:t-1 | 0 | applied\nwrp_1:T-1 | 1 | applied");
}

/// TRAP 12: DDL within the transaction would commit the claim, and whatever fails after it would leave it behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_apply_that_fails_takes_its_claim_back_with_the_effect() {
    let business = mysql!();
    business.mysql_server().execute(
        "create trigger refuse after update on tickets for each row begin \
            if new.status = 'closed' then signal sqlstate '45000' set message_text = 'not today'; end if; end",
    );
    let (writer, draft) = (business.writer(), Draft::close(&business));
    let before = business.shown();
    assert_eq!(draft.apply(&writer).await, "failed TRANSACTION_FAILED");
    assert_eq!((business.shown(), business.receipts()), (before, String::new()));
    business.execute("drop trigger refuse");
    assert_eq!(draft.attempt(2).apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_to_the_values_that_are_there_has_matched_its_row() {
    let business = mysql!();
    let mut draft = Draft { patch: vec![("status", "open".into())], weak: true, ..Draft::close(&business) };
    draft.usage.version = None;
    let draft = draft.with_row_hash(&business.source(), &["status"]).await;
    assert_eq!(draft.apply(&business.writer()).await, "applied, 1 row");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_that_is_not_strict_would_cut_is_refused() {
    let business = mysql!();
    business.mysql_server().execute(
        "create table notes (id int primary key, tenant_id int not null, body tinytext character set utf8mb4, ascii varchar(9) character set latin1, \
            day timestamp null, version int not null); \
         insert into notes values (1, 1, 'a', 'a', null, 1)",
    );
    let usage = business.usage("notes", &["body", "ascii", "day"], &["body", "ascii", "day"]);
    let writer = business.writer();
    let draft = Draft { usage, id: 1.into(), tenant: 1.into(), ..Draft::close(&business) };
    let mut lines = Vec::new();
    for (column, new) in [("body", "ü".repeat(200)), ("ascii", "漢".to_owned()), ("day", "2039-01-01T00:00:00Z".to_owned())] {
        let draft = Draft { patch: vec![(column, new.as_str().into())], ..draft.clone() };
        lines.push(format!("{column}: {}", draft.apply(&writer).await));
    }
    assert_eq!(lines.join("\n"), ["body", "ascii", "day"].map(|column| format!("{column}: failed TRANSACTION_FAILED")).join("\n"));
    assert_eq!(business.table("select body, ascii, day, version from notes"), "a | a | NULL | 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn lookalikes_of_key_and_tenant_are_neither_changed_nor_locked() {
    let business = mysql!();
    business.mysql_server().execute(
        "create table notes (id varchar(9) not null primary key, tenant_id varchar(9) not null, body varchar(9), version int not null) \
            collate utf8mb4_general_ci; \
         insert into notes values ('n-1', 'acme', 'a', 1), ('n-2', 'ACME', 'a', 1), ('n-3', 'ácme', 'a', 1), ('n-4', 'acme  ', 'a', 1)",
    );
    let usage = business.usage("notes", &["body"], &["body"]);
    let writer = business.writer();
    let operations = ["wrp_1:n", "wrp_2:n", "wrp_3:n", "wrp_4:n", "wrp_5:n"];
    for (operation, (key, tenant)) in
        operations.into_iter().zip([("N-1", "acme"), ("n-1", "ACME"), ("n-2", "acme"), ("n-3", "acme"), ("n-4", "acme")])
    {
        let draft = Draft {
            usage: usage.clone(),
            id: key.into(),
            tenant: tenant.into(),
            operation,
            patch: vec![("body", "b".into())],
            ..Draft::close(&business)
        };
        assert_eq!(draft.apply(&writer).await, "conflict ROW_NOT_FOUND", "{key} of {tenant}");
    }
    assert_eq!(business.table("select count(*) from notes where body = 'a'"), "4");
    let own = Draft {
        usage,
        id: "n-4".into(),
        tenant: "acme  ".into(),
        operation: "wrp_6:n",
        patch: vec![("body", "b".into())],
        ..Draft::close(&business)
    };
    assert_eq!(own.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.table("select id from notes where body = 'b'"), "n-4");
}

/// Each of them has the shared lock of its refused insert and wants the receipt for itself.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_find_one_tombstone_at_once_apply_once() {
    let business = mysql!();
    let draft = Draft::close(&business);
    let writers: Vec<WriteSource> = (0..4).map(|_| business.writer()).collect();
    assert_eq!(draft.fence(&writers[0]).await, "tombstoned");
    let table = checked(writers[0].check(&draft.usage).await);
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(32));
    let tasks: Vec<_> = (0..32)
        .map(|at| {
            let (writer, start) = (writers[at % 4].clone(), start.clone());
            let change = draft.attempt(u32::try_from(at + 2).unwrap()).change(&table);
            tokio::spawn(async move {
                start.wait().await;
                said(&writer.apply(&change).await)
            })
        })
        .collect();
    let mut outcomes = std::collections::BTreeMap::new();
    for task in tasks {
        let said = task.await.unwrap();
        *outcomes.entry(said.split(',').next().unwrap().to_owned()).or_insert(0) += 1;
    }
    let seen: Vec<String> = outcomes.iter().map(|(outcome, times)| format!("{outcome} {times}")).collect();
    assert_eq!(seen.join(", "), "already_applied 31, applied 1");
    assert!(business.shown().contains("T-1 | acme | closed | 2 | 2"), "{}", business.shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victim_of_a_deadlock_is_begun_anew() {
    let business = mysql!();
    // Our transaction has the ticket and wants the invoice.
    business.mysql_server().execute(
        "create trigger visit before update on tickets for each row \
            update invoices set status = 'visited' where id = 'INV-1' and tenant_id = 'acme'",
    );
    let (writer, draft) = (business.writer(), Draft::close(&business));
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&writer).await, "tombstoned");
    // The other one has the invoices, and many changes, so that it is not the victim, and wants the ticket.
    let mut other = business.mysql_server().connect().await;
    other.query_drop("begin").await.unwrap();
    other.query_drop("update invoices set late_fee_cents = late_fee_cents + 1").await.unwrap();
    let (table, change) = (checked(writer.check(&draft.usage).await), draft.clone());
    let task = tokio::spawn(async move { said(&writer.apply(&change.change(&table)).await) });
    let waiting = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'";
    for _ in 0..100 {
        if business.table(waiting) != "0" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    other.query_drop("select * from tickets where id = 'T-1' and tenant_id = 'acme' for update").await.unwrap();
    other.query_drop("commit").await.unwrap();
    assert_eq!(task.await.unwrap(), "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.table("select status, late_fee_cents from invoices where id = 'INV-1' and tenant_id = 'acme'"), "visited | 1501");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time_takes_the_whole_transaction_back() {
    let business = mysql!();
    let writer = writer(business.mysql_server().url(), Duration::from_millis(900));
    let draft = Draft::close(&business);
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&writer).await, "tombstoned");
    let mut other = business.mysql_server().connect().await;
    other.query_drop("begin").await.unwrap();
    other.query_drop("update tickets set priority = 9 where tenant_id = 'acme'").await.unwrap();
    assert_eq!(draft.apply(&writer).await, "failed STATEMENT_TIMEOUT, transient");
    assert_eq!(business.receipts(), "wrp_0:T-1 | 1 | tombstone");
    other.query_drop("commit").await.unwrap();
    assert_eq!(draft.attempt(2).apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_guard_and_move_on_in_their_own_unit() {
    let business = mysql!();
    for (table, kind, old, near, next) in [
        ("t1", "timestamp(6)", "2037-01-01T00:00:00.999999Z", "2037-01-01T00:00:00.999998Z", "2037-01-01T00:00:01.000000Z"),
        ("t2", "datetime(6)", "2999-01-01T00:00:00.999999", "2999-01-01T00:00:01.000000", "2999-01-01T00:00:01.000000"),
        ("t3", "datetime(3)", "2999-01-01T00:00:00.999", "2999-01-01T00:00:00.998", "2999-01-01T00:00:01.000"),
        ("t4", "timestamp(4)", "2037-01-01T00:00:00.9999Z", "2037-01-01T00:00:00.9998Z", "2037-01-01T00:00:01.0000Z"),
    ] {
        let stored = old.trim_end_matches('Z');
        business.execute(&format!(
            "create table {table} (id varchar(9) primary key, tenant_id varchar(9) not null, body varchar(9), version {kind} not null); \
             insert into {table} values ('N', 'acme', 'a', '{stored}')"
        ));
        let usage = business.usage(table, &["body"], &["body"]);
        let draft = Draft { usage, id: "N".into(), patch: vec![("body", "b".into())], expected: near.into(), ..Draft::close(&business) };
        let near = Draft { operation: ["1", "2", "3", "4"][usize::from(table.as_bytes()[1] - b'1')], ..draft.clone() };
        assert_eq!(near.apply(&business.writer()).await, format!("conflict VERSION_CONFLICT, version \"{old}\""));
        let operation = ["5", "6", "7", "8"][usize::from(table.as_bytes()[1] - b'1')];
        let draft = Draft { operation, expected: old.into(), ..draft };
        assert_eq!(
            draft.apply(&business.writer()).await,
            format!("applied, 1 row, version \"{old}\" -> \"{next}\", also changed: version"),
            "{kind}"
        );
    }
    business.execute("create table now (id varchar(9) primary key, tenant_id varchar(9) not null, body varchar(9), version datetime(6) not null); insert into now values ('N', 'acme', 'a', '2026-03-02 08:00:00.5')");
    let usage = business.usage("now", &["body"], &["body"]);
    let patch = vec![("body", "b".into())];
    let draft =
        Draft { usage, id: "N".into(), patch, expected: "2026-03-02T08:00:00.500000".into(), operation: "9", ..Draft::close(&business) };
    assert!(draft.apply(&business.writer()).await.starts_with("applied"));
    assert_eq!(business.table("select abs(timestampdiff(second, version, utc_timestamp(6))) < 60 from now"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coarse_version_needs_the_row_hash_and_gets_it() {
    let business = mysql!();
    business.execute("create table notes (id varchar(9) primary key, tenant_id varchar(9) not null, body varchar(9), version datetime not null); insert into notes values ('N-1', 'acme', 'a', '2026-03-02 08:00:00')");
    let usage = business.usage("notes", &["body"], &["body"]);
    let (source, writer) = (business.source(), business.writer());
    assert!(findings(source.check(&usage).await).contains("COARSE_VERSION_GUARD"));
    let patch = vec![("body", "b".into())];
    let draft = Draft { usage, id: "N-1".into(), patch, expected: "2026-03-02T08:00:00".into(), ..Draft::close(&business) };
    assert_eq!(draft.apply(&writer).await, "failed WRITEBACK_SAFETY_FAILURE");
    let hashed = draft.with_row_hash(&source, &["body", "version"]).await;
    business.execute("update notes set body = 'c'");
    assert_eq!(hashed.apply(&writer).await, "conflict ROW_CHANGED_AFTER_PROPOSAL, version \"2026-03-02T08:00:00\"");
    let fresh = Draft { operation: "wrp_2:N-1", ..draft }.with_row_hash(&source, &["body", "version"]).await;
    assert!(fresh.apply(&writer).await.starts_with("applied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_moves_by_itself_must_have_moved() {
    let business = mysql!();
    business.execute(
        "create table notes (id varchar(9) primary key, tenant_id varchar(9) not null, body varchar(9), \
            version timestamp(6) not null default current_timestamp(6) on update current_timestamp(6)); \
         insert into notes values ('N-1', 'acme', 'a', '2026-03-02 08:00:00.123456')",
    );
    let usage = business.usage("notes", &["body"], &["body"]);
    let draft = Draft {
        usage,
        id: "N-1".into(),
        advance: Advance::Database,
        expected: "2026-03-02T08:00:00.123456Z".into(),
        patch: vec![("body", "a".into())],
        ..Draft::close(&business)
    };
    // The database moves it only if another value changes.
    assert_eq!(draft.apply(&business.writer()).await, "failed VERSION_NOT_ADVANCED");
    let other = Draft { patch: vec![("body", "b".into())], ..draft };
    assert!(other.apply(&business.writer()).await.starts_with("applied, 1 row, version \"2026-03-02T08:00:00.123456Z\" -> \""));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_integers_of_64_bits_are_keys_and_versions() {
    let business = mysql!();
    business.execute(
        "create table notes (id bigint unsigned primary key, tenant_id bigint unsigned not null, body varchar(9), version bigint unsigned not null); \
         insert into notes values (18446744073709551615, 18446744073709551614, 'a', 9223372036854775807), \
            (18446744073709551614, 18446744073709551614, 'a', 18446744073709551615)",
    );
    let usage = business.usage("notes", &["body"], &["body"]);
    let draft = Draft {
        usage,
        id: "18446744073709551615".into(),
        tenant: "18446744073709551614".into(),
        expected: "9223372036854775807".into(),
        patch: vec![("body", "b".into())],
        ..Draft::close(&business)
    };
    assert_eq!(
        draft.apply(&business.writer()).await,
        "applied, 1 row, version \"9223372036854775807\" -> \"9223372036854775808\", also changed: version"
    );
    let last = Draft { id: "18446744073709551614".into(), expected: "18446744073709551615".into(), operation: "wrp_2:N", ..draft };
    assert_eq!(last.apply(&business.writer()).await, "failed VERSION_NOT_ADVANCED");
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_columns_partitions_and_history_are_no_obstacle() {
    let business = mysql!();
    business.mysql_server().execute(
        "create table g (id int primary key, tenant_id int not null, body varchar(9), upper varchar(9) as (upper(body)) virtual, \
            size int as (length(body)) stored, place point, version int not null); \
         create table p (id int not null, tenant_id int not null, body varchar(9), version int not null, primary key (tenant_id, id)) \
            partition by list (tenant_id) (partition one values in (1), partition two values in (2)); \
         create table h (id int primary key, tenant_id int not null, body varchar(9), version int not null) with system versioning; \
         insert into g (id, tenant_id, body, place, version) values (1, 1, 'a', point(1, 1), 1); insert into p values (1, 1, 'a', 1); insert into h values (1, 1, 'a', 1); \
         create trigger move before update on g for each row set new.place = point(2, 2)",
    );
    let mut lines = Vec::new();
    for (table, operation) in [("g", "wrp_1:1"), ("p", "wrp_2:1"), ("h", "wrp_3:1")] {
        let usage = business.usage(table, &["body"], &["body"]);
        let patch = vec![("body", "bb".into())];
        let draft = Draft { usage, id: 1.into(), tenant: 1.into(), operation, patch, ..Draft::close(&business) };
        lines.push(format!("{table}: {}", draft.apply(&business.writer()).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    g: applied, 1 row, version 1 -> 2, also changed: upper size place version
    p: applied, 1 row, version 1 -> 2, also changed: version
    h: applied, 1 row, version 1 -> 2, also changed: version
    ");
    assert!(findings(business.writer().check(&business.usage("g", &[], &["upper", "size"])).await).contains("PATCH_COLUMN_GENERATED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_spells_the_value_otherwise_is_an_effect_that_differs() {
    let business = mysql!();
    business.execute("create trigger tidy before update on tickets for each row set new.status = upper(new.status)");
    let (writer, draft) = (business.writer(), Draft::close(&business));
    // To the database `CLOSED` and `closed` may well be the same.
    assert_eq!(draft.apply(&writer).await, "failed EFFECT_DIFFERS_FROM_APPROVAL");
    let spelled = Draft { patch: vec![("status", "CLOSED".into())], ..draft };
    assert_eq!(spelled.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_with_the_least_rights_applies_with_a_table_made_for_it() {
    let business = mysql!();
    let (server, schema) = (business.mysql_server(), business.schema());
    let url = server.role(&format!("grant select, update (status, version) on {schema}.tickets to {{role}}"));
    let least = writer(url.clone(), Duration::from_secs(5));
    let draft = Draft { usage: business.usage("tickets", &["status"], &["status"]), ..Draft::close(&business) };
    let table = checked(least.check(&draft.usage).await);
    let report = least.apply(&draft.change(&table)).await;
    assert_eq!(said(&report), "failed RECEIPT_TABLE_UNUSABLE");
    let detail = report.detail.unwrap();
    insta::assert_snapshot!(detail.replace(schema, "S"), @"the account may not create the receipt table; run: CREATE TABLE IF NOT EXISTS `S`.`synapsor_writeback_receipts` (operation_id VARCHAR(255) NOT NULL PRIMARY KEY, job_id VARCHAR(512) NOT NULL, proposal_id VARCHAR(512) NOT NULL, proposal_hash VARCHAR(128) NOT NULL, attempt BIGINT NOT NULL, action VARCHAR(512) NOT NULL, status VARCHAR(64) NOT NULL, receipt_json LONGTEXT, created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), completed_at DATETIME(6) NULL) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;");
    business.execute(detail.split_once(": ").unwrap().1);
    let role = url.split("://").nth(1).unwrap().split(':').next().unwrap();
    business.execute(&format!("grant select, insert, update on {schema}.synapsor_writeback_receipts to '{role}'@'%'"));
    assert_eq!(draft.apply(&least).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(draft.attempt(2).apply(&least).await, "already_applied, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_may_live_in_a_database_of_their_own() {
    let business = mysql!();
    let books = format!("{}_books", business.schema());
    business.execute(&format!("create database {books}"));
    let table = synapsor_source::ReceiptTable { schema: Some(name(&books)), table: name("receipts") };
    let writer = WriteSource::open(business.settings(), table).unwrap();
    assert_eq!(Draft::close(&business).apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.table(&format!("select status from {books}.receipts")), "applied");
    business.execute(&format!("drop database {books}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_bits_bytes_and_times_are_written_as_they_were_approved() {
    let business = mysql!();
    business.mysql_server().execute(
        "set session sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES'); create table things (id binary(2) primary key, tenant_id uuid not null, a enum('1','0','it''s','b\\s',''), b set('x','y','z'), c bit(64), \
            d binary(4), e blob, f time(6), g inet6, h year, i json, j decimal(65,30) unsigned, k float, l timestamp(6) null, m char(4), version int not null); \
         insert into things (id, tenant_id, version) values (x'0001', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1)",
    );
    let columns = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
    let usage = business.usage("things", &columns, &columns);
    let all_bits = "1".repeat(64);
    let values: [[&str; 13]; 2] = [
        [
            "\"1\"",
            "\"z,x\"",
            &format!("\"{all_bits}\""),
            "\"AAECAw==\"",
            "\"AP8=\"",
            "\"-838:59:59.000000\"",
            "\"::1\"",
            "1901",
            r#""{\"b\": [1e2, \"'\"], \"a\": null}""#,
            "\"0.000000000000000000000000000001\"",
            "0.1",
            "\"2038-01-19T03:14:07.999999Z\"",
            "\"a\"",
        ],
        [
            "\"b\\\\s\"",
            "\"\"",
            &format!("\"{}\"", "0".repeat(64)),
            "\"AAAAAA==\"",
            "\"\"",
            "\"00:00:00.000001\"",
            "\"ff::ffff\"",
            "0",
            "\"null\"",
            "\"99999999999999999999999999999999999\"",
            "-3.4028235e38",
            "null",
            "\"\"",
        ],
    ];
    let mut rows = Vec::new();
    for (round, given) in values.iter().enumerate() {
        let patch = columns.into_iter().zip(given.iter().map(|json| crate::business::value(json))).collect();
        let draft = Draft {
            usage: usage.clone(),
            id: "AAE=".into(),
            tenant: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11".into(),
            patch,
            operation: ["wrp_1:x", "wrp_2:x"][round],
            expected: i64::try_from(round + 1).unwrap().into(),
            ..Draft::close(&business)
        };
        let answer = draft.apply(&business.writer()).await;
        assert!(answer.starts_with("applied"), "{answer}");
        rows.push(read(&business.source(), &usage, &draft.id, &draft.tenant, 1).await);
    }
    insta::assert_snapshot!(rows.join("\n"), @r#"
    {"a":"1","b":"x,z","c":"1111111111111111111111111111111111111111111111111111111111111111","d":"AAECAw==","e":"AP8=","f":"-838:59:59.000000","g":"::1","h":1901,"i":"{\"a\":null,\"b\":[100,\"'\"]}","id":"AAE=","j":"0.000000000000000000000000000001","k":0.1,"l":"2038-01-19T03:14:07.999999Z","m":"a","tenant_id":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","version":2}
    {"a":"b\\s","b":"","c":"0000000000000000000000000000000000000000000000000000000000000000","d":"AAAAAA==","e":"","f":"00:00:00.000001","g":"ff::ffff","h":0,"i":"null","id":"AAE=","j":"99999999999999999999999999999999999.000000000000000000000000000000","k":-3.4028235e+38,"l":null,"m":"","tenant_id":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","version":3}
    "#);
}
