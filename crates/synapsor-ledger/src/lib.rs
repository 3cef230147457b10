//! What happened?
//!
//! # Invariants
//! - A call that answers has committed, reads included: what it recorded survives the power going off.
//! - Events are appended and never changed. Every other row about a proposal is a projection of its events, and is
//!   checked against them before anything is decided.
//! - Two handles: [`AgentLedger`] records reads and proposals and shows a tenant its own; [`OperatorLedger`] decides,
//!   claims and reports, and exists only with the feature `decisions`.
//! - All writes go through one thread per open ledger, all reads through a small pool; processes share the file by
//!   SQLite's own locks.
//!
//! Start reading at [`Ledger::open`], then [`OperatorLedger::execute`].

#[cfg(feature = "decisions")]
mod agenda;
mod agent;
#[cfg(feature = "decisions")]
mod alone;
mod append;
#[cfg(feature = "decisions")]
mod backup;
mod body;
mod chain;
#[cfg(feature = "decisions")]
mod clean;
mod commits;
mod connection;
mod copy;
mod error;
mod file;
#[cfg(feature = "decisions")]
mod filter;
#[cfg(feature = "decisions")]
mod find;
mod history;
mod hold;
mod layout;
#[cfg(feature = "decisions")]
mod lease;
mod ledger;
#[cfg(feature = "decisions")]
mod lines;
#[cfg(feature = "decisions")]
mod list;
mod load;
#[cfg(feature = "decisions")]
mod operator;
#[cfg(feature = "decisions")]
mod pause;
mod projection;
#[cfg(feature = "decisions")]
mod prune;
mod readers;
mod record;
#[cfg(feature = "decisions")]
mod related;
#[cfg(feature = "decisions")]
mod restore;
mod rows;
mod shape;
#[cfg(feature = "decisions")]
mod stats;
#[cfg(feature = "decisions")]
mod tell;
mod upkeep;
#[cfg(feature = "decisions")]
mod verify;
mod writer;

#[cfg(feature = "decisions")]
pub use agenda::{Agenda, DeadLetterLine, DueIn, Lane};
pub use agent::AgentLedger;
#[cfg(feature = "decisions")]
pub use backup::Backup;
#[cfg(feature = "decisions")]
pub use clean::{Vacuumed, replaceable, reset, vacuum};
pub use error::{Altered, LedgerError};
#[cfg(feature = "decisions")]
pub use filter::{Cursor, Filter, Page};
pub use hold::{Occupant, StoreLease};
pub use ledger::{Ledger, OpenOptions};
#[cfg(feature = "decisions")]
pub use lines::{Activity, AuditLine, EvidenceLine, ReadOf, ReceiptLine, Summary};
#[cfg(feature = "decisions")]
pub use operator::OperatorLedger;
#[cfg(feature = "decisions")]
pub use pause::Pause;
#[cfg(feature = "decisions")]
pub use prune::{Cutoffs, Pruned};
pub use record::{
    Claim, Diagnostic, Dossier, Evidence, Holder, Job, Lease, NewProposal, QueryAudit, ReadRecord, Recorded, RecordedEvent, Replay,
};
#[cfg(feature = "decisions")]
pub use restore::{Restored, restore};
#[cfg(feature = "decisions")]
pub use stats::{Open, Rows, Stats};
#[cfg(feature = "decisions")]
pub use tell::Listener;
#[cfg(feature = "decisions")]
pub use verify::{Head, Verified};
