//! Which business database is read and changed? One table of invoices on the PostgreSQL server of the run.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use synapsor_config::{Config, Environment};
use synapsor_protocol::Secret;
use synapsor_source::{Location, SourceSettings};
use synapsor_testkit::Postgres;

/// The invoices of the tenant.
pub(crate) const INVOICES: usize = 20_000;
/// The connections of every pool, of the runner as of the floor: the default of a configuration.
pub(crate) const POOL: usize = 10;
/// The variable with the URL for reading.
pub(crate) const READ_URL: &str = "BENCH_READ_URL";
/// The variable with the URL for writing.
pub(crate) const WRITE_URL: &str = "BENCH_WRITE_URL";
/// The file of [`Engine::Sqlite`].
const FILE: &str = "shop.db";

const TABLE: &str = "
create table invoices (id text primary key, tenant_id text not null, customer_id text not null, status text not null,
    amount_cents bigint not null, late_fee_cents bigint not null, waiver_reason text, version bigint not null)";

/// A business database for one run of the bench.
pub(crate) struct Shop {
    database: Postgres,
    unused: AtomicUsize,
}

impl Shop {
    /// Makes the table and its rows.
    pub(crate) fn open() -> Self {
        let database = Postgres::shared().expect("the bench needs a PostgreSQL server: run `cargo xtask bench`");
        database.execute(TABLE);
        database.execute(&format!(
            "insert into invoices select 'INV-' || n, 'acme', 'C-' || n % 97, 'overdue', n * 100, 1500, null, 1 from generate_series(0, {}) n",
            INVOICES - 1
        ));
        database.execute("vacuum (analyze) invoices");
        database.execute("checkpoint");
        Self { database, unused: AtomicUsize::new(0) }
    }

    /// The URL of the database, for every client of the run: without TLS, as all are on one machine.
    pub(crate) fn url(&self) -> String {
        format!("{}?sslmode=disable", self.database.url())
    }

    /// An invoice that no applied change has touched.
    pub(crate) fn untouched(&self) -> String {
        let number = self.unused.fetch_add(1, Ordering::Relaxed);
        assert!(number < INVOICES, "the bench applies more changes than there are invoices");
        format!("INV-{number}")
    }

    /// What the environment of a runner holds.
    pub(crate) fn environment(&self) -> Environment {
        Environment::of([(READ_URL, self.url()), (WRITE_URL, self.url())])
    }

    /// The settings of a source with this many connections.
    pub(crate) fn settings(&self, connections: usize) -> SourceSettings {
        SourceSettings { pool_size: connections, ..SourceSettings::new("shop", Location::Postgres(Secret::new(self.url()))) }
    }
}

/// Where the invoices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// On the server of the run.
    Postgres,
    /// In a file of one invoice, beside the ledgers.
    Sqlite,
}

/// Makes the file of [`Engine::Sqlite`] in a folder.
pub(crate) fn make_file(folder: &Path) {
    let connection = rusqlite::Connection::open(folder.join(FILE)).expect("a database can be made");
    connection.execute_batch(&TABLE.replace("bigint", "integer")).expect("the statement is valid");
    connection
        .execute_batch("insert into invoices values ('INV-0', 'acme', 'C-0', 'overdue', 0, 1500, null, 1)")
        .expect("the table is there");
}

/// The configuration of the runner, with its ledger at `store`.
pub(crate) fn file(store: &str, engine: Engine) -> Value {
    let (schema, source) = match engine {
        Engine::Postgres => {
            ("public", json!({"engine": "postgres", "read_url_env": READ_URL, "write_url_env": WRITE_URL, "pool_size": POOL}))
        }
        Engine::Sqlite => ("main", json!({"engine": "sqlite", "path": FILE})),
    };
    let target = json!({"schema": schema, "table": "invoices", "primary_key": "id", "tenant_key": "tenant_id"});
    let visible = json!(["id", "customer_id", "status", "amount_cents", "late_fee_cents", "waiver_reason"]);
    json!({"version": 1, "mode": "review", "result_format": 2, "storage": {"sqlite_path": store},
        "sources": {"shop": source},
        "trusted_context": {"provider": "static_dev", "values": {"tenant_id": "acme", "principal": "agent-7"}},
        "capabilities": [
            {"name": "billing.inspect_invoice", "kind": "read", "description": "Read one invoice.", "source": "shop", "target": target,
             "args": {"invoice_id": {"type": "string", "max_length": 40}}, "lookup": {"id_from_arg": "invoice_id"}, "visible_columns": visible},
            {"name": "billing.propose_waiver", "kind": "proposal", "description": "Propose to waive the late fee.", "source": "shop",
             "target": target, "args": {"invoice_id": {"type": "string", "max_length": 40}, "reason": {"type": "string", "max_length": 200}},
             "lookup": {"id_from_arg": "invoice_id"}, "visible_columns": visible,
             "patch": {"late_fee_cents": {"fixed": 0}, "waiver_reason": {"from_arg": "reason"}},
             "allowed_columns": ["late_fee_cents", "waiver_reason"], "conflict_guard": {"column": "version"}}]})
}

/// The same, checked.
pub(crate) fn config() -> Config {
    let checked = synapsor_config::check(file("ledger.db", Engine::Postgres).to_string().as_bytes(), Path::new("/nowhere"));
    checked.config.unwrap_or_else(|| panic!("the configuration of the bench is wrong: {:?}", checked.findings))
}
