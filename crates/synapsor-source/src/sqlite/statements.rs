//! What does SQLite get to read?
//!
//! All SQL for SQLite, and nothing else. Names come from the catalog and are quoted with backticks: a name in double
//! quotes that has gone would silently become a text. Values are bound.

use rusqlite::types::Value;
use synapsor_protocol::Identifier;

use super::connect::Access;
use super::types;
use crate::catalog::{Checked, Column};
use crate::value::CheckedValue;

/// Reads the file for the first time.
pub(super) const TOUCH: &str = "SELECT count(*) FROM sqlite_schema LIMIT 1";

/// What the relation is: `table`, `view`, `virtual`, `shadow`.
pub(super) const RELATION: &str = "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?1";

/// Name, declared type, `NOT NULL`, place in the primary key, hidden (2 and 3: generated).
pub(super) const COLUMNS: &str = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main')";

/// Complete unique indexes, one row per column; an expression has no name.
pub(super) const UNIQUE: &str = "SELECT list.seq, info.name \
     FROM pragma_index_list(?1, 'main') AS list, pragma_index_xinfo(list.name, 'main') AS info \
     WHERE list.\"unique\" = 1 AND list.partial = 0 AND info.key = 1 ORDER BY list.seq, info.seqno";

/// The connection's settings; none of them is written to the file.
pub(super) fn pin(access: Access) -> &'static str {
    match access {
        Access::Read => "PRAGMA query_only = ON; PRAGMA foreign_keys = ON;",
        #[cfg(feature = "guarded-write")]
        Access::Write => "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;",
    }
}

/// The rows of a key and tenant: parameters are key, tenant if there is one, limit.
pub(super) fn read(table: &Checked) -> String {
    let scope = scope(table, 1);
    let limit = 2 + usize::from(table.tenant.is_some());
    format!("SELECT {} FROM {} WHERE {scope} LIMIT ?{limit}", list(&table.read), relation(table))
}

/// What [`scope`] binds.
pub(super) fn scope_values(key: &CheckedValue, tenant: Option<&CheckedValue>) -> Vec<Value> {
    [Some(key), tenant].into_iter().flatten().map(types::bind).collect()
}

/// Key and tenant with their storage classes: without those a number would match the text of it.
fn scope(table: &Checked, first: usize) -> String {
    let columns = [Some(&table.key), table.tenant.as_ref()];
    let parts = columns.into_iter().flatten().enumerate().map(|(at, column)| {
        let (name, class) = (quoted(&column.name), types::storage_class(column));
        format!("typeof({name}) = '{class}' AND {name} = ?{} COLLATE BINARY", first + at)
    });
    parts.collect::<Vec<_>>().join(" AND ")
}

fn list(columns: &[Column]) -> String {
    columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

fn relation(table: &Checked) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.table))
}

fn quoted(name: &Identifier) -> String {
    format!("`{name}`")
}

#[cfg(feature = "guarded-write")]
pub(super) mod guarded {
    //! The statements of the guarded transaction.

    use rusqlite::types::Value;

    use super::{Checked, Identifier, list, quoted, relation, scope, types};
    use crate::guarded::business::{MOST_ROWS, Statement, Term, Verb};

    pub(in crate::sqlite) const BEGIN: &str = "BEGIN IMMEDIATE";
    pub(in crate::sqlite) const COMMIT: &str = "COMMIT";
    pub(in crate::sqlite) const ROLLBACK: &str = "ROLLBACK";
    pub(in crate::sqlite) const SEAL: &str = "SAVEPOINT synapsor_seal";
    pub(in crate::sqlite) const RELEASE: &str = "RELEASE SAVEPOINT synapsor_seal";

    /// The whole row; the connection holds the only write lock already.
    pub(in crate::sqlite) fn row(table: &Checked) -> String {
        format!("SELECT {} FROM {} WHERE {} LIMIT 2", list(&table.all), relation(table), scope(table, 1))
    }

