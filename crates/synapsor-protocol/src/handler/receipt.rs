//! What does a handler answer? `synapsor.app-handler-receipt.v1`: closed when written, open when read.
//!
//! A receipt that contradicts itself is no receipt: who reads it learns that the outcome is not known.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::preparse::{self, Limits, ParseError};
use crate::report::{ErrorCode, Outcome, Report};
use crate::scalar::Scalar;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct HandlerReceipt {
    /// What came of it.
    pub status: HandlerStatus,
    /// Rows that this request changed.
    pub rows_affected: u64,
    /// Whether this request changed the application's database.
    pub source_database_mutated: bool,
    /// The version before, or the one that was met instead of the expected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Scalar"))]
    pub previous_version: Option<Scalar>,
    /// The version after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Scalar"))]
    pub new_version: Option<Scalar>,
    /// Why, if it did not apply: a word of capitals, digits and `_`.
    #[serde(default)]
    pub safe_error_code: Option<ErrorCode>,
    /// What the handler adds, `effects` above all. Kept with the receipt; no secret belongs here.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// What came of a request. There is no word for an unknown outcome: it is `failed` with the code `HANDLER_EXCEPTION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum HandlerStatus {
    /// This request made the change.
    Applied,
    /// An earlier one made it.
    AlreadyApplied,
    /// The row is not the approved one any more. Final.
    Conflict,
    /// Nothing was done, unless the code is `HANDLER_EXCEPTION`.
    Failed,
}

/// Why an answer is no receipt. Its outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt at all.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Its members contradict each other.
    #[error("the receipt contradicts itself: {0}")]
    Contradiction(&'static str),
    /// The code is no word of capitals.
    #[error("`safe_error_code` is no code")]
    Code,
}

impl HandlerReceipt {
    /// A receipt of this status that says that nothing was changed.
    pub fn unchanged(status: HandlerStatus, code: Option<ErrorCode>) -> Self {
        Self {
            status,
            rows_affected: 0,
            source_database_mutated: false,
            previous_version: None,
            new_version: None,
            safe_error_code: code,
            details: Map::new(),
        }
    }

    /// Reads an answer's body. Unknown members are ignored; a contradiction is an error.
    pub fn from_slice(body: &[u8], dry_run: bool) -> Result<Self, ReceiptError> {
        let receipt: Self = preparse::from_slice(body, Limits::DEFAULT)?;
        receipt.check(dry_run)?;
        Ok(receipt)
    }

    /// The answer's body: readable, with a new line at its end.
    pub fn to_body(&self) -> Vec<u8> {
        // Plain data with names for members: it always can be written.
        let mut body = serde_json::to_vec_pretty(self).unwrap_or_default();
        body.push(b'\n');
        body
    }

    /// What the receipt says of the attempt.
    pub fn report(&self) -> Report {
        let exception = self.safe_error_code == Some(ErrorCode::HANDLER_EXCEPTION);
        let outcome = match self.status {
            HandlerStatus::Applied => Outcome::Applied,
            HandlerStatus::AlreadyApplied => Outcome::AlreadyApplied,
            HandlerStatus::Conflict => Outcome::Conflict,
            HandlerStatus::Failed if exception => Outcome::Unknown,
            HandlerStatus::Failed => Outcome::Failed,
        };
        Report {
            code: self.safe_error_code.clone(),
            rows_affected: self.rows_affected,
            previous_version: self.previous_version.clone(),
            new_version: self.new_version.clone(),
            details: self.details.clone(),
            ..Report::new(outcome)
        }
    }

    fn check(&self, dry_run: bool) -> Result<(), ReceiptError> {
        let mutated = self.source_database_mutated;
        let contradiction = match self.status {
            HandlerStatus::Applied if dry_run && mutated => Some("a dry run changed the database"),
            HandlerStatus::Applied if !dry_run && !mutated => Some("`applied`, and nothing was changed"),
            HandlerStatus::AlreadyApplied if mutated => Some("`already_applied`, and something was changed"),
            HandlerStatus::Conflict if mutated => Some("`conflict`, and something was changed"),
            HandlerStatus::Failed if mutated => Some("`failed`, and something was changed"),
            HandlerStatus::Applied | HandlerStatus::AlreadyApplied | HandlerStatus::Conflict | HandlerStatus::Failed => None,
        };
        if let Some(contradiction) = contradiction {
            return Err(ReceiptError::Contradiction(contradiction));
        }
        if !mutated && !dry_run && self.rows_affected > 0 {
            return Err(ReceiptError::Contradiction("rows were affected, and nothing was changed"));
        }
        match &self.safe_error_code {
            Some(code) if ErrorCode::foreign(code.as_str()).is_none() => Err(ReceiptError::Code),
            Some(_) | None => Ok(()),
        }
    }
}
