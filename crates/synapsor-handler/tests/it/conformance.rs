//! Does our own handler keep the whole contract, and does the list of scenarios find each fault?

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use synapsor_handler::conformance::{
    Acting, Conformance, Credentials, Fixture, HttpTransport, Observation, Sending, Stage, Transport, Verdict,
};
use synapsor_handler::{Done, EffectError, Handler, Job, Tx};
use synapsor_protocol::{Scalar, Secret};
use synapsor_testkit::Postgres;

use crate::faulty::{Fault, Faulty};
use crate::shop::{Shop, TOKEN, credit, on_each_engine};

pub(crate) const SECRET: &str = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
pub(crate) const NEXT: &str = "an older secret that is no base64";

on_each_engine! {
    our_handler_passes_every_scenario
    a_handler_that_rehearses_nothing_earns_no_dry_run
}

async fn our_handler_passes_every_scenario(shop: &Shop) {
    let effect = |job: Job, tx: Tx| async move { refusing(job, tx).await };
    let handler = builder(shop).rehearsable_effect("billing.credit", effect).build().unwrap();
    let verdict = verdict(shop, &handler).await;
    assert_eq!(faults(&verdict), "");
    // Of a version without a fraction nothing can be almost the same.
    assert_eq!(verdict.counts()[1..], [0, 1]);
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "handler"}));
}

async fn a_handler_that_rehearses_nothing_earns_no_dry_run(shop: &Shop) {
    let handler = builder(shop).effect("billing.credit", refusing).build().unwrap();
    let verdict = verdict(shop, &handler).await;
    assert_eq!(faults(&verdict), "");
    assert_eq!(verdict.counts()[2], 3);
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "local"}));
}

async fn refusing(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let done = credit(job.clone(), tx).await?;
    // At the end, so that there is something to roll back.
    if job.patch().integer("credit_cents")? <= 0 { Err(EffectError::refuse("a credit is more than nothing")) } else { Ok(done) }
}

fn builder(shop: &Shop) -> synapsor_handler::Builder {
    shop.bare().bearer_token(TOKEN).signing_secret(SECRET).signing_secret(NEXT)
}

async fn verdict(shop: &Shop, handler: &Handler) -> Verdict {
    shop.execute("insert into invoices values ('INV-9', 'globex', 'C-1', 'overdue', 1, 1, null, 3)");
    let fixture = fixture(&[("/target/schema", shop.schema().into())]);
    Conformance::new(&fixture, credentials(), handler, shop).run(|_| ()).await.unwrap()
}

fn credentials() -> Credentials {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    Credentials { token: secret(TOKEN), signing: secret(SECRET), next: secret(NEXT) }
}

/// The fixture of a credit, with these members besides.
fn fixture(members: &[(&str, Value)]) -> Fixture {
    let mut fixture = json!({
        "action": "billing.credit",
        "target": {
            "table": "invoices", "primary_key": {"column": "id", "value": "INV-1"},
            "tenant": {"column": "tenant_id", "value": "acme"}, "version_column": "version",
        },
        "missing_key": "INV-0",
        "other_tenant": {"tenant": "globex", "key": "INV-9"},
        "before": {"id": "INV-1", "status": "overdue", "credit_cents": null},
        "patch": {"credit_cents": 500},
        "refused_patch": {"credit_cents": -1},
        "reset": {"command": ["unused"]},
        "observe": {"command": ["unused"]},
    });
    for (pointer, value) in members {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        fixture.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    Fixture::from_slice(fixture.to_string().as_bytes()).unwrap()
}

/// What failed, one scenario a line.
fn faults(verdict: &Verdict) -> String {
    let record = verdict.to_json();
    let failed = record["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == "failed");
    failed.map(|one| format!("{}: {}", one["name"].as_str().unwrap(), one["found"].as_str().unwrap())).collect::<Vec<_>>().join("\n")
}

impl Stage for Shop {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            self.execute("update invoices set status = 'overdue', version = 3 where id = 'INV-1' and tenant_id = 'acme'");
            Ok(())
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let version = self.table("select version from invoices where id = 'INV-1' and tenant_id = 'acme'");
            let effects = self.table("select count(*) from credits");
            let row = self.table("select id, tenant_id, status, version from invoices order by id, tenant_id");
            Ok(Observation { version: Scalar::from(version.parse::<i64>().unwrap()), effects: effects.parse().unwrap(), row: row.into() })
        })
    }
}

