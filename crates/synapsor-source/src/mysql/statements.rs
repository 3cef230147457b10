//! What does MySQL get to read?
//!
//! All SQL for MySQL and MariaDB, and nothing else. Names come from the catalog, in backticks and with their database;
//! every value is bound. What begins, ends or pins something is constant text; everything else is prepared.

use std::time::Duration;

use super::connect::Access;
#[cfg(feature = "guarded-write")]
use super::types;
use crate::catalog::{Checked, Column};
use crate::value::ValueKind;
use synapsor_protocol::Identifier;

/// Values that do not fit are refused, and texts and names are quoted in the one way of this module.
const SQL_MODE: &str =
    "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/// The session: how values are written and compared, how long a statement may run and a transaction stay open, that a reader
/// changes nothing, and that no default of the server changes what a statement or a commit means.
///
/// `/*M!` is read by MariaDB alone, `/*!50708` by MySQL alone, because they name the same things differently.
pub(super) fn pin(access: Access, statement_timeout: Duration) -> [String; 2] {
    let (millis, seconds) = (statement_timeout.as_millis().max(1), statement_timeout.as_millis().div_ceil(1000).max(1));
    let (mode, idle_limits) = match access {
        Access::Read => ("READ ONLY", String::new()),
        #[cfg(feature = "guarded-write")]
        Access::Write => ("READ WRITE", idle_limits(seconds.saturating_mul(10).clamp(1, 31_536_000))),
    };
    let session = format!(
        "SET SESSION sql_mode = '{SQL_MODE}', SESSION time_zone = '+00:00', SESSION autocommit = 1, SESSION completion_type = 0, \
         SESSION character_set_client = utf8mb4, SESSION character_set_results = utf8mb4, \
         SESSION character_set_connection = utf8mb4, SESSION collation_connection = utf8mb4_bin, \
         SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}, \
         SESSION foreign_key_checks = 1, SESSION unique_checks = 1, SESSION sql_safe_updates = 0, \
         SESSION sql_auto_is_null = 0, SESSION sql_select_limit = DEFAULT, SESSION sql_big_selects = 1 \
         /*M!100108 , SESSION max_statement_time = {}.{:03}, SESSION check_constraint_checks = 1, SESSION old_mode = '' */ \
         /*M!100304 , SESSION system_versioning_asof = DEFAULT */ \
         /*!50708 , SESSION max_execution_time = {millis} */{idle_limits}",
        millis / 1000,
        millis % 1000,
    );
    [session, format!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, {mode}")]
}

/// How long the server keeps a transaction of which it hears nothing. MySQL knows such a limit for whole connections alone.
#[cfg(feature = "guarded-write")]
fn idle_limits(seconds: u128) -> String {
    let connection = seconds.max(60);
    format!(" /*M!100300 , SESSION idle_transaction_timeout = {seconds} */ /*!50708 , SESSION wait_timeout = {connection} */")
}

/// What the session is now, and which server it leads to. The two engines have one or the other name of some.
pub(super) const VARIABLES: &str = "SHOW SESSION VARIABLES WHERE Variable_name IN \
     ('sql_mode', 'time_zone', 'autocommit', 'completion_type', 'tx_isolation', 'transaction_isolation', 'tx_read_only', \
      'transaction_read_only', 'character_set_client', 'character_set_results', 'character_set_connection', 'version', \
      'lower_case_table_names', 'hostname', 'port', 'server_id', 'server_uuid')";

/// Those of [`VARIABLES`] that tell one server from another.
pub(super) const IDENTITY: [&str; 4] = ["hostname", "port", "server_id", "server_uuid"];

/// The first setting that [`pin`] did not bring about, by what [`VARIABLES`] say.
pub(super) fn not_pinned<'a>(access: Access, value: impl Fn(&str) -> &'a str) -> Option<&'static str> {
    let strict = |modes: &str| {
        let has = |mode: &str| modes.split(',').any(|found| found == mode);
        has("STRICT_ALL_TABLES") && !["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PAD_CHAR_TO_FULL_LENGTH"].into_iter().any(has)
    };
    let read_only = if access == Access::Read { "ON" } else { "OFF" };
    let either = |old: &'static str, new: &'static str| if value(new).is_empty() { (old, value(old)) } else { (new, value(new)) };
    let (isolation, level) = either("tx_isolation", "transaction_isolation");
    let (mode, read) = either("tx_read_only", "transaction_read_only");
    let held = [
        ("sql_mode", strict(value("sql_mode"))),
        ("time_zone", value("time_zone") == "+00:00"),
        ("autocommit", value("autocommit") == "ON"),
        ("completion_type", value("completion_type") == "NO_CHAIN"),
        ("character_set_client", value("character_set_client") == "utf8mb4"),
        ("character_set_results", value("character_set_results") == "utf8mb4"),
        ("character_set_connection", value("character_set_connection") == "utf8mb4"),
        (isolation, level == "READ-COMMITTED"),
        (mode, read == read_only),
    ];
    held.into_iter().find(|(_, holds)| !holds).map(|(setting, _)| setting)
}

