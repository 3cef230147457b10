//! What can a person, a policy or a worker do?
//!
//! Look, decide, apply, withdraw, replay. Everything goes through an [`OperatorPort`]; code that serves a model never links this crate.
//!
//! # Invariants
//! - Who acts is the account of the process, which the operating system names; a variable or a flag gives no authority.
//! - Nothing runs before the ledger has the attempt, and nothing is called final before the source's receipt, or a tombstone, says so.
//! - What is applied is what was approved: hash, approval digest and today's configuration are checked each time.
//! - No transaction of the ledger is open while a database or a handler is asked.
//!
//! Start reading at [`OperatorPort::apply`], then [`Worker::run`].

mod apply;
mod batch;
mod error;
mod identity;
mod jobs;
mod permission;
mod port;
mod record;
mod records;
mod resolve;
mod retry;
mod settle;
mod shadow;
mod worker;

pub use apply::{Application, Waiting};
pub use batch::Selected;
pub use error::{JobRefusal, OperatorError};
pub use identity::{Account, identify};
pub use jobs::{Difference, Handover};
pub use permission::Objection;
pub use port::{Executors, Leave, OperatorParts, OperatorPort};
pub use records::Records;
pub use resolve::{Reconciled, Resolution};
pub use settle::Cancellation;
pub use shadow::{Agreement, ColumnAgreement, ComparedColumn, Comparison, ShadowReport, Tally, compare};
pub use synapsor_executor::Rehearsal;
pub use worker::{Chore, ChoreWork, Worker, WorkerNews, WorkerSettings, WorkerTally};
