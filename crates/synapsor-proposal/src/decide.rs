//! May this happen, and what follows from it?
//!
//! One function per order. A command that repeats what is already on record is answered with no events: whoever lost
//! the answer to a commit may ask again.

use std::cmp::Ordering;

use synapsor_protocol::change_set::{ApprovalStatus, Mode, WritebackStatus};
use synapsor_protocol::credential::redacted;
use synapsor_protocol::id::{ActionId, JobId};
use synapsor_protocol::{ChangeSet, Columns, Digest, Outcome, Report, Scalar, Timestamp};

use crate::attempt::{Attempt, may_follow};
use crate::command::{AgentCommand, Delivery, OperatorCommand, Order};
use crate::event::{
    Approval, Attestation, AttestedOutcome, Claimed, Closing, Contradiction, DeadLetter, Ending, Event, EvidenceLink, Fact, HumanAction,
    Reported, Terms, Tombstone,
};
use crate::evolve::evolve;
use crate::operator::OperatorIdentity;
use crate::proposal::{Proposal, Status};
use crate::refusal::Refusal;

/// The longest reason of a decision, in bytes.
pub const MAX_REASON_BYTES: usize = 4000;

/// Answers what an agent asks. `existing` is the proposal of the same id, if there is one.
pub fn decide_agent(existing: Option<&Proposal>, command: &AgentCommand, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let AgentCommand::Propose { change_set, capability_digest, expires_at, evidence, audit } = command;
    if let Some(existing) = existing {
        return Err(Refusal::Exists(existing.id().clone()));
    }
    let refused = |why: String| Refusal::ChangeSet { id: change_set.proposal_id.clone(), why };
    undecided(change_set).map_err(refused)?;
    if *expires_at <= now {
        return Err(Refusal::Expired { id: change_set.proposal_id.clone(), at: *expires_at });
    }
    if evidence.0 != change_set.evidence.bundle_id {
        return Err(refused(format!("it names evidence {}, not {}", change_set.evidence.bundle_id, evidence.0)));
    }
    let terms = Terms::of(change_set, capability_digest.clone(), *expires_at).map_err(|error| refused(error.to_string()))?;
    let link = EvidenceLink {
        evidence_id: evidence.0.clone(),
        evidence_digest: evidence.1.clone(),
        audit_id: audit.0.clone(),
        audit_digest: audit.1.clone(),
    };
    let event = |fact| Event { actor: change_set.principal.id.clone(), at: now, fact };
    Ok(vec![event(Fact::Created(Box::new(terms))), event(Fact::EvidenceRecorded(link))])
}

/// Answers what an operator orders.
pub fn decide_operator(state: &Proposal, command: &OperatorCommand, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let by = &command.by;
    let facts = match &command.order {
        Order::Approve { digest, reason } => approve(state, by, digest, reason.as_deref(), now)?,
        Order::Reject { reason } => reject(state, by, reason, now)?,
        Order::Cancel { reason } => cancel(state, by, reason.as_deref(), now)?,
        Order::Expire => return lapse(state, by.account(), now),
        Order::Claim { holder, lease_id, delivery } => {
            let attempt = next_attempt(state, *delivery, now)?;
            vec![Fact::AttemptClaimed(Claimed { attempt, holder: holder.clone(), lease_id: lease_id.clone() })]
        }
        Order::Report { attempt, report } => record(state, *attempt, report)?,
        Order::GiveUp { attempt, report, reason } => give_up(state, by, *attempt, report, reason, now)?,
        Order::Park { attempt, reason } => park(state, *attempt, reason)?,
        Order::Attest { attempt, outcome, not_before, reason } => attest(state, by, *attempt, *outcome, *not_before, reason, now)?,
        Order::Tombstone { attempt, ending, reason } => bury(state, by, *attempt, *ending, reason.as_deref(), now)?,
        Order::RecordHumanAction { action_id, patch, notes } => witness(state, by, action_id, patch, notes.as_deref())?,
    };
    Ok(facts.into_iter().map(|fact| Event { actor: by.account().to_owned(), at: now, fact }).collect())
}

/// Records that a proposal's time has passed. It is a fact, no decision: anyone may find it. A claimed proposal does
/// not lapse; it needs a tombstone in the source first.
pub fn lapse(state: &Proposal, actor: &str, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if state.status == Status::Expired {
        return Ok(Vec::new());
    }
    unclaimed(state, "open and not claimed")?;
    let expires_at = state.terms.expires_at;
    if !state.is_past(now) {
        return Err(Refusal::NotExpired { id: state.id().clone(), at: expires_at });
    }
    Ok(vec![Event { actor: actor.to_owned(), at: now, fact: Fact::Expired { expires_at } }])
}

