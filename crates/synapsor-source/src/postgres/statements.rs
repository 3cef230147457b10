//! What does PostgreSQL get to read?
//!
//! All SQL for PostgreSQL, and nothing else. Names come from the catalog, quoted and with their schema; every parameter is
//! a text that is cast to the column's type.

use std::time::Duration;

use synapsor_protocol::Identifier;

use super::connect::Access;
#[cfg(feature = "guarded-write")]
use super::types;
use crate::catalog::{Checked, Column};

/// The session: how values are written, how long a statement may run, and that a reader changes nothing. Every statement is
/// a look-up by names or by key, so one plan serves all values: the catalog query of a second capability is not planned anew.
pub(super) fn pin(access: Access, statement_timeout: Duration) -> String {
    let millis = statement_timeout.as_millis().max(1);
    let role = match access {
        Access::Read => "SET default_transaction_read_only = on;",
        // A writer waits for its commit to be durable, whatever the database's default is; an owner who asks for more gets it.
        #[cfg(feature = "guarded-write")]
        Access::Write => {
            "SET default_transaction_read_only = off; \
             SELECT pg_catalog.set_config('synchronous_commit', 'on', false) \
             WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');"
        }
    };
    format!(
        "SET statement_timeout = {millis}; SET idle_in_transaction_session_timeout = {}; \
         SET default_transaction_isolation = 'read committed'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
         SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 3; SET standard_conforming_strings = on; \
         SET plan_cache_mode = force_generic_plan; {role}",
        millis.saturating_mul(10)
    )
}

/// The columns of a relation; the words for a type leave further dimensions out. Only a domain is resolved to the type below it: the recursion costs too much for every column.
pub(super) const COLUMNS: &str = "\
SELECT r.relkind::text, a.attname::text, a.attnotnull, a.attgenerated <> '' OR a.attidentity = 'a',
       pg_catalog.format_type(a.atttypid, a.atttypmod) || pg_catalog.repeat('[]', a.attndims - 1), base_schema.nspname::text, base.typname::text, base.typtype::text,
       COALESCE(d.typmod, a.atttypmod),
       CASE WHEN COALESCE(element.typtype, base.typtype) = 'e' THEN
         ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = COALESCE(element.oid, base.oid) ORDER BY e.enumsortorder)
       ELSE '{}' END,
       CASE WHEN c.collisdeterministic THEN NULL ELSE c.collname::text END,
       s.usage AND pg_catalog.has_column_privilege(r.oid, a.attnum, 'SELECT'),
       s.usage AND pg_catalog.has_column_privilege(r.oid, a.attnum, 'UPDATE'),
       GREATEST(a.attndims::int4, t.typndims), element_schema.nspname::text, element.typname::text, element.typtype::text
FROM pg_catalog.pg_class r
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usage) s
JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN LATERAL (
  WITH RECURSIVE below (oid, typmod) AS (
    SELECT t.typbasetype, t.typtypmod WHERE t.typtype = 'd'
    UNION ALL
    SELECT p.typbasetype, CASE WHEN b.typmod = -1 THEN p.typtypmod ELSE b.typmod END
    FROM below b JOIN pg_catalog.pg_type p ON p.oid = b.oid WHERE p.typtype = 'd'
  )
  SELECT b.oid, b.typmod FROM below b JOIN pg_catalog.pg_type p ON p.oid = b.oid WHERE p.typtype <> 'd'
) d ON t.typtype = 'd'
JOIN pg_catalog.pg_type base ON base.oid = COALESCE(d.oid, t.oid)
JOIN pg_catalog.pg_namespace base_schema ON base_schema.oid = base.typnamespace
LEFT JOIN pg_catalog.pg_type element ON element.oid = base.typelem AND element.typarray = base.oid
LEFT JOIN pg_catalog.pg_namespace element_schema ON element_schema.oid = element.typnamespace
LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
WHERE n.nspname = $1::text AND r.relname = $2::text AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attnum";

/// The columns of each unique index that covers every row; of a table that others inherit from, it covers only its own.
pub(super) const UNIQUE: &str = "\
SELECT ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = $1::text AND r.relname = $2::text
  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT (r.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = r.oid))";

/// The rows of a key and tenant: parameters are key, tenant if there is one, limit.
pub(super) fn read(table: &Checked) -> String {
    let limit = 2 + usize::from(table.tenant.is_some());
    let columns: Vec<String> = table.read.iter().map(|column| format!("{}::text", quoted(&column.name))).collect();
    format!("SELECT {} FROM {} WHERE {} LIMIT ${limit}::text::bigint", columns.join(", "), relation(table), scope(table, 1))
}

fn scope(table: &Checked, first: usize) -> String {
    let columns = [Some(&table.key), table.tenant.as_ref()];
    let parts = columns.into_iter().flatten().enumerate();
    let parts = parts.map(|(at, column)| format!("{} = {}", quoted(&column.name), parameter(column, first + at)));
    parts.collect::<Vec<_>>().join(" AND ")
}

