//! How long does a list take among a million proposals and a million queries?
//!
//! `cargo bench -p synapsor-ledger`: fills a ledger with rows of 50 tenants and 4 capabilities, in a folder that is removed
//! again, and prints the median and the longest of 21 pages per combination of filters. A tenant with no row, a status that is
//! rare, a day in the middle and the last page are among them, because those are what a list without the right index is slow at.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and one that meets nothing where something must be has failed"
)]

#[expect(dead_code, reason = "a bench needs less of it than the tests")]
#[path = "../tests/it/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use rusqlite::Connection;
use synapsor_ledger::{Filter, LedgerError, OperatorLedger, Page};
use synapsor_proposal::{Delivery, Status};
use synapsor_protocol::{Outcome, Timestamp};

use fixture::{Fixture, dana, holder, read};

/// Rows of each kind.
const ROWS: u32 = 1_000_000;

/// Pages per figure.
const PAGES: usize = 21;

/// The time of the first row, in microseconds, and how far rows are apart.
const TIMES: (i64, i64) = (1_750_000_000_000_000, 20_000_000);

#[tokio::main]
async fn main() {
    let begun = Instant::now();
    let fixture = filled().await;
    let length = std::fs::metadata(fixture.path()).unwrap().len() >> 20;
    println!("filled with {ROWS} proposals and {ROWS} queries: {length} MiB in {:.0} s\n", begun.elapsed().as_secs_f64());
    println!("| list | filter | median | longest |\n|---|---|---|---|");
    for (name, filter) in filters() {
        let ledger = &fixture.operator;
        row("proposals", name, || ledger.list(&filter)).await;
        row("receipts", name, || ledger.receipts(&filter)).await;
        row("query audit", name, || ledger.audit_list(&filter)).await;
        row("activity", name, || ledger.activity(&filter)).await;
    }
    related(&fixture.operator).await;
}

fn filters() -> Vec<(&'static str, Filter)> {
    let some = |text: &str| Some(text.to_owned());
    let moment = |row: i64| Timestamp::from_micros(TIMES.0 + row * TIMES.1);
    let all = Filter { limit: 20, ..Filter::default() };
    vec![
        ("none", all.clone()),
        ("none, 200 lines", Filter { limit: 200, ..all.clone() }),
        ("tenant", Filter { tenant_id: some("tenant_7"), ..all.clone() }),
        ("tenant without a row", Filter { tenant_id: some("nobody"), ..all.clone() }),
        ("tenant and capability", Filter { tenant_id: some("tenant_7"), capability: some("cap.c3"), ..all.clone() }),
        ("a rare status", Filter { status: Some(Status::Conflict), outcome: Some(Outcome::Conflict), ..all.clone() }),
        ("tenant and rare status", Filter { tenant_id: some("tenant_7"), status: Some(Status::Conflict), ..all.clone() }),
        ("object", Filter { object_id: some("object_471100"), ..all.clone() }),
        ("object of another tenant", Filter { object_id: some("object_471100"), tenant_id: some("tenant_7"), ..all.clone() }),
        ("a minute in the middle", Filter { from: moment(500_000), to: moment(500_003), ..all.clone() }),
        ("tenant, up to the middle", Filter { tenant_id: some("tenant_7"), to: moment(500_000), ..all.clone() }),
        ("table, source and principal", Filter { table: some("invoices"), source_id: some("shop"), principal: some("agent-7"), ..all }),
    ]
}

