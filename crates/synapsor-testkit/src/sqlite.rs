//! Which SQLite databases does a test read and change?
//!
//! [`support_desk`] is the same small business in every test: two tenants with equal keys, so that a
//! forgotten tenant guard shows, and with names that only differ in ways a lax comparison forgives.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::folder::Folder;

/// The tables and rows of the sample business; also valid PostgreSQL.
///
/// Tenants: `acme`, `globex`, and `ACME` and `acme ` (with a space), which are neither. The invoice
/// `INV-1` and the ticket `T-1` exist for both; `INV-2` for `acme` alone.
pub const SUPPORT_DESK: &str = "
create table customers (id text not null, tenant_id text not null, name text not null,
    tier text not null, primary key (tenant_id, id));
create table invoices (id text not null, tenant_id text not null, customer_id text not null,
    status text not null, amount_cents bigint not null, late_fee_cents bigint not null,
    waiver_reason text, version bigint not null, primary key (tenant_id, id));
create table tickets (id text not null, tenant_id text not null, subject text not null,
    status text not null, priority integer not null, version bigint not null,
    primary key (tenant_id, id));
insert into customers values
    ('C-1', 'acme', 'Ada Lovelace', 'gold'),
    ('C-1', 'globex', 'Grace Hopper', 'silver');
insert into invoices values
    ('INV-1', 'acme', 'C-1', 'overdue', 12900, 1500, null, 3),
    ('INV-2', 'acme', 'C-1', 'paid', 4200, 0, null, 1),
    ('INV-1', 'globex', 'C-1', 'overdue', 99900, 2500, null, 7),
    ('INV-1', 'ACME', 'C-9', 'overdue', 1, 1, null, 1),
    ('INV-1', 'acme ', 'C-9', 'overdue', 2, 2, null, 1);
insert into tickets values
    ('T-1', 'acme', 'Late fee on INV-1', 'open', 2, 1),
    ('T-1', 'globex', 'Change of address', 'open', 3, 1);
";

/// Makes the sample business in `folder` and gives the path of the database.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn support_desk(folder: &Folder) -> PathBuf {
    let path = folder.join("business.db");
    execute(&path, SUPPORT_DESK);
    path
}

/// Runs one or more statements on a database file, which is made if it is absent.
///
/// # Panics
/// If one of them fails.
pub fn execute(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("the database opens");
    if let Err(error) = connection.execute_batch(sql) {
        panic!("{error}, in: {sql}");
    }
}

/// The rows of a query as lines, values separated by ` | `, for snapshots.
///
/// # Panics
/// If the query fails.
#[must_use]
pub fn table(path: &Path, sql: &str) -> String {
    lines(path, sql).unwrap_or_else(|error| panic!("{error}, in: {sql}"))
}

fn lines(path: &Path, sql: &str) -> rusqlite::Result<String> {
    let connection = Connection::open(path)?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let values: rusqlite::Result<Vec<String>> = (0..columns).map(|column| Ok(shown(row.get_ref(column)?))).collect();
        lines.push(values?.join(" | "));
    }
    Ok(lines.join("\n"))
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
