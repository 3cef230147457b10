//! How many signed requests does a handler carry out per second, how many guarded transactions run by themselves in that time, and what
//! does verifying a signature cost beside a bare HMAC?

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use synapsor_handler::{Done, EffectError, Handler, Job, SigningSecret, Table, Tx};
use synapsor_protocol::handler::signature::verify;
use synapsor_protocol::handler::{Presented, Signatures};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, OperationId, Secret, Timestamp};

use crate::child::{self, Served};
use crate::client::{Connection, TOKEN, connect, find, send};
use crate::figure::{Figure, Rounds};
use crate::load::{Load, blocking_burst, burst};
use crate::plan::Plan;
use crate::shop::{Engine, POOL, Shop};
use crate::transactions::Bare;
use crate::usage::MachineTime;

const ROW: &str = "handlers";

/// The variable with the URL of the handler's database, in the child.
const URL: &str = "BENCH_HANDLER_URL";

const SIGNING_SECRET: &str = "whsec_YmVuY2gtMmIwZjZkMWMtYmVuY2gtMmIwZjZkMWM=";

/// Bodies of about this size are signed where nothing else is done; a request of the runner is as large.
const BODY: usize = 4096;

/// Carried out at 1, 8 and 32 connections; verified in one thread.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let shop = plan.shop(Engine::Postgres);
    let handler = Served::start("serve-handler", &[(URL, &shop.url())]).await;
    let mut figures = Vec::new();
    for connections in [1, 8, 32] {
        figures.push(at(plan, shop, &handler, connections).await);
    }
    figures.push(verification(plan, "verification of both signatures", Verifier::new(true)).await);
    figures.push(verification(plan, "verification of `webhook-signature` alone", Verifier::new(false)).await);
    figures
}

async fn at(plan: &Plan, shop: &Shop, handler: &Served, connections: usize) -> Figure {
    let bare = Bare::open(shop, connections.min(POOL)).await;
    let (mut carried_out, mut transactions) = <(Rounds, Rounds)>::default();
    let each = (plan.applies / connections).max(1);
    for round in 0..=plan.rounds {
        let count = if round == 0 { 2 } else { each };
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(Sender { connection: connect(handler.address).await, requests: requests(shop, handler, count) });
        }
        let writers = bare.writers(connections, count);
        // Bounded by the work, not by the time.
        let machine = MachineTime::now();
        let (answered, _) = burst(senders, plan.round * 60).await;
        let busy = machine.busy_since();
        let (ran, _) = burst(writers, plan.round * 60).await;
        if round > 0 {
            carried_out.busy.push(busy);
            carried_out.push(answered);
            transactions.push(ran);
        }
    }
    let ratio = carried_out.times_slower_than(&transactions);
    let figure = carried_out.figure(ROW, format!("signed requests to a handler, {connections} connections"));
    let figure = figure.beside("guarded transaction", transactions.rate()).at(ratio);
    if connections == 8 { figure.within(1.5) } else { figure }
}

/// One client and the requests that it is to send, signed beforehand as their sender is not measured.
struct Sender {
    connection: Connection,
    requests: Vec<(HeaderMap, Bytes)>,
}

