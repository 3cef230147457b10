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
//! | set | string | its labels in the order of the declaration, with commas between them |
//! | bits | string | `0101`, all of them |
//! | bytes | string | base64 with padding; a fixed width filled with zeros |
//! | uuid | string | lower case with hyphens |
//! | date | string | `2026-03-02` |
//! | timestamp | string | `2026-03-02T08:00:00.123456`, as many digits as the column keeps |
//! | timestamp with time zone | string | the same in UTC, with `Z` |
//! | time | string | `08:00:00.123456`, as many digits as the column keeps; with zone `+02:00` behind it |
//! | interval | string | `P1Y2M3DT4H5M6.789S`, as PostgreSQL writes it |
//! | year | number | |
//! | address | string | `192.168.0.1/24`, `2001:db8::1`, `08:00:2b:01:02:03` |
//! | array | string | `[1,2,null]`: a JSON array of canonical elements |
//! | json | string | one line, members sorted, where every number fits a double; else as it is |
//!
//! SQLite keeps dates, times and uuids as texts; they stay as they are, because to the database they are their bytes.
//!
//! # Invariants
//! - Nothing is rounded, cut or coerced: what does not survive is a [`ValueError`].
//! - Knows no engine. Each engine maps its types to a [`ValueKind`] in one table of its own.

mod bytes;
mod clock;
mod decimal;
#[cfg(test)]
pub(crate) mod documented;
mod json;
mod list;
mod moment;
mod net;
mod span;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use synapsor_protocol::{Identifier, Number, Scalar};

use crate::error::ValueError;

pub(crate) use bytes::decode as decode_bytes;
pub(crate) use decimal::Decimal;
#[cfg(feature = "postgres")]
pub(crate) use list::elements as list_elements;
#[cfg(feature = "guarded-write")]
pub(crate) use moment::later_text;

/// The largest text that is shown or taken, in bytes. A larger one is refused by its column's name.
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
#[cfg_attr(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")), expect(dead_code, reason = "no engine has all kinds"))]
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
    /// `infinite`: PostgreSQL's `infinity` and `-infinity` are dates too.
    Date {
        infinite: bool,
    },
    Timestamp {
        digits: u8,
        zoned: bool,
        infinite: bool,
    },
    /// A date or a time kept as text.
    MomentText {
        date_only: bool,
    },
    Json,
    Enum(Arc<[String]>),
    /// Any of these labels together, in their order.
    Set(Arc<[String]>),
    Time {
        digits: u8,
        range: ClockRange,
    },
    /// A time of day kept as text.
    TimeText,
    /// Months, days and seconds with so many digits, each for itself.
    Interval {
        digits: u8,
    },
    /// A year of four digits, 1901 to 2155, or 0.
    Year,
    /// Bytes, at most `limit`; `padded` fills them up to it with zeros.
    Bytes {
        limit: Option<u32>,
        padded: bool,
    },
    /// Binary digits: exactly `width`, or at most so many if `varying`.
    Bits {
        width: Option<u32>,
        varying: bool,
    },
    /// An address of either family with the length of its network; a `network` has no host bits.
    Inet {
        network: bool,
    },
    /// An address of one family.
    Address {
        v6: bool,
    },
    /// The address of a network card.
    Mac {
        bytes: u8,
    },
    /// A list of one dimension.
    Array(Box<ValueKind>),
}

/// Which times a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "another engine's times have no zone"))]
pub(crate) enum ClockRange {
    /// A time of day, 24:00 included.
    Day,
    /// A time of day in a zone that is kept.
    Zoned,
    /// From -838:59:59 to 838:59:59.
    Span,
}

impl ValueKind {
    /// The canonical form of a value that somebody gives for this column. Null stays null.
    pub(crate) fn check(&self, value: &Scalar) -> Result<Scalar, ValueError> {
        match (self, value) {
            (_, Scalar::Null) => Ok(Scalar::Null),
            (Self::Boolean, Scalar::Bool(value)) => Ok(Scalar::Bool(*value)),
            (Self::Integer { .. } | Self::Fixed { .. } | Self::Decimal | Self::DoubleDecimal | Self::Year, Scalar::Number(number)) => {
                self.parse(&number.to_string())
            }
            (Self::Float { single }, Scalar::Number(number)) => float(number.as_f64(), *single),
            // A time kept as a number of seconds, or of whatever.
            (Self::MomentText { .. }, Scalar::Number(number)) if number.as_i64().is_some() => Ok(value.clone()),
            (Self::Boolean | Self::Float { .. }, _) | (_, Scalar::Bool(_) | Scalar::Number(_)) => Err(self.malformed()),
            (_, Scalar::String(text)) if text.contains('\0') => Err(ValueError::Nul),
            (Self::MomentText { date_only }, Scalar::String(text)) => moment::check_text(text, *date_only),
            (Self::TimeText, Scalar::String(text)) => clock::check_text(text),
            (_, Scalar::String(text)) => self.stored(text),
        }
    }

