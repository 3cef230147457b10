//! How does what is known get on record?
//!
//! What an attempt found out in the source is known nowhere else yet. A ledger that is only busy is asked again for a while; if it cannot
//! take it, whoever asked is told both: what happened, and that it is not on record.

use std::time::Duration;

use synapsor_ledger::LedgerError;
use synapsor_proposal::{Ending, OperatorCommand, Order, Proposal};
use synapsor_protocol::Report;
use synapsor_protocol::id::ProposalId;

use crate::apply::POLL;
use crate::error::OperatorError;
use crate::port::OperatorPort;
use crate::retry::Next;

/// How long something known is offered to a ledger that cannot take it now.
const RECORDING: Duration = Duration::from_secs(30);

/// The longest pause between two offers.
const LONGEST: Duration = Duration::from_secs(2);

impl OperatorPort {
    /// Records what an attempt reported, and what follows.
    pub(crate) async fn record(&self, id: &ProposalId, attempt: u32, report: &Report, next: &Next) -> Result<Proposal, OperatorError> {
        let (report, by) = (report.clone(), self.identity.clone());
        let (order, pause) = match next {
            Next::Nothing => (Order::Report { attempt, report: report.clone() }, Duration::ZERO),
            Next::Again(pause) => (Order::Report { attempt, report: report.clone() }, *pause),
            Next::Person(reason) => (Order::GiveUp { attempt, report: report.clone(), reason: reason.clone() }, Duration::ZERO),
        };
        let command = OperatorCommand { by, order };
        let recorded = offered(|| self.ledger.conclude(id, command.clone(), pause)).await;
        recorded.map_err(|cause| OperatorError::Unrecorded { id: id.clone(), report: Box::new(report.clone()), cause })
    }

    /// Records that a tombstone stands in the source, and how the proposal ends.
    pub(crate) async fn bury(
        &self,
        id: &ProposalId,
        attempt: u32,
        ending: Ending,
        reason: Option<String>,
    ) -> Result<Proposal, OperatorError> {
        let recorded = offered(|| self.ledger.tombstoned(id, &self.identity, attempt, ending, reason.clone())).await;
        recorded.map_err(|cause| OperatorError::TombstoneUnrecorded { id: id.clone(), cause })
    }
}

/// Asks again while the ledger may take it a moment later. What is recorded twice is recorded once.
async fn offered<F>(ask: impl Fn() -> F) -> Result<Proposal, LedgerError>
where
    F: Future<Output = Result<Proposal, LedgerError>>,
{
    let (give_up, mut pause) = (tokio::time::Instant::now() + RECORDING, POLL);
    loop {
        match ask().await {
            Err(LedgerError::Busy | LedgerError::RolledBack | LedgerError::Unsettled(_) | LedgerError::Full)
                if tokio::time::Instant::now() < give_up =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            answer => return answer,
        }
    }
}
