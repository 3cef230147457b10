//! Which business database is read and changed? One table of invoices, on a server of the run or in a file.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use synapsor_config::{Config, Environment};
use synapsor_protocol::Secret;
use synapsor_source::{Location, SourceSettings};
use synapsor_testkit::{Mysql, Postgres, sqlite};

/// The invoices of the tenant.
pub(crate) const INVOICES: usize = 50_000;
/// The connections of every pool, of the runner as of the floor: the default of a configuration.
pub(crate) const POOL: usize = 10;
/// The variable with the URL for reading.
pub(crate) const READ_URL: &str = "BENCH_READ_URL";
/// The variable with the URL for writing.
pub(crate) const WRITE_URL: &str = "BENCH_WRITE_URL";

const TABLE: &str = "
create table invoices (id varchar(40) primary key, tenant_id varchar(40) not null, customer_id varchar(40) not null, status varchar(40) not null,
    amount_cents bigint not null, late_fee_cents bigint not null, waiver_reason varchar(200), version bigint not null);";

/// Where the invoices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    /// MariaDB, where nothing else is installed.
    Mysql,
    Sqlite,
}

/// A business database for one run of the bench.
pub(crate) struct Shop {
    database: Database,
    unused: AtomicUsize,
}

enum Database {
    Postgres(Postgres),
    Mysql(Mysql),
    Sqlite(PathBuf),
}

impl Engine {
    /// Its name, as people say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    /// What is measured on it, by name; what is not said to be elsewhere is on PostgreSQL.
    pub(crate) fn figure(self, name: &str) -> String {
        if self == Self::Postgres { name.to_owned() } else { format!("{name}, {}", self.name()) }
    }
}

impl Shop {
    /// Makes the table and its rows, in this folder where the engine has no server.
    pub(crate) fn open(engine: Engine, folder: &Path) -> Self {
        let database = match engine {
            Engine::Postgres => {
                Database::Postgres(Postgres::shared().expect("the bench needs a PostgreSQL server: run `cargo xtask bench`"))
            }
            Engine::Mysql => Database::Mysql(Mysql::shared().expect("the bench needs a MariaDB server: run `cargo xtask bench`")),
            Engine::Sqlite => Database::Sqlite(folder.join("shop.db")),
        };
        let shop = Self { database, unused: AtomicUsize::new(0) };
        shop.execute(&format!("{TABLE} {}", rows()));
        match engine {
            Engine::Postgres => ["vacuum (analyze) invoices", "checkpoint"].into_iter().for_each(|statement| shop.execute(statement)),
            Engine::Mysql => shop.execute("analyze table invoices"),
            Engine::Sqlite => shop.execute("analyze"),
        }
        shop
    }

    fn execute(&self, sql: &str) {
        match &self.database {
            Database::Postgres(server) => server.execute(sql),
            Database::Mysql(server) => server.execute(sql),
            Database::Sqlite(path) => sqlite::execute(path, sql),
        }
    }

    /// The URL of the database, for a bare client of its server; the path of the file where there is none.
    pub(crate) fn address(&self) -> String {
        match &self.database {
            Database::Postgres(server) => format!("{}?sslmode=disable", server.url()),
            Database::Mysql(server) => server.url(),
            Database::Sqlite(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// The URL for the runner: without TLS, as all are on one machine.
    pub(crate) fn url(&self) -> String {
        match &self.database {
            Database::Mysql(server) => format!("{}?ssl-mode=DISABLED", server.url()),
            Database::Postgres(_) | Database::Sqlite(_) => self.address(),
        }
    }

    /// The schema of the table.
    pub(crate) fn schema(&self) -> &str {
        match &self.database {
            Database::Postgres(_) => "public",
            Database::Mysql(server) => server.name(),
            Database::Sqlite(_) => "main",
        }
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
        let location = match &self.database {
            Database::Postgres(_) => Location::Postgres(Secret::new(self.url())),
            Database::Mysql(_) => Location::Mysql(Secret::new(self.url())),
            Database::Sqlite(path) => Location::Sqlite(path.clone()),
        };
        SourceSettings { pool_size: connections, ..SourceSettings::new("shop", location) }
    }

    /// The configuration of the runner, with its ledger at `store`.
    pub(crate) fn file(&self, store: &str) -> Value {
        let server = |engine| json!({"engine": engine, "read_url_env": READ_URL, "write_url_env": WRITE_URL, "pool_size": POOL});
        let source = match &self.database {
            Database::Postgres(_) => server("postgres"),
            Database::Mysql(_) => server("mysql"),
            Database::Sqlite(path) => json!({"engine": "sqlite", "path": path}),
        };
        configuration(self.schema(), &source, store)
    }

    /// The same, checked.
    pub(crate) fn config(&self) -> Config {
        let checked = synapsor_config::check(self.file("ledger.db").to_string().as_bytes(), Path::new("/nowhere"));
        checked.config.unwrap_or_else(|| panic!("the configuration of the bench is wrong: {:?}", checked.findings))
    }
}

/// The statements that fill the table, in pieces that every server takes.
fn rows() -> String {
    let mut statements = String::new();
    for number in 0..INVOICES {
        let start = if number % 1000 == 0 { ";\ninsert into invoices values" } else { "," };
        let amount = number * 100;
        // Writing to a text succeeds.
        let _ = write!(statements, "{start} ('INV-{number}', 'acme', 'C-{}', 'overdue', {amount}, 1500, null, 1)", number % 97);
    }
    statements.trim_start_matches(';').to_owned()
}

fn configuration(schema: &str, source: &Value, store: &str) -> Value {
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
