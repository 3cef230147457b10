//! What may whoever can read the ledger's file look up?
//!
//! Everything that is in it: the file's permissions decide, and nothing else can. So looking asks for no operator and
//! checks no role; deciding does, and there is no way to decide here.

use synapsor_ledger::{
    Activity, AuditLine, DeadLetterLine, Diagnostic, Dossier, Evidence, EvidenceLine, Filter, Head, LedgerError, Listener, OperatorLedger,
    Page, QueryAudit, ReceiptLine, Replay, Stats, Summary, Verified,
};
use synapsor_protocol::id::{AuditId, DiagnosticId, EvidenceId, ProposalId};

use crate::port::OperatorPort;

/// The records of one ledger, to look at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records {
    ledger: OperatorLedger,
}

impl Records {
    /// The records of this ledger.
    pub fn new(ledger: OperatorLedger) -> Self {
        Self { ledger }
    }

    /// The proposals that match, newest first. Lines of lists are not verified.
    pub async fn proposals(&self, filter: &Filter) -> Result<Page<Summary>, LedgerError> {
        self.ledger.list(filter).await
    }

    /// The evidence that matches, newest first.
    pub async fn evidence_list(&self, filter: &Filter) -> Result<Page<EvidenceLine>, LedgerError> {
        self.ledger.evidence_list(filter).await
    }

    /// The audit rows that match, newest first.
    pub async fn audit_list(&self, filter: &Filter) -> Result<Page<AuditLine>, LedgerError> {
        self.ledger.audit_list(filter).await
    }

    /// The same of an operator.
    pub fn of(port: &OperatorPort) -> Self {
        Self::new(port.ledger.clone())
    }

    /// The dead letters that match, newest first.
    pub async fn dead_letters(&self, filter: &Filter) -> Result<Page<DeadLetterLine>, LedgerError> {
        self.ledger.dead_letters(filter).await
    }

    /// The receipts that match, newest first.
    pub async fn receipts(&self, filter: &Filter) -> Result<Page<ReceiptLine>, LedgerError> {
        self.ledger.receipts(filter).await
    }

    /// Everything that matches, newest first.
    pub async fn activity(&self, filter: &Filter) -> Result<Page<Activity>, LedgerError> {
        self.ledger.activity(filter).await
    }

    /// Everything about the record of this id that matches, newest first.
    pub async fn related(&self, id: &str, filter: &Filter) -> Result<Vec<Activity>, LedgerError> {
        self.ledger.related(id, filter).await
    }

    /// The newest proposal.
    pub async fn latest(&self) -> Result<Option<ProposalId>, LedgerError> {
        self.ledger.latest().await
    }

    /// One proposal with everything that belongs to it, verified.
    pub async fn proposal(&self, id: &ProposalId) -> Result<Dossier, LedgerError> {
        self.ledger.load(id).await
    }

    /// The whole story of a proposal, verified.
    pub async fn replay(&self, id: &ProposalId) -> Result<Replay, LedgerError> {
        self.ledger.replay(id).await
    }

    /// Tells the whole story of a proposal, verified, piece by piece, and gives the listener back.
    pub async fn tell<L: Listener + 'static>(&self, id: &ProposalId, listener: L) -> Result<L, LedgerError> {
        self.ledger.tell(id, listener).await
    }

    /// An evidence bundle.
    pub async fn evidence(&self, id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        self.ledger.evidence(id).await
    }

    /// An audit row.
    pub async fn audit(&self, id: &AuditId) -> Result<Option<QueryAudit>, LedgerError> {
        self.ledger.audit(id).await
    }

    /// The audit row of the read that gave this evidence.
    pub async fn audit_of(&self, evidence: &Evidence) -> Result<Option<QueryAudit>, LedgerError> {
        self.ledger.audit_of(evidence).await
    }

    /// The proposal that was made of this evidence.
    pub async fn made_of(&self, evidence: &EvidenceId) -> Result<Option<ProposalId>, LedgerError> {
        self.ledger.made_of(evidence).await
    }

    /// The internal cause of a refusal.
    pub async fn diagnostic(&self, id: &DiagnosticId) -> Result<Option<Diagnostic>, LedgerError> {
        self.ledger.diagnostic(id).await
    }

    /// How much the ledger holds.
    pub async fn stats(&self) -> Result<Stats, LedgerError> {
        self.ledger.stats().await
    }

    /// The last group commit.
    pub async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.ledger.head().await
    }

    /// Checks every record against the commit that wrote it, and every proposal. Reads the whole file.
    pub async fn verify(&self) -> Result<Verified, LedgerError> {
        self.ledger.verify().await
    }
}
