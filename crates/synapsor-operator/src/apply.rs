//! How does an approved change get into the source?
//!
//! Load and verify, hold it against today's configuration, claim the attempt in the ledger, run it, record what came of it. A worker runs
//! this same code.

use std::convert::Infallible;
use std::time::Duration;

use synapsor_executor::{AfterUnknown, Executor, Job, Rehearsal};
use synapsor_ledger::{Claim, Dossier, Lease, LedgerError};
use synapsor_proposal::{Delivery, Ending, Order, Proposal, Refusal, Status};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ApprovalTerms, Outcome, Report, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::error::OperatorError;
use crate::permission::permitted;
use crate::port::{OperatorPort, not_applicable};
use crate::retry::{Next, Policy};

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
    /// After which time a worker tries again, if it does.
    pub retry_after: Option<Duration>,
}

/// Somebody else runs the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub holder: String,
    /// Until when, unless they renew their lease.
    pub until: Timestamp,
}

/// What came of one try.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The attempt came to an end, or the proposal was settled before.
    Done(Box<Application>),
    /// Somebody else runs it.
    Held(Waiting),
    /// It moved on between the look and the claim.
    Moved,
    /// Nobody should try it any more by themselves: it is a dead letter now.
    SetAside(Box<Proposal>),
}

/// On whose behalf a try is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A person wants this one tried.
    Person,
    /// It is due.
    Worker,
}

impl OperatorPort {
    /// Applies an approved proposal: one attempt. While another process holds the job it waits and tells `waiting`, once per holder and
    /// lease; when that lease lapses it takes over with the next attempt. What neither settled nor may be tried again becomes a dead
    /// letter; applying it all the same is possible, and ends that.
    ///
    /// Told to [leave](OperatorPort::leaving), it finishes what has begun, or leaves that as well.
    ///
    /// If the process dies before this returns, the attempt is on record as claimed and unreported. Applying again, by anyone, finds the
    /// receipt in the source or makes the change, once.
    pub async fn apply(&self, id: &ProposalId, waiting: &mut (dyn FnMut(&Waiting) + Send)) -> Result<Application, OperatorError> {
        let mut told = None;
        while !self.leave.soon.is_cancelled() {
            match self.turn(id, Wish::Person, &self.leave.now, &|| ()).await? {
                Turn::Done(application) => return Ok(*application),
                Turn::SetAside(_) => return Err(self.needs_person(id).await?),
                Turn::Moved => {}
                Turn::Held(held) => {
                    if told.as_ref() != Some(&held) {
                        waiting(&held);
                        told = Some(held);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.leave.soon.cancelled() => {}
            }
        }
        Err(OperatorError::NotBegun { id: id.clone() })
    }

    /// One try. Once `abandon` is cancelled the attempt is left as it is, claimed and unreported, and its lease is given back. `settling` is
    /// called when the executor's answer settles the proposal, and nothing is left to do but to record it.
    pub(crate) async fn turn(
        &self,
        id: &ProposalId,
        wish: Wish,
        abandon: &CancellationToken,
        settling: &(dyn Fn() + Sync),
    ) -> Result<Turn, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        if let Some(settled) = settled(&dossier.proposal) {
            return Ok(Turn::Done(Box::new(settled)));
        }
        if let Err(forbidden) = self.ready(&dossier) {
            return self.forbidden(&dossier, forbidden).await.map(|found| Turn::Done(Box::new(found)));
        }
        let executor = self.executor_of(&dossier)?;
        let policy = self.policy(&dossier, executor.as_ref());
        if wish == Wish::Worker
            && let Some(reason) = policy.forbids(&dossier.proposal)
        {
            return self.set_aside(&dossier.proposal, reason).await;
        }
        let delivery = if policy.after_unknown == AfterUnknown::Person { Delivery::Once } else { Delivery::Again };
        let issued_at = Timestamp::now();
        match self.ledger.claim(id, &self.holder(), self.lease, delivery).await {
            Ok(Claim::Granted(lease)) => {
                let job = self.job(&dossier, lease.attempt, issued_at)?;
                let report = self.attempt(executor.as_ref(), &job, &lease, abandon).await?;
                let next = policy.after(&dossier.proposal, &report);
                if next == Next::Nothing {
                    settling();
                }
                let proposal = self.record(id, job.attempt, &report, &next).await?;
                let retry_after = if let Next::Again(pause) = next { Some(pause) } else { None };
                Ok(Turn::Done(Box::new(Application { proposal, report, attempt: Some(job.attempt), retry_after })))
            }
            Ok(Claim::Settled(proposal)) => {
                settled(&proposal).map(|settled| Turn::Done(Box::new(settled))).ok_or_else(|| not_applicable(&proposal))
            }
            Ok(Claim::Held { holder, until }) => Ok(Turn::Held(Waiting { holder, until })),
            Err(LedgerError::Refused(Refusal::MayHaveActed { .. })) => self.once_only(id).await,
            Err(LedgerError::Refused(Refusal::Expired { .. }) | LedgerError::Busy | LedgerError::RolledBack) => Ok(Turn::Moved),
            Err(error) => Err(error.into()),
        }
    }

    /// An attempt may have acted, and there is one delivery only.
    async fn once_only(&self, id: &ProposalId) -> Result<Turn, OperatorError> {
        let proposal = self.ledger.load(id).await?.proposal;
        self.set_aside(&proposal, "the outcome is unknown, and the executor takes one delivery only: a person has to find out".to_owned())
            .await
    }

    /// Makes it a dead letter, if it is none and nobody is at work on it.
    pub(crate) async fn set_aside(&self, proposal: &Proposal, reason: String) -> Result<Turn, OperatorError> {
        let attempt = proposal.current_attempt().map_or(0, |attempt| attempt.number);
        match self.order(proposal.id(), Order::Park { attempt, reason }).await {
            Ok(parked) => Ok(Turn::SetAside(Box::new(parked))),
            Err(OperatorError::Ledger(
                LedgerError::Held { .. } | LedgerError::Refused(_) | LedgerError::Busy | LedgerError::RolledBack,
            )) => Ok(Turn::Moved),
            Err(error) => Err(error),
        }
    }

    /// That a person has to find out what became of it.
    async fn needs_person(&self, id: &ProposalId) -> Result<OperatorError, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        let open = dossier.proposal.attempts.iter().rev().find(|attempt| attempt.is_unresolved());
        let attempt = open.map_or(0, |attempt| attempt.number);
        Ok(OperatorError::NeedsPerson { id: id.clone(), attempt, possible_from: self.quiet_from(&dossier) })
    }

