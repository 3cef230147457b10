//! Why did a call not do what it asked for, in our own words?
//!
//! These are for the ledger and the operator. What a model is told of them is decided in `refusal.rs` alone.

use synapsor_config::argument::ArgumentError;
use synapsor_config::error::ConfigError;
use synapsor_config::proposal_rules::PatchRefusal;
use synapsor_ledger::LedgerError;
use synapsor_protocol::Identifier;
use synapsor_protocol::canonical::CanonicalError;
use synapsor_source::{SourceError, ValueError};

/// Why a call did not do what it asked for. The business database was not changed, whatever the variant.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No capability of that name is offered in this mode.
    #[error("there is no capability `{name}`")]
    NoCapability {
        /// The name that was asked for, cut to 200 characters.
        name: String,
    },
    /// Proposals are not taken in this mode.
    #[error("capability `{name}` proposes changes, and the mode is read_only")]
    ProposalsDisabled {
        /// The capability.
        name: String,
    },
    /// The arguments are not what the capability takes.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// The argument has the declared type, but the column cannot hold it.
    #[error("argument `{argument}` is no value of its column: {cause}")]
    ArgumentValue {
        /// The argument.
        argument: String,
        /// What is wrong with it.
        cause: ValueError,
    },
    /// A value that the configuration fixes cannot be held by its column.
    #[error("the fixed value of column `{column}` is no value of that column: {cause}")]
    FixedValue {
        /// The column.
        column: Identifier,
        /// What is wrong with it.
        cause: ValueError,
    },
    /// The argument is a credential, or has one in it. Nothing was read.
    #[error("argument `{argument}` has a credential in it")]
    CredentialGiven {
        /// The argument.
        argument: String,
    },
    /// What guards the change is, or has in it, a credential, so that it cannot be recorded.
    #[error("column `{column}` of the row has a credential in it, and it guards the change")]
    CredentialInRow {
        /// The column.
        column: Identifier,
    },
    /// No such row for this tenant.
    #[error("no such row for this tenant")]
    NotFound,
    /// More than one row of this tenant has the key.
    #[error("the key matched {rows} rows")]
    SeveralRows {
        /// How many.
        rows: usize,
    },
    /// The reviewed rules do not allow the change.
    #[error(transparent)]
    Patch(#[from] PatchRefusal),
    /// The row has no version to guard the change with.
    #[error("the version column `{column}` of the row is null")]
    VersionMissing {
        /// The column.
        column: Identifier,
    },
    /// The trusted context's tenant is no value of the tenant column.
    #[error("the trusted context's tenant is no value of the tenant column: {cause}")]
    TenantUnfit {
        /// What is wrong with it.
        cause: ValueError,
    },
    /// The table is not what the configuration says.
    #[error("the table is not what the configuration says: {}", findings.join("; "))]
    TableUnfit {
        /// What the catalog check found.
        findings: Vec<String>,
    },
    /// The source did not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger did not record it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The change cannot be written down exactly.
    #[error("the change has no canonical form")]
    Canonical(#[from] CanonicalError),
    /// A record is not there for this tenant.
    #[error("there is no such record for this tenant")]
    NoRecord,
    /// The configuration or its environment is incomplete.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
