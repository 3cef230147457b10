//! A database that is not there, not reachable, or not what the configuration says.

use serde_json::json;
use synapsor_testkit::FaultProxy;

use crate::desk::{Desk, assert_same, on_each_engine, outcome, told};
use crate::mcp_client::{Client, envelope};

on_each_engine! {
    a_variable_that_is_not_set_is_named
    a_line_break_behind_a_value_is_no_part_of_it
    what_the_database_does_not_have_is_said_by_name_before_anybody_is_served
    a_table_that_changes_under_a_running_server_is_asked_for_again
    a_database_that_is_away_is_told_by_its_name_and_asked_again_later
}

fn a_variable_that_is_not_set_is_named(desk: &mut Desk) {
    let id = desk.approved("x");
    for value in ["", " \n"] {
        desk.set("DESK_TENANT", value);
        for words in ["tools list", "mcp serve", "config validate --check-db", "propose billing.inspect_invoice"] {
            let seen = desk.run(words);
            assert_eq!(seen.code, Some(1), "{seen}");
            assert!(seen.stderr.contains("`DESK_TENANT`"), "{words}: {seen}");
        }
    }
    // Who reviews and applies acts for every tenant.
    assert_eq!(desk.apply(&id), "applied");
    desk.unset("DESK_TENANT");
    assert_same!(desk.shown("tools list"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: environment variable `DESK_TENANT` is not set
    hint: set it for this process: `export DESK_TENANT=...`
    ");
}

fn a_line_break_behind_a_value_is_no_part_of_it(desk: &mut Desk) {
    desk.set("DESK_TENANT", "acme\n");
    desk.set("DESK_AGENT", "agent-7\r\n");
    if !desk.is_sqlite() {
        let url = desk.url();
        desk.set("DESK_READ_URL", format!("{url}\n"));
        desk.set("DESK_WRITE_URL", format!("{url} \n"));
    }
    let id = desk.approved("x");
    assert_eq!(desk.apply(&id), "applied");
    assert!(desk.run("proposals show").stdout.contains("proposed by      agent-7 (from environment)\n"));
}

/// What `config validate --check-db` says of the databases, after `mcp serve` refused to start.
fn unfit(desk: &Desk) -> String {
    let served = desk.run("mcp serve");
    assert_eq!((served.code, served.stdout.as_str()), (Some(1), ""), "{served}");
    let checked = desk.json("config validate --check-db --json");
    let mut said = String::new();
    for found in checked["database"].as_array().unwrap().iter().filter(|found| found["severity"] == "error") {
        let code = found["code"].as_str().unwrap();
        assert!(served.stderr.contains(code), "the server says what is wrong, too: {served}");
        said.push_str(&format!("{} {code} {}\n", found["capability"].as_str().unwrap(), found["message"].as_str().unwrap()));
    }
    said
}

fn what_the_database_does_not_have_is_said_by_name_before_anybody_is_served(desk: &mut Desk) {
    desk.set("SYNAPSOR_LOG_LEVEL", "warn");
    desk.execute(
        "create table odd (id text not null, tenant_id text not null, shape point, size real not null, primary key (tenant_id, id)); \
         create table loose (id text, tenant_id text, name text, version bigint not null)",
    );
    desk.configure(|config| config["capabilities"].as_array_mut().unwrap().truncate(1));
    let first = desk.folder.read("synapsor.runner.json");
    let mut told = String::new();
    let mut by_size = desk.proposes("desk.propose_by_size", "odd", &["id"]);
    by_size["conflict_guard"] = json!({"column": "size"});
    let mut of_anybody = desk.proposes("desk.propose_of_anybody", "loose", &["id"]);
    for capability in [&mut by_size, &mut of_anybody] {
        capability["args"]["name"] = json!({"type": "string"});
        capability["patch"] = json!({"name": {"from_arg": "name"}});
        capability["allowed_columns"] = json!(["name"]);
    }
    for capability in [
        desk.reads("desk.inspect_nothing", "nothing", &["id"]),
        desk.reads("desk.inspect_column", "tickets", &["id", "colour"]),
        desk.reads("desk.inspect_shape", "odd", &["id", "shape"]),
        by_size,
        of_anybody,
    ] {
        desk.offer(capability);
        told.push_str(&unfit(desk));
        desk.folder.write("synapsor.runner.json", &first);
    }
    // MySQL's `real` is a double.
    let told = told.to_lowercase().replace("type double,", "type real,");
    assert_same!(told.replace(&format!("`{}.", desk.schema()), "`<schema>."), @r"
    desk.inspect_nothing unknown_table there is no table or view `<schema>.nothing` that the account can see
    desk.inspect_column unknown_column there is no column `colour`
    desk.inspect_shape unsupported_column_type column `shape` has the type point, which is not supported
    desk.propose_by_size unsupported_version_type the version `size` has the type real, which has no exact order of changes
    desk.propose_by_size unknown_column there is no column `name`
    desk.propose_of_anybody key_not_unique no unique index says that the key `id`, alone or with the tenant, names one row
    ");
}

fn a_table_that_changes_under_a_running_server_is_asked_for_again(desk: &mut Desk) {
    let mut client = Client::greeted(desk);
    let mut read = || {
        let answer = envelope(&client.call("billing.inspect_invoice", &json!({"id": "INV-1"})));
        if answer["ok"] == true { answer["data"]["status"].to_string() } else { answer["error"]["code"].to_string() }
    };
    assert_eq!(read(), "\"overdue\"");
    desk.execute("alter table invoices rename column status to state");
    assert_eq!(read(), "\"TEMPORARILY_UNAVAILABLE\"");
    assert_eq!(read(), "\"INTERNAL\"", "the column that was reviewed is gone");
    desk.execute("alter table invoices rename column state to status");
    assert_eq!(read(), "\"overdue\"");
}

/// Makes the database be away, or come back.
fn away(desk: &mut Desk, proxy: Option<&FaultProxy>, is_away: bool) {
    match proxy {
        None => {
            let (here, there) = (desk.folder.join("business.db"), desk.folder.join("business.away"));
            let (from, to) = if is_away { (here, there) } else { (there, here) };
            std::fs::rename(from, to).unwrap();
        }
        Some(proxy) => {
            proxy.refuse(is_away);
            proxy.sever();
        }
    }
}

fn a_database_that_is_away_is_told_by_its_name_and_asked_again_later(desk: &mut Desk) {
    let proxy = desk.proxy().map(|(proxy, url)| {
        desk.set("DESK_READ_URL", url.clone());
        desk.set("DESK_WRITE_URL", url);
        proxy
    });
    let id = desk.approved("x");
    away(desk, proxy.as_ref(), true);
    let read = json!({"id": "INV-1"});
    assert_same!(told(&desk.call("billing.inspect_invoice", &read)), @"TEMPORARILY_UNAVAILABLE: The database cannot be reached; nothing was changed, try the same call again later.");
    let seen = desk.run("config validate --check-db");
    assert_eq!(seen.code, Some(1), "{seen}");
    assert!(seen.stdout.contains("source `desk` cannot be reached: "), "with the reason: {seen}");
    assert!(seen.stdout.contains("synapsor.runner.json is valid, but 1 source could not be asked ("), "{seen}");
    assert!(!desk.is_sqlite() || seen.stdout.contains("business.db"), "with the path: {seen}");
    let unasked = seen;
    let mut client = Client::greeted(desk);
    let refused = envelope(&client.call("billing.inspect_invoice", &read));
    assert_eq!((&refused["error"]["code"], &refused["error"]["retryable"]), (&json!("TEMPORARILY_UNAVAILABLE"), &json!(true)));
    assert_eq!(desk.apply(&id), "failed DATABASE_UNAVAILABLE");
    assert_eq!(desk.status(&id), "pending_worker");
    let shown = desk.run("proposals show").stdout;
    assert!(shown.contains("last outcome     attempt 1: failed (DATABASE_UNAVAILABLE)"), "{shown}");
    let seen = desk.run("proposals cancel --yes");
    assert!(seen.code == Some(1) && seen.stderr.contains("`desk`"), "{seen}");
    assert_eq!(desk.status(&id), "pending_worker");
    let everything = format!("{unasked}{seen}{shown}{refused}{}", client.running.stderr());
    for secret in desk.secrets() {
        assert!(!everything.contains(&secret), "{secret} in {everything}");
    }
    away(desk, proxy.as_ref(), false);
    assert_eq!(envelope(&client.call("billing.inspect_invoice", &read))["ok"], true);
    assert_eq!(desk.apply(&id), "applied");
}

#[test]
fn an_account_that_is_refused_is_told_by_the_source_and_never_by_its_url() {
    for mut desk in Desk::on_servers() {
        let id = desk.approved("x");
        for name in ["DESK_READ_URL", "DESK_WRITE_URL"] {
            let url = desk.url_as("synapsor", "canary-password");
            desk.set(name, url);
        }
        let apply = format!("apply {id}");
        let told = desk.transcript(&["propose billing.inspect_invoice --input -", "config validate --check-db", "mcp serve", &apply]);
        assert!(!told.contains("canary-password"), "{told}");
        assert!(!told.contains("localhost"), "{told}");
        assert!(told.contains("source `desk` refused the credentials"), "{told}");
    }
}

#[test]
fn a_url_that_is_none_is_refused_without_repeating_it() {
    for mut desk in Desk::on_servers() {
        let (scheme, mode) = (desk.dialect("", "postgres", "mysql"), desk.dialect("", "sslmode", "ssl-mode").to_owned());
        for (url, reason) in [
            ("canary".to_owned(), ""),
            ("http://canary.example.com/".to_owned(), ""),
            (format!("{scheme}://canary:secret@canary.example.com/db?{mode}=sometimes"), mode.as_str()),
            (format!("{scheme}://canary@[::1/db"), ""),
        ] {
            desk.set("DESK_READ_URL", url);
            let seen = desk.run("tools list");
            assert_eq!(seen.code, Some(1), "{seen}");
            assert!(seen.stderr.contains("the url of source `desk` cannot be used"), "{seen}");
            assert!(seen.stderr.contains(reason) && !seen.stderr.contains("canary"), "{seen}");
        }
    }
}

/// Takes away what PostgreSQL gave everybody before its version 15; MySQL gives nobody anything.
fn nobody_may_create(desk: &Desk) {
    desk.execute(desk.dialect("", "revoke create on schema public from public", "select 1"));
}

/// PostgreSQL's right to see a schema at all, before other rights.
fn seeing(desk: &Desk, grants: &str) -> String {
    format!("{}{grants}", desk.dialect("", "grant usage on schema public to {role}; ", ""))
}

#[test]
fn a_writer_with_rights_on_a_table_of_receipts_needs_no_others() {
    for mut desk in Desk::on_servers() {
        let id = desk.approved("x");
        assert_eq!(desk.apply(&id), "applied");
        desk.execute("truncate synapsor_writeback_receipts");
        nobody_may_create(&desk);
        let grants = "grant select on invoices to {role}; \
            grant update (late_fee_cents, waiver_reason, version) on invoices to {role}; \
            grant select, insert, update on synapsor_writeback_receipts to {role}";
        let url = desk.role(&seeing(&desk, grants));
        desk.set("DESK_WRITE_URL", url);
        let id = desk.approved("y");
        assert_eq!(desk.apply(&id), "applied");
        assert_eq!(desk.apply(&id), "already_applied");
    }
}

#[test]
fn a_writer_that_may_not_make_the_table_of_receipts_is_told_what_is_missing() {
    for mut desk in Desk::on_servers() {
        nobody_may_create(&desk);
        let url = desk.role(&seeing(&desk, "grant select, update on invoices to {role}"));
        desk.set("DESK_WRITE_URL", url);
        desk.approved("x");
        let told = desk.shown("apply");
        let (before, statement) = told.split_once("run: ").unwrap();
        assert_same!(before, @r"
        exit: 1
        ---- stdout ----
        failed: wrp_#1 (RECEIPT_TABLE_UNUSABLE)
        nothing was changed, and nothing of this attempt can change anything later
        detail: the account may not create the receipt table;
        ");
        assert!(statement.starts_with("CREATE TABLE IF NOT EXISTS "), "{statement}");
        assert_eq!(desk.invoice(), "1500 | NULL | 3");
        // What it says to run is what is missing.
        desk.execute(statement.lines().next().unwrap());
        let url = desk.role(&seeing(
            &desk,
            "grant select, update on invoices to {role}; grant select, insert, update on synapsor_writeback_receipts to {role}",
        ));
        desk.set("DESK_WRITE_URL", url);
        assert_eq!(outcome(&desk.json("apply --json")), "applied");
    }
}

#[test]
fn a_credential_for_writing_is_not_needed_until_something_is_written() {
    for mut desk in Desk::on_servers() {
        let url = desk.url();
        desk.unset("DESK_WRITE_URL");
        let id = desk.approved("x");
        assert_same!(desk.shown(&format!("apply {id}")), @r"
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: executor `sql_update` for source `desk` cannot be used: environment variable `DESK_WRITE_URL` is not set
        ");
        assert_eq!(desk.status(&id), "approved");
        desk.set("DESK_WRITE_URL", url);
        assert_eq!(desk.apply(&id), "applied");
    }
}

#[test]
fn a_lock_that_somebody_else_holds_is_waited_for_no_longer_than_the_statement_timeout() {
    for desk in Desk::on_servers() {
        desk.configure(|config| config["sources"]["desk"]["statement_timeout_ms"] = json!(300));
        let id = desk.approved("x");
        desk.execute("begin; select * from invoices for update");
        let outcome = desk.apply(&id);
        desk.execute("rollback");
        assert!(outcome.starts_with("failed "), "{outcome}");
        assert_eq!(desk.apply(&id), "applied");
    }
}

#[test]
fn a_slow_database_is_given_up_after_the_statement_timeout() {
    for desk in Desk::on_servers() {
        let slow = desk.dialect("", "pg_sleep(60)::text", "sleep(60)");
        desk.execute(&format!(
            "alter table tickets rename to slow_tickets; \
             create view tickets as select id, tenant_id, subject || {slow} as subject, status, priority, version from slow_tickets"
        ));
        desk.configure(|config| {
            config["sources"]["desk"]["statement_timeout_ms"] = json!(300);
            let read = desk.reads("desk.inspect_ticket", "tickets", &["id", "subject"]);
            config["capabilities"] = json!([read]);
        });
        let answer = desk.call("desk.inspect_ticket", &json!({"id": "T-1"}));
        assert_eq!(answer["error"]["code"], "TEMPORARILY_UNAVAILABLE", "{answer:#}");
    }
}

#[test]
fn a_connection_is_encrypted_as_its_url_asks_for() {
    for mut desk in Desk::on_servers() {
        let authority = desk.authority();
        let stranger = desk.folder.write("stranger.pem", "").display().to_string();
        let [mode, roots, full, any, none] = if desk.is_mysql() {
            ["ssl-mode", "ssl-ca", "VERIFY_IDENTITY", "REQUIRED", "DISABLED"]
        } else {
            ["sslmode", "sslrootcert", "verify-full", "require", "disable"]
        };
        let cases = [
            (vec![(mode, full), (roots, authority.as_str())], true),
            (vec![(mode, any)], true),
            (vec![(mode, none)], true),
            (vec![(mode, full), (roots, stranger.as_str())], false),
            (vec![(mode, full)], false),
        ];
        for (parameters, works) in cases {
            let url = desk.url_with(&parameters);
            desk.set("DESK_READ_URL", url);
            let seen = desk.program("propose billing.inspect_invoice --json").arg(r#"{"id":"INV-1"}"#).run();
            assert_eq!(seen.code == Some(0), works, "{parameters:?}: {seen}");
        }
    }
}
