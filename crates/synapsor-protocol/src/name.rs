//! What may name a capability, a context or an environment variable?

use crate::identifier::{is_identifier, starts_like_a_name};
use crate::text::checked_text;

checked_text! {
    /// The canonical name of a capability: two identifiers and a dot, `billing.propose_waiver`.
    CapabilityName, is_qualified, "a qualified name: `area.capability`"
}

checked_text! {
    /// The name of a context or an executor: `^[A-Za-z_][A-Za-z0-9_.-]*$`.
    SafeName, is_safe_name, "a name: a letter or `_`, then letters, digits, `_`, `.` or `-`"
}

checked_text! {
    /// The name of an environment variable: `^[A-Z_][A-Z0-9_]*$`.
    EnvName, is_env_name, "an environment variable's name: capitals, digits and `_`"
}

fn is_qualified(text: &str) -> bool {
    text.split_once('.').is_some_and(|(area, name)| is_identifier(area) && is_identifier(name))
}

fn is_safe_name(text: &str) -> bool {
    starts_like_a_name(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_env_name(text: &str) -> bool {
    starts_like_a_name(text) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for CapabilityName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CapabilityName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"})
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for EnvName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EnvName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"})
    }
}

#[cfg(test)]
mod tests {
    use super::{CapabilityName, EnvName, SafeName};

    #[test]
    fn a_capability_name_has_exactly_two_parts() {
        for (text, accepted) in [("a.b", true), ("a", false), ("a.b.c", false), (".b", false), ("a.", false), ("a.9", false)] {
            assert_eq!(CapabilityName::new(text).is_some(), accepted, "{text:?}");
        }
    }

    #[test]
    fn safe_names_and_variables_follow_their_patterns() {
        assert!(SafeName::new("local-operator.v1").is_some());
        assert!(SafeName::new("1st").is_none());
        assert!(EnvName::new("SHOP_URL_2").is_some());
        assert!(EnvName::new("shop_url").is_none());
    }
}