/// Which redelivery each fault still earns, and what fails for it; nothing else does.
const FAULTS: &[(Fault, &str, &[&str])] = &[
    (Fault::None, "safe", &[]),
    (Fault::PostOnly, "safe", &["method-put", "method-patch"]),
    (Fault::AnyMethod, "safe", &["method-other"]),
    (Fault::NoToken, "safe", &["token-missing", "token-wrong", "token-cut", "token-other-scheme"]),
    (Fault::TokenByPrefix, "safe", &["token-cut"]),
    (Fault::TokenOfAnyScheme, "safe", &["token-other-scheme"]),
    (
        Fault::NoSignature,
        "safe",
        &[
            "signature-missing",
            "signature-wrong",
            "signature-wrong-webhooks",
            "signature-wrong-older",
            "signature-webhooks-of-two",
            "signature-older-of-two",
            "signature-altered-body",
            "signature-without-id",
            "signature-without-timestamp",
            "timestamp-moved",
        ],
    ),
    (Fault::OptionalSignature, "safe", &["signature-missing"]),
    (Fault::WebhooksUnverified, "safe", &["signature-webhooks-of-two", "signature-without-id", "signature-without-timestamp"]),
    (Fault::OlderUnverified, "safe", &["signature-older-of-two"]),
    (
        Fault::NoWebhooks,
        "safe",
        &[
            "signature-webhooks-of-two",
            "signature-without-id",
            "signature-without-timestamp",
            "signature-webhooks-alone",
            "stale-webhooks",
            "future-webhooks",
            "fresh-timestamp-stale-body",
            "stale-timestamp-fresh-body",
        ],
    ),
    (
        Fault::NoOlder,
        "safe",
        &[
            "signature-older-of-two",
            "signature-older-alone",
            "stale-older",
            "future-older",
            "fresh-header-stale-body",
            "stale-header-fresh-body",
            "moment-missing",
        ],
    ),
    (Fault::FirstSecretOnly, "safe", &["rotation-next-secret", "rotation-both-secrets"]),
    (Fault::FirstPartOnly, "safe", &["signature-among-others"]),
    (
        Fault::NoFreshness,
        "safe",
        &[
            "stale",
            "stale-webhooks",
            "stale-older",
            "future",
            "future-webhooks",
            "future-older",
            "fresh-header-stale-body",
            "stale-header-fresh-body",
            "moment-missing",
            "fresh-timestamp-stale-body",
            "stale-timestamp-fresh-body",
        ],
    ),
    (Fault::FreshByHeader, "safe", &["fresh-header-stale-body", "fresh-timestamp-stale-body"]),
    (Fault::FreshByTimestampOnly, "safe", &["fresh-timestamp-stale-body"]),
    (Fault::FutureIsFresh, "safe", &["future", "future-webhooks", "future-older"]),
    (Fault::LenientJson, "safe", &["body-member-twice", "body-nul", "body-deep", "body-inexact-number"]),
    (Fault::NoBodyLimit, "safe", &["body-oversized"]),
    (Fault::FlatOnly, "safe", &["nested-form", "forms-disagree"]),
    (Fault::NestedOnly, "safe", &["flat-form", "forms-disagree", "patch-beyond-review"]),
    (Fault::IdsUncompared, "safe", &["key-differs", "proposal-differs", "hash-differs", "webhook-id-differs"]),
    (Fault::AnyVersion, "safe", &["version-unsupported"]),
    (Fault::AnyAction, "safe", &["action-unknown"]),
    (Fault::TrustsTenantColumn, "safe", &["tenant-column-chosen"]),
    (Fault::TrustsTable, "safe", &["table-chosen"]),
    (Fault::IgnoresTenant, "safe", &["row-of-another-tenant", "rows-indistinguishable", "tenant-spelled-otherwise"]),
    (Fault::TenantInAnyCase, "safe", &["tenant-spelled-otherwise"]),
    (Fault::TenantIsTrimmed, "safe", &["tenant-spelled-otherwise"]),
    (Fault::KeyInAnyCase, "safe", &["key-spelled-otherwise"]),
    (Fault::TellsTenantsApart, "safe", &["row-of-another-tenant", "rows-indistinguishable"]),
    (Fault::TellsTenantsApartByHeader, "safe", &["rows-indistinguishable"]),
    (Fault::IgnoresVersion, "never", &["version-changed", "version-near", "race-of-changes", "conflict-sticky"]),
    (Fault::VersionsAreMoments, "safe", &[]),
    (Fault::VersionsByMillisecond, "safe", &["version-exact"]),
    (Fault::VersionsAreParsed, "safe", &["version-near"]),
    (Fault::NoPreviousVersion, "never", &["version-changed", "conflict-sticky"]),
    (Fault::NoLock, "never", &["race-of-changes"]),
    (Fault::VersionStays, "never", &["version-moves", "version-changed", "version-seen-again", "race-of-changes", "conflict-sticky"]),
    (
        Fault::ForgetsOperations,
        "never",
        &[
            "conflict-sticky",
            "duplicate",
            "replay",
            "higher-attempt",
            "duplicate-later",
            "parallel",
            "parallel-attempts",
            "key-reused",
            "fenced",
        ],
    ),
    (
        Fault::RepeatsEffect,
        "never",
        &["conflict-sticky", "duplicate", "replay", "higher-attempt", "duplicate-later", "parallel", "parallel-attempts"],
    ),
    (Fault::NoClaimFirst, "never", &["parallel", "parallel-attempts"]),
    (Fault::ForgetsConflicts, "never", &["conflict-sticky"]),
    (Fault::IgnoresHash, "never", &["key-reused"]),
    (Fault::NoFence, "never", &["fenced"]),
    (Fault::FailureIsFinal, "never", &["retry-after-failure", "fenced"]),
    (Fault::KeepsHalf, "never", &["patch-hostile", "retry-after-failure", "fenced", "business-error"]),
    (Fault::FailureIsConflict, "never", &["patch-hostile", "retry-after-failure", "fenced", "business-error"]),
    (Fault::AppliesDryRun, "never", &["dry-run", "dry-run-handled", "dry-run-leaves-nothing", "answer-receipt"]),
    (Fault::RemembersDryRun, "safe", &["dry-run-leaves-nothing"]),
    (Fault::LeaksDriverText, "safe", &["answer-driver-text"]),
    (Fault::LeaksStackTrace, "safe", &["answer-driver-text"]),
    (Fault::LeaksToken, "safe", &["answer-secrets"]),
    (Fault::PlainText, "safe", &["answer-content-type"]),
    (Fault::ExtraMember, "never", &["answer-receipt"]),
    (Fault::BareUnauthorized, "never", &["token-missing", "token-wrong", "token-cut", "token-other-scheme", "answer-receipt"]),
    (Fault::Contradicts, "never", &["answer-receipt"]),
    (Fault::WrongEcho, "never", &["answer-echo"]),
    (Fault::DropsConnection, "safe", &["token-missing"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_fails_the_scenarios_that_are_about_it_and_no_others() {
    let played = FAULTS.iter().map(|(fault, earned, due)| (fault, earned, due, tokio::spawn(tried(*fault))));
    let mut wrong = Vec::new();
    for (fault, earned, due, verdict) in played.collect::<Vec<_>>() {
        let verdict = verdict.await.unwrap();
        let faults = faults(&verdict);
        let found: Vec<&str> = faults.lines().filter_map(|line| line.split(':').next()).collect();
        let redelivery = json!(verdict.earned)["redelivery"].as_str().unwrap().to_owned();
        if found != *due || redelivery != *earned {
            wrong.push(format!("    (Fault::{fault:?}, {redelivery:?}, &{found:?}),\n{faults}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn tried(fault: Fault) -> Verdict {
    let (faulty, fixture) = (Faulty::with(fault), fixture(&[]));
    Conformance::new(&fixture, credentials(), &faulty, &faulty).run(|_| ()).await.unwrap()
}

/// The Rust template on PostgreSQL, as a program of its own, over HTTP.
#[tokio::test]
async fn the_rust_template_keeps_the_contract() {
    let Some(shop) = Shop::postgres() else { return };
    let table = "account_credits (operation_id text primary key, tenant_id text not null, invoice_id text not null, cents bigint not null)";
    shop.execute(&format!("create table {table}; insert into invoices values ('INV-9', 'globex', 'C-1', 'overdue', 1, 1, null, 3)"));
    let serving = serve_template(shop.server());
    let transport = HttpTransport::new(&format!("http://127.0.0.1:{}/synapsor/writeback", serving.port)).unwrap();
    let fixture = fixture(&[("/action", "billing.propose_account_credit".into())]);
    let stage = Counting(&shop, "account_credits");
    let verdict = Conformance::new(&fixture, credentials(), &transport, &stage).run(|_| ()).await.unwrap();
    assert_eq!((faults(&verdict), verdict.counts()[2]), (String::new(), 1));
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "handler"}));
}

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

fn serve_template(database: &Postgres) -> Serving {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let mut command = Command::new(folder.join("template_rust_axum"));
    command.env("PORT", port.to_string()).env("DATABASE_URL", database.url()).env("HANDLER_TOKEN", TOKEN);
    command.env("HANDLER_SIGNING_SECRET", SECRET).env("HANDLER_NEXT_SIGNING_SECRET", NEXT);
    let mut serving = Serving { program: command.spawn().unwrap(), port };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(serving.program.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(30), "it does not serve");
        std::thread::sleep(Duration::from_millis(10));
    }
    serving
}

/// The shop, with effects counted in this table.
struct Counting<'a>(&'a Shop, &'static str);

impl Stage for Counting<'_> {
    fn reset(&self) -> Acting<'_, ()> {
        self.0.reset()
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let effects = self.0.table(&format!("select count(*) from {}", self.1)).parse().unwrap();
            Ok(Observation { effects, ..self.0.observe().await? })
        })
    }
}