    /// The canonical form of what a database wrote as text, in the forms that the pinned session writes; of bytes and of
    /// lists their canonical form itself.
    pub(crate) fn parse(&self, text: &str) -> Result<Scalar, ValueError> {
        match self {
            Self::Boolean => boolean(text).ok_or_else(|| self.malformed()),
            Self::Integer { min, max } => integer(text, *min, *max),
            Self::Fixed { precision, scale } => Ok(decimal(text)?.fixed(*precision, *scale)?.into()),
            Self::Decimal => Ok(decimal(text)?.plain().into()),
            Self::DoubleDecimal => Ok(decimal(text)?.exact_in_double()?.into()),
            // Of the digits that name a single, every program may print others.
            Self::Float { single: true } => shortest(text.parse().map_err(|_| self.malformed())?),
            Self::Float { single: false } => float(text.parse().map_err(|_| self.malformed())?, false),
            Self::Text { limit, padded } => self::text(text, *limit, *padded),
            Self::Uuid => Ok(uuid(text)?.hyphenated().to_string().into()),
            Self::UuidText => uuid(text).map(|_| text.into()),
            Self::Date { infinite } => moment::date(text, *infinite),
            Self::Timestamp { digits, zoned, infinite } => moment::timestamp(text, *digits, *zoned, *infinite),
            Self::MomentText { .. } => Ok(text.into()),
            Self::Json => json::one_line(text),
            Self::Enum(labels) if labels.iter().any(|label| label == text) => Ok(text.into()),
            Self::Enum(_) => Err(ValueError::UnknownLabel),
            Self::Set(labels) => set(text, labels),
            Self::Time { digits, range } => clock::time(text, *digits, *range),
            Self::TimeText => Ok(text.into()),
            Self::Interval { digits } => span::interval(text, *digits),
            Self::Year => year(text),
            Self::Bytes { limit, padded } => bytes::check(text, *limit, *padded),
            Self::Bits { width, varying } => bits(text, *width, *varying),
            Self::Inet { network } => net::inet(text, *network),
            Self::Address { v6 } => net::address(text, *v6),
            Self::Mac { bytes } => net::mac(text, *bytes),
            Self::Array(element) => list::check(element, text),
        }
    }

    /// The canonical form of what a row holds, if it is not too large to be shown and without NUL, which no record holds.
    pub(crate) fn stored(&self, text: &str) -> Result<Scalar, ValueError> {
        match text {
            _ if text.len() > MAX_TEXT_BYTES => Err(ValueError::TooLarge { limit: MAX_TEXT_BYTES }),
            _ if text.contains('\0') => Err(ValueError::Nul),
            _ => self.parse(text),
        }
    }

    /// The canonical form of the double that a row holds.
    #[cfg(feature = "sqlite")]
    pub(crate) fn stored_double(double: f64) -> Result<Scalar, ValueError> {
        float(double, false)
    }

    /// The canonical form of the bytes that a row holds.
    pub(crate) fn stored_bytes(&self, bytes: &[u8]) -> Result<Scalar, ValueError> {
        match self {
            Self::Bytes { limit, padded } => bytes::canonical(bytes.to_vec(), *limit, *padded),
            _ => Err(ValueError::OtherStorage),
        }
    }

    /// The canonical form of the list that a row holds, by its elements as the database writes them.
    #[cfg(feature = "postgres")]
    pub(crate) fn stored_list(elements: impl IntoIterator<Item = Result<Scalar, ValueError>>) -> Result<Scalar, ValueError> {
        list::canonical(&elements.into_iter().collect::<Result<Vec<_>, _>>()?)
    }

    /// Whether a row may be found by such a column: equal values have equal bytes.
    pub(crate) fn is_key(&self) -> bool {
        matches!(
            self,
            Self::Integer { .. } | Self::Fixed { .. } | Self::Uuid | Self::UuidText | Self::Text { padded: false, .. } | Self::Bytes { .. }
        )
    }

