//! An approved change that an application carries out: propose, approve, apply, and everything that can come between.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use axum::Router;
use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_handler::{Done, EffectError, Handler, Job, Table, Tx};

use crate::desk::{Desk, id_of};

const TOKEN: &str = "canary-token-of-the-app";
const SECRET: &str = "canary-secret-of-the-app";
pub(crate) const CREDIT: &str = "billing.propose_account_credit";

async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let cents = job.patch().integer("credit_cents")?;
    if cents > 5000 {
        return Err(EffectError::refuse("a credit is at most 50"));
    }
    let values = [("operation_id", job.operation_id().into()), ("invoice_id", job.object_id().into()), ("cents", cents.into())];
    tx.insert("account_credits", &values).await?;
    tx.update("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.insert").effect("db.update"))
}

/// A desk whose credits are given by an application of its own, behind a wire that can lose answers.
struct Shop {
    desk: Desk,
    wire: Wire,
}

impl Shop {
    /// A shop whose executor has these fields besides the address.
    fn with(fields: Value) -> Self {
        let mut desk = Desk::sqlite();
        desk.execute(
            "create table account_credits (operation_id text primary key, tenant_id text not null, invoice_id text not null, cents integer not null)",
        );
        let wire = Wire::to(application(&desk.folder.join("business.db")));
        let mut executor = json!({"type": "http_handler", "url_env": "APP_URL", "auth": {"type": "bearer_env", "token_env": "APP_TOKEN"},
            "signing_secret_env": "APP_SECRET"});
        executor.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        desk.configure(|config| config["executors"] = json!({"app": executor}));
        desk.offer(proposes_credit(&desk, "app"));
        desk.set("APP_URL", format!("http://{}/synapsor/writeback", wire.address));
        // A file often ends with a line break, and so does what is read from it.
        desk.set("APP_TOKEN", format!("{TOKEN}\n"));
        desk.set("APP_SECRET", format!("{SECRET}\r\n"));
        Self { desk, wire }
    }

    /// A credit that was proposed and approved.
    fn approved(&self, cents: u32) -> String {
        let id = id_of(&self.desk.call(CREDIT, &json!({"id": "INV-1", "cents": cents})));
        self.desk.approve(&id);
        id
    }

    /// What the database holds: credits, status and version of the invoice.
    fn rows(&self) -> String {
        rows(&self.desk)
    }

    /// What a person sees; never a secret.
    fn shown(&self, words: &str) -> String {
        shown(&self.desk, words)
    }
}

pub(crate) fn proposes_credit(desk: &Desk, executor: &str) -> Value {
    let mut credit = desk.proposes(CREDIT, "invoices", &["id", "status", "amount_cents"]);
    credit["args"]["cents"] = json!({"type": "number", "minimum": 1});
    credit["patch"] = json!({"credit_cents": {"from_arg": "cents"}});
    credit["allowed_columns"] = json!(["credit_cents"]);
    credit["executor"] = json!(executor);
    credit
}

pub(crate) fn rows(desk: &Desk) -> String {
    let credits = desk.table("select count(*), coalesce(sum(cents), 0) from account_credits");
    format!("{credits}; {}", desk.table("select status, version from invoices where tenant_id = 'acme' and id = 'INV-1'"))
}

pub(crate) fn shown(desk: &Desk, words: &str) -> String {
    let shown = desk.shown(words);
    assert!(!shown.contains("canary"), "a secret is in {shown}");
    shown
}

/// The application, in a thread of this process; it serves until the process ends.
fn application(database: &Path) -> SocketAddr {
    let builder = Handler::builder().bearer_token(TOKEN).signing_secret(SECRET).sqlite(database.to_str().unwrap());
    let tables = builder.table(Table::new("invoices", "tenant_id").key("id")).table(Table::new("account_credits", "tenant_id"));
    let handler = tables.rehearsable_effect(CREDIT, credit).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            handler.check().await.unwrap();
            let app = Router::new().route_service("/synapsor/writeback", handler);
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    address
}

/// What lies between runner and application. It hands every request over, and the answer back unless it is told to lose it.
struct Wire {
    address: SocketAddr,
    loses: Arc<AtomicBool>,
    handed: Arc<AtomicUsize>,
}

