//! Do the templates keep the contract? Each is written, installed and started as a person would, on PostgreSQL, and proved.
//!
//! Their dependencies come from the ordinary registries, once per list of them: they stay below `target/`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_protocol::Digest;
use synapsor_testkit::{Cut, Folder, Postgres, Program};

use crate::desk::{Desk, PROGRAM, id_of};
use crate::handlers;

const TOKEN: &str = "the token of the executor of the shop";
const SECRET: &str = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
const NEXT: &str = "another secret, which is no base64";

/// One installation at a time: what one test installs, the next one finds.
static INSTALLING: Mutex<()> = Mutex::new(());

#[test]
fn the_python_template_keeps_the_contract() {
    let Some(shop) = Shop::with("python-fastapi") else { return };
    let serving = shop.serve(&language("python-fastapi", &shop.folder), &["-B", "-m", "uvicorn", "app:app", "--port"]);
    proved(&shop, &serving);
}

#[test]
fn the_node_template_keeps_the_contract() {
    let Some(shop) = Shop::with("node-fastify") else { return };
    let serving = shop.serve(&language("node-fastify", &shop.folder), &["app.mjs"]);
    proved(&shop, &serving);
}

#[test]
fn a_python_command_answers_a_line_with_a_receipt() {
    let Some(shop) = Shop::with("command-python") else { return };
    commanded(&shop, &language("command-python", &shop.folder), "synapsor_command_handler.py");
}

#[test]
fn a_node_command_answers_a_line_with_a_receipt() {
    let Some(shop) = Shop::with("command-node") else { return };
    commanded(&shop, &language("command-node", &shop.folder), "synapsor-command-handler.mjs");
}

/// Proposed, approved and applied by the program, carried out by the template.
#[test]
fn an_executor_and_the_served_templates_understand_each_other() {
    for (template, words) in [("python-fastapi", &["-B", "-m", "uvicorn", "app:app", "--port"][..]), ("node-fastify", &["app.mjs"])] {
        let Some(mut desk) = desk_with_credits() else { return };
        let folder = written(template);
        let serving = serve(&language(template, &folder), words, &folder, &desk.url());
        offer_served(&mut desk, &serving);
        carried_out(&desk);
    }
}

#[test]
fn an_executor_and_the_command_templates_understand_each_other() {
    for (template, file) in [("command-python", "synapsor_command_handler.py"), ("command-node", "synapsor-command-handler.mjs")] {
        let Some(mut desk) = desk_with_credits() else { return };
        let folder = written(template);
        let program = language(template, &folder);
        desk.set("APP_COMMAND", format!("'{}' '{}'", program.display(), folder.path().join(file).display()));
        desk.set("DATABASE_URL", desk.url());
        offer(&desk, json!({"type": "command_handler", "command_env": "APP_COMMAND", "env_passthrough": ["DATABASE_URL"]}));
        carried_out(&desk);
    }
}

/// What runs a template's files, with what they need installed.
fn language(template: &str, folder: &Folder) -> PathBuf {
    if template.contains("python") {
        return virtual_environment(&folder.read("requirements.txt"));
    }
    link_modules(folder);
    "node".into()
}

/// The connection to the database breaks at the worst moments; the credits are counted afterwards.
#[test]
fn a_commit_whose_answer_is_lost_is_unknown_to_the_templates_and_the_next_attempt_finds_out() {
    let python = (&["-B", "-m", "uvicorn", "app:app", "--port"][..], "COMMIT");
    let node = (&["app.mjs"][..], "commit");
    for (template, (words, commit)) in [("python-fastapi", python), ("node-fastify", node)] {
        let Some(mut desk) = desk_with_credits() else { return };
        let (Some((proxy, through)), folder) = (desk.proxy(), written(template)) else { return };
        let serving = serve(&language(template, &folder), words, &folder, &through);
        offer_served(&mut desk, &serving);
        let places = [
            (Cut::BeforeQuery(commit), "unknown HANDLER_EXCEPTION", "applied"),
            (Cut::AfterForwarding(commit), "unknown HANDLER_EXCEPTION", "already_applied"),
            (Cut::BeforeQuery("insert into account_credits"), "failed TRANSACTION_FAILED", "applied"),
            (Cut::AfterForwarding("insert into account_credits"), "failed TRANSACTION_FAILED", "applied"),
        ];
        for (place, first, next) in places {
            let id = id_of(&desk.call(handlers::CREDIT, &json!({"id": "INV-1", "cents": 700})));
            desk.approve(&id);
            let what = format!("{template} {place:?}");
            proxy.cut(place);
            assert_eq!(desk.apply(&id), first, "{what}");
            assert!(!proxy.disarm(), "nothing was cut: {what}");
            assert_eq!(desk.apply(&id), next, "{what}");
        }
        assert_eq!(handlers::rows(&desk), "4 | 2800; credited | 7", "{template}");
    }
}

