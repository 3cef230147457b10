//! What may a person, a policy or a worker do with the ledger?

use std::time::Duration;

use synapsor_proposal::{Ending, OperatorCommand, OperatorIdentity, Order, Proposal};
use synapsor_protocol::Report;
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};

use crate::body::{self, Shelf};
use crate::error::LedgerError;
use crate::lease;
use crate::ledger::Ledger;
use crate::list;
use crate::load::load;
use crate::record::{Claim, Diagnostic, Dossier, Evidence, Filter, Holder, Lease, Replay, Summary};
use crate::verify::{self, Head, Verified};

/// The operator's handle: lists, loads, decides, claims and reports.
#[derive(Debug, Clone)]
pub struct OperatorLedger {
    pub(crate) ledger: Ledger,
}

impl OperatorLedger {
    /// The proposals that match, newest first. Lines of a list are not verified; [`OperatorLedger::load`] is.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Summary>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::list(connection, &filter)).await
    }

    /// The newest proposal.
    pub async fn latest(&self) -> Result<Option<ProposalId>, LedgerError> {
        self.ledger.readers.read(list::latest).await
    }

    /// One proposal with everything that belongs to it, verified. [`LedgerError::Altered`] names the record that is not
    /// what the ledger wrote.
    pub async fn load(&self, id: &ProposalId) -> Result<Dossier, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| load(connection, &id).map(Dossier::from)).await
    }

    /// Loads, verifies, decides and appends in one transaction, with projections and outbox; answers with the state
    /// after it. A refusal leaves nothing behind, except that a proposal whose time has passed unclaimed is recorded as
    /// expired. Repeating a command that is on record already is no error.
    pub async fn execute(&self, id: &ProposalId, command: OperatorCommand) -> Result<Proposal, LedgerError> {
        let id = id.clone();
        self.ledger.writer.write(move |batch| lease::execute(batch, &id, &command)).await?
    }

    /// Takes the job for `lease` if nobody holds it, and records the next attempt. After `Granted` the attempt is on
    /// record, whatever happens next: it counts as claimed until it is reported or a tombstone names it.
    pub async fn claim(&self, id: &ProposalId, holder: &Holder, lease: Duration) -> Result<Claim, LedgerError> {
        let (id, holder) = (id.clone(), holder.clone());
        self.ledger.writer.write(move |batch| lease::claim(batch, &id, &holder, lease)).await?
    }

    /// Prolongs a lease by its duration, from now. [`LedgerError::LeaseLost`] if somebody took it over, or it was given
    /// back; the attempt may go on and report all the same.
    pub async fn renew(&self, lease: &Lease) -> Result<Lease, LedgerError> {
        let lease = lease.clone();
        self.ledger.writer.write(move |batch| lease::renew(batch, &lease)).await
    }

    /// Records what an attempt reports, whichever attempt it was and whatever state the proposal is in, and gives the
    /// attempt's lease back.
    pub async fn report(&self, id: &ProposalId, by: &OperatorIdentity, attempt: u32, report: &Report) -> Result<Proposal, LedgerError> {
        let order = Order::Report { attempt, report: report.clone() };
        self.execute(id, OperatorCommand { by: by.clone(), order }).await
    }

    /// Records that a tombstone of the last attempt stands in the source, and how the proposal ends.
    pub async fn tombstoned(
        &self,
        id: &ProposalId,
        by: &OperatorIdentity,
        attempt: u32,
        ending: Ending,
        reason: Option<String>,
    ) -> Result<Proposal, LedgerError> {
        self.execute(id, OperatorCommand { by: by.clone(), order: Order::Tombstone { attempt, ending, reason } }).await
    }

    /// The whole story of a proposal, verified.
    pub async fn replay(&self, id: &ProposalId) -> Result<Replay, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| load(connection, &id).map(Replay::from)).await
    }

    /// The last group commit of the store.
    pub async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.ledger.readers.read(verify::head).await
    }

    /// Checks every record against the commit that wrote it, and every proposal. Reads the whole file.
    pub async fn verify(&self) -> Result<Verified, LedgerError> {
        self.ledger.readers.read(verify::verify).await
    }

    /// An evidence bundle.
    pub async fn evidence(&self, id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| body::find(connection, Shelf::Evidence, id.as_str())).await
    }

    /// The internal cause of a refusal.
    pub async fn diagnostic(&self, id: &DiagnosticId) -> Result<Option<Diagnostic>, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| body::find(connection, Shelf::Diagnostics, id.as_str())).await
    }
}
