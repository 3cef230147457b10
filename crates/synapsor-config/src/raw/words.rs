//! Which single values may the file hold?
//!
//! Each of these types refuses what does not belong, so that the checks only ask whether a slot is filled.

use serde::{Deserialize, Deserializer, de};
use synapsor_protocol::name::{CapabilityName, EnvName};
use synapsor_protocol::{Number, Scalar};

/// Something that is written as one word of a list.
pub(crate) trait Word: Copy + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

/// One word of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneOf<T>(pub(crate) T);

impl<'de, T: Word> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As a string first: serde would also take `{"word": null}` for a variant.
        let given = String::deserialize(deserializer)?;
        let found = T::WORDS.iter().find(|(word, _)| *word == given);
        found.map(|(_, meaning)| Self(*meaning)).ok_or_else(|| de::Error::custom("an unknown word"))
    }
}

/// The words of one type.
macro_rules! words {
    ($type:ty { $($word:literal => $meaning:expr,)* }) => {
        impl $crate::raw::Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $meaning)),*];
        }
    };
}

pub(crate) use words;

/// A text that is not only spaces.
#[derive(Debug, Clone)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() { Err(de::Error::custom("an empty text")) } else { Ok(Self(text)) }
    }
}

/// A whole number from 1 to `MAX`, however it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<const MAX: u64>(pub(crate) u64);

impl<'de, const MAX: u64> Deserialize<'de> for Whole<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Finite(number) = Finite::deserialize(deserializer)?;
        let whole = number.as_i64().and_then(|number| u64::try_from(number).ok());
        whole.filter(|whole| (1..=MAX).contains(whole)).map(Self).ok_or_else(|| de::Error::custom("out of range"))
    }
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finite(pub(crate) Number);

impl<'de> Deserialize<'de> for Finite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(Self(number)),
            Scalar::Null | Scalar::Bool(_) | Scalar::String(_) => Err(de::Error::custom("not a number")),
        }
    }
}

/// The name of an environment variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct EnvText(pub(crate) EnvName);

/// The canonical name of a capability.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct CapabilityText(pub(crate) CapabilityName);

#[cfg(feature = "schemas")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{CapabilityText, EnvText, Finite, OneOf, Text, Whole, Word};

    macro_rules! inline {
        ([$($generics:tt)*] $type:ty, $schema:expr) => {
            impl<$($generics)*> JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    // Never seen: the schema is always inlined.
                    stringify!($type).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    $schema
                }
            }
        };
    }

    inline!([T: Word] OneOf<T>, json_schema!({"type": "string", "enum": T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>()}));
    inline!([] Text, json_schema!({"type": "string", "pattern": "\\S"}));
    inline!([const MAX: u64] Whole<MAX>, json_schema!({"type": "integer", "minimum": 1, "maximum": MAX}));
    inline!([] Finite, json_schema!({"type": "number"}));
    inline!([] EnvText, json_schema!({"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"}));
    inline!([] CapabilityText, json_schema!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*\\.[A-Za-z_][A-Za-z0-9_]*$"}));
}
