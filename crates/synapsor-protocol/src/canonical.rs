//! How is a record written so that everyone gets the same bytes?
//!
//! RFC 8785: members sorted, numbers in their shortest form, strings as `serde_json` writes them, which is the same.
//!
//! A proposal is hashed more often than anything else is done with it, and the library for this builds every member in
//! a buffer of its own, so the tree is walked here; the library writes the numbers that have a fraction or an exponent,
//! and a test holds every document against it. Both round integers beyond ±2^53 without a word, so they are refused.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use crate::scalar::MAX_EXACT_INTEGER;

/// Why a record has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A number that a double cannot hold exactly.
    #[error("a number cannot be written exactly")]
    InexactNumber,
    /// The record cannot be written as JSON at all (a map with keys that are no strings, say).
    #[error("the record cannot be written as JSON")]
    NotJson(#[source] serde_json::Error),
}

/// The canonical JSON of a record.
pub fn to_vec(record: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    of_value(&serde_json::to_value(record).map_err(CanonicalError::NotJson)?)
}

/// The canonical JSON of a record that is a JSON value already.
pub(crate) fn of_value(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut text = Vec::with_capacity(1024);
    write(&mut text, value)?;
    Ok(text)
}

fn write(text: &mut Vec<u8>, value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => write_number(text, number),
        Value::Array(items) => {
            text.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                write(text, item)?;
            }
            text.push(b']');
            Ok(())
        }
        Value::Object(members) => write_object(text, members),
        Value::String(string) => write_string(text, string),
        Value::Bool(_) | Value::Null => write_as_is(text, value),
    }
}

fn write_object(text: &mut Vec<u8>, members: &serde_json::Map<String, Value>) -> Result<(), CanonicalError> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| by_utf16(one, other));
    text.push(b'{');
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        write_string(text, name)?;
        text.push(b':');
        write(text, value)?;
    }
    text.push(b'}');
    Ok(())
}

fn write_string(text: &mut Vec<u8>, string: &str) -> Result<(), CanonicalError> {
    write_as_is(text, &string)
}

fn write_number(text: &mut Vec<u8>, number: &serde_json::Number) -> Result<(), CanonicalError> {
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) if integer.unsigned_abs() <= MAX_EXACT_INTEGER.unsigned_abs() => write_as_is(text, &integer),
        (None, None) if number.as_f64().is_some_and(f64::is_finite) => {
            text.extend(serde_json_canonicalizer::to_vec(number).map_err(CanonicalError::NotJson)?);
            Ok(())
        }
        (_, _) => Err(CanonicalError::InexactNumber),
    }
}

fn write_as_is(text: &mut Vec<u8>, value: &impl Serialize) -> Result<(), CanonicalError> {
    serde_json::to_writer(text, value).map_err(CanonicalError::NotJson)
}

/// The order of UTF-16 code units, which is that of the bytes as long as neither side leaves ASCII.
fn by_utf16(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() { one.cmp(other) } else { one.encode_utf16().cmp(other.encode_utf16()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::to_vec;

    fn check(value: serde_json::Value) -> String {
        to_vec(&value).map_or_else(|e| format!("refused: {e}"), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn members_are_sorted_and_numbers_shortest() {
        insta::assert_snapshot!(check(json!({"b": 1.0, "a": [1e21, 0.000001, -0.0], "€": "\u{1f}é"})), @r#"{"a":[1e+21,0.000001,0],"b":1,"€":"\u001fé"}"#);
    }

    #[test]
    fn member_order_follows_utf16_code_units() {
        assert_eq!(check(json!({"\u{fb33}": 1, "\u{1f600}": 2, "\r": 3})), "{\"\\r\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn an_integer_that_would_be_rounded_is_refused() {
        insta::assert_snapshot!(check(json!({"n": 9_007_199_254_740_993_i64})), @"refused: a number cannot be written exactly");
    }

    proptest! {
        #[test]
        fn a_document_is_what_the_library_makes_of_it(value in document()) {
            let expected = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert_eq!(String::from_utf8(to_vec(&value).unwrap()), String::from_utf8(expected));
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let number =
            prop_oneof![any::<i32>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<f32>().prop_map(Value::from)];
        let exact = (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from);
        let text = prop_oneof![any::<String>(), "[ -~]{0,8}", "[\u{0}-\u{1f}\u{7f}-\u{9f}\"\\\\]{0,6}"];
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, exact, text.prop_map(Value::from)];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let names = prop_oneof!["[a-c]{1,2}", any::<String>(), "[\u{fb33}\u{1f600}\ra]{1,2}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(names, inner, 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }
}
