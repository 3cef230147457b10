use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use synapsor_config::Retry;
use synapsor_executor::AfterUnknown;
use synapsor_proposal::Proposal;
use synapsor_protocol::{ErrorCode, Outcome, Report};

use super::{Next, Policy, Shared, part_of};

/// A proposal whose attempts reported this, one after another; `None` is an attempt that said nothing.
fn proposal(reports: &[Option<Report>], given_up_after: u32) -> Proposal {
    let digest = synapsor_protocol::Digest::of_bytes(b"x");
    let at = "2026-03-02T08:00:00.000000Z";
    let attempts = (1_u32..).zip(reports).map(|(number, report)| {
        json!({"number": number, "holder": "worker", "lease_id": "lease_1", "claimed_at": at, "reports": report.iter().collect::<Vec<_>>()})
    });
    let attempts: Vec<_> = attempts.collect();
    serde_json::from_value(json!({
        "terms": {"proposal_id": "wrp_1", "proposal_version": 1, "proposal_hash": digest, "content_digest": digest, "approval_digest": digest,
            "capability": "a.b", "capability_digest": digest, "mode": "review_required", "tenant_id": "t", "principal": "p",
            "business_object": "o", "object_id": "1", "source_id": "shop", "operation_id": "wrp_1:1", "expires_at": at},
        "status": "pending_worker", "created_at": at, "updated_at": at, "evidence": null, "approval": null, "writeback_job_id": null,
        "closing": null, "attempts": attempts, "last_report": null, "tombstone": null, "contradictions": [], "events": 9,
        "given_up_after": given_up_after
    }))
    .unwrap()
}

fn policy(after_unknown: AfterUnknown) -> Policy {
    Policy { retry: Retry { attempts: 3, initial: Duration::from_secs(1), max: Duration::from_secs(60) }, after_unknown }
}

/// What follows a report after these attempts.
fn check(before: &[Option<Report>], report: &Report, after_unknown: AfterUnknown) -> String {
    match policy(after_unknown).after(&proposal(before, 0), report) {
        Next::Nothing => "nothing".to_owned(),
        Next::Again(_) => "again".to_owned(),
        Next::Person(reason) => format!("a person: {reason}"),
    }
}

fn down() -> Report {
    Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()
}

fn unknown(code: ErrorCode) -> Report {
    Report::because(Outcome::Unknown, code)
}

use AfterUnknown::{FindOut, Person};

#[test]
fn only_what_may_go_better_is_tried_again() {
    assert_snapshot!(check(&[], &Report::new(Outcome::Applied), FindOut), @"nothing");
    assert_snapshot!(check(&[], &Report::new(Outcome::Conflict), Person), @"nothing");
    assert_snapshot!(check(&[], &down(), FindOut), @"again");
    assert_snapshot!(check(&[], &Report::because(Outcome::Failed, ErrorCode::PERMISSION_DENIED), FindOut), @"a person: the attempt did nothing, and another one would fare no better");
    assert_snapshot!(check(&[], &unknown(ErrorCode::COMMIT_UNKNOWN), FindOut), @"again");
    assert_snapshot!(check(&[], &unknown(ErrorCode::IDEMPOTENCY_RECEIPT_IN_PROGRESS), FindOut), @"a person: the outcome is unknown, and asking again would not tell it");
    assert_snapshot!(check(&[], &unknown(ErrorCode::HANDLER_TIMEOUT).transient(), FindOut), @"again");
}

#[test]
fn what_takes_one_delivery_is_not_sent_again_unless_nothing_was_handed_over() {
    assert_snapshot!(check(&[], &unknown(ErrorCode::HANDLER_TIMEOUT).transient(), Person), @"a person: the outcome is unknown, and the executor takes one delivery only: a person has to find out");
    assert_snapshot!(check(&[], &Report::because(Outcome::Failed, ErrorCode::HANDLER_UNREACHABLE).transient(), Person), @"again");
    assert_eq!(policy(Person).forbids(&proposal(&[Some(down())], 0)), None);
    for open in [None, Some(unknown(ErrorCode::HANDLER_TIMEOUT))] {
        assert!(policy(Person).forbids(&proposal(&[open.clone(), Some(down())], 0)).is_some());
        assert_eq!(policy(FindOut).forbids(&proposal(&[open], 0)), None);
    }
}

