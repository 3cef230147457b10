//! How is content named by its hash?

use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::canonical::{self, CanonicalError};
use crate::text::checked_text;

checked_text! {
    /// A digest, `sha256:` and 64 lower-case hex digits when it is ours. Other writers' need only the prefix and
    /// something behind it.
    Digest, is_digest, "a digest: `sha256:` and the hash"
}

impl Digest {
    /// The digest of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(digest(&SHA256, bytes).as_ref())))
    }

    /// The digest of a record's canonical JSON.
    pub fn of(record: &impl Serialize) -> Result<Self, CanonicalError> {
        Ok(Self::of_bytes(&canonical::to_vec(record)?))
    }

    /// The hash without its prefix.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

/// The digest of a record's canonical JSON without one of its members: the one that holds the digest.
pub(crate) fn digest_without(member: &str, record: &impl Serialize) -> Result<Digest, CanonicalError> {
    let mut content = serde_json::to_value(record).map_err(CanonicalError::NotJson)?;
    if let Some(members) = content.as_object_mut() {
        members.remove(member);
    }
    Ok(Digest::of_bytes(&canonical::of_value(&content)?))
}

/// Lower-case hex of these bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hash| !hash.is_empty() && text.len() <= 512 && !hash.chars().any(char::is_control))
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^sha256:.+"})
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        insta::assert_snapshot!(Digest::of_bytes(b""), @"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn the_order_of_members_does_not_change_the_digest() {
        let one: serde_json::Value = serde_json::from_str(r#"{"a":1,"b":{"c":2,"d":3}}"#).unwrap();
        let other: serde_json::Value = serde_json::from_str(r#"{"b":{"d":3,"c":2},"a":1.0}"#).unwrap();
        assert_eq!(Digest::of(&one).unwrap(), Digest::of(&other).unwrap());
    }

    #[test]
    fn foreign_digests_need_only_the_prefix() {
        assert!(Digest::new("sha256:ab12").is_some());
        assert!(Digest::new("sha256:").is_none());
        assert!(Digest::new("md5:ab").is_none());
    }
}