/// Ends what a connection is doing.
pub(super) fn kill(connection: u32) -> String {
    format!("KILL QUERY {connection}")
}

/// The columns of a relation: parameters are database and name, twice. The database's names are compared again by whoever asks.
///
/// The casts keep the two from being joined by their names: MariaDB would take the names of the second from the first, and open every
/// table and view of every database to find them.
pub(super) const COLUMNS: &str = "\
SELECT c.TABLE_SCHEMA, c.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE,
       c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION, c.NUMERIC_SCALE, c.DATETIME_PRECISION, c.CHARACTER_SET_NAME,
       c.COLLATION_NAME, c.GENERATION_EXPRESSION, c.PRIVILEGES
FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t
  ON CAST(t.TABLE_SCHEMA AS BINARY) = CAST(c.TABLE_SCHEMA AS BINARY) AND CAST(t.TABLE_NAME AS BINARY) = CAST(c.TABLE_NAME AS BINARY)
WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? AND t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ?
ORDER BY c.ORDINAL_POSITION";

/// The parts of each unique index, in order: its name, the column unless it is an expression, how much of the column.
pub(super) const UNIQUE: &str = "\
SELECT s.TABLE_SCHEMA, s.TABLE_NAME, s.INDEX_NAME, s.COLUMN_NAME, s.SUB_PART
FROM information_schema.STATISTICS s
WHERE s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND s.NON_UNIQUE = 0
ORDER BY s.INDEX_NAME, s.SEQ_IN_INDEX";

/// The check constraints of a table, which MariaDB alone lists by their table. Its json is a text with such a constraint.
pub(super) const CHECKS: &str = "\
SELECT k.TABLE_NAME, k.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS k
WHERE k.CONSTRAINT_SCHEMA = ? AND k.TABLE_NAME = ?";

/// The constraint with which MariaDB makes a text a json.
pub(super) fn json_check(column: &str) -> String {
    format!("json_valid(`{column}`)")
}

/// The rows of a key and tenant: parameters are those of key and tenant, and the limit.
pub(super) fn read(table: &Checked) -> String {
    let columns: Vec<String> = table.read.iter().map(|column| quoted(&column.name)).collect();
    format!("SELECT {} FROM {} WHERE {} LIMIT ?", columns.join(", "), relation(table), scope(table))
}

fn scope(table: &Checked) -> String {
    let columns = [Some(&table.key), table.tenant.as_ref()];
    columns.into_iter().flatten().map(equals).collect::<Vec<_>>().join(" AND ")
}

/// A text is bound twice: once as the index knows it, where case, accents and blanks may be forgiven and a character that
/// the column cannot hold becomes another one, and once as its bytes, which decide.
fn equals(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        Some(ValueKind::Text { .. }) => {
            format!("{name} = {} AND CAST(CONVERT({name} USING utf8mb4) AS BINARY) = CAST(? AS BINARY)", column.cast)
        }
        // A bound text would be compared as a double.
        Some(ValueKind::Fixed { precision, scale }) => format!("{name} = CAST(? AS DECIMAL({precision}, {scale}))"),
        _ => format!("{name} = ?"),
    }
}

