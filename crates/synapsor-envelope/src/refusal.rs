//! How is a refusal put into words?
//!
//! One code, one sentence, and whether trying again can help. The sentence is bounded, because it may repeat a name
//! that a client made up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::SafeCode;

/// The longest message, in characters; what is longer is cut and ends in `…`.
pub const MAX_MESSAGE_CHARS: usize = 1_000;

/// Why a call did not do what it asked for. Nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct Refusal {
    /// The reason, one of nine.
    pub code: SafeCode,
    /// One sentence for the model: what was refused, why, and what to do next.
    pub message: String,
    /// Whether the very same call may succeed later.
    pub retryable: bool,
    /// The time to wait before that, in milliseconds, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal with the code's own answer to "may it be tried again". The message is cut at [`MAX_MESSAGE_CHARS`].
    pub fn new(code: SafeCode, message: &str) -> Self {
        Self { code, message: shortened(message, MAX_MESSAGE_CHARS), retryable: code.retryable(), retry_after_ms: None }
    }

    /// The same refusal, to be tried again after this time.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retryable = true;
        self.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

/// The text, cut after `limit` characters.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Refusal;
    use crate::SafeCode;

    #[test]
    fn a_time_to_wait_makes_a_refusal_retryable() {
        let refusal = Refusal::new(SafeCode::TemporarilyUnavailable, "All connections are in use.");
        insta::assert_snapshot!(
            serde_json::to_string(&refusal.retry_after(Duration::from_millis(250))).unwrap(),
            @r#"{"code":"TEMPORARILY_UNAVAILABLE","message":"All connections are in use.","retryable":true,"retry_after_ms":250}"#
        );
    }

    #[test]
    fn a_message_never_grows_with_the_callers_text() {
        let refusal = Refusal::new(SafeCode::InvalidArgument, &"é".repeat(10_000_000));
        assert_eq!(refusal.message.chars().count(), super::MAX_MESSAGE_CHARS + 1);
    }
}
