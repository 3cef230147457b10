//! Where does an operator's command come in?

use std::sync::Arc;
use std::time::Duration;

use synapsor_config::Config;
use synapsor_executor::{Executor, Job};
use synapsor_ledger::{Cutoffs, Dossier, Filter, Holder, Open, OperatorLedger, Page, Pause, Pruned, Replay, Summary};
use synapsor_proposal::{OperatorCommand, OperatorIdentity, Order, Proposal};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::error::OperatorError;

/// Everything that one operator can do. Cheap to clone.
#[derive(Clone)]
pub struct OperatorPort {
    pub(crate) config: Arc<Config>,
    pub(crate) ledger: OperatorLedger,
    pub(crate) executors: Arc<dyn Executors>,
    pub(crate) identity: OperatorIdentity,
    pub(crate) process: String,
    pub(crate) lease: Duration,
    pub(crate) leave: Leave,
}

/// How whoever waits for an attempt is told to end.
#[derive(Debug, Clone, Default)]
pub struct Leave {
    /// Nothing new begins, and nobody's lease is waited for.
    pub soon: CancellationToken,
    /// What has begun is left as it is, claimed and unreported, and its lease is given back.
    pub now: CancellationToken,
}

/// What an [`OperatorPort`] is made of.
pub struct OperatorParts {
    /// What was reviewed, as it stands today.
    pub config: Arc<Config>,
    /// Where everything is recorded.
    pub ledger: OperatorLedger,
    /// Who carries jobs out.
    pub executors: Arc<dyn Executors>,
    /// Who acts.
    pub identity: OperatorIdentity,
    /// Which process, for others who wait: `pid 4711 on vega`.
    pub process: String,
}

/// Opens the executor that a change names. A credential for writing is loaded no earlier than here.
pub trait Executors: Send + Sync {
    /// The executor of this name for this source; otherwise a sentence that says why there is none. Connects nothing.
    fn open(&self, source: &str, executor: &str) -> Result<Arc<dyn Executor>, String>;
}

impl OperatorPort {
    /// How long others wait before they take over from a process that went silent: 30 s, renewed while it runs.
    pub const LEASE: Duration = Duration::from_secs(30);

    /// The port of this operator.
    pub fn new(parts: OperatorParts) -> Self {
        let OperatorParts { config, ledger, executors, identity, process } = parts;
        Self { config, ledger, executors, identity, process, lease: Self::LEASE, leave: Leave::default() }
    }

    /// The same with another lease, for tests that wait for one to lapse.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The same, for a process that may be told to end while a person waits for an attempt.
    #[must_use]
    pub fn leaving(mut self, leave: Leave) -> Self {
        self.leave = leave;
        self
    }

    /// The proposals that match, newest first.
    pub async fn list(&self, filter: &Filter) -> Result<Page<Summary>, OperatorError> {
        Ok(self.ledger.list(filter).await?)
    }

    /// The newest proposal.
    pub async fn latest(&self) -> Result<Option<ProposalId>, OperatorError> {
        Ok(self.ledger.latest().await?)
    }

    /// One proposal with everything that belongs to it, verified.
    pub async fn show(&self, id: &ProposalId) -> Result<Dossier, OperatorError> {
        Ok(self.ledger.load(id).await?)
    }

    /// Approves exactly what this approval digest names. The job stands in the outbox with the same commit.
    pub async fn approve(&self, id: &ProposalId, digest: Digest, reason: Option<String>) -> Result<Proposal, OperatorError> {
        self.order(id, Order::Approve { digest, reason }).await
    }

    /// Turns the proposal down.
    pub async fn reject(&self, id: &ProposalId, reason: String) -> Result<Proposal, OperatorError> {
        self.order(id, Order::Reject { reason }).await
    }

    /// Lets workers begin nothing until [`OperatorPort::resume_workers`]. If they pause already, that pause stays and is the answer.
    pub async fn pause_workers(&self, reason: Option<String>) -> Result<Pause, OperatorError> {
        Ok(self.ledger.pause(&self.identity, reason).await?)
    }

    /// Lets workers go on; answers with the pause that ended, if there was one.
    pub async fn resume_workers(&self) -> Result<Option<Pause>, OperatorError> {
        Ok(self.ledger.resume().await?)
    }

    /// What is not settled, counted.
    pub async fn open(&self) -> Result<Open, OperatorError> {
        Ok(self.ledger.open().await?)
    }

    /// Removes what is old, as [`OperatorLedger::prune`] says.
    pub async fn prune(&self, cutoffs: Cutoffs) -> Result<Pruned, OperatorError> {
        Ok(self.ledger.prune(cutoffs, self.identity.account(), false).await?)
    }

    /// The name of the account that acts.
    pub fn account(&self) -> &str {
        self.identity.account()
    }

    /// The whole story of a proposal, from the ledger alone.
    pub async fn replay(&self, id: &ProposalId) -> Result<Replay, OperatorError> {
        Ok(self.ledger.replay(id).await?)
    }

    pub(crate) async fn order(&self, id: &ProposalId, order: Order) -> Result<Proposal, OperatorError> {
        let command = OperatorCommand { by: self.identity.clone(), order };
        Ok(self.ledger.execute(id, command).await?)
    }

    pub(crate) fn holder(&self) -> Holder {
        Holder { by: self.identity.clone(), process: self.process.clone() }
    }

    /// The executor that the change itself names.
    pub(crate) fn executor_of(&self, dossier: &Dossier) -> Result<Arc<dyn Executor>, OperatorError> {
        let set = &dossier.change_set;
        let executor = set.writeback.executor.as_deref().unwrap_or("sql_update");
        self.executors.open(&set.source.source_id, executor).map_err(|reason| OperatorError::NoExecutor {
            executor: executor.to_owned(),
            source_name: set.source.source_id.clone(),
            reason,
        })
    }

    /// The job of one attempt, made of what is on record. `issued_at` is no later than the claim of the attempt.
    pub(crate) fn job(&self, dossier: &Dossier, attempt: u32, issued_at: Timestamp) -> Result<Job, OperatorError> {
        let proposal = &dossier.proposal;
        let job_id = proposal.writeback_job_id.clone().ok_or_else(|| not_applicable(proposal))?;
        let operation_id = proposal.terms.operation_id.clone();
        Ok(Job {
            job_id,
            operation_id,
            attempt,
            change_set: dossier.change_set.clone(),
            approved_by: proposal.approval.as_ref().map(|approval| approval.operator.account.clone()),
            runner: self.process.clone(),
            issued_at,
        })
    }
}

pub(crate) fn not_applicable(proposal: &Proposal) -> OperatorError {
    OperatorError::NotApplicable { id: proposal.id().clone(), status: proposal.status }
}
