//! What follows an attempt: another one, or a person?
//!
//! # Invariants
//! - Pure but for the length of a pause: the same report after the same attempts is followed by the same.
//! - Only what may well go better is tried again, and only so often. Everything else is set aside for a person, and nothing is lost by
//!   that: a dead letter keeps what replaying or resolving it needs.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use synapsor_config::Retry;
use synapsor_executor::AfterUnknown;
use synapsor_proposal::{Attempt, Proposal};
use synapsor_protocol::{ErrorCode, Outcome, Report};

/// How many attempts in a row may end without a word before a person looks at it: whatever runs them dies of it.
const MAX_SILENT: usize = 10;

/// The longest pause, whoever asks for it.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// What follows a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the report settles the proposal.
    Nothing,
    /// Another attempt, after a pause.
    Again(Duration),
    /// A person, for this reason.
    Person(String),
}

/// What is agreed on for an executor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) retry: Retry,
    pub(crate) after_unknown: AfterUnknown,
}

impl Policy {
    /// What follows this report of the attempt that was claimed on `before`.
    pub(crate) fn after(&self, before: &Proposal, report: &Report) -> Next {
        let tries = reported(before) + 1;
        let goes_on = match report.outcome {
            Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => return Next::Nothing,
            Outcome::Failed if report.transient => Ok(()),
            Outcome::Failed => Err("the attempt did nothing, and another one would fare no better".to_owned()),
            Outcome::Unknown if self.after_unknown == AfterUnknown::Person => Err(ONE_DELIVERY.to_owned()),
            Outcome::Unknown if may_be_found_out(report) => Ok(()),
            Outcome::Unknown => Err("the outcome is unknown, and asking again would not tell it".to_owned()),
        };
        match goes_on {
            Err(reason) => Next::Person(reason),
            Ok(()) if tries >= self.retry.attempts as usize => Next::Person(used_up(tries)),
            Ok(()) => Next::Again(self.pause(tries, report)),
        }
    }

    /// Why no attempt should follow those that are on record already, if there is a reason.
    pub(crate) fn forbids(&self, proposal: &Proposal) -> Option<String> {
        let series = proposal.series();
        if self.after_unknown == AfterUnknown::Person && proposal.unresolved() {
            return Some(ONE_DELIVERY.to_owned());
        }
        if let Some(code) = proposal.current_attempt().and_then(Attempt::code)
            && (*code == ErrorCode::FENCED || *code == ErrorCode::IDEMPOTENCY_KEY_REUSED)
        {
            return Some(format!("the last attempt ended with {code}, and no other may follow"));
        }
        let silent = series.len() - reported(proposal);
        (silent >= MAX_SILENT).then(|| format!("{silent} attempts ended without a word: whatever runs them may die of it"))
    }

    /// A random part of the longest pause, and no less than what whoever was asked wants to be left alone for.
    fn pause(&self, tries: usize, report: &Report) -> Duration {
        let longest = self.retry.longest_pause(u32::try_from(tries).unwrap_or(u32::MAX));
        let asked = Duration::from_secs(u64::from(report.retry_after_seconds.unwrap_or(0)));
        part_of(longest).max(asked).min(MAX_PAUSE)
    }
}

const ONE_DELIVERY: &str = "the outcome is unknown, and the executor takes one delivery only: a person has to find out";

fn used_up(tries: usize) -> String {
    if tries == 1 { "there is one attempt only".to_owned() } else { format!("{tries} attempts were made") }
}

/// Attempts since it was last set aside that said what came of them. One that said nothing was not kept from saying it by the job,
/// as a rule, but by the end of its process.
fn reported(proposal: &Proposal) -> usize {
    proposal.series().iter().filter(|attempt| attempt.has_reported()).count()
}

/// Whether another attempt may find out what became of this one. Where the commit gave no answer, it does.
pub(crate) fn may_be_found_out(report: &Report) -> bool {
    report.transient || report.code.as_ref().is_none_or(|code| *code == ErrorCode::COMMIT_UNKNOWN)
}

/// Whether an attempt failed of something that the other jobs of its source or handler would fail of alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// It is nothing of the kind: somebody answered about this job.
    No,
    /// If the next jobs fail of it too: a lock on the file, a right that was taken away, a credential that is not accepted any more.
    Perhaps,
    /// The source or the handler could not even be reached, or let nobody in.
    Yes,
}

impl Shared {
    pub(crate) fn of(report: &Report) -> Self {
        let Some(code) = report.code.as_ref().filter(|_| report.outcome == Outcome::Failed) else { return Self::No };
        let unreachable = [ErrorCode::DATABASE_UNAVAILABLE, ErrorCode::HANDLER_UNREACHABLE];
        let refused = [ErrorCode::PERMISSION_DENIED, ErrorCode::UNAUTHORIZED, ErrorCode::INVALID_SIGNATURE];
        let held = [ErrorCode::TRANSACTION_FAILED, ErrorCode::STATEMENT_TIMEOUT];
        if unreachable.contains(code) {
            Self::Yes
        } else if refused.contains(code) || (report.transient && held.contains(code)) {
            Self::Perhaps
        } else {
            Self::No
        }
    }
}

/// A random part of this time. No secret, and no security rests on it.
pub(crate) fn part_of(time: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8);
    time.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests;
