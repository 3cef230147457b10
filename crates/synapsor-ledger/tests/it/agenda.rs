//! What there is to do for a worker, and what waits for a person.

use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Agenda, Claim, Filter, Lane, Lease, LedgerError, Recorded};
use synapsor_proposal::{AttestedOutcome, Delivery, OperatorCommand, Order, Proposal, Refusal, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, proposal_until};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

async fn agenda(fixture: &Fixture) -> Agenda {
    fixture.operator.agenda(10).await.unwrap()
}

/// What is due, by the objects that it is about.
async fn due(fixture: &Fixture) -> Vec<String> {
    let mut objects = Vec::new();
    for id in agenda(fixture).await.due.into_iter().flat_map(|lane| lane.jobs) {
        objects.push(fixture.operator.load(&id).await.unwrap().proposal.terms.object_id);
    }
    objects
}

async fn granted(fixture: &Fixture, proposal: &Proposal, lease: Duration) -> Lease {
    match fixture.operator.claim(proposal.id(), &holder("pid 1"), lease, Delivery::Again).await.unwrap() {
        Claim::Granted(lease) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

fn failed() -> Report {
    Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE)
}

fn park(attempt: u32) -> Order {
    Order::Park { attempt, reason: "it keeps failing".into() }
}

async fn until_due(fixture: &Fixture) -> Duration {
    let due_at = agenda(fixture).await.next_due_at.unwrap();
    due_at.since(Timestamp::now())
}

#[tokio::test]
async fn what_was_approved_is_due_the_longest_waiting_first() {
    let fixture = Fixture::new();
    for object in ["A", "B", "C"] {
        fixture.approved(object).await;
    }
    fixture.proposed("D").await;
    assert_eq!(due(&fixture).await, ["A", "B", "C"]);
    let agenda = fixture.operator.agenda(2).await.unwrap();
    assert_eq!(agenda.due[0].lane, Lane { source_id: "shop".into(), executor: "sql_update".into() });
    assert_eq!((agenda.due.len(), agenda.due[0].jobs.len(), agenda.next_due_at), (1, 2, None));
}

#[tokio::test]
async fn a_claimed_job_is_due_again_when_its_lease_ends() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    let lease = granted(&fixture, &proposal, SHORT).await;
    assert!(due(&fixture).await.is_empty());
    assert_eq!(agenda(&fixture).await.next_due_at, Some(lease.expires_at));
    let renewed = fixture.operator.renew(&lease).await.unwrap();
    assert_eq!(agenda(&fixture).await.next_due_at, Some(renewed.expires_at));
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(due(&fixture).await, ["A"]);
}

#[tokio::test]
async fn trap_59_a_lease_is_given_back_by_its_holder_only() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    let lease = granted(&fixture, &proposal, LONG).await;
    assert!(!fixture.operator.release(&Lease { attempt: 2, ..lease.clone() }).await.unwrap());
    assert!(!fixture.operator.release(&Lease { lease_id: synapsor_protocol::id::LeaseId::generate(), ..lease.clone() }).await.unwrap());
    assert!(due(&fixture).await.is_empty());
    assert!(fixture.operator.release(&lease).await.unwrap());
    assert_eq!(due(&fixture).await, ["A"]);
    // The attempt stays claimed and unreported: it may have acted.
    let state = fixture.operator.load(proposal.id()).await.unwrap().proposal;
    assert!(state.unresolved() && !fixture.operator.release(&lease).await.unwrap());
    assert_eq!(fixture.operator.unresolved().await.unwrap(), std::slice::from_ref(proposal.id()));
}

#[tokio::test]
async fn a_failed_attempt_is_due_again_after_its_pause() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    granted(&fixture, &proposal, LONG).await;
    let order = Order::Report { attempt: 1, report: failed() };
    fixture.operator.conclude(proposal.id(), OperatorCommand { by: dana(), order }, Duration::from_secs(20)).await.unwrap();
    assert!(due(&fixture).await.is_empty());
    assert!((18..=20).contains(&until_due(&fixture).await.as_secs()));
    fixture.operator.postpone(proposal.id(), SHORT).await.unwrap();
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(due(&fixture).await, ["A"]);
    // A lease is not moved.
    granted(&fixture, &proposal, LONG).await;
    fixture.operator.postpone(proposal.id(), SHORT).await.unwrap();
    assert!(until_due(&fixture).await.as_secs() > 25);
}

