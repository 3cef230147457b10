//! An approved change that a command of the application carries out.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, id_of};
use crate::handlers::{CREDIT, proposes_credit, rows, shown};

/// Gives a credit as a program of the application would; it keeps nothing.
const SCRIPT: &str = r#"
import json, os, sqlite3, sys
request = json.loads(sys.stdin.readline())
change = request["change_set"]
print("got", request["idempotency_key"], "with", sorted(name for name in os.environ if name.startswith(("APP_", "DESK_", "SYNAPSOR_"))), file=sys.stderr)
if os.path.exists("sleeps"):
    import time
    time.sleep(60)
if request["dry_run"]:
    print(json.dumps({"status": "applied", "rows_affected": 0, "source_database_mutated": False}))
    sys.exit()
with sqlite3.connect("business.db") as database:
    database.execute("insert into account_credits values (?, ?, ?, ?)",
        (request["idempotency_key"], change["scope"]["tenant_id"], change["scope"]["object_id"], change["patch"]["credit_cents"]))
    changed = database.execute("update invoices set status = 'credited', version = version + 1 where tenant_id = ? and id = ? and version = ?",
        (change["guards"]["tenant"]["value"], change["target"]["primary_key"]["value"], change["guards"]["expected_version"]["value"])).rowcount
    if changed != 1:
        raise SystemExit("no such row, password " + os.environ["APP_KEY"])
if os.path.exists("mute"):
    sys.exit(9)
print(json.dumps({"status": "applied", "rows_affected": 2, "source_database_mutated": True}))
"#;

/// A desk whose credits are given by a command.
fn commanded(fields: Value) -> Desk {
    let mut desk = Desk::sqlite();
    desk.execute(
        "create table account_credits (operation_id text primary key, tenant_id text not null, invoice_id text not null, cents integer not null)",
    );
    let script = desk.folder.write("credit.py", SCRIPT);
    let mut executor = json!({"type": "command_handler", "command_env": "APP_COMMAND", "env_passthrough": ["APP_KEY", "APP_ABSENT"]});
    executor.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    desk.configure(|config| config["executors"] = json!({"app": executor}));
    desk.offer(proposes_credit(&desk, "app"));
    desk.set("APP_COMMAND", format!("python3 '{}'\n", script.display()));
    desk.set("APP_KEY", "canary-key-of-the-app");
    desk
}

fn approved_credit(desk: &Desk) -> String {
    let id = id_of(&desk.call(CREDIT, &json!({"id": "INV-1", "cents": 500})));
    desk.approve(&id);
    id
}

#[test]
fn a_command_carries_an_approved_change_out_once() {
    let desk = commanded(json!({"dry_run": "handler"}));
    let id = approved_credit(&desk);
    assert_snapshot!(shown(&desk, &format!("apply {id} --dry-run")), @"
    exit: 0
    ---- stdout ----
    dry run: wrp_#1 would be applied
    the handler was asked for a dry run, and says that it changed nothing; no state changed in the ledger
    ---- stderr ----
    ");
    assert_eq!(rows(&desk), "0 | 0; overdue | 3");
    assert_snapshot!(shown(&desk, &format!("apply {id}")), @"
    exit: 0
    ---- stdout ----
    applied: wrp_#1
    `app` made the change: 2 rows
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    ");
    assert_eq!(rows(&desk), "1 | 500; credited | 4");
    assert_eq!(desk.json(&format!("apply {id} --json"))["status"], "already_applied");
    assert_eq!(rows(&desk), "1 | 500; credited | 4");
}

#[test]
fn a_command_without_a_receipt_is_unknown_and_its_words_are_for_the_operator_alone() {
    let desk = commanded(json!({}));
    let id = approved_credit(&desk);
    desk.folder.write("mute", "");
    assert_snapshot!(shown(&desk, &format!("apply {id}")), @"
    exit: 1
    ---- stdout ----
    unknown: wrp_#1 (HANDLER_EXIT_9)
    the change may or may not have been made, and `app` is not asked a second time: look into the application
    detail: the command ended with 9, and wrote no receipt: the text is not JSON (line 1, column 1); its standard error ends with: got wrp_#1:INV-1 with ['APP_KEY']
    it is a dead letter now, which no worker tries again: the outcome is unknown, and the executor takes one delivery only: a person has to find out
    end it: synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    ");
    assert_snapshot!(shown(&desk, &format!("apply {id}")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: attempt 1 of proposal wrp_#1 may have acted, and its executor takes one delivery only: a person has to find out
    hint: look into the application, and from <time> on say what you find: `synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'`
    ");
    assert_eq!(rows(&desk), "1 | 500; credited | 4");
}

#[test]
fn a_local_dry_run_finds_a_program_that_is_not_there_without_starting_anything() {
    let mut desk = commanded(json!({}));
    let id = approved_credit(&desk);
    assert_eq!(desk.run(&format!("apply {id} --dry-run")).code, Some(0));
    desk.set("APP_COMMAND", "/nowhere/credit.py --strict".to_owned());
    assert_snapshot!(shown(&desk, &format!("apply {id} --dry-run")), @"
    exit: 1
    ---- stdout ----
    dry run: wrp_#1 would be failed (HANDLER_UNREACHABLE)
    the handler was given nothing; no state changed in the ledger
    detail: the command in `APP_COMMAND` cannot be started: no such file; it was given nothing
    ---- stderr ----
    ");
    assert_eq!(rows(&desk), "0 | 0; overdue | 3");
}

#[test]
fn a_command_that_does_not_end_is_killed_and_unknown() {
    let desk = commanded(json!({"timeout_ms": 1500}));
    let id = approved_credit(&desk);
    desk.folder.write("sleeps", "");
    let applied = desk.json(&format!("apply {id} --json"));
    assert_eq!((&applied["status"], &applied["safe_error_code"]), (&json!("unknown"), &json!("HANDLER_TIMEOUT")));
    assert_eq!(rows(&desk), "0 | 0; overdue | 3");
}
