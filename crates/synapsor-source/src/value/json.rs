//! When are two JSON texts the same value?

use synapsor_protocol::preparse::{self, Limits};
use synapsor_protocol::{Scalar, canonical};

use crate::error::ValueError;

/// The text on one line with its members sorted, if that loses nothing; else the text as it is.
///
/// A number that a double does not hold, a name that occurs twice, or a deep tree keep their text: two of them are the
/// same only if they are spelled the same.
pub(super) fn one_line(text: &str) -> Result<Scalar, ValueError> {
    const MALFORMED: ValueError = ValueError::Malformed { expected: "a json text" };
    if preparse::check(text.as_bytes(), Limits::DEFAULT).is_ok() {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
        // A database may write 1e2 as 100: equal numbers get equal digits.
        let written = canonical::to_vec(&value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return Ok(written.unwrap_or_else(|| text.to_owned()).into());
    }
    // `IgnoredAny` reads any JSON without holding it.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| MALFORMED)?;
    Ok(text.into())
}
