//! What may code that serves a model do with the ledger?

use synapsor_proposal::Proposal;
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::{EvidenceId, ProposalId};

use crate::append::Draft;
use crate::body::{self, Body, Shelf};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::load::{Case, load};
use crate::record::{Diagnostic, Evidence, NewProposal, ReadRecord, Recorded, Replay};

/// The agent's handle: records reads and proposals, shows a tenant its own records. It has no way to decide anything.
#[derive(Debug, Clone)]
pub struct AgentLedger {
    pub(crate) ledger: Ledger,
}

impl AgentLedger {
    /// Records one read: one evidence row if something was shown, one audit row. After an error, or a crash before the
    /// answer, either both rows are there or none.
    pub async fn record_read(&self, read: ReadRecord) -> Result<(), LedgerError> {
        let evidence = read.evidence.as_ref().map(Body::of_evidence).transpose()?;
        let audit = Body::of_audit(&read.audit)?;
        let work = move |batch: &mut crate::writer::Batch<'_>| {
            if let Some(evidence) = evidence {
                evidence.write(batch)?;
            }
            audit.write(batch)
        };
        self.ledger.writer.write(work).await
    }

    /// Records evidence, audit and proposal in one commit. If the same content (tenant, principal, capability, object,
    /// before, patch) waits already, the answer is that proposal, and the read is recorded all the same. A proposal of
    /// the same content whose time has passed unclaimed is recorded as expired, and the new one is created. One that
    /// nobody has decided, of another mode or under another capability digest, is recorded as superseded by the new one.
    pub async fn record_proposal(&self, new: NewProposal) -> Result<Recorded, LedgerError> {
        let draft = Draft::of(new, Timestamp::now())?;
        self.ledger.writer.write(move |batch| draft.record(batch)).await
    }

    /// Records the internal cause of a refusal.
    pub async fn record_diagnostic(&self, diagnostic: Diagnostic) -> Result<(), LedgerError> {
        let body = Body::of_diagnostic(&diagnostic)?;
        self.ledger.writer.write(move |batch| body.write(batch)).await
    }

    /// A proposal of this tenant, verified; `None` if there is none, or it is another's.
    pub async fn proposal(&self, tenant: &str, id: &ProposalId) -> Result<Option<Proposal>, LedgerError> {
        Ok(self.case(tenant, id).await?.map(|case| case.proposal))
    }

    /// An evidence bundle of this tenant; `None` if there is none, or it is another's.
    pub async fn evidence(&self, tenant: &str, id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        let (of, id) = (tenant.to_owned(), id.clone());
        let found = self.ledger.readers.read(move |connection| {
            // Another tenant's bundle is not there, whatever state it is in.
            let select = "SELECT 1 FROM evidence WHERE evidence_id = ?1 AND tenant_id = ?2";
            match connection.prepare_cached(select)?.exists((id.as_str(), &of))? {
                true => body::find(connection, Shelf::Evidence, id.as_str()),
                false => Ok(None),
            }
        });
        Ok(found.await?.filter(|evidence: &Evidence| evidence.tenant_id == tenant))
    }

    /// The whole story of a proposal of this tenant, verified; `None` if there is none, or it is another's.
    pub async fn replay(&self, tenant: &str, id: &ProposalId) -> Result<Option<Replay>, LedgerError> {
        Ok(self.case(tenant, id).await?.map(Replay::from))
    }

    async fn case(&self, tenant: &str, id: &ProposalId) -> Result<Option<Case>, LedgerError> {
        let (tenant, id) = (tenant.to_owned(), id.clone());
        let found = self.ledger.readers.read(move |connection| {
            // Another tenant's proposal is not there, whatever state it is in.
            let select = "SELECT 1 FROM proposals WHERE proposal_id = ?1 AND tenant_id = ?2";
            match connection.prepare_cached(select)?.exists((id.as_str(), &tenant))? {
                true => load(connection, &id).map(|case| Some(case).filter(|case| case.proposal.terms.tenant_id == tenant)),
                false => Ok(None),
            }
        });
        found.await
    }
}
