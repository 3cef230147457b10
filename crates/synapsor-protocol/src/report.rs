//! What came of one attempt to apply a change?

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::credential::{has_credential, redacted};
use crate::identifier::Identifier;
use crate::scalar::Scalar;

/// The outcome of one attempt. There is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// The source's own receipt says that this attempt made the change.
    Applied,
    /// The source's own receipt says that an earlier attempt made it.
    AlreadyApplied,
    /// Row, tenant, version or row hash refused it under the row lock. Final for this proposal.
    Conflict,
    /// It is proved that this attempt did nothing and can do nothing later.
    Failed,
    /// Something may have been done and no valid answer came.
    Unknown,
}

impl Outcome {
    /// The word on the wire and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AlreadyApplied => "already_applied",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is a fact of the source's receipt, and so final whichever attempt reports it.
    pub fn is_receipt(self) -> bool {
        matches!(self, Self::Applied | Self::AlreadyApplied | Self::Conflict)
    }

    /// Whether the change is in the source.
    pub fn is_applied(self) -> bool {
        matches!(self, Self::Applied | Self::AlreadyApplied)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code that names why an attempt did not apply. Open: handlers have their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ErrorCode(Cow<'static, str>);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed(stringify!($name)));)*

            /// Every code that we give ourselves.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    /// The row is not there under this key and tenant.
    ROW_NOT_FOUND
    /// Key or tenant of the row that came back are not the trusted ones.
    TENANT_GUARD_MISMATCH
    /// The version is not the expected one.
    VERSION_CONFLICT
    /// The row's hash is not the expected one.
    ROW_CHANGED_AFTER_PROPOSAL
    /// More than one row matched.
    MULTI_ROW_WRITE_BLOCKED
    /// A column outside the reviewed list.
    PATCH_COLUMN_NOT_ALLOWED
    /// What reads back is not what was approved; rolled back.
    EFFECT_DIFFERS_FROM_APPROVAL
    /// The version did not move; rolled back.
    VERSION_NOT_ADVANCED
    /// A higher attempt closed this one.
    FENCED
    /// The operation id already belongs to another change.
    IDEMPOTENCY_KEY_REUSED
    /// A committed receipt is still in progress: an older or foreign writer.
    IDEMPOTENCY_RECEIPT_IN_PROGRESS
    /// The stored receipt has a status that we do not know.
    IDEMPOTENCY_RECEIPT_UNREADABLE
    /// The receipt table is missing and may not be created, or lacks columns.
    RECEIPT_TABLE_UNUSABLE
    /// The source could not be reached, or not in time.
    DATABASE_UNAVAILABLE
    /// The source refused a statement before COMMIT, or COMMIT itself.
    TRANSACTION_FAILED
    /// The source refused for want of a privilege.
    PERMISSION_DENIED
    /// The statement took too long and was cancelled by the source.
    STATEMENT_TIMEOUT
    /// The connection broke, or the source gave no answer, after COMMIT was sent.
    COMMIT_UNKNOWN
    /// The effect ended our transaction.
    TRANSACTION_ENDED_BY_EFFECT
    /// The proposal's hash does not match its content.
    PROPOSAL_HASH_MISMATCH
    /// The configuration no longer allows what was approved.
    WRITEBACK_SAFETY_FAILURE
    /// A handler is asked with another method than POST, PUT or PATCH.
    METHOD_NOT_ALLOWED
    /// A handler is asked without the token, or with another one.
    UNAUTHORIZED
    /// A handler that needs a token has none to compare with.
    HANDLER_TOKEN_MISSING
    /// A handler that needs signatures has no secret to verify them with.
    HANDLER_SIGNING_SECRET_MISSING
    /// A signature is missing, or does not verify.
    INVALID_SIGNATURE
    /// The moment of a request is missing, is not the one that was signed, or is too far from now.
    INVALID_ISSUED_AT
    /// The body is not JSON, or JSON that readers disagree about.
    BAD_JSON
    /// The request lacks something or contradicts itself.
    BAD_WRITEBACK_REQUEST
    /// The request has a version of the protocol that the handler does not speak.
    UNSUPPORTED_PROTOCOL_VERSION
    /// The handler has no effect of that name.
    UNSUPPORTED_ACTION
    /// The handler does not try this effect without committing it.
    DRY_RUN_UNSUPPORTED
    /// The row is not there, or it is another tenant's: a handler says no more.
    ROW_NOT_FOUND_OR_WRONG_TENANT
    /// The application's own function refused or failed; rolled back.
    HANDLER_BUSINESS_ERROR
    /// A handler cannot say what happened: callers take it for unknown.
    HANDLER_EXCEPTION
    /// A handler could not be reached, or not be started: nothing of the request was handed over.
    HANDLER_UNREACHABLE
    /// A handler got the request, or a part of it, and did not answer in time.
    HANDLER_TIMEOUT
    /// The connection to a handler broke after something of the request was sent.
    HANDLER_CONNECTION_LOST
    /// What a handler answered is no receipt.
    HANDLER_INVALID_RECEIPT
    /// A handler answered about another operation, or about another change.
    HANDLER_ECHO_DIFFERS
    /// Nothing that the runner can send stops a handler; a person has to say what became of the operation.
    HANDLER_NOT_FENCED
}

impl ErrorCode {
    /// A code of another program, if it is one word of at most 64 capitals, digits and `_`.
    pub fn foreign(code: &str) -> Option<Self> {
        let word = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        word.then(|| Self(Cow::Owned(code.to_owned())))
    }

    /// The code itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one attempt reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// Why, if it did not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Rows that this attempt changed.
    #[serde(default)]
    pub rows_affected: u64,
    /// The version before the change, or the one that was met instead of the expected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<Scalar>,
    /// The version after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_version: Option<Scalar>,
    /// Columns outside the patch that changed too: triggers, generated columns, the version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_changed: Vec<Identifier>,
    /// Whether the same attempt may well succeed a moment later. Of an unknown outcome: whether asking again may find it out.
    #[serde(default)]
    pub transient: bool,
    /// How many seconds whoever was asked wants to be left alone, if they said so; at most an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// What the operator should know: at most 1,000 characters, no secret, never shown to a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What an application's effect adds to its receipt.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Report {
    /// A report of this outcome and nothing else.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            code: None,
            rows_affected: 0,
            previous_version: None,
            new_version: None,
            also_changed: Vec::new(),
            transient: false,
            retry_after_seconds: None,
            detail: None,
            details: Map::new(),
        }
    }

    /// A report of an outcome other than applied, and why.
    pub fn because(outcome: Outcome, code: ErrorCode) -> Self {
        Self { code: Some(code), ..Self::new(outcome) }
    }

    /// The same with words for the operator, cut to 1,000 characters.
    #[must_use]
    pub fn with_detail(mut self, detail: impl std::fmt::Display) -> Self {
        self.detail = Some(detail.to_string().chars().take(1000).collect());
        self
    }

    /// The same without a credential in what was said, whoever said it.
    #[must_use]
    pub fn without_credentials(mut self) -> Self {
        self.detail = self.detail.map(|detail| redacted(&detail).into_owned());
        self.details.values_mut().for_each(redact);
        self
    }

    /// The same, marked as worth another attempt.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }
}

/// Takes the credentials out of every text of a value.
fn redact(value: &mut Value) {
    match value {
        Value::String(text) if has_credential(text) => *text = redacted(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => members.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