fn offer_served(desk: &mut Desk, serving: &Serving) {
    desk.set("APP_URL", format!("http://127.0.0.1:{}/synapsor/writeback", serving.port));
    desk.set("APP_TOKEN", TOKEN);
    desk.set("APP_SECRET", SECRET);
    let auth = json!({"type": "bearer_env", "token_env": "APP_TOKEN"});
    offer(desk, json!({"type": "http_handler", "url_env": "APP_URL", "auth": auth, "signing_secret_env": "APP_SECRET"}));
}

fn offer(desk: &Desk, mut executor: Value) {
    for (name, value) in [("redelivery", json!("safe")), ("dry_run", json!("handler")), ("timeout_ms", json!(20_000))] {
        executor[name] = value;
    }
    desk.configure(|config| config["executors"] = json!({"app": executor}));
    desk.offer(handlers::proposes_credit(desk, "app"));
}

fn desk_with_credits() -> Option<Desk> {
    let desk = Desk::postgres()?;
    let columns = "operation_id text primary key, tenant_id text not null, invoice_id text not null, cents bigint not null";
    desk.execute(&format!("create table account_credits ({columns})"));
    Some(desk)
}

/// A dry run leaves nothing, `apply` changes both rows, and a second change of the same version is a conflict.
fn carried_out(desk: &Desk) {
    let proposed = |cents: u32| {
        let id = id_of(&desk.call(handlers::CREDIT, &json!({"id": "INV-1", "cents": cents})));
        desk.approve(&id);
        id
    };
    let (first, second) = (proposed(700), proposed(800));
    let rehearsed = desk.json(&format!("apply {first} --dry-run --json"));
    assert_eq!((&rehearsed["would_be"], handlers::rows(desk).as_str()), (&json!("applied"), "0 | 0; overdue | 3"), "{rehearsed}");
    insta::allow_duplicates! {
        assert_snapshot!(desk.apply(&first), @"applied");
        assert_snapshot!(desk.apply(&first), @"already_applied");
        assert_snapshot!(desk.apply(&second), @"conflict ROW_CHANGED_AFTER_PROPOSAL");
        assert_snapshot!(handlers::rows(desk), @"1 | 700; credited | 4");
    }
}

/// A template's files in a folder, and its tables in a database.
struct Shop {
    folder: Folder,
    database: Postgres,
}

/// A program that serves, ended with the test.
struct Serving {
    program: Child,
    port: u16,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A program that is gone already is what is wanted.
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

impl Shop {
    fn with(template: &str) -> Option<Self> {
        let (database, folder) = (Postgres::shared()?, written(template));
        database.execute(&folder.read("schema.sql"));
        Some(Self { folder, database })
    }

    fn serve(&self, program: &Path, words: &[&str]) -> Serving {
        serve(program, words, &self.folder, &self.database.url())
    }

    /// The template's own fixture with these changes, in a file.
    fn fixture(&self, edit: impl FnOnce(&mut Value)) -> PathBuf {
        let mut fixture: Value = serde_json::from_str(&self.folder.read("conformance.json")).unwrap();
        fixture["credentials"]["next_signing_secret_env"] = "HANDLER_NEXT_SIGNING_SECRET".into();
        edit(&mut fixture);
        self.folder.write("fixture.json", fixture.to_string())
    }

