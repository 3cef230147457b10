//! Old records go, and the chains stay whole: what is open, unknown or not understood stays, and a gap that nobody recorded is found.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use synapsor_ledger::{Cutoffs, Diagnostic, LedgerError, OpenOptions, Pruned};
use synapsor_proposal::{Delivery, Ending, Order};
use synapsor_protocol::id::DiagnosticId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, proposal, read};

/// A moment before which everything was recorded.
fn now() -> Cutoffs {
    let moment = Some(Timestamp::now().after(Duration::from_secs(1)));
    Cutoffs { reads: moment, proposals: moment }
}

async fn prune(fixture: &Fixture) -> Pruned {
    fixture.operator.prune(now(), "dana", false).await.unwrap()
}

/// One proposal in every state, by its object; reads without a proposal; a refusal.
async fn everything() -> Fixture {
    let fixture = Fixture::new();
    fixture.proposed("pending").await;
    fixture.approved("approved").await;
    let rejected = fixture.proposed("rejected").await;
    fixture.execute(&rejected, Order::Reject { reason: "no".into() }).await.unwrap();
    let canceled = fixture.approved("canceled").await;
    fixture.execute(&canceled, Order::Cancel { reason: None }).await.unwrap();
    for (object, reports) in [
        ("claimed", vec![]),
        ("failed once", vec![Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE)]),
        ("unknown", vec![Report::because(Outcome::Unknown, ErrorCode::DATABASE_UNAVAILABLE)]),
        ("applied", vec![Report::new(Outcome::Applied)]),
        ("conflict", vec![Report::new(Outcome::Conflict)]),
        ("contradicted", vec![Report::new(Outcome::Conflict), Report::new(Outcome::Applied)]),
    ] {
        let case = fixture.approved(object).await;
        fixture.operator.claim(case.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
        for report in reports {
            fixture.operator.report(case.id(), &dana(), 1, &report).await.unwrap();
        }
    }
    let given_up = fixture.approved("given up").await;
    fixture.operator.claim(given_up.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
    fixture.operator.tombstoned(given_up.id(), &dana(), 1, Ending::Failed, None).await.unwrap();
    for object in ["pending", "nothing"] {
        fixture.agent.record_read(read(object)).await.unwrap();
    }
    fixture.agent.record_diagnostic(diagnostic()).await.unwrap();
    fixture
}

fn diagnostic() -> Diagnostic {
    Diagnostic {
        diagnostic_id: DiagnosticId::generate(),
        tenant_id: Some("acme".into()),
        capability: "billing.propose_status".into(),
        code: "INTERNAL".into(),
        detail: "no answer".into(),
        created_at: Timestamp::now(),
    }
}

async fn left(fixture: &Fixture) -> String {
    let filter = synapsor_ledger::Filter { limit: 100, ..Default::default() };
    let mut lines: Vec<_> = fixture.operator.list(&filter).await.unwrap().lines.iter().map(|line| line.object_id.clone()).collect();
    lines.sort();
    lines.join(", ")
}

fn told(pruned: &Pruned) -> String {
    pruned.deleted.iter().map(|(table, rows)| format!("{table} {rows}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn trap_26_nothing_that_waits_is_pruned() {
    let fixture = everything().await;
    let preview = fixture.operator.prune(now(), "dana", true).await.unwrap();
    assert_eq!(left(&fixture).await.split(", ").count(), 11, "a preview removes nothing");
    let pruned = prune(&fixture).await;
    assert_eq!(pruned, preview);
    assert_snapshot!(told(&pruned), @"approvals 5, diagnostics 1, evidence 7, proposal_events 26, proposals 5, query_audit 7, writeback_jobs 4, writeback_receipts 2");
    assert_snapshot!(left(&fixture).await, @"approved, claimed, contradicted, failed once, pending, unknown");
    fixture.operator.verify().await.unwrap();
    assert_eq!(prune(&fixture).await, Pruned::default(), "a second time finds nothing");
    // What is left can go on.
    let again = fixture.agent.record_proposal(proposal("applied", "paid")).await.unwrap();
    fixture.approve(again.proposal()).await.unwrap();
    fixture.operator.verify().await.unwrap();
}

#[tokio::test]
async fn what_is_newer_than_the_cutoff_stays_by_its_last_event() {
    let fixture = Fixture::new();
    let old = fixture.approved("INV-1").await;
    fixture.agent.record_read(read("INV-2")).await.unwrap();
    let before = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    fixture.execute(&old, Order::Cancel { reason: None }).await.unwrap();
    fixture.agent.record_read(read("INV-3")).await.unwrap();
    let cutoffs = Cutoffs { reads: Some(before), proposals: Some(before) };
    assert_snapshot!(told(&fixture.operator.prune(cutoffs, "dana", false).await.unwrap()), @"evidence 1, query_audit 1");
    let only_reads = Cutoffs { proposals: None, ..now() };
    assert_snapshot!(told(&fixture.operator.prune(only_reads, "dana", false).await.unwrap()), @"evidence 1, query_audit 1");
    assert_snapshot!(left(&fixture).await, @"INV-1");
    fixture.operator.verify().await.unwrap();
}

/// Reads that were written in one commit with others go at different times, and commits go as a whole or in part.
#[tokio::test]
async fn chains_stay_whole_however_records_share_commits() {
    let fixture = Fixture::new();
    for round in 0..6 {
        let mut tasks = Vec::new();
        for number in 0..20 {
            let (agent, object) = (fixture.agent.clone(), format!("INV-{round}-{number}"));
            tasks.push(tokio::spawn(async move {
                match number % 4 {
                    0 => drop(agent.record_proposal(proposal(&object, "paid")).await.unwrap()),
                    1 => agent.record_diagnostic(diagnostic()).await.unwrap(),
                    _ => agent.record_read(read(&object)).await.unwrap(),
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let now = Timestamp::now();
        let cutoffs = Cutoffs { reads: (round % 2 == 1).then_some(now), proposals: (round % 3 == 2).then_some(now) };
        fixture.operator.prune(cutoffs, "dana", false).await.unwrap();
        fixture.operator.verify().await.unwrap();
        for line in fixture.operator.list(&Default::default()).await.unwrap().lines.iter().take(3) {
            let proposal = fixture.operator.load(&line.proposal_id).await.unwrap().proposal;
            if proposal.status.is_open() {
                fixture.execute(&proposal, Order::Reject { reason: "no".into() }).await.unwrap();
            }
        }
    }
    prune(&fixture).await;
    fixture.operator.verify().await.unwrap();
    assert!(fixture.count("commits") < 150, "commits of which nothing is left are gone");
}

#[tokio::test]
async fn a_gap_that_nobody_recorded_is_found() {
    for careless in [
        "DELETE FROM query_audit WHERE audit_id = (SELECT max(audit_id) FROM query_audit)",
        "DELETE FROM proposal_events WHERE number = (SELECT max(number) FROM proposal_events)",
        "DELETE FROM commits WHERE number = (SELECT min(number) FROM commits)",
        "DELETE FROM upkeep WHERE number = 1",
        "UPDATE upkeep SET body_json = replace(body_json, 'dana', 'erin')",
        "UPDATE upkeep SET kind = 'restored'",
        "UPDATE commits SET remaining = coalesce(remaining, records) + 1",
        "UPDATE commits SET remaining = 0 WHERE number = (SELECT min(number) FROM commits)",
        "UPDATE commits SET records = records + 1",
        "UPDATE upkeep SET body_json = replace(body_json, '\"first\":', '\"first\":1')",
        "INSERT INTO upkeep SELECT 99, kind, commit_number, body_json FROM upkeep WHERE number = 1",
    ] {
        let fixture = everything().await;
        prune(&fixture).await;
        fixture.operator.verify().await.unwrap();
        assert!(fixture.edit(careless) > 0, "{careless}");
        let found = fixture.operator.verify().await;
        assert!(matches!(found, Err(LedgerError::AlteredCommit(_) | LedgerError::Altered { .. })), "{careless}: {found:?}");
    }
}

#[tokio::test]
async fn what_does_not_verify_stays_where_it_is_found() {
    let fixture = everything().await;
    fixture.edit("UPDATE proposals SET change_set_json = replace(change_set_json, 'paid', 'void') WHERE object_id = 'applied'");
    fixture.edit("UPDATE evidence SET body_json = replace(body_json, 'nothing', 'nothink') WHERE body_json LIKE '%nothing%'");
    let pruned = prune(&fixture).await;
    assert_eq!(pruned.altered, 2);
    assert!(left(&fixture).await.contains("applied"));
    assert!(fixture.operator.verify().await.is_err(), "pruning hides nothing");
}

#[tokio::test]
async fn nobody_waits_long_while_much_is_pruned() {
    let fixture = Fixture::new();
    for chunk in 0..20 {
        let reads: Vec<_> = (0..100)
            .map(|number| {
                let agent = fixture.agent.clone();
                tokio::spawn(async move { agent.record_read(read(&format!("INV-{chunk}-{number}"))).await.unwrap() })
            })
            .collect();
        for read in reads {
            read.await.unwrap();
        }
    }
    let operator = fixture.operator.clone();
    let pruning = tokio::spawn(async move { operator.prune(now(), "dana", false).await.unwrap() });
    let mut waits = Vec::new();
    while !pruning.is_finished() {
        let began = Instant::now();
        fixture.agent.record_diagnostic(diagnostic()).await.unwrap();
        waits.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(pruning.await.unwrap().deleted["query_audit"], 2000);
    waits.sort();
    let median = waits[waits.len() / 2];
    assert!(waits.len() > 5 && median < Duration::from_millis(60), "{median:?} of {}", waits.len());
    fixture.operator.verify().await.unwrap();
}

/// Pruning may end anywhere: what is gone is explained, and what is left goes on.
#[tokio::test]
async fn pruning_that_is_given_up_in_the_middle_leaves_a_sound_ledger() {
    let fixture = Fixture::new();
    for number in 0..300 {
        fixture.agent.record_read(read(&format!("INV-{number}"))).await.unwrap();
    }
    for patience in [1, 3, 9, 20] {
        let given_up = tokio::time::timeout(Duration::from_millis(patience), fixture.operator.prune(now(), "dana", false)).await;
        drop(given_up);
        fixture.operator.verify().await.unwrap();
    }
    prune(&fixture).await;
    assert_eq!(fixture.count("query_audit"), 0);
    synapsor_ledger::Ledger::open(&fixture.path(), OpenOptions::default()).unwrap().operator().verify().await.unwrap();
}
