//! Are the executors in order?

use std::time::Duration;

use synapsor_protocol::name::{EnvName, SafeName};

use super::entries::Entries;
use super::report::{At, Report};
use crate::code::Code;
use crate::config::Mode;
use crate::executor::{CommandHandler, DryRun, Executor, ExecutorKind, HttpHandler, Method, Redelivery, Retry};
use crate::raw::executor::{ExecutorWord, RawExecutor, RawRetry};
use crate::raw::{EnvText, Named, Slot, Whole};

pub(crate) const BUILT_IN: &str = "sql_update";

pub(crate) fn executors(slot: &Slot<Named<RawExecutor>>, mode: Option<Mode>, report: &mut Report) -> Option<Entries<SafeName, Executor>> {
    let at = At::root().field("executors");
    if slot.is_absent() {
        return Some(Entries::default());
    }
    let Some(Named(executors)) = slot.given().filter(|executors| !executors.0.is_empty()) else {
        report.add(Code::ExecutorsNotObject, &at);
        return None;
    };
    let mut entries = Entries::default();
    for (name, slot) in executors {
        let at = at.field(name);
        let checked_name = SafeName::new(name);
        if checked_name.is_none() {
            report.add(Code::InvalidExecutorName, &at);
        }
        let raw = report.required(slot, Code::ExecutorNotObject, &at);
        let executor = raw.and_then(|raw| executor(name, raw, mode, &at, report));
        entries.add(name, checked_name, executor);
    }
    Some(entries)
}

fn executor(name: &str, raw: &RawExecutor, mode: Option<Mode>, at: &At, report: &mut Report) -> Option<Executor> {
    report.unknown(raw, at);
    let word = report.word(&raw.r#type, Code::InvalidExecutorType, &at.field("type"))?;
    if name == BUILT_IN && word != ExecutorWord::SqlUpdate {
        report.add(Code::ExecutorNameReserved, at);
    }
    let retry = retry(&raw.retry, &at.field("retry"), report);
    let kind = match word {
        ExecutorWord::SqlUpdate => built_in(raw, at, report),
        ExecutorWord::HttpHandler => http_handler(raw, at, report)?,
        ExecutorWord::CommandHandler => command_handler(raw, at, report)?,
    };
    if word != ExecutorWord::SqlUpdate && mode == Some(Mode::ReadOnly) {
        report.add(Code::ExecutorInvalidInReadOnly, at);
    }
    Some(Executor { kind, retry })
}

fn built_in(raw: &RawExecutor, at: &At, report: &mut Report) -> ExecutorKind {
    not_http(raw, at, report);
    not_command(raw, at, report);
    report.unused(&raw.timeout_ms, Code::InvalidHandlerTimeout, &at.field("timeout_ms"));
    report.unused(&raw.redelivery, Code::InvalidExecutorRedelivery, &at.field("redelivery"));
    report.unused(&raw.dry_run, Code::InvalidExecutorDryRun, &at.field("dry_run"));
    ExecutorKind::SqlUpdate
}

fn http_handler(raw: &RawExecutor, at: &At, report: &mut Report) -> Option<ExecutorKind> {
    not_command(raw, at, report);
    let url_env = report.required(&raw.url_env, Code::HandlerUrlEnvRequired, &at.field("url_env")).cloned();
    let method = report.optional_word(&raw.method, Code::InvalidHandlerMethod, &at.field("method"));
    let token_env = token_env(raw, &at.field("auth"), report);
    let secret_at = at.field("signing_secret_env");
    let signing_secret_env = report.optional(&raw.signing_secret_env, Code::HandlerSigningSecretEnvInvalid, &secret_at);
    let (timeout, redelivery, dry_run) = delivery(raw, at, report);
    Some(ExecutorKind::HttpHandler(HttpHandler {
        url_env: url_env?.0,
        method: method.unwrap_or(Method::Post),
        token_env,
        signing_secret_env: signing_secret_env.map(|EnvText(name)| name.clone()),
        timeout,
        redelivery,
        dry_run,
    }))
}

fn command_handler(raw: &RawExecutor, at: &At, report: &mut Report) -> Option<ExecutorKind> {
    not_http(raw, at, report);
    let command_env = report.required(&raw.command_env, Code::CommandEnvRequired, &at.field("command_env")).cloned();
    let env_passthrough = env_passthrough(&raw.env_passthrough, &at.field("env_passthrough"), report);
    let (timeout, redelivery, dry_run) = delivery(raw, at, report);
    Some(ExecutorKind::CommandHandler(CommandHandler { command_env: command_env?.0, env_passthrough, timeout, redelivery, dry_run }))
}

/// A name that is listed twice counts once; a broken one is reported where it stands.
fn env_passthrough(slot: &Slot<Vec<Slot<EnvText>>>, at: &At, report: &mut Report) -> Vec<EnvName> {
    let slots = report.optional(slot, Code::InvalidEnvPassthrough, at).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<EnvName> = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        match report.required(slot, Code::InvalidEnvPassthrough, &at.index(index)) {
            Some(EnvText(name)) if !names.contains(name) => names.push(name.clone()),
            Some(_) | None => {}
        }
    }
    names
}

