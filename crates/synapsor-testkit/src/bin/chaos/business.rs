//! Which business do proposals change, and what became of it?
//!
//! Accounts are few and hot, and every amount that is proposed is unique in its trial. A trigger in the database writes one row
//! into `effects` for each change that an account ever saw, in the transaction of that change: what is there once happened
//! once, whatever receipts and ledgers say.

use std::path::{Path, PathBuf};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Value};
use rusqlite::Connection;
use serde_json::{Value as Json, json};
use synapsor_testkit::{Mysql, Postgres};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The variables with the URLs, in the environment of the runner.
pub(crate) const READ_URL: &str = "CHAOS_READ_URL";
/// The variable for writing.
pub(crate) const WRITE_URL: &str = "CHAOS_WRITE_URL";
/// The amount of an account that nothing changed.
const NOTHING: i64 = 0;
/// The version of an account that nothing changed.
pub(crate) const FIRST_VERSION: i64 = 1;

/// Where the accounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    Mariadb,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    /// Its name, as people say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
        }
    }
}

/// A business database. Those on servers are shared by all trials, each with a tenant of its own.
pub(crate) enum Business {
    Sqlite(PathBuf),
    Postgres(Postgres),
    Mariadb(Mysql),
}

/// One row of an answer; `None` is NULL.
pub(crate) type Row = Vec<Option<String>>;

/// What a tenant's accounts saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    /// Account, amount and version of each change, in the order of the database.
    pub(crate) effects: Vec<(String, i64, i64)>,
    /// Account, amount and version now.
    pub(crate) accounts: Vec<(String, i64, i64)>,
    /// Proposal, status and attempt of each receipt.
    pub(crate) receipts: Vec<(String, String, u32)>,
}

impl Business {
    /// A database on the server of the run.
    pub(crate) async fn on_server(engine: Engine) -> Self {
        let missing = "the run names no server: start it with `cargo xtask chaos`";
        let business = match engine {
            Engine::Postgres => Self::Postgres(Postgres::shared().expect(missing)),
            Engine::Mariadb => Self::Mariadb(Mysql::shared().expect(missing)),
            Engine::Sqlite => unreachable!("a file is made per trial"),
        };
        business.make_tables().await;
        business
    }

    /// A database in a file.
    pub(crate) async fn in_file(path: &Path) -> Self {
        let business = Self::Sqlite(path.to_owned());
        business.make_tables().await;
        business
    }

    async fn make_tables(&self) {
        let number = match self {
            Self::Sqlite(_) => "integer primary key autoincrement",
            Self::Postgres(_) => "bigint generated always as identity primary key",
            Self::Mariadb(_) => "bigint auto_increment primary key",
        };
        let insert = "insert into effects (tenant_id, account, credit_cents, version) \
            values (new.tenant_id, new.id, new.credit_cents, new.version)";
        let trigger = match self {
            Self::Sqlite(_) => format!("create trigger effect after update on accounts begin {insert}; end"),
            Self::Postgres(_) => format!(
                "create function effect() returns trigger language plpgsql as $$ begin {insert}; return null; end $$; \
                 create trigger effect after update on accounts for each row execute function effect()"
            ),
            Self::Mariadb(_) => format!("create trigger effect after update on accounts for each row {insert}"),
        };
        let statements = [
            "create table accounts (id varchar(40) not null, tenant_id varchar(60) not null, credit_cents bigint not null, \
             version bigint not null, primary key (tenant_id, id))",
            &format!(
                "create table effects (number {number}, tenant_id varchar(60) not null, account varchar(40) not null, \
                 credit_cents bigint not null, version bigint not null)"
            ),
            &trigger,
        ];
        for statement in statements {
            self.rows(statement).await.expect("the tables can be made");
        }
    }

    /// Opens so many accounts for a tenant; returns their keys.
    pub(crate) async fn open_accounts(&self, tenant: &str, count: usize) -> Vec<String> {
        let keys: Vec<String> = (1..=count).map(|number| format!("A-{number}")).collect();
        let values: Vec<String> = keys.iter().map(|key| format!("('{key}', '{tenant}', {NOTHING}, {FIRST_VERSION})")).collect();
        let statement = format!("insert into accounts (id, tenant_id, credit_cents, version) values {}", values.join(", "));
        self.rows_at_last(&statement).await.expect("accounts can be opened");
        keys
    }

    /// The source in a configuration, and the schema of its tables.
    pub(crate) fn source(&self) -> (Json, String) {
        let server = |engine: &str| json!({"engine": engine, "read_url_env": READ_URL, "write_url_env": WRITE_URL});
        match self {
            Self::Sqlite(path) => (json!({"engine": "sqlite", "path": path}), "main".to_owned()),
            Self::Postgres(_) => (server("postgres"), "public".to_owned()),
            Self::Mariadb(server_database) => (server("mysql"), server_database.name().to_owned()),
        }
    }

