//! Does every guard refuse what it is there to refuse, and nothing else?
//!
//! What the row was, what its version says, what triggers make of a change: each behaviour runs once per engine.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use synapsor_protocol::Scalar;
use synapsor_source::guarded::Advance;

use crate::business::{Business, Draft, assert_snapshot, checked, findings, name, on_each_engine, read};

on_each_engine! {
    a_weak_guard_sees_a_change_of_any_column_that_was_shown
    a_change_that_commits_while_the_lock_is_waited_for_is_seen
    a_date_is_a_version_that_only_the_database_moves
    a_single_tenant_is_read_and_written_without_a_tenant
    an_integer_of_every_width_moves_by_one_and_not_past_its_end
    a_moment_of_every_precision_moves_by_its_own_unit
    a_decimal_is_a_version_that_only_the_database_moves
    a_version_that_a_trigger_puts_back_undoes_the_effect
    a_version_that_the_database_computes_is_left_to_it
    a_trigger_that_spells_the_value_otherwise_undoes_the_effect
    a_trigger_that_leaves_the_row_alone_undoes_the_effect
    a_trigger_that_names_the_row_anew_undoes_the_effect
    what_triggers_did_elsewhere_is_undone_with_the_effect
    columns_that_the_database_computes_are_named_and_never_set
    a_key_of_several_columns_needs_one_that_is_unique_alone
    names_may_be_reserved_words_in_any_case
    a_column_that_no_configuration_can_spell_is_no_obstacle
    bytes_are_keys_and_tenants
}

/// A change of `table`, which has the usual columns and a `body`, with an operation of its own.
fn draft(business: &Business, table: &str, id: &str, expected: Scalar) -> Draft {
    Draft {
        usage: business.usage(table, &["body"], &["body"]),
        id: id.into(),
        patch: vec![("body", "new".into())],
        expected,
        operation: format!("wrp_{table}:{id}").leak(),
        ..Draft::close(business)
    }
}

/// A table with the usual columns, a `body` and one row.
fn table(business: &Business, table: &str, version: &str, value: &str) {
    business.execute(&format!(
        "create table {table} (id varchar(20) primary key, tenant_id varchar(20) not null, body varchar(20), version {version} not null); \
         insert into {table} values ('N', 'acme', 'old', {value})"
    ));
}

