//! What may name a column, a table or a schema?

use crate::text::checked_text;

/// A text that does not have the form its type promises. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Malformed {
    /// The form that was expected, in words.
    pub expected: &'static str,
}

checked_text! {
    /// The name of a column, table or schema: `^[A-Za-z_][A-Za-z0-9_]*$`, at most 128 bytes.
    ///
    /// It is quoted wherever it goes into SQL, all the same.
    Identifier, is_identifier, "an identifier: a letter or `_`, then letters, digits or `_`"
}

impl Identifier {
    /// A constant of this crate that is an identifier.
    pub(crate) fn constant(name: &'static str) -> Self {
        debug_assert!(is_identifier(name));
        Self(name.to_owned())
    }
}

/// Whether the text is a safe identifier.
pub fn is_identifier(text: &str) -> bool {
    starts_like_a_name(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(crate) fn starts_like_a_name(text: &str) -> bool {
    text.len() <= 128 && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Identifier {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Identifier".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})
    }
}

#[cfg(test)]
mod tests {
    use super::Identifier;

    #[test]
    fn only_plain_names_are_identifiers() {
        for (text, accepted) in [
            ("id", true),
            ("_row", true),
            ("A9", true),
            ("", false),
            ("9a", false),
            ("a-b", false),
            ("a b", false),
            ("a\"b", false),
            ("é", false),
            ("a\0", false),
        ] {
            assert_eq!(Identifier::new(text).is_some(), accepted, "{text:?}");
        }
    }
}
