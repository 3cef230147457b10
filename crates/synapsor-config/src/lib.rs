//! What did a person review and allow?
//!
//! `synapsor.runner.json` goes three steps: the text becomes raw types, which only know the file's shape; a check of
//! every rule makes [`Finding`]s, all of them at once, each with path, line and column; and if none is an error there
//! is a [`Config`] of checked types, in which a name is an identifier and a reference is declared.
//!
//! # Invariants
//! - A [`Config`] with a broken rule cannot be made outside this crate.
//! - Unknown members are errors, unless the file says `strict: false`; no rule about safety depends on that.
//! - No address and no secret is in the file or in a finding; variables that hold them are read in [`environment`] only.
//! - What the validator accepts the published schema accepts: both come from the raw types, and a test compares them.
//!
//! Knows nothing of databases: whether a table has these columns is for whoever can ask it. Start reading at [`check`].

pub mod alias;
pub mod argument;
pub mod capability;
pub mod code;
pub mod config;
pub mod context;
pub mod environment;
pub mod error;
pub mod executor;
pub mod finding;
pub mod proposal_rules;
pub mod reserved;
#[cfg(feature = "schemas")]
pub mod schema;
mod secret_name;
pub mod served;
pub mod source;

mod check;
mod nearest;
mod raw;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use argument::{Arg, ArgKind, ArgumentError, ArgumentFault};
pub use capability::{Capability, CapabilityKind, ContextRef, Target, Tenant};
pub use code::Code;
pub use config::{CloudConfig, Config, Mode, Operators, ResultFormat, Retention};
pub use context::{Trusted, TrustedContext};
pub use environment::Environment;
pub use error::ConfigError;
pub use executor::{Executor, ExecutorKind, Retry};
pub use finding::{Finding, Severity};
pub use proposal_rules::{Advance, ApprovalRule, Binding, ExecutorRef, Guard, NumericBound, PatchRefusal, ProposalRules, TransitionGuard};
pub use reserved::{is_identifier_field, is_trust_field};
#[cfg(feature = "schemas")]
pub use schema::schema;
pub use secret_name::is_secret_name;
pub use served::Unserved;
pub use source::{Engine, ReceiptTable, SourceConfig, SqlitePath};

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The config; there exactly if no finding is an error.
    pub config: Option<Config>,
    /// Everything that was found, in the order of the rules.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether no finding is an error.
    pub fn is_ok(&self) -> bool {
        self.config.is_some()
    }

    /// The findings of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }
}

/// Checks the text of a config file. `base` is the folder that relative paths in it start from. No I/O.
pub fn check(text: &[u8], base: &Path) -> Checked {
    check::check(text, base)
}

/// Reads and checks a config file; relative paths in it start from its folder. An error means that there was nothing to
/// check. A text over 1 MiB is a finding.
pub fn load(path: &Path) -> Result<Checked, ConfigError> {
    let text = read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::NotFound { path: path.to_owned() },
        _ => ConfigError::Unreadable { path: path.to_owned(), source },
    })?;
    // Absolute, so that a later change of the working folder moves neither the ledger nor a source.
    let absolute = std::path::absolute(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    Ok(check(&text, absolute.parent().unwrap_or(Path::new("/"))))
}

/// One byte more than the limit is enough to see that a file is too large.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = synapsor_protocol::preparse::Limits::DEFAULT.bytes as u64 + 1;
    let mut text = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}
