//! Does the check against the catalog find what would go wrong later?

use crate::business::{Business, assert_snapshot, findings, name, on_each_engine};

on_each_engine! {
    a_use_that_fits_has_no_findings
    every_name_that_does_not_exist_is_reported
    a_key_that_no_unique_index_backs_is_refused_for_proposals
    what_a_patch_may_not_contain_is_reported
    a_view_is_read_and_not_written
    a_version_without_exact_order_is_refused
    a_coarse_version_is_accepted_with_a_warning
    a_value_that_does_not_survive_its_column_is_refused
}

async fn a_use_that_fits_has_no_findings(business: &Business) {
    assert_eq!(findings(business.source().check(&business.tickets()).await), "");
    assert_eq!(findings(business.writer().check(&business.tickets()).await), "");
}

async fn every_name_that_does_not_exist_is_reported(business: &Business) {
    let mut usage = business.usage("tickets", &["subject", "colour", "Subject"], &["shade"]);
    (usage.version, usage.primary_key) = (Some(name("revision")), name("number"));
    assert_snapshot!(findings(business.source().check(&usage).await), @"
    Error UNKNOWN_COLUMN number: there is no column `number`
    Error UNKNOWN_COLUMN revision: there is no column `revision`
    Error UNKNOWN_COLUMN colour: there is no column `colour`
    Error UNKNOWN_COLUMN Subject: there is no column `Subject`
    Error UNKNOWN_COLUMN shade: there is no column `shade`
    Error KEY_NOT_UNIQUE number: no unique index says that the key `number`, alone or with the tenant, names one row
    ");
    let nowhere = findings(business.source().check(&business.usage("ticket", &[], &[])).await);
    assert_snapshot!(nowhere.replace(&format!("{}.", business.schema()), "S."), @"Error UNKNOWN_TABLE: there is no table or view `S.ticket` that the account can see");
    let mut elsewhere = business.tickets();
    elsewhere.schema = name("warehouse");
    assert_snapshot!(findings(business.source().check(&elsewhere).await), @"Error UNKNOWN_TABLE: there is no table or view `warehouse.tickets` that the account can see");
}

async fn a_key_that_no_unique_index_backs_is_refused_for_proposals(business: &Business) {
    let mut usage = business.usage("invoices", &["id"], &["status"]);
    usage.primary_key = name("customer_id");
    assert_snapshot!(findings(business.source().check(&usage).await), @"Error KEY_NOT_UNIQUE customer_id: no unique index says that the key `customer_id`, alone or with the tenant, names one row");
    (usage.patch, usage.writes) = (Vec::new(), false);
    assert_snapshot!(findings(business.source().check(&usage).await), @"Warning KEY_NOT_UNIQUE customer_id: no unique index says that the key `customer_id`, alone or with the tenant, names one row");
    // A partial index says nothing of the other rows, nor one over a part of the values of the other values.
    business.execute(if business.is_mysql() {
        "delete from invoices where id <> 'INV-2'; create unique index part on invoices (customer_id(2))"
    } else {
        "create unique index part on invoices (customer_id) where status = 'none'"
    });
    assert!(findings(business.source().check(&usage).await).contains("KEY_NOT_UNIQUE"));
    business.execute("update invoices set customer_id = 'C-' || late_fee_cents || tenant_id");
    business.execute("create unique index whole on invoices (customer_id)");
    assert_eq!(findings(business.source().check(&usage).await), "");
}

async fn what_a_patch_may_not_contain_is_reported(business: &Business) {
    business.execute(
        "create table sums (id text primary key, tenant_id text not null, net integer, gross integer generated always as (net * 2) stored, version bigint not null)",
    );
    let usage = business.usage("sums", &["gross"], &["gross", "id", "tenant_id", "version", "net"]);
    assert_snapshot!(findings(business.source().check(&usage).await), @"
    Error PATCH_COLUMN_GENERATED gross: the database computes column `gross`
    Error PATCH_COLUMN_IS_KEY id: `id` is key, tenant or version and cannot be proposed
    Error PATCH_COLUMN_IS_KEY tenant_id: `tenant_id` is key, tenant or version and cannot be proposed
    Error PATCH_COLUMN_IS_KEY version: `version` is key, tenant or version and cannot be proposed
    ");
}

async fn a_view_is_read_and_not_written(business: &Business) {
    business.execute("create view open_tickets as select * from tickets where status = 'open'");
    let mut usage = business.usage("open_tickets", &["status"], &["status"]);
    assert!(findings(business.writer().check(&usage).await).contains("NOT_A_TABLE"));
    (usage.patch, usage.writes) = (Vec::new(), false);
    let found = findings(business.source().check(&usage).await);
    assert!(!found.contains("Error"), "{found}");
    let row = crate::business::read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 1).await;
    assert_snapshot!(row, @r#"{"id":"T-1","status":"open","tenant_id":"acme","version":1}"#);
}

async fn a_version_without_exact_order_is_refused(business: &Business) {
    let real = if business.is_sqlite() { "real" } else { "double precision" };
    business.execute(&format!("create table notes (id text primary key, tenant_id text not null, version {real} not null)"));
    assert_snapshot!(findings(business.source().check(&business.usage("notes", &[], &[])).await).replace("double precision", "real").replace("REAL", "real").replace("double", "real"), @"Error UNSUPPORTED_VERSION_TYPE version: the version `version` has the type real, which has no exact order of changes");
}

async fn a_coarse_version_is_accepted_with_a_warning(business: &Business) {
    business.execute("create table notes (id text primary key, tenant_id text not null, version date)");
    let usage = business.usage("notes", &[], &[]);
    assert_snapshot!(findings(business.source().check(&usage).await), @"
    Warning COARSE_VERSION_GUARD version: the version `version` of type date is coarser than a millisecond or of unknown precision; the row's hash is verified too
    Notice VERSION_NOT_ADVANCEABLE version: `advance: auto` does not know what follows a version of type date; set `advance: database` if the database moves `version`
    Warning NULLABLE_VERSION version: the version `version` may be null; a row where it is null is refused
    ");
    let table = crate::business::checked(business.source().check(&usage).await);
    assert!(table.coarse_version() && !table.next_version_known());
    let tickets = crate::business::checked(business.source().check(&business.tickets()).await);
    assert!(!tickets.coarse_version() && tickets.next_version_known());
}

async fn a_value_that_does_not_survive_its_column_is_refused(business: &Business) {
    let table = crate::business::checked(business.source().check(&business.tickets()).await);
    let check = |column: &str, json: &str| {
        let result = table.value(&name(column), &crate::business::value(json));
        format!("{column} {json}: {}", result.map_or_else(|error| error.to_string(), |checked| checked.scalar().to_string()))
    };
    let lines = [
        check("priority", "3"),
        check("priority", "\"3\""),
        check("priority", "3.5"),
        check("priority", "null"),
        check("priority", "true"),
        check("status", "\"open\\u0000\""),
        check("status", "7"),
        check("subject", "\"x\""),
        format!("key null: {}", table.key(&synapsor_protocol::Scalar::Null).unwrap_err()),
    ];
    assert_snapshot!(lines.join("\n"), @r#"
    priority 3: 3
    priority "3": 3
    priority 3.5: expected an integer
    priority null: a value is needed
    priority true: expected an integer
    status "open\u0000": contains a NUL character
    status 7: expected a text
    subject "x": column `subject` was not checked
    key null: a value is needed
    "#);
}