impl Wire {
    fn to(application: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (loses, handed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let wire = Self { address, loses: loses.clone(), handed: handed.clone() };
        thread::spawn(move || {
            for caller in listener.incoming() {
                hand_over(caller.unwrap(), application, &loses, &handed);
            }
        });
        wire
    }

    fn loses_answers(&self, loses: bool) {
        self.loses.store(loses, Ordering::SeqCst);
    }

    /// How many requests the application got.
    fn handed(&self) -> usize {
        self.handed.load(Ordering::SeqCst)
    }
}

fn hand_over(mut caller: TcpStream, application: SocketAddr, loses: &AtomicBool, handed: &AtomicUsize) {
    let request = message(&mut caller);
    let mut served = TcpStream::connect(application).unwrap();
    served.write_all(&request).unwrap();
    handed.fetch_add(1, Ordering::SeqCst);
    let answer = message(&mut served);
    if !loses.load(Ordering::SeqCst) {
        caller.write_all(&answer).unwrap();
    }
}

/// One message with its length.
fn message(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length: usize = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        if bytes.len() >= end + 4 + length {
            return bytes;
        }
    }
}

#[test]
fn what_an_application_carries_out_is_no_job_for_a_file() {
    let shop = Shop::with(json!({}));
    let id = shop.approved(500);
    assert_snapshot!(shop.shown(&format!("proposals writeback-job {id}")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the job of proposal wrp_#1 is refused: the handler `app` carries it out, and a job in a file is a change that a runner makes itself
    hint: hand it to the handler: `synapsor-runner apply wrp_#1`
    ");
}

#[test]
fn an_application_carries_an_approved_change_out_once() {
    let shop = Shop::with(json!({"redelivery": "safe", "dry_run": "handler"}));
    let id = id_of(&shop.desk.call(CREDIT, &json!({"id": "INV-1", "cents": 500})));
    assert_snapshot!(shop.shown(&format!("proposals show {id}")), @r#"
    exit: 0
    ---- stdout ----
    proposal         wrp_#1 version 1
    status           pending_review: waits for a decision
    capability       billing.propose_account_credit
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
      credit_cents: 500 (a parameter for `app`, no column of the table)
    the rest of the row, as it was read
      amount_cents: 12900
      id: "INV-1"
      status: "overdue"
      tenant_id: "acme"
      version: 3
    guard            `version` must still be 3; it moves on with the change
    tenant guard     `tenant_id` = "acme"
    may change       credit_cents
    executor         app
    evidence         ev_#1
    needs role       none
    expires at       <time>
    proposal hash    sha256:#1
    approval digest  sha256:#2
    history
       1 <time> proposal_created by agent-7
       2 <time> evidence_recorded by agent-7
    next
      synapsor-runner proposals approve wrp_#1 --digest sha256:#2
      synapsor-runner proposals reject wrp_#1 --reason '...'
    ---- stderr ----
    "#);
    shop.desk.approve(&id);
    assert_snapshot!(shop.shown(&format!("apply {id}")), @r#"
    exit: 0
    ---- stdout ----
    applied: wrp_#1
    `app` made the change: 2 rows, version 3 -> 4
    the application adds: {"effects":["db.insert","db.update"]}
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    "#);
    assert_eq!(shop.rows(), "1 | 500; credited | 4");
    assert_snapshot!(shop.shown(&format!("apply {id}")), @r#"
    exit: 0
    ---- stdout ----
    already_applied: wrp_#1
    the change had been made before; nothing was changed now
    the application adds: {"effects":["db.insert","db.update"]}
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    "#);
    assert_eq!((shop.rows().as_str(), shop.wire.handed()), ("1 | 500; credited | 4", 1));
    let replay = shop.desk.json(&format!("replay show {id} --json"));
    assert_eq!(replay["receipts"][0]["status"], "applied");
}

#[test]
fn a_dry_run_says_who_was_asked_and_changes_nothing() {
    let quiet = Shop::with(json!({}));
    let id = quiet.approved(500);
    assert_snapshot!(quiet.shown(&format!("apply {id} --dry-run")), @"
    exit: 0
    ---- stdout ----
    dry run: wrp_#1 is in order on this side: approval, hash, configuration and what the handler is reached with
    the handler was not called, so what it would do is not known; no state changed in the ledger
    ---- stderr ----
    ");
    assert_eq!((quiet.wire.handed(), quiet.desk.status(&id).as_str()), (0, "approved"));
    assert_snapshot!(quiet.desk.scrub(&quiet.desk.json(&format!("apply {id} --dry-run --json")).to_string()), @r#"{"ok":true,"dry_run":true,"proposal_id":"wrp_#1","would_be":null,"source_database_mutated":false,"rehearsed_by":"runner"}"#);

    let asked = Shop::with(json!({"dry_run": "handler"}));
    let id = asked.approved(500);
    assert_snapshot!(asked.shown(&format!("apply {id} --dry-run")), @"
    exit: 0
    ---- stdout ----
    dry run: wrp_#1 would be applied, version 3 -> 4
    the handler was asked for a dry run, and says that it changed nothing; no state changed in the ledger
    ---- stderr ----
    ");
    assert_eq!((asked.wire.handed(), asked.desk.status(&id).as_str()), (1, "approved"));
    assert_eq!(asked.rows(), "0 | 0; overdue | 3");
    asked.wire.loses_answers(true);
    assert_snapshot!(asked.shown(&format!("apply {id} --dry-run")), @"
    exit: 1
    ---- stdout ----
    dry run: wrp_#1 was sent to the handler, and no certain answer came (HANDLER_CONNECTION_LOST)
    what the handler did with the dry run is not known; no state changed in the ledger
    detail: the connection to the host in `APP_URL` broke before the answer was there
    ---- stderr ----
    ");
    assert_eq!((asked.desk.status(&id).as_str(), asked.rows().as_str()), ("approved", "0 | 0; overdue | 3"));
}

#[test]
fn a_lost_answer_is_unknown_and_nothing_is_delivered_twice_to_a_handler_that_keeps_nothing() {
    let shop = Shop::with(json!({}));
    let id = shop.approved(500);
    shop.wire.loses_answers(true);
    assert_snapshot!(shop.shown(&format!("apply {id}")), @"
    exit: 1
    ---- stdout ----
    unknown: wrp_#1 (HANDLER_CONNECTION_LOST)
    the change may or may not have been made, and `app` is not asked a second time: look into the application
    detail: the connection to the host in `APP_URL` broke before the answer was there
    it is a dead letter now, which no worker tries again: the outcome is unknown, and the executor takes one delivery only: a person has to find out
    end it: synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    ");
    assert_eq!((shop.desk.status(&id).as_str(), shop.rows().as_str()), ("pending_worker", "1 | 500; credited | 4"));
    shop.wire.loses_answers(false);
    assert_snapshot!(shop.shown(&format!("apply {id}")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: attempt 1 of proposal wrp_#1 may have acted, and its executor takes one delivery only: a person has to find out
    hint: look into the application, and from <time> on say what you find: `synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'`
    ");
    assert_snapshot!(shop.shown(&format!("proposals cancel {id} --yes")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: wrp_#1 was claimed, and what became of it cannot be found out now: nothing that can be sent stops the handler of `app`, and what was sent may still be acted on; `dead-letters resolve` ends this with the word of a person who looked
    hint: nothing was changed; `synapsor-runner dead-letters resolve wrp_#1` ends it, and says what it needs
    ");
    assert_eq!((shop.wire.handed(), shop.rows().as_str()), (1, "1 | 500; credited | 4"));
}

#[test]
fn a_lost_answer_is_found_out_where_the_handler_keeps_the_operation_id() {
    let shop = Shop::with(json!({"redelivery": "safe"}));
    let id = shop.approved(500);
    shop.wire.loses_answers(true);
    assert_snapshot!(shop.shown(&format!("apply {id}")), @"
    exit: 1
    ---- stdout ----
    unknown: wrp_#1 (HANDLER_CONNECTION_LOST)
    the change may or may not have been made; applying again asks `app`, which never makes it twice
    detail: the connection to the host in `APP_URL` broke before the answer was there
    try again: synapsor-runner apply wrp_#1
    ---- stderr ----
    ");
    shop.wire.loses_answers(false);
    assert_snapshot!(shop.shown(&format!("apply {id}")), @r#"
    exit: 0
    ---- stdout ----
    already_applied: wrp_#1
    the change had been made before; nothing was changed now
    the application adds: {"effects":["db.insert","db.update"]}
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    "#);
    assert_eq!((shop.wire.handed(), shop.rows().as_str()), (2, "1 | 500; credited | 4"));
    assert_eq!(shop.desk.status(&id), "applied");
}

#[test]
fn a_variable_that_is_missing_or_wrong_is_told_before_anything_is_claimed() {
    let mut shop = Shop::with(json!({}));
    let id = shop.approved(500);
    let before = shop.shown(&format!("proposals show {id}"));
    let mut lines = String::new();
    for (variable, value) in [
        ("APP_URL", None),
        ("APP_TOKEN", None),
        ("APP_SECRET", Some("\n")),
        ("APP_SECRET", Some("whsec_canary!")),
        ("APP_TOKEN", Some("canary\u{7}token")),
        ("APP_URL", Some("http://canary.example/")),
        ("APP_URL", Some("canary")),
    ] {
        let right = Shop::variables(&shop);
        match value {
            Some(value) => shop.desk.set(variable, value),
            None => shop.desk.unset(variable),
        }
        let applied = shop.shown(&format!("apply {id}"));
        assert_eq!(shop.shown(&format!("apply {id} --dry-run")), applied, "a dry run says the same");
        lines += &format!("{}\n", applied.lines().last().unwrap());
        for (name, value) in right {
            shop.desk.set(name, value);
        }
    }
    assert_snapshot!(lines, @"
    error: executor `app` for source `desk` cannot be used: environment variable `APP_URL` is not set
    error: executor `app` for source `desk` cannot be used: environment variable `APP_TOKEN` is not set
    error: executor `app` for source `desk` cannot be used: environment variable `APP_SECRET` is not set
    error: executor `app` for source `desk` cannot be used: `APP_SECRET` holds no signing secret: the signing secret begins with `whsec_`, and no base64 follows
    error: executor `app` for source `desk` cannot be used: `APP_TOKEN` holds a token that cannot stand in a header
    error: executor `app` for source `desk` cannot be used: `APP_URL` holds an address of another machine without TLS; only `https` leaves this one
    error: executor `app` for source `desk` cannot be used: `APP_URL` holds no address: it must be `https://host/path`, or `http://` on this machine
    ");
    assert_eq!(shop.shown(&format!("proposals show {id}")), before, "nothing was recorded");
    assert_eq!(shop.desk.json(&format!("apply {id} --json"))["status"], "applied");
}

impl Shop {
    fn variables(&self) -> [(&'static str, String); 3] {
        let url = format!("http://{}/synapsor/writeback", self.wire.address);
        [("APP_URL", url), ("APP_TOKEN", TOKEN.to_owned()), ("APP_SECRET", SECRET.to_owned())]
    }
}

#[test]
fn a_handler_that_refuses_did_nothing_and_the_words_name_the_variables() {
    let mut shop = Shop::with(json!({}));
    let id = shop.approved(500);
    shop.desk.set("APP_TOKEN", "another-canary-of-letters");
    assert_snapshot!(shop.shown(&format!("apply {id}")), @"
    exit: 1
    ---- stdout ----
    failed: wrp_#1 (UNAUTHORIZED)
    nothing was changed, and nothing of this attempt can change anything later
    detail: the handler does not accept the runner: look at the token in `APP_TOKEN`, at the signing secret in `APP_SECRET`, and at the clocks of both
    it is a dead letter now, which no worker tries again: the attempt did nothing, and another one would fare no better
    end it: synapsor-runner dead-letters resolve wrp_#1 --reason '...'
    try again: synapsor-runner apply wrp_#1
    ---- stderr ----
    ");
    shop.desk.set("APP_TOKEN", TOKEN);
    shop.desk.set("APP_URL", "http://127.0.0.1:1/synapsor/writeback");
    assert_snapshot!(shop.shown(&format!("apply {id}")), @"
    exit: 1
    ---- stdout ----
    failed: wrp_#1 (HANDLER_UNREACHABLE)
    nothing was changed, and nothing of this attempt can change anything later
    detail: the host in `APP_URL` cannot be connected to: Connection refused (os error 111); nothing was sent
    try again: synapsor-runner apply wrp_#1
    ---- stderr ----
    ");
    let [(name, url), ..] = shop.variables();
    shop.desk.set(name, url);
    assert_eq!(shop.desk.json(&format!("apply {id} --json"))["status"], "applied");
    assert_eq!(shop.rows(), "1 | 500; credited | 4");
    let refused = shop.approved(5001);
    assert_snapshot!(shop.shown(&format!("apply {refused}")), @r#"
    exit: 1
    ---- stdout ----
    failed: wrp_#1 (HANDLER_BUSINESS_ERROR)
    nothing was changed, and nothing of this attempt can change anything later
    the application adds: {"reason":"a credit is at most 50"}
    it is a dead letter now, which no worker tries again: the attempt did nothing, and another one would fare no better
    end it: synapsor-runner dead-letters resolve wrp_#1 --reason '...'
    try again: synapsor-runner apply wrp_#1
    ---- stderr ----
    "#);
    assert_eq!(shop.rows(), "1 | 500; credited | 4");
}

/// A server behind TLS that applies whatever it gets. Its address, and its certificate.
fn served_by_tls() -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for caller in listener.incoming() {
            let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), caller.unwrap());
            // A caller that does not trust the certificate sends nothing.
            let mut first = [0; 1];
            if stream.read_exact(&mut first).is_ok() {
                message(&mut first.as_slice().chain(&mut stream));
                let receipt = r#"{"status":"applied","rows_affected":1,"source_database_mutated":true}"#;
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{receipt}", receipt.len()).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    });
    (address, certified.cert.pem())
}

#[test]
fn a_handler_behind_tls_is_reached_if_the_system_vouches_for_its_certificate_and_its_name() {
    let mut shop = Shop::with(json!({}));
    let (address, certificate) = served_by_tls();
    let id = shop.approved(500);
    shop.desk.set("APP_URL", format!("https://localhost:{}/synapsor/writeback", address.port()));
    let stranger = shop.desk.json(&format!("apply {id} --json"));
    assert_eq!((&stranger["status"], &stranger["safe_error_code"]), (&json!("failed"), &json!("HANDLER_UNREACHABLE")));
    let roots = shop.desk.folder.write("roots.pem", certificate);
    shop.desk.set("SSL_CERT_FILE", roots.display().to_string());
    shop.desk.set("APP_URL", format!("https://{address}/synapsor/writeback"));
    let other_name = shop.desk.json(&format!("apply {id} --json"));
    assert_eq!(other_name["safe_error_code"], "HANDLER_UNREACHABLE", "{other_name}");
    shop.desk.set("APP_URL", format!("https://localhost:{}/synapsor/writeback", address.port()));
    assert_eq!(shop.desk.json(&format!("apply {id} --json"))["status"], "applied");
}

#[test]
fn the_check_of_the_databases_says_what_is_a_parameter() {
    let shop = Shop::with(json!({}));
    assert_snapshot!(shop.shown("config validate --check-db"), @"
    exit: 0
    ---- stdout ----
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    notice PATCH_PARAMETER capability `billing.propose_account_credit` column `credit_cents`
      the table has no column `credit_cents`, so it is a parameter for the executor `app`
    notice RECEIPT_TABLE_ABSENT source `desk`, account for writing
      there is no receipt table yet; the first change creates it
    synapsor.runner.json is valid, and the databases have what it names (0 errors, 0 warnings, 3 notices)
    ---- stderr ----
    ");
    let log = shop.desk.program("mcp serve").env("SYNAPSOR_LOG_LEVEL", "info").run().stderr;
    assert!(log.contains(" INFO PATCH_PARAMETER "), "a notice is none to warn of: {log}");
}