fn parameter(column: &Column, at: usize) -> String {
    format!("${at}::text::{}", column.cast)
}

fn relation(table: &Checked) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.table))
}

fn quoted(name: &Identifier) -> String {
    format!("\"{name}\"")
}

#[cfg(feature = "guarded-write")]
pub(super) mod guarded {
    //! The statements of the guarded transaction.

    use super::{Checked, Column, Identifier, parameter, quoted, relation, scope, types};
    use crate::guarded::business::{MOST_ROWS, Statement, Term, Verb};
    use crate::value::ValueKind;

    pub(in crate::postgres) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    pub(in crate::postgres) const COMMIT: &str = "COMMIT";
    pub(in crate::postgres) const ROLLBACK: &str = "ROLLBACK";
    pub(in crate::postgres) const SEAL: &str = "SAVEPOINT synapsor_seal";
    pub(in crate::postgres) const RELEASE: &str = "RELEASE SAVEPOINT synapsor_seal";
    /// Fires what the commit would fire.
    pub(in crate::postgres) const CONSTRAINTS: &str = "SET CONSTRAINTS ALL IMMEDIATE";

    /// The whole row; a column that we cannot carry comes as its hash. `locked` takes the row's lock.
    pub(in crate::postgres) fn row(table: &Checked, locked: bool) -> String {
        let columns: Vec<String> = seen(table).map(written).collect();
        let lock = if locked { " FOR UPDATE" } else { "" };
        format!("SELECT {} FROM {} WHERE {} LIMIT 2{lock}", columns.join(", "), relation(table), scope(table, 1))
    }

    /// The columns of [`row`].
    pub(in crate::postgres) fn seen(table: &Checked) -> impl Iterator<Item = &Column> {
        table.all.iter().filter(|column| column.readable)
    }

    fn written(column: &Column) -> String {
        let name = quoted(&column.name);
        if column.kind.is_some() { format!("{name}::text") } else { format!("pg_catalog.md5({name}::text)") }
    }

