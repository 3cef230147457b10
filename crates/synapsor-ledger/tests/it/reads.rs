//! What a read leaves, and how many become one commit.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::json;
use synapsor_ledger::{Diagnostic, Ledger, LedgerError, OpenOptions, ReadRecord};
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::DiagnosticId;

use crate::fixture::{Fixture, audit, evidence, read};

/// Holds the write lock until it is dropped.
struct Lock(rusqlite::Connection);

impl Lock {
    fn take(fixture: &Fixture) -> Self {
        let connection = rusqlite::Connection::open(fixture.path()).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

#[tokio::test]
async fn a_read_is_one_evidence_row_and_one_audit_row() {
    let fixture = Fixture::new();
    let shown = evidence("INV-1");
    fixture.agent.record_read(ReadRecord { evidence: Some(shown.clone()), audit: audit("INV-1") }).await.unwrap();
    fixture.agent.record_read(ReadRecord { evidence: None, audit: audit("INV-2") }).await.unwrap();
    assert_eq!((fixture.count("evidence"), fixture.count("query_audit")), (1, 2));
    assert_eq!(fixture.agent.evidence("acme", "agent-7", &shown.evidence_id).await.unwrap(), Some(shown));
}

#[tokio::test]
async fn a_record_may_be_repeated_but_not_replaced() {
    let fixture = Fixture::new();
    let first = read("INV-1");
    fixture.agent.record_read(first.clone()).await.unwrap();
    fixture.agent.record_read(first.clone()).await.unwrap();
    let mut other = first;
    other.audit.row_count = 2;
    assert_snapshot!(fixture.agent.record_read(other).await.unwrap_err(), @"the query audit cannot be recorded: its id is taken");
    assert_eq!((fixture.count("evidence"), fixture.count("query_audit")), (1, 1));
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused() {
    let fixture = Fixture::new();
    let mut large = read("INV-1");
    large.audit.payload = json!("x".repeat(9 << 20));
    assert_snapshot!(fixture.agent.record_read(large).await.unwrap_err(), @"the query audit cannot be recorded: it is larger than 8 MiB");
    assert_eq!(fixture.count("evidence"), 0);
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_who_fails_fails_alone() {
    let fixture = Fixture::new();
    let taken = read("INV-0");
    fixture.agent.record_read(taken.clone()).await.unwrap();
    let commits = fixture.count("commits");
    let lock = Lock::take(&fixture);
    let waiting: Vec<_> = (0..10)
        .map(|number| {
            let mut record = read(&format!("INV-{number}"));
            if number == 4 {
                record.audit.audit_id = taken.audit.audit_id.clone();
            }
            let agent = fixture.agent.clone();
            tokio::spawn(async move { agent.record_read(record).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    lock.release();
    let mut failed = Vec::new();
    for (number, answer) in waiting.into_iter().enumerate() {
        if answer.await.unwrap().is_err() {
            failed.push(number);
        }
    }
    assert_eq!(failed, [4]);
    assert_eq!(fixture.count("commits"), commits + 1);
    // Its evidence went with it.
    assert_eq!((fixture.count("evidence"), fixture.count("query_audit")), (10, 10));
    fixture.operator.verify().await.unwrap();
}

#[tokio::test]
async fn a_caller_who_left_before_the_batch_records_nothing() {
    let fixture = Fixture::new();
    let lock = Lock::take(&fixture);
    let agent = fixture.agent.clone();
    let waiting = tokio::spawn(async move { agent.record_read(read("INV-1")).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    waiting.abort();
    let _ = waiting.await;
    lock.release();
    fixture.agent.record_read(read("INV-2")).await.unwrap();
    assert_eq!(fixture.count("query_audit"), 1);
}

#[tokio::test]
async fn a_ledger_that_stays_locked_is_busy_and_nobody_waits_twice() {
    let fixture = Fixture::new();
    let options = OpenOptions { busy_timeout: Duration::from_millis(200), ..OpenOptions::default() };
    let impatient = Ledger::open(&fixture.path(), options).unwrap().agent();
    let lock = Lock::take(&fixture);
    let started = Instant::now();
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let agent = impatient.clone();
            tokio::spawn(async move { agent.record_read(read(&format!("INV-{number}"))).await })
        })
        .collect();
    for answer in waiting {
        assert!(matches!(answer.await.unwrap(), Err(LedgerError::Busy)));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    lock.release();
    impatient.record_read(read("INV-1")).await.unwrap();
}

#[tokio::test]
async fn a_diagnostic_is_found_by_its_id() {
    let fixture = Fixture::new();
    let diagnostic = Diagnostic {
        diagnostic_id: DiagnosticId::generate(),
        tenant_id: Some("acme".into()),
        capability: "billing.inspect_invoice".into(),
        code: "TEMPORARILY_UNAVAILABLE".into(),
        detail: "source `shop` could not be reached".into(),
        created_at: Timestamp::now(),
    };
    fixture.agent.record_diagnostic(diagnostic.clone()).await.unwrap();
    assert_eq!(fixture.operator.diagnostic(&diagnostic.diagnostic_id).await.unwrap(), Some(diagnostic));
}
