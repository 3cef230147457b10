//! How are many proposals applied with one command?
//!
//! # Invariants
//! - Each proposal that was asked for is told exactly once: what came of it, or why nothing did. None is skipped.
//! - What goes wrong with one stops no other.

use std::collections::{HashMap, VecDeque};

use synapsor_ledger::{Filter, LedgerError};
use synapsor_proposal::Status;
use synapsor_protocol::id::ProposalId;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::apply::Application;
use crate::error::OperatorError;
use crate::port::OperatorPort;

/// The longest page of a list.
const PAGE: u32 = 200;

/// What was asked for by conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// The proposals, oldest first.
    pub ids: Vec<ProposalId>,
    /// How many more belong to them and cannot be read: they were edited or damaged.
    pub unreadable: u32,
}

impl OperatorPort {
    /// The approved proposals that match and are no dead letters, all of them.
    pub async fn approved(&self, filter: &Filter) -> Result<Selected, OperatorError> {
        let mut filter = Filter { status: Some(Status::Approved), limit: PAGE, before: None, ..filter.clone() };
        let mut found = Selected::default();
        loop {
            let page = self.ledger.list(&filter).await?;
            found.unreadable += page.unreadable;
            found.ids.extend(page.lines.into_iter().filter(|line| line.parked_at.is_none()).map(|line| line.proposal_id));
            match page.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        found.ids.reverse();
        Ok(found)
    }

    /// The dead letters that match, all of them, the one that has waited longest first.
    pub async fn all_dead_letters(&self, filter: &Filter) -> Result<Vec<ProposalId>, OperatorError> {
        let mut filter = Filter { limit: PAGE, before: None, ..filter.clone() };
        let mut found = Vec::new();
        loop {
            let page = self.ledger.dead_letters(&filter).await?;
            found.extend(page.lines.into_iter().map(|line| line.proposal.proposal_id));
            match page.next {
                Some(next) => filter.before = Some(next),
                None => break,
            }
        }
        found.reverse();
        Ok(found)
    }

    /// Applies these proposals, so many at once, and tells what came of each as it comes. Once `stop` is cancelled nothing new begins;
    /// what did not begin is told as [`OperatorError::NotBegun`]. After a crash it is with each as with [`OperatorPort::apply`].
    pub async fn apply_all(
        &self,
        ids: Vec<ProposalId>,
        at_once: usize,
        stop: &CancellationToken,
        told: &mut (dyn FnMut(&ProposalId, Result<Application, OperatorError>) + Send),
    ) {
        let (mut waiting, mut running, mut by_task) = (VecDeque::from(ids), JoinSet::new(), HashMap::new());
        loop {
            while running.len() < at_once.max(1) && !stop.is_cancelled() {
                let Some(id) = waiting.pop_front() else { break };
                let (port, job) = (self.clone(), id.clone());
                let task = running.spawn(async move { port.apply(&job, &mut |_| {}).await });
                by_task.insert(task.id(), id);
            }
            let Some(ended) = running.join_next_with_id().await else { break };
            let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
            let Some(id) = by_task.remove(&task) else { continue };
            // A proposal that breaks the program breaks itself alone.
            let answer = ended.map_or_else(|_| Err(OperatorError::Broken { id: id.clone() }), |(_, answer)| answer);
            told(&id, answer);
        }
        for id in waiting {
            told(&id, Err(OperatorError::NotBegun { id: id.clone() }));
        }
    }
}

impl OperatorError {
    /// Whether the ledger itself cannot be used, so that nothing else will work either.
    pub fn is_of_the_store(&self) -> bool {
        matches!(self, Self::Ledger(LedgerError::StoreGone | LedgerError::Corrupt { .. } | LedgerError::Closed))
    }
}
