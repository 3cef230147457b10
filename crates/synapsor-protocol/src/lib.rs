//! What do the records on the wire and in the ledger look like?
//!
//! # Invariants
//! - No I/O and no async. The wall clock is read in [`time`] and nowhere else in the workspace.
//! - A value is checked when it is made: an [`Identifier`], a [`Scalar`] or a [`Digest`] that exists is well formed.
//! - What we write is closed and canonical; records of other writers may carry unknown members, which are ignored.
//!
//! Knows nothing of databases, HTTP or MCP. Start reading at [`change_set`]: it is the record everything else is about.

pub mod approval;
pub mod canonical;
pub mod chain;
pub mod change_set;
pub mod credential;
pub mod decimal;
pub mod digest;
pub mod execution_receipt;
pub mod handler;
pub mod id;
pub mod identifier;
pub mod manifest;
pub mod name;
pub mod onboarding_selection;
pub mod operation;
pub mod preparse;
pub mod record;
pub mod report;
pub mod runner_registration;
pub mod scalar;
#[cfg(feature = "schemas")]
pub mod schemas;
pub mod secret;
pub mod time;
pub mod writeback_job;

mod text;

use std::collections::BTreeMap;

pub use approval::ApprovalTerms;
pub use change_set::ChangeSet;
pub use decimal::Decimal;
pub use digest::Digest;
pub use execution_receipt::ExecutionReceipt;
pub use identifier::Identifier;
pub use manifest::ProtocolManifest;
pub use onboarding_selection::OnboardingSelection;
pub use operation::OperationId;
pub use report::{ErrorCode, Outcome, Report};
pub use runner_registration::RunnerRegistration;
pub use scalar::{Number, Scalar};
pub use secret::Secret;
pub use time::Timestamp;
pub use writeback_job::WritebackJob;

/// The columns of one row, or of one patch, and their values.
pub type Columns = BTreeMap<Identifier, Scalar>;