async fn row<T, F>(list: &str, name: &str, ask: impl Fn() -> F)
where
    F: Future<Output = Result<Page<T>, LedgerError>>,
{
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..PAGES {
        let begun = Instant::now();
        ask().await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    println!("| {list} | {name} | {:.2?} | {:.2?} |", took[PAGES / 2], took[PAGES - 1]);
}

async fn related(ledger: &OperatorLedger) {
    let begun = Instant::now();
    ledger.related("wrp_copy_471100", &Filter::default()).await.unwrap();
    println!("| activity | one id | {:.2?} | |", begun.elapsed());
    let begun = Instant::now();
    ledger.stats().await.unwrap();
    println!("| store stats | | {:.2?} | |", begun.elapsed());
}

/// A ledger with copies of one applied proposal and of one query. Change sets are left out of the copies: no list looks at them.
async fn filled() -> Fixture {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    fixture.operator.claim(proposal.id(), &holder("worker"), Duration::from_secs(30), Delivery::Again).await.unwrap();
    fixture.operator.report(proposal.id(), &dana(), 1, &synapsor_protocol::Report::new(Outcome::Applied)).await.unwrap();
    fixture.agent.record_read(read("INV-1")).await.unwrap();
    let connection = Connection::open(fixture.path()).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.execute_batch(&fill()).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    fixture
}

fn fill() -> String {
    let (first, step) = TIMES;
    let rows = format!("WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n < {} - 1) ", ROWS);
    let number = |kind: &str| {
        format!(
            "(SELECT shape FROM shapes WHERE kind = '{kind}' AND tenant_id = 'tenant_' || (n % 50) AND capability = 'cap.c' || (n % 4))"
        )
    };
    let at = format!("{first} + n * {step}");
    let time = format!("strftime('%Y-%m-%dT%H:%M:%S', ({at}) / 1000000, 'unixepoch') || '.000000Z'");
    let status = "CASE WHEN n % 20000 = 7 THEN 'conflict' WHEN n % 3 = 0 THEN 'pending_review' ELSE 'applied' END";
    let shapes = |kind: &str| {
        format!(
            "INSERT INTO shapes (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
               WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n < 199)
               SELECT 'tenant_' || (n % 50), '{kind}', 'cap.c' || (n % 4), 'agent-7', 'shop', 'public.invoices', 'invoices', 'sha256:ab'
               FROM row GROUP BY n % 50, n % 4;"
        )
    };
    format!(
        "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -200000; BEGIN IMMEDIATE;
         {shapes_shown}{shapes_changed}
         {rows} INSERT INTO proposals (proposal_id, proposal_version, proposal_hash, content_digest, approval_digest, capability_digest, mode,
             tenant_id, principal, capability, business_object, object_id, source_id, expires_at, created_at, status, open, attempts, outcome,
             code, updated_at, events, head_hash, change_set_json, shape, at_micros)
           SELECT 'wrp_copy_' || n, 1, p.proposal_hash, p.content_digest, p.approval_digest, p.capability_digest, p.mode, 'tenant_' || (n % 50),
             'agent-7', 'cap.c' || (n % 4), 'invoices', 'object_' || n, 'shop', p.expires_at, {time}, {status}, 0, 1, NULL, NULL, {time}, 6,
             p.head_hash, '{{}}', {changed}, {at} FROM row, proposals AS p WHERE p.number = 1;
         {rows} INSERT INTO writeback_receipts (proposal_id, sequence, writeback_job_id, attempt, status, idempotency_key, receipt_json, created_at,
             shape, object_id, at_micros)
           SELECT 'wrp_copy_' || n, 6, 'wbj_' || n, 1, CASE WHEN n % 20000 = 7 THEN 'conflict' ELSE 'applied' END, 'wrp_copy_' || n || ':x', '{{}}',
             {time}, {changed}, 'object_' || n, {at} FROM row WHERE n % 3 <> 0;
         {rows} INSERT INTO query_audit (audit_id, tenant_id, commit_number, body_json, shape, object_id, at_micros)
           SELECT 'qa_copy_' || n, 'tenant_' || (n % 50), 1, json_set(a.body_json, '$.audit_id', 'qa_copy_' || n, '$.tenant_id', 'tenant_' || (n % 50),
             '$.capability', 'cap.c' || (n % 4), '$.object_id', 'object_' || n, '$.created_at', {time}), {shown}, 'object_' || n, {at}
           FROM row, (SELECT body_json FROM query_audit LIMIT 1) AS a;
         COMMIT;",
        shapes_shown = shapes("shown"),
        shapes_changed = shapes("review_required"),
        shown = number("shown"),
        changed = number("review_required"),
    )
}
