//! What may a tool list show, and what may stand in it?
//!
//! Judges the structure of what the server offers: names of arguments, annotations, closed schemas, and whether each tool is a capability
//! that was reviewed. Words of descriptions are the author's: "token" in one is no fault.
//!
//! Knows nothing of servers; `verbs/smoke.rs` asks one. Start reading at [`judge`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use synapsor_config::{Capability, Config, is_identifier_field, is_trust_field};
use synapsor_protocol::Secret;

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// What must hold.
    pub(crate) about: &'static str,
    /// What does not, tool by tool.
    pub(crate) faults: Vec<String>,
}

/// Arguments that would carry a statement.
const STATEMENTS: [&str; 6] = ["sql", "raw_sql", "rawSql", "statement", "query_sql", "querySql"];

/// Looks at the tools that a server offers for this configuration. `secrets` are values that may stand nowhere.
pub(crate) fn judge(tools: &[Value], config: &Config, secrets: &[Secret]) -> Vec<Check> {
    let reviewed: BTreeMap<&str, &Capability> = config.callable().map(|capability| (capability.name.as_str(), capability)).collect();
    let each = |name, about, look: &dyn Fn(&Value) -> Vec<String>| {
        let faults = tools.iter().flat_map(|tool| look(tool).into_iter().map(move |fault| format!("{}: {fault}", title(tool)))).collect();
        Check { name, about, faults }
    };
    vec![
        Check { name: "tools", about: "each reviewed capability is served, and nothing else", faults: strangers(tools, &reviewed) },
        each("kinds", "a tool reads or proposes; none approves, applies or takes SQL", &|tool| kind(tool, &reviewed)),
        each("annotations", "the hints say what the capability does", &|tool| annotations(tool, &reviewed)),
        each("arguments", "the arguments are the reviewed ones, and no others are taken", &|tool| arguments(tool, &reviewed)),
        each("trust", "no argument sets the tenant, the principal, or what may change", &|tool| named(tool, &is_trust_field)),
        each("statements", "no argument names a table, a column or a statement", &|tool| {
            named(tool, &|name| is_identifier_field(name) || STATEMENTS.contains(&name))
        }),
        each("places", "no table or source is named beside the words of the author", &|tool| places(tool, config)),
        each("secrets", "no address or credential of the environment is in a tool", &|tool| leaked(tool, secrets)),
    ]
}

/// Looks at answers that must be refusals: calls that name a tenant, and calls of tools that are not there.
pub(crate) fn judge_refusals(with_tenant: &[(String, Value)], unlisted: &[(String, Value)]) -> Vec<Check> {
    let taken = |answers: &[(String, Value)]| {
        let taken = answers.iter().filter(|(_, answer)| answer["isError"] != true);
        taken.map(|(name, _)| format!("{name}: the call was taken")).collect()
    };
    vec![
        Check { name: "tenant-refused", about: "a call that names a tenant is refused", faults: taken(with_tenant) },
        Check { name: "unlisted-refused", about: "a call of a tool that is not listed is refused", faults: taken(unlisted) },
    ]
}

/// What the tool is called, for a person.
fn title(tool: &Value) -> &str {
    tool["name"].as_str().unwrap_or("a tool without a name")
}

/// The capability behind a tool, by the name that the server gives it.
fn canonical(tool: &Value) -> &str {
    tool["_meta"]["synapsor.canonical_tool_name"].as_str().unwrap_or_else(|| title(tool))
}

fn strangers(tools: &[Value], reviewed: &BTreeMap<&str, &Capability>) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut faults: Vec<String> =
        tools.iter().filter(|tool| !names.insert(title(tool))).map(|tool| format!("{} is listed twice", title(tool))).collect();
    let served: BTreeSet<&str> = tools.iter().map(canonical).collect();
    faults.extend(served.iter().filter(|name| !reviewed.contains_key(*name)).map(|name| format!("{name} is no reviewed capability")));
    faults.extend(reviewed.keys().filter(|name| !served.contains(*name)).map(|name| format!("{name} is not served")));
    if tools.is_empty() {
        faults.push("there is no tool".to_owned());
    }
    faults
}

