//! What may a person, a policy or a worker do with the ledger?

use std::time::Duration;

use synapsor_proposal::{Ending, OperatorCommand, OperatorIdentity, Proposal};
use synapsor_protocol::Report;
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::record::{Claim, Diagnostic, Dossier, Evidence, Filter, Holder, Lease, Replay, Summary};

/// The operator's handle.
#[derive(Debug, Clone)]
pub struct OperatorLedger {
    pub(crate) ledger: Ledger,
}

impl OperatorLedger {
    /// The proposals that match, newest first.
    pub async fn list(&self, _filter: &Filter) -> Result<Vec<Summary>, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// The newest proposal.
    pub async fn latest(&self) -> Result<Option<ProposalId>, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// One proposal with everything that belongs to it, verified.
    pub async fn load(&self, _id: &ProposalId) -> Result<Dossier, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Loads, decides and appends in one transaction; answers with the state after it.
    pub async fn execute(&self, _id: &ProposalId, _command: OperatorCommand) -> Result<Proposal, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Takes the job, if nobody holds it, and records the next attempt, before anything runs.
    pub async fn claim(&self, _id: &ProposalId, _holder: &Holder, _lease: Duration) -> Result<Claim, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Prolongs a lease by its duration.
    pub async fn renew(&self, _lease: &Lease) -> Result<Lease, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Records what an attempt reports, whichever it was, and gives its lease back.
    pub async fn report(
        &self,
        _id: &ProposalId,
        _by: &OperatorIdentity,
        _attempt: u32,
        _report: &Report,
    ) -> Result<Proposal, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// Records that a tombstone of the last attempt stands in the source, and how the proposal ends.
    pub async fn tombstoned(
        &self,
        _id: &ProposalId,
        _by: &OperatorIdentity,
        _attempt: u32,
        _ending: Ending,
        _reason: Option<String>,
    ) -> Result<Proposal, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// The whole story of a proposal.
    pub async fn replay(&self, _id: &ProposalId) -> Result<Replay, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// An evidence bundle.
    pub async fn evidence(&self, _id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        Err(LedgerError::Closed)
    }

    /// The internal cause of a refusal.
    pub async fn diagnostic(&self, _id: &DiagnosticId) -> Result<Option<Diagnostic>, LedgerError> {
        Err(LedgerError::Closed)
    }
}