    /// Sets these columns: parameters are their values, then key and tenant.
    pub(in crate::sqlite) fn update<'a>(table: &Checked, columns: impl Iterator<Item = &'a Identifier>) -> String {
        let set: Vec<String> = columns.enumerate().map(|(at, name)| format!("{} = ?{}", quoted(name), at + 1)).collect();
        format!("UPDATE {} SET {} WHERE {}", relation(table), set.join(", "), scope(table, set.len() + 1))
    }

    /// A statement of an application's effect, and what it binds.
    pub(in crate::sqlite) fn business(statement: &Statement) -> (String, Vec<Value>) {
        let opened = statement.table.opened();
        let place = format!("{}.{}", quoted(&opened.schema), quoted(&opened.table));
        let mut values: Vec<Value> = statement.set.iter().map(|term| types::bind(&term.value)).collect();
        let condition = condition(&statement.filter, &mut values);
        let returning = if statement.shown.is_empty() { String::new() } else { format!(" RETURNING {}", list(&statement.shown)) };
        let sql = match statement.verb {
            Verb::Insert => {
                let names: Vec<String> = statement.set.iter().map(|term| quoted(&term.column.name)).collect();
                let places: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
                match names.is_empty() {
                    true => format!("INSERT INTO {place} DEFAULT VALUES"),
                    false => format!("INSERT INTO {place} ({}) VALUES ({})", names.join(", "), places.join(", ")),
                }
            }
            Verb::Update => {
                let set = statement.set.iter().enumerate().map(|(at, term)| format!("{} = ?{}", quoted(&term.column.name), at + 1));
                let set: Vec<String> = set.collect();
                format!("UPDATE {place} SET {} WHERE {condition}{returning}", set.join(", "))
            }
            Verb::Delete => format!("DELETE FROM {place} WHERE {condition}"),
            Verb::Select => format!("SELECT {} FROM {place} WHERE {condition} LIMIT {}", list(&statement.shown), MOST_ROWS + 1),
        };
        (sql, values)
    }

    fn condition(filter: &[Term], values: &mut Vec<Value>) -> String {
        let parts = filter.iter().map(|term| {
            let name = quoted(&term.column.name);
            if term.value.scalar().is_null() {
                return format!("{name} IS NULL");
            }
            values.push(types::bind(&term.value));
            let at = values.len();
            // Without its storage class a number would match the text of it.
            match term.column.kind.as_ref().is_some_and(crate::value::ValueKind::is_key) {
                true => format!("typeof({name}) = '{}' AND {name} = ?{at} COLLATE BINARY", types::storage_class(&term.column)),
                false => format!("{name} = ?{at}"),
            }
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
    }

    /// The receipt table's statements, by its quoted name.
    #[derive(Debug, Clone)]
    pub(in crate::sqlite) struct Receipts {
        pub(in crate::sqlite) schema: Identifier,
        pub(in crate::sqlite) table: Identifier,
        name: String,
    }

    impl Receipts {
        pub(in crate::sqlite) fn new(schema: Identifier, table: Identifier) -> Self {
            Self { name: format!("{}.{}", quoted(&schema), quoted(&table)), schema, table }
        }

        /// Name of each column, and whether it alone is unique.
        pub(in crate::sqlite) fn columns(&self) -> &'static str {
            "SELECT col.name, \
                (col.pk = 1 AND (SELECT count(*) FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0) = 1) \
                OR EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) AS list, pragma_index_xinfo(list.name, ?2) AS info \
                    WHERE list.\"unique\" = 1 AND list.partial = 0 AND info.key = 1 \
                    GROUP BY list.name HAVING count(*) = 1 AND max(info.name) = col.name) \
             FROM pragma_table_xinfo(?1, ?2) AS col"
        }

        pub(in crate::sqlite) fn create(&self) -> String {
            let name = &self.name;
            format!(
                "CREATE TABLE IF NOT EXISTS {name} (operation_id TEXT NOT NULL PRIMARY KEY COLLATE BINARY, \
                 job_id TEXT NOT NULL, proposal_id TEXT NOT NULL, proposal_hash TEXT NOT NULL, attempt INTEGER NOT NULL, \
                 action TEXT NOT NULL, status TEXT NOT NULL, receipt_json TEXT, created_at TEXT NOT NULL, completed_at TEXT)"
            )
        }

        /// How a table that lacks this column gets it.
        pub(in crate::sqlite) fn alter(&self, column: &str, reference: bool) -> String {
            let name = &self.name;
            match column {
                "operation_id" if reference => format!("ALTER TABLE {name} RENAME COLUMN idempotency_key TO operation_id;"),
                "attempt" => format!("ALTER TABLE {name} ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;"),
                "receipt_json" | "completed_at" => format!("ALTER TABLE {name} ADD COLUMN {column} TEXT;"),
                _ => format!("ALTER TABLE {name} ADD COLUMN {column} TEXT NOT NULL DEFAULT '';"),
            }
        }

        pub(in crate::sqlite) fn make_unique(&self) -> String {
            format!("CREATE UNIQUE INDEX {}.`{}_operation` ON `{}` (operation_id);", quoted(&self.schema), self.table, self.table)
        }

        pub(in crate::sqlite) fn insert(&self) -> String {
            let name = &self.name;
            format!(
                "INSERT INTO {name} (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (operation_id) DO NOTHING"
            )
        }

        pub(in crate::sqlite) fn find(&self) -> String {
            format!("SELECT proposal_hash, attempt, status, receipt_json FROM {} WHERE operation_id = ?1", self.name)
        }

        /// Moves a tombstone on: to a higher attempt, or into progress.
        pub(in crate::sqlite) fn revive(&self) -> String {
            format!(
                "UPDATE {} SET status = ?2, attempt = ?3, job_id = ?4 \
                 WHERE operation_id = ?1 AND status = 'tombstone' AND attempt < ?3",
                self.name
            )
        }

        pub(in crate::sqlite) fn complete(&self) -> String {
            format!(
                "UPDATE {} SET status = ?3, receipt_json = ?4, completed_at = ?5 \
                 WHERE operation_id = ?1 AND attempt = ?2 AND status = 'in_progress'",
                self.name
            )
        }
    }
}