    fn prove(&self, serving: &Serving, fixture: &Path, words: &[&str]) -> synapsor_testkit::Seen {
        let url = format!("http://127.0.0.1:{}/synapsor/writeback", serving.port);
        let program = Program::at(PROGRAM).args(["handler", "conformance", "--url", &url, "--fixture"]).arg(fixture).args(words);
        let program = program.env("DATABASE_URL", self.database.url()).env("HANDLER_TOKEN", TOKEN);
        program.env("HANDLER_SIGNING_SECRET", SECRET).env("HANDLER_NEXT_SIGNING_SECRET", NEXT).run()
    }
}

/// A template's files.
fn written(template: &str) -> Folder {
    let folder = Folder::new();
    let seen = Program::at(PROGRAM).args(["handler", "template", template, "--output"]).arg(folder.path()).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    folder
}

/// Starts a program that listens where `PORT`, or its last word, says.
fn serve(program: &Path, words: &[&str], folder: &Folder, database: &str) -> Serving {
    let port = free_port();
    let mut command = Command::new(program);
    command.args(words).args(words.contains(&"--port").then(|| port.to_string())).current_dir(folder.path());
    command.env("PORT", port.to_string()).env("DATABASE_URL", database).env("HANDLER_TOKEN", TOKEN);
    command.env("HANDLER_SIGNING_SECRET", SECRET).env("HANDLER_NEXT_SIGNING_SECRET", NEXT);
    let log = folder.path().join("log.txt");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    let mut serving = Serving { program: command.spawn().unwrap(), port };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = serving.program.try_wait().unwrap();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "it does not serve: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    serving
}

/// Every scenario passes, with a number as the version and with a moment as the version.
fn proved(shop: &Shop, serving: &Serving) {
    let verdict = |fixture: &Path| -> Value {
        let seen = shop.prove(serving, fixture, &["--json"]);
        serde_json::from_str(&seen.stdout).unwrap_or_else(|_| panic!("{seen}"))
    };
    let earned = json!({"redelivery": "safe", "dry_run": "handler"});
    let numbers = verdict(&shop.fixture(|_| ()));
    assert_eq!((faults(&numbers), &numbers["earned"], &numbers["skipped"]), (String::new(), &earned, &json!(1)));
    let stranger = shop.fixture(|fixture| fixture["credentials"]["token_env"] = "HANDLER_NEXT_SIGNING_SECRET".into());
    insta::allow_duplicates! {
        assert_snapshot!(shop.prove(serving, &stranger, &["--only", "valid", "--only", "token-missing"]), @"
        exit: 1
        ---- stdout ----
        FAIL  valid                        a well-formed, well-signed request is applied, once
              found: 401 failed UNAUTHORIZED instead of 200 applied
              means: the handler does not do what it is there for, or `observe` does not count one effect for one change
              mend:  start here: the request is the one the runner sends; look into the handler's log
        pass  token-missing                a request without a token is refused

        2 scenarios: 1 passed, 1 failed, 0 skipped
        what the handler has earned is said after a run of all scenarios
        ---- stderr ----
        ");
    }
    shop.database.execute(
        "alter table invoices alter version type timestamptz using timestamptz '2026-03-02 08:05:00.000001Z' + version * interval '1 us'",
    );
    let moments = verdict(&shop.fixture(|fixture| {
        let place = "where id = 'INV-1' and tenant_id = 'acme'";
        let reset = format!("update invoices set status = 'overdue', version = '2026-03-02 08:05:00.000007Z' {place}");
        let version = format!("select to_char(version at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from invoices {place}");
        fixture["reset"]["sql"] = json!([reset]);
        fixture["observe"]["sql"]["version"] = version.into();
    }));
    assert_eq!((faults(&moments), &moments["earned"], &moments["skipped"]), (String::new(), &earned, &json!(1)));
}

fn faults(verdict: &Value) -> String {
    let scenarios = verdict["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = scenarios.iter().filter(|one| one["outcome"] == "failed");
    failed.map(|one| format!("{}: {}\n", one["name"], one["found"])).collect()
}

/// What the runner's command form does: one line in, one receipt out, an environment with nothing else in it.
fn commanded(shop: &Shop, program: &Path, file: &str) {
    let told = |attempt: u32, edit: &dyn Fn(&mut Value)| {
        let mut request = request(attempt);
        edit(&mut request);
        run(shop, program, file, format!("{request}\n").into_bytes())
    };
    let none = |_: &mut Value| ();
    insta::allow_duplicates! {
        assert_snapshot!(told(1, &|request| request["patch"]["credit_cents"] = 0.into()), @r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"HANDLER_BUSINESS_ERROR","details":{"reason":"a credit is more than nothing"}}"#);
        assert_snapshot!(told(2, &|request| request["dry_run"] = true.into()), @r#"{"status":"applied","rows_affected":0,"source_database_mutated":false,"safe_error_code":null,"previous_version":1,"new_version":2,"details":{"effects":["db.insert","db.update"],"dry_run":true}}"#);
        assert_snapshot!(told(1, &none), @r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"FENCED"}"#);
        assert_snapshot!(told(2, &none), @r#"{"status":"applied","rows_affected":2,"source_database_mutated":true,"safe_error_code":null,"previous_version":1,"new_version":2,"details":{"effects":["db.insert","db.update"]}}"#);
        assert_snapshot!(told(3, &none), @r#"{"status":"already_applied","rows_affected":0,"source_database_mutated":false,"safe_error_code":null,"previous_version":1,"new_version":2,"details":{"effects":["db.insert","db.update"]}}"#);
        assert_snapshot!(run(shop, program, file, b"{\"a\": 1, \"a\": 2}\n".to_vec()), @r#"{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"BAD_JSON"}"#);
    }
    assert_eq!(shop.database.table("select invoice_id, cents from account_credits"), "INV-1 | 500");
}

fn request(attempt: u32) -> Value {
    json!({
        "schema_version": "synapsor.handler-writeback.v1", "writeback_job_id": "wbj_1", "proposal_id": "wrp_1", "proposal_version": 1,
        "proposal_hash": "sha256:0101", "action": "billing.propose_account_credit", "idempotency_key": "wrp_1:INV-1", "attempt": attempt,
        "target": {"schema": "public", "table": "invoices", "primary_key": {"column": "id", "value": "INV-1"}},
        "tenant_guard": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["credit_cents"],
        "before": {"version": 1}, "patch": {"credit_cents": 500},
        "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "expected_version": {"column": "version", "value": 1}},
        "source_database_mutated": false, "dry_run": false,
    })
}

/// The receipt on one line.
fn run(shop: &Shop, program: &Path, file: &str, line: Vec<u8>) -> String {
    let command = Program::at(program).arg(file).inside(shop.folder.path()).env("DATABASE_URL", shop.database.url());
    let seen = command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(line).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    let receipt: Value = serde_json::from_str(&seen.stdout).unwrap_or_else(|_| panic!("{seen}"));
    receipt.to_string()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}

/// The Python of a virtual environment with these requirements.
fn virtual_environment(requirements: &str) -> PathBuf {
    let folder = installed("python", requirements, |folder| {
        succeeds(Command::new("python3").args(["-m", "venv"]).arg(folder));
        fs::write(folder.join("requirements.txt"), requirements).unwrap();
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        succeeds(pip.arg(folder.join("requirements.txt")));
    });
    folder.join("bin/python")
}

/// Puts the modules that the folder's lock file names where Node looks for them.
fn link_modules(shop: &Folder) {
    let lock = shop.read("package-lock.json");
    let folder = installed("node", &lock, |folder| {
        fs::create_dir_all(folder).unwrap();
        for file in ["package.json", "package-lock.json"] {
            fs::write(folder.join(file), shop.read(file)).unwrap();
        }
        succeeds(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder));
    });
    std::os::unix::fs::symlink(folder.join("node_modules"), shop.path().join("node_modules")).unwrap();
}

/// The folder in which this list of dependencies is installed; made if it is not there.
fn installed(kind: &str, list: &str, install: impl FnOnce(&Path)) -> PathBuf {
    // A test that panicked while installing leaves nothing that would be taken for an installation.
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let place = folder.join(format!("{kind}-{}", &Digest::of_bytes(list.as_bytes()).hex()[..16]));
    if place.join("complete").exists() {
        return place;
    }
    // Made in its place: a virtual environment knows where it is.
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&folder).unwrap();
    install(&place);
    fs::write(place.join("complete"), "").unwrap();
    place
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?} cannot be run: {cause}"));
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {}", said());
}
