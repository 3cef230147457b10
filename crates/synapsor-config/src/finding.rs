//! What does a person need to know about a file?
//!
//! A finding never repeats a value of the file, which may be a secret in the wrong place; it names the place.

use std::fmt;

use crate::code::Code;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted, and somebody should look at this.
    Warning,
    /// The file is accepted, and this is worth knowing.
    Notice,
}

impl Severity {
    /// The severity as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One thing to know about a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: `$.capabilities[2].args.amount`.
    pub path: String,
    /// What it is.
    pub code: Code,
    /// The same in a sentence, without a full stop.
    pub message: String,
    /// The line, from 1: of the member itself, or of the nearest object around it if it is missing.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `error READ_URL_ENV_REQUIRED $.sources.shop.read_url_env (3:12)`, then message and hint on lines of their own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, path, code, message, line, column, hint } = self;
        write!(f, "{} {code} {path} ({line}:{column})\n  {message}", severity.as_str())?;
        hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}
