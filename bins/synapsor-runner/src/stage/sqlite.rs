//! The application's SQLite file.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

/// How long a handler may keep the file.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct File(PathBuf);

impl File {
    /// `sqlite:FILE`, `sqlite://FILE` or the path alone.
    pub(super) fn of(url: &str) -> Self {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        Self(path.strip_prefix("//").unwrap_or(path).into())
    }

    pub(super) fn execute(&self, statement: &str) -> Result<(), String> {
        self.open()?.execute_batch(statement).map_err(|cause| cause.to_string())
    }

    pub(super) fn row(&self, query: &str) -> Result<Map<String, Value>, String> {
        let connection = self.open()?;
        let mut statement = connection.prepare(query).map_err(|cause| cause.to_string())?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            names.iter().enumerate().map(|(at, name)| Ok((name.clone(), json(row.get_ref(at)?)))).collect::<rusqlite::Result<Map<_, _>>>()
        };
        statement.query_row([], read).map_err(|cause| cause.to_string())
    }

    fn open(&self) -> Result<Connection, String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0, flags).map_err(|cause| cause.to_string())?;
        connection.busy_timeout(PATIENCE).map_err(|cause| cause.to_string())?;
        Ok(connection)
    }
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => super::integer(value),
        ValueRef::Real(value) => value.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
    }
}