#[tokio::test]
async fn what_the_fixture_does_not_have_or_claim_is_skipped_and_not_earned() {
    let (faulty, bare) =
        (Faulty::with(Fault::None), fixture(&[("/refused_patch", Value::Null), ("/claims", json!({"redelivery": "never"}))]));
    let credentials = Credentials { next: None, ..credentials() };
    let verdict = Conformance::new(&bare, credentials, &faulty, &faulty).run(|_| ()).await.unwrap();
    assert_eq!(json!(verdict.earned), json!({"redelivery": "never", "dry_run": "handler"}));
    let record = verdict.to_json();
    let skipped = record["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == "skipped");
    let skipped: Vec<String> = skipped.map(|one| format!("{}: {}", one["name"].as_str().unwrap(), one["why"].as_str().unwrap())).collect();
    insta::assert_snapshot!(skipped.join("\n"), @"
    rotation-next-secret: the fixture names no second signing secret
    rotation-both-secrets: the fixture names no second signing secret
    version-exact: the version has no fraction of a second
    conflict-sticky: the fixture claims `redelivery: never`
    duplicate: the fixture claims `redelivery: never`
    replay: the fixture claims `redelivery: never`
    higher-attempt: the fixture claims `redelivery: never`
    duplicate-later: the fixture claims `redelivery: never`
    parallel: the fixture claims `redelivery: never`
    parallel-attempts: the fixture claims `redelivery: never`
    key-reused: the fixture claims `redelivery: never`
    retry-after-failure: the fixture has no change that is refused
    fenced: the fixture has no change that is refused
    business-error: the fixture has no change that is refused
    ");
}

/// A server with nothing at the path.
struct Elsewhere {
    status: u16,
    asked: AtomicUsize,
}

impl Transport for Elsewhere {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(Response::builder().status(self.status).body(Bytes::from_static(b"{\"detail\":\"Not Found\"}")).unwrap()) })
    }
}

