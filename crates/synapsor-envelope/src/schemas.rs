//! What does an envelope look like to a program that validates it?
//!
//! Two forms of one generated schema, so that they cannot drift: the published file, and the `outputSchema` of a tool.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::wire::Owned;

/// The schemas of this crate, each with the name of its file.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    let mut schema = envelope();
    schema.insert("oneOf".to_owned(), exactly_one());
    vec![("result-envelope.v2.schema.json", schema)]
}

/// The envelope as the `outputSchema` of a tool: one object schema without references.
///
/// It names no dialect, because clients exist whose validator refuses to compile a schema whose `$schema` it has not
/// loaded; a tool's schema without one is of the 2020-12 dialect by definition. The `oneOf` of the published file is left
/// out for clients that turn the schema into a type.
pub fn output_schema() -> Map<String, Value> {
    let mut schema = envelope().to_value();
    let mut object = schema.as_object_mut().map(std::mem::take).unwrap_or_default();
    object.remove("$schema");
    object.remove("title");
    object
}

fn envelope() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Owned>();
    RecursiveTransform(plain).transform(&mut schema);
    schema
}

/// Writes a choice of constants as one `enum`, because every tool carries this schema, and leaves out formats that are
/// not JSON Schema's, because validators complain about them.
fn plain(schema: &mut Schema) {
    schema.remove("format");
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let constants: Option<Vec<Value>> = choices.and_then(|choices| choices.iter().map(|choice| choice.get("const").cloned()).collect());
    if let Some(constants) = constants {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), constants.into());
    }
}

/// One alternative for each outcome: the member that is there, and the two that are null.
fn exactly_one() -> Value {
    let one = |there: &str, ok: bool| {
        let mut properties = Map::from_iter([("ok".to_owned(), json!({"const": ok}))]);
        for member in ["data", "proposal", "error"] {
            let kind = if member == there { "object" } else { "null" };
            properties.insert(member.to_owned(), json!({"type": kind}));
        }
        json!({"properties": properties})
    };
    json!([one("data", true), one("proposal", true), one("error", false)])
}

/// A value of a column.
pub(crate) fn scalar(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": ["string", "number", "boolean", "null"]})
}

/// What may be null and is always there. (`required` alone would forbid the null.)
pub(crate) fn nullable<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Option<T>>()
}

/// A row or null. The members are columns, which the caller knows by the capability.
pub(crate) fn row(generator: &mut SchemaGenerator) -> Schema {
    let value = scalar(generator);
    schemars::json_schema!({"type": ["object", "null"], "additionalProperties": value})
}

#[cfg(test)]
mod tests {
    use super::output_schema;

    #[test]
    fn a_tools_output_schema_stands_alone() {
        let schema = output_schema();
        let text = serde_json::to_string(&schema).unwrap();
        assert!(!text.contains("$ref") && !text.contains("$defs") && !text.contains("$schema"), "{text}");
        assert_eq!(schema["type"], "object");
    }

    #[test]
    fn every_member_is_always_there() {
        let schema = output_schema();
        let mut members: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let mut required: Vec<_> = schema["required"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        members.sort();
        required.sort_unstable();
        assert_eq!(members, required);
        assert_eq!(members.len(), 10);
    }

    #[test]
    fn the_published_schema_demands_exactly_one_outcome() {
        let (name, schema) = super::schemas().remove(0);
        assert_eq!(name, "result-envelope.v2.schema.json");
        assert_eq!(schema.get("oneOf").unwrap().as_array().unwrap().len(), 3);
    }
}
