//! Is the file in order?
//!
//! # Invariants
//! - A checker reports everything that it can see and returns its checked type only if nothing of it is broken.
//! - One object of the file, one function; effects are in [`effects`](super::effects).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use synapsor_protocol::handler::signature::DEFAULT_TOLERANCE;
use synapsor_protocol::preparse::{self, ParseError};

use super::code::Code;
use super::config::{DatabaseConfig, DatabasePlace, Engine, HandlerConfig, Limits, ListenAddress, Protection, TableConfig};
use super::effects;
use super::finding::{At, Report};
use super::raw::{RawDatabase, RawHandler, RawLimits, RawReceipts, RawTable, RawTls};
use super::slot::{Named, Slot};
use super::words::{EngineWord, EnvText, EnvTexts, ListenText, PathText, Text, Whole, is_table_name};
use super::{Checked, DEFAULT_PATH, DEFAULT_PORT};

/// Checks the text of a file whose relative paths start from `base`.
pub(super) fn check(text: &[u8], base: &Path) -> Checked {
    let mut report = Report::default();
    let config = document(text, base, &mut report);
    let config = config.filter(|_| !report.refused);
    Checked { config, findings: report.findings(text) }
}

fn document(text: &[u8], base: &Path, report: &mut Report) -> Option<HandlerConfig> {
    let root: Value = match preparse::from_slice(text, preparse::Limits::DEFAULT) {
        Ok(root) => root,
        Err(ParseError::Refused(refused)) => {
            report.no_json(Some(refused.position), &format!(": {}", refused.reason));
            return None;
        }
        // What the pre-parser accepts is JSON; if serde disagrees, the file is refused all the same.
        Err(ParseError::Shape(_)) => {
            report.no_json(None, "");
            return None;
        }
    };
    let Ok(raw) = RawHandler::deserialize(&root) else {
        report.add(Code::ConfigNotObject, &At::root());
        return None;
    };
    config(&raw, text, base, report)
}

fn config(raw: &RawHandler, text: &[u8], base: &Path, report: &mut Report) -> Option<HandlerConfig> {
    let at = At::root();
    report.unknown(raw, &at);
    report.required(&raw.version, Code::UnsupportedVersion, &at.field("version"));
    let (listen, protection, allowed_hosts) = listening(raw, base, report);
    let path = report.optional(&raw.path, Code::InvalidPath, &at.field("path"));
    let (bearer_token_envs, signing_secret_envs) = authentication(raw, report);
    let tolerance = report.optional(&raw.tolerance_seconds, Code::InvalidTolerance, &at.field("tolerance_seconds"));
    let body_limit = report.optional(&raw.body_limit, Code::InvalidBodyLimit, &at.field("body_limit"));
    let limits = limits(&raw.limits, &at.field("limits"), report);
    let database = database(&raw.database, base, &at.field("database"), report);
    let tables = tables(&raw.tables, &at.field("tables"), report);
    let effects = effects::effects(&raw.effects, tables.as_deref().unwrap_or_default(), &at.field("effects"), report);
    Some(HandlerConfig {
        listen,
        protection,
        allowed_hosts,
        path: path.map_or_else(|| DEFAULT_PATH.to_owned(), |PathText(path)| path.clone()),
        bearer_token_envs,
        signing_secret_envs,
        tolerance: tolerance.map_or(DEFAULT_TOLERANCE, |Whole(seconds)| Duration::from_secs(*seconds)),
        body_limit: body_limit.map_or(preparse::Limits::DEFAULT.bytes, |limit| whole(*limit)),
        limits,
        database: database?,
        tables: tables?,
        effects: effects?,
        text: Arc::from(text),
    })
}