/// Records that a proposal of the same content takes the place of one that nobody has decided, because its mode or the
/// review of its capability is another; `None` if the old one stands. What an operator approved stands: proposing
/// again is no way to undo a decision.
pub fn supersede(state: &Proposal, new: &Terms, now: Timestamp) -> Option<Event> {
    let old = &state.terms;
    let same_terms = old.mode == new.mode && old.capability_digest == new.capability_digest;
    if state.status != Status::PendingReview || old.content_digest != new.content_digest || same_terms {
        return None;
    }
    Some(Event { actor: new.principal.clone(), at: now, fact: Fact::Superseded { by: new.proposal_id.clone() } })
}

/// A proposal begins undecided, whatever the record says of itself.
fn undecided(change_set: &ChangeSet) -> Result<(), String> {
    change_set.verify().map_err(|error| error.to_string())?;
    if change_set.mode == Mode::ApprovedForWriteback || change_set.approval.status != ApprovalStatus::Pending {
        return Err("it says that it was decided already".to_owned());
    }
    if change_set.source_database_mutated || change_set.writeback.status != WritebackStatus::NotApplied {
        return Err("it says that it was applied already".to_owned());
    }
    if change_set.proposal_version != 1 {
        return Err("a new proposal has version 1".to_owned());
    }
    Ok(())
}

fn approve(state: &Proposal, by: &OperatorIdentity, digest: &Digest, reason: Option<&str>, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    writable(state)?;
    let repeats = |approval: &Approval| approval.approval_digest == *digest && approval.operator.uid == by.uid();
    if state.status == Status::Approved && state.approval.as_ref().is_some_and(repeats) {
        return Ok(Vec::new());
    }
    if state.status != Status::PendingReview {
        return Err(wrong_status(state, "pending_review"));
    }
    in_time(state, now)?;
    holds_role(state, by)?;
    if *digest != state.terms.approval_digest {
        let stands = state.terms.approval_digest.clone();
        return Err(Refusal::OtherDigest { id: state.id().clone(), named: digest.clone(), stands });
    }
    let approval = Approval {
        approval_digest: digest.clone(),
        proposal_hash: state.terms.proposal_hash.clone(),
        proposal_version: state.terms.proposal_version,
        role: state.terms.required_role.clone(),
        operator: by.record(),
        reason: recorded_reason(reason)?,
    };
    Ok(vec![Fact::Approved(approval), Fact::JobRecorded { writeback_job_id: job_id(state) }])
}

fn reject(state: &Proposal, by: &OperatorIdentity, reason: &str, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    let closing = closing(state, by, Some(&said(reason)?))?;
    if state.status == Status::Rejected && state.closing.as_ref() == Some(&closing) {
        return Ok(Vec::new());
    }
    unclaimed(state, "pending_review or approved")?;
    in_time(state, now)?;
    holds_role(state, by)?;
    Ok(vec![Fact::Rejected(closing)])
}

fn cancel(state: &Proposal, by: &OperatorIdentity, reason: Option<&str>, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    let closing = closing(state, by, reason)?;
    if state.status == Status::Canceled && state.closing.as_ref() == Some(&closing) {
        return Ok(Vec::new());
    }
    unclaimed(state, "open and not claimed")?;
    in_time(state, now)?;
    Ok(vec![Fact::Canceled(closing)])
}

fn next_attempt(state: &Proposal, delivery: Delivery, now: Timestamp) -> Result<u32, Refusal> {
    writable(state)?;
    if !matches!(state.status, Status::Approved | Status::PendingWorker) {
        return Err(wrong_status(state, "approved or pending_worker"));
    }
    in_time(state, now)?;
    if let (Delivery::Once, Some(open)) = (delivery, state.attempts.iter().find(|attempt| attempt.is_unresolved())) {
        return Err(Refusal::MayHaveActed { id: state.id().clone(), attempt: open.number });
    }
    let last_code = state.current_attempt().and_then(|attempt| attempt.code());
    match last_code {
        Some(code) if !may_follow(Some(code)) => Err(Refusal::NeverRetried { id: state.id().clone(), code: code.clone() }),
        _ => Ok(state.next_attempt()),
    }
}

fn record(state: &Proposal, attempt: u32, report: &Report) -> Result<Vec<Fact>, Refusal> {
    let Some(known) = state.attempt(attempt) else {
        return Err(Refusal::NotClaimed { id: state.id().clone(), attempt });
    };
    let report = &report.clone().without_credentials();
    if known.reports.contains(report) {
        return Ok(Vec::new());
    }
    if contradicts(state, attempt, report.outcome) {
        let contradiction = Contradiction { recorded: state.status, attempt, report: report.clone() };
        return Ok(vec![Fact::Contradicted(contradiction)]);
    }
    let reported = Reported { attempt, report: report.clone() };
    Ok(vec![match report.outcome {
        Outcome::Applied => Fact::Applied(reported),
        Outcome::AlreadyApplied => Fact::AlreadyApplied(reported),
        Outcome::Conflict => Fact::Conflict(reported),
        Outcome::Failed => Fact::Failed(reported),
        Outcome::Unknown => Fact::Unknown(reported),
    }])
}