#[tokio::test]
async fn where_no_handler_is_that_is_said_once() {
    let (stage, fixture) = (Faulty::with(Fault::None), fixture(&[]));
    for (status, only, requests) in [(404, &[][..], 3), (405, &[], 3), (404, &["duplicate"], 1), (404, &["answer-secrets"], 3)] {
        let elsewhere = Elsewhere { status, asked: AtomicUsize::new(0) };
        let trial = Conformance::new(&fixture, credentials(), &elsewhere, &stage).only(only.iter().map(|&name| name.to_owned()));
        let mut told = 0;
        let error = trial.run(|_| told += 1).await.unwrap_err().to_string();
        assert_eq!(error, format!("nothing at that address is a handler: the requests were answered {status}, without a receipt"));
        assert_eq!((told, elsewhere.asked.into_inner()), (0, requests), "{only:?}");
    }
    // What a link is answered is no receipt, and need not be one.
    let elsewhere = Elsewhere { status: 405, asked: AtomicUsize::new(0) };
    let trial = Conformance::new(&fixture, credentials(), &elsewhere, &stage).only(["method-other".to_owned()]);
    assert!(trial.run(|_| ()).await.unwrap().ok());
}

#[tokio::test]
async fn some_scenarios_alone_earn_nothing_and_a_strange_name_is_an_error() {
    let (faulty, fixture) = (Faulty::with(Fault::LeaksToken), fixture(&[]));
    let trial = |only: &[&str]| {
        let names: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        Conformance::new(&fixture, credentials(), &faulty, &faulty).only(names)
    };
    let verdict = trial(&["duplicate", "valid"]).run(|_| ()).await.unwrap();
    assert_eq!((verdict.counts(), verdict.earned), ([2, 0, 0], None));
    // What holds of every answer is held against the answers of all scenarios.
    let verdict = trial(&["answer-secrets"]).run(|_| ()).await.unwrap();
    assert_eq!(verdict.counts(), [0, 1, 0]);
    let error = trial(&["unheard-of"]).run(|_| ()).await.unwrap_err();
    insta::assert_snapshot!(error, @"there is no scenario `unheard-of`");
}