    /// Sets these columns, and the moment in `clock` to a later one: parameters are the values, then key and tenant.
    pub(in crate::postgres) fn update<'a>(table: &Checked, columns: impl Iterator<Item = &'a Column>, clock: Option<&Column>) -> String {
        let set = columns.enumerate().map(|(at, column)| format!("{} = {}", quoted(&column.name), parameter(column, at + 1)));
        let mut set: Vec<String> = set.collect();
        let scope = scope(table, set.len() + 1);
        set.extend(clock.map(|column| format!("{} = {}", quoted(&column.name), later(column))));
        format!("UPDATE {} SET {} WHERE {scope}", relation(table), set.join(", "))
    }

    /// The server's clock, or one unit of the column's precision after the old value, whichever is later.
    fn later(column: &Column) -> String {
        let (name, cast) = (quoted(&column.name), &column.cast);
        let (digits, clock) = match column.kind {
            Some(ValueKind::Timestamp { digits, zoned: true, .. }) => (digits, "pg_catalog.clock_timestamp()"),
            Some(ValueKind::Timestamp { digits, .. }) => (digits, "(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')"),
            _ => (0, "pg_catalog.clock_timestamp()"),
        };
        let unit = format!("1e-{digits}");
        format!("GREATEST({clock}::{cast}, {name} + pg_catalog.make_interval(secs => {unit}))")
    }

    /// A statement of an application's effect, and what it binds.
    pub(in crate::postgres) fn business(statement: &Statement) -> (String, Vec<Option<String>>) {
        let opened = statement.table.opened();
        let place = format!("{}.{}", quoted(&opened.schema), quoted(&opened.table));
        let mut values: Vec<Option<String>> = statement.set.iter().map(|term| types::bind(&term.value)).collect();
        let condition = condition(&statement.filter, &mut values);
        let shown: Vec<String> = statement.shown.iter().map(written).collect();
        let returning = if shown.is_empty() { String::new() } else { format!(" RETURNING {}", shown.join(", ")) };
        let sql = match statement.verb {
            Verb::Insert if statement.set.is_empty() => format!("INSERT INTO {place} DEFAULT VALUES"),
            Verb::Insert => {
                let names: Vec<String> = statement.set.iter().map(|term| quoted(&term.column.name)).collect();
                let places = statement.set.iter().enumerate().map(|(at, term)| parameter(&term.column, at + 1));
                format!("INSERT INTO {place} ({}) VALUES ({})", names.join(", "), places.collect::<Vec<_>>().join(", "))
            }
            Verb::Update => {
                let set = statement.set.iter().enumerate();
                let set = set.map(|(at, term)| format!("{} = {}", quoted(&term.column.name), parameter(&term.column, at + 1)));
                format!("UPDATE {place} SET {} WHERE {condition}{returning}", set.collect::<Vec<_>>().join(", "))
            }
            Verb::Delete => format!("DELETE FROM {place} WHERE {condition}"),
            Verb::Select => format!("SELECT {} FROM {place} WHERE {condition} LIMIT {}", shown.join(", "), MOST_ROWS + 1),
        };
        (sql, values)
    }

    fn condition(filter: &[Term], values: &mut Vec<Option<String>>) -> String {
        let parts = filter.iter().map(|term| {
            let name = quoted(&term.column.name);
            if term.value.scalar().is_null() {
                return format!("{name} IS NULL");
            }
            values.push(types::bind(&term.value));
            format!("{name} = {}", parameter(&term.column, values.len()))
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") }
    }

    /// The receipt table's statements, by its quoted name.
    #[derive(Debug, Clone)]
    pub(in crate::postgres) struct Receipts {
        pub(in crate::postgres) schema: Identifier,
        pub(in crate::postgres) table: Identifier,
        name: String,
    }

    impl Receipts {
        pub(in crate::postgres) fn new(schema: Identifier, table: Identifier) -> Self {
            Self { name: format!("{}.{}", quoted(&schema), quoted(&table)), schema, table }
        }

        /// Name of each column, and whether it alone is unique.
        pub(in crate::postgres) fn columns(&self) -> &'static str {
            "SELECT a.attname::text, EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid AND i.indisunique \
                AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND (i.indkey::int2[])[0] = a.attnum) \
             FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE n.nspname = $1::text AND r.relname = $2::text"
        }

        /// Whether the account has rights of each kind that a receipt needs.
        pub(in crate::postgres) fn may_write(&self) -> &'static str {
            "SELECT has_any_column_privilege(r.oid, 'SELECT') AND has_any_column_privilege(r.oid, 'INSERT') \
                AND has_any_column_privilege(r.oid, 'UPDATE') \
             FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace \
             WHERE n.nspname = $1::text AND r.relname = $2::text"
        }

        /// Whether the account may make tables in the schema; the table's name is not asked.
        pub(in crate::postgres) fn may_create(&self) -> &'static str {
            "SELECT has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE') AND $2::text IS NOT NULL \
             FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::text"
        }

        pub(in crate::postgres) fn create(&self) -> String {
            let name = &self.name;
            format!(
                "CREATE TABLE IF NOT EXISTS {name} (operation_id text COLLATE \"C\" PRIMARY KEY, \
                 job_id text NOT NULL, proposal_id text NOT NULL, proposal_hash text NOT NULL, attempt bigint NOT NULL, \
                 action text NOT NULL, status text NOT NULL, receipt_json text, \
                 created_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz)"
            )
        }

        /// How a table that lacks this column gets it.
        pub(in crate::postgres) fn alter(&self, column: &str, reference: bool) -> String {
            let name = &self.name;
            match column {
                "operation_id" if reference => format!("ALTER TABLE {name} RENAME COLUMN idempotency_key TO operation_id;"),
                "attempt" => format!("ALTER TABLE {name} ADD COLUMN attempt bigint NOT NULL DEFAULT 0;"),
                "receipt_json" => format!("ALTER TABLE {name} ADD COLUMN receipt_json text;"),
                "created_at" => format!("ALTER TABLE {name} ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();"),
                "completed_at" => format!("ALTER TABLE {name} ADD COLUMN completed_at timestamptz;"),
                _ => format!("ALTER TABLE {name} ADD COLUMN {column} text NOT NULL DEFAULT '';"),
            }
        }

        pub(in crate::postgres) fn make_unique(&self) -> String {
            format!("ALTER TABLE {} ADD PRIMARY KEY (operation_id);", self.name)
        }

        pub(in crate::postgres) fn insert(&self) -> String {
            let name = &self.name;
            format!(
                "INSERT INTO {name} (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status, created_at) \
                 VALUES ($1::text, $2::text, $3::text, $4::text, $5::text::bigint, $6::text, $7::text, now()) \
                 ON CONFLICT (operation_id) DO NOTHING"
            )
        }

        /// A locking read: after a duplicate the row is seen as it was committed.
        pub(in crate::postgres) fn find(&self) -> String {
            format!(
                "SELECT proposal_hash::text, attempt::text, status::text, receipt_json::text FROM {} \
                 WHERE operation_id = $1::text FOR UPDATE",
                self.name
            )
        }

        /// Moves a tombstone on: to a higher attempt, or into progress.
        pub(in crate::postgres) fn revive(&self) -> String {
            format!(
                "UPDATE {} SET status = $2::text, attempt = $3::text::bigint, job_id = $4::text \
                 WHERE operation_id = $1::text AND status = 'tombstone' AND attempt < $3::text::bigint",
                self.name
            )
        }

        pub(in crate::postgres) fn complete(&self) -> String {
            format!(
                "UPDATE {} SET status = $3::text, receipt_json = $4::text, completed_at = now() \
                 WHERE operation_id = $1::text AND attempt = $2::text::bigint AND status = 'in_progress'",
                self.name
            )
        }
    }
}
