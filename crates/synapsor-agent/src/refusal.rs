//! What is a model told when a call is refused?
//!
//! One exhaustive match: every error gets its safe code, its sentence and whether to try again, and a new error cannot be forgotten.
//! The sentences are ours; no text of a driver, no path and no name of a database is in them.

#![deny(clippy::wildcard_enum_match_arm, reason = "a new failure must choose what a model is told")]

use std::time::Duration;

use synapsor_config::error::ConfigError;
use synapsor_envelope::{Refusal, SafeCode};
use synapsor_ledger::LedgerError;
use synapsor_source::SourceError;

use crate::error::AgentError;

/// The refusal of a row that is not there, or not this tenant's. Its bytes depend on nothing but the call.
pub(crate) fn not_found() -> Refusal {
    refusal(SafeCode::NotFoundInTenant, "No such row is visible to this tenant; check the id and try again with another one.")
}

/// What a model is told of this error.
pub(crate) fn refusal_of(error: &AgentError) -> Refusal {
    match error {
        AgentError::NotFound => not_found(),
        AgentError::NoCapability { name } => refusal(
            SafeCode::CapabilityNotFound,
            &format!("There is no capability `{}`; list the tools to see what can be called.", shown(name)),
        ),
        AgentError::ProposalsDisabled { name } => refusal(
            SafeCode::ApprovalRequired,
            &format!("`{name}` proposes a change, and this server only reads; ask a person to make the change."),
        ),
        AgentError::Argument(cause) => refusal(SafeCode::InvalidArgument, &sentence(cause)),
        AgentError::ArgumentValue { argument, cause } => {
            refusal(SafeCode::InvalidArgument, &format!("Argument `{argument}` cannot be used: {cause}."))
        }
        AgentError::CredentialGiven { argument } => refusal(
            SafeCode::InvalidArgument,
            &format!("Argument `{argument}` has a credential in it; leave it out, and tell a person where you found it."),
        ),
        AgentError::CredentialInRow { column } => refusal(
            SafeCode::PolicyViolation,
            &format!(
                "Column `{column}` of the row has a credential in it, so a change of the row cannot be recorded; ask a person to look at the data."
            ),
        ),
        AgentError::SeveralRows { .. } => refusal(
            SafeCode::MultiRowBlocked,
            "More than one row has this id, and exactly one is needed; ask a person to look at the data.",
        ),
        AgentError::Patch(cause) => refusal(SafeCode::PolicyViolation, &sentence(cause)),
        AgentError::VersionMissing { .. } => refusal(
            SafeCode::PolicyViolation,
            "The row has no version, so a change of it cannot be guarded; ask a person to look at the data.",
        ),
        AgentError::NoRecord => refusal(SafeCode::NotFoundInTenant, "No such record is visible to this tenant."),
        AgentError::Source(cause) => source(cause),
        AgentError::Ledger(cause) => ledger(cause),
        AgentError::Config(cause) => config(cause),
        AgentError::FixedValue { .. } | AgentError::TenantUnfit { .. } | AgentError::TableUnfit { .. } | AgentError::Canonical(_) => {
            internal()
        }
    }
}

/// The reason in the words of format 1, which has more of them than there are safe codes.
pub(crate) fn code_of(error: &AgentError, refusal: &Refusal) -> &'static str {
    match error {
        AgentError::NotFound | AgentError::NoRecord => "ROW_NOT_FOUND",
        AgentError::NoCapability { .. } => "MCP_TOOL_NOT_FOUND",
        AgentError::ProposalsDisabled { .. } => "PROPOSALS_DISABLED",
        AgentError::Argument(cause) => cause.code(),
        AgentError::ArgumentValue { .. } => "ARGUMENT_TYPE_INVALID",
        AgentError::CredentialGiven { .. } | AgentError::CredentialInRow { .. } => "SECRET_MATERIAL_REJECTED",
        AgentError::SeveralRows { .. } => "MULTI_ROW_BLOCKED",
        AgentError::Patch(cause) => cause.code(),
        AgentError::VersionMissing { .. } => "CONFLICT_GUARD_MISSING",
        AgentError::Source(_)
        | AgentError::Ledger(_)
        | AgentError::Config(_)
        | AgentError::FixedValue { .. }
        | AgentError::TenantUnfit { .. }
        | AgentError::TableUnfit { .. }
        | AgentError::Canonical(_) => {
            if refusal.retryable {
                "TEMPORARILY_UNAVAILABLE"
            } else {
                "MCP_TOOL_FAILED"
            }
        }
    }
}

