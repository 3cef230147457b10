//! How is a capability called where a dot is not allowed in a tool's name?
//!
//! An alias depends on the names of all capabilities alone, never on their order. It is at most 64 characters of
//! `A-Z a-z 0-9 _ -`.

use std::collections::BTreeMap;

use synapsor_protocol::Digest;
use synapsor_protocol::name::CapabilityName;

const MAX_ALIAS: usize = 64;
const HASH: usize = 8;

/// The alias of one canonical name, seen alone.
pub fn openai_alias(canonical: &str) -> String {
    let alias = plain(canonical);
    if alias.is_empty() {
        format!("tool_{}", hash(canonical))
    } else if alias.len() > MAX_ALIAS {
        suffixed(&alias, canonical)
    } else {
        alias
    }
}

/// The alias of each canonical name. Names that would share one get theirs with a hash at the end.
pub fn openai_aliases<'a>(names: impl IntoIterator<Item = &'a CapabilityName>) -> BTreeMap<CapabilityName, String> {
    let mut wanted: BTreeMap<String, Vec<&CapabilityName>> = BTreeMap::new();
    for name in names {
        let same = wanted.entry(openai_alias(name.as_str())).or_default();
        if !same.contains(&name) {
            same.push(name);
        }
    }
    let mut aliases = BTreeMap::new();
    for (alias, names) in wanted {
        let collides = names.len() > 1;
        for name in names {
            let given = if collides { suffixed(&alias, name.as_str()) } else { alias.clone() };
            aliases.insert(name.clone(), given);
        }
    }
    aliases
}

/// Every run of other characters becomes `__`, three or more `_` become `__`, and none stays at an end.
fn plain(canonical: &str) -> String {
    let mut alias = String::new();
    let mut foreign = false;
    for character in canonical.chars() {
        let allowed = character.is_ascii_alphanumeric() || character == '_' || character == '-';
        match (allowed, foreign) {
            (true, _) => alias.push(character),
            (false, false) => alias.push_str("__"),
            (false, true) => {}
        }
        foreign = !allowed;
    }
    while alias.contains("___") {
        alias = alias.replace("___", "__");
    }
    alias.trim_matches('_').to_owned()
}

fn suffixed(alias: &str, canonical: &str) -> String {
    let kept = &alias[..alias.len().min(MAX_ALIAS - 1 - HASH)];
    format!("{}_{}", kept.trim_end_matches('_'), hash(canonical))
}

fn hash(canonical: &str) -> String {
    Digest::of_bytes(canonical.as_bytes()).hex()[..HASH].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{CapabilityName, openai_alias, openai_aliases};

    #[test]
    fn an_alias_has_only_characters_that_every_api_takes() {
        let long = format!("area.{}", "x".repeat(80));
        for (canonical, alias) in [
            ("billing.propose_waiver", "billing__propose_waiver"),
            ("a_.b", "a__b"),
            ("_a.b_", "a__b"),
            ("a.b-c", "a__b-c"),
            ("a. .b", "a__b"),
            ("...", "tool_ab5df625"),
            ("é", "tool_4a99557e"),
            (long.as_str(), "area__xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_4368dd81"),
        ] {
            let made = openai_alias(canonical);
            assert!(made.len() <= 64);
            assert_eq!(made, alias, "{canonical}");
        }
    }

    #[test]
    fn names_that_would_share_an_alias_keep_apart_in_every_order() {
        let names = ["a__b.c", "a.b__c", "a.d"].map(|name| CapabilityName::new(name).unwrap());
        let aliases = openai_aliases(&names);
        let reversed = openai_aliases(names.iter().rev());
        assert_eq!(aliases, reversed);
        let shown: Vec<String> = aliases.iter().map(|(name, alias)| format!("{name} {alias}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        a.b__c a__b__c_44b440f7
        a.d a__d
        a__b.c a__b__c_57a76311
        ");
    }
}