/// TRAP 3: a weak guard that is kept and never looked at lets a changed row be overwritten.
async fn a_weak_guard_sees_a_change_of_any_column_that_was_shown(business: &Business) {
    business.execute(
        "create table notes (id varchar(20) primary key, tenant_id varchar(20) not null, body varchar(20), title varchar(20), score integer, secret varchar(20)); \
         insert into notes values ('N', 'acme', 'old', 'a', 1, 'x')",
    );
    let (source, writer) = (business.source(), business.writer());
    let shown = ["body", "title", "score", "tenant_id"];
    let mut weak = Draft { weak: true, ..draft(business, "notes", "N", Scalar::Null) };
    (weak.usage.version, weak.usage.columns) = (None, shown.iter().map(|column| name(column)).collect());
    let mut lines = Vec::new();
    for (at, change) in ["body = 'older'", "title = 'A'", "title = 'A '", "title = null", "score = 2", "score = null", "secret = 'y'"]
        .into_iter()
        .enumerate()
    {
        let operation: &'static str = format!("wrp_{at}:N").leak();
        let hashed = Draft { operation, ..weak.clone() }.with_row_hash(&source, &shown).await;
        business.execute(&format!("update notes set {change}"));
        lines.push(format!("{change}: {}", hashed.apply(&writer).await));
    }
    assert_snapshot!(lines.join("\n"), @"
    body = 'older': conflict ROW_CHANGED_AFTER_PROPOSAL
    title = 'A': conflict ROW_CHANGED_AFTER_PROPOSAL
    title = 'A ': conflict ROW_CHANGED_AFTER_PROPOSAL
    title = null: conflict ROW_CHANGED_AFTER_PROPOSAL
    score = 2: conflict ROW_CHANGED_AFTER_PROPOSAL
    score = null: conflict ROW_CHANGED_AFTER_PROPOSAL
    secret = 'y': applied, 1 row
    ");
}

async fn a_change_that_commits_while_the_lock_is_waited_for_is_seen(business: &Business) {
    table(business, "notes", "bigint", "1");
    let (source, writer) = (business.source(), business.writer());
    let mut weak = Draft { weak: true, ..draft(business, "notes", "N", 1.into()) };
    weak.usage.version = None;
    let hashed = weak.with_row_hash(&source, &["body", "id"]).await;
    // Makes the receipt table, which nobody must wait for.
    assert_eq!(Draft { operation: "wrp_0:N", ..weak.clone() }.fence(&writer).await, "tombstoned");
    let (change, moment) = ("update notes set body = 'meanwhile'", Duration::from_millis(300));
    let answer = match () {
        () if business.is_sqlite() => {
            let holder = rusqlite::Connection::open(business.path()).unwrap();
            holder.execute_batch(&format!("begin immediate; {change}")).unwrap();
            let commit = async {
                tokio::time::sleep(moment).await;
                holder.execute_batch("commit").unwrap();
            };
            tokio::join!(hashed.apply(&writer), commit).0
        }
        () if business.is_mysql() => {
            let mut holder = business.mysql_server().connect().await;
            holder.query_drop("begin").await.unwrap();
            holder.query_drop(change).await.unwrap();
            let commit = async {
                tokio::time::sleep(moment).await;
                holder.query_drop("commit").await.unwrap();
            };
            tokio::join!(hashed.apply(&writer), commit).0
        }
        () => {
            let holder = business.server().connect().await;
            holder.batch_execute(&format!("begin; {change}")).await.unwrap();
            let commit = async {
                tokio::time::sleep(moment).await;
                holder.batch_execute("commit").await.unwrap();
            };
            tokio::join!(hashed.apply(&writer), commit).0
        }
    };
    assert_snapshot!(answer, @"conflict ROW_CHANGED_AFTER_PROPOSAL");
    assert_eq!(business.table("select body, version from notes"), "meanwhile | 1");
}

async fn a_date_is_a_version_that_only_the_database_moves(business: &Business) {
    table(business, "notes", "date", "'2026-03-02'");
    let (source, writer) = (business.source(), business.writer());
    let auto = draft(business, "notes", "N", "2026-03-02".into());
    assert_snapshot!(auto.apply(&writer).await, @"failed WRITEBACK_SAFETY_FAILURE");
    let shown = ["body", "version"];
    assert_snapshot!(auto.with_row_hash(&source, &shown).await.apply(&writer).await, @"failed VERSION_NOT_ADVANCED");
    let moved = Draft { advance: Advance::Database, ..auto };
    let unmoved = moved.with_row_hash(&source, &shown).await;
    assert_snapshot!(unmoved.apply(&writer).await, @"failed VERSION_NOT_ADVANCED");
    let next = match () {
        () if business.is_sqlite() => "date(old.version, '+1 day')",
        () if business.is_mysql() => "old.version + interval 1 day",
        () => "old.version + 1",
    };
    // A change on the same day leaves the version, and not the hash.
    business.execute("update notes set body = 'older'");
    assert_snapshot!(unmoved.apply(&writer).await, @r#"conflict ROW_CHANGED_AFTER_PROPOSAL, version "2026-03-02""#);
    business.on_update("notes", "version", next);
    let fresh = Draft { operation: "wrp_2:N", ..moved.with_row_hash(&source, &shown).await };
    assert_snapshot!(fresh.apply(&writer).await, @r#"applied, 1 row, version "2026-03-02" -> "2026-03-03", also changed: version"#);
}

/// TRAP 23: without a tenant column the change must not look for one.
async fn a_single_tenant_is_read_and_written_without_a_tenant(business: &Business) {
    business.execute(
        "create table settings (id varchar(20) primary key, body varchar(20), version bigint not null); insert into settings values ('S', 'old', 1)",
    );
    let mut alone = draft(business, "settings", "S", 1.into());
    alone.usage.tenant_key = None;
    let source = business.source();
    assert_eq!(findings(source.check(&alone.usage).await), "");
    let settings = checked(source.check(&alone.usage).await);
    let rows = source.read(&settings, &settings.key(&"S".into()).unwrap(), None, 2).await.unwrap();
    assert_snapshot!(serde_json::to_string(&rows).unwrap(), @r#"[{"body":"old","id":"S","version":1}]"#);
    assert_snapshot!(settings.tenant(&"acme".into()).unwrap_err().to_string(), @"the table has no tenant column");
    assert_snapshot!(alone.apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    // Where rows of several tenants share a key, it names no row.
    let mut tickets = business.tickets();
    tickets.tenant_key = None;
    assert_snapshot!(findings(source.check(&tickets).await), @"Error KEY_NOT_UNIQUE id: no unique index says that the key `id`, alone or with the tenant, names one row");
}

async fn an_integer_of_every_width_moves_by_one_and_not_past_its_end(business: &Business) {
    let widths: &[(&str, &str)] = match () {
        () if business.is_sqlite() => &[("integer", "9223372036854775807"), ("tinyint", "9223372036854775807")],
        () if business.is_mysql() => &[
            ("tinyint", "127"),
            ("tinyint unsigned", "255"),
            ("smallint", "32767"),
            ("mediumint unsigned", "16777215"),
            ("int", "2147483647"),
            ("bigint unsigned", "18446744073709551615"),
        ],
        () => &[("smallint", "32767"), ("integer", "2147483647"), ("bigint", "9223372036854775807")],
    };
    let writer = business.writer();
    for (at, (width, last)) in widths.iter().enumerate() {
        let (low, high) = (format!("low_{at}"), format!("high_{at}"));
        table(business, &low, width, "1");
        table(business, &high, width, last);
        assert_eq!(
            draft(business, &low, "N", 1.into()).apply(&writer).await,
            "applied, 1 row, version 1 -> 2, also changed: version",
            "{width}"
        );
        assert_eq!(draft(business, &high, "N", (*last).into()).apply(&writer).await, "failed VERSION_NOT_ADVANCED", "{width}");
        assert_eq!(business.table(&format!("select body, version from {high}")), format!("old | {last}"));
    }
}

async fn a_moment_of_every_precision_moves_by_its_own_unit(business: &Business) {
    let (source, writer) = (business.source(), business.writer());
    for digits in 0..=6_usize {
        let (kind, zone) = match () {
            () if business.is_sqlite() => ("datetime".to_owned(), "Z"),
            () if business.is_mysql() => (format!("datetime({digits})"), ""),
            () => (format!("timestamptz({digits})"), "Z"),
        };
        let point = |digit: &str| if digits == 0 { String::new() } else { format!(".{}", digit.repeat(digits)) };
        // A clock behind the row's version moves it by one unit; another one sets it.
        let (ahead, next) = (format!("2037-01-01T00:00:00{}{zone}", point("9")), format!("2037-01-01T00:00:01{}{zone}", point("0")));
        let past = format!("2001-01-01T00:00:00{}{zone}", point("0"));
        for (table_name, old, expected) in [(format!("ahead_{digits}"), ahead, Some(next)), (format!("past_{digits}"), past, None)] {
            let literal = if business.is_sqlite() {
                old.clone()
            } else {
                old.replace('Z', "+00").replace("+00", if business.is_mysql() { "" } else { "+00" })
            };
            table(business, &table_name, &kind, &format!("'{literal}'"));
            let guarded = draft(business, &table_name, "N", old.as_str().into()).with_row_hash(&source, &["body", "version"]).await;
            let answer = guarded.apply(&writer).await;
            match expected {
                Some(next) => assert_eq!(answer, format!("applied, 1 row, version \"{old}\" -> \"{next}\", also changed: version")),
                None => assert!(answer.starts_with(&format!("applied, 1 row, version \"{old}\" -> \"202")), "{answer}"),
            }
        }
    }
}

async fn a_decimal_is_a_version_that_only_the_database_moves(business: &Business) {
    table(business, "notes", "numeric(10,1)", "1.5");
    let decimal = draft(business, "notes", "N", "1.5".into());
    assert_snapshot!(findings(business.source().check(&decimal.usage).await).replace("decimal", "numeric"), @"Notice VERSION_NOT_ADVANCEABLE version: `advance: auto` does not know what follows a version of type numeric(10,1); set `advance: database` if the database moves `version`");
    assert_snapshot!(decimal.apply(&business.writer()).await, @"failed VERSION_NOT_ADVANCED");
    business.on_update("notes", "version", "old.version + 0.5");
    let moved = Draft { advance: Advance::Database, ..decimal };
    assert_snapshot!(moved.apply(&business.writer()).await.replace("\"2.0\"", "\"2\""), @r#"applied, 1 row, version "1.5" -> "2", also changed: version"#);
}

/// TRAP 10: two changes of one version both apply if nobody moves it.
async fn a_version_that_a_trigger_puts_back_undoes_the_effect(business: &Business) {
    business.on_update("tickets", "version", "old.version");
    let before = business.shown();
    assert_snapshot!(Draft::close(business).apply(&business.writer()).await, @"failed VERSION_NOT_ADVANCED");
    assert_eq!(business.shown(), before);
}

async fn a_version_that_the_database_computes_is_left_to_it(business: &Business) {
    business.execute(
        "create table parts (id varchar(20) primary key, tenant_id varchar(20) not null, body varchar(20), amount integer not null, \
            version bigint generated always as (amount * 2) stored); insert into parts (id, tenant_id, body, amount) values ('P', 'acme', 'old', 3)",
    );
    let mut computed = Draft { patch: vec![("amount", 4.into())], ..draft(business, "parts", "P", 6.into()) };
    computed.usage.patch = vec![name("amount"), name("body")];
    let found = findings(business.writer().check(&computed.usage).await);
    assert!(!found.contains("VERSION_NOT_ADVANCEABLE") && !found.contains("Error"), "{found}");
    assert_snapshot!(computed.apply(&business.writer()).await, @"applied, 1 row, version 6 -> 8, also changed: version");
    // A change that does not move it is undone.
    let still = Draft { patch: vec![("body", "new".into())], expected: 8.into(), operation: "wrp_2:P", ..computed };
    assert_snapshot!(still.apply(&business.writer()).await, @"failed VERSION_NOT_ADVANCED");
    assert_eq!(business.table("select body, amount, version from parts"), "old | 4 | 8");
}

async fn a_trigger_that_spells_the_value_otherwise_undoes_the_effect(business: &Business) {
    business.on_update("tickets", "status", "lower(new.status)");
    let (writer, before) = (business.writer(), business.shown());
    let capital = Draft { patch: vec![("status", "CLOSED".into())], ..Draft::close(business) };
    assert_snapshot!(capital.apply(&writer).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_snapshot!(capital.rehearse(&writer).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL, receipt table present");
    assert_eq!((business.shown(), business.receipts()), (before, String::new()));
    assert_snapshot!(Draft::close(business).apply(&writer).await, @"applied, 1 row, version 1 -> 2, also changed: version");
}

async fn a_trigger_that_leaves_the_row_alone_undoes_the_effect(business: &Business) {
    match () {
        () if business.is_sqlite() => business.execute("create trigger deaf before update on tickets begin select raise(ignore); end"),
        () if business.is_mysql() => business
            .mysql_server()
            .execute("create trigger deaf before update on tickets for each row set new.status = old.status, new.version = old.version"),
        () => business.execute(
            "create function deaf() returns trigger language plpgsql as $$ begin return null; end $$; \
             create trigger deaf before update on tickets for each row execute function deaf()",
        ),
    }
    let before = business.shown();
    assert_snapshot!(Draft::close(business).apply(&business.writer()).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!((business.shown(), business.receipts()), (before, String::new()));
}

async fn a_trigger_that_names_the_row_anew_undoes_the_effect(business: &Business) {
    for (column, trick) in [("id", "'T-7'"), ("tenant_id", "'ACME'")] {
        business.on_update("tickets", column, trick);
        let before = business.shown();
        assert_snapshot!(Draft::close(business).apply(&business.writer()).await, @"failed EFFECT_DIFFERS_FROM_APPROVAL");
        assert_eq!(business.shown(), before);
        business.execute(&format!(
            "drop trigger t_tickets_{column}{}",
            if business.is_sqlite() || business.is_mysql() { "" } else { " on tickets" }
        ));
    }
}

async fn what_triggers_did_elsewhere_is_undone_with_the_effect(business: &Business) {
    business.execute("create table log (line varchar(20))");
    match () {
        () if business.is_sqlite() => business.execute("create trigger logs after update on tickets begin insert into log values (new.status); update invoices set status = 'touched'; end"),
        () if business.is_mysql() => business.mysql_server().execute("create trigger logs after update on tickets for each row begin insert into log values (new.status); update invoices set status = 'touched'; end"),
        () => business.execute(
            "create function logs() returns trigger language plpgsql as $$ begin insert into log values (new.status); update invoices set status = 'touched'; return new; end $$; \
             create trigger logs after update on tickets for each row execute function logs()",
        ),
    }
    let writer = business.writer();
    // The version is not moved, so the effect is undone, and what followed from it.
    let unmoved = Draft { advance: Advance::Database, ..Draft::close(business) };
    let elsewhere =
        || (business.table("select count(*) from log"), business.table("select count(*) from invoices where status = 'touched'"));
    assert_snapshot!(unmoved.apply(&writer).await, @"failed VERSION_NOT_ADVANCED");
    assert_eq!(elsewhere(), ("0".to_owned(), "0".to_owned()));
    assert!(Draft::close(business).rehearse(&writer).await.starts_with("applied"));
    assert_eq!(elsewhere(), ("0".to_owned(), "0".to_owned()));
    assert!(Draft::close(business).apply(&writer).await.starts_with("applied"));
    assert_eq!(elsewhere(), ("1".to_owned(), "5".to_owned()));
}

async fn columns_that_the_database_computes_are_named_and_never_set(business: &Business) {
    let virtually = if business.is_sqlite() || business.is_mysql() { "virtual" } else { "stored" };
    business.execute(&format!(
        "create table sums (id varchar(20) primary key, tenant_id varchar(20) not null, body varchar(20), net integer, \
            gross integer generated always as (net * 2) stored, wide integer generated always as (net + 1) {virtually}, version bigint not null); \
         insert into sums (id, tenant_id, body, net, version) values ('S', 'acme', 'old', 10, 1)"
    ));
    let mut sums = Draft { patch: vec![("net", 20.into())], ..draft(business, "sums", "S", 1.into()) };
    (sums.usage.columns, sums.usage.patch) = (["net", "gross", "wide"].map(name).into(), vec![name("net")]);
    assert_snapshot!(sums.apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: gross wide version");
    assert_snapshot!(read(&business.source(), &sums.usage, &"S".into(), &"acme".into(), 1).await, @r#"{"gross":40,"id":"S","net":20,"tenant_id":"acme","version":2,"wide":21}"#);
    sums.usage.patch = ["gross", "wide"].map(name).into();
    assert_snapshot!(findings(business.writer().check(&sums.usage).await), @"
    Error PATCH_COLUMN_GENERATED gross: the database computes column `gross`
    Error PATCH_COLUMN_GENERATED wide: the database computes column `wide`
    ");
}

async fn a_key_of_several_columns_needs_one_that_is_unique_alone(business: &Business) {
    business.execute(
        "create table items (order_id integer not null, line integer not null, serial varchar(20) not null, tenant_id varchar(20) not null, body varchar(20), \
            version bigint not null, primary key (tenant_id, order_id, line)); \
         create unique index serials on items (serial, tenant_id); \
         insert into items values (1, 1, 'a', 'acme', 'old', 1), (1, 2, 'b', 'acme', 'old', 1)",
    );
    let mut usage = business.usage("items", &["body"], &["body"]);
    usage.primary_key = name("order_id");
    assert_snapshot!(findings(business.writer().check(&usage).await), @"Error KEY_NOT_UNIQUE order_id: no unique index says that the key `order_id`, alone or with the tenant, names one row");
    usage.primary_key = name("serial");
    assert_eq!(findings(business.writer().check(&usage).await), "");
    let one = Draft { usage, ..draft(business, "items", "a", 1.into()) };
    assert_snapshot!(one.apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.table("select serial, body from items order by serial"), "a | new\nb | old");
}

async fn names_may_be_reserved_words_in_any_case(business: &Business) {
    business.execute(
        "create table \"Order\" (\"Select\" varchar(20) primary key, \"from\" varchar(20) not null, \"Group\" varchar(20), \"when\" bigint not null, \"_\" integer, \"TABLE\" integer); \
         insert into \"Order\" values ('O', 'acme', 'old', 1, 7, 8)",
    );
    let mut usage = business.usage("Order", &["_", "TABLE"], &["Group"]);
    (usage.primary_key, usage.tenant_key, usage.version) = (name("Select"), Some(name("from")), Some(name("when")));
    assert_eq!(findings(business.writer().check(&usage).await), "");
    let order = Draft { usage: usage.clone(), id: "O".into(), patch: vec![("Group", "new".into())], ..Draft::close(business) };
    assert_snapshot!(order.apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: when");
    assert_snapshot!(read(&business.source(), &usage, &"O".into(), &"acme".into(), 1).await, @r#"{"Select":"O","TABLE":8,"_":7,"from":"acme","when":2}"#);
    // A name of another case is another name.
    let mut lower = usage.clone();
    lower.columns = vec![name("table"), name("group")];
    assert_snapshot!(findings(business.source().check(&lower).await), @"
    Error UNKNOWN_COLUMN table: there is no column `table`
    Error UNKNOWN_COLUMN group: there is no column `group`
    ");
    usage.table = name("ORDER");
    assert!(findings(business.source().check(&usage).await).contains("UNKNOWN_TABLE"));
}

async fn a_column_that_no_configuration_can_spell_is_no_obstacle(business: &Business) {
    for column in ["odd name", "\u{fc}n\u{ef}", "1st", "a-b", "semi;colon"] {
        business.execute(&format!("alter table tickets add column \"{column}\" varchar(20)"));
    }
    business.execute("create unique index odd on tickets (tenant_id, \"odd name\")");
    assert_snapshot!(Draft::close(business).apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: version");
    let row = read(&business.source(), &business.tickets(), &"T-1".into(), &"acme".into(), 1).await;
    assert_snapshot!(row, @r#"{"id":"T-1","priority":2,"status":"closed","tenant_id":"acme","version":2}"#);
}

async fn bytes_are_keys_and_tenants(business: &Business) {
    let (kind, zero, one) = match () {
        () if business.is_sqlite() => ("blob", "x'00'", "x'00ff'"),
        () if business.is_mysql() => ("varbinary(16)", "x'00'", "x'00ff'"),
        () => ("bytea", "'\\x00'", "'\\x00ff'"),
    };
    business.execute(&format!(
        "create table blobs (id {kind} not null primary key, tenant_id {kind} not null, body varchar(20), version bigint not null); \
         insert into blobs values ({one}, {zero}, 'old', 1), ({zero}, {one}, 'old', 1)"
    ));
    let usage = business.usage("blobs", &["body"], &["body"]);
    assert_eq!(findings(business.writer().check(&usage).await), "");
    let (one, zero): (Scalar, Scalar) = ("AP8=".into(), "AA==".into());
    assert_snapshot!(read(&business.source(), &usage, &one, &zero, 2).await, @r#"{"body":"old","id":"AP8=","tenant_id":"AA==","version":1}"#);
    assert_snapshot!(read(&business.source(), &usage, &one, &one, 2).await, @"no row");
    assert_snapshot!(read(&business.source(), &usage, &"AP9=".into(), &zero, 2).await, @"key refused: expected bytes in base64");
    let bytes = Draft { id: one, tenant: zero, ..draft(business, "blobs", "x", 1.into()) };
    assert_snapshot!(bytes.apply(&business.writer()).await, @"applied, 1 row, version 1 -> 2, also changed: version");
}