#[tokio::test]
async fn what_is_settled_or_set_aside_is_not_due() {
    let fixture = Fixture::new();
    let (applied, parked, canceled) = (fixture.approved("A").await, fixture.approved("B").await, fixture.approved("C").await);
    granted(&fixture, &applied, LONG).await;
    fixture.operator.report(applied.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap();
    granted(&fixture, &parked, LONG).await;
    let order = Order::GiveUp { attempt: 1, report: failed(), reason: "for good".into() };
    fixture.operator.conclude(parked.id(), OperatorCommand { by: dana(), order }, LONG).await.unwrap();
    fixture.execute(&canceled, Order::Cancel { reason: None }).await.unwrap();
    assert_eq!(agenda(&fixture).await, Agenda::default());
    fixture.operator.verify().await.unwrap();
}

#[tokio::test]
async fn a_dead_letter_is_listed_until_somebody_tries_again() {
    let fixture = Fixture::new();
    let mut parked = Vec::new();
    for object in ["A", "B", "C"] {
        let proposal = fixture.approved(object).await;
        fixture.execute(&proposal, park(0)).await.unwrap();
        parked.push(proposal);
    }
    let list = |filter: Filter| {
        let operator = fixture.operator.clone();
        async move { operator.dead_letters(&filter).await.unwrap() }
    };
    let objects = |lines: &[synapsor_ledger::DeadLetterLine]| lines.iter().map(|line| line.proposal.object_id.clone()).collect::<Vec<_>>();
    let first = list(Filter { limit: 2, ..Filter::default() }).await;
    assert_eq!((objects(&first.lines), first.lines[0].reason.as_str()), (vec!["C".into(), "B".into()], "it keeps failing"));
    let second = list(Filter { limit: 2, before: first.next, ..Filter::default() }).await;
    assert_eq!((objects(&second.lines), second.next), (vec!["A".to_owned()], None));
    let of = |object: &str| Filter { object_id: Some(object.into()), ..Filter::default() };
    assert_eq!(objects(&list(of("B")).await.lines), ["B"]);
    granted(&fixture, &parked[1], LONG).await;
    assert_eq!(list(of("B")).await.lines, []);
    let dossier = fixture.operator.load(parked[0].id()).await.unwrap();
    assert_eq!(dossier.proposal.dead_letter.map(|parked| parked.letter.reason).as_deref(), Some("it keeps failing"));
    let open = fixture.operator.stats().await.unwrap().open;
    assert_eq!((open.approved, open.pending_worker, open.dead_letters, open.due, open.unresolved), (2, 1, 2, 0, 0));
}

#[tokio::test]
async fn what_somebody_is_at_work_on_is_not_set_aside_or_attested() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    granted(&fixture, &proposal, LONG).await;
    let attest =
        || Order::Attest { attempt: 1, outcome: AttestedOutcome::Applied, not_before: Timestamp::now(), reason: "it is there".into() };
    for order in [park(1), attest()] {
        assert!(matches!(fixture.execute(&proposal, order).await, Err(LedgerError::Held { .. })));
    }
    fixture.operator.report(proposal.id(), &dana(), 1, &Report::new(Outcome::Unknown)).await.unwrap();
    fixture.execute(&proposal, park(1)).await.unwrap();
    let state = fixture.execute(&proposal, attest()).await.unwrap();
    assert_eq!((state.status, state.outcome(), state.dead_letter), (Status::Applied, Some(Outcome::Applied), None));
    // It is no proof: there is no receipt.
    assert_eq!(fixture.count("writeback_receipts"), 0);
    fixture.operator.verify().await.unwrap();
}