    /// What may follow an attempt at this change.
    pub(crate) fn policy(&self, dossier: &Dossier, executor: &dyn Executor) -> Policy {
        Policy { retry: self.config.retry_for_action(&dossier.change_set.action), after_unknown: executor.after_unknown() }
    }

    /// Does everything that applying would, and undoes it. No state changes anywhere, in the ledger neither.
    pub async fn rehearse(&self, id: &ProposalId) -> Result<Rehearsal, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        self.ready(&dossier)?;
        let job = self.job(&dossier, dossier.proposal.next_attempt(), Timestamp::now())?;
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
            self.order(proposal.id(), Order::Expire).await?;
        }
        Err(forbidden)
    }

    async fn attempt(
        &self,
        executor: &dyn Executor,
        job: &Job,
        lease: &Lease,
        abandon: &CancellationToken,
    ) -> Result<Report, OperatorError> {
        tokio::select! {
            biased;
            report = self.renewing(lease.clone(), executor.run(job)) => Ok(report),
            () = abandon.cancelled() => {
                let (id, attempt) = (lease.proposal_id.clone(), lease.attempt);
                if let Err(error) = self.ledger.release(lease).await {
                    tracing::warn!(proposal = %id, attempt, %error, "the lease was not given back; it lapses by itself");
                }
                Err(OperatorError::Abandoned { id, attempt })
            }
        }
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
    let attested = proposal.attestation.as_ref().map(|attested| format!("attested by {}: {}", attested.operator.account, attested.reason));
    let last = match attested {
        // What the last attempt said is not what settled it.
        Some(attested) => Some(Report::new(Outcome::AlreadyApplied).with_detail(attested)),
        None => proposal.last_report.as_ref().map(|reported| reported.report.clone()),
    };
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
    Some(Application { proposal: proposal.clone(), report, attempt: None, retry_after: None })
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
