//! How do the planes come together?
//!
//! The only file that sees both. What serves a model gets read connections and the agent's ledger; a credential for writing is read from
//! the environment when an executor is opened, and not before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use synapsor_agent::{AgentParts, AgentPort};
use synapsor_config::{Capability, Config, Engine, Environment, ExecutorRef, Mode, SourceConfig};
use synapsor_ledger::{Ledger, OpenOptions, OperatorLedger};
use synapsor_operator::{Account, OperatorParts, OperatorPort, Records, identify};
use synapsor_protocol::Identifier;
use synapsor_protocol::name::EnvName;
use synapsor_source::{Location, Source, SourceSettings, WriteSource};

use crate::cli::Place;
use crate::executors::WriteExecutors;
use crate::failure::{Answer, Failure};
use crate::output;

/// How long a call waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A checked configuration and where its ledger is.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) config: Arc<Config>,
    pub(crate) store: PathBuf,
    environment: Environment,
}

impl Setup {
    /// Reads and checks the configuration. Findings that are errors are told, all of them.
    pub(crate) fn load(place: &Place) -> Answer<Self> {
        let checked = synapsor_config::load(&place.config)?;
        let findings: Vec<_> = checked.of(synapsor_config::Severity::Error).map(ToString::to_string).collect();
        let config = checked.config.ok_or_else(|| {
            let path = place.config.display();
            Failure::new(format_args!("the configuration {path} has {}", output::counted(findings.len(), "error")))
                .detail(&findings.join("\n"))
                .hint(format_args!("`synapsor-runner config validate --config {path}` shows everything, with places"))
        })?;
        let store = place.store.clone().unwrap_or_else(|| config.store.clone());
        Ok(Self { config: Arc::new(config), store, environment: Environment::process() })
    }

    /// Where the ledger is, for who looks at it as a whole: `--store` says it without a configuration, unless one was named.
    pub(crate) fn store(place: &Place) -> Answer<PathBuf> {
        match &place.store {
            Some(store) if !place.names_config() => Ok(store.clone()),
            Some(_) | None => Ok(Self::load(place)?.store),
        }
    }

    /// The configuration and where the ledger is. No configuration, if there is none, none was named, and `--store` says where it is.
    pub(crate) fn config_if_any(place: &Place) -> Answer<(Option<Arc<Config>>, PathBuf)> {
        match &place.store {
            Some(store) if !place.names_config() && !place.config.exists() => Ok((None, store.clone())),
            Some(_) | None => Self::load(place).map(|Self { config, store, .. }| (Some(config), store)),
        }
    }

    /// What [`Self::load`] gives, refused if the file asks for something that this version does not serve.
    pub(crate) fn load_served(place: &Place) -> Answer<Self> {
        let setup = Self::load(place)?;
        match setup.config.unserved().first() {
            None => setup.kept_apart(),
            Some(unserved) => Err(Failure::new(unserved)),
        }
    }

    /// The same for a server that only reads.
    pub(crate) fn read_only(self) -> Self {
        let mut config = Config::clone(&self.config);
        config.mode = Mode::ReadOnly;
        Self { config: Arc::new(config), ..self }
    }

    /// A source that is the ledger's own file would put the ledger in an agent's reach. The validator compares what the file says; a
    /// variable, a link or `--store` may still lead to the same place.
    fn kept_apart(self) -> Answer<Self> {
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_store = |source: &SourceConfig| match &source.engine {
            Engine::Sqlite { path } => path.resolve(&self.environment).is_ok_and(|path| place(&path) == place(&self.store)),
            Engine::Postgres { .. } | Engine::Mysql { .. } => false,
        };
        match self.config.sources.iter().find(|(_, source)| is_store(source)) {
            None => Ok(self),
            Some((name, _)) => Err(Failure::new(format_args!("source `{name}` is the ledger's own file {}", self.store.display()))
                .hint("give the ledger a file of its own, with `storage.sqlite_path` or `--store`")),
        }
    }

    /// What a model can do. Makes the ledger if there is none.
    pub(crate) fn agent_port(&self) -> Answer<AgentPort> {
        self.agent_on(&Ledger::open(&self.store, OpenOptions::default())?)
    }

    /// What a model can do, and beside it what the account of this process can do, who applies so many jobs at once: the one place where
    /// a process that serves a model may come to a credential for writing.
    pub(crate) fn both_ports(&self, jobs: usize) -> Answer<(AgentPort, OperatorPort)> {
        let ledger = Ledger::open(&self.store, OpenOptions::default())?;
        Ok((self.agent_on(&ledger)?, self.operator_on(&ledger, None, jobs)?))
    }

    fn agent_on(&self, ledger: &Ledger) -> Answer<AgentPort> {
        let sources = self.read_sources()?;
        let parts = AgentParts { config: &self.config, environment: &self.environment, sources: &sources, ledger: ledger.agent() };
        Ok(AgentPort::new(parts)?)
    }