fn kind(tool: &Value, reviewed: &BTreeMap<&str, &Capability>) -> Vec<String> {
    let reads = reviewed.get(canonical(tool)).map(|capability| capability.proposal().is_none());
    let expected = reads.map(|reads| if reads { "read" } else { "proposal" });
    let said = tool["_meta"]["synapsor.kind"].as_str();
    let mut faults: Vec<String> =
        (expected.is_some() && said != expected).then(|| "its kind is not the reviewed one".to_owned()).into_iter().collect();
    let told = ["synapsor.approval_tool", "synapsor.raw_sql_exposed"].into_iter().filter(|fact| tool["_meta"][*fact] != false);
    faults.extend(told.map(|fact| format!("`{fact}` is not false")));
    faults
}

fn annotations(tool: &Value, reviewed: &BTreeMap<&str, &Capability>) -> Vec<String> {
    let Some(capability) = reviewed.get(canonical(tool)) else { return Vec::new() };
    let reads = capability.proposal().is_none();
    let expected = [("readOnlyHint", reads), ("destructiveHint", false), ("idempotentHint", reads), ("openWorldHint", false)];
    let wrong = expected.into_iter().filter(|(hint, expected)| tool["annotations"][*hint] != *expected);
    wrong.map(|(hint, expected)| format!("`{hint}` is not {expected}")).collect()
}

fn arguments(tool: &Value, reviewed: &BTreeMap<&str, &Capability>) -> Vec<String> {
    let schema = &tool["inputSchema"];
    let mut faults = Vec::new();
    if schema["type"] != "object" || schema["additionalProperties"] != false {
        faults.push("other arguments are taken than the listed ones".to_owned());
    }
    let Some(capability) = reviewed.get(canonical(tool)) else { return faults };
    let offered: BTreeSet<&str> = properties(schema).keys().map(String::as_str).collect();
    let declared: BTreeSet<&str> = capability.args.iter().map(|arg| arg.name.as_str()).collect();
    faults.extend(offered.symmetric_difference(&declared).map(|name| format!("argument `{name}` is not as it was reviewed")));
    faults
}

/// The arguments, nested ones too, whose names are of this sort.
fn named(tool: &Value, sort: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    property_names(&tool["inputSchema"], &mut names);
    names.into_iter().filter(|name| sort(name)).map(|name| format!("it takes `{name}`")).collect()
}

fn property_names<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    names.extend(properties(schema).keys().map(String::as_str));
    match schema {
        Value::Object(members) => members.values().for_each(|member| property_names(member, names)),
        Value::Array(items) => items.iter().for_each(|item| property_names(item, names)),
        _ => {}
    }
}

fn properties(schema: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema["properties"].as_object().unwrap_or(&NONE)
}

/// Texts of `_meta` and of the annotations that are exactly the name of a place.
fn places(tool: &Value, config: &Config) -> Vec<String> {
    let mut hidden: BTreeSet<String> = config.sources.keys().map(ToString::to_string).collect();
    for capability in &config.capabilities {
        let target = &capability.target;
        hidden.extend([target.table.to_string(), format!("{}.{}", target.schema, target.table)]);
    }
    let mut texts = Vec::new();
    [&tool["_meta"], &tool["annotations"], &tool["title"], &tool["name"]].into_iter().for_each(|part| strings(part, &mut texts));
    texts.into_iter().filter(|text| hidden.contains(*text)).map(|text| format!("it names `{text}`")).collect()
}

fn leaked(tool: &Value, secrets: &[Secret]) -> Vec<String> {
    let mut texts = Vec::new();
    strings(tool, &mut texts);
    let leaks = |text: &str| secrets.iter().any(|secret| text.contains(secret.expose()));
    texts.into_iter().filter(|text| leaks(text)).map(|_| "a value of the environment stands in it".to_owned()).collect()
}

/// Every text in a value, names of members included.
fn strings<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, texts)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            texts.push(name);
            strings(member, texts);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