    /// Whether such a column holds integers or decimals exactly.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn is_exact_number(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Fixed { .. } | Self::Decimal | Self::DoubleDecimal | Self::Year)
    }

    /// Whether such a column may be a version.
    pub(crate) fn is_version(&self) -> bool {
        match self {
            Self::Boolean
            | Self::Float { .. }
            | Self::Json
            | Self::Enum(_)
            | Self::Set(_)
            | Self::Time { .. }
            | Self::TimeText
            | Self::Interval { .. }
            | Self::Year
            | Self::Bits { .. }
            | Self::Inet { .. }
            | Self::Address { .. }
            | Self::Mac { .. }
            | Self::Array(_) => false,
            Self::Integer { .. }
            | Self::Fixed { .. }
            | Self::Decimal
            | Self::DoubleDecimal
            | Self::Bytes { .. }
            | Self::Text { .. }
            | Self::Uuid
            | Self::UuidText
            | Self::Date { .. }
            | Self::Timestamp { .. }
            | Self::MomentText { .. } => true,
        }
    }

    /// Whether two changes within a millisecond may leave the same version.
    pub(crate) fn is_coarse_version(&self) -> bool {
        match self {
            Self::Timestamp { digits, .. } => *digits < 3,
            // Text and bytes say nothing of what moves them, nor how often.
            Self::Date { .. } | Self::MomentText { .. } | Self::Text { .. } | Self::Bytes { .. } => true,
            _ => false,
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
            Self::Date { .. } | Self::MomentText { date_only: true } => "a date, 2026-03-02",
            Self::Timestamp { .. } | Self::MomentText { date_only: false } => "a date and time, 2026-03-02T08:00:00Z",
            Self::Json => "a json text",
            Self::Set(_) => "labels with commas between them",
            Self::Time { .. } | Self::TimeText => "a time, 08:00:00",
            Self::Interval { .. } => "an interval, P1Y2M3DT4H5M6.789S",
            Self::Year => "a year",
            Self::Bytes { .. } => "bytes in base64",
            Self::Bits { .. } => "binary digits, 0101",
            Self::Inet { .. } | Self::Address { .. } | Self::Mac { .. } => "an address",
            Self::Array(_) => "a json array in a text, [1,2]",
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

fn year(text: &str) -> Result<Scalar, ValueError> {
    let year = integer(text, 0, 2155)?;
    if matches!(&year, Scalar::Number(number) if number.as_i64().is_some_and(|year| year == 0 || year > 1900)) {
        Ok(year)
    } else {
        Err(ValueError::OutOfRange)
    }
}

fn bits(text: &str, width: Option<u32>, varying: bool) -> Result<Scalar, ValueError> {
    const MALFORMED: ValueError = ValueError::Malformed { expected: "as many binary digits as the column has" };
    if !text.bytes().all(|b| matches!(b, b'0' | b'1')) {
        return Err(ValueError::Malformed { expected: "binary digits, 0101" });
    }
    match width {
        Some(limit) if text.len() > limit as usize => Err(ValueError::TooLong { limit }),
        Some(limit) if !varying && text.len() < limit as usize => Err(MALFORMED),
        _ => Ok(text.into()),
    }
}

/// The labels in the order of their declaration, each once.
fn set(text: &str, labels: &[String]) -> Result<Scalar, ValueError> {
    let given: Vec<&str> = text.split(',').filter(|_| !text.is_empty()).collect();
    if given.iter().any(|label| !labels.iter().any(|known| known == label)) {
        return Err(ValueError::UnknownLabel);
    }
    let held: Vec<&str> = labels.iter().map(String::as_str).filter(|label| given.contains(label)).collect();
    Ok(held.join(",").into())
}

fn decimal(text: &str) -> Result<Decimal, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "nan" | "infinity" | "-infinity" => Err(ValueError::NotFinite),
        _ => Decimal::parse(text),
    }
}

/// The double, or the shortest double of the single that it is.
fn float(value: f64, single: bool) -> Result<Scalar, ValueError> {
    let number = Number::from_f64(value).ok_or(ValueError::NotFinite)?;
    // Every number in JSON that is zero has been read as zero; only a database has the other one.
    if value == 0.0 && value.is_sign_negative() {
        return Err(ValueError::NegativeZero);
    }
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

/// The single by the shortest digits that identify it.
fn shortest(single: f32) -> Result<Scalar, ValueError> {
    let digits: f64 = single.to_string().parse().map_err(|_| ValueError::NotFinite)?;
    float(digits, true)
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
