//! How does a dead letter end, and how is an unknown outcome found out?
//!
//! By another attempt, by a tombstone in the source, or, where neither can be, by the word of a person. Only the first two prove
//! anything, and the record says which it was.

use std::time::Duration;

use synapsor_config::{Executor as Declared, ExecutorKind};
use synapsor_executor::{AfterUnknown, Fence};
use synapsor_ledger::{DeadLetterLine, Dossier, Filter, Page};
use synapsor_proposal::{AttestedOutcome, Ending, Order, Proposal, Status};
use synapsor_protocol::handler::signature::DEFAULT_TOLERANCE;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::name::SafeName;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};

use crate::apply::{Application, Waiting};
use crate::error::OperatorError;
use crate::port::{OperatorPort, not_applicable};

/// What a source says of an operation where another writer left something that nobody of us can judge.
const FOREIGN: [ErrorCode; 2] = [ErrorCode::IDEMPOTENCY_RECEIPT_IN_PROGRESS, ErrorCode::IDEMPOTENCY_RECEIPT_UNREADABLE];

/// What came of resolving a dead letter.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// It is over without effect, and a tombstone in the source keeps it so; or it was never tried, and is withdrawn.
    Ended(Box<Proposal>),
    /// It is over by the word of a person.
    Attested(Box<Proposal>),
    /// The source has a receipt, so it was settled before. That is on record now.
    Found(Box<Application>),
}

/// What came of finding out about one unknown outcome.
#[derive(Debug)]
pub enum Reconciled {
    /// Another attempt was made, and this is what it came to.
    Tried(Box<Application>),
    /// No attempt may be made any more; it is over, and a tombstone in the source keeps it so.
    Stopped(Box<Proposal>),
    /// Nothing about it is unknown, and nothing was done.
    Known(Box<Proposal>),
    /// Only a person can say what became of it.
    Person {
        /// The attempt that may have acted.
        attempt: u32,
        /// From when on nothing of it can be under way any more.
        possible_from: Timestamp,
    },
}

impl OperatorPort {
    /// The dead letters that match, newest first.
    pub async fn dead_letters(&self, filter: &Filter) -> Result<Page<DeadLetterLine>, OperatorError> {
        Ok(self.ledger.dead_letters(filter).await?)
    }

    /// The proposals of whose effect nothing certain is known and that nobody is at work on, oldest first.
    pub async fn unresolved(&self) -> Result<Vec<ProposalId>, OperatorError> {
        Ok(self.ledger.unresolved().await?)
    }

    /// Makes another attempt at a dead letter, whose attempts are counted anew. After a crash it is as with [`OperatorPort::apply`].
    pub async fn replay_dead_letter(
        &self,
        id: &ProposalId,
        waiting: &mut (dyn FnMut(&Waiting) + Send),
    ) -> Result<Application, OperatorError> {
        let proposal = self.ledger.load(id).await?.proposal;
        if proposal.dead_letter.is_none() {
            return Err(OperatorError::NoDeadLetter { id: id.clone(), status: proposal.status });
        }
        self.apply(id, waiting).await
    }

