//! How does an approved change get into the source?
//!
//! Load and verify, hold it against today's configuration, claim the attempt in the ledger, run it, record what came of it. A worker runs
//! this same code.

use std::convert::Infallible;
use std::time::Duration;

use synapsor_executor::{Executor, Job, Rehearsal};
use synapsor_ledger::{Claim, Dossier, Lease, LedgerError};
use synapsor_proposal::{Ending, Proposal, Refusal, Status};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ApprovalTerms, Outcome, Report, Timestamp};

use crate::error::OperatorError;
use crate::permission::permitted;
use crate::port::{OperatorPort, not_applicable};

/// How often somebody who waits for a lease asks again.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// What came of applying.
#[derive(Debug, Clone)]
pub struct Application {
    /// The proposal afterwards.
    pub proposal: Proposal,
    /// The outcome, as this call saw it.
    pub report: Report,
    /// The attempt that this call made; none if the proposal was settled before.
    pub attempt: Option<u32>,
}

/// Somebody else runs the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub holder: String,
    /// Until when, unless they renew their lease.
    pub until: Timestamp,
}

impl OperatorPort {
    /// Applies an approved proposal: one attempt. While another process holds the job it waits and tells `waiting`, once per holder and
    /// lease; when that lease lapses it takes over with the next attempt.
    ///
    /// If the process dies before this returns, the attempt is on record as claimed and unreported. Applying again, by anyone, finds the
    /// receipt in the source or makes the change, once.
    pub async fn apply(&self, id: &ProposalId, waiting: &mut (dyn FnMut(&Waiting) + Send)) -> Result<Application, OperatorError> {
        let mut told = None;
        loop {
            let dossier = self.ledger.load(id).await?;
            if let Some(settled) = settled(&dossier.proposal) {
                return Ok(settled);
            }
            if let Err(forbidden) = self.ready(&dossier) {
                return self.forbidden(&dossier, forbidden).await;
            }
            let executor = self.executor_of(&dossier)?;
            match self.ledger.claim(id, &self.holder(), self.lease, synapsor_proposal::Delivery::Again).await {
                Ok(Claim::Granted(lease)) => return self.attempt(executor.as_ref(), &self.job(&dossier, lease.attempt)?, lease).await,
                Ok(Claim::Settled(proposal)) => {
                    return settled(&proposal).ok_or_else(|| not_applicable(&proposal));
                }
                Ok(Claim::Held { holder, until }) => {
                    let held = Waiting { holder, until };
                    if told.as_ref() != Some(&held) {
                        waiting(&held);
                        told = Some(held);
                    }
                    tokio::time::sleep(POLL).await;
                }
                Err(LedgerError::Refused(Refusal::Expired { .. })) => {}
                Err(LedgerError::Busy | LedgerError::RolledBack) => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Does everything that applying would, and undoes it. No state changes anywhere, in the ledger neither.
    pub async fn rehearse(&self, id: &ProposalId) -> Result<Rehearsal, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        self.ready(&dossier)?;
        let job = self.job(&dossier, dossier.proposal.next_attempt())?;
        Ok(self.executor_of(&dossier)?.rehearse(&job).await)
    }

    /// Whether a new effect may be made now.
    pub(crate) fn ready(&self, dossier: &Dossier) -> Result<(), OperatorError> {
        let proposal = &dossier.proposal;
        let id = || proposal.id().clone();
        let mode = dossier.change_set.mode;
        if matches!(mode, Mode::Shadow | Mode::ReadOnly) {
            return Err(LedgerError::Refused(Refusal::NeverWritten { id: id(), mode }).into());
        }
        if !matches!(proposal.status, Status::Approved | Status::PendingWorker) {
            return Err(not_applicable(proposal));
        }
        if proposal.is_past(Timestamp::now()) {
            return Err(OperatorError::Expired { id: id() });
        }
        if !approved_as_it_stands(dossier)? {
            return Err(OperatorError::ApprovalDiffers { id: id() });
        }
        permitted(&self.config, &dossier.change_set).map_err(|objection| OperatorError::NotAllowed { id: id(), objection })
    }

    /// What forbids a new effect never keeps an open attempt from being found out: it is fenced, and what that finds is recorded.
    async fn forbidden(&self, dossier: &Dossier, forbidden: OperatorError) -> Result<Application, OperatorError> {
        let expired = matches!(forbidden, OperatorError::Expired { .. });
        let ending = if expired { Ending::Expired } else { Ending::Failed };
        let proposal = &dossier.proposal;
        if proposal.status == Status::PendingWorker && (expired || proposal.unresolved()) {
            if let Some(found) = self.find_out_and_stop(dossier, ending, forbidden.to_string()).await? {
                return Ok(found);
            }
        } else if expired {
            self.order(proposal.id(), synapsor_proposal::Order::Expire).await?;
        }
        Err(forbidden)
    }

    async fn attempt(&self, executor: &dyn Executor, job: &Job, lease: Lease) -> Result<Application, OperatorError> {
        let report = self.renewing(lease, executor.run(job)).await;
        let proposal = self.record(&job.change_set.proposal_id, job.attempt, &report).await?;
        Ok(Application { proposal, report, attempt: Some(job.attempt) })
    }

    /// Runs the work and renews the lease meanwhile. A lost lease does not stop the work: only its receipt can tell what it did. Nor
    /// does a ledger that is slow to renew it: the work may hold locks of the business.
    async fn renewing(&self, lease: Lease, work: impl Future<Output = Report>) -> Report {
        tokio::select! {
            report = work => report,
            never = self.renew(lease) => match never {},
        }
    }

    async fn renew(&self, mut lease: Lease) -> Infallible {
        loop {
            tokio::time::sleep(lease.duration / 3).await;
            match self.ledger.renew(&lease).await {
                Ok(renewed) => lease = renewed,
                Err(error) => tracing::warn!(proposal = %lease.proposal_id, attempt = lease.attempt, %error, "the lease was not renewed"),
            }
        }
    }
}

/// The answer for a proposal that is final already.
pub(crate) fn settled(proposal: &Proposal) -> Option<Application> {
    let last = proposal.last_report.as_ref().map(|reported| reported.report.clone());
    let report = match proposal.status {
        Status::Applied => {
            Report { outcome: Outcome::AlreadyApplied, rows_affected: 0, ..last.unwrap_or_else(|| Report::new(Outcome::AlreadyApplied)) }
        }
        Status::Conflict => last.unwrap_or_else(|| Report::new(Outcome::Conflict)),
        Status::Failed
        | Status::PendingReview
        | Status::Approved
        | Status::Rejected
        | Status::Canceled
        | Status::Expired
        | Status::PendingWorker => return None,
    };
    Some(Application { proposal: proposal.clone(), report, attempt: None })
}

/// Whether the approval on record is for exactly the change that would be executed.
fn approved_as_it_stands(dossier: &Dossier) -> Result<bool, OperatorError> {
    let set = &dossier.change_set;
    let stands = ApprovalTerms {
        proposal_hash: set.proposal_hash()?,
        proposal_version: set.proposal_version,
        capability_digest: dossier.proposal.terms.capability_digest.clone(),
        tenant_id: set.scope.tenant_id.clone(),
        expires_at: dossier.proposal.terms.expires_at,
    };
    let approved = dossier.proposal.approval.as_ref().map(|approval| &approval.approval_digest);
    Ok(approved == Some(&stands.digest()?))
}
