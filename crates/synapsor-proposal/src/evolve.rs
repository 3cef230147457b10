//! What does an event make of a proposal?
//!
//! [`evolve`] checks that the event can follow: a ledger that somebody edited folds into an error, not into a state.

use synapsor_protocol::change_set::Mode;
use synapsor_protocol::{Outcome, Timestamp};

use crate::attempt::Attempt;
use crate::decide::contradicts;
use crate::event::{Approval, Attestation, AttestedOutcome, Claimed, Contradiction, DeadLetter, Event, Fact, Reported, Terms, Tombstone};
use crate::proposal::{Parked, Proposal, Status};

/// An event that cannot follow what came before it. No decision of ours produces one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} ({kind}) cannot follow: {why}")]
pub struct Misfit {
    /// Its place in the history of the proposal, from 1.
    pub sequence: u32,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong.
    pub why: &'static str,
}

/// The state after a whole history; `None` if there is none.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Option<Proposal>, Misfit> {
    events.into_iter().try_fold(None, |state, event| evolve(state, event).map(Some))
}

/// The state after one more event.
pub fn evolve(state: Option<Proposal>, event: &Event) -> Result<Proposal, Misfit> {
    let sequence = state.as_ref().map_or(1, |state| state.events.saturating_add(1));
    let follow = || match (state, &event.fact) {
        (None, Fact::Created(terms)) => Ok(begin(terms, event.at)),
        (None, _) => Err("a history begins with proposal_created"),
        (Some(_), Fact::Created(_)) => Err("it was created before"),
        (Some(state), fact) => step(state, fact, event.at),
    };
    let mut next = follow().map_err(|why| Misfit { sequence, kind: event.fact.kind(), why })?;
    next.events = sequence;
    next.updated_at = event.at;
    Ok(next)
}

fn begin(terms: &Terms, at: Timestamp) -> Proposal {
    Proposal {
        terms: terms.clone(),
        status: Status::PendingReview,
        created_at: at,
        updated_at: at,
        evidence: None,
        approval: None,
        writeback_job_id: None,
        closing: None,
        attempts: Vec::new(),
        last_report: None,
        tombstone: None,
        dead_letter: None,
        given_up_after: 0,
        attestation: None,
        contradictions: Vec::new(),
        human_actions: Vec::new(),
        events: 1,
    }
}

fn step(mut state: Proposal, fact: &Fact, at: Timestamp) -> Result<Proposal, &'static str> {
    let undecided_or_unclaimed = matches!(state.status, Status::PendingReview | Status::Approved);
    match fact {
        Fact::Created(_) => return Err("it was created before"),
        Fact::EvidenceRecorded(link) => state.evidence = Some(link.clone()),
        Fact::Approved(approval) => approved(&mut state, approval)?,
        Fact::JobRecorded { writeback_job_id } => {
            (state.status == Status::Approved).then_some(()).ok_or("it is not approved")?;
            state.writeback_job_id = Some(writeback_job_id.clone());
        }
        Fact::Rejected(closing) | Fact::Canceled(closing) if undecided_or_unclaimed => {
            let rejected = matches!(fact, Fact::Rejected(_));
            state.status = if rejected { Status::Rejected } else { Status::Canceled };
            state.closing = Some(closing.clone());
        }
        Fact::Superseded { .. } if state.status == Status::PendingReview => state.status = Status::Canceled,
        Fact::Superseded { .. } => return Err("it is not pending_review"),
        Fact::Expired { .. } if undecided_or_unclaimed => state.status = Status::Expired,
        Fact::Rejected(_) | Fact::Canceled(_) | Fact::Expired { .. } => return Err("it was claimed or is final"),
        Fact::AttemptClaimed(claimed) => claim(&mut state, claimed, at)?,
        Fact::Applied(reported) => receipt(&mut state, reported, Outcome::Applied)?,
        Fact::AlreadyApplied(reported) => receipt(&mut state, reported, Outcome::AlreadyApplied)?,
        Fact::Conflict(reported) => receipt(&mut state, reported, Outcome::Conflict)?,
        Fact::Failed(reported) => setback(&mut state, reported, Outcome::Failed)?,
        Fact::Unknown(reported) => setback(&mut state, reported, Outcome::Unknown)?,
        Fact::Contradicted(contradiction) => contradicted(&mut state, contradiction)?,
        Fact::Tombstoned(tombstone) => bury(&mut state, tombstone)?,
        Fact::DeadLettered(letter) => park(&mut state, letter, at)?,
        Fact::Attested(attestation) => attested(&mut state, attestation)?,
        Fact::HumanActed(action) if state.terms.mode == Mode::Shadow => state.human_actions.push(action.clone()),
        Fact::HumanActed(_) => return Err("it is no shadow proposal"),
    }
    if !state.status.is_open() {
        state.dead_letter = None;
    }
    Ok(state)
}

