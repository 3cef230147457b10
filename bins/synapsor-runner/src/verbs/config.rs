//! `config validate`, `config show`: what did the program understand of the file?

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_config::{Capability, Checked, Config, Severity};

use crate::cli::{ConfigVerb, Place};
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output;
use crate::verbs::check_db::{self, Found};

pub(super) async fn run(verb: ConfigVerb) -> Answer<ExitCode> {
    match verb {
        ConfigVerb::Validate { place, format, check_db } => validate(&place, format.json, check_db).await,
        ConfigVerb::Show { place, format } => show(&place, format.json),
    }
}

async fn validate(place: &Place, as_json: bool, check_db: bool) -> Answer<ExitCode> {
    let checked = synapsor_config::load(&place.config)?;
    let database = match (&checked.config, check_db) {
        (Some(_), true) => check_db::all(&Setup::load_served(place)?).await?,
        (None, _) | (_, false) => Vec::new(),
    };
    let ok = checked.config.is_some() && !database.iter().any(Found::is_error);
    if as_json {
        output::json(&report(&checked, &database, ok));
    } else {
        print(place, &checked, &database, check_db);
    }
    Ok(output::exit(ok))
}

fn print(place: &Place, checked: &Checked, database: &[Found], check_db: bool) {
    for finding in &checked.findings {
        output::line(output_lines(&finding.to_string()));
    }
    for found in database {
        output::line(found.sentence());
    }
    let count = |severity: Severity, one| {
        let asked = database.iter().filter(|found| found.word() == severity.as_str()).count();
        output::counted(checked.of(severity).count() + asked, one)
    };
    let path = place.config.display();
    let verdict = verdict(checked, database, check_db);
    let counted = [count(Severity::Error, "error"), count(Severity::Warning, "warning"), count(Severity::Notice, "notice")].join(", ");
    output::line(format_args!("{path} {verdict} ({counted})"));
}

/// What there is to say of the file, and of the databases apart from it.
fn verdict(checked: &Checked, database: &[Found], check_db: bool) -> String {
    let unasked: BTreeSet<&str> = database.iter().filter(|found| found.is_unasked()).map(Found::source).collect();
    let unfit = database.iter().any(|found| found.is_error() && !found.is_unasked());
    match (checked.config.is_some(), check_db) {
        (false, _) => "is not valid".to_owned(),
        (true, false) => "is valid".to_owned(),
        (true, true) if unfit => "is valid, but the databases do not have what it names".to_owned(),
        (true, true) if unasked.is_empty() => "is valid, and the databases have what it names".to_owned(),
        (true, true) => format!("is valid, but {} could not be asked", output::counted(unasked.len(), "source")),
    }
}

fn output_lines(text: &str) -> String {
    text.lines().map(output::visible).collect::<Vec<_>>().join("\n")
}

fn report(checked: &Checked, database: &[Found], ok: bool) -> Value {
    let finding = |finding: &synapsor_config::Finding| {
        json!({"severity": finding.severity.as_str(), "path": finding.path, "code": finding.code.as_str(), "message": finding.message,
            "line": finding.line, "column": finding.column, "hint": finding.hint})
    };
    let of = |severity| checked.of(severity).map(finding).collect::<Vec<_>>();
    json!({"ok": ok, "errors": of(Severity::Error), "warnings": of(Severity::Warning), "notices": of(Severity::Notice),
        "database": database.iter().map(Found::json).collect::<Vec<_>>()})
}

fn show(place: &Place, as_json: bool) -> Answer<ExitCode> {
    let setup = Setup::load(place)?;
    let config = &setup.config;
    if as_json {
        output::json(&json!({"ok": true, "mode": config.mode.as_str(), "store": setup.store,
            "sources": config.sources.iter().map(|(name, source)| json!({"name": name, "engine": source.engine.as_str(), "read_only": source.read_only})).collect::<Vec<_>>(),
            "capabilities": config.capabilities.iter().map(described).collect::<Vec<_>>()}));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("mode:   {}", config.mode.as_str()));
    output::line(format_args!("ledger: {}", setup.store.display()));
    for (name, source) in &config.sources {
        let access = if source.read_only { ", read-only" } else { "" };
        output::line(format_args!("source: {name} ({}{access})", source.engine.as_str()));
    }
    for capability in &config.capabilities {
        output::line(format_args!("\n{} ({})", output::bold(capability.name.as_str()), kind(capability)));
        print_capability(config, capability);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_capability(config: &Config, capability: &Capability) {
    let target = &capability.target;
    let tenant = target.tenant.column().map_or("one tenant only".to_owned(), |column| format!("tenant in `{column}`"));
    let context = config.context(&capability.context).map_or("none", |context| context.provider());
    output::line(format_args!(
        "  row:      {}.{}.{} by `{}`, {tenant} (from {context})",
        capability.source, target.schema, target.table, target.primary_key
    ));
    output::line(format_args!("  shows:    {}", joined(&capability.visible_columns)));
    let Some(rules) = capability.proposal() else { return };
    output::line(format_args!("  may set:  {}", joined(rules.patch.iter().map(|(column, _)| column))));
    output::line(format_args!(
        "  guard:    {}",
        rules.guard.column().map_or("hash of the row".to_owned(), |column| format!("version `{column}`"))
    ));
    output::line(format_args!(
        "  approval: {}",
        rules.approval.required_role.as_deref().map_or("any operator".to_owned(), |role| format!("role `{role}`"))
    ));
}

fn described(capability: &Capability) -> Value {
    let target = &capability.target;
    json!({"name": capability.name, "kind": kind(capability), "digest": capability.digest(), "source": capability.source,
        "target": {"schema": target.schema, "table": target.table, "primary_key": target.primary_key, "tenant_key": target.tenant.column()},
        "visible_columns": capability.visible_columns,
        "allowed_columns": capability.proposal().map(|rules| &rules.allowed_columns),
        "required_role": capability.proposal().and_then(|rules| rules.approval.required_role.as_ref())})
}

fn kind(capability: &Capability) -> &'static str {
    if capability.proposal().is_some() { "proposal" } else { "read" }
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
