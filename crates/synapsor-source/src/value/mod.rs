//! Which value may a column hold, and what is its one canonical form?
//!
//! A value is parsed once into its column's type. What comes out is the form in which a row that holds it reads, so two
//! values are the same if and only if their canonical forms are equal, byte for byte.
//!
//! | type | travels as | canonical form |
//! |---|---|---|
//! | boolean | boolean | |
//! | integer | number; beyond ±2^53 string | decimal digits |
//! | numeric | string | plain decimal, padded to the column's scale |
//! | float | number | shortest form; no NaN, no infinity |
//! | text, enum | string | as it is; `char(n)` without trailing blanks |
//! | uuid | string | lower case with hyphens |
//! | date | string | `2026-03-02` |
//! | timestamp | string | `2026-03-02T08:00:00.123456`, as many digits as the column keeps |
//! | timestamp with time zone | string | the same in UTC, with `Z` |
//! | json | string | one line, members sorted, where every number fits a double; else as it is |
//!
//! SQLite keeps times and uuids as texts; they stay as they are, because to the database they are their bytes.
//!
//! # Invariants
//! - Nothing is rounded, cut or coerced: what does not survive is a [`ValueError`].
//! - Knows no engine. Each engine maps its types to a [`ValueKind`] in one table of its own.

mod decimal;
mod json;
mod moment;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use synapsor_protocol::{Identifier, Number, Scalar};

use crate::error::ValueError;

pub(crate) use decimal::Decimal;
#[cfg(feature = "guarded-write")]
pub(crate) use moment::later_text;

/// The largest stored text that is shown, in bytes. A larger one is refused by its column's name.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A value that was parsed into its column's type, in the column's canonical form.
///
/// Only [`CheckedTable`](crate::CheckedTable) makes one, so it is also the proof that column and type exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedValue {
    pub(crate) column: Identifier,
    pub(crate) kind: ValueKind,
    pub(crate) scalar: Scalar,
}

impl CheckedValue {
    /// The value in canonical form: what a row that holds it reads as.
    pub fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    /// The column that it was checked for.
    pub fn column(&self) -> &Identifier {
        &self.column
    }
}

/// What a column holds, in words that all engines share.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "postgres", feature = "sqlite")), expect(dead_code, reason = "no engine has all kinds"))]
pub(crate) enum ValueKind {
    Boolean,
    Integer {
        min: i128,
        max: i128,
    },
    /// An exact decimal with this many digits, so many of them behind the point.
    Fixed {
        precision: u32,
        scale: i32,
    },
    /// An exact decimal that keeps as many digits as it is given.
    Decimal,
    /// A decimal that is stored as a 64-bit integer or a double: what neither holds exactly is refused.
    DoubleDecimal,
    Float {
        single: bool,
    },
    Text {
        limit: Option<u32>,
        padded: bool,
    },
    Uuid,
    /// A uuid kept as text, its case included.
    UuidText,
    Date,
    Timestamp {
        digits: u8,
        zoned: bool,
    },
    /// A date or a time kept as text.
    MomentText {
        date_only: bool,
    },
    Json,
    Enum(Arc<[String]>),
}

impl ValueKind {
    /// The canonical form of a value that somebody gives for this column. Null stays null.
    pub(crate) fn check(&self, value: &Scalar) -> Result<Scalar, ValueError> {
        match (self, value) {
            (_, Scalar::Null) => Ok(Scalar::Null),
            (Self::Boolean, Scalar::Bool(value)) => Ok(Scalar::Bool(*value)),
            (Self::Integer { .. } | Self::Fixed { .. } | Self::Decimal | Self::DoubleDecimal, Scalar::Number(number)) => {
                self.parse(&number.to_string())
            }
            (Self::Float { single }, Scalar::Number(number)) => float(number.as_f64(), *single),
            (Self::Boolean | Self::Float { .. }, _) | (_, Scalar::Bool(_) | Scalar::Number(_)) => Err(self.malformed()),
            (_, Scalar::String(text)) if text.contains('\0') => Err(ValueError::Nul),
            (Self::MomentText { date_only }, Scalar::String(text)) => moment::check_text(text, *date_only),
            (_, Scalar::String(text)) => self.parse(text),
        }
    }

    /// The canonical form of what a database wrote as text, in the forms that the pinned session writes.
    pub(crate) fn parse(&self, text: &str) -> Result<Scalar, ValueError> {
        match self {
            Self::Boolean => boolean(text).ok_or_else(|| self.malformed()),
            Self::Integer { min, max } => integer(text, *min, *max),
            Self::Fixed { precision, scale } => Ok(decimal(text)?.fixed(*precision, *scale)?.into()),
            Self::Decimal => Ok(decimal(text)?.plain().into()),
            Self::DoubleDecimal => Ok(decimal(text)?.exact_in_double()?.into()),
            Self::Float { single } => float(text.parse().map_err(|_| self.malformed())?, *single),
            Self::Text { limit, padded } => self::text(text, *limit, *padded),
            Self::Uuid => Ok(uuid(text)?.hyphenated().to_string().into()),
            Self::UuidText => uuid(text).map(|_| text.into()),
            Self::Date => moment::date(text),
            Self::Timestamp { digits, zoned } => moment::timestamp(text, *digits, *zoned),
            Self::MomentText { .. } => Ok(text.into()),
            Self::Json => json::one_line(text),
            Self::Enum(labels) if labels.iter().any(|label| label == text) => Ok(text.into()),
            Self::Enum(_) => Err(ValueError::UnknownLabel),
        }
    }

