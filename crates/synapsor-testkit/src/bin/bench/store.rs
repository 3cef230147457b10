//! What does durability alone cost? Rows of a read's size, inserted by a bare loop that commits as the ledger does: WAL and FULL.

use std::path::Path;

use rusqlite::Connection;
use uuid::Uuid;

const TABLES: &str = "
pragma journal_mode = wal;
pragma synchronous = full;
pragma wal_autocheckpoint = 4096;
create table evidence (evidence_id text primary key, tenant_id text not null, body_json text not null) strict, without rowid;
create table query_audit (audit_id text primary key, tenant_id text not null, body_json text not null) strict, without rowid;";

/// Bytes of the bodies that the runner writes for one read of the bench, rounded.
const BODIES: (usize, usize) = (700, 500);

/// A file for the loop.
pub(crate) struct Store {
    connection: Connection,
    batch: usize,
    bodies: (String, String),
}

impl Store {
    /// A new file whose commits hold this many reads each: one evidence and one audit row per read.
    pub(crate) fn open(path: &Path, batch: usize) -> Self {
        let connection = Connection::open(path).expect("a database can be made");
        connection.execute_batch(TABLES).expect("the statements are valid");
        Self { connection, batch, bodies: ("x".repeat(BODIES.0), "x".repeat(BODIES.1)) }
    }

    /// One durable commit.
    pub(crate) fn commit(&mut self) {
        let transaction = self.connection.transaction().expect("nobody else writes");
        for _ in 0..self.batch {
            for (insert, prefix, body) in [
                ("insert into evidence values (?1, ?2, ?3)", "ev", &self.bodies.0),
                ("insert into query_audit values (?1, ?2, ?3)", "qa", &self.bodies.1),
            ] {
                let id = format!("{prefix}_{}", Uuid::now_v7().simple());
                let mut statement = transaction.prepare_cached(insert).expect("the statement is valid");
                statement.execute((id, "acme", body)).expect("ids are new");
            }
        }
        transaction.commit().expect("the disk has room");
    }
}