/// Where one of the pauses is given alone, the other one gives way to it.
fn retry(slot: &Slot<RawRetry>, at: &At, report: &mut Report) -> Retry {
    let Some(raw) = report.optional(slot, Code::RetryNotObject, at) else { return Retry::DEFAULT };
    report.unknown(raw, at);
    let attempts = report.optional(&raw.attempts, Code::InvalidRetryAttempts, &at.field("attempts"));
    let initial = report.optional(&raw.initial_ms, Code::InvalidRetryPause, &at.field("initial_ms"));
    let max = report.optional(&raw.max_ms, Code::InvalidRetryPause, &at.field("max_ms"));
    let (initial, max) = (initial.map(|Whole(ms)| Duration::from_millis(*ms)), max.map(|Whole(ms)| Duration::from_millis(*ms)));
    if initial.zip(max).is_some_and(|(initial, max)| max < initial) {
        report.add(Code::RetryMaxBelowInitial, &at.field("max_ms"));
    }
    let longest = max.unwrap_or_else(|| Retry::DEFAULT.max.max(initial.unwrap_or_default()));
    Retry {
        attempts: attempts.and_then(|Whole(attempts)| u32::try_from(*attempts).ok()).unwrap_or(Retry::DEFAULT.attempts),
        initial: initial.unwrap_or(Retry::DEFAULT.initial).min(longest),
        max: longest,
    }
}

fn delivery(raw: &RawExecutor, at: &At, report: &mut Report) -> (Duration, Redelivery, DryRun) {
    let timeout = report.optional(&raw.timeout_ms, Code::InvalidHandlerTimeout, &at.field("timeout_ms"));
    let redelivery = report.optional_word(&raw.redelivery, Code::InvalidExecutorRedelivery, &at.field("redelivery"));
    let dry_run = report.optional_word(&raw.dry_run, Code::InvalidExecutorDryRun, &at.field("dry_run"));
    let timeout = timeout.map_or(Executor::DEFAULT_TIMEOUT, |Whole(ms)| Duration::from_millis(*ms));
    (timeout, redelivery.unwrap_or(Redelivery::Never), dry_run.unwrap_or(DryRun::Local))
}

/// What only a command has.
fn not_command(raw: &RawExecutor, at: &At, report: &mut Report) {
    report.unused(&raw.command_env, Code::CommandEnvRequired, &at.field("command_env"));
    report.unused(&raw.env_passthrough, Code::InvalidEnvPassthrough, &at.field("env_passthrough"));
}

/// What only an HTTP handler has.
fn not_http(raw: &RawExecutor, at: &At, report: &mut Report) {
    report.unused(&raw.url_env, Code::HandlerUrlEnvRequired, &at.field("url_env"));
    report.unused(&raw.method, Code::InvalidHandlerMethod, &at.field("method"));
    report.unused(&raw.signing_secret_env, Code::HandlerSigningSecretEnvInvalid, &at.field("signing_secret_env"));
    if !raw.auth.is_absent() {
        token_env(raw, &at.field("auth"), report);
        report.add(Code::FieldHasNoEffect, &at.field("auth"));
    }
}

fn token_env(raw: &RawExecutor, at: &At, report: &mut Report) -> Option<EnvName> {
    let auth = report.optional(&raw.auth, Code::ExecutorAuthNotObject, at)?;
    report.unknown(auth, at);
    report.word(&auth.r#type, Code::InvalidExecutorAuth, &at.field("type"));
    let token_env = report.required(&auth.token_env, Code::ExecutorTokenEnvRequired, &at.field("token_env"));
    token_env.map(|EnvText(name)| name.clone())
}
