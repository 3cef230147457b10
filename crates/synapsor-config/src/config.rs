//! What did a person review and allow, as a whole?
//!
//! A [`Config`] exists only if the file has no error. Everything that it refers to by name is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use synapsor_protocol::Identifier;
use synapsor_protocol::name::{EnvName, SafeName};

use crate::capability::{Capability, ContextRef};
use crate::context::TrustedContext;
use crate::executor::{Executor, Retry};
use crate::served::Unserved;
use crate::source::SourceConfig;

/// A checked `synapsor.runner.json`.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the runner is allowed to do at all.
    pub mode: Mode,
    /// The format of a tool's result.
    pub result_format: ResultFormat,
    /// The ledger's file, resolved against the config file's folder. Every verb and every lease uses this one.
    pub store: PathBuf,
    /// For how long the ledger keeps what is settled.
    pub retention: Retention,
    /// The business databases. Empty in cloud mode without sources.
    pub sources: BTreeMap<Identifier, SourceConfig>,
    /// The file's `trusted_context`.
    pub default_context: Option<TrustedContext>,
    /// The file's named contexts.
    pub contexts: BTreeMap<SafeName, TrustedContext>,
    /// The declared executors.
    pub executors: BTreeMap<SafeName, Executor>,
    /// What an agent may call, in the order of the file. Empty in cloud mode without capabilities.
    pub capabilities: Vec<Capability>,
    /// Who may decide, where the file says so.
    pub operators: Option<Operators>,
    /// The control plane; there exactly in cloud mode.
    pub cloud: Option<CloudConfig>,
    pub(crate) unserved: Vec<Unserved>,
}

/// What the runner is allowed to do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads only.
    ReadOnly,
    /// Proposals are recorded; nobody can approve them.
    Shadow,
    /// Proposals wait for a decision and are applied after it.
    Review,
    /// The control plane serves the tools.
    Cloud,
}

impl Mode {
    /// The mode, as the file spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Shadow => "shadow",
            Self::Review => "review",
            Self::Cloud => "cloud",
        }
    }
}

/// For how long the ledger keeps what is settled. What is absent stays for ever; what is open stays in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Reads that no proposal was made of, and the causes of refusals.
    pub reads: Option<Duration>,
    /// Final proposals, since their last event.
    pub proposals: Option<Duration>,
}

/// The format of a tool's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFormat {
    /// The first one.
    One,
    /// The envelope; what a file without `result_format` gets.
    Two,
}

/// Who may decide, and in which roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operators {
    accounts: BTreeMap<String, BTreeSet<String>>,
}

impl Operators {
    pub(crate) fn new(accounts: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { accounts }
    }

    /// The declared accounts and their roles, by the account's name or its uid in decimal.
    pub fn accounts(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.accounts
    }

    /// The roles of an account; `None` if it is not declared.
    pub fn roles_of(&self, account: &str) -> Option<&BTreeSet<String>> {
        self.accounts.get(account)
    }
}

/// How the control plane is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudConfig {
    /// The variable that holds its address.
    pub base_url_env: EnvName,
    /// The variable that holds the runner's token.
    pub runner_token_env: EnvName,
    /// The adapter that this runner serves.
    pub adapter_id: String,
    /// The source's id over there.
    pub source_id: Option<String>,
    /// This runner's id over there.
    pub runner_id: Option<String>,
    /// This runner's version, as it reports it.
    pub runner_version: Option<String>,
    /// The project over there.
    pub project_id: Option<String>,
    /// The engines that it offers.
    pub engines: Vec<String>,
    /// The capabilities that it offers.
    pub capabilities: Vec<String>,
    /// The session that it sends along.
    pub session: serde_json::Map<String, serde_json::Value>,
}

impl Config {
    /// The ledger's file where the config names none, seen from the config file's folder.
    pub const DEFAULT_STORE: &'static str = "./.synapsor/local.db";

    /// The capability of that canonical name.
    pub fn capability(&self, name: &str) -> Option<&Capability> {
        self.capabilities.iter().find(|capability| capability.name.as_str() == name)
    }

    /// The capabilities that an agent may call in this mode: reads, and proposals unless the mode is `read_only`.
    pub fn callable(&self) -> impl Iterator<Item = &Capability> {
        let proposals = self.mode != Mode::ReadOnly;
        self.capabilities.iter().filter(move |capability| proposals || capability.proposal().is_none())
    }

    /// The source of that name; there for every capability's `source`.
    pub fn source(&self, name: &Identifier) -> Option<&SourceConfig> {
        self.sources.get(name)
    }

    /// The context that is meant; there for every capability's `context`.
    pub fn context(&self, context: &ContextRef) -> Option<&TrustedContext> {
        match context {
            ContextRef::Default => self.default_context.as_ref(),
            ContextRef::Named(name) => self.contexts.get(name),
        }
    }

    /// How often a job of this capability is tried again, as the executor says that the capability names; the defaults where there is no
    /// such capability any more.
    pub fn retry_for_action(&self, action: &str) -> Retry {
        self.capability(action).and_then(Capability::proposal).map_or(Retry::DEFAULT, |rules| rules.retry)
    }

    /// What the file allows and this version does not serve yet. Whoever serves, proposes or applies refuses a config
    /// for which this is not empty, by name, before anything is recorded.
    pub fn unserved(&self) -> &[Unserved] {
        &self.unserved
    }
}