    /// What the account of this process can do. `note` stands beside what it decides.
    pub(crate) fn operator_port(&self, note: Option<String>) -> Answer<OperatorPort> {
        self.worker_port(note, 1)
    }

    /// The same for a process that applies so many jobs at once.
    pub(crate) fn worker_port(&self, note: Option<String>, jobs: usize) -> Answer<OperatorPort> {
        self.operator_on(&Ledger::open(&self.store, OpenOptions { create: false, ..OpenOptions::default() })?, note, jobs)
    }

    fn operator_on(&self, ledger: &Ledger, note: Option<String>, jobs: usize) -> Answer<OperatorPort> {
        let identity = identify(&self.config, &Account::of_process(), ledger.owner_uid(), note)?;
        let executors = WriteExecutors::new(self.config.clone(), self.environment.clone()).for_jobs(jobs);
        Ok(OperatorPort::new(OperatorParts {
            config: self.config.clone(),
            ledger: ledger.operator(),
            executors: Arc::new(executors),
            identity,
            process: format!("pid {}", std::process::id()),
        }))
    }

    /// What whoever can read the ledger can look up in it. Makes none.
    pub(crate) fn records(&self) -> Answer<Records> {
        records(&self.store)
    }

    /// The ledger itself, for whoever looks after it. Makes none.
    pub(crate) fn ledger(&self) -> Answer<OperatorLedger> {
        ledger(&self.store)
    }

    /// What applies changes in each source that a proposal changes directly, opened as `apply` would.
    pub(crate) fn writers(&self) -> BTreeMap<Identifier, Writer> {
        let executors = WriteExecutors::new(self.config.clone(), self.environment.clone());
        let written = self.config.sources.iter().filter(|(name, _)| self.written_directly(name).next().is_some());
        let opened = written.filter_map(|(name, source)| {
            let variable = match &source.engine {
                Engine::Sqlite { .. } => None,
                // The validator has said that nothing can be applied, where the file names no variable.
                Engine::Postgres { write_url_env, .. } | Engine::Mysql { write_url_env, .. } => Some(write_url_env.as_ref()?),
            };
            let writer = match variable.filter(|variable| self.environment.value(variable).is_none()) {
                Some(variable) => Writer::Unset(variable.clone()),
                None => executors.write_source(name.as_str()).map_or_else(Writer::Unusable, Writer::Open),
            };
            Some((name.clone(), writer))
        });
        opened.collect()
    }

    /// The capabilities whose approved changes are applied in this source by us.
    pub(crate) fn written_directly(&self, source: &Identifier) -> impl Iterator<Item = &Capability> {
        let applies = self.config.mode == Mode::Review && self.config.source(source).is_some_and(|source| !source.read_only);
        let capabilities = self.config.callable().filter(move |_| applies);
        let direct = |capability: &Capability| capability.proposal().is_some_and(|rules| rules.executor == ExecutorRef::SqlUpdate);
        capabilities.filter(move |capability| capability.source == *source && direct(capability))
    }

    fn read_sources(&self) -> Answer<BTreeMap<Identifier, Source>> {
        let needed = |name: &Identifier| self.config.callable().any(|capability| capability.source == *name);
        let named = self.config.sources.iter().filter(|(name, _)| needed(name));
        named.map(|(name, source)| Ok((name.clone(), Source::open(self.read_settings(name, source)?)?))).collect()
    }

    fn read_settings(&self, name: &Identifier, source: &SourceConfig) -> Answer<SourceSettings> {
        let location = match &source.engine {
            Engine::Sqlite { path } => Location::Sqlite(path.resolve(&self.environment)?),
            Engine::Postgres { read_url_env, .. } => Location::Postgres(self.environment.secret(read_url_env)?),
            Engine::Mysql { read_url_env, .. } => Location::Mysql(self.environment.secret(read_url_env)?),
        };
        let pool_size = usize::try_from(source.pool_size).unwrap_or(usize::MAX);
        Ok(settings(name.as_str(), location, source, pool_size))
    }
}

/// What whoever can read this ledger can look up in it. Makes none.
pub(crate) fn records(store: &Path) -> Answer<Records> {
    ledger(store).map(Records::new)
}

/// This ledger itself, for whoever looks after it. Makes none.
pub(crate) fn ledger(store: &Path) -> Answer<OperatorLedger> {
    Ok(Ledger::open(store, OpenOptions { create: false, ..OpenOptions::default() })?.operator())
}

/// What can be said of the account for writing without asking it.
#[derive(Debug)]
pub(crate) enum Writer {
    Open(WriteSource),
    /// The variable with its URL is not set here.
    Unset(EnvName),
    /// Why it cannot be opened.
    Unusable(String),
}

pub(crate) fn settings(name: &str, location: Location, source: &SourceConfig, pool_size: usize) -> SourceSettings {
    SourceSettings {
        name: name.to_owned(),
        location,
        statement_timeout: source.statement_timeout,
        pool_size,
        acquire_timeout: ACQUIRE_TIMEOUT,
    }
}
