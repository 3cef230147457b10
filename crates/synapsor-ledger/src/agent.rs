//! What may code that serves a model do with the ledger?

use rusqlite::Connection;
use synapsor_proposal::Proposal;
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::{EvidenceId, ProposalId};

use crate::append::Draft;
use crate::body::{self, Body, Shelf};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::load::{Case, load};
use crate::record::{Diagnostic, Evidence, NewProposal, ReadRecord, Recorded, Replay};

/// The agent's handle: records reads and proposals, shows a principal its own records. It has no way to decide anything.
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

    /// A proposal that this principal of this tenant made, verified; `None` if there is none, or it is another's.
    pub async fn proposal(&self, tenant: &str, principal: &str, id: &ProposalId) -> Result<Option<Proposal>, LedgerError> {
        Ok(self.case(tenant, principal, id).await?.map(|case| case.proposal))
    }

    /// An evidence bundle of this principal's read; `None` if there is none, or it is another's.
    pub async fn evidence(&self, tenant: &str, principal: &str, id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        let (of, by, id) = (tenant.to_owned(), principal.to_owned(), id.clone());
        let found = self.ledger.readers.read(move |connection| match is_there(connection, OWN_EVIDENCE, (id.as_str(), &of, &by))? {
            true => body::find(connection, Shelf::Evidence, id.as_str()),
            false => Ok(None),
        });
        Ok(found.await?.filter(|evidence: &Evidence| evidence.tenant_id == tenant && evidence.principal == principal))
    }

    /// The whole story of a proposal that this principal of this tenant made, verified; `None` if there is none, or it is another's.
    pub async fn replay(&self, tenant: &str, principal: &str, id: &ProposalId) -> Result<Option<Replay>, LedgerError> {
        Ok(self.case(tenant, principal, id).await?.map(Replay::from))
    }

    async fn case(&self, tenant: &str, principal: &str, id: &ProposalId) -> Result<Option<Case>, LedgerError> {
        let (of, by, id) = (tenant.to_owned(), principal.to_owned(), id.clone());
        let found = self.ledger.readers.read(move |connection| match is_there(connection, OWN_PROPOSAL, (id.as_str(), &of, &by))? {
            true => load(connection, &id).map(Some),
            false => Ok(None),
        });
        let owned = |case: &Case| case.proposal.terms.tenant_id == tenant && case.proposal.terms.principal == principal;
        Ok(found.await?.filter(owned))
    }
}

/// Whose a record is is asked before it is verified: another's is not there, whatever state it is in.
const OWN_PROPOSAL: &str = "SELECT 1 FROM proposals WHERE proposal_id = ?1 AND tenant_id = ?2 AND principal = ?3";

/// A bundle that says nothing any more belongs to whoever proposed something upon it, or to nobody.
const OWN_EVIDENCE: &str = "\
SELECT 1 FROM evidence AS e WHERE e.evidence_id = ?1 AND e.tenant_id = ?2
  AND ?3 = iif(json_valid(e.body_json), e.body_json ->> '$.principal', (SELECT p.principal FROM proposals AS p WHERE p.evidence_id = ?1))";

fn is_there(connection: &Connection, select: &str, of: (&str, &str, &str)) -> rusqlite::Result<bool> {
    connection.prepare_cached(select)?.exists(of)
}