    /// Ends a dead letter, or a claimed proposal that nobody is at work on. In the source it is stopped by a tombstone, or its receipt is
    /// found; where no message stops an executor, the `outcome` that the person attests is recorded, once nothing can be under way any
    /// more. After a crash, asking again gives the same.
    pub async fn resolve(&self, id: &ProposalId, outcome: Option<AttestedOutcome>, reason: String) -> Result<Resolution, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        match dossier.proposal.status {
            Status::Approved if outcome == Some(AttestedOutcome::Applied) => Err(OperatorError::NeverTried { id: id.clone() }),
            Status::Approved if dossier.proposal.dead_letter.is_some() => {
                Ok(Resolution::Ended(Box::new(self.order(id, Order::Cancel { reason: Some(reason) }).await?)))
            }
            Status::PendingWorker if self.is_direct(&dossier) => self.resolve_in_source(&dossier, outcome, reason).await,
            Status::PendingWorker => self.attest(&dossier, outcome, reason).await,
            _ => Err(OperatorError::NoDeadLetter { id: id.clone(), status: dossier.proposal.status }),
        }
    }

    async fn resolve_in_source(
        &self,
        dossier: &Dossier,
        outcome: Option<AttestedOutcome>,
        reason: String,
    ) -> Result<Resolution, OperatorError> {
        let id = dossier.proposal.id();
        if outcome == Some(AttestedOutcome::Applied) && !dossier.proposal.code().is_some_and(|code| FOREIGN.contains(code)) {
            return Err(OperatorError::OutcomeProvable { id: id.clone() });
        }
        match self.fence(dossier).await? {
            (attempt, Fence::Found(report)) => Ok(Resolution::Found(Box::new(self.found(id, attempt, report).await?))),
            // The receipt of another change stands under this id: none of ours can ever be written there.
            (attempt, Fence::Unresolved(report)) if report.code == Some(ErrorCode::IDEMPOTENCY_KEY_REUSED) => {
                self.ended(id, attempt, reason).await
            }
            (_, Fence::Unresolved(report)) if is_for_a_person(&report) => self.attest(dossier, outcome, reason).await,
            (_, Fence::Unresolved(report)) => Err(OperatorError::Unsettled { id: id.clone(), report: Box::new(report) }),
            (attempt, Fence::Tombstoned) => self.ended(id, attempt, reason).await,
        }
    }

    async fn ended(&self, id: &ProposalId, attempt: u32, reason: String) -> Result<Resolution, OperatorError> {
        Ok(Resolution::Ended(Box::new(self.bury(id, attempt, Ending::Failed, Some(reason)).await?)))
    }

    async fn attest(&self, dossier: &Dossier, outcome: Option<AttestedOutcome>, reason: String) -> Result<Resolution, OperatorError> {
        let id = dossier.proposal.id();
        // Where every attempt is proved to have done nothing, there is one thing to say.
        let proved = (!dossier.proposal.unresolved()).then_some(AttestedOutcome::NotApplied);
        let outcome = outcome.or(proved).ok_or_else(|| OperatorError::OutcomeNeeded { id: id.clone() })?;
        let attempt = dossier.proposal.current_attempt().ok_or_else(|| not_applicable(&dossier.proposal))?.number;
        let order = Order::Attest { attempt, outcome, not_before: self.quiet_from(dossier), reason };
        Ok(Resolution::Attested(Box::new(self.order(id, order).await?)))
    }

    /// Finds out what became of a claimed proposal whose outcome is unknown: by another attempt, which finds what the earlier ones left or
    /// makes the change, once; by a tombstone, if no attempt may be made any more; or it says what a person has to do.
    pub async fn reconcile(&self, id: &ProposalId, waiting: &mut (dyn FnMut(&Waiting) + Send)) -> Result<Reconciled, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        if !dossier.proposal.unresolved() {
            return Ok(Reconciled::Known(Box::new(dossier.proposal)));
        }
        // Where somebody else's receipt stands, another attempt finds what the last one found, and keeps a person waiting.
        let foreign = dossier.proposal.dead_letter.is_some() && dossier.proposal.code().is_some_and(|code| FOREIGN.contains(code));
        if let Some(open) = dossier.proposal.attempts.iter().rev().find(|attempt| attempt.is_unresolved())
            && (foreign || self.executor_of(&dossier)?.after_unknown() == AfterUnknown::Person)
        {
            return Ok(Reconciled::Person { attempt: open.number, possible_from: self.quiet_from(&dossier) });
        }
        match self.apply(id, waiting).await {
            Ok(application) => Ok(Reconciled::Tried(Box::new(application))),
            Err(error) => {
                let proposal = self.ledger.load(id).await?.proposal;
                let stopped = proposal.tombstone.is_some() && dossier.proposal.tombstone.is_none();
                if stopped { Ok(Reconciled::Stopped(Box::new(proposal))) } else { Err(error) }
            }
        }
    }

    /// From when on no request of an attempt can be under way: a handler refuses one that is older than its tolerance, and none is
    /// answered after its time is over.
    pub fn quiet_from(&self, dossier: &Dossier) -> Timestamp {
        let open = dossier.proposal.attempts.iter().filter(|attempt| attempt.is_unresolved()).map(|attempt| attempt.claimed_at).max();
        let begun = open.unwrap_or(dossier.proposal.updated_at);
        begun.after(DEFAULT_TOLERANCE).after(self.time_out(dossier))
    }

    fn time_out(&self, dossier: &Dossier) -> Duration {
        match self.declared(dossier).map(|executor| &executor.kind) {
            Some(ExecutorKind::HttpHandler(handler)) => handler.timeout,
            Some(ExecutorKind::CommandHandler(handler)) => handler.timeout,
            Some(ExecutorKind::SqlUpdate) | None => Declared::DEFAULT_TIMEOUT,
        }
    }

    /// Whether the source itself keeps the receipt.
    fn is_direct(&self, dossier: &Dossier) -> bool {
        let built_in = dossier.change_set.writeback.executor.as_deref().is_none_or(|name| name == "sql_update");
        built_in || self.declared(dossier).is_some_and(|executor| executor.kind == ExecutorKind::SqlUpdate)
    }

    fn declared(&self, dossier: &Dossier) -> Option<&Declared> {
        let name = dossier.change_set.writeback.executor.as_deref()?;
        self.config.executors.get(&SafeName::new(name)?)
    }
}

/// Whether the source answered, and its answer can only be judged by a person: somebody else wrote what stands there.
pub(crate) fn is_for_a_person(report: &Report) -> bool {
    let by_nobody = |code: &ErrorCode| FOREIGN.contains(code) || *code == ErrorCode::HANDLER_NOT_FENCED;
    report.outcome == Outcome::Unknown && report.code.as_ref().is_some_and(by_nobody)
}
