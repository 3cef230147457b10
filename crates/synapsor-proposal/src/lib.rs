//! What may happen to a proposal next?
//!
//! [`decide_agent`] and [`decide_operator`] answer a command with events or a [`Refusal`]; [`evolve`] folds an event
//! into the [`Proposal`]. The ledger loads, decides and appends; nobody else writes events.
//!
//! # Invariants
//! - Pure: the same state, command and time give the same events. No I/O, no clock, no async, no ids of its own.
//! - An event is never taken back; a correction is another event.
//! - What an agent may ask is an [`AgentCommand`]; everything that decides, claims or reports is an
//!   [`OperatorCommand`], and nobody can write one down without the feature `decisions`, because only that feature
//!   makes an [`OperatorIdentity`].
//! - Outcomes belong to attempts. A fact of the source's receipt is recorded from any attempt; `failed` is said of the
//!   proposal only behind a tombstone; what contradicts a final state is recorded as a contradiction, never dropped.
//!
//! Knows nothing of databases, HTTP or MCP. Start reading at [`Status`], then [`decide_operator`].

mod attempt;
mod command;
mod decide;
mod event;
mod evolve;
mod operator;
mod proposal;
mod refusal;

pub use attempt::{Attempt, Pending};
pub use command::{AgentCommand, Delivery, OperatorCommand, Order};
pub use decide::{MAX_REASON_BYTES, decide_agent, decide_operator, lapse, recorded_reason, supersede};
pub use event::{
    Approval, Attestation, AttestedOutcome, Claimed, Closing, Contradiction, DeadLetter, Ending, Event, EvidenceLink, Fact, HumanAction,
    Reported, Terms, Tombstone,
};
pub use evolve::{Misfit, evolve, fold};
pub use operator::{MAX_NOTE_BYTES, OperatorIdentity, OperatorRecord, Roles};
pub use proposal::{Parked, Proposal, Status};
pub use refusal::Refusal;
