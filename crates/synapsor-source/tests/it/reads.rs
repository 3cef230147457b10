//! Whose rows does a read show?

use synapsor_protocol::Scalar;
use synapsor_source::{Source, SourceError};

use crate::business::{Business, assert_snapshot, checked, on_each_engine, read, value};

on_each_engine! {
    a_row_is_found_by_key_and_tenant
    tenants_that_differ_by_case_accent_or_blank_are_other_tenants
    a_text_key_is_found_by_texts_and_a_number_key_by_numbers
    a_decimal_key_is_found_by_its_value_to_the_last_digit
    integers_beyond_what_a_double_holds_travel_as_strings
    a_read_of_several_rows_shows_them_all_up_to_the_limit
    another_tenants_row_reads_exactly_like_no_row
    a_text_of_more_than_a_mebibyte_is_refused_by_column
    what_was_checked_for_another_table_is_refused
}

async fn a_row_is_found_by_key_and_tenant(business: &Business) {
    let usage = business.usage("invoices", &["id", "status", "late_fee_cents", "waiver_reason"], &[]);
    let row = read(&business.source(), &usage, &"INV-1".into(), &"acme".into(), 1).await;
    assert_snapshot!(row, @r#"{"id":"INV-1","late_fee_cents":1500,"status":"overdue","tenant_id":"acme","version":3,"waiver_reason":null}"#);
}

async fn tenants_that_differ_by_case_accent_or_blank_are_other_tenants(business: &Business) {
    business.execute("insert into tickets values ('T-1', 'ácme', 'x', 'accent', 1, 1), ('T-1', 'ACME', 'x', 'capitals', 1, 1), ('T-1', 'acme ', 'x', 'blank', 1, 1)");
    let source = business.source();
    for (tenant, status) in [("acme", "open"), ("ácme", "accent"), ("ACME", "capitals"), ("acme ", "blank"), ("globex", "open")] {
        let row = read(&source, &business.tickets(), &"T-1".into(), &tenant.into(), 10).await;
        assert_eq!(row.lines().count(), 1, "{tenant}: {row}");
        assert!(row.contains(&format!("\"status\":\"{status}\"")), "{tenant}: {row}");
        assert!(row.contains(&format!("\"tenant_id\":\"{tenant}\"")), "{tenant}: {row}");
    }
    for nobody in ["Acme", "acme  ", " acme", "a\u{301}cme", "acme\t", ""] {
        assert_eq!(read(&source, &business.tickets(), &"T-1".into(), &nobody.into(), 10).await, "no row", "{nobody:?}");
    }
}

async fn a_text_key_is_found_by_texts_and_a_number_key_by_numbers(business: &Business) {
    business.execute(
        "create table parts (id bigint primary key, tenant_id text not null, version bigint not null); \
         insert into parts values (42, 'acme', 1); \
         insert into tickets values ('42', 'acme', 'x', 'by name', 1, 1)",
    );
    let (source, parts) = (business.source(), business.usage("parts", &["id"], &[]));
    let ask = async |usage, key: &str| read(&source, usage, &value(key), &"acme".into(), 1).await;
    let (tickets, mut lines) = (business.tickets(), Vec::new());
    for (usage, key) in [
        (&parts, "42"),
        (&parts, "\"42\""),
        (&parts, "\"042\""),
        (&parts, "42.5"),
        (&parts, "\"T-1\""),
        (&tickets, "\"42\""),
        (&tickets, "42"),
        (&tickets, "\"42 \""),
    ] {
        lines.push(format!("{} {key}: {}", usage.table, ask(usage, key).await));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    parts 42: {"id":42,"tenant_id":"acme","version":1}
    parts "42": {"id":42,"tenant_id":"acme","version":1}
    parts "042": key refused: expected an integer
    parts 42.5: key refused: expected an integer
    parts "T-1": key refused: expected an integer
    tickets "42": {"id":"42","priority":1,"status":"by name","tenant_id":"acme","version":1}
    tickets 42: key refused: expected a text
    tickets "42 ": no row
    "#);
}

/// SQLite has no exact decimals, so there none is a key.
async fn a_decimal_key_is_found_by_its_value_to_the_last_digit(business: &Business) {
    business.execute("create table parts (id numeric(22, 1) primary key, tenant_id text not null, version bigint not null)");
    let (source, parts) = (business.source(), business.usage("parts", &["id", "version"], &[]));
    if business.is_sqlite() {
        assert_snapshot!(crate::business::findings(source.check(&parts).await), @"Error UNSUPPORTED_KEY_TYPE id: the key `id` has the type numeric(22, 1); it must be an integer, a decimal of fixed scale, a uuid, a text or bytes");
        return;
    }
    business.execute("insert into parts values (9007199254740993.0, 'acme', 1), (9007199254740992.0, 'acme', 2), (-7.5, 'acme', 3)");
    let mut lines = Vec::new();
    for key in ["\"9007199254740993\"", "\"9007199254740992.0\"", "-7.5", "\"9007199254740994\"", "\"-7.51\""] {
        lines.push(format!("{key}: {}", read(&source, &parts, &value(key), &"acme".into(), 2).await));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    "9007199254740993": {"id":"9007199254740993.0","tenant_id":"acme","version":1}
    "9007199254740992.0": {"id":"9007199254740992.0","tenant_id":"acme","version":2}
    -7.5: {"id":"-7.5","tenant_id":"acme","version":3}
    "9007199254740994": no row
    "-7.51": key refused: more digits than the column keeps
    "#);
}

async fn integers_beyond_what_a_double_holds_travel_as_strings(business: &Business) {
    business.execute(
        "create table parts (id bigint primary key, tenant_id text not null, version bigint not null); \
         insert into parts values (9007199254740993, 'acme', 9223372036854775807), (9007199254740992, 'acme', -9007199254740993)",
    );
    let (source, parts) = (business.source(), business.usage("parts", &["id", "version"], &[]));
    let mut lines = Vec::new();
    for key in ["\"9007199254740993\"", "9007199254740992", "\"9007199254740992\"", "\"9223372036854775808\""] {
        lines.push(format!("{key}: {}", read(&source, &parts, &value(key), &"acme".into(), 1).await));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    "9007199254740993": {"id":"9007199254740993","tenant_id":"acme","version":"9223372036854775807"}
    9007199254740992: {"id":9007199254740992,"tenant_id":"acme","version":"-9007199254740993"}
    "9007199254740992": {"id":9007199254740992,"tenant_id":"acme","version":"-9007199254740993"}
    "9223372036854775808": key refused: outside the range of the column's type
    "#);
}

async fn a_read_of_several_rows_shows_them_all_up_to_the_limit(business: &Business) {
    let mut usage = business.usage("invoices", &["id"], &[]);
    (usage.primary_key, usage.version, usage.writes) = (crate::business::name("customer_id"), None, false);
    let source = business.source();
    for (limit, rows) in [(1, 1), (2, 2), (10, 2)] {
        let found = read(&source, &usage, &"C-1".into(), &"acme".into(), limit).await;
        assert_eq!(found.lines().count(), rows, "{found}");
    }
}

async fn another_tenants_row_reads_exactly_like_no_row(business: &Business) {
    let source = business.source();
    let usage = business.usage("invoices", &["id"], &[]);
    let others: Scalar = "INV-2".into();
    let foreign = read(&source, &usage, &others, &"globex".into(), 1).await;
    let missing = read(&source, &usage, &"INV-9".into(), &"globex".into(), 1).await;
    assert_eq!((foreign.as_str(), missing.as_str()), ("no row", "no row"));
}

async fn a_text_of_more_than_a_mebibyte_is_refused_by_column(business: &Business) {
    let whole = "x".repeat(1 << 20);
    business.execute(&format!("update tickets set subject = '{whole}' where tenant_id = 'acme'"));
    let usage = business.usage("tickets", &["subject"], &[]);
    let row = read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 1).await;
    assert!(row.len() > 1 << 20);
    business.execute("update tickets set subject = subject || 'x' where tenant_id = 'acme'");
    let row = read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 1).await;
    assert_snapshot!(row, @"column `subject` of source `desk` holds a value that cannot be represented: larger than 1048576 bytes");
}

async fn what_was_checked_for_another_table_is_refused(business: &Business) {
    business.execute("create table parts (id bigint primary key, tenant_id text not null, version bigint not null)");
    let source = business.source();
    let tickets = checked(source.check(&business.tickets()).await);
    let parts = checked(source.check(&business.usage("parts", &[], &[])).await);
    let (key, tenant) = (tickets.key(&"T-1".into()).unwrap(), tickets.tenant(&"acme".into()).unwrap());
    for (key, tenant) in [(&parts.key(&1.into()).unwrap(), Some(&tenant)), (&key, None), (&tenant, Some(&tenant)), (&tenant, Some(&key))] {
        assert!(matches!(source.read(&tickets, key, tenant, 1).await, Err(SourceError::Foreign { .. })));
    }
    let mut elsewhere = business.settings();
    elsewhere.name = "elsewhere".to_owned();
    let other = Source::open(elsewhere).unwrap();
    assert!(matches!(other.read(&tickets, &key, Some(&tenant), 1).await, Err(SourceError::Foreign { .. })));
}
