//! How is the executor opened that a change names?
//!
//! Here and nowhere else the variables are read that let a process write: the URL for writing, and what a handler is reached with. Each is
//! read when an executor is opened, which is before anything is claimed, and a missing one is said by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use synapsor_config::executor::{CommandHandler as DeclaredCommand, DryRun, HttpHandler as DeclaredHttp, Method, Redelivery};
use synapsor_config::{Config, Engine, Environment, ExecutorKind};
use synapsor_executor::{CommandHandler, CommandSettings, Executor, HandlerTerms, HttpHandler, HttpMethod, HttpSettings, Named, SqlUpdate};
use synapsor_operator::Executors;
use synapsor_protocol::chain::chain;
use synapsor_protocol::name::{EnvName, SafeName};
use synapsor_protocol::{Identifier, Secret};
use synapsor_source::{Location, ReceiptTable, WriteSource};

use crate::compose::settings;

/// Writers at once, where one process applies one job at a time.
const WRITE_CONNECTIONS: usize = 2;

/// By the executor's name, and by that of the source where an executor writes to one.
type Opened = BTreeMap<(String, Option<String>), Arc<dyn Executor>>;

/// Executors that write, opened when they are first needed.
pub(crate) struct WriteExecutors {
    config: Arc<Config>,
    environment: Environment,
    /// Writers at once, in each source.
    connections: usize,
    open: Mutex<Opened>,
}

impl WriteExecutors {
    pub(crate) fn new(config: Arc<Config>, environment: Environment) -> Self {
        Self { config, environment, connections: WRITE_CONNECTIONS, open: Mutex::default() }
    }

    /// The same for a process that applies so many jobs at once.
    pub(crate) fn for_jobs(self, jobs: usize) -> Self {
        Self { connections: jobs.max(WRITE_CONNECTIONS), ..self }
    }

    /// The account for writing of a source.
    pub(crate) fn write_source(&self, name: &str) -> Result<WriteSource, String> {
        let found = Identifier::new(name).and_then(|name| self.config.source(&name));
        let source = found.ok_or("the configuration does not have the source any more")?;
        if source.read_only {
            return Err("the source is read-only".to_owned());
        }
        let location = match &source.engine {
            Engine::Sqlite { path } => Location::Sqlite(path.resolve(&self.environment).map_err(|e| e.to_string())?),
            Engine::Postgres { write_url_env: Some(variable), .. } => Location::Postgres(self.secret(variable)?),
            Engine::Mysql { write_url_env: Some(variable), .. } => Location::Mysql(self.secret(variable)?),
            Engine::Postgres { write_url_env: None, .. } | Engine::Mysql { write_url_env: None, .. } => {
                return Err("the source names no `write_url_env`".to_owned());
            }
        };
        let receipts = ReceiptTable { schema: source.receipts.schema.clone(), table: source.receipts.table.clone() };
        WriteSource::open(settings(name, location, source, self.connections), receipts).map_err(|e| e.to_string())
    }

    /// What the configuration declares under this name. The built-in one need not be declared.
    fn declared(&self, executor: &str) -> Result<ExecutorKind, String> {
        let declared = SafeName::new(executor).and_then(|name| self.config.executors.get(&name));
        match declared {
            Some(declared) => Ok(declared.kind.clone()),
            None if executor == "sql_update" => Ok(ExecutorKind::SqlUpdate),
            None => Err("the configuration does not declare it".to_owned()),
        }
    }

    fn http_handler(&self, name: &str, declared: &DeclaredHttp) -> Result<HttpHandler, String> {
        let settings = HttpSettings {
            terms: terms(name, declared.timeout, declared.redelivery, declared.dry_run),
            url: self.named(&declared.url_env)?,
            method: match declared.method {
                Method::Post => HttpMethod::POST,
                Method::Put => HttpMethod::PUT,
                Method::Patch => HttpMethod::PATCH,
            },
            token: declared.token_env.as_ref().map(|variable| self.named(variable)).transpose()?,
            signing_secret: declared.signing_secret_env.as_ref().map(|variable| self.named(variable)).transpose()?,
        };
        HttpHandler::open(settings).map_err(|error| chain(&error))
    }

    fn command_handler(&self, name: &str, declared: &DeclaredCommand) -> Result<CommandHandler, String> {
        let passed = declared.env_passthrough.iter().filter_map(|variable| {
            // One that is not set here is not set there.
            Some((variable.to_string(), Secret::new(self.environment.exact_value(variable)?)))
        });
        let settings = CommandSettings {
            terms: terms(name, declared.timeout, declared.redelivery, declared.dry_run),
            command: self.named(&declared.command_env)?,
            path: EnvName::new("PATH").and_then(|path| self.environment.exact_value(&path)),
            environment: passed.collect(),
        };
        CommandHandler::open(settings).map_err(|error| chain(&error))
    }

    fn named(&self, variable: &EnvName) -> Result<Named<Secret>, String> {
        Ok(Named { variable: variable.to_string(), value: self.secret(variable)? })
    }

    fn secret(&self, variable: &EnvName) -> Result<Secret, String> {
        self.environment.secret(variable).map_err(|e| e.to_string())
    }
}

impl Executors for WriteExecutors {
    fn open(&self, source: &str, executor: &str) -> Result<Arc<dyn Executor>, String> {
        let declared = self.declared(executor)?;
        let written = (declared == ExecutorKind::SqlUpdate).then(|| source.to_owned());
        let key = (executor.to_owned(), written);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(&key) {
            return Ok(known.clone());
        }
        let opened: Arc<dyn Executor> = match &declared {
            ExecutorKind::SqlUpdate => Arc::new(SqlUpdate::new(self.write_source(source)?)),
            ExecutorKind::HttpHandler(declared) => Arc::new(self.http_handler(executor, declared)?),
            ExecutorKind::CommandHandler(declared) => Arc::new(self.command_handler(executor, declared)?),
        };
        open.insert(key, opened.clone());
        Ok(opened)
    }
}

fn terms(name: &str, timeout: Duration, redelivery: Redelivery, dry_run: DryRun) -> HandlerTerms {
    HandlerTerms {
        executor: name.to_owned(),
        timeout,
        keeps_operation_id: redelivery == Redelivery::Safe,
        rehearses: dry_run == DryRun::Handler,
    }
}
