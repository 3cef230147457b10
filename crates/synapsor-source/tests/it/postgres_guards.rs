//! What guards a row of PostgreSQL alone: views, rules, partitions, inheritance, policies?

use synapsor_protocol::{Scalar, Secret};
use synapsor_source::{Location, Source, SourceSettings, TableUse, WriteSource};

use crate::business::{Business, Draft, business, findings, read, receipts};

fn settings(url: String) -> SourceSettings {
    SourceSettings::new("desk", Location::Postgres(Secret::new(url)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_any_kind_is_read_and_not_written() {
    let business = business!();
    business.execute(
        "create view plain as select * from tickets; \
         create view checked as select * from tickets where status = 'open' with local check option; \
         create view barred with (security_barrier) as select * from tickets where priority < 9; \
         create view joined as select t.*, c.name from tickets t join customers c on c.tenant_id = t.tenant_id; \
         create materialized view kept as select * from tickets; \
         create function redirect() returns trigger language plpgsql as $$ begin update invoices set status = 'x'; return new; end $$; \
         create trigger redirect instead of update on joined for each row execute function redirect()",
    );
    let mut lines = Vec::new();
    for view in ["plain", "checked", "barred", "joined", "kept"] {
        let mut usage = business.usage(view, &["status"], &["status"]);
        let refused = findings(business.writer().check(&usage).await);
        assert!(refused.contains("Error NOT_A_TABLE"), "{view}: {refused}");
        (usage.patch, usage.writes) = (Vec::new(), false);
        lines.push(format!("{view}: {}", read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 2).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    plain: {"id":"T-1","status":"open","tenant_id":"acme","version":1}
    checked: {"id":"T-1","status":"open","tenant_id":"acme","version":1}
    barred: {"id":"T-1","status":"open","tenant_id":"acme","version":1}
    joined: {"id":"T-1","status":"open","tenant_id":"acme","version":1}
    kept: {"id":"T-1","status":"open","tenant_id":"acme","version":1}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_redirects_the_update_undoes_the_effect() {
    let business = business!();
    let (writer, before) = (business.writer(), business.shown());
    for rule in [
        "nothing",
        "update invoices set status = 'x' where tenant_id = 'acme' and id = 'INV-1'",
        "update tickets set status = 'x' where id = 'T-1' and tenant_id = 'globex'",
    ] {
        // A rule on the table itself would redirect for ever.
        let rule = if rule.starts_with("update tickets") { "insert into log values ('x')" } else { rule };
        business.execute(&format!(
            "create table if not exists log (line text); create or replace rule elsewhere as on update to tickets do instead {rule}"
        ));
        assert_eq!(Draft::close(&business).apply(&writer).await, "failed EFFECT_DIFFERS_FROM_APPROVAL", "{rule}");
        assert_eq!((business.shown(), business.receipts()), (before.clone(), String::new()));
        assert_eq!(business.table("select count(*) from invoices where status = 'x' union all select count(*) from log"), "0\n0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_holds_rows_whose_key_is_unique_in_all_of_them() {
    let business = business!();
    business.execute(
        "create table parts (id integer not null, tenant_id text not null, body text, version bigint not null, primary key (tenant_id, id)) partition by hash (id); \
         create table parts_0 partition of parts for values with (modulus 2, remainder 0); create table parts_1 partition of parts for values with (modulus 2, remainder 1); \
         insert into parts select n, 'acme', 'old', 1 from generate_series(1, 8) n; \
         create table moving (id integer not null, tenant_id text not null, body text not null, version bigint not null, primary key (tenant_id, id, body)) partition by list (body); \
         create table moving_old partition of moving for values in ('old'); create table moving_new partition of moving for values in ('new')",
    );
    let writer = business.writer();
    for id in 1..=8_i64 {
        let draft = Draft {
            usage: business.usage("parts", &["body"], &["body"]),
            id: id.into(),
            patch: vec![("body", "new".into())],
            operation: format!("wrp_{id}:{id}").leak(),
            ..Draft::close(&business)
        };
        assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    }
    assert_eq!(business.table("select body, version, count(*) from parts group by 1, 2"), "new | 2 | 8");
    // A row that a change could move to another partition has a key that no index makes unique.
    let usage = business.usage("moving", &["body"], &["body"]);
    insta::assert_snapshot!(findings(writer.check(&usage).await), @"Error KEY_NOT_UNIQUE id: no unique index says that the key `id`, alone or with the tenant, names one row");
    // One partition by itself is a table.
    let part = business.usage("parts_0", &["body"], &["body"]);
    assert_eq!(findings(writer.check(&part).await), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_moves_to_another_partition_with_its_tenant_is_not_moved() {
    let business = business!();
    business.execute(
        "create table parts (id text not null, tenant_id text not null, body text, version bigint not null, primary key (tenant_id, id)) partition by list (tenant_id); \
         create table parts_acme partition of parts for values in ('acme'); create table parts_rest partition of parts default; \
         insert into parts values ('P', 'acme', 'old', 1)",
    );
    business.on_update("parts", "tenant_id", "'globex'");
    let draft = Draft {
        usage: business.usage("parts", &["body"], &["body"]),
        id: "P".into(),
        patch: vec![("body", "new".into())],
        ..Draft::close(&business)
    };
    assert_eq!(draft.apply(&business.writer()).await, "failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!(business.table("select tableoid::regclass, tenant_id, body from parts"), "parts_acme | acme | old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_others_inherit_from_has_no_unique_key() {
    let business = business!();
    business.execute("create table heirs () inherits (tickets); insert into heirs values ('T-1', 'acme', 'twice', 'open', 1, 1), ('T-2', 'acme', 'once', 'open', 1, 1)");
    let usage = business.tickets();
    insta::assert_snapshot!(findings(business.writer().check(&usage).await), @"Error KEY_NOT_UNIQUE id: no unique index says that the key `id`, alone or with the tenant, names one row");
    assert_eq!(read(&business.source(), &reading(&business), &"T-1".into(), &"acme".into(), 5).await.lines().count(), 2);
    // The heir has no key at all until it gets one.
    let heirs = business.usage("heirs", &["status"], &["status"]);
    assert!(findings(business.writer().check(&heirs).await).contains("KEY_NOT_UNIQUE"));
    business.execute("alter table heirs add primary key (tenant_id, id)");
    let draft = Draft { usage: heirs, id: "T-2".into(), ..Draft::close(&business) };
    assert_eq!(draft.apply(&business.writer()).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

/// The use of an account that only reads.
fn reading(business: &Business) -> TableUse {
    TableUse { patch: Vec::new(), writes: false, ..business.tickets() }
}

/// A business whose rows a policy hides, with accounts for reading and for writing, and receipts that the latter may write.
async fn policed(policies: &str) -> Option<(Business, Source, WriteSource)> {
    let business = Business::postgres()?;
    assert_eq!(Draft { operation: "wrp_0:T-0", ..Draft::close(&business) }.fence(&business.writer()).await, "tombstoned");
    business.execute(&format!(
        "insert into tickets values ('T-2', 'acme', 'hidden', 'open', 9, 1); alter table tickets enable row level security; {policies}"
    ));
    let reader = business.server().role("grant usage on schema public to {role}; grant select on tickets to {role}");
    let writer = business.server().role(
        "grant usage on schema public to {role}; grant select, update on tickets to {role}; \
         grant select, insert, update on synapsor_writeback_receipts to {role}",
    );
    let (reader, writer) = (Source::open(settings(reader)).unwrap(), WriteSource::open(settings(writer), receipts()).unwrap());
    Some((business, reader, writer))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_hides_is_not_there() {
    let Some((business, reader, writer)) = policed("create policy seen on tickets using (priority < 9)").await else { return };
    let hidden = || Draft { id: "T-2".into(), ..Draft::close(&business) };
    let shown = async |id: &str| read(&reader, &reading(&business), &Scalar::from(id), &"acme".into(), 1).await;
    assert_eq!((shown("T-2").await, shown("T-9").await), ("no row".to_owned(), "no row".to_owned()));
    assert!(shown("T-1").await.contains("open"));
    // The writer takes it for a row that has gone, and says so for good.
    assert_eq!(Draft { operation: "wrp_2:T-2", ..hidden() }.apply(&writer).await, "conflict ROW_NOT_FOUND");
    assert_eq!(
        Draft { operation: "wrp_1:T-1", ..Draft::close(&business) }.apply(&writer).await,
        "applied, 1 row, version 1 -> 2, also changed: version"
    );
    assert_eq!(business.table("select id, status from tickets where tenant_id = 'acme' order by id"), "T-1 | closed\nT-2 | open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_lets_be_read_and_not_changed_is_not_changed() {
    let policies =
        "create policy seen on tickets for select using (true); create policy changed on tickets for update using (priority < 9)";
    let Some((business, reader, writer)) = policed(policies).await else { return };
    let draft = Draft { id: "T-2".into(), operation: "wrp_2:T-2", ..Draft::close(&business) };
    assert!(read(&reader, &reading(&business), &"T-2".into(), &"acme".into(), 1).await.contains("open"));
    // The lock asks for what the update asks for.
    assert_eq!(draft.apply(&writer).await, "conflict ROW_NOT_FOUND");
    assert_eq!(business.table("select status from tickets where id = 'T-2'"), "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_refuses_the_new_row_leaves_the_old_one() {
    let policies = "create policy seen on tickets for select using (true); \
         create policy changed on tickets for update using (true) with check (status <> 'closed')";
    let Some((business, _, writer)) = policed(policies).await else { return };
    let (before, receipts) = (business.shown(), business.receipts());
    let draft = Draft::close(&business);
    assert_eq!(draft.apply(&writer).await, "failed PERMISSION_DENIED");
    assert_eq!((business.shown(), business.receipts()), (before, receipts));
    let other = Draft { patch: vec![("status", "waiting".into())], ..draft };
    assert_eq!(other.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_change_would_hide_from_its_writer_is_not_changed() {
    // Without a check of its own the policy for reading holds for the new row too, as PostgreSQL says.
    let policies =
        "create policy seen on tickets for select using (status = 'open'); create policy changed on tickets for update using (true)";
    let Some((business, _, writer)) = policed(policies).await else { return };
    let before = business.shown();
    assert_eq!(Draft::close(&business).apply(&writer).await, "failed PERMISSION_DENIED");
    assert_eq!(business.shown(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infinite_moment_has_nothing_after_it() {
    let business = business!();
    business.execute("create table notes (id text primary key, tenant_id text not null, body text, version timestamptz not null); insert into notes values ('N', 'acme', 'old', 'infinity')");
    let draft = Draft {
        usage: business.usage("notes", &["body"], &["body"]),
        id: "N".into(),
        patch: vec![("body", "new".into())],
        expected: "infinity".into(),
        ..Draft::close(&business)
    };
    assert_eq!(draft.apply(&business.writer()).await, "failed VERSION_NOT_ADVANCED");
    assert_eq!(business.table("select body, version from notes"), "old | infinity");
    assert!(read(&business.source(), &draft.usage, &"N".into(), &"acme".into(), 1).await.contains("infinity"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_database_would_store_as_another_one_is_not_stored() {
    let business = business!();
    business.execute(
        "create table docs (id text primary key, tenant_id text not null, doc jsonb, day interval day, version bigint not null); \
         insert into docs values ('D', 'acme', '{}', '1 day', 1)",
    );
    let mut lines = Vec::new();
    let proposed = [
        ("doc", r#"{"a":1,"a":2}"#),
        ("doc", r#""\u0000""#),
        ("doc", "1e400"),
        ("day", "P1DT1H"),
        ("doc", r#"{"a":1.10}"#),
        ("day", "P2D"),
    ];
    for (at, (column, text)) in proposed.into_iter().enumerate() {
        let draft = Draft {
            usage: business.usage("docs", &["doc", "day"], &["doc", "day"]),
            id: "D".into(),
            patch: vec![(column, text.into())],
            expected: if at == 5 { 2.into() } else { 1.into() },
            operation: format!("wrp_{at}:D").leak(),
            ..Draft::close(&business)
        };
        lines.push(format!("{column} {text}: {} [{}]", draft.apply(&business.writer()).await, business.table("select doc, day from docs")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    doc {"a":1,"a":2}: failed EFFECT_DIFFERS_FROM_APPROVAL [{} | 1 day]
    doc "\u0000": failed TRANSACTION_FAILED [{} | 1 day]
    doc 1e400: failed EFFECT_DIFFERS_FROM_APPROVAL [{} | 1 day]
    day P1DT1H: failed EFFECT_DIFFERS_FROM_APPROVAL [{} | 1 day]
    doc {"a":1.10}: applied, 1 row, version 1 -> 2, also changed: version [{"a": 1.1} | 1 day]
    day P2D: applied, 1 row, version 2 -> 3, also changed: version [{"a": 1.1} | 2 days]
    "#);
}
