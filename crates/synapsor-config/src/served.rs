//! What does a file allow that this version does not serve yet?
//!
//! Such a file is valid, so that it can be reviewed and kept; `config validate` says what is missing, and whoever would
//! act on it refuses it by name.

use std::fmt;

/// One thing that is allowed and not served yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// Where the file says it.
    pub path: String,
    /// What it is.
    pub feature: Feature,
}

/// What is not served yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feature {
    /// The context provider `http_claims` or `cloud_session`.
    Provider {
        /// The provider.
        provider: &'static str,
    },
    /// `mode: cloud`.
    CloudMode,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider { provider } => write!(f, "a trusted context comes from `{provider}`"),
            Self::CloudMode => f.write_str("the mode is `cloud`"),
        }
    }
}

/// One sentence: what the file asks for, and that it is not served.
impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which this version does not serve yet ({})", self.feature, self.path)
    }
}
