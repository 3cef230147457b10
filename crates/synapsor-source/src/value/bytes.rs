//! How do bytes travel?
//!
//! As base64 of RFC 4648, with padding, in one line. Another spelling of the same bytes is refused: a program that compares
//! texts must come to the same answer as one that compares bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use synapsor_protocol::Scalar;

use super::MAX_TEXT_BYTES;
use crate::error::ValueError;

/// The most stored bytes that are shown: their base64 is as long as the longest text.
const MAX_BYTES: usize = MAX_TEXT_BYTES / 4 * 3;

/// The canonical form of bytes in base64.
pub(super) fn check(text: &str, limit: Option<u32>, padded: bool) -> Result<Scalar, ValueError> {
    let bytes = STANDARD.decode(text).map_err(|_| ValueError::Malformed { expected: "bytes in base64" })?;
    canonical(bytes, limit, padded)
}

/// The canonical form of bytes; a fixed width is filled with zeros, as the column does.
pub(super) fn canonical(mut bytes: Vec<u8>, limit: Option<u32>, padded: bool) -> Result<Scalar, ValueError> {
    let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_BYTES).min(MAX_BYTES);
    if bytes.len() > most {
        return Err(ValueError::TooLarge { limit: most });
    }
    if padded {
        bytes.resize(most, 0);
    }
    Ok(STANDARD.encode(bytes).into())
}

/// The bytes of a canonical value.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::super::ValueKind;
    use super::super::tests::check;

    #[test]
    fn bytes_have_one_spelling() {
        let inputs = ["\"\"", "\"AA==\"", "\"/+8=\"", "\"_-8=\"", "\"AA\"", "\"AB==\"", "\"A A==\"", "\"AA==\\n\"", "\"AAAAAA==\"", "7"];
        insta::assert_snapshot!(check(&ValueKind::Bytes { limit: Some(3), padded: false }, &inputs), @r#"
        "" => ""
        "AA==" => "AA=="
        "/+8=" => "/+8="
        "_-8=" => refused: expected bytes in base64
        "AA" => refused: expected bytes in base64
        "AB==" => refused: expected bytes in base64
        "A A==" => refused: expected bytes in base64
        "AA==\n" => refused: expected bytes in base64
        "AAAAAA==" => refused: larger than 3 bytes
        7 => refused: expected bytes in base64
        "#);
        insta::assert_snapshot!(check(&ValueKind::Bytes { limit: Some(3), padded: true }, &["\"\"", "\"AQ==\"", "\"AQID\"", "\"AQIDBA==\""]), @r#"
        "" => "AAAA"
        "AQ==" => "AQAA"
        "AQID" => "AQID"
        "AQIDBA==" => refused: larger than 3 bytes
        "#);
    }
}
