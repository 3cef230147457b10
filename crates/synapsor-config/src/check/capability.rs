//! Are the capabilities in order, each on its own?

use synapsor_protocol::Identifier;
use synapsor_protocol::name::SafeName;

use super::entries::Entries;
use super::executor::BUILT_IN;
use super::report::{At, Report};
use super::{args, proposal, secrets};
use crate::capability::{Capability, CapabilityKind, ContextRef, Target, Tenant};
use crate::code::Code;
use crate::config::Mode;
use crate::context::TrustedContext;
use crate::executor::{Executor, ExecutorKind, Retry};
use crate::proposal_rules::ExecutorRef;
use crate::raw::capability::{KindWord, RawCapability, RawLookup, RawTarget};
use crate::raw::{Slot, Text, Whole};
use crate::source::{Engine, SourceConfig};

/// What the rest of the file declares. `None` stands for something too broken to look a name up in.
pub(crate) struct Declared<'a> {
    pub(crate) mode: Option<Mode>,
    pub(crate) sources: Option<&'a Entries<Identifier, SourceConfig>>,
    pub(crate) contexts: Option<&'a Entries<SafeName, TrustedContext>>,
    pub(crate) executors: Option<&'a Entries<SafeName, Executor>>,
}

impl Declared<'_> {
    /// The source that a capability names, if it is sound.
    pub(crate) fn source(&self, raw: &RawCapability) -> Option<&SourceConfig> {
        self.sources?.sound(raw.source.given()?)
    }

    /// How often a job of a capability is tried again: as its executor says, under the name that the capability uses for it.
    fn retry(&self, raw: &RawCapability) -> Retry {
        let name = raw.executor.given().map_or(BUILT_IN, String::as_str);
        let executor = self.executors.and_then(|executors| executors.sound(name));
        executor.map_or(Retry::DEFAULT, |executor| executor.retry)
    }
}

pub(crate) fn capabilities(slot: &Slot<Vec<Slot<RawCapability>>>, declared: &Declared<'_>, report: &mut Report) -> Option<Vec<Capability>> {
    let at = At::root().field("capabilities");
    if slot.is_absent() && declared.mode == Some(Mode::Cloud) {
        return Some(Vec::new());
    }
    let Some(slots) = slot.given().filter(|slots| !slots.is_empty()) else {
        report.add(Code::CapabilitiesRequired, &at);
        return None;
    };
    let indexed = slots.iter().enumerate();
    let checked: Vec<Option<Capability>> = indexed
        .map(|(index, slot)| {
            let at = at.index(index);
            let raw = report.required(slot, Code::CapabilityNotObject, &at)?;
            if let Some(first) = slots[..index].iter().position(|earlier| same_name(earlier, raw)) {
                report.add(Code::DuplicateCapabilityName, &at.field("name")).hint(format!("it is the name of $.capabilities[{first}]"));
            }
            capability(raw, declared, &at, report)
        })
        .collect();
    checked.into_iter().collect()
}

fn same_name(earlier: &Slot<RawCapability>, raw: &RawCapability) -> bool {
    let earlier = earlier.given().and_then(|earlier| earlier.name.given());
    raw.name.given().is_some_and(|name| earlier.is_some_and(|earlier| earlier.0 == name.0))
}

