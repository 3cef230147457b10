//! What is a proposal, at this moment?
//!
//! Folded from events by [`evolve`](crate::evolve) and by nothing else.
//!
//! # Invariants
//! - The terms never change after creation.
//! - A final status never changes; a receipt that disagrees is kept in `contradictions`.

use std::fmt;

use serde::{Deserialize, Serialize};
use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::{ErrorCode, Outcome, Timestamp};

use crate::attempt::{Attempt, Pending, may_follow};
use crate::event::{Approval, Attestation, Closing, Contradiction, DeadLetter, EvidenceLink, HumanAction, Reported, Terms, Tombstone};

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a decision.
    PendingReview,
    /// An operator said yes; no attempt has begun.
    Approved,
    /// An operator said no.
    Rejected,
    /// An operator withdrew it, or a proposal of the same content took its place before anybody decided.
    Canceled,
    /// Its time passed.
    Expired,
    /// At least one attempt was claimed, and the outcome is not final.
    PendingWorker,
    /// The change is in the source.
    Applied,
    /// The source refused it under the row lock.
    Conflict,
    /// Every attempt did nothing, and a tombstone keeps it so.
    Failed,
}

/// One proposal, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What was proposed.
    pub terms: Terms,
    /// Where it stands.
    pub status: Status,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When the last event was recorded.
    pub updated_at: Timestamp,
    /// The evidence the agent saw.
    pub evidence: Option<EvidenceLink>,
    /// Who approved it.
    pub approval: Option<Approval>,
    /// The job in the outbox.
    pub writeback_job_id: Option<JobId>,
    /// Who rejected it, or withdrew it before it was claimed.
    pub closing: Option<Closing>,
    /// Every attempt that was claimed, in order.
    pub attempts: Vec<Attempt>,
    /// The last report that counts: a fact of the receipt, or what the current attempt of its time said.
    pub last_report: Option<Reported>,
    /// The end of a claimed operation that had no effect.
    pub tombstone: Option<Tombstone>,
    /// Set while nobody tries again unless a person says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<Parked>,
    /// How many attempts had been made when it was last set aside: those that follow are counted anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given_up_after: u32,
    /// What a person said became of it, because nothing could prove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
    /// Receipts that disagree with the final state.
    pub contradictions: Vec<Contradiction>,
    /// What people did in the case of a shadow proposal, in the order in which it was put on record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub human_actions: Vec<HumanAction>,
    /// How many events it was folded from.
    pub events: u32,
}

/// A dead letter, and since when it is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    #[serde(flatten)]
    pub letter: DeadLetter,
}

impl Proposal {
    /// The proposal's id.
    pub fn id(&self) -> &ProposalId {
        &self.terms.proposal_id
    }

    /// The last attempt that was claimed.
    pub fn current_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The attempt of this number, if it was claimed.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// The number that the next attempt gets.
    pub fn next_attempt(&self) -> u32 {
        self.current_attempt().map_or(1, |attempt| attempt.number.saturating_add(1))
    }

    /// The attempts since it was last set aside.
    pub fn series(&self) -> &[Attempt] {
        self.attempts.get(self.given_up_after as usize..).unwrap_or_default()
    }

    /// Whether something may have been done of which nothing certain is known: a claimed attempt that said `unknown` or
    /// nothing, and neither receipt nor tombstone since.
    pub fn unresolved(&self) -> bool {
        self.status == Status::PendingWorker && self.attempts.iter().any(Attempt::is_unresolved)
    }

    /// The outcome of the operation over all its attempts, as far as it can be said. `failed` here still needs a
    /// tombstone before the proposal is.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.status {
            // What was said by nobody but a person has no report.
            Status::Applied if self.attestation.is_some() => Some(Outcome::Applied),
            Status::Applied | Status::Conflict => self.last_report.as_ref().map(|reported| reported.report.outcome),
            Status::PendingWorker if self.unresolved() => Some(Outcome::Unknown),
            Status::PendingWorker | Status::Failed => Some(Outcome::Failed),
            Status::PendingReview | Status::Approved | Status::Rejected | Status::Canceled | Status::Expired => None,
        }
    }

    /// The code that goes with [`Proposal::outcome`]: of the receipt, of the attempt that is unresolved, or of the last.
    pub fn code(&self) -> Option<&ErrorCode> {
        match self.status {
            Status::Applied if self.attestation.is_some() => None,
            Status::Applied | Status::Conflict => self.last_report.as_ref().and_then(|reported| reported.report.code.as_ref()),
            Status::PendingWorker if self.unresolved() => {
                self.attempts.iter().rev().find(|attempt| attempt.is_unresolved()).and_then(Attempt::code)
            }
            Status::PendingWorker | Status::Failed => self.current_attempt().and_then(Attempt::code),
            Status::PendingReview | Status::Approved | Status::Rejected | Status::Canceled | Status::Expired => None,
        }
    }

    /// Whether its time has passed at this moment.
    pub fn is_past(&self, now: Timestamp) -> bool {
        now >= self.terms.expires_at
    }

    /// Why it is not settled yet; `None` once it is.
    pub fn pending(&self) -> Option<Pending> {
        if let Some(Parked { letter, .. }) = &self.dead_letter {
            let outcome = self.outcome().unwrap_or(letter.outcome);
            return Some(Pending::Person { outcome, code: letter.code.clone(), reason: letter.reason.clone() });
        }
        match self.status {
            Status::PendingReview => Some(Pending::Decision),
            Status::Approved => Some(Pending::Attempt),
            Status::PendingWorker => self.current_attempt().map(|current| self.pending_worker(current)),
            Status::Rejected | Status::Canceled | Status::Expired | Status::Applied | Status::Conflict | Status::Failed => None,
        }
    }

    fn pending_worker(&self, current: &Attempt) -> Pending {
        if current.outcome().is_none() {
            return Pending::Report { attempt: current.number, holder: current.holder.clone() };
        }
        if let Some(open) = self.attempts.iter().rev().find(|attempt| attempt.is_unresolved()) {
            return Pending::Resolution { attempt: open.number, code: open.code().cloned() };
        }
        let code = current.code().cloned();
        Pending::Retry { attempt: current.number, retryable: may_follow(code.as_ref()), code }
    }
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::PendingReview,
        Self::Approved,
        Self::Rejected,
        Self::Canceled,
        Self::Expired,
        Self::PendingWorker,
        Self::Applied,
        Self::Conflict,
        Self::Failed,
    ];

    /// The word in records and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingReview => "pending_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::PendingWorker => "pending_worker",
            Self::Applied => "applied",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether something may still happen to it. An open proposal holds its content digest.
    pub fn is_open(self) -> bool {
        matches!(self, Self::PendingReview | Self::Approved | Self::PendingWorker)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