fn listening(raw: &RawHandler, base: &Path, report: &mut Report) -> (ListenAddress, Protection, Vec<String>) {
    let at = At::root();
    let default = ListenAddress { host: "127.0.0.1".to_owned(), port: DEFAULT_PORT };
    let listen = report.optional(&raw.listen, Code::InvalidListen, &at.field("listen"));
    let listen = listen.map_or(default, |ListenText(listen)| listen.clone());
    let slots = report.optional(&raw.allowed_hosts, Code::InvalidAllowedHosts, &at.field("allowed_hosts"));
    let slots = slots.map(Vec::as_slice).unwrap_or_default().iter().enumerate();
    let hosts: Vec<String> = slots
        .filter_map(|(index, slot)| report.required(slot, Code::InvalidAllowedHosts, &at.field("allowed_hosts").index(index)))
        .map(|Text(host)| host.clone())
        .collect();
    let proxy = report.optional(&raw.behind_tls_proxy, Code::InvalidBehindTlsProxy, &at.field("behind_tls_proxy"));
    let proxy = proxy.copied().unwrap_or(false);
    let tls = report.optional(&raw.tls, Code::InvalidTls, &at.field("tls")).and_then(|raw| tls(raw, base, &at.field("tls"), report));
    if proxy && !raw.tls.is_absent() {
        report.add(Code::TlsTwice, &at.field("behind_tls_proxy"));
    }
    if !listen.is_loopback() && !proxy && raw.tls.is_absent() {
        report.add(Code::Cleartext, &at.field("listen")).hint("give `tls`, or `behind_tls_proxy` if a proxy ends TLS in front of it");
    }
    if listen.is_every_address() && hosts.is_empty() {
        report.add(Code::AllowedHostsRequired, &at.field("listen")).hint("list the names by which senders call it");
    }
    let protection = tls.unwrap_or(if proxy { Protection::TlsProxy } else { Protection::Loopback });
    (listen, protection, hosts)
}

fn tls(raw: &RawTls, base: &Path, at: &At, report: &mut Report) -> Option<Protection> {
    report.unknown(raw, at);
    let certificate = report.required(&raw.certificate, Code::InvalidTls, &at.field("certificate"));
    let key = report.required(&raw.key, Code::InvalidTls, &at.field("key"));
    let (Text(certificate), Text(key)) = certificate.zip(key)?;
    Some(Protection::Tls { certificate: base.join(certificate), key: base.join(key) })
}

type Names = Vec<synapsor_protocol::name::EnvName>;

fn authentication(raw: &RawHandler, report: &mut Report) -> (Names, Names) {
    let at = At::root();
    if raw.bearer_token_env.is_absent() && raw.signing_secret_envs.is_absent() {
        report.add(Code::AuthenticationRequired, &at);
    }
    let tokens = report.optional(&raw.bearer_token_env, Code::InvalidTokenEnv, &at.field("bearer_token_env"));
    let secrets = report.optional(&raw.signing_secret_envs, Code::InvalidSecretEnvs, &at.field("signing_secret_envs"));
    let names = |names: Option<&EnvTexts>| names.map(|EnvTexts(names)| names.clone()).unwrap_or_default();
    (names(tokens), names(secrets))
}

fn limits(slot: &Slot<RawLimits>, at: &At, report: &mut Report) -> Limits {
    let mut limits = Limits {
        connections: 256,
        effect_time: Duration::from_secs(20),
        request_time: Duration::from_secs(60),
        notice_time: Duration::ZERO,
        drain_time: Duration::from_secs(30),
    };
    let Some(raw) = report.optional(slot, Code::InvalidLimits, at) else { return limits };
    report.unknown(raw, at);
    if let Some(connections) = report.optional(&raw.connections, Code::InvalidLimits, &at.field("connections")) {
        limits.connections = whole(*connections);
    }
    time(&raw.effect_ms, &mut limits.effect_time, &at.field("effect_ms"), report);
    time(&raw.request_ms, &mut limits.request_time, &at.field("request_ms"), report);
    time(&raw.notice_ms, &mut limits.notice_time, &at.field("notice_ms"), report);
    time(&raw.drain_ms, &mut limits.drain_time, &at.field("drain_ms"), report);
    if limits.request_time <= limits.effect_time {
        report.add(Code::LimitsContradict, &at.field("request_ms"));
    }
    limits
}

fn time<const MIN: u64, const MAX: u64>(slot: &Slot<Whole<MIN, MAX>>, time: &mut Duration, at: &At, report: &mut Report) {
    if let Some(Whole(ms)) = report.optional(slot, Code::InvalidLimits, at) {
        *time = Duration::from_millis(*ms);
    }
}

