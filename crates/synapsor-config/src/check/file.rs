//! Is the file as a whole in order?

use std::path::Path;
use std::time::Duration;

use super::report::{At, Report};
use super::{capability, cloud, context, cross, executor, operators, source};
use crate::code::Code;
use crate::config::{Config, Mode, ResultFormat, Retention};
use crate::raw::file::{RawConfig, RawRetention, RawStorage};
use crate::raw::{Slot, Text, Whole};
use crate::served::Feature;
use crate::source::resolved;

pub(crate) fn config(raw: &RawConfig, base: &Path, report: &mut Report) -> Option<Config> {
    let at = At::root();
    report.unknown(raw, &at);
    report.required(&raw.version, Code::UnsupportedConfigVersion, &at.field("version"));
    report.optional(&raw.strict, Code::InvalidStrict, &at.field("strict"));
    let result_format = result_format(&raw.result_format, &at.field("result_format"), report);
    let mode = mode(raw, &at.field("mode"), report);
    let (store, retention) = store(&raw.storage, base, &at.field("storage"), report);
    let cloud = cloud::cloud(&raw.cloud, mode, &at.field("cloud"), report);
    let sources = source::sources(&raw.sources, mode, base, &store, report);
    let default_context = context::default_context(raw, mode, report);
    let contexts = context::contexts(&raw.contexts, mode, report);
    let executors = executor::executors(&raw.executors, mode, report);
    let operators = operators::operators(&raw.operators, &at.field("operators"), report);
    let declared = capability::Declared { mode, sources: sources.as_ref(), contexts: contexts.as_ref(), executors: executors.as_ref() };
    let capabilities = capability::capabilities(&raw.capabilities, &declared, report);
    let config = Config {
        mode: mode?,
        result_format,
        store,
        retention,
        sources: sources?.checked()?,
        default_context: default_context?,
        contexts: contexts?.checked()?,
        executors: executors?.checked()?,
        capabilities: capabilities?,
        operators: operators?,
        cloud: cloud?,
        unserved: Vec::new(),
    };
    cross::rules(&config, report);
    Some(config)
}

fn mode(raw: &RawConfig, at: &At, report: &mut Report) -> Option<Mode> {
    let mode = report.word(&raw.mode, Code::InvalidMode, at)?;
    if mode == Mode::Cloud {
        report.not_served(at, Feature::CloudMode);
    }
    Some(mode)
}

fn result_format(slot: &Slot<Whole<2>>, at: &At, report: &mut Report) -> ResultFormat {
    match report.optional(slot, Code::InvalidResultFormat, at) {
        Some(Whole(1)) => ResultFormat::One,
        Some(_) => ResultFormat::Two,
        None => {
            if slot.is_absent() {
                report.add(Code::ResultFormatDefault2, at);
            }
            ResultFormat::Two
        }
    }
}

fn store(slot: &Slot<RawStorage>, base: &Path, at: &At, report: &mut Report) -> (std::path::PathBuf, Retention) {
    let storage = report.optional(slot, Code::StorageNotObject, at);
    if let Some(storage) = storage {
        report.unknown(storage, at);
    }
    let path = storage.and_then(|storage| report.optional(&storage.sqlite_path, Code::InvalidSqlitePath, &at.field("sqlite_path")));
    let retention = storage.map(|storage| retention(&storage.retention, &at.field("retention"), report)).unwrap_or_default();
    (resolved(base, path.map_or(Config::DEFAULT_STORE, |Text(path)| path)), retention)
}

fn retention(slot: &Slot<RawRetention>, at: &At, report: &mut Report) -> Retention {
    let Some(raw) = report.optional(slot, Code::RetentionNotObject, at) else { return Retention::default() };
    report.unknown(raw, at);
    let mut days = |slot, name| {
        let days: Option<&Whole<36_500>> = report.optional(slot, Code::InvalidRetentionDays, &at.field(name));
        days.map(|Whole(days)| Duration::from_secs(days * 86_400))
    };
    Retention { reads: days(&raw.reads_days, "reads_days"), proposals: days(&raw.proposals_days, "proposals_days") }
}