#[tokio::test]
async fn where_nothing_may_follow_an_unknown_the_ledger_refuses_the_claim_and_keeps_no_lease() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    granted(&fixture, &proposal, LONG).await;
    fixture.operator.report(proposal.id(), &dana(), 1, &Report::new(Outcome::Unknown)).await.unwrap();
    let refused = fixture.operator.claim(proposal.id(), &holder("pid 2"), LONG, Delivery::Once).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Refused(Refusal::MayHaveActed { attempt: 1, .. })), "{refused}");
    assert_eq!(due(&fixture).await, ["A"]);
    assert_eq!(granted(&fixture, &proposal, LONG).await.attempt, 2);
}

/// Both have seen that nothing was claimed; one of them claims and reports before the other's transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_who_deliver_once_one_does() {
    for _ in 0..10 {
        let fixture = Fixture::new();
        let proposal = fixture.approved("A").await;
        let claims: Vec<_> = (0..16)
            .map(|number| {
                let (operator, id) = (fixture.another().operator(), proposal.id().clone());
                tokio::spawn(async move {
                    let claim = operator.claim(&id, &holder(&format!("pid {number}")), LONG, Delivery::Once).await;
                    if let Ok(Claim::Granted(lease)) = &claim {
                        operator.report(&id, &dana(), lease.attempt, &Report::new(Outcome::Unknown)).await.unwrap();
                    }
                    claim.is_ok_and(|claim| matches!(claim, Claim::Granted(_)))
                })
            })
            .collect();
        let mut granted = 0;
        for claim in claims {
            granted += usize::from(claim.await.unwrap());
        }
        assert_eq!((granted, fixture.operator.load(proposal.id()).await.unwrap().proposal.attempts.len()), (1, 1));
    }
}

#[tokio::test]
async fn what_nobody_claimed_in_time_has_lapsed() {
    let fixture = Fixture::new();
    let soon = Timestamp::now().after(Duration::from_secs(3));
    let mut ids = Vec::new();
    for object in ["A", "B"] {
        let Recorded::Created(proposal) = fixture.agent.record_proposal(proposal_until(object, "paid", soon)).await.unwrap() else {
            panic!("it is new")
        };
        ids.push(proposal);
    }
    fixture.approve(&ids[1]).await.unwrap();
    assert_eq!(agenda(&fixture).await.lapsed, Vec::<ProposalId>::new());
    tokio::time::sleep(soon.since(Timestamp::now()) + SHORT).await;
    assert_eq!(agenda(&fixture).await.lapsed, [ids[0].id().clone(), ids[1].id().clone()]);
    for proposal in &ids {
        assert_eq!(fixture.execute(proposal, Order::Expire).await.unwrap().status, Status::Expired);
    }
    assert_eq!(agenda(&fixture).await, Agenda::default());
}

#[tokio::test]
async fn a_pause_holds_for_everybody_until_somebody_resumes() {
    let fixture = Fixture::new();
    fixture.approved("A").await;
    let begun = fixture.operator.pause(&dana(), Some("the source moves".into())).await.unwrap();
    assert_eq!(fixture.operator.pause(&dana(), None).await.unwrap(), begun);
    let seen = fixture.another().operator().agenda(10).await.unwrap();
    assert_eq!((seen.paused.as_ref(), seen.due.len()), (Some(&begun), 1));
    assert!(fixture.operator.stats().await.unwrap().open.paused);
    assert_eq!(fixture.operator.resume().await.unwrap(), Some(begun));
    assert_eq!((fixture.operator.resume().await.unwrap(), fixture.operator.paused().await.unwrap()), (None, None));
}

#[tokio::test]
async fn the_reason_of_a_pause_is_kept_as_every_other_reason() {
    let fixture = Fixture::new();
    assert!(fixture.operator.pause(&dana(), Some("x".repeat(5000))).await.is_err());
    let pause = fixture.operator.pause(&dana(), Some("see postgres://app:canary77@h/d".into())).await.unwrap();
    assert_eq!(pause.reason.as_deref(), Some("see postgres://app:[redacted]@h/d"));
    assert_eq!(fixture.operator.paused().await.unwrap(), Some(pause));
}

