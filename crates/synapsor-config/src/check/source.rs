//! Are the sources in order?

use std::path::Path;
use std::time::Duration;

use synapsor_protocol::Identifier;

use super::entries::Entries;
use super::report::{At, Report};
use crate::code::Code;
use crate::config::Mode;
use crate::raw::source::{EngineWord, RawReceipts, RawSource};
use crate::raw::{EnvText, Named, Slot, Text, Whole};
use crate::source::{Engine, ReceiptTable, SourceConfig, SqlitePath, resolved};

/// Where relative paths start from, and which file no source may be.
struct Place<'a> {
    base: &'a Path,
    store: &'a Path,
}

pub(crate) fn sources(
    slot: &Slot<Named<RawSource>>,
    mode: Option<Mode>,
    base: &Path,
    store: &Path,
    report: &mut Report,
) -> Option<Entries<Identifier, SourceConfig>> {
    let at = At::root().field("sources");
    if slot.is_absent() && mode == Some(Mode::Cloud) {
        return Some(Entries::default());
    }
    let Some(Named(sources)) = slot.given().filter(|sources| !sources.0.is_empty()) else {
        report.add(Code::SourcesRequired, &at);
        return None;
    };
    let place = Place { base, store };
    let mut entries = Entries::default();
    for (name, slot) in sources {
        let at = at.field(name);
        let checked_name = Identifier::new(name);
        if checked_name.is_none() {
            report.add(Code::UnsafeSourceName, &at);
        }
        let raw = report.required(slot, Code::SourceNotObject, &at);
        let source = raw.and_then(|raw| source(raw, &place, &at, report));
        entries.add(name, checked_name, source);
    }
    Some(entries)
}

fn source(raw: &RawSource, place: &Place<'_>, at: &At, report: &mut Report) -> Option<SourceConfig> {
    report.unknown(raw, at);
    let word = report.word(&raw.engine, Code::InvalidSourceEngine, &at.field("engine"));
    let engine = word.and_then(|word| engine(word, raw, place, at, report));
    let read_only = report.optional(&raw.read_only, Code::InvalidSourceReadOnly, &at.field("read_only"));
    let timeout = report.optional(&raw.statement_timeout_ms, Code::InvalidTimeout, &at.field("statement_timeout_ms"));
    let pool_size = report.optional(&raw.pool_size, Code::InvalidPoolSize, &at.field("pool_size"));
    let receipts = receipts(&raw.receipts, word, &at.field("receipts"), report);
    if !raw.ssl.is_absent() {
        let parameter = if word == Some(EngineWord::Mysql) { "ssl-mode" } else { "sslmode" };
        let hint = format!("say how the connection is encrypted in the URL, with `{parameter}`");
        report.add(Code::FieldHasNoEffect, &at.field("ssl")).hint(hint);
    }
    Some(SourceConfig {
        engine: engine?,
        read_only: read_only.copied().unwrap_or(false),
        statement_timeout: timeout.map_or(SourceConfig::DEFAULT_STATEMENT_TIMEOUT, |Whole(ms)| Duration::from_millis(*ms)),
        receipts,
        pool_size: pool_size.and_then(|Whole(size)| u32::try_from(*size).ok()).unwrap_or(SourceConfig::DEFAULT_POOL_SIZE),
    })
}

fn engine(word: EngineWord, raw: &RawSource, place: &Place<'_>, at: &At, report: &mut Report) -> Option<Engine> {
    if word == EngineWord::Sqlite {
        foreign(&raw.read_url_env, &at.field("read_url_env"), "a SQLite source has `path` or `path_env`", report);
        foreign(&raw.write_url_env, &at.field("write_url_env"), "writes go to the same file unless `read_only` is true", report);
        return Some(Engine::Sqlite { path: sqlite_path(raw, place, at, report)? });
    }
    foreign(&raw.path, &at.field("path"), "this engine has `read_url_env`", report);
    foreign(&raw.path_env, &at.field("path_env"), "this engine has `read_url_env`", report);
    let read_url_env = report.required(&raw.read_url_env, Code::ReadUrlEnvRequired, &at.field("read_url_env")).cloned();
    let write_url_env = report.optional(&raw.write_url_env, Code::InvalidWriteUrlEnv, &at.field("write_url_env")).cloned();
    let EnvText(read_url_env) = read_url_env?;
    let write_url_env = write_url_env.map(|EnvText(name)| name);
    Some(if word == EngineWord::Postgres {
        Engine::Postgres { read_url_env, write_url_env }
    } else {
        Engine::Mysql { read_url_env, write_url_env }
    })
}

/// A field of another engine.
fn foreign<T>(slot: &Slot<T>, at: &At, hint: &str, report: &mut Report) {
    if !slot.is_absent() {
        report.add(Code::FieldNotForEngine, at).hint(hint);
    }
}

fn sqlite_path(raw: &RawSource, place: &Place<'_>, at: &At, report: &mut Report) -> Option<SqlitePath> {
    if raw.path.is_absent() == raw.path_env.is_absent() {
        report.add(Code::SqlitePathRequired, at);
    }
    let here = at.field("path");
    let Text(path) = match report.optional(&raw.path_env, Code::InvalidPathEnv, &at.field("path_env")) {
        Some(EnvText(name)) => return Some(SqlitePath::Env { name: name.clone(), base: place.base.to_owned() }),
        None => report.optional(&raw.path, Code::InvalidSqliteSourcePath, &here)?,
    };
    if path.starts_with(':') || path.starts_with("file:") {
        report.add(Code::InvalidSqliteSourcePath, &here);
    }
    let path = resolved(place.base, path);
    if path == place.store {
        report.add(Code::SqliteSourceIsStore, &here).hint("keep the ledger in a file of its own: `storage.sqlite_path`");
    }
    Some(SqlitePath::Path(path))
}

fn receipts(slot: &Slot<RawReceipts>, engine: Option<EngineWord>, at: &At, report: &mut Report) -> ReceiptTable {
    let Some(raw) = report.optional(slot, Code::ReceiptsNotObject, at) else {
        return ReceiptTable::default();
    };
    report.unknown(raw, at);
    let schema = report.optional(&raw.schema, Code::InvalidReceiptsIdentifier, &at.field("schema"));
    let table = report.optional(&raw.table, Code::InvalidReceiptsIdentifier, &at.field("table"));
    if engine == Some(EngineWord::Sqlite) && schema.is_some_and(|schema| schema.as_str() != "main") {
        report.add(Code::InvalidReceiptsIdentifier, &at.field("schema"));
    }
    let default = ReceiptTable::default();
    ReceiptTable { schema: schema.cloned(), table: table.cloned().unwrap_or(default.table) }
}
