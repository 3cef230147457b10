//! What is a value?
//!
//! Null, a boolean, a number that every JSON reader holds exactly, or a string. Integers outside ±2^53, decimals,
//! times and uuids travel as strings, so that nothing is rounded on the way.
//!
//! `Deserialize` is written by hand: an untagged enum would depend on serde_json's features.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest integer that travels as a number: 2^53.
pub const MAX_EXACT_INTEGER: i64 = 1 << 53;

/// One value of a column or an argument.
#[derive(Clone, PartialEq, Debug)]
pub enum Scalar {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number that a double holds exactly.
    Number(Number),
    /// Text, and every value that JSON numbers cannot carry.
    String(String),
}

/// A finite number. Negative zero is zero.
#[derive(Clone, Copy, PartialEq)]
pub struct Number(f64);

impl Number {
    /// The integer, if its magnitude is at most 2^53.
    pub fn from_i64(value: i64) -> Option<Self> {
        // Within the bound the conversion is exact.
        value.unsigned_abs().le(&MAX_EXACT_INTEGER.unsigned_abs()).then_some(Self(value as f64))
    }

    /// The number, if it is finite.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(if value == 0.0 { 0.0 } else { value }))
    }

    /// The number as a double.
    pub fn as_f64(self) -> f64 {
        self.0
    }

    /// The number as an integer, if it is one of magnitude at most 2^53.
    pub fn as_i64(self) -> Option<i64> {
        let integral = self.0.trunc() == self.0 && self.0.abs() <= MAX_EXACT_INTEGER as f64;
        integral.then_some(self.0 as i64)
    }
}

impl Eq for Number {}
impl Eq for Scalar {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_i64() {
            Some(integer) => integer.fmt(f),
            None => f.write_str(&serde_json::Number::from_f64(self.0).map(|n| n.to_string()).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As JSON writes it: strings in quotes, with control characters escaped.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::String(value) => f.write_str(&serde_json::Value::from(value.as_str()).to_string()),
        }
    }
}

impl Scalar {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) => None,
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text without quotes: how an object id or a tenant is spelled.
    pub fn plain_text(&self) -> String {
        self.as_str().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// The scalar in a JSON value; `None` for arrays, objects and integers beyond ±2^53.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// An integer as a number if every reader holds it exactly, else as a string.
impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Number::from_i64(value).map_or_else(|| Self::String(value.to_string()), Self::Number)
    }
}

impl From<Scalar> for serde_json::Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Number(number) => match number.as_i64() {
                Some(integer) => integer.into(),
                None => number.0.into(),
            },
            Scalar::String(text) => Self::String(text),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => match number.as_i64() {
                Some(integer) => serializer.serialize_i64(integer),
                None => serializer.serialize_f64(number.0),
            },
            Self::String(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a string, or a number that a double holds exactly")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Number::from_i64(value).map(Scalar::Number).ok_or_else(|| too_large(&self, value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        let number = i64::try_from(value).ok().and_then(Number::from_i64);
        number.map(Scalar::Number).ok_or_else(|| too_large(&self, value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        Number::from_f64(value).map(Scalar::Number).ok_or_else(|| too_large(&self, value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::String(text))
    }
}

fn too_large<E: de::Error>(visitor: &ScalarVisitor, value: impl fmt::Display) -> E {
    E::invalid_value(de::Unexpected::Other(&format!("the number {value}")), visitor)
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Scalar::Number(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(number),
            Scalar::Null | Scalar::Bool(_) | Scalar::String(_) => Err(de::Error::custom("expected a number")),
        }
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number"})
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number", "boolean", "null"]})
    }
}

#[cfg(test)]
mod tests {
    use super::{Number, Scalar};

    #[test]
    fn values_survive_the_way_through_json_exactly() {
        for (text, written) in [
            ("null", "null"),
            ("true", "true"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"),
            ("0.1", "0.1"),
            ("1e300", "1e+300"),
            (r#""a\u0000b""#, r#""a\u0000b""#),
        ] {
            let scalar: Scalar = serde_json::from_str(text).unwrap();
            assert_eq!(scalar.to_string(), written);
            assert_eq!(serde_json::from_str::<Scalar>(&serde_json::to_string(&scalar).unwrap()).unwrap(), scalar);
        }
    }

    #[test]
    fn what_a_scalar_cannot_hold_is_refused() {
        for text in ["9007199254740993", "-9007199254740993", "18446744073709551615", "[]", "{}", "1e999"] {
            assert!(serde_json::from_str::<Scalar>(text).is_err(), "{text}");
        }
        assert!(Number::from_f64(f64::NAN).is_none());
        assert!(Number::from_f64(f64::INFINITY).is_none());
    }

    #[test]
    fn an_integer_beyond_the_bound_travels_as_a_string() {
        assert_eq!(Scalar::from(i64::MAX).to_string(), "\"9223372036854775807\"");
        assert_eq!(Scalar::from(42).to_string(), "42");
    }
}
