//! What no sequence of commands can break.

use std::time::Duration;

use proptest::prelude::*;
use synapsor_proposal::{Fact, Proposal, Refusal, Status, fold};
use synapsor_protocol::Outcome;

use crate::fixture::{HOUR, History, order_of};

#[derive(Debug, Clone)]
enum Step {
    Order(String),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let plain = ["approve", "approve another", "reject", "cancel", "expire", "claim", "claim", "claim once"];
    let report = (0_u32..5, prop::sample::select(vec!["applied", "already_applied", "conflict", "failed", "unknown"]));
    let code = prop::sample::select(vec!["", " FENCED", " COMMIT_UNKNOWN"]);
    let step = prop_oneof![
        3 => prop::sample::select(plain.to_vec()).prop_map(|order| Step::Order(order.to_owned())),
        4 => (report, code).prop_map(|((attempt, outcome), code)| Step::Order(format!("{attempt} {outcome}{code}"))),
        1 => (0_u32..5, prop::sample::select(vec!["failed", "canceled", "expired"]))
            .prop_map(|(attempt, ending)| Step::Order(format!("tombstone {attempt} {ending}"))),
        1 => (0_u32..5, prop::sample::select(vec!["applied", "not-applied"])).prop_map(|(attempt, said)| Step::Order(format!("attest {attempt} {said}"))),
        1 => (0_u32..5).prop_map(|attempt| Step::Order(format!("park {attempt}"))),
        1 => (0_u32..5, prop::sample::select(vec!["applied", "failed", "unknown"])).prop_map(|(attempt, outcome)| Step::Order(format!("giveup {attempt} {outcome}"))),
        1 => (1_u64..40).prop_map(Step::Wait),
    ];
    // Most sequences would die undecided: begin with an approval more often than not.
    let start = prop_oneof![Just(vec![]), Just(vec!["approve"]), Just(vec!["approve", "claim", "claim"])];
    (start, prop::collection::vec(step, 0..25))
        .prop_map(|(start, rest)| start.into_iter().map(|order| Step::Order(order.to_owned())).chain(rest).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn no_sequence_of_commands_breaks_the_promise(steps in steps()) {
        let mut history = History::new();
        for step in steps {
            let before = history.state.clone();
            match step {
                Step::Wait(minutes) => history.now = history.now.after(Duration::from_secs(60 * minutes)),
                Step::Order(words) => {
                    let order = order_of(&words, &history.state);
                    let answer = history.order(order.clone());
                    accepted(&before, &history, &answer, &words)?;
                    repeated(&mut history, order, answer.is_ok())?;
                }
            }
            prop_assert_eq!(fold(&history.events).unwrap(), Some(history.state.clone()));
            settled_for_good(&before, &history.state)?;
            one_effect_at_most(&history)?;
            ended_by_a_proof(&history)?;
        }
    }
}

/// Receipts are never dropped, and nothing begins out of turn or too late.
fn accepted(before: &Proposal, after: &History, answer: &Result<Vec<Fact>, Refusal>, words: &str) -> Result<(), TestCaseError> {
    let Some((attempt, rest)) = words.split_once(' ').and_then(|(first, rest)| Some((first.parse::<u32>().ok()?, rest))) else {
        if let (true, Ok(facts)) = (words.starts_with("claim"), answer) {
            prop_assert!(after.now < before.terms.expires_at);
            prop_assert!(words != "claim once" || !before.unresolved(), "a second delivery of what may have acted");
            prop_assert!(after.state.dead_letter.is_none());
            prop_assert!(facts.iter().any(|fact| matches!(fact, Fact::AttemptClaimed(c) if c.attempt == before.next_attempt())));
        }
        return Ok(());
    };
    let claimed = before.attempt(attempt).is_some();
    prop_assert_eq!(answer.is_ok(), claimed, "{} of {:?}", words, before.status);
    if claimed {
        let kept = after.state.attempt(attempt).is_some_and(|attempt| attempt.reports.iter().any(|r| rest.starts_with(r.outcome.as_str())));
        prop_assert!(kept, "the report is gone");
    }
    Ok(())
}

/// Asking again changes nothing, except that a claim is another attempt.
fn repeated(history: &mut History, order: synapsor_proposal::Order, was_accepted: bool) -> Result<(), TestCaseError> {
    if matches!(order, synapsor_proposal::Order::Claim { .. }) {
        return Ok(());
    }
    let events = history.events.len();
    let again = history.order(order);
    prop_assert_eq!(history.events.len(), events);
    prop_assert_eq!(again.is_ok(), was_accepted);
    Ok(())
}

fn settled_for_good(before: &Proposal, after: &Proposal) -> Result<(), TestCaseError> {
    if !before.status.is_open() {
        prop_assert_eq!(before.status, after.status);
    }
    prop_assert!(!after.unresolved() || after.status == Status::PendingWorker);
    prop_assert_eq!(after.pending().is_some(), after.status.is_open());
    prop_assert!(after.dead_letter.is_none() || matches!(after.status, Status::Approved | Status::PendingWorker));
    prop_assert!(after.series().len() <= after.attempts.len());
    let numbers: Vec<u32> = after.attempts.iter().map(|attempt| attempt.number).collect();
    prop_assert_eq!(numbers, (1..after.next_attempt()).collect::<Vec<_>>());
    Ok(())
}

fn one_effect_at_most(history: &History) -> Result<(), TestCaseError> {
    let mut effects: Vec<u32> = history
        .events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Applied(reported) => Some(reported.attempt),
            _ => None,
        })
        .collect();
    effects.dedup();
    prop_assert!(effects.len() <= 1, "two attempts both made the change: {:?}", effects);
    let facts = |outcome: fn(Outcome) -> bool| history.state.attempts.iter().flat_map(|a| &a.reports).any(|r| outcome(r.outcome));
    if facts(Outcome::is_applied) && facts(|outcome| outcome == Outcome::Conflict) {
        prop_assert!(!history.state.contradictions.is_empty());
    }
    Ok(())
}

/// A claimed proposal ends by a receipt or by a tombstone; an unclaimed one never says that it was applied.
fn ended_by_a_proof(history: &History) -> Result<(), TestCaseError> {
    let state = &history.state;
    let has = |found: fn(&Fact) -> bool| history.events.iter().any(|event| found(&event.fact));
    let receipt = has(|fact| matches!(fact, Fact::Applied(_) | Fact::AlreadyApplied(_) | Fact::Conflict(_)));
    let attested = state.attestation.is_some();
    match state.status {
        Status::Applied => prop_assert!((receipt || attested) && !state.attempts.is_empty()),
        Status::Conflict => prop_assert!(receipt && !state.attempts.is_empty()),
        Status::Failed if attested => prop_assert!(state.tombstone.is_none()),
        Status::Failed => prop_assert!(state.tombstone.is_some() && !receipt),
        Status::Canceled | Status::Expired => prop_assert!(state.attempts.is_empty() || state.tombstone.is_some()),
        Status::Rejected | Status::PendingReview | Status::Approved => prop_assert!(state.attempts.is_empty()),
        Status::PendingWorker => prop_assert!(!receipt && !attested && state.tombstone.is_none()),
    }
    if state.status == Status::Expired {
        prop_assert!(history.now >= history.events[0].at.after(HOUR));
    }
    Ok(())
}