fn database(slot: &Slot<RawDatabase>, base: &Path, at: &At, report: &mut Report) -> Option<DatabaseConfig> {
    let raw = report.required(slot, Code::DatabaseRequired, at)?;
    report.unknown(raw, at);
    let engine = report.required(&raw.engine, Code::InvalidEngine, &at.field("engine"));
    let place = engine.and_then(|EngineWord(engine)| place(*engine, raw, base, at, report));
    let connections = report.optional(&raw.connections, Code::InvalidConnections, &at.field("connections"));
    let timeout = report.optional(&raw.statement_timeout_ms, Code::InvalidTimeout, &at.field("statement_timeout_ms"));
    let receipts = receipts(&raw.receipts, &at.field("receipts"), report);
    Some(DatabaseConfig {
        place: place?,
        connections: connections.map_or(10, |connections| whole(*connections)),
        statement_timeout: timeout.map_or(Duration::from_secs(3), |Whole(ms)| Duration::from_millis(*ms)),
        receipts,
    })
}

fn place(engine: Engine, raw: &RawDatabase, base: &Path, at: &At, report: &mut Report) -> Option<DatabasePlace> {
    let (path_at, url_at) = (at.field("path"), at.field("url_env"));
    if engine == Engine::Sqlite {
        if !raw.url_env.is_absent() {
            report.add(Code::FieldNotForEngine, &url_at).hint("a SQLite database has `path`");
        }
        let Text(path) = report.required(&raw.path, Code::SqlitePathRequired, &path_at)?;
        if path.starts_with(':') || path.starts_with("file:") {
            report.add(Code::SqlitePathRequired, &path_at);
        }
        return Some(DatabasePlace::Sqlite(base.join(path)));
    }
    if !raw.path.is_absent() {
        report.add(Code::FieldNotForEngine, &path_at).hint("this engine has `url_env`");
    }
    let EnvText(name) = report.required(&raw.url_env, Code::UrlEnvRequired, &url_at)?.clone();
    Some(if engine == Engine::Postgres { DatabasePlace::Postgres(name) } else { DatabasePlace::Mysql(name) })
}

fn receipts(slot: &Slot<RawReceipts>, at: &At, report: &mut Report) -> String {
    let default = "synapsor_handler_receipts";
    let Some(raw) = report.optional(slot, Code::InvalidReceipts, at) else { return default.to_owned() };
    report.unknown(raw, at);
    let schema = report.optional(&raw.schema, Code::InvalidReceipts, &at.field("schema"));
    let table = report.optional(&raw.table, Code::InvalidReceipts, &at.field("table"));
    let table = table.map_or(default, |table| table.as_str());
    schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"))
}

/// The tables that are in order; `None` if there is no list of them.
fn tables(slot: &Slot<Named<RawTable>>, at: &At, report: &mut Report) -> Option<Vec<TableConfig>> {
    let Some(Named(tables)) = slot.given().filter(|tables| !tables.0.is_empty()) else {
        report.add(Code::TablesRequired, at);
        return None;
    };
    let checked = tables.iter().map(|(name, slot)| {
        let at = at.field(name);
        if !is_table_name(name) {
            report.add(Code::InvalidTableName, &at);
        }
        // A table that is not in order is declared all the same: its effects would only repeat what is wrong with it.
        let raw = report.required(slot, Code::TableNotObject, &at);
        let (tenant, key) = raw.map_or((None, None), |raw| table(raw, &at, report));
        TableConfig { name: name.clone(), tenant, key, at }
    });
    Some(checked.collect())
}

type Column = Option<synapsor_protocol::Identifier>;

fn table(raw: &RawTable, at: &At, report: &mut Report) -> (Column, Column) {
    report.unknown(raw, at);
    let tenant = report.optional(&raw.tenant, Code::InvalidColumn, &at.field("tenant"));
    let shared = raw.shared.given().copied();
    if raw.tenant.is_absent() == raw.shared.is_absent() || (!raw.shared.is_absent() && shared != Some(true)) {
        report.add(Code::TableTenantRequired, at);
    }
    let key = report.optional(&raw.key, Code::InvalidKey, &at.field("key"));
    if key.is_some() && key == tenant {
        report.add(Code::InvalidKey, &at.field("key"));
    }
    (tenant.cloned(), key.cloned())
}

/// Within its bounds a number fits every machine.
fn whole<const MIN: u64, const MAX: u64>(Whole(number): Whole<MIN, MAX>) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
