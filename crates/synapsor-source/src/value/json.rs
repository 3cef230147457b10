//! When are two JSON texts the same value?

use synapsor_protocol::Scalar;
use synapsor_protocol::preparse::{self, Limits};

use crate::error::ValueError;

/// The text on one line with its members sorted, if that loses nothing; else the text as it is.
///
/// A number that a double does not hold, a name that occurs twice, or a deep tree keep their text: two of them are the
/// same only if they are spelled the same.
pub(super) fn canonical(text: &str) -> Result<Scalar, ValueError> {
    const MALFORMED: ValueError = ValueError::Malformed { expected: "a json text" };
    if preparse::check(text.as_bytes(), Limits::DEFAULT).is_ok() {
        // serde_json keeps members in a sorted map.
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
        return Ok(value.to_string().into());
    }
    // `IgnoredAny` reads any JSON without holding it.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| MALFORMED)?;
    Ok(text.into())
}
