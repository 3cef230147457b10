//! How is a secret held?

use std::fmt;

use ring::{digest, hmac};

/// A secret from the environment: a token, a key, a database URL.
///
/// Neither `Debug` nor `Display` shows it, it is not `Serialize`, and comparing goes through [`Secret::matches`].
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret over.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the candidate is the secret, in a time that depends on neither's content.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        // Comparing MACs under a key of this secret hides the length as well.
        let key = hmac::Key::new(hmac::HMAC_SHA256, digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        let expected = hmac::sign(&key, self.0.as_bytes());
        hmac::verify(&key, candidate, expected.as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("canary-7f".into());
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[redacted] [redacted] Some([redacted])");
    }

    #[test]
    fn only_the_same_bytes_match() {
        let secret = Secret::new("canary-7f".into());
        assert!(secret.matches(b"canary-7f"));
        for other in ["canary-7", "canary-7f ", "CANARY-7F", ""] {
            assert!(!secret.matches(other.as_bytes()), "{other:?}");
        }
    }
}