#[tokio::test]
async fn a_moment_further_ahead_than_any_holds_no_job_up() {
    let fixture = Fixture::new();
    fixture.approved("A").await;
    for moment in ["9223372036854775807", "(unixepoch() + 7200) * 1000000"] {
        fixture.edit(&format!("UPDATE writeback_jobs SET due_at = {moment}"));
        assert_eq!((due(&fixture).await, agenda(&fixture).await.next_due_at), (vec!["A".to_owned()], None));
    }
}

/// Whoever takes a job off the agenda by hand is found out; so is a dead letter that was made or undone by hand.
#[tokio::test]
async fn an_edit_of_what_is_due_or_set_aside_is_found() {
    for edit in ["due_at = NULL", "parked_at = 5", "parked_at = 5, due_at = NULL"] {
        let fixture = Fixture::new();
        let proposal = fixture.approved("A").await;
        fixture.edit(&format!("UPDATE writeback_jobs SET {edit}"));
        let refused = fixture.operator.load(proposal.id()).await.unwrap_err().to_string();
        assert_eq!(refused.replace(proposal.id().as_str(), "ID"), "proposal ID was altered: its job is not what its events say", "{edit}");
    }
    let fixture = Fixture::new();
    let proposal = fixture.approved("A").await;
    fixture.execute(&proposal, park(0)).await.unwrap();
    fixture.edit("UPDATE writeback_jobs SET parked_at = NULL, due_at = 0");
    assert!(matches!(fixture.operator.load(proposal.id()).await, Err(LedgerError::Altered { .. })));
}

/// What SQLite would do for these questions: each names one index and seeks in it.
#[tokio::test]
async fn nothing_that_is_settled_is_looked_at() {
    let fixture = Fixture::new();
    let connection = rusqlite::Connection::open(fixture.path()).unwrap();
    let plan = |sql: &str| {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map([], |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    assert_snapshot!(plan("SELECT proposal_id FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE lane = 'a' AND due_at <= 5 ORDER BY due_at LIMIT 9"), @"SEARCH writeback_jobs USING COVERING INDEX writeback_jobs_due (lane=? AND due_at<?)");
    assert_snapshot!(plan("SELECT min(lane) FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE due_at IS NOT NULL AND lane > 'a'"), @"SEARCH writeback_jobs USING COVERING INDEX writeback_jobs_due (lane>?)");
    assert_snapshot!(plan("SELECT min(due_at) FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE lane = 'a' AND due_at > 5 AND due_at <= 6"), @"SEARCH writeback_jobs USING COVERING INDEX writeback_jobs_due (lane=? AND due_at>? AND due_at<?)");
    assert_snapshot!(plan("SELECT proposal_id FROM proposals INDEXED BY proposals_open_until WHERE open = 1 AND status = 'approved' AND expires_at <= '2026' ORDER BY expires_at LIMIT 9"), @"SEARCH proposals USING INDEX proposals_open_until (status=? AND expires_at<?)");
}

/// A file of the layout before there was an agenda.
#[tokio::test]
async fn jobs_of_an_older_ledger_are_due() {
    let fixture = Fixture::new();
    let (waiting, claimed, settled) = (fixture.approved("A").await, fixture.approved("B").await, fixture.approved("C").await);
    let lease = granted(&fixture, &claimed, LONG).await;
    granted(&fixture, &settled, LONG).await;
    fixture.operator.report(settled.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap();
    fixture.edit("DROP TABLE runner_state");
    for index in ["writeback_jobs_due", "writeback_jobs_parked", "proposals_open_until"] {
        fixture.edit(&format!("DROP INDEX {index}"));
    }
    for column in ["parked_at", "due_at", "lane"] {
        fixture.edit(&format!("ALTER TABLE writeback_jobs DROP COLUMN {column}"));
    }
    fixture.edit("DELETE FROM schema_version WHERE version >= 4");
    let brought_up = fixture.another().operator();
    let agenda = brought_up.agenda(10).await.unwrap();
    assert_eq!((&agenda.due[0].jobs, agenda.next_due_at), (&vec![waiting.id().clone()], Some(lease.expires_at)));
    assert_eq!(agenda.due[0].lane, Lane { source_id: "shop".into(), executor: "sql_update".into() });
    for proposal in [waiting, claimed, settled] {
        brought_up.load(proposal.id()).await.unwrap();
    }
}