impl Load for Sender {
    async fn once(&mut self) -> bool {
        let Some((headers, body)) = self.requests.pop() else { return false };
        let answer = send(&mut self.connection, headers, body).await;
        assert!(find(&answer, br#""status": "applied""#), "a request was refused: {}", String::from_utf8_lossy(&answer));
        true
    }
}

fn requests(shop: &Shop, handler: &Served, count: usize) -> Vec<(HeaderMap, Bytes)> {
    let secret = [secret()];
    let signed = |_| {
        let (operation, issued_at, body) = request(shop.schema(), &shop.untouched());
        let signatures = Signatures::of(&secret, &operation, &issued_at, &body).expect("there is a secret and a moment");
        let header = |text: &str| HeaderValue::from_str(text).expect("the text fits a header");
        let fixed = [
            (HOST, header(&handler.address.to_string())),
            (CONTENT_TYPE, header("application/json")),
            (AUTHORIZATION, header(&format!("Bearer {TOKEN}"))),
        ];
        let signatures = signatures.headers().map(|(name, value)| (HeaderName::from_static(name), header(value)));
        (fixed.into_iter().chain(signatures).collect(), Bytes::from(body))
    };
    (0..count).map(signed).collect()
}

/// The change of the floor, as a request.
fn request(schema: &str, invoice: &str) -> (OperationId, String, Vec<u8>) {
    let proposal = ProposalId::generate();
    let (operation, issued_at) = (OperationId::derive(&proposal, invoice), Timestamp::now().to_string());
    let body = json!({
        "protocol_version": "1.0", "schema_version": "synapsor.handler-writeback.v1", "proposal_id": proposal, "proposal_version": 1,
        "proposal_hash": Digest::of_bytes(proposal.as_str().as_bytes()), "action": "billing.propose_waiver", "idempotency_key": operation,
        "attempt": 1, "target": {"schema": schema, "table": "invoices", "primary_key": {"column": "id", "value": invoice}},
        "tenant_guard": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["late_fee_cents", "waiver_reason"],
        "patch": {"late_fee_cents": 0, "waiver_reason": "the customer asked"},
        "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "expected_version": {"column": "version", "value": 1}},
        "approval": {"status": "approved", "approved_by": "ada"}, "source_database_mutated": false, "issued_at": issued_at, "dry_run": false,
    });
    (operation, issued_at, body.to_string().into_bytes())
}

/// The handler of the rows; does not end by itself.
pub(crate) async fn serve() {
    let url = std::env::vars().find_map(|(name, value)| (name == URL).then_some(value)).expect("the bench says which database");
    let builder = Handler::builder().bearer_token(TOKEN).signing_secret(SIGNING_SECRET).postgres(url).connections(POOL);
    let builder = builder.table(Table::new("invoices", "tenant_id").key("id")).effect("billing.propose_waiver", waive);
    let handler = builder.build().expect("everything is set");
    handler.check().await.expect("the table is there");
    child::serve(TowerToHyperService::new(handler)).await;
}

async fn waive(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let patch = job.patch();
    let set = [("late_fee_cents", patch.scalar("late_fee_cents")?.clone()), ("waiver_reason", patch.scalar("waiver_reason")?.clone())];
    tx.update("invoices", &set, &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.update"))
}

/// A signed body, and the key that a bare HMAC takes.
struct Verifier {
    secret: [SigningSecret; 1],
    key: ring::hmac::Key,
    body: Vec<u8>,
    signatures: Signatures,
    both: bool,
}

impl Verifier {
    fn new(both: bool) -> Self {
        let (operation, issued_at, mut body) = request("public", "INV-1");
        body.resize(BODY, b' ');
        let secret = [secret()];
        let signatures = Signatures::of(&secret, &operation, &issued_at, &body).expect("there is a secret and a moment");
        Self { secret, key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes()), body, signatures, both }
    }

    fn verify(&mut self) {
        for _ in 0..BATCH {
            let presented = Presented {
                webhook_id: Some(self.signatures.webhook_id.as_bytes()),
                webhook_timestamp: Some(self.signatures.webhook_timestamp.as_bytes()),
                webhook_signature: Some(self.signatures.webhook_signature.as_bytes()),
                synapsor_signature: self.both.then_some(self.signatures.synapsor_signature.as_bytes()),
                issued_at: Some(self.signatures.issued_at.as_bytes()),
            };
            let proven = verify(&self.secret, &presented, black_box(&self.body)).expect("the signature is right");
            let fresh = proven.check_fresh(Some(&self.signatures.issued_at), Timestamp::now(), Duration::from_secs(86_400));
            fresh.expect("it was just signed");
        }
    }

    fn bare(&mut self) {
        for _ in 0..BATCH {
            black_box(ring::hmac::sign(&self.key, black_box(&self.body)));
        }
    }
}

/// Verified between two looks at the clock.
const BATCH: usize = 64;

async fn verification(plan: &Plan, name: &str, mut verifier: Verifier) -> Figure {
    let (mut verified, mut bare) = <(Rounds, Rounds)>::default();
    for _ in 0..plan.rounds {
        let (round, back) = blocking_burst(verifier, BATCH, plan.round, Verifier::verify).await;
        verified.push(round);
        let (round, back) = blocking_burst(back, BATCH, plan.round, Verifier::bare).await;
        bare.push(round);
        verifier = back;
    }
    let ratio = verified.times_slower_than(&bare);
    let figure = Figure { p50: None, p99: None, ..verified.figure(ROW, format!("{name}, {} KiB", BODY / 1024)) };
    figure.beside("bare HMAC-SHA256", bare.rate()).at(ratio)
}

fn secret() -> SigningSecret {
    SigningSecret::new(&Secret::new(SIGNING_SECRET.to_owned())).expect("it is base64")
}
