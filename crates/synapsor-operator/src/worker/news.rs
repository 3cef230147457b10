//! What does a worker tell, and what does it come to?

use std::time::Duration;

use serde::Serialize;
use synapsor_ledger::{Lane, Pause};
use synapsor_proposal::Proposal;
use synapsor_protocol::Outcome;
use synapsor_protocol::id::ProposalId;

use crate::apply::Application;

/// Something that happened while a worker worked.
#[derive(Debug, Clone)]
pub enum WorkerNews {
    /// An attempt came to an end, or what was due had been settled before.
    Attempted {
        /// Where it was carried out.
        lane: Lane,
        /// What came of it.
        application: Box<Application>,
        /// How long it took.
        took: Duration,
    },
    /// It became a dead letter without another attempt.
    SetAside(Box<Proposal>),
    /// Its time passed; that is on record now.
    Expired(ProposalId),
    /// The worker ended before it did.
    Abandoned(ProposalId),
    /// A source or a handler cannot be used; it is asked by one job at a time.
    LaneDown(Lane),
    /// It can be used again.
    LaneUp(Lane),
    /// Somebody lets workers pause.
    Paused(Pause),
    /// The pause is over.
    Resumed,
    /// Something else went wrong.
    Trouble {
        /// With which proposal; none if with all of them.
        id: Option<ProposalId>,
        /// What, and why.
        error: String,
    },
    /// A chore said something.
    Chore {
        /// Which.
        name: &'static str,
        /// What it did, or why it did not.
        said: Result<String, String>,
    },
    /// The worker was told to end, and finishes what is under way.
    Ending {
        /// How many jobs that is.
        under_way: usize,
    },
}

/// What a worker came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WorkerTally {
    /// Changes that are in their source now.
    pub applied: u64,
    /// Changes that had been made before.
    pub already_applied: u64,
    /// Changes that their source refused.
    pub conflict: u64,
    /// Attempts that did nothing, and will be followed by another.
    pub failed: u64,
    /// Attempts of which it is not known what they did, and that will be followed by another.
    pub unknown: u64,
    /// Proposals that were set aside for a person.
    pub dead_letters: u64,
    /// Proposals whose time passed.
    pub expired: u64,
    /// Attempts that the end of the worker left unfinished.
    pub abandoned: u64,
    /// Other trouble, each kind once per proposal.
    pub troubled: u64,
    /// Jobs that were due at the end of a drain, and were left because workers pause or their source cannot be reached.
    pub left: u64,
}

impl WorkerTally {
    pub(super) fn count(&mut self, application: &Application) {
        let set_aside = application.proposal.dead_letter.is_some();
        match application.report.outcome {
            Outcome::Applied => self.applied += 1,
            Outcome::AlreadyApplied => self.already_applied += 1,
            Outcome::Conflict => self.conflict += 1,
            Outcome::Failed | Outcome::Unknown if set_aside => self.dead_letters += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Unknown => self.unknown += 1,
        }
    }

    /// Whether everything that was due is in its source, or had been.
    pub fn is_clean(&self) -> bool {
        let Self { conflict, failed, unknown, dead_letters, abandoned, troubled, left, .. } = self;
        [conflict, failed, unknown, dead_letters, abandoned, troubled, left].into_iter().all(|count| *count == 0)
    }
}
