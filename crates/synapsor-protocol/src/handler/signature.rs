//! Who sent this request, and when?
//!
//! Two schemes, side by side:
//!
//! - Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`, an HMAC-SHA256 over
//!   `id.timestamp.body`. Of a secret that begins with `whsec_` the key is the base64 behind it, of any other its bytes.
//! - The older scheme: `X-Synapsor-Signature: sha256=<hex>`, an HMAC-SHA256 over the body alone, always with the bytes of the
//!   whole secret. When it was sent is `issued_at` inside the body, and the header `X-Synapsor-Issued-At` must be equal.
//!
//! # Invariants
//! - Whatever signature headers are present must all verify; one is needed at least.
//! - Whether a request is fresh is judged only from what is signed.
//! - Every comparison with a secret takes the same time whatever the secret is.
//!
//! Start reading at [`Signatures::of`] and [`verify`].

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use ring::hmac;

use crate::digest::hex;
use crate::operation::OperationId;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The headers of the two schemes, in small letters.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When, in seconds since 1970.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// The signatures, with blanks between them.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";
/// The signature of the older scheme.
pub const SYNAPSOR_SIGNATURE: &str = "x-synapsor-signature";
/// When, as in the body.
pub const SYNAPSOR_ISSUED_AT: &str = "x-synapsor-issued-at";

/// How far from now a request may have been sent, into the past and into the future alike.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// How a secret of Standard Webhooks begins.
const PREFIX: &str = "whsec_";
/// The longest signature header that is looked at.
const MAX_HEADER_BYTES: usize = 4096;
/// The most signatures that are looked at: a sender in the middle of a rotation has two.
const MAX_SIGNATURES: usize = 16;
/// Secrets are made with and without the signs that fill up.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// A secret that requests are signed with. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningSecret {
    /// The key of Standard Webhooks.
    webhook: hmac::Key,
    /// The key of the older scheme.
    whole: hmac::Key,
}

/// Why a text is no signing secret. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is nothing to sign with.
    #[error("the signing secret is empty")]
    Empty,
    /// It begins with `whsec_` and goes on with something else than base64.
    #[error("the signing secret begins with `whsec_`, and no base64 follows")]
    NotBase64,
}

/// Why a request is not accepted as its sender's. Nothing of it was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature at all.
    #[error("the request is not signed")]
    Missing,
    /// Some headers of a scheme, but not all of them, or headers that are too long.
    #[error("the headers of the signature are not as they must be")]
    Malformed,
    /// A signature that no secret made.
    #[error("a signature does not verify")]
    Wrong,
    /// The moment is missing, is not the signed one, or is no moment.
    #[error("the moment at which the request was sent is missing or is not the signed one")]
    Moment,
    /// It was sent too long ago, or will be sent in the future.
    #[error("the request was sent too far from now")]
    Stale,
}

/// The signatures of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// `webhook-id`.
    pub webhook_id: String,
    /// `webhook-timestamp`.
    pub webhook_timestamp: String,
    /// `webhook-signature`: one for each secret.
    pub webhook_signature: String,
    /// `X-Synapsor-Signature`, by the first secret.
    pub synapsor_signature: String,
    /// `X-Synapsor-Issued-At`, the body's `issued_at`.
    pub issued_at: String,
}

/// The headers of a request, as they came; each at most once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// `webhook-id`.
    pub webhook_id: Option<&'a [u8]>,
    /// `webhook-timestamp`.
    pub webhook_timestamp: Option<&'a [u8]>,
    /// `webhook-signature`.
    pub webhook_signature: Option<&'a [u8]>,
    /// `X-Synapsor-Signature`.
    pub synapsor_signature: Option<&'a [u8]>,
    /// `X-Synapsor-Issued-At`.
    pub issued_at: Option<&'a [u8]>,
}

/// What the signatures of a request prove: that its body is the sender's, and from when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The moment of Standard Webhooks, if the request carries that scheme.
    webhook_at: Option<Timestamp>,
    /// The body was signed by the older scheme, so that only the body itself can say when.
    body_alone: bool,
    /// The header beside it.
    header: Option<Vec<u8>>,
}

impl SigningSecret {
    /// Takes a secret into use.
    pub fn new(secret: &Secret) -> Result<Self, SecretError> {
        let text = secret.expose();
        let key = match text.strip_prefix(PREFIX) {
            Some(encoded) => LENIENT.decode(encoded).map_err(|_| SecretError::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if key.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self { webhook: hmac::Key::new(hmac::HMAC_SHA256, &key), whole: hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()) })
    }

