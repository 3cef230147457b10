//! What becomes of a credential that stands in a row, or in an argument?
//!
//! A model is shown a row without the secret part of it, and so is the ledger. What the model gives is refused: nothing honest is lost, and
//! a secret in a record could not be taken out of it any more. What is one is decided by form alone, in
//! [`synapsor_protocol::credential`]; what a column is called is the validator's affair.
//!
//! # Invariants
//! - What decides whether a change may be made is exact: key, tenant and version are never altered. Where the whole row guards a change,
//!   a row with a credential in it is refused.

use synapsor_config::{Guard, ProposalRules};
use synapsor_protocol::credential::{has_credential, redacted};
use synapsor_protocol::{Columns, Identifier, Scalar};

use crate::error::AgentError;
use crate::offer::Bound;
use crate::read::Arguments;

/// Refuses an argument that is, or holds, a credential.
pub(crate) fn none_in(arguments: &Arguments) -> Result<(), AgentError> {
    let is_one = |value: &Scalar| matches!(value, Scalar::String(text) if has_credential(text));
    match arguments.iter().find(|(_, value)| is_one(value)) {
        Some((argument, _)) => Err(AgentError::CredentialGiven { argument: argument.clone() }),
        None => Ok(()),
    }
}

/// The row as it may be shown and recorded.
pub(crate) fn without(row: &Columns) -> Columns {
    let shown = |value: &Scalar| match value {
        Scalar::String(text) => Scalar::String(redacted(text).into_owned()),
        Scalar::Null | Scalar::Bool(_) | Scalar::Number(_) => value.clone(),
    };
    row.iter().map(|(column, value)| (column.clone(), shown(value))).collect()
}

/// Refuses a change that is guarded by a value which cannot be recorded.
pub(crate) fn guards_stay_exact(rules: &ProposalRules, bound: &Bound, row: &Columns, shown: &Columns) -> Result<(), AgentError> {
    let by_all = matches!(rules.guard, Guard::WeakRowHash) || bound.table.coarse_version();
    let counts = |column: &Identifier| by_all || rules.guard.column() == Some(column);
    match row.iter().find(|(column, value)| counts(column) && shown.get(*column) != Some(value)) {
        Some((column, _)) => Err(AgentError::CredentialInRow { column: column.clone() }),
        None => Ok(()),
    }
}
