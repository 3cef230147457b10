//! How does a capability look as a tool?

use std::sync::Arc;

use rmcp::model::{MetaObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use synapsor_agent::{Arg, ArgKind, Capability};

use crate::options::AliasMode;

/// The tool for a capability that is called `exposed`. `output` is the schema of its answers, if they have one.
pub(crate) fn tool(capability: &Capability, exposed: &str, aliases: AliasMode, output: Option<&Arc<Map<String, Value>>>) -> Tool {
    let reads = capability.proposal().is_none();
    let annotations =
        ToolAnnotations::with_title(capability.name.as_str()).read_only(reads).destructive(false).idempotent(reads).open_world(false);
    let tool = Tool::new(exposed.to_owned(), description(capability, exposed), Arc::new(input_schema(capability)))
        .with_title(capability.name.as_str())
        .with_annotations(annotations)
        .with_meta(meta(capability, exposed, aliases));
    match output {
        Some(schema) => tool.with_raw_output_schema(Arc::clone(schema)),
        None => tool,
    }
}

/// What the author wrote, and what a model needs beside it.
fn description(capability: &Capability, exposed: &str) -> String {
    let name = capability.name.as_str();
    let alias = (exposed != name).then(|| format!("This is the capability `{name}`."));
    let author = capability.description.clone().unwrap_or_else(|| default_description(capability).to_owned());
    let outcome = match capability.proposal() {
        None => "Evidence ids in the answer are for reviewers; you need not do anything with them.",
        Some(_) => "The change is only proposed: a person decides about it elsewhere, and nothing is changed by this call.",
    };
    let lines = [alias, Some(author), capability.returns_hint.clone(), Some(outcome.to_owned())];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn default_description(capability: &Capability) -> &'static str {
    match capability.proposal() {
        None => "Reads one row of this tenant.",
        Some(_) => "Proposes one exact change of one row of this tenant.",
    }
}

/// A closed object schema (draft 2020-12), its members in the order of the configuration.
fn input_schema(capability: &Capability) -> Map<String, Value> {
    let properties: Map<_, _> = capability.args.iter().map(|arg| (arg.name.clone(), property(arg))).collect();
    let required: Vec<_> = capability.args.iter().filter(|arg| arg.required).map(|arg| arg.name.as_str()).collect();
    let schema = [
        ("type", json!("object")),
        ("properties", Value::Object(properties)),
        ("required", json!(required)),
        ("additionalProperties", json!(false)),
    ];
    schema.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn property(arg: &Arg) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), arg.kind.type_name().into());
    let description = arg.description.clone().unwrap_or_else(|| format!("The business value `{}`.", arg.name));
    schema.insert("description".to_owned(), description.into());
    for (name, bound) in bounds(&arg.kind) {
        schema.insert(name.to_owned(), bound);
    }
    if let Some(allowed) = &arg.allowed {
        schema.insert("enum".to_owned(), allowed.iter().cloned().map(Value::from).collect());
    }
    Value::Object(schema)
}

fn bounds(kind: &ArgKind) -> Vec<(&'static str, Value)> {
    let number = |number| Value::from(synapsor_protocol::Scalar::Number(number));
    match *kind {
        ArgKind::String { max_length } => max_length.map(|length| ("maxLength", length.into())).into_iter().collect(),
        ArgKind::Number { minimum, maximum } => {
            let minimum = minimum.map(|bound| ("minimum", number(bound)));
            minimum.into_iter().chain(maximum.map(|bound| ("maximum", number(bound)))).collect()
        }
        ArgKind::Boolean => Vec::new(),
    }
}

/// What a client may know beside the schema. It names no table and no source.
fn meta(capability: &Capability, exposed: &str, aliases: AliasMode) -> MetaObject {
    let kind = if capability.proposal().is_none() { "read" } else { "proposal" };
    let facts = [
        ("synapsor.kind", json!(kind)),
        ("synapsor.canonical_tool_name", json!(capability.name.as_str())),
        ("synapsor.exposed_tool_name", json!(exposed)),
        ("synapsor.tool_name_style", json!(aliases.as_str())),
        ("synapsor.raw_sql_exposed", json!(false)),
        ("synapsor.approval_tool", json!(false)),
    ];
    MetaObject(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
}