fn capability(raw: &RawCapability, declared: &Declared<'_>, at: &At, report: &mut Report) -> Option<Capability> {
    report.unknown(raw, at);
    let name = report.required(&raw.name, Code::InvalidCapabilityName, &at.field("name"));
    let kind = report.word(&raw.kind, Code::InvalidCapabilityKind, &at.field("kind"));
    let description = report.optional(&raw.description, Code::InvalidCapabilityDescription, &at.field("description"));
    let returns_hint = report.optional(&raw.returns_hint, Code::InvalidReturnsHint, &at.field("returns_hint"));
    let source = source(raw, declared, &at.field("source"), report);
    let context = context(raw, declared, &at.field("context"), report);
    let executor = executor(raw, declared, &at.field("executor"), report);
    let retry = declared.retry(raw);
    let target = target(&raw.target, declared.source(raw), &at.field("target"), report);
    let args = args::args(&raw.args, &at.field("args"), report);
    let lookup_arg = lookup(&raw.lookup, &args, &at.field("lookup"), report);
    let visible = (Code::VisibleColumnsRequired, Code::InvalidVisibleColumn);
    let visible_columns = columns(&raw.visible_columns, visible, &at.field("visible_columns"), report);
    secrets::columns_named_for_secrets(raw, at, report);
    let max_rows = report.optional(&raw.max_rows, Code::InvalidMaxRows, &at.field("max_rows"));
    let around = proposal::Around { executor, retry, target: target.as_ref(), args: &args, visible_columns: visible_columns.as_deref() };
    let kind = match kind {
        Some(KindWord::Read) => Some(proposal::needless(raw, &around, at, report)),
        Some(KindWord::Proposal) => proposal::rules(raw, &around, at, report).map(|rules| CapabilityKind::Proposal(Box::new(rules))),
        None => None,
    };
    unread(raw, at, report);
    if let Some(CapabilityKind::Proposal(rules)) = &kind {
        direct_writeback(raw, rules.executor == ExecutorRef::SqlUpdate, declared, at, report);
    }
    Some(Capability {
        name: name?.0.clone(),
        kind: kind?,
        description: description.map(|Text(text)| text.clone()),
        returns_hint: returns_hint.map(|Text(text)| text.clone()),
        source: source?,
        context: context?,
        target: target?,
        args: args.checked()?,
        lookup_arg: lookup_arg?,
        visible_columns: visible_columns?,
        max_rows: max_rows.and_then(|Whole(rows)| u32::try_from(*rows).ok()).unwrap_or(1),
    })
}

fn source(raw: &RawCapability, declared: &Declared<'_>, at: &At, report: &mut Report) -> Option<Identifier> {
    let name = report.required(&raw.source, Code::UnknownSource, at)?;
    let sources = declared.sources?;
    if !sources.declares(name) {
        report.undeclared(Code::UnknownSource, at, name, sources.names());
    }
    Identifier::new(name)
}

fn context(raw: &RawCapability, declared: &Declared<'_>, at: &At, report: &mut Report) -> Option<ContextRef> {
    let Some(name) = report.optional(&raw.context, Code::UnknownContext, at) else {
        return Some(ContextRef::Default);
    };
    let contexts = declared.contexts?;
    if !contexts.declares(name) {
        report.undeclared(Code::UnknownContext, at, name, contexts.names());
    }
    SafeName::new(name).map(ContextRef::Named)
}

/// Read capabilities have no use for it, but what it names must be declared as well.
fn executor(raw: &RawCapability, declared: &Declared<'_>, at: &At, report: &mut Report) -> Option<ExecutorRef> {
    let name = match report.optional(&raw.executor, Code::InvalidExecutorReference, at) {
        Some(name) if name != BUILT_IN => name,
        _ => return Some(ExecutorRef::SqlUpdate),
    };
    let executors = declared.executors?;
    if !executors.declares(name) {
        report.undeclared(Code::UnknownExecutor, at, name, executors.names().chain([BUILT_IN]));
    }
    match executors.sound(name)?.kind {
        ExecutorKind::SqlUpdate => Some(ExecutorRef::SqlUpdate),
        ExecutorKind::HttpHandler(_) | ExecutorKind::CommandHandler(_) => SafeName::new(name).map(ExecutorRef::Named),
    }
}

