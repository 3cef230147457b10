//! What may a person, a policy or a worker do with the ledger?

use std::path::Path;
use std::time::Duration;

use synapsor_proposal::{Delivery, Ending, OperatorCommand, OperatorIdentity, Order, Proposal, recorded_reason};
use synapsor_protocol::id::{AuditId, DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{Report, Timestamp};

use crate::agenda::{self, Agenda, DeadLetterLine};
use crate::backup::{self, Backup};
use crate::body::{self, Shelf};
use crate::error::LedgerError;
use crate::filter::{Filter, Page};
use crate::lease;
use crate::ledger::Ledger;
use crate::lines::{Activity, AuditLine, EvidenceLine, ReceiptLine, Summary};
use crate::list;
use crate::load::{Known, know, load};
use crate::pause::{self, Pause};
use crate::prune::{self, Cutoffs, Pruned};
use crate::record::{Claim, Diagnostic, Dossier, Evidence, Holder, Lease, QueryAudit, Replay};
use crate::related;
use crate::stats::{self, Open, Stats};
use crate::tell::{Listener, tell};
use crate::verify::{self, Head, Verified};

/// The operator's handle: lists, loads, decides, claims and reports.
#[derive(Debug, Clone)]
pub struct OperatorLedger {
    pub(crate) ledger: Ledger,
}

impl OperatorLedger {
    /// The proposals that match, newest first. Lines of a list are not verified; [`OperatorLedger::load`] is.
    pub async fn list(&self, filter: &Filter) -> Result<Page<Summary>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::proposals(connection, &filter)).await
    }

    /// The receipts that match, newest first.
    pub async fn receipts(&self, filter: &Filter) -> Result<Page<ReceiptLine>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::receipts(connection, &filter)).await
    }

    /// The evidence that matches, newest first. With a status or a mode, that of the proposals in it.
    pub async fn evidence_list(&self, filter: &Filter) -> Result<Page<EvidenceLine>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::evidence(connection, &filter)).await
    }

    /// The audit rows that match, newest first. With a status or a mode, those of the proposals in it.
    pub async fn audit_list(&self, filter: &Filter) -> Result<Page<AuditLine>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::audits(connection, &filter)).await
    }

    /// Everything that matches, newest first. A status or an outcome leaves out what has none.
    pub async fn activity(&self, filter: &Filter) -> Result<Page<Activity>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| list::activity(connection, &filter)).await
    }

    /// Everything about the record of this id that matches, newest first: of a proposal, replay, receipt, job, operation,
    /// evidence bundle, audit row or diagnostic. Nothing if there is no such record.
    pub async fn related(&self, id: &str, filter: &Filter) -> Result<Vec<Activity>, LedgerError> {
        let (id, filter) = (id.to_owned(), filter.clone());
        self.ledger.readers.read(move |connection| related::related(connection, &id, &filter)).await
    }

    /// What is not settled, counted: cheap, however much is settled.
    pub async fn open(&self) -> Result<Open, LedgerError> {
        self.ledger.readers.read(stats::open).await
    }

    /// How much the ledger holds.
    pub async fn stats(&self) -> Result<Stats, LedgerError> {
        let path = self.ledger.path().to_owned();
        self.ledger.readers.read(move |connection| stats::stats(connection, &path)).await
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
        let known = self.known(id).await?;
        let approves = matches!(command.order, Order::Approve { .. });
        let done = self.ledger.writer.write(move |batch| lease::execute(batch, known, &command)).await?;
        if approves {
            self.ledger.news.notify_one();
        }
        done
    }

    /// The same; if the job is still due afterwards, that is so only after `pause`, an hour at most.
    pub async fn conclude(&self, id: &ProposalId, command: OperatorCommand, pause: Duration) -> Result<Proposal, LedgerError> {
        let known = self.known(id).await?;
        self.ledger.writer.write(move |batch| lease::conclude(batch, known, &command, pause)).await?
    }

    /// Lets a job that is due, and that nobody holds, be due only after `pause`, an hour at most. Nothing else changes, and no event
    /// says so: it decides only when somebody tries again.
    pub async fn postpone(&self, id: &ProposalId, pause: Duration) -> Result<(), LedgerError> {
        let id = id.clone();
        self.ledger.writer.write(move |batch| lease::postpone(batch, &id, pause)).await
    }

    /// Gives a lease back whose attempt will not report from here, so that others need not wait for it to lapse. The attempt
    /// stays claimed and unreported. `false` if the lease was lost before.
    pub async fn release(&self, lease: &Lease) -> Result<bool, LedgerError> {
        let lease = lease.clone();
        let released = self.ledger.writer.write(move |batch| lease::release(batch, &lease)).await;
        self.ledger.news.notify_one();
        released
    }

    /// What there is to do for a worker at this moment: at most `limit` jobs of each lane, and at most `limit` proposals that nobody
    /// claimed in time. A few seeks, however much the ledger holds.
    pub async fn agenda(&self, limit: u32) -> Result<Agenda, LedgerError> {
        self.ledger.readers.read(move |connection| agenda::agenda(connection, limit)).await
    }

    /// Ready as soon as something was approved, or given back, through this ledger or a clone of it, since the last time. What another
    /// process does is found by asking for the [`OperatorLedger::agenda`].
    pub async fn news(&self) {
        self.ledger.news.notified().await;
    }

    /// The claimed proposals of whose effect nothing certain is known and that nobody is at work on now, oldest first.
    pub async fn unresolved(&self) -> Result<Vec<ProposalId>, LedgerError> {
        self.ledger.readers.read(agenda::unresolved).await
    }

    /// The dead letters that match, newest first. Lines of a list are not verified.
    pub async fn dead_letters(&self, filter: &Filter) -> Result<Page<DeadLetterLine>, LedgerError> {
        let filter = filter.clone();
        self.ledger.readers.read(move |connection| agenda::dead_letters(connection, &filter)).await
    }

    /// Lets no worker begin anything, from their next look at the agenda on, until [`OperatorLedger::resume`]. If they pause already,
    /// that pause stays as it is and is the answer.
    /// A credential in the reason is left out; one that is too long is refused.
    pub async fn pause(&self, by: &OperatorIdentity, reason: Option<String>) -> Result<Pause, LedgerError> {
        let reason = recorded_reason(reason.as_deref())?;
        let pause = Pause { by: by.record(), since: Timestamp::now(), reason };
        self.ledger.writer.write(move |batch| pause::begin(batch, pause)).await
    }

    /// Ends the pause; answers with the one that ended, if there was one.
    pub async fn resume(&self) -> Result<Option<Pause>, LedgerError> {
        let ended = self.ledger.writer.write(pause::end).await?;
        self.ledger.news.notify_one();
        Ok(ended)
    }

    /// The pause, if workers pause.
    pub async fn paused(&self) -> Result<Option<Pause>, LedgerError> {
        self.ledger.readers.read(pause::paused).await
    }

    /// Takes the job for `lease` if nobody holds it, and records the next attempt. After `Granted` the attempt is on
    /// record, whatever happens next: it counts as claimed until it is reported or a tombstone names it. With
    /// [`Delivery::Once`] it is refused, in the same transaction, if an earlier attempt may have acted.
    pub async fn claim(&self, id: &ProposalId, holder: &Holder, lease: Duration, delivery: Delivery) -> Result<Claim, LedgerError> {
        let (known, holder) = (self.known(id).await?, holder.clone());
        self.ledger.writer.write(move |batch| lease::claim(batch, known, &holder, lease, delivery)).await?
    }

    /// Verifies beside the writer. In its transaction only rows are compared; if one changed in between, it verifies anew.
    async fn known(&self, id: &ProposalId) -> Result<Known, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| know(connection, &id)).await
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

    /// Tells the whole story of a proposal, verified, to a listener, and gives the listener back. One record at a time is in
    /// memory, however long the story is.
    pub async fn tell<L: Listener + 'static>(&self, id: &ProposalId, mut listener: L) -> Result<L, LedgerError> {
        let id = id.clone();
        let work = move |connection: &rusqlite::Connection| tell(connection, &id, &mut listener).map(|()| listener);
        self.ledger.readers.read(work).await
    }

    /// The last group commit of the store.
    pub async fn head(&self) -> Result<Option<Head>, LedgerError> {
        self.ledger.readers.read(verify::head).await
    }

    /// Checks every record against the commit that wrote it, and every proposal. Reads the whole file.
    pub async fn verify(&self) -> Result<Verified, LedgerError> {
        self.ledger.readers.read(verify::verify).await
    }

    /// Copies the ledger to a file that is not there yet, or with `replace` to one that is, while others write, and verifies the copy.
    /// After an error or a crash nothing is in the file's place that was not there before.
    pub async fn backup(&self, to: &Path, replace: bool) -> Result<Backup, LedgerError> {
        let (store, to) = (self.ledger.path().to_owned(), to.to_owned());
        self.ledger.readers.read(move |connection| backup::backup(connection, &store, &to, replace)).await
    }

    /// Removes what is old, or with `dry_run` only counts it: final proposals with all that belongs to them, reads that no proposal was
    /// made of, causes of refusals. What is open stays, and what does not verify. `by` is the account that asks; what was removed is on
    /// record, so that [`OperatorLedger::verify`] knows the gaps. Works in batches of a few milliseconds; after an error or a crash what was
    /// removed is removed, and calling again goes on.
    pub async fn prune(&self, cutoffs: Cutoffs, by: &str, dry_run: bool) -> Result<Pruned, LedgerError> {
        prune::prune(&self.ledger, cutoffs, by, dry_run).await
    }

    /// An evidence bundle.
    pub async fn evidence(&self, id: &EvidenceId) -> Result<Option<Evidence>, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| body::find(connection, Shelf::Evidence, id.as_str())).await
    }

    /// An audit row.
    pub async fn audit(&self, id: &AuditId) -> Result<Option<QueryAudit>, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| body::find(connection, Shelf::Audit, id.as_str())).await
    }

    /// The audit row of the read that gave this evidence.
    pub async fn audit_of(&self, evidence: &Evidence) -> Result<Option<QueryAudit>, LedgerError> {
        let evidence = evidence.clone();
        let work = move |connection: &rusqlite::Connection| match related::audit_id_of(connection, &evidence)? {
            Some(id) => body::find(connection, Shelf::Audit, &id),
            None => Ok(None),
        };
        self.ledger.readers.read(work).await
    }

    /// The proposal that was made of this evidence.
    pub async fn made_of(&self, evidence: &EvidenceId) -> Result<Option<ProposalId>, LedgerError> {
        let id = evidence.clone();
        self.ledger.readers.read(move |connection| list::made_of(connection, &id)).await
    }

    /// The internal cause of a refusal.
    pub async fn diagnostic(&self, id: &DiagnosticId) -> Result<Option<Diagnostic>, LedgerError> {
        let id = id.clone();
        self.ledger.readers.read(move |connection| body::find(connection, Shelf::Diagnostics, id.as_str())).await
    }
}
