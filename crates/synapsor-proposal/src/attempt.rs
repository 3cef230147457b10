//! What is known of the attempts, and why does a proposal still wait?
//!
//! # Invariants
//! - An attempt's outcome only gains certainty: nothing < failed < unknown < a fact of the source's receipt. `unknown`
//!   stands above `failed`, because a later "it did nothing" does not take back "it may have done something".

use std::fmt;

use serde::{Deserialize, Serialize};
use synapsor_protocol::id::LeaseId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

/// One attempt to apply, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1: the fencing token.
    pub number: u32,
    /// Who ran it.
    pub holder: String,
    /// Under which lease.
    pub lease_id: LeaseId,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// What it reported, in the order in which that was recorded.
    pub reports: Vec<Report>,
}

/// Why an open proposal is not settled yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waits_for", rename_all = "snake_case")]
pub enum Pending {
    /// Nobody has decided.
    Decision,
    /// It is approved; nobody has begun to apply it.
    Attempt,
    /// An attempt has begun and has not reported.
    Report {
        /// Which attempt.
        attempt: u32,
        /// Who runs it.
        holder: String,
    },
    /// Every attempt did nothing; another one, or a tombstone, must follow.
    Retry {
        /// The last attempt.
        attempt: u32,
        /// Why it failed.
        code: Option<ErrorCode>,
        /// Whether another attempt may be made at all.
        retryable: bool,
    },
    /// An attempt may have acted; another one finds out and goes on, a tombstone finds out and stops.
    Resolution {
        /// The last attempt whose outcome is not known.
        attempt: u32,
        /// What it said, if it said anything.
        code: Option<ErrorCode>,
    },
    /// It is a dead letter: a person replays or resolves it.
    Person {
        /// What is known of it: `failed` or `unknown`.
        outcome: Outcome,
        /// Why.
        code: Option<ErrorCode>,
        /// Why nobody tries again by themselves.
        reason: String,
    },
}

impl Attempt {
    /// Its outcome: the most certain thing it reported, or nothing yet.
    pub fn outcome(&self) -> Option<Outcome> {
        self.strongest().map(|report| report.outcome)
    }

    /// The code of that outcome.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.strongest().and_then(|report| report.code.as_ref())
    }

    /// Whether it may still have acted: it said so, or it said nothing.
    pub fn is_unresolved(&self) -> bool {
        matches!(self.outcome(), None | Some(Outcome::Unknown))
    }

    /// Whether it ended: it said what came of it, whatever that was.
    pub fn has_reported(&self) -> bool {
        !self.reports.is_empty()
    }

    fn strongest(&self) -> Option<&Report> {
        // The first of equals stands: a later report repeats it at best.
        self.reports.iter().rev().max_by_key(|report| certainty(report.outcome))
    }
}

fn certainty(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::Unknown => 1,
        Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => 2,
    }
}

/// Whether the rules allow another attempt after this report: an attempt that was fenced, or whose operation id belongs
/// to another change, is the last one.
pub(crate) fn may_follow(code: Option<&ErrorCode>) -> bool {
    !matches!(code, Some(code) if *code == ErrorCode::FENCED || *code == ErrorCode::IDEMPOTENCY_KEY_REUSED)
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision => f.write_str("waits for a decision"),
            Self::Attempt => f.write_str("approved, not applied yet"),
            Self::Report { attempt, holder } => write!(f, "attempt {attempt} by {holder} has not reported"),
            Self::Retry { attempt, code, retryable } => {
                write!(f, "attempt {attempt} failed and changed nothing{}", because(code.as_ref()))?;
                f.write_str(if *retryable { "; another attempt may follow" } else { "; no other attempt may follow" })
            }
            Self::Resolution { attempt, code } => {
                write!(f, "the outcome of attempt {attempt} is unknown{}", because(code.as_ref()))
            }
            Self::Person { outcome, code, reason } => {
                write!(f, "dead letter, outcome {outcome}{}: {reason}", because(code.as_ref()))
            }
        }
    }
}

fn because(code: Option<&ErrorCode>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}
