//! How does a proposal end without an effect?
//!
//! Before anything was claimed, by a word in the ledger. Afterwards only behind a tombstone in the source: without it a late attempt could
//! still act.

use synapsor_executor::Fence;
use synapsor_ledger::Dossier;
use synapsor_proposal::{Ending, Order, Proposal, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Report, Timestamp};

use crate::apply::{Application, settled};
use crate::error::OperatorError;
use crate::port::{OperatorPort, not_applicable};
use crate::retry::Next;

/// What came of withdrawing a proposal.
#[derive(Debug, Clone)]
pub enum Cancellation {
    /// It is withdrawn; if an attempt was claimed, a tombstone keeps it so.
    Canceled(Box<Proposal>),
    /// The source has a receipt, so it was settled before. That is on record now.
    Settled(Box<Application>),
    /// Nothing certain could be found out, and nothing was changed.
    Unresolved(Box<Report>),
}

impl OperatorPort {
    /// Withdraws a proposal. One that was claimed is fenced in the source first; if the source cannot be reached, or has a receipt,
    /// nothing changes but the record of what was found.
    ///
    /// If the process dies between tombstone and record, withdrawing again finds the tombstone and records it.
    pub async fn cancel(&self, id: &ProposalId, reason: Option<String>) -> Result<Cancellation, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        if dossier.proposal.status != Status::PendingWorker {
            return Ok(Cancellation::Canceled(Box::new(self.order(id, Order::Cancel { reason }).await?)));
        }
        match self.fence(&dossier).await? {
            (attempt, Fence::Tombstoned) => {
                let proposal = self.bury(id, attempt, Ending::Canceled, reason).await?;
                Ok(Cancellation::Canceled(Box::new(proposal)))
            }
            (attempt, Fence::Found(report)) => Ok(Cancellation::Settled(Box::new(self.found(id, attempt, report).await?))),
            (_, Fence::Unresolved(report)) => Ok(Cancellation::Unresolved(Box::new(report))),
        }
    }

    /// Finds out what became of a claimed proposal, and stops it. An application is what the source's receipt said; none means that
    /// the proposal ended without effect, which is on record now.
    pub(crate) async fn find_out_and_stop(
        &self,
        dossier: &Dossier,
        ending: Ending,
        reason: String,
    ) -> Result<Option<Application>, OperatorError> {
        let id = dossier.proposal.id();
        match self.fence(dossier).await? {
            (attempt, Fence::Tombstoned) => {
                self.bury(id, attempt, ending, Some(reason)).await?;
                Ok(None)
            }
            (attempt, Fence::Found(report)) => Ok(Some(self.found(id, attempt, report).await?)),
            (_, Fence::Unresolved(report)) => Err(OperatorError::Unsettled { id: id.clone(), report: Box::new(report) }),
        }
    }

    pub(crate) async fn fence(&self, dossier: &Dossier) -> Result<(u32, Fence), OperatorError> {
        let current = dossier.proposal.current_attempt().ok_or_else(|| not_applicable(&dossier.proposal))?.number;
        let job = self.job(dossier, current, Timestamp::now())?;
        Ok((current, self.executor_of(dossier)?.fence(&job).await))
    }

    pub(crate) async fn found(&self, id: &ProposalId, attempt: u32, report: Report) -> Result<Application, OperatorError> {
        let proposal = self.record(id, attempt, &report, &Next::Nothing).await?;
        Ok(settled(&proposal).unwrap_or(Application { proposal, report, attempt: None, retry_after: None }))
    }
}