#[test]
fn a_fixture_that_cannot_be_is_refused() {
    let read = |text: &str| {
        Fixture::from_slice(text.as_bytes()).map_or_else(|error| synapsor_protocol::chain::chain(&error), |_| "read".to_owned())
    };
    let good = json!({
        "action": "a.b", "target": {"table": "t", "primary_key": {"column": "id", "value": 1}, "tenant": {"column": "who", "value": "acme"},
            "version_column": "version"},
        "missing_key": 2, "other_tenant": {"tenant": "globex", "key": 3}, "patch": {"x": 1},
        "reset": {"sql": ["update t set x = 0"]}, "observe": {"command": ["observe"]}, "database": {"url_env": "DATABASE_URL"},
    });
    let with = |name: &str, value: Value| {
        let mut fixture = good.clone();
        fixture[name] = value;
        read(&fixture.to_string())
    };
    assert_eq!(read(&good.to_string()), "read");
    insta::assert_snapshot!(with("database", Value::Null), @"`database` is missing, and `sql` needs it");
    insta::assert_snapshot!(with("missing_key", json!(1)), @"`missing_key` is the key of a row that is there");
    insta::assert_snapshot!(with("other_tenant", json!({"tenant": "acme", "key": 3})), @"`other_tenant.tenant` is the own tenant");
    insta::assert_snapshot!(with("other_tenant", json!({"tenant": "globex", "key": 1})), @"`other_tenant.key` is the own row's key");
    insta::assert_snapshot!(with("patch", json!({})), @"`patch` changes nothing");
    insta::assert_snapshot!(with("observe", json!({"command": []})), @"`observe` has no words");
    insta::assert_snapshot!(with("pach", json!({})), @"the record does not have the expected form: unknown field `pach`, expected one of `$schema`, `action`, `target`, `missing_key`, `other_tenant`, `before`, `patch`, `refused_patch`, `version_advance`, `tolerance_seconds`, `credentials`, `claims`, `database`, `reset`, `observe` at line 1 column 339");
    insta::assert_snapshot!(read("{\"action\": 1, \"action\": 2}"), @"an object names a member twice (line 1, column 15)");
}
