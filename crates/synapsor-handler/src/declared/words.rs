//! Which single values may the file hold?
//!
//! Each of these types refuses what does not belong, so that the checks only ask whether a slot is filled.

use serde::{Deserialize, Deserializer, de};
use synapsor_protocol::identifier::is_identifier;
use synapsor_protocol::name::EnvName;
use synapsor_protocol::{Identifier, Scalar};

use super::config::{Engine, From, ListenAddress};
use super::raw::RawExpression;

/// One of the engines, by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineWord(pub(crate) Engine);

impl EngineWord {
    pub(crate) const WORDS: [(&'static str, Engine); 3] =
        [("sqlite", Engine::Sqlite), ("postgres", Engine::Postgres), ("mysql", Engine::Mysql)];
}

impl<'de> Deserialize<'de> for EngineWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?;
        let found = Self::WORDS.iter().find(|(word, _)| *word == given);
        found.map(|(_, engine)| Self(*engine)).ok_or_else(|| de::Error::custom("an unknown word"))
    }
}

/// A text that is not only spaces.
#[derive(Debug, Clone)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |text| !text.trim().is_empty()).map(Self)
    }
}

/// Where to listen.
#[derive(Debug, Clone)]
pub(crate) struct ListenText(pub(crate) ListenAddress);

impl<'de> Deserialize<'de> for ListenText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ListenAddress::parse(&text).map(Self).ok_or_else(|| de::Error::custom("no address"))
    }
}

/// The path of the endpoint, which is not one of the two others.
#[derive(Debug, Clone)]
pub(crate) struct PathText(pub(crate) String);

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let segment = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        let plain = |path: &str| path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        text(deserializer, |path| path.len() <= 256 && plain(path) && !["/healthz", "/readyz"].contains(&path)).map(Self)
    }
}

/// A whole number from `MIN` to `MAX`, however it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => number.as_i64().and_then(|number| u64::try_from(number).ok()),
            Scalar::Null | Scalar::Bool(_) | Scalar::String(_) => None,
        };
        whole.filter(|whole| (MIN..=MAX).contains(whole)).map(Self).ok_or_else(|| de::Error::custom("out of range"))
    }
}

/// The name of an environment variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct EnvText(pub(crate) EnvName);

/// One variable, or several while one secret replaces another.
#[derive(Debug, Clone)]
pub(crate) struct EnvTexts(pub(crate) Vec<EnvName>);

impl<'de> Deserialize<'de> for EnvTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let names = match &value {
            serde_json::Value::Array(_) => Vec::<EnvName>::deserialize(&value),
            _ => EnvName::deserialize(&value).map(|name| vec![name]),
        };
        let names = names.map_err(de::Error::custom)?;
        let repeats = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
        if names.is_empty() || repeats { Err(de::Error::custom("no variable, or one of them twice")) } else { Ok(Self(names)) }
    }
}

/// A table, with or without its schema.
pub(crate) fn is_table_name(text: &str) -> bool {
    let (schema, table) = text.split_once('.').map_or((None, text), |(schema, table)| (Some(schema), table));
    is_identifier(table) && schema.is_none_or(is_identifier)
}

/// Where a value comes from: `tenant_id`, `patch.amount`.
#[derive(Debug, Clone)]
pub(crate) struct FromText(pub(crate) From);

impl FromText {
    /// Those that stand alone.
    pub(crate) const PLAIN: [(&'static str, From); 10] = [
        ("tenant_id", From::TenantId),
        ("object_id", From::ObjectId),
        ("principal", From::Principal),
        ("approver", From::Approver),
        ("operation_id", From::OperationId),
        ("proposal_id", From::ProposalId),
        ("action", From::Action),
        ("attempt", From::Attempt),
        ("now", From::Now),
        ("generated_id", From::GeneratedId(None)),
    ];
}

impl<'de> Deserialize<'de> for FromText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let plain = || Self::PLAIN.iter().find(|(word, _)| *word == text).map(|(_, from)| from.clone());
        let dotted = || {
            let (of, name) = text.split_once('.')?;
            let name = Identifier::new(name)?;
            match of {
                "patch" => Some(From::Patch(name)),
                "before" => Some(From::Before(name)),
                "row" => Some(From::Row(name)),
                "generated_id" => Some(From::GeneratedId(Some(name))),
                _ => None,
            }
        };
        plain().or_else(dotted).map(Self).ok_or_else(|| de::Error::custom("no such value"))
    }
}

