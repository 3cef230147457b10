//! Is what we send what handlers read, ours and those of others?

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_executor::{Executor, Job as Approved, Rehearsal};
use synapsor_handler::{Done, EffectError, Handler, Job, Table, Tx};
use synapsor_protocol::handler::signature::{DEFAULT_TOLERANCE, SignatureError, verify};
use synapsor_protocol::handler::{HandlerRequest, Order, Presented, SigningSecret};
use synapsor_protocol::preparse::Limits;
use synapsor_protocol::{Secret, Timestamp};
use tokio::net::TcpListener;

use crate::sample::{SECRET, TOKEN, handler, job, told};
use crate::scripted::{APPLIED, Act, Sent, Server, answer};

/// One request as it is on the wire.
async fn sent() -> Sent {
    let server = Server::start(vec![Act::Say(answer(200, &[], APPLIED))]).await;
    handler(&server.url()).run(&job(2)).await;
    server.sent().remove(0)
}

fn schema() -> jsonschema::Validator {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/synapsor.app-handler-request.v1.json");
    jsonschema::validator_for(&serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_request_satisfies_the_published_schema() {
    let body = sent().await.json();
    let errors: Vec<String> = schema().iter_errors(&body).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    let mut flat = body.clone();
    flat.as_object_mut().unwrap().remove("change_set");
    assert!(!schema().is_valid(&flat), "the schema asks for the change set");
}

#[tokio::test]
async fn the_request_is_both_forms_and_either_alone_says_the_same() {
    let body = sent().await.json();
    let order = |body: &Value| Order::from_slice(body.to_string().as_bytes(), Limits::DEFAULT).unwrap();
    let (mut flat, mut nested) = (body.clone(), body.clone());
    flat.as_object_mut().unwrap().remove("change_set");
    for member in ["scope", "principal", "target", "tenant_guard", "patch", "guards", "action", "source"] {
        nested.as_object_mut().unwrap().remove(member);
    }
    for alone in [flat, nested] {
        assert_eq!(order(&alone), order(&body));
    }
    assert_eq!(body["approval"], json!({"status": "approved", "required_role": "billing_lead", "approved_by": "alice"}));
    assert_eq!((&body["attempt"], &body["executor"], &body["runner_hint"]), (&json!(2), &json!("desk"), &json!("pid 4711")));
    assert_eq!((&body["change_set"]["principal"]["id"], &body["change_set"]["scope"]["tenant_id"]), (&json!("agent-7"), &json!("acme")));
}

#[tokio::test]
async fn headers_and_body_say_the_same() {
    let sent = sent().await;
    let body = sent.json();
    for (header, member) in [
        ("idempotency-key", "idempotency_key"),
        ("webhook-id", "idempotency_key"),
        ("x-synapsor-proposal-id", "proposal_id"),
        ("x-synapsor-issued-at", "issued_at"),
    ] {
        assert_eq!(sent.header(header).as_deref(), body[member].as_str(), "{header}");
    }
    let seconds = Timestamp::parse(body["issued_at"].as_str().unwrap()).unwrap().as_micros() / 1_000_000;
    assert_eq!(sent.header("webhook-timestamp").unwrap(), seconds.to_string());
    assert_eq!(sent.header("authorization").unwrap(), format!("Bearer {TOKEN}"));
    let names: Vec<&str> = sent.head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_snapshot!(names.join(", "), @"host, user-agent, accept, content-type, authorization, idempotency-key, x-synapsor-proposal-id, x-synapsor-issued-at, webhook-id, webhook-timestamp, webhook-signature, x-synapsor-signature, content-length");
}

/// What a handler makes of the request with some of its headers replaced.
fn verdict(sent: &Sent, body: &[u8], replaced: &[(&str, &str)]) -> Result<(), SignatureError> {
    let value = |name: &str| {
        let other = replaced.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        other.or_else(|| sent.header(name)).map(String::into_bytes)
    };
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-synapsor-signature", "x-synapsor-issued-at"];
    let [webhook_id, webhook_timestamp, webhook_signature, synapsor_signature, issued_at] = &names.map(value);
    let presented = Presented {
        webhook_id: webhook_id.as_deref(),
        webhook_timestamp: webhook_timestamp.as_deref(),
        webhook_signature: webhook_signature.as_deref(),
        synapsor_signature: synapsor_signature.as_deref(),
        issued_at: issued_at.as_deref(),
    };
    let secrets = [SigningSecret::new(&Secret::new(SECRET.to_owned())).unwrap()];
    let request: HandlerRequest = serde_json::from_slice(body).unwrap();
    verify(&secrets, &presented, body)?.check_fresh(request.issued_at.as_deref(), Timestamp::now(), DEFAULT_TOLERANCE)
}

#[tokio::test]
async fn a_captured_request_does_not_become_fresh_by_another_header() {
    let sent = sent().await;
    assert_eq!(verdict(&sent, &sent.body, &[]), Ok(()));
    let later = Timestamp::now().after(Duration::from_secs(5)).to_string();
    assert_eq!(verdict(&sent, &sent.body, &[("x-synapsor-issued-at", &later)]), Err(SignatureError::Moment));
    assert_eq!(verdict(&sent, &sent.body, &[("webhook-timestamp", "1700000000")]), Err(SignatureError::Wrong));
    let other = String::from_utf8(sent.body.clone()).unwrap().replace("\"credit_cents\":500", "\"credit_cents\":501");
    assert_eq!(verdict(&sent, other.as_bytes(), &[]), Err(SignatureError::Wrong));
}

/// The check of the standard's text (standardwebhooks.com), in another language and with nothing of ours.
const STANDARD_WEBHOOKS: &str = r#"
import base64, hashlib, hmac, json, sys, time
given = json.load(sys.stdin)
headers, secret = given["headers"], given["secret"]
key = base64.b64decode(secret[len("whsec_"):])
assert abs(time.time() - int(headers["webhook-timestamp"])) < 300, "stale"
signed = "{}.{}.{}".format(headers["webhook-id"], headers["webhook-timestamp"], given["body"]).encode()
expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
versions = [part.split(",", 1) for part in headers["webhook-signature"].split(" ")]
assert any(version == "v1" and hmac.compare_digest(expected, tag) for version, tag in versions), "no signature verifies"
print("verified", json.loads(given["body"])["idempotency_key"] == headers["webhook-id"])
"#;

#[tokio::test]
async fn a_verifier_of_standard_webhooks_in_python_accepts_the_request() {
    let sent = sent().await;
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> = names.map(|name| (name.to_owned(), json!(sent.header(name)))).into_iter().collect();
    // A plain secret is handed to a library as `whsec_` and its base64.
    let encoded = Command::new("base64").args(["-w", "0"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let given = json!({
        "headers": headers,
        "body": String::from_utf8(sent.body.clone()).unwrap(),
        "secret": format!("whsec_{}", fed(encoded, SECRET)),
    });
    let python = Command::new("python3").args(["-c", STANDARD_WEBHOOKS]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let python = python.expect("this test needs python3 (Debian, Ubuntu: `apt-get install python3`)");
    assert_eq!(fed(python, &given.to_string()), "verified True\n");
}

fn fed(mut program: std::process::Child, input: &str) -> String {
    program.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap()
}

async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let cents = job.patch().integer("credit_cents")?;
    tx.insert("account_credits", &[("invoice_id", job.object_id().into()), ("cents", cents.into())]).await?;
    tx.update("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.insert").effect("db.update"))
}

const SHOP: &str = "
    CREATE TABLE invoices (id TEXT PRIMARY KEY NOT NULL, tenant_id TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE account_credits (tenant_id TEXT NOT NULL, invoice_id TEXT NOT NULL, cents INTEGER NOT NULL);
    INSERT INTO invoices VALUES ('INV-1', 'acme', 'overdue', 3);";

/// A handler as an application builds it, served on loopback. The address and the database.
async fn application(folder: &Path) -> (String, std::path::PathBuf) {
    let database = folder.join("shop.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch(SHOP).unwrap();
    let handler = Handler::builder()
        .bearer_token(TOKEN)
        .signing_secret(SECRET)
        .sqlite(database.to_str().unwrap())
        .table(Table::new("invoices", "tenant_id").key("id"))
        .table(Table::new("account_credits", "tenant_id"))
        .rehearsable_effect("billing.propose_account_credit", credit)
        .build()
        .unwrap();
    handler.check().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(handler.clone());
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, database)
}

fn rows(database: &Path) -> String {
    let database = rusqlite::Connection::open(database).unwrap();
    let row = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let credits = row("SELECT count(*) || ' credits of ' || coalesce(sum(cents), 0) FROM account_credits");
    format!("{credits}, {}", row("SELECT status || ' ' || version FROM invoices"))
}

#[tokio::test]
async fn our_own_handler_carries_a_job_out_once_however_often_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (url, database) = application(folder.path()).await;
    let (desk, mut job) = (handler(&url), job(1));
    let Rehearsal::Handler(rehearsed) = desk.rehearse(&job).await else { panic!("the handler is asked") };
    assert_snapshot!(format!("{}; {}", told(&rehearsed), rows(&database)), @"applied; 0 credits of 0, overdue 3");
    let applied = desk.run(&job).await;
    assert_snapshot!(format!("{}; {}", told(&applied), rows(&database)), @"applied; 1 credits of 500, credited 4");
    assert_snapshot!(serde_json::to_string(&applied.details).unwrap(), @r#"{"effects":["db.insert","db.update"]}"#);
    job.attempt = 2;
    assert_snapshot!(format!("{}; {}", told(&desk.run(&job).await), rows(&database)), @"already_applied; 1 credits of 500, credited 4");
    let other = crate::sample::job(1);
    assert_snapshot!(format!("{}; {}", told(&desk.run(&other).await), rows(&database)), @"conflict ROW_CHANGED_AFTER_PROPOSAL; 1 credits of 500, credited 4");
}

#[tokio::test]
async fn our_own_handler_refuses_a_runner_with_another_token_or_secret_and_the_report_names_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let (url, database) = application(folder.path()).await;
    let mut wrong = crate::sample::settings(&url);
    wrong.token = Some(crate::sample::named("DESK_TOKEN", "another-canary-of-letters"));
    let wrong = synapsor_executor::HttpHandler::open(wrong).unwrap();
    assert_snapshot!(told(&wrong.run(&job(1)).await), @"failed UNAUTHORIZED: the handler does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both");
    let mut wrong = crate::sample::settings(&url);
    wrong.signing_secret = Some(crate::sample::named("DESK_SECRET", "another-canary-of-letters"));
    let wrong = synapsor_executor::HttpHandler::open(wrong).unwrap();
    assert_snapshot!(told(&wrong.run(&job(1)).await), @"failed INVALID_SIGNATURE: the handler does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both");
    assert_eq!(rows(&database), "0 credits of 0, overdue 3");
}

#[tokio::test]
async fn a_request_is_as_old_as_its_attempt_and_one_that_is_too_old_is_not_sent() {
    let server = Server::start(vec![Act::Say(answer(200, &[], APPLIED))]).await;
    let a_minute_ago = Timestamp::now().before(Duration::from_secs(60));
    handler(&server.url()).run(&Approved { issued_at: a_minute_ago, ..job(1) }).await;
    let sent = server.sent();
    assert_eq!(sent[0].json()["issued_at"], json!(a_minute_ago));

    let too_long_ago = Timestamp::now().before(DEFAULT_TOLERANCE + Duration::from_secs(1));
    let report = handler(&server.url()).run(&Approved { issued_at: too_long_ago, ..job(1) }).await;
    assert_snapshot!(told(&report), @"failed HANDLER_UNREACHABLE, again: the sender was held up for longer than a request may be old; nothing was handed over");
    assert_eq!(server.sent().len(), 1);
}
