//! Which reasons may a model see?
//!
//! Nine codes, a closed set that clients branch on. A tenth one would be a new format.

use serde::{Deserialize, Serialize};

/// Why a call was refused, in the words that a model may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SafeCode {
    /// No such row, or not this tenant's: the two are answered alike.
    NotFoundInTenant,
    /// An argument is missing, unknown, of the wrong type or out of its bounds.
    InvalidArgument,
    /// The reviewed rules do not allow this change.
    PolicyViolation,
    /// No capability has that name in this mode.
    CapabilityNotFound,
    /// The row is no longer what it was when it was read.
    VersionConflict,
    /// More than one row matched where exactly one is allowed.
    MultiRowBlocked,
    /// A person must decide first, and this call cannot.
    ApprovalRequired,
    /// The database, the ledger or the server is not available right now; the same call may succeed later.
    TemporarilyUnavailable,
    /// Something went wrong that the model can do nothing about.
    Internal,
}

impl SafeCode {
    /// All nine, in the order in which the documentation lists them.
    pub const ALL: [Self; 9] = [
        Self::NotFoundInTenant,
        Self::InvalidArgument,
        Self::PolicyViolation,
        Self::CapabilityNotFound,
        Self::VersionConflict,
        Self::MultiRowBlocked,
        Self::ApprovalRequired,
        Self::TemporarilyUnavailable,
        Self::Internal,
    ];

    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFoundInTenant => "NOT_FOUND_IN_TENANT",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::PolicyViolation => "POLICY_VIOLATION",
            Self::CapabilityNotFound => "CAPABILITY_NOT_FOUND",
            Self::VersionConflict => "VERSION_CONFLICT",
            Self::MultiRowBlocked => "MULTI_ROW_BLOCKED",
            Self::ApprovalRequired => "APPROVAL_REQUIRED",
            Self::TemporarilyUnavailable => "TEMPORARILY_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// Whether repeating the very same call can help, if nothing else is known.
    pub fn retryable(self) -> bool {
        matches!(self, Self::TemporarilyUnavailable)
    }
}

impl std::fmt::Display for SafeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::SafeCode;

    #[test]
    fn the_nine_codes_are_written_as_they_are_named() {
        for code in SafeCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_retryable() {
        let retryable: Vec<_> = SafeCode::ALL.into_iter().filter(|code| code.retryable()).collect();
        assert_eq!(retryable, [SafeCode::TemporarilyUnavailable]);
    }
}
