//! What can go wrong with the ledger?

use std::path::PathBuf;
use std::sync::Arc;

use synapsor_proposal::Refusal;
use synapsor_protocol::id::{AuditId, EvidenceId, ProposalId};

use crate::hold::Occupant;

/// Why the ledger did not do what it was asked. Unless a variant says otherwise, nothing was recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The rules refused the command. Asking again gives the same answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such proposal.
    #[error("there is no proposal {0}")]
    NoProposal(ProposalId),
    /// A record of this proposal was changed, or removed, other than by the ledger. Nothing can be approved, claimed or
    /// applied from it.
    #[error("proposal {id} was altered: {record}")]
    Altered {
        /// The proposal.
        id: ProposalId,
        /// What does not verify.
        record: Altered,
    },
    /// The records that a group commit wrote are not those that its hash covers: one was changed, removed or added.
    #[error("commit {0} of the ledger was altered")]
    AlteredCommit(i64),
    /// A read, or the cause of a refusal, is not what was recorded.
    #[error("{record} {id}, in commit {commit} of the ledger, was altered")]
    AlteredRecord {
        /// What it is.
        record: &'static str,
        /// Its id.
        id: String,
        /// The number of the commit that holds it.
        commit: i64,
    },
    /// Somebody else holds the job; `until` they renew it.
    #[error("the job of proposal {id} is held by {holder}")]
    Held {
        /// The proposal.
        id: ProposalId,
        /// Who holds it.
        holder: String,
    },
    /// The lease was taken over, or given back. Its attempt may still be reported.
    #[error("the lease on attempt {attempt} of proposal {id} is lost")]
    LeaseLost {
        /// The proposal.
        id: ProposalId,
        /// The attempt.
        attempt: u32,
    },
    /// A record cannot be written down: it has no canonical form, or is too large.
    #[error("the {record} cannot be recorded: {why}")]
    Unrecordable {
        /// Which record.
        record: &'static str,
        /// Why.
        why: String,
    },
    /// Somebody else held the write lock for too long. Safe to retry.
    #[error("the ledger is busy")]
    Busy,
    /// The commit gave no answer. What was asked may be on record or not; asking again is safe.
    #[error("the ledger could not commit, and does not know if it did")]
    Unsettled(#[source] Arc<rusqlite::Error>),
    /// SQLite ended the transaction under another member of the batch. Safe to retry.
    #[error("the ledger took the transaction back")]
    RolledBack,
    /// The store file was deleted or replaced while the program ran. What was asked is not on record.
    #[error("the ledger file was deleted or replaced while it was in use")]
    StoreGone,
    /// The disk is full.
    #[error("the ledger's disk is full")]
    Full,
    /// The file or its folder cannot be written.
    #[error("the ledger `{}` is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// The file is damaged.
    #[error("the ledger `{}` is corrupt", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the engine found.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The file is no database.
    #[error("`{}` is not a database", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database, and not a ledger. It was not touched.
    #[error("`{}` is a database, but not a ledger", .0.display())]
    NotALedger(PathBuf),
    /// A newer program wrote it. It was not touched.
    #[error("the ledger has layout {found}, which needs synapsor-runner {needs} or later; this program knows layout {known}")]
    Newer {
        /// The layout of the file.
        found: u32,
        /// The newest layout that this program knows.
        known: u32,
        /// The version of the program that wrote it.
        needs: String,
    },
    /// The file, or one beside it, is a symbolic link.
    #[error("`{}` is a symbolic link", .0.display())]
    SymbolicLink(PathBuf),
    /// Somebody serves from the ledger, or maintains it. Nothing was begun.
    #[error("the ledger `{}` is taken{}", path.display(), by(holder.as_deref()))]
    Taken {
        /// The file.
        path: PathBuf,
        /// Who, as far as they said so.
        holder: Option<Box<Occupant>>,
    },
    /// Others have the ledger open: a worker, a server that was started beside another, a command. Nothing was begun.
    #[error("the ledger `{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The lease file beside the ledger says nothing that this program understands.
    #[error("the lease file `{}` cannot be read", .0.display())]
    LeaseUnreadable(PathBuf),
    /// There is something in the place of a file that was to be made.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// There is no ledger there, and none was to be made.
    #[error("there is no ledger `{}`", .0.display())]
    Missing(PathBuf),
    /// There is no file of this name to restore. Nothing was begun.
    #[error("there is no backup `{}`", .0.display())]
    NoBackup(PathBuf),
    /// The file or its folder cannot be made or looked at.
    #[error("the ledger `{}` cannot be opened", path.display())]
    Unopenable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The engine failed in a way that is none of the above.
    #[error("the ledger's engine failed")]
    Engine(#[source] Arc<rusqlite::Error>),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
}

/// Which record of a proposal is not what the ledger wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    /// The proposal itself is missing; other records still speak of it.
    #[error("it was removed")]
    Removed,
    /// The change set: a value, a guard, a key.
    #[error("its change set does not match its hash")]
    ChangeSet,
    /// The change set or its terms are not those that were proposed.
    #[error("its change set is not the one that was proposed")]
    Terms,
    /// An event is not what its hash was made of.
    #[error("event {0} does not match its hash")]
    Event(u32),
    /// An event is missing.
    #[error("event {0} is missing")]
    EventMissing(u32),
    /// The events cannot follow one another.
    #[error("{0}")]
    History(String),
    /// A column of the proposal's row is not what the events fold into.
    #[error("its `{0}` is not what its events say")]
    Projection(&'static str),
    /// The approval is missing, or not the one in the history.
    #[error("its approval is not what its events say")]
    Approval,
    /// The job is missing, or not the one in the history.
    #[error("its job is not what its events say")]
    Job,
    /// The receipts are not those in the history.
    #[error("its receipts are not what its events say")]
    Receipts,
    /// The evidence is missing or changed.
    #[error("its evidence {0} was changed or removed")]
    Evidence(EvidenceId),
    /// The audit row is missing or changed.
    #[error("its audit record {0} was changed or removed")]
    Audit(AuditId),
}

/// Inside the crate an error of the engine travels as it is, until `LedgerError::at` knows the file it is about.
impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(Arc::new(error))
    }
}

fn by(holder: Option<&Occupant>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}

impl LedgerError {
    /// The same, with an error of the engine read for what it means for this file.
    pub(crate) fn at(self, path: &std::path::Path) -> Self {
        match self {
            Self::Engine(error) => crate::connection::classify(path, error),
            known => known,
        }
    }

    /// Whether asking again may succeed, with nothing done in between by a person.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Unsettled(_) | Self::RolledBack | Self::StoreGone | Self::Full | Self::Held { .. })
    }
}
