//! `config validate --check-db`: what a person learns of both accounts before anything is proposed.

use serde_json::json;

use crate::desk::{Desk, assert_same, on_each_engine};

on_each_engine! {
    both_accounts_are_asked_and_nothing_is_changed
    a_view_can_be_read_and_not_written_to
    a_source_that_is_never_written_to_has_no_account_for_writing
}

/// What was found, one line each; `w` is the account for writing.
fn found(desk: &Desk) -> String {
    let answer = desk.json("config validate --check-db --json");
    let lines = answer["database"].as_array().unwrap().iter().map(|found| {
        let text = |field: &str| found[field].as_str().unwrap_or("-").to_owned();
        let account = if found["account"] == "writing" { "w" } else { "r" };
        format!("{account} {} {} {} {}", text("severity"), text("code"), text("capability"), text("column"))
    });
    let mut lines: Vec<_> = lines.collect();
    lines.push(format!("ok: {}", answer["ok"]));
    lines.join("\n")
}

fn both_accounts_are_asked_and_nothing_is_changed(desk: &mut Desk) {
    assert_same!(desk.shown("config validate --check-db"), @r"
    exit: 0
    ---- stdout ----
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    notice RECEIPT_TABLE_ABSENT source `desk`, account for writing
      there is no receipt table yet; the first change creates it
    synapsor.runner.json is valid, and the databases have what it names (0 errors, 0 warnings, 2 notices)
    ---- stderr ----
    ");
    let tables = desk.dialect(
        "sqlite_schema where name",
        "pg_tables where tablename",
        "information_schema.tables where table_schema = database() and table_name",
    );
    assert_eq!(desk.table(&format!("select count(*) from {tables} like 'synapsor%'")), "0");
    let id = desk.approved("x");
    assert_eq!(desk.apply(&id), "applied");
    assert_same!(found(desk), @"ok: true");
}

fn a_view_can_be_read_and_not_written_to(desk: &mut Desk) {
    desk.execute(
        "alter table tickets rename to all_tickets; \
         create view tickets as select id, tenant_id, subject, status, priority, version from all_tickets",
    );
    let told = found(desk);
    assert!(told.contains("w error NOT_A_TABLE support.propose_status -") && told.ends_with("ok: false"), "{told}");
    assert!(!told.contains("r error NOT_A_TABLE"), "{told}");
    let verdict = "is valid, but the databases do not have what it names (";
    assert!(desk.run("config validate --check-db").stdout.contains(verdict));
}

fn a_source_that_is_never_written_to_has_no_account_for_writing(desk: &mut Desk) {
    desk.configure(|config| config["mode"] = json!("shadow"));
    desk.set("DESK_WRITE_URL", "canary://canary");
    assert_same!(found(desk), @"ok: true");
    desk.configure(|config| {
        config["mode"] = json!("review");
        config["sources"]["desk"]["read_only"] = json!(true);
    });
    assert!(!found(desk).contains("\nw "));
}

/// Gives the account for writing these rights and no others.
fn may(desk: &mut Desk, grants: &str) {
    let sees = desk.dialect("", "grant usage on schema public to {role}; ", "");
    let url = desk.role(&format!("{sees}{grants}"));
    desk.set("DESK_WRITE_URL", url);
}

#[test]
fn what_the_account_for_writing_may_not_do_is_said_by_name() {
    for mut desk in Desk::on_servers() {
        desk.execute(desk.dialect("", "revoke create on schema public from public", "select 1"));
        desk.configure(|config| config["capabilities"].as_array_mut().unwrap().truncate(2));
        may(&mut desk, "grant select on invoices to {role}");
        assert_same!(found(&desk), @r"
        w error RECEIPT_TABLE_UNUSABLE - -
        w error VERSION_NOT_UPDATABLE billing.propose_waiver version
        w error PRIVILEGE_MISSING billing.propose_waiver late_fee_cents
        w error PRIVILEGE_MISSING billing.propose_waiver waiver_reason
        ok: false
        ");
        may(&mut desk, "grant select on invoices to {role}; grant update (late_fee_cents, waiver_reason) on invoices to {role}");
        assert_same!(found(&desk), @r"
        w error RECEIPT_TABLE_UNUSABLE - -
        w error VERSION_NOT_UPDATABLE billing.propose_waiver version
        ok: false
        ");
        let id = desk.approved("x");
        let refused = desk.apply(&id);
        assert_eq!(refused, "failed RECEIPT_TABLE_UNUSABLE", "as it was said");
    }
}

#[test]
fn a_receipt_table_that_the_account_may_not_use_is_told() {
    for mut desk in Desk::on_servers() {
        let id = desk.approved("x");
        assert_eq!(desk.apply(&id), "applied");
        let update = "grant select, update on invoices to {role}; grant select, update on tickets to {role}";
        may(&mut desk, &format!("{update}; grant select on synapsor_writeback_receipts to {{role}}"));
        let told = found(&desk);
        // PostgreSQL shows everybody that there is such a table, MySQL those alone who may do something with it.
        assert!(told.contains("w error RECEIPT_TABLE_UNUSABLE - -") && told.ends_with("ok: false"), "{told}");
        may(&mut desk, &format!("{update}; grant select, insert, update on synapsor_writeback_receipts to {{role}}"));
        assert_same!(found(&desk), @"ok: true");
        desk.execute("alter table synapsor_writeback_receipts drop column attempt");
        let told = found(&desk);
        assert!(told.contains("w error RECEIPT_TABLE_UNUSABLE - -"), "{told}");
    }
}

#[test]
fn an_account_for_writing_that_is_not_given_or_not_let_in_is_told_without_its_secret() {
    for mut desk in Desk::on_servers() {
        desk.unset("DESK_WRITE_URL");
        assert_same!(desk.shown("config validate --check-db"), @r"
    exit: 0
    ---- stdout ----
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    notice WRITER_NOT_CHECKED source `desk`, account for writing
      environment variable `DESK_WRITE_URL` is not set, so the account for writing was not asked
    synapsor.runner.json is valid, and the databases have what it names (0 errors, 0 warnings, 2 notices)
    ---- stderr ----
    ");
        let url = desk.url_as("synapsor", "canary-password");
        desk.set("DESK_WRITE_URL", url);
        let shown = desk.shown("config validate --check-db");
        assert!(!shown.contains("canary"), "{shown}");
        assert_same!(shown, @r"
    exit: 1
    ---- stdout ----
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    error DATABASE_NOT_CHECKED source `desk`, account for writing
      source `desk` refused the credentials
    synapsor.runner.json is valid, but 1 source could not be asked (1 error, 0 warnings, 1 notice)
    ---- stderr ----
    ");
        // Who serves a model never looks at it.
        assert_eq!(desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}))["ok"], true);
    }
}
