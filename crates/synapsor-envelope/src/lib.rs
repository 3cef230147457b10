//! What may a model be told?
//!
//! Every tool call, whatever happens in it, comes to one [`Answer`]: a row, a proposal or a refusal, never two of them
//! and never none. It is written as the result envelope (format 2), or in the older format 1.
//!
//! # Invariants
//! - An envelope that exists holds exactly one of `data`, `proposal` and `error`, and `ok` agrees with it.
//! - `source_database_changed` is false in every envelope: no tool call writes to a business database.
//! - A refusal carries one of nine codes and a sentence of ours. Driver text, hosts, paths and SQL have no field to be in.
//! - Nothing in here reads a clock or makes an id: the same facts give the same bytes.
//!
//! Knows nothing of MCP, HTTP or databases. Start reading at [`Answer`], then [`Envelope`].

mod answer;
mod code;
mod envelope;
mod format_one;
mod meta;
mod proposal;
mod refusal;
#[cfg(feature = "schemas")]
pub mod schemas;
mod wire;

pub use answer::{Answer, Format, RefusedAnswer, Written};
pub use code::SafeCode;
pub use envelope::{Envelope, Kind, ReadAnswer};
pub use format_one::{ErrorOne, ProposalOne, ReadOne, ResultOne};
pub use meta::{EvidenceNote, Meta};
pub use proposal::{ColumnChange, ProposalAnswer, ProposalNotice, ProposalState, WritebackMode, WritebackNotice};
pub use refusal::{MAX_MESSAGE_CHARS, Refusal};

/// Why a JSON value is no envelope that this crate could have written. Nothing was changed by reading it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// None, or more than one, of `data`, `proposal` and `error` is there.
    #[error("an envelope holds exactly one of `data`, `proposal` and `error`, this one holds {found}")]
    NotOneOutcome {
        /// How many of the three are not null.
        found: usize,
    },
    /// `ok` is true beside an error, or false beside an answer.
    #[error("`ok` is {ok} but `error` says otherwise")]
    OkDisagrees {
        /// What `ok` says.
        ok: bool,
    },
    /// `source_database_changed` is true, which no tool call can bring about.
    #[error("`source_database_changed` is true")]
    SourceChanged,
}