fn approved(state: &mut Proposal, approval: &Approval) -> Result<(), &'static str> {
    if state.status != Status::PendingReview {
        return Err("it is not pending_review");
    }
    if approval.approval_digest != state.terms.approval_digest || approval.proposal_hash != state.terms.proposal_hash {
        return Err("it approves other terms");
    }
    state.status = Status::Approved;
    state.approval = Some(approval.clone());
    Ok(())
}

fn claim(state: &mut Proposal, claimed: &Claimed, at: Timestamp) -> Result<(), &'static str> {
    if !matches!(state.status, Status::Approved | Status::PendingWorker) {
        return Err("it is neither approved nor pending_worker");
    }
    if claimed.attempt != state.next_attempt() {
        return Err("attempts are counted one by one");
    }
    state.status = Status::PendingWorker;
    state.dead_letter = None;
    state.attempts.push(Attempt {
        number: claimed.attempt,
        holder: claimed.holder.clone(),
        lease_id: claimed.lease_id.clone(),
        claimed_at: at,
        reports: Vec::new(),
    });
    Ok(())
}

/// A fact of the source's receipt settles the proposal, whichever attempt reports it.
fn receipt(state: &mut Proposal, reported: &Reported, outcome: Outcome) -> Result<(), &'static str> {
    if contradicts(state, reported.attempt, outcome) {
        return Err("it contradicts the final state");
    }
    hear(state, reported, outcome)?;
    if state.status == Status::PendingWorker {
        state.status = if outcome == Outcome::Conflict { Status::Conflict } else { Status::Applied };
        state.last_report = Some(reported.clone());
    }
    Ok(())
}

/// `failed` and `unknown` settle nothing; of a superseded attempt they move nothing either.
fn setback(state: &mut Proposal, reported: &Reported, outcome: Outcome) -> Result<(), &'static str> {
    hear(state, reported, outcome)?;
    let current = state.current_attempt().is_some_and(|attempt| attempt.number == reported.attempt);
    if current && state.status == Status::PendingWorker {
        state.last_report = Some(reported.clone());
    }
    Ok(())
}

fn contradicted(state: &mut Proposal, contradiction: &Contradiction) -> Result<(), &'static str> {
    let Contradiction { recorded, attempt, report } = contradiction;
    if *recorded != state.status || !contradicts(state, *attempt, report.outcome) {
        return Err("it does not contradict the state on record");
    }
    hear(state, &Reported { attempt: *attempt, report: report.clone() }, report.outcome)?;
    state.contradictions.push(contradiction.clone());
    Ok(())
}

fn bury(state: &mut Proposal, tombstone: &Tombstone) -> Result<(), &'static str> {
    if state.status != Status::PendingWorker {
        return Err("it is not pending_worker");
    }
    if state.current_attempt().is_none_or(|attempt| attempt.number != tombstone.attempt) {
        return Err("a tombstone names the last attempt");
    }
    state.status = tombstone.ending.status();
    state.tombstone = Some(tombstone.clone());
    Ok(())
}

fn park(state: &mut Proposal, letter: &DeadLetter, at: Timestamp) -> Result<(), &'static str> {
    if !matches!(state.status, Status::Approved | Status::PendingWorker) {
        return Err("it is neither approved nor pending_worker");
    }
    if state.dead_letter.is_some() {
        return Err("it is a dead letter already");
    }
    if state.current_attempt().map_or(0, |attempt| attempt.number) != letter.attempt {
        return Err("a dead letter names the last attempt");
    }
    state.given_up_after = state.attempts.len() as u32;
    state.dead_letter = Some(Parked { at, letter: letter.clone() });
    Ok(())
}

fn attested(state: &mut Proposal, attestation: &Attestation) -> Result<(), &'static str> {
    if state.status != Status::PendingWorker {
        return Err("it is not pending_worker");
    }
    if state.current_attempt().is_none_or(|attempt| attempt.number != attestation.attempt) {
        return Err("an attestation names the last attempt");
    }
    if attestation.outcome == AttestedOutcome::Applied && !state.unresolved() {
        return Err("it is proved that no attempt did anything");
    }
    state.status = attestation.outcome.status();
    state.attestation = Some(attestation.clone());
    Ok(())
}

fn hear(state: &mut Proposal, reported: &Reported, outcome: Outcome) -> Result<(), &'static str> {
    if reported.report.outcome != outcome {
        return Err("its kind and its outcome differ");
    }
    let attempt = state.attempts.iter_mut().find(|attempt| attempt.number == reported.attempt);
    attempt.ok_or("the attempt was never claimed")?.reports.push(reported.report.clone());
    Ok(())
}
