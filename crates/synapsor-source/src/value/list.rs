//! How does a list travel where a value is one scalar?
//!
//! As a JSON array in a text, on one line without blanks: `[1,2,null]`. Every element is in the canonical form of its own
//! type, so two lists are the same if and only if their texts are. A list has one dimension.

use synapsor_protocol::Scalar;
use synapsor_protocol::preparse::{self, Limits};

use super::{MAX_TEXT_BYTES, ValueKind};
use crate::error::ValueError;

const LIST: ValueError = ValueError::Malformed { expected: "a one-dimensional json array in a text, [1,2]" };

/// The canonical form of a list that somebody gives.
pub(super) fn check(element: &ValueKind, text: &str) -> Result<Scalar, ValueError> {
    let elements = elements(text).ok_or(LIST)?;
    let checked: Result<Vec<Scalar>, ValueError> = elements.iter().map(|value| element.check(value)).collect();
    canonical(&checked?)
}

/// The canonical form of elements in canonical form.
pub(super) fn canonical(elements: &[Scalar]) -> Result<Scalar, ValueError> {
    let written: Vec<String> = elements.iter().map(Scalar::to_string).collect();
    let text = format!("[{}]", written.join(","));
    if text.len() > MAX_TEXT_BYTES { Err(ValueError::TooLarge { limit: MAX_TEXT_BYTES }) } else { Ok(text.into()) }
}

/// The elements of a list; `None` if it is no array of scalars.
pub(crate) fn elements(text: &str) -> Option<Vec<Scalar>> {
    let limits = Limits { bytes: MAX_TEXT_BYTES, depth: 1 };
    preparse::check(text.as_bytes(), limits).ok()?;
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::super::ValueKind;
    use super::super::tests::check;

    #[test]
    fn a_list_is_a_json_array_of_canonical_elements() {
        let list = |element| ValueKind::Array(Box::new(element));
        let int8 = list(ValueKind::Integer { min: i128::from(i64::MIN), max: i128::from(i64::MAX) });
        insta::assert_snapshot!(check(&int8, &["\"[]\"", "\"[ 1, 2,\\n null ]\"", "\"[\\\"9007199254740993\\\"]\"", "\"[9007199254740993]\"", "\"[1.5]\"", "\"[[1]]\"", "\"{}\"", "\"1\"", "\"\"", "\"[1,]\""]), @r#"
        "[]" => "[]"
        "[ 1, 2,\n null ]" => "[1,2,null]"
        "[\"9007199254740993\"]" => "[\"9007199254740993\"]"
        "[9007199254740993]" => refused: expected a one-dimensional json array in a text, [1,2]
        "[1.5]" => refused: expected an integer
        "[[1]]" => refused: expected a one-dimensional json array in a text, [1,2]
        "{}" => refused: expected a one-dimensional json array in a text, [1,2]
        "1" => refused: expected a one-dimensional json array in a text, [1,2]
        "" => refused: expected a one-dimensional json array in a text, [1,2]
        "[1,]" => refused: expected a one-dimensional json array in a text, [1,2]
        "#);
        let text = list(ValueKind::Text { limit: Some(3), padded: false });
        insta::assert_snapshot!(check(&text, &[r#""[\"a\\\"b\",\"\\u00e4\",\"\",\"NULL\"]""#, r#""[\"\\u0000\"]""#, r#""[\"four\"]""#, r#""[{}]""#]), @r#"
        "[\"a\\\"b\",\"\\u00e4\",\"\",\"NULL\"]" => refused: longer than 3 characters
        "[\"\\u0000\"]" => refused: expected a one-dimensional json array in a text, [1,2]
        "[\"four\"]" => refused: longer than 3 characters
        "[{}]" => refused: expected a one-dimensional json array in a text, [1,2]
        "#);
        insta::assert_snapshot!(check(&list(ValueKind::Fixed { precision: 5, scale: 2 }), &[r#""[1.5,\"2\"]""#, r#""[\"1.234\"]""#]), @r#"
        "[1.5,\"2\"]" => "[\"1.50\",\"2.00\"]"
        "[\"1.234\"]" => refused: more digits than the column keeps
        "#);
    }
}