fn target(slot: &Slot<RawTarget>, source: Option<&SourceConfig>, at: &At, report: &mut Report) -> Option<Target> {
    let raw = report.required(slot, Code::TargetRequired, at)?;
    report.unknown(raw, at);
    let schema = report.required(&raw.schema, Code::InvalidTargetIdentifier, &at.field("schema"));
    let table = report.required(&raw.table, Code::InvalidTargetIdentifier, &at.field("table"));
    let primary_key = report.required(&raw.primary_key, Code::InvalidTargetIdentifier, &at.field("primary_key"));
    let sqlite = source.is_some_and(|source| matches!(source.engine, Engine::Sqlite { .. }));
    if sqlite && schema.is_some_and(|schema| schema.as_str() != "main") {
        report.add(Code::SqliteSchemaNotMain, &at.field("schema"));
    }
    let tenant = tenant(raw, at, report);
    Some(Target { schema: schema?.clone(), table: table?.clone(), primary_key: primary_key?.clone(), tenant: tenant? })
}

/// Where both are given the tenant column counts: it is the one that limits anything.
fn tenant(raw: &RawTarget, at: &At, report: &mut Report) -> Option<Tenant> {
    let single_at = at.field("single_tenant_dev");
    let single = report.optional(&raw.single_tenant_dev, Code::InvalidSingleTenantDev, &single_at) == Some(&true);
    let key = report.optional(&raw.tenant_key, Code::InvalidTargetIdentifier, &at.field("tenant_key"));
    if raw.tenant_key.is_absent() && !single {
        report.add(Code::TenantGuardRequired, &at.field("tenant_key"));
        return None;
    }
    if single {
        let code = if raw.tenant_key.is_absent() { Code::SingleTenantDevException } else { Code::TenantGuardAmbiguous };
        report.add(code, &single_at);
    }
    match key {
        Some(column) => Some(Tenant::Column(column.clone())),
        None => raw.tenant_key.is_absent().then_some(Tenant::SingleTenantDev),
    }
}

fn lookup(slot: &Slot<RawLookup>, args: &args::Args, at: &At, report: &mut Report) -> Option<String> {
    let raw = report.required(slot, Code::LookupRequired, at)?;
    report.unknown(raw, at);
    let at = at.field("id_from_arg");
    let Text(name) = report.required(&raw.id_from_arg, Code::LookupArgRequired, &at)?;
    if !args.declares(name) {
        report.undeclared(Code::UnknownLookupArg, &at, name, args.names());
    }
    if args.sound(name).is_some_and(|arg| !arg.required) {
        report.add(Code::LookupArgOptional, &at);
    }
    Some(name.clone())
}

/// What the file may say and nothing depends on.
fn unread(raw: &RawCapability, at: &At, report: &mut Report) {
    if !raw.evidence.is_absent() && raw.evidence.given().and_then(serde_json::Value::as_str) != Some("required") {
        report.add(Code::FieldHasNoEffect, &at.field("evidence")).hint("evidence is always kept");
    }
    if !raw.single_tenant_dev_ack.is_absent() {
        report.add(Code::FieldHasNoEffect, &at.field("single_tenant_dev_ack"));
    }
}

/// A list of columns that has to be there; a column that is listed twice counts once.
pub(crate) fn columns(slot: &Slot<Vec<Slot<Identifier>>>, codes: (Code, Code), at: &At, report: &mut Report) -> Option<Vec<Identifier>> {
    let (required, invalid) = codes;
    let Some(slots) = slot.given().filter(|slots| !slots.is_empty()) else {
        report.add(required, at);
        return None;
    };
    let mut columns: Vec<Identifier> = Vec::new();
    let mut sound = true;
    for (index, slot) in slots.iter().enumerate() {
        let at = at.index(index);
        match report.required(slot, invalid, &at) {
            Some(column) if columns.contains(column) => drop(report.add(Code::DuplicateColumn, &at)),
            Some(column) => columns.push(column.clone()),
            None => sound = false,
        }
    }
    sound.then_some(columns)
}

/// Whether an approved change could ever be written, where the runner writes it itself.
fn direct_writeback(raw: &RawCapability, direct: bool, declared: &Declared<'_>, at: &At, report: &mut Report) {
    let Some(source) = declared.source(raw).filter(|_| direct && declared.mode == Some(Mode::Review)) else { return };
    if source.read_only {
        report.add(Code::ReadOnlySourceDirectWriteback, &at.field("executor"));
    }
}
