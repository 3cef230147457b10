//! What may code that serves a model do with the ledger?

use synapsor_proposal::Proposal;
use synapsor_protocol::id::{EvidenceId, ProposalId};

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::{Diagnostic, Evidence, NewProposal, ReadRecord, Recorded, Replay};

/// The agent's handle: records reads and proposals, shows a tenant its own records. It has no way to decide anything.
#[derive(Debug, Clone)]
pub struct AgentLedger {
    pub(crate) ledger: Ledger,
}

impl AgentLedger {
    /// Records one read: one evidence row if something was shown, one audit row.
    pub async fn record_read(&self, _read: ReadRecord) -> Result<(), LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Records evidence, audit and proposal in one commit. The same open content gives the proposal that waits already.
    pub async fn record_proposal(&self, _new: NewProposal) -> Result<Recorded, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Records the internal cause of a refusal.
    pub async fn record_diagnostic(&self, _diagnostic: Diagnostic) -> Result<(), LedgerError> {
        Err(LedgerError::Closed)
    }

    /// A proposal of this tenant; `None` if there is none, or it is another's.
    pub async fn proposal(&self, _tenant: &str, _id: &ProposalId) -> Result<Option<Proposal>, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// An evidence bundle of this tenant.
    pub async fn evidence(&self, _tenant: &str, _id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// The whole story of a proposal of this tenant.
    pub async fn replay(&self, _tenant: &str, _id: &ProposalId) -> Result<Option<Replay>, LedgerError> {
        Err(LedgerError::Closed)
    }
}