/// A value: a scalar as it is, or an object that says where it comes from.
#[derive(Debug)]
pub(crate) enum RawValue {
    Constant(Scalar),
    Expression(Box<RawExpression>),
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = match &value {
            serde_json::Value::Object(_) => RawExpression::deserialize(&value).map(|read| Self::Expression(Box::new(read))),
            _ => Scalar::deserialize(&value).map(Self::Constant),
        };
        read.map_err(de::Error::custom)
    }
}

/// How many rows a step must touch.
#[derive(Debug)]
pub(crate) enum RawRows {
    Exactly(u64),
    Between(Box<super::raw::RawRange>),
}

impl<'de> Deserialize<'de> for RawRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = match &value {
            serde_json::Value::Object(_) => super::raw::RawRange::deserialize(&value).map(|range| Self::Between(Box::new(range))),
            _ => Whole::<0, MOST_ROWS>::deserialize(&value).map(|Whole(rows)| Self::Exactly(rows)),
        };
        read.map_err(de::Error::custom)
    }
}

/// The most rows that a step may be expected to touch.
pub(crate) const MOST_ROWS: u64 = 1_000_000;

fn text<'de, D: Deserializer<'de>>(deserializer: D, accepted: impl Fn(&str) -> bool) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if accepted(&text) { Ok(text) } else { Err(de::Error::custom("another text")) }
}

#[cfg(feature = "schemas")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use synapsor_protocol::Scalar;

    use super::{EngineWord, EnvText, EnvTexts, FromText, ListenText, MOST_ROWS, PathText, RawRows, RawValue, Text, Whole};
    use crate::declared::raw::{RawExpression, RawRange};

    const ENV: &str = "^[A-Z_][A-Z0-9_]*$";

    macro_rules! inline {
        ([$($generics:tt)*] $type:ty, $generator:ident => $schema:expr) => {
            impl<$($generics)*> JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    // Never seen: the schema is always inlined.
                    stringify!($type).into()
                }

                fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                    $schema
                }
            }
        };
    }

    inline!([] EngineWord, _g => json_schema!({"type": "string", "enum": EngineWord::WORDS.map(|(word, _)| word)}));
    inline!([] Text, _g => json_schema!({"type": "string", "pattern": "\\S"}));
    inline!([] ListenText, _g => json_schema!({"type": "string", "pattern": "^(localhost|[0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$"}));
    inline!([] PathText, _g => json_schema!({"type": "string", "pattern": "^(/[A-Za-z0-9._~-]+)+$"}));
    inline!([const MIN: u64, const MAX: u64] Whole<MIN, MAX>, _g => json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX}));
    inline!([] EnvText, _g => json_schema!({"type": "string", "pattern": ENV}));
    inline!([] EnvTexts, _g => json_schema!({"oneOf": [
        {"type": "string", "pattern": ENV},
        {"type": "array", "items": {"type": "string", "pattern": ENV}, "minItems": 1, "uniqueItems": true},
    ]}));
    inline!([] FromText, _g => {
        let plain = FromText::PLAIN.map(|(word, _)| word).join("|");
        let name = "[A-Za-z_][A-Za-z0-9_]*";
        json_schema!({"type": "string", "pattern": format!("^({plain}|(patch|before|row|generated_id)\\.{name})$")})
    });
    inline!([] RawRows, g => json_schema!({"oneOf": [
        {"type": "integer", "minimum": 0, "maximum": MOST_ROWS},
        g.subschema_for::<RawRange>(),
    ]}));

    impl JsonSchema for RawValue {
        fn schema_name() -> Cow<'static, str> {
            "Value".into()
        }

        fn json_schema(g: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A constant as it is, or an object that says where the value comes from.",
                "oneOf": [g.subschema_for::<Scalar>(), g.subschema_for::<RawExpression>()],
            })
        }
    }
}