fn source(error: &SourceError) -> Refusal {
    match error {
        SourceError::PoolExhausted { retry_after, .. } => unavailable("The database is busy").retry_after(*retry_after),
        SourceError::Busy { .. } => unavailable("The database is busy").retry_after(Duration::from_millis(500)),
        SourceError::Unreachable { .. }
        | SourceError::Timeout { .. }
        | SourceError::Lost { .. }
        | SourceError::Authentication { .. }
        | SourceError::Tls { .. } => unavailable("The database cannot be reached"),
        SourceError::SchemaChanged { .. } => unavailable("The database changed its layout"),
        SourceError::InvalidUrl { .. }
        | SourceError::EngineMissing { .. }
        | SourceError::PermissionDenied { .. }
        | SourceError::Refused { .. }
        | SourceError::Corrupt { .. }
        | SourceError::Unrepresentable { .. }
        | SourceError::Foreign { .. } => internal(),
    }
}

fn ledger(error: &LedgerError) -> Refusal {
    match error {
        LedgerError::Busy => unavailable("The record store is busy").retry_after(Duration::from_millis(500)),
        LedgerError::Unsettled(_)
        | LedgerError::RolledBack
        | LedgerError::StoreGone
        | LedgerError::Full
        | LedgerError::ReadOnly(_)
        | LedgerError::Missing(_)
        | LedgerError::Taken { .. }
        | LedgerError::InUse(_)
        | LedgerError::Unopenable { .. }
        | LedgerError::Closed => unavailable("The record store is not available"),
        LedgerError::Refused(_)
        | LedgerError::NoProposal(_)
        | LedgerError::Altered { .. }
        | LedgerError::AlteredCommit(_)
        | LedgerError::AlteredRecord { .. }
        | LedgerError::Held { .. }
        | LedgerError::LeaseLost { .. }
        | LedgerError::Unrecordable { .. }
        | LedgerError::Corrupt { .. }
        | LedgerError::NotADatabase(_)
        | LedgerError::NotALedger(_)
        | LedgerError::Newer { .. }
        | LedgerError::SymbolicLink(_)
        | LedgerError::LeaseUnreadable(_)
        | LedgerError::NoBackup(_)
        | LedgerError::Exists(_)
        | LedgerError::Engine(_) => internal(),
    }
}

fn config(error: &ConfigError) -> Refusal {
    match error {
        ConfigError::VariableMissing { .. } => unavailable("The server is not completely set up"),
        ConfigError::NotFound { .. }
        | ConfigError::Unreadable { .. }
        | ConfigError::BindingMissing { .. }
        | ConfigError::BindingUnusable { .. }
        | ConfigError::ProviderNotServed { .. } => internal(),
    }
}

fn unavailable(what: &str) -> Refusal {
    refusal(SafeCode::TemporarilyUnavailable, &format!("{what}; nothing was changed, try the same call again later."))
}

fn internal() -> Refusal {
    refusal(
        SafeCode::Internal,
        "The call failed for a reason on the server's side; nothing was changed. Do not repeat it, tell a person the diagnostic id.",
    )
}

fn refusal(code: SafeCode, message: &str) -> Refusal {
    Refusal::new(code, message)
}

/// An error of ours as a sentence: capital first, full stop last unless it asks.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('?') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// A name that a client made up, without control characters and not too long.
fn shown(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