    fn webhook_tag(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.webhook);
        for part in [id, b".", timestamp, b".", body] {
            context.update(part);
        }
        context.sign()
    }

    /// Whether the bytes are equal, in a time that depends on none of them: MACs of both are compared.
    fn same(&self, expected: &[u8], given: &[u8]) -> bool {
        hmac::verify(&self.whole, expected, hmac::sign(&self.whole, given).as_ref()).is_ok()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Signatures {
    /// Signs a body with every secret; `issued_at` is the body's member, letter for letter. `None` without a secret, or if the
    /// moment is none.
    pub fn of(secrets: &[SigningSecret], operation: &OperationId, issued_at: &str, body: &[u8]) -> Option<Self> {
        let first = secrets.first()?;
        let timestamp = Timestamp::parse(issued_at)?.as_micros().div_euclid(1_000_000).to_string();
        let signed = |secret: &SigningSecret| {
            let tag = secret.webhook_tag(operation.as_str().as_bytes(), timestamp.as_bytes(), body);
            format!("v1,{}", STANDARD.encode(tag))
        };
        Some(Self {
            webhook_id: operation.to_string(),
            webhook_signature: secrets.iter().map(signed).collect::<Vec<_>>().join(" "),
            synapsor_signature: format!("sha256={}", hex(hmac::sign(&first.whole, body).as_ref())),
            webhook_timestamp: timestamp,
            issued_at: issued_at.to_owned(),
        })
    }

    /// Names and values of the headers.
    pub fn headers(&self) -> [(&'static str, &str); 5] {
        [
            (WEBHOOK_ID, &self.webhook_id),
            (WEBHOOK_TIMESTAMP, &self.webhook_timestamp),
            (WEBHOOK_SIGNATURE, &self.webhook_signature),
            (SYNAPSOR_SIGNATURE, &self.synapsor_signature),
            (SYNAPSOR_ISSUED_AT, &self.issued_at),
        ]
    }
}

/// Verifies every signature that is there, against every secret. Before that nothing of the body is to be read.
pub fn verify(secrets: &[SigningSecret], presented: &Presented<'_>, body: &[u8]) -> Result<Proven, SignatureError> {
    let webhook_at = verify_webhook(secrets, presented, body)?;
    let body_alone = verify_body(secrets, presented, body)?;
    if webhook_at.is_none() && !body_alone {
        return Err(SignatureError::Missing);
    }
    Ok(Proven { webhook_at, body_alone, header: presented.issued_at.map(<[u8]>::to_vec) })
}

impl Proven {
    /// Whether the request was sent within `tolerance` of now, both ends included. `issued_at` is the member of the signed body.
    pub fn check_fresh(&self, issued_at: Option<&str>, now: Timestamp, tolerance: Duration) -> Result<(), SignatureError> {
        // A header that says another moment than the signed body is a request that somebody dressed anew.
        if self.header.as_deref().is_some_and(|header| issued_at.map(str::as_bytes) != Some(header)) {
            return Err(SignatureError::Moment);
        }
        if self.body_alone && self.header.is_none() {
            return Err(SignatureError::Moment);
        }
        let inside = match issued_at {
            Some(text) => Some(Timestamp::parse(text).ok_or(SignatureError::Moment)?),
            None => None,
        };
        let within = |moment: Timestamp| moment.since(now) <= tolerance && now.since(moment) <= tolerance;
        let mut moments = [self.webhook_at, inside].into_iter().flatten();
        if moments.all(within) { Ok(()) } else { Err(SignatureError::Stale) }
    }
}

/// The moment that Standard Webhooks' signature covers; `None` without its headers.
fn verify_webhook(secrets: &[SigningSecret], presented: &Presented<'_>, body: &[u8]) -> Result<Option<Timestamp>, SignatureError> {
    let (id, timestamp, signatures) = match (presented.webhook_id, presented.webhook_timestamp, presented.webhook_signature) {
        (None, None, None) => return Ok(None),
        (Some(id), Some(timestamp), Some(signatures)) => (id, timestamp, signatures),
        _ => return Err(SignatureError::Malformed),
    };
    let at = seconds(timestamp).ok_or(SignatureError::Malformed)?;
    if signatures.len() > MAX_HEADER_BYTES || id.len() > MAX_HEADER_BYTES {
        return Err(SignatureError::Malformed);
    }
    let given: Vec<&[u8]> = signatures.split(|byte| *byte == b' ').filter(|part| !part.is_empty()).collect();
    if given.len() > MAX_SIGNATURES {
        return Err(SignatureError::Malformed);
    }
    // Signatures of versions that we do not know are for somebody else.
    let tags: Vec<Vec<u8>> = given.iter().filter_map(|part| STANDARD.decode(part.strip_prefix(b"v1,")?).ok()).collect();
    let mut verified = false;
    for secret in secrets {
        let expected = secret.webhook_tag(id, timestamp, body);
        for tag in &tags {
            verified |= secret.same(expected.as_ref(), tag);
        }
    }
    if verified { Ok(Some(at)) } else { Err(SignatureError::Wrong) }
}

/// Whether the older scheme's signature is there; an error if it is wrong.
fn verify_body(secrets: &[SigningSecret], presented: &Presented<'_>, body: &[u8]) -> Result<bool, SignatureError> {
    let Some(header) = presented.synapsor_signature else { return Ok(false) };
    let digits = header.strip_prefix(b"sha256=").filter(|digits| digits.len() == 64).ok_or(SignatureError::Wrong)?;
    let mut verified = false;
    for secret in secrets {
        verified |= secret.same(hex(hmac::sign(&secret.whole, body).as_ref()).as_bytes(), digits);
    }
    if verified { Ok(true) } else { Err(SignatureError::Wrong) }
}

/// Seconds since 1970, in digits alone.
fn seconds(text: &[u8]) -> Option<Timestamp> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Timestamp::from_micros(digits.parse::<i64>().ok()?.checked_mul(1_000_000)?)
}