/// A bound text as a text of the column, so that its index is of use. Both names come from the catalog.
pub(super) fn as_column(character_set: &str, collation: &str) -> String {
    format!("CONVERT(? USING {character_set}) COLLATE {collation}")
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

    use mysql_async::Value;

    use super::{Checked, Column, Identifier, equals, quoted, relation, scope, types};
    use crate::guarded::business::{MOST_ROWS, Statement, Term, Verb};
    use crate::value::ValueKind;

    pub(in crate::mysql) const BEGIN: &str = "START TRANSACTION READ WRITE";
    pub(in crate::mysql) const COMMIT: &str = "COMMIT";
    pub(in crate::mysql) const ROLLBACK: &str = "ROLLBACK";
    pub(in crate::mysql) const SEAL: &str = "SAVEPOINT synapsor_seal";
    pub(in crate::mysql) const RELEASE: &str = "RELEASE SAVEPOINT synapsor_seal";

    /// The whole row; a column that we cannot carry comes as its hash. `locked` takes the row's lock.
    pub(in crate::mysql) fn row(table: &Checked, locked: bool) -> String {
        let columns: Vec<String> = seen(table).map(written).collect();
        let lock = if locked { " FOR UPDATE" } else { "" };
        format!("SELECT {} FROM {} WHERE {} LIMIT 2{lock}", columns.join(", "), relation(table), scope(table))
    }

    /// The columns of [`row`].
    pub(in crate::mysql) fn seen(table: &Checked) -> impl Iterator<Item = &Column> {
        table.all.iter().filter(|column| column.readable)
    }

    fn written(column: &Column) -> String {
        let name = quoted(&column.name);
        if column.kind.is_some() { name } else { format!("MD5({name})") }
    }

    /// Sets these columns, and the moment in `clock` to a later one: parameters are the values, then key and tenant.
    pub(in crate::mysql) fn update<'a>(table: &Checked, columns: impl Iterator<Item = &'a Column>, clock: Option<&Column>) -> String {
        let mut set: Vec<String> = columns.map(|column| format!("{} = ?", quoted(&column.name))).collect();
        set.extend(clock.map(later));
        format!("UPDATE {} SET {} WHERE {}", relation(table), set.join(", "), scope(table))
    }

    /// The server's clock, or one unit of the column's precision after the old value, whichever is later.
    fn later(column: &Column) -> String {
        let name = quoted(&column.name);
        let digits = match column.kind {
            Some(ValueKind::Timestamp { digits, .. }) => u32::from(digits.min(6)),
            _ => 0,
        };
        let unit = 10_u32.pow(6 - digits);
        format!("{name} = GREATEST(NOW({digits}), {name} + INTERVAL {unit} MICROSECOND)")
    }

    /// A statement of an application's effect, and what it binds. An update returns nothing here.
    pub(in crate::mysql) fn business(statement: &Statement) -> (String, Vec<Value>) {
        let opened = statement.table.opened();
        let place = format!("{}.{}", quoted(&opened.schema), quoted(&opened.table));
        let mut values: Vec<Value> = statement.set.iter().map(|term| types::bind(&term.value)).collect();
        let condition = condition(&statement.filter, &mut values);
        let sql = match statement.verb {
            Verb::Insert => {
                let names: Vec<String> = statement.set.iter().map(|term| quoted(&term.column.name)).collect();
                let places = vec!["?"; names.len()];
                format!("INSERT INTO {place} ({}) VALUES ({})", names.join(", "), places.join(", "))
            }
            Verb::Update => {
                let set: Vec<String> = statement.set.iter().map(|term| format!("{} = ?", quoted(&term.column.name))).collect();
                format!("UPDATE {place} SET {} WHERE {condition}", set.join(", "))
            }
            Verb::Delete => format!("DELETE FROM {place} WHERE {condition}"),
            Verb::Select => {
                let shown: Vec<String> = statement.shown.iter().map(written).collect();
                format!("SELECT {} FROM {place} WHERE {condition} LIMIT {}", shown.join(", "), MOST_ROWS + 1)
            }
        };
        (sql, values)
    }

    fn condition(filter: &[Term], values: &mut Vec<Value>) -> String {
        let parts = filter.iter().map(|term| {
            if term.value.scalar().is_null() {
                return format!("{} IS NULL", quoted(&term.column.name));
            }
            values.extend(types::scope(&term.value, None));
            equals(&term.column)
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
    }

    /// The receipt table's statements, by its quoted name.
    #[derive(Debug, Clone)]
    pub(in crate::mysql) struct Receipts {
        pub(in crate::mysql) schema: Identifier,
        pub(in crate::mysql) table: Identifier,
        name: String,
    }

    /// A text that compares as its bytes do.
    const EXACT: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

    impl Receipts {
        pub(in crate::mysql) fn new(schema: Identifier, table: Identifier) -> Self {
            Self { name: format!("{}.{}", quoted(&schema), quoted(&table)), schema, table }
        }

        pub(in crate::mysql) fn create(&self) -> String {
            let name = &self.name;
            format!(
                "CREATE TABLE IF NOT EXISTS {name} (operation_id VARCHAR(255) NOT NULL PRIMARY KEY, \
                 job_id VARCHAR(512) NOT NULL, proposal_id VARCHAR(512) NOT NULL, proposal_hash VARCHAR(128) NOT NULL, \
                 attempt BIGINT NOT NULL, action VARCHAR(512) NOT NULL, status VARCHAR(64) NOT NULL, receipt_json LONGTEXT, \
                 created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), completed_at DATETIME(6) NULL) \
                 ENGINE=InnoDB DEFAULT {EXACT}"
            )
        }

        /// How a table that lacks this column gets it.
        pub(in crate::mysql) fn alter(&self, column: &str, reference: bool) -> String {
            let name = &self.name;
            match column {
                "operation_id" if reference => {
                    format!("ALTER TABLE {name} CHANGE COLUMN idempotency_key operation_id VARCHAR(255) {EXACT} NOT NULL;")
                }
                "attempt" => format!("ALTER TABLE {name} ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0;"),
                "receipt_json" => format!("ALTER TABLE {name} ADD COLUMN receipt_json LONGTEXT {EXACT};"),
                "created_at" => {
                    format!("ALTER TABLE {name} ADD COLUMN created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6);")
                }
                "completed_at" => format!("ALTER TABLE {name} ADD COLUMN completed_at DATETIME(6) NULL;"),
                "operation_id" => format!("ALTER TABLE {name} ADD COLUMN operation_id VARCHAR(255) {EXACT} NOT NULL DEFAULT '';"),
                _ => format!("ALTER TABLE {name} ADD COLUMN {column} VARCHAR(512) {EXACT} NOT NULL DEFAULT '';"),
            }
        }

        pub(in crate::mysql) fn make_unique(&self) -> String {
            format!("ALTER TABLE {} ADD PRIMARY KEY (operation_id);", self.name)
        }

        /// Two operations that differ in case are two.
        pub(in crate::mysql) fn make_exact(&self) -> String {
            format!("ALTER TABLE {} MODIFY COLUMN operation_id VARCHAR(255) {EXACT} NOT NULL;", self.name)
        }

        /// Only this engine takes a receipt back with its effect.
        pub(in crate::mysql) fn make_transactional(&self) -> String {
            format!("ALTER TABLE {} ENGINE=InnoDB;", self.name)
        }

        pub(in crate::mysql) fn insert(&self) -> String {
            let name = &self.name;
            format!(
                "INSERT INTO {name} (operation_id, job_id, proposal_id, proposal_hash, attempt, action, status, created_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, NOW(6))"
            )
        }

        /// A locking read: after a duplicate the row is seen as it was committed. The lock is a shared one, like that which the
        /// refused insert has left, so that several who found the same receipt do not wait for each other in a circle.
        pub(in crate::mysql) fn find(&self) -> String {
            format!(
                "SELECT proposal_hash, CAST(attempt AS SIGNED), status, receipt_json FROM {} WHERE operation_id = ? LOCK IN SHARE MODE",
                self.name
            )
        }

        /// Moves a tombstone on, to a higher attempt or into progress: parameters are status, attempt, job, operation, attempt.
        pub(in crate::mysql) fn revive(&self) -> String {
            format!(
                "UPDATE {} SET status = ?, attempt = ?, job_id = ? WHERE operation_id = ? AND status = 'tombstone' AND attempt < ?",
                self.name
            )
        }

        /// Parameters are status, receipt, operation, attempt.
        pub(in crate::mysql) fn complete(&self) -> String {
            format!(
                "UPDATE {} SET status = ?, receipt_json = ?, completed_at = NOW(6) \
                 WHERE operation_id = ? AND attempt = ? AND status = 'in_progress'",
                self.name
            )
        }
    }
}