#[test]
fn attempts_are_used_up_by_those_that_said_something() {
    assert_snapshot!(check(&[Some(down())], &down(), FindOut), @"again");
    assert_snapshot!(check(&[Some(down()), Some(down())], &down(), FindOut), @"a person: 3 attempts were made");
    assert_snapshot!(check(&[None, Some(down())], &down(), FindOut), @"again");
    // Those before it was last set aside do not count.
    let again = policy(FindOut).after(&proposal(&[Some(down()), Some(down()), Some(down())], 3), &down());
    assert!(matches!(again, Next::Again(_)), "{again:?}");
    let once = Policy { retry: Retry { attempts: 1, ..policy(FindOut).retry }, after_unknown: FindOut };
    assert_eq!(once.after(&proposal(&[], 0), &down()), Next::Person("there is one attempt only".into()));
}

#[test]
fn what_kills_whoever_runs_it_is_set_aside_after_ten_times() {
    assert_eq!(policy(FindOut).forbids(&proposal(&vec![None; 9], 0)), None);
    assert_snapshot!(policy(FindOut).forbids(&proposal(&vec![None; 10], 0)).unwrap(), @"10 attempts ended without a word: whatever runs them may die of it");
    assert_eq!(policy(FindOut).forbids(&proposal(&vec![None; 10], 10)), None);
}

#[test]
fn trap_38_an_attempt_that_was_fenced_is_the_last_one() {
    for code in [ErrorCode::FENCED, ErrorCode::IDEMPOTENCY_KEY_REUSED] {
        let fenced = Report::because(Outcome::Failed, code);
        assert!(policy(FindOut).forbids(&proposal(&[Some(fenced)], 0)).is_some());
    }
}

#[test]
fn a_pause_is_a_random_part_and_no_shorter_than_what_was_asked_for() {
    let parts: Vec<_> = (0..200).map(|_| part_of(Duration::from_secs(60))).collect();
    assert!(parts.iter().all(|part| *part <= Duration::from_secs(60)));
    assert!(parts.iter().min() < Some(&Duration::from_secs(10)) && parts.iter().max() > Some(&Duration::from_secs(50)));
    for (before, longest) in [(vec![], 1000), (vec![Some(down())], 2000)] {
        let pauses = (0..200).map(|_| match policy(FindOut).after(&proposal(&before, 0), &down()) {
            Next::Again(pause) => pause.as_millis(),
            other => panic!("{other:?}"),
        });
        assert!((longest * 7 / 10..=longest).contains(&pauses.max().unwrap()));
    }
    let asked = Report { retry_after_seconds: Some(40), ..down() };
    assert!(matches!(policy(FindOut).after(&proposal(&[], 0), &asked), Next::Again(pause) if pause == Duration::from_secs(40)));
}

#[test]
fn what_the_other_jobs_would_fail_of_alike_is_told_from_the_rest() {
    let failed = |code| Report::because(Outcome::Failed, code);
    for (report, shared) in [
        (down(), Shared::Yes),
        (failed(ErrorCode::HANDLER_UNREACHABLE).transient(), Shared::Yes),
        (failed(ErrorCode::DATABASE_UNAVAILABLE), Shared::Yes),
        (failed(ErrorCode::STATEMENT_TIMEOUT).transient(), Shared::Perhaps),
        (failed(ErrorCode::TRANSACTION_FAILED).transient(), Shared::Perhaps),
        (failed(ErrorCode::PERMISSION_DENIED), Shared::Perhaps),
        (failed(ErrorCode::TRANSACTION_FAILED), Shared::No),
        (failed(ErrorCode::HANDLER_BUSINESS_ERROR), Shared::No),
        (unknown(ErrorCode::COMMIT_UNKNOWN), Shared::No),
        (Report::new(Outcome::Applied), Shared::No),
    ] {
        assert_eq!(Shared::of(&report), shared, "{report:?}");
    }
}
