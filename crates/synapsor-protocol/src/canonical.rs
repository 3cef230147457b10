//! How is a record written so that everyone gets the same bytes?
//!
//! RFC 8785: members sorted, numbers in their shortest form. The library underneath rounds integers beyond ±2^53
//! without a word, so they are refused here first.

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
    if !numbers_are_exact(value) {
        return Err(CanonicalError::InexactNumber);
    }
    serde_json_canonicalizer::to_vec(value).map_err(CanonicalError::NotJson)
}

fn numbers_are_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => integer.unsigned_abs() <= MAX_EXACT_INTEGER.unsigned_abs(),
            (None, Some(_)) => false,
            (None, None) => number.as_f64().is_some_and(f64::is_finite),
        },
        Value::Array(items) => items.iter().all(numbers_are_exact),
        Value::Object(members) => members.values().all(numbers_are_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
