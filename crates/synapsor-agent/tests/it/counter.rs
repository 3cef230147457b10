//! A shop's counter: a database with ugly rows, a configuration, a ledger, and the port that a model gets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use synapsor_agent::{AgentParts, AgentPort};
use synapsor_config::{Config, Environment};
use synapsor_ledger::{Ledger, OpenOptions};
use synapsor_protocol::Identifier;
use synapsor_source::{Location, Source, SourceSettings};
use synapsor_testkit::filters::scrub;

/// The counter of one tenant.
pub(crate) struct Counter {
    pub(crate) port: AgentPort,
    pub(crate) folder: tempfile::TempDir,
    config: Config,
    sources: BTreeMap<Identifier, Source>,
}

const ROWS: &str = "
    CREATE TABLE returns (id TEXT PRIMARY KEY NOT NULL, store_id TEXT NOT NULL, status TEXT, amount NUMERIC, secret_note TEXT, version INTEGER);
    INSERT INTO returns VALUES
      ('R-1', 'acme', 'opened', 500, 'hidden', 7),
      ('R-2', 'ACME', 'opened', 500, 'another tenant that differs in case', 1),
      ('R-3', 'acme ', 'opened', 500, 'another tenant that differs in a space', 1),
      ('R-4', 'ácme', 'opened', 500, 'another tenant that differs in an accent', 1),
      ('R-5', 'acme', 'opened', 500, 'no version', NULL),
      ('r-1', 'acme', 'checked', 1, 'another key that differs in case', 1);";

impl Counter {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A counter whose configuration is edited first.
    pub(crate) fn with(edit: impl FnOnce(&mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        rusqlite::Connection::open(folder.path().join("shop.db")).unwrap().execute_batch(ROWS).unwrap();
        let mut value = config();
        edit(&mut value);
        let checked = synapsor_config::check(value.to_string().as_bytes(), folder.path());
        let config = checked.config.unwrap_or_else(|| panic!("{:#?}", checked.findings));
        let location = Location::Sqlite(folder.path().join("shop.db"));
        let names = config.sources.keys().cloned();
        let sources: BTreeMap<_, _> =
            names.map(|name| (name, Source::open(SourceSettings::new("shop", location.clone())).unwrap())).collect();
        let port = port(&config, &sources, &folder.path().join("ledger/local.db"), "acme\n", "agent-7");
        Self { port, folder, config, sources }
    }

    /// The port of somebody else on the same ledger.
    pub(crate) fn port_of(&self, tenant: &str, principal: &str) -> AgentPort {
        port(&self.config, &self.sources, &self.store(), tenant, principal)
    }

    /// The envelope of one call.
    pub(crate) async fn envelope(&self, name: &str, arguments: Value) -> Value {
        self.port.call(name, arguments.as_object().unwrap()).await.to_value()
    }

    /// The part of the envelope that is not null, without what differs from run to run.
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> String {
        let envelope = self.envelope(name, arguments).await;
        let told = ["data", "proposal", "error"].map(|part| &envelope[part]).into_iter().find(|part| !part.is_null()).unwrap();
        scrub(&told.to_string())
    }

    pub(crate) async fn read(&self, id: Value) -> String {
        self.call("returns.inspect", json!({"id": id})).await
    }

    /// What the ledger holds, by a query of one column.
    pub(crate) fn ledger(&self, sql: &str) -> Vec<String> {
        let database = rusqlite::Connection::open(self.store()).unwrap();
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub(crate) fn business(&self, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join("shop.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// Edits the ledger, past the program.
    pub(crate) fn damage(&self, sql: &str) {
        rusqlite::Connection::open(self.store()).unwrap().execute_batch(sql).unwrap();
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("ledger/local.db")
    }
}

fn port(config: &Config, sources: &BTreeMap<Identifier, Source>, store: &Path, tenant: &str, principal: &str) -> AgentPort {
    let ledger = Ledger::open(store, OpenOptions::default()).unwrap();
    let environment = &Environment::of([("TENANT", tenant), ("USER_ID", principal)]);
    AgentPort::new(AgentParts { config, environment, sources, ledger: ledger.agent() }).unwrap()
}

fn config() -> Value {
    let target = json!({"schema": "main", "table": "returns", "primary_key": "id", "tenant_key": "store_id"});
    json!({"version": 1, "mode": "review", "result_format": 2, "sources": {"shop": {"engine": "sqlite", "path": "shop.db"}},
        "trusted_context": {"provider": "environment", "values": {"tenant_id_env": "TENANT", "principal_env": "USER_ID"}},
        "capabilities": [
            {"name": "returns.inspect", "kind": "read", "source": "shop", "target": target, "args": {"id": {"type": "string", "max_length": 40}},
                "lookup": {"id_from_arg": "id"}, "visible_columns": ["id", "status", "amount"]},
            {"name": "returns.propose_status", "kind": "proposal", "source": "shop", "target": target,
                "args": {"id": {"type": "string"}, "status": {"type": "string", "enum": ["checked", "refused", "opened"]}},
                "lookup": {"id_from_arg": "id"}, "visible_columns": ["id", "status"], "patch": {"status": {"from_arg": "status"}},
                "allowed_columns": ["status"], "transition_guards": {"status": {"allowed": {"opened": ["checked", "refused"]}}},
                "conflict_guard": {"column": "version"}}]})
}