    /// The canonical form of what a row holds, if it is not too large to be shown.
    pub(crate) fn stored(&self, text: &str) -> Result<Scalar, ValueError> {
        if text.len() > MAX_TEXT_BYTES { Err(ValueError::TooLarge { limit: MAX_TEXT_BYTES }) } else { self.parse(text) }
    }

    /// Whether a row may be found by such a column: equal values have equal bytes.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Uuid | Self::UuidText | Self::Text { padded: false, .. })
    }

    /// Whether such a column may be a version.
    pub(crate) fn is_version(&self) -> bool {
        match self {
            Self::Boolean | Self::Float { .. } | Self::Json | Self::Enum(_) => false,
            Self::Integer { .. }
            | Self::Fixed { .. }
            | Self::Decimal
            | Self::DoubleDecimal
            | Self::Text { .. }
            | Self::Uuid
            | Self::UuidText
            | Self::Date
            | Self::Timestamp { .. }
            | Self::MomentText { .. } => true,
        }
    }

    /// Whether two changes within a millisecond may leave the same version.
    pub(crate) fn is_coarse_version(&self) -> bool {
        match self {
            Self::Timestamp { digits, .. } => *digits < 3,
            // A text says nothing of what moves it, nor how often.
            Self::Date | Self::MomentText { .. } | Self::Text { .. } => true,
            Self::Boolean
            | Self::Integer { .. }
            | Self::Fixed { .. }
            | Self::Decimal
            | Self::DoubleDecimal
            | Self::Float { .. }
            | Self::Uuid
            | Self::UuidText
            | Self::Json
            | Self::Enum(_) => false,
        }
    }

    /// Whether we know the next version of such a column.
    pub(crate) fn has_next_version(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Uuid | Self::UuidText | Self::Timestamp { .. } | Self::MomentText { date_only: false })
    }

    fn malformed(&self) -> ValueError {
        ValueError::Malformed { expected: self.expected() }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer { .. } => "an integer",
            Self::Fixed { .. } | Self::Decimal | Self::DoubleDecimal => "a decimal number",
            Self::Float { .. } => "a number",
            Self::Text { .. } | Self::Enum(_) => "a text",
            Self::Uuid | Self::UuidText => "a uuid",
            Self::Date | Self::MomentText { date_only: true } => "a date, 2026-03-02",
            Self::Timestamp { .. } | Self::MomentText { date_only: false } => "a date and time, 2026-03-02T08:00:00Z",
            Self::Json => "a json text",
        }
    }
}

fn boolean(text: &str) -> Option<Scalar> {
    match text {
        "true" | "t" => Some(Scalar::Bool(true)),
        "false" | "f" => Some(Scalar::Bool(false)),
        _ => None,
    }
}

fn integer(text: &str, min: i128, max: i128) -> Result<Scalar, ValueError> {
    const MALFORMED: ValueError = ValueError::Malformed { expected: "an integer" };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    if digits.is_empty() || !plain || text == "-0" {
        return Err(MALFORMED);
    }
    // Only digits are left, so whatever does not parse is too large.
    let value: i128 = text.parse().map_err(|_| ValueError::OutOfRange)?;
    if !(min..=max).contains(&value) {
        return Err(ValueError::OutOfRange);
    }
    Ok(i64::try_from(value).map_or_else(|_| Scalar::String(value.to_string()), Scalar::from))
}

fn decimal(text: &str) -> Result<Decimal, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "nan" | "infinity" | "-infinity" => Err(ValueError::NotFinite),
        _ => Decimal::parse(text).ok_or(ValueError::Malformed { expected: "a decimal number" }),
    }
}

/// The double, or the shortest double of the single that it is.
fn float(value: f64, single: bool) -> Result<Scalar, ValueError> {
    let number = Number::from_f64(value).ok_or(ValueError::NotFinite)?;
    if !single {
        return Ok(Scalar::Number(number));
    }
    // The shortest digits of a single identify it, and they are what the database prints.
    let narrow = value as f32;
    let survives = narrow.to_string().parse::<f64>().is_ok_and(|again| again == value);
    match narrow.is_finite() {
        false => Err(ValueError::OutOfRange),
        true if survives => Ok(Scalar::Number(number)),
        true => Err(ValueError::TooPrecise),
    }
}

fn text(text: &str, limit: Option<u32>, padded: bool) -> Result<Scalar, ValueError> {
    let kept = if padded { text.trim_end_matches(' ') } else { text };
    match limit {
        Some(limit) if kept.chars().count() > limit as usize => Err(ValueError::TooLong { limit }),
        _ => Ok(kept.into()),
    }
}

fn uuid(text: &str) -> Result<uuid::Uuid, ValueError> {
    // The crate accepts braces and URNs too; a database may not.
    let form = matches!(text.len(), 32 | 36);
    let parsed = uuid::Uuid::try_parse(text).ok().filter(|_| form);
    parsed.ok_or(ValueError::Malformed { expected: "a uuid" })
}