    /// The URL for the runner: without TLS, as all are on one machine. A file has none.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(server) => Some(format!("{}?sslmode=disable", server.url())),
            Self::Mariadb(server) => Some(format!("{}?ssl-mode=DISABLED", server.url())),
        }
    }

    /// What a tenant's accounts saw, and the receipts of these proposals.
    pub(crate) async fn books(&self, tenant: &str, table: &str, proposals: &[String]) -> Result<Books, String> {
        let of = format!("where tenant_id = '{tenant}'");
        let effects = self.rows_at_last(&format!("select account, credit_cents, version from effects {of} order by number")).await?;
        let accounts = self.rows_at_last(&format!("select id, credit_cents, version from accounts {of} order by id")).await?;
        Ok(Books { effects: triples(effects), accounts: triples(accounts), receipts: self.receipts(table, proposals).await? })
    }

    async fn receipts(&self, table: &str, proposals: &[String]) -> Result<Vec<(String, String, u32)>, String> {
        if proposals.is_empty() {
            return Ok(Vec::new());
        }
        let named: Vec<String> = proposals.iter().map(|id| format!("'{id}'")).collect();
        let query = format!("select proposal_id, status, attempt from {table} where proposal_id in ({})", named.join(", "));
        let rows = match self.rows(&query).await {
            // The first change makes the table: before it nothing has a receipt.
            Err(words) if words.contains("no such table") || words.contains("does not exist") || words.contains("doesn't exist") => {
                Vec::new()
            }
            other => other?,
        };
        Ok(rows.into_iter().map(|row| (text(&row, 0), text(&row, 1), text(&row, 2).parse().unwrap_or(0))).collect())
    }

    /// The same, once the server is there: it may be recovering.
    async fn rows_at_last(&self, sql: &str) -> Result<Vec<Row>, String> {
        let begun = std::time::Instant::now();
        loop {
            match self.rows(sql).await {
                Err(_) if begun.elapsed() < std::time::Duration::from_secs(40) => {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await
                }
                answer => return answer,
            }
        }
    }

    /// The rows of a statement, over a connection of its own: whatever happened to another one, this one is new.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<Row>, String> {
        match self {
            Self::Sqlite(path) => {
                let (path, sql) = (path.clone(), sql.to_owned());
                let looked = tokio::task::spawn_blocking(move || sqlite_rows(&path, &sql).map_err(|error| error.to_string())).await;
                looked.map_err(|error| error.to_string())?
            }
            Self::Postgres(server) => postgres_rows(&format!("{}?sslmode=disable", server.url()), sql).await,
            Self::Mariadb(server) => mariadb_rows(&server.url(), sql).await.map_err(|error| error.to_string()),
        }
    }
}

/// The rows of a query on a SQLite file.
pub(crate) fn sqlite_rows(path: &Path, sql: &str) -> rusqlite::Result<Vec<Row>> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(20))?;
    if !sql.starts_with("select") {
        connection.execute_batch(sql)?;
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        (0..columns)
            .map(|column| {
                let value: rusqlite::types::Value = row.get(column)?;
                Ok(match value {
                    rusqlite::types::Value::Null => None,
                    rusqlite::types::Value::Integer(number) => Some(number.to_string()),
                    rusqlite::types::Value::Real(number) => Some(number.to_string()),
                    rusqlite::types::Value::Text(text) => Some(text),
                    rusqlite::types::Value::Blob(bytes) => Some(format!("{} bytes", bytes.len())),
                })
            })
            .collect()
    };
    statement.query_map([], row)?.collect()
}

async fn postgres_rows(url: &str, sql: &str) -> Result<Vec<Row>, String> {
    let words = |error: tokio_postgres::Error| error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(words)?;
    let carried = tokio::spawn(connection);
    // The server's defaults are hostile: autocommit of a simple query is not.
    let answer = client.simple_query(sql).await.map_err(words);
    drop(client);
    let _ = carried.await;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    Ok(answer?.into_iter().filter_map(row).collect())
}

async fn mariadb_rows(url: &str, sql: &str) -> Result<Vec<Row>, mysql_async::Error> {
    let setup = "set names utf8mb4, autocommit = 1, completion_type = 0, sql_mode = 'STRICT_ALL_TABLES'";
    let opts = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false).setup(vec![setup]);
    let mut connection = Conn::new(opts).await?;
    let rows: Vec<mysql_async::Row> = connection.query(sql).await?;
    connection.disconnect().await?;
    let value = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    };
    Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(value).collect()).collect())
}

fn text(row: &Row, column: usize) -> String {
    row.get(column).cloned().flatten().unwrap_or_default()
}

fn triples(rows: Vec<Row>) -> Vec<(String, i64, i64)> {
    let number = |row: &Row, column| text(row, column).parse().unwrap_or(i64::MIN);
    rows.iter().map(|row| (text(row, 0), number(row, 1), number(row, 2))).collect()
}