/// What the last attempt reports, and the dead letter that follows unless the report settled the proposal.
fn give_up(
    state: &Proposal,
    by: &OperatorIdentity,
    attempt: u32,
    report: &Report,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Fact>, Refusal> {
    let mut facts = record(state, attempt, report)?;
    let event = |fact: &Fact| Event { actor: by.account().to_owned(), at: now, fact: fact.clone() };
    let after = facts.iter().try_fold(state.clone(), |state, fact| evolve(Some(state), &event(fact)));
    if let Ok(after) = after
        && after.status == Status::PendingWorker
        && after.current_attempt().is_some_and(|current| current.number == attempt)
    {
        facts.extend(park(&after, attempt, reason)?);
    }
    Ok(facts)
}

fn park(state: &Proposal, attempt: u32, reason: &str) -> Result<Vec<Fact>, Refusal> {
    writable(state)?;
    if !matches!(state.status, Status::Approved | Status::PendingWorker) {
        return Err(wrong_status(state, "approved or pending_worker"));
    }
    is_last(state, attempt)?;
    if state.dead_letter.is_some() {
        return Ok(Vec::new());
    }
    let (outcome, code) = (state.outcome().unwrap_or(Outcome::Failed), state.code().cloned());
    Ok(vec![Fact::DeadLettered(DeadLetter { attempt, outcome, code, reason: said(reason)? })])
}

/// What a person says is recorded where nothing can prove it: of an operation that may have acted, once nothing of it can be
/// under way any more; of one that did nothing, only that.
fn attest(
    state: &Proposal,
    by: &OperatorIdentity,
    attempt: u32,
    outcome: AttestedOutcome,
    not_before: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Fact>, Refusal> {
    let attestation = Attestation { attempt, outcome, operator: by.record(), reason: said(reason)? };
    if state.attestation.as_ref() == Some(&attestation) {
        return Ok(Vec::new());
    }
    if state.status != Status::PendingWorker {
        return Err(wrong_status(state, "pending_worker"));
    }
    is_last(state, attempt)?;
    match (state.unresolved(), outcome) {
        (true, _) if now < not_before => Err(Refusal::TooEarly { id: state.id().clone(), until: not_before }),
        (false, AttestedOutcome::Applied) => Err(Refusal::ProvedUndone(state.id().clone())),
        _ => Ok(vec![Fact::Attested(attestation)]),
    }
}

/// Whether a receipt says something else than the final state on record. Two attempts that both say `applied` would be
/// two effects: that contradicts too. A receipt of a conflict bears out whoever attested that nothing was applied.
pub(crate) fn contradicts(state: &Proposal, attempt: u32, outcome: Outcome) -> bool {
    match (state.status, outcome) {
        (_, Outcome::Failed | Outcome::Unknown) | (Status::PendingWorker, _) => false,
        (Status::Applied, Outcome::AlreadyApplied) | (Status::Conflict, Outcome::Conflict) => false,
        (Status::Failed, Outcome::Conflict) if state.attestation.is_some() => false,
        (Status::Applied, Outcome::Applied) => state
            .attempts
            .iter()
            .any(|other| other.number != attempt && other.reports.iter().any(|report| report.outcome == Outcome::Applied)),
        _ => true,
    }
}

fn bury(
    state: &Proposal,
    by: &OperatorIdentity,
    attempt: u32,
    ending: Ending,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Fact>, Refusal> {
    if state.tombstone.as_ref().is_some_and(|stone| stone.attempt == attempt && stone.ending == ending) {
        return Ok(Vec::new());
    }
    if state.status != Status::PendingWorker {
        return Err(wrong_status(state, "pending_worker"));
    }
    is_last(state, attempt)?;
    if ending == Ending::Expired && !state.is_past(now) {
        return Err(Refusal::NotExpired { id: state.id().clone(), at: state.terms.expires_at });
    }
    Ok(vec![Fact::Tombstoned(Tombstone { attempt, ending, operator: by.record(), reason: recorded_reason(reason)? })])
}

/// What a person did is a fact, whatever became of the proposal since; only a shadow proposal has it to be compared with.
fn witness(
    state: &Proposal,
    by: &OperatorIdentity,
    action_id: &ActionId,
    patch: &Columns,
    notes: Option<&str>,
) -> Result<Vec<Fact>, Refusal> {
    if state.terms.mode != Mode::Shadow {
        return Err(Refusal::NotShadow(state.id().clone()));
    }
    if state.human_actions.iter().any(|action| action.action_id == *action_id) {
        return Ok(Vec::new());
    }
    if patch.is_empty() {
        return Err(Refusal::NothingDone(state.id().clone()));
    }
    let action = HumanAction { action_id: action_id.clone(), patch: shown(patch), operator: by.record(), notes: recorded_reason(notes)? };
    Ok(vec![Fact::HumanActed(action)])
}

fn writable(state: &Proposal) -> Result<(), Refusal> {
    let mode = state.terms.mode;
    match mode {
        Mode::ReviewRequired | Mode::ApprovedForWriteback => Ok(()),
        Mode::Shadow | Mode::ReadOnly => Err(Refusal::NeverWritten { id: state.id().clone(), mode }),
    }
}

fn unclaimed(state: &Proposal, needed: &'static str) -> Result<(), Refusal> {
    match state.status {
        Status::PendingReview | Status::Approved => Ok(()),
        Status::PendingWorker => {
            let attempt = state.next_attempt().saturating_sub(1);
            Err(Refusal::NeedsTombstone { id: state.id().clone(), attempt })
        }
        Status::Rejected | Status::Canceled | Status::Expired | Status::Applied | Status::Conflict | Status::Failed => {
            Err(wrong_status(state, needed))
        }
    }
}

/// Whether this is the last attempt that was claimed; 0 if there is none.
fn is_last(state: &Proposal, attempt: u32) -> Result<(), Refusal> {
    let current = state.current_attempt().map_or(0, |attempt: &Attempt| attempt.number);
    match attempt.cmp(&current) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(Refusal::Superseded { id: state.id().clone(), attempt, current }),
        Ordering::Greater => Err(Refusal::NotClaimed { id: state.id().clone(), attempt }),
    }
}

fn in_time(state: &Proposal, now: Timestamp) -> Result<(), Refusal> {
    if state.is_past(now) {
        return Err(Refusal::Expired { id: state.id().clone(), at: state.terms.expires_at });
    }
    Ok(())
}

fn holds_role(state: &Proposal, by: &OperatorIdentity) -> Result<(), Refusal> {
    match &state.terms.required_role {
        Some(role) if !by.holds(role) => {
            Err(Refusal::Role { id: state.id().clone(), account: by.account().to_owned(), role: role.clone() })
        }
        _ => Ok(()),
    }
}

fn closing(state: &Proposal, by: &OperatorIdentity, reason: Option<&str>) -> Result<Closing, Refusal> {
    let proposal_hash = state.terms.proposal_hash.clone();
    Ok(Closing { operator: by.record(), proposal_hash, reason: recorded_reason(reason)? })
}

/// What a person said, as it is put on record: bounded, and without a credential that they may have pasted. Longer than
/// [`MAX_REASON_BYTES`] it is refused.
pub fn recorded_reason(reason: Option<&str>) -> Result<Option<String>, Refusal> {
    match reason {
        Some(text) if text.len() > MAX_REASON_BYTES => Err(Refusal::Reason { max: MAX_REASON_BYTES }),
        reason => Ok(reason.map(|text| redacted(text).into_owned())),
    }
}

/// What a person set, without the credentials in it.
fn shown(patch: &Columns) -> Columns {
    let shown = |value: &Scalar| match value {
        Scalar::String(text) => Scalar::String(redacted(text).into_owned()),
        Scalar::Null | Scalar::Bool(_) | Scalar::Number(_) => value.clone(),
    };
    patch.iter().map(|(column, value)| (column.clone(), shown(value))).collect()
}

/// A reason that must say something.
fn said(reason: &str) -> Result<String, Refusal> {
    if reason.trim().is_empty() || reason.len() > MAX_REASON_BYTES {
        return Err(Refusal::Reason { max: MAX_REASON_BYTES });
    }
    Ok(redacted(reason).into_owned())
}

fn wrong_status(state: &Proposal, needed: &'static str) -> Refusal {
    Refusal::WrongStatus { id: state.id().clone(), found: state.status, needed }
}

/// One job per proposal, so its id needs no source of its own.
fn job_id(state: &Proposal) -> JobId {
    let id = state.id().as_str();
    let name = format!("wbj_{}", id.strip_prefix("wrp_").unwrap_or(id));
    let hashed = || format!("wbj_{}", Digest::of_bytes(id.as_bytes()).hex());
    JobId::new(&name).or_else(|| JobId::new(&hashed())).unwrap_or_else(JobId::generate)
}
