//! Which values does a PostgreSQL column hold?
//!
//! The one table of types. A domain counts as the type below it; everything that has no row here is refused by name when
//! the table is checked.

use tokio_postgres::Row;
#[cfg(feature = "guarded-write")]
use tokio_postgres::types::private::BytesMut;
#[cfg(feature = "guarded-write")]
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use synapsor_protocol::Scalar;

use super::array;
use crate::catalog::Column;
use crate::error::ValueError;
use crate::value::{CheckedValue, ClockRange, ValueKind, decode_bytes, list_elements};

/// A type as the catalog describes it, domains resolved.
pub(super) struct TypeFacts {
    pub(super) named: TypeName,
    /// What an array holds.
    pub(super) element: Option<TypeName>,
    /// How many dimensions an array was declared with; 0 if nobody said.
    pub(super) dimensions: i32,
    /// Length, precision or scale, encoded; -1 without. Of an array those of its elements.
    pub(super) modifier: i32,
    /// The labels of an enumeration, or of an array's.
    pub(super) labels: Vec<String>,
}

/// Which type it is.
pub(super) struct TypeName {
    pub(super) schema: String,
    pub(super) name: String,
    /// `typtype`: `b` for a base type, `e` for an enumeration.
    pub(super) class: String,
}

/// The kind of a type; `None` is not supported.
pub(super) fn kind(facts: &TypeFacts) -> Option<ValueKind> {
    match &facts.element {
        None => scalar_kind(&facts.named, facts),
        Some(element) if facts.dimensions <= 1 => Some(ValueKind::Array(Box::new(scalar_kind(element, facts)?))),
        Some(_) => None,
    }
}

fn scalar_kind(named: &TypeName, facts: &TypeFacts) -> Option<ValueKind> {
    if named.class == "e" {
        return Some(ValueKind::Enum(facts.labels.clone().into()));
    }
    if is_citext(named) {
        return Some(ValueKind::Text { limit: None, padded: false });
    }
    if named.schema != "pg_catalog" {
        return None;
    }
    let integer = |bits: u32| ValueKind::Integer { min: -(1 << (bits - 1)), max: (1 << (bits - 1)) - 1 };
    let length = u32::try_from(facts.modifier - 4).ok();
    // Without a modifier a timestamp keeps microseconds.
    let digits = u8::try_from(facts.modifier).unwrap_or(6);
    let width = u32::try_from(facts.modifier).ok();
    Some(match named.name.as_str() {
        "bool" => ValueKind::Boolean,
        "int2" => integer(16),
        "int4" => integer(32),
        "int8" => integer(64),
        "numeric" => numeric(facts.modifier),
        "float4" => ValueKind::Float { single: true },
        "float8" => ValueKind::Float { single: false },
        "text" => ValueKind::Text { limit: None, padded: false },
        "varchar" => ValueKind::Text { limit: length, padded: false },
        "bpchar" => ValueKind::Text { limit: length, padded: true },
        "uuid" => ValueKind::Uuid,
        "date" => ValueKind::Date { infinite: true },
        "timestamp" => ValueKind::Timestamp { digits, zoned: false, infinite: true },
        "timestamptz" => ValueKind::Timestamp { digits, zoned: true, infinite: true },
        "time" => ValueKind::Time { digits, range: ClockRange::Day },
        "timetz" => ValueKind::Time { digits, range: ClockRange::Zoned },
        "interval" => ValueKind::Interval { digits: interval_digits(facts.modifier) },
        "json" | "jsonb" => ValueKind::Json,
        "bytea" => ValueKind::Bytes { limit: None, padded: false },
        "bit" => ValueKind::Bits { width, varying: false },
        "varbit" => ValueKind::Bits { width, varying: true },
        "inet" => ValueKind::Inet { network: false },
        "cidr" => ValueKind::Inet { network: true },
        "macaddr" => ValueKind::Mac { bytes: 6 },
        "macaddr8" => ValueKind::Mac { bytes: 8 },
        _ => return None,
    })
}

/// Whether it is the text of the extension `citext`, which compares without case.
pub(super) fn is_citext(named: &TypeName) -> bool {
    named.name == "citext" && named.class == "b"
}

/// The digits behind the second are in the lower half, 65535 if nobody said; the upper half restricts the fields.
fn interval_digits(modifier: i32) -> u8 {
    u8::try_from(modifier & 0xffff).ok().filter(|digits| modifier >= 0 && *digits <= 6).unwrap_or(6)
}

/// Precision in the upper half, scale as 11 bits with a sign in the lower one.
fn numeric(modifier: i32) -> ValueKind {
    match u32::try_from(modifier - 4) {
        Err(_) => ValueKind::Decimal,
        Ok(packed) => {
            let scale = i32::try_from(packed & 0x7ff).unwrap_or(0);
            ValueKind::Fixed { precision: packed >> 16, scale: (scale ^ 1024) - 1024 }
        }
    }
}

/// The type to which a bound text is cast: without length or scale, because an explicit cast would cut and round where
/// an assignment refuses.
pub(super) fn cast(facts: &TypeFacts) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    format!("{}.{}", quoted(&facts.named.schema), quoted(&facts.named.name))
}

/// The value as the text that is bound.
pub(super) fn bind(value: &CheckedValue) -> Option<String> {
    literal(&value.kind, value.scalar())
}

/// The text from which PostgreSQL reads the value; `None` is NULL.
fn literal(kind: &ValueKind, scalar: &Scalar) -> Option<String> {
    match (kind, scalar) {
        (_, Scalar::Null) => None,
        (_, Scalar::Bool(value)) => Some(value.to_string()),
        (_, Scalar::Number(number)) => Some(number.to_string()),
        (ValueKind::Bytes { .. }, Scalar::String(text)) => decode_bytes(text).map(|bytes| hex(&bytes)),
        (ValueKind::Array(element), Scalar::String(text)) => {
            let elements = list_elements(text)?;
            Some(array::literal(elements.iter().map(|scalar| literal(element, scalar))))
        }
        (_, Scalar::String(text)) => Some(text.clone()),
    }
}

/// A value of the application's own SQL: the text of it, whatever type the server wants.
#[cfg(feature = "guarded-write")]
#[derive(Debug)]
pub(super) struct Plain(Option<String>);

/// A value of the application's own SQL.
#[cfg(feature = "guarded-write")]
pub(super) fn plain(value: &Scalar) -> Plain {
    Plain(Some(value).filter(|value| !value.is_null()).map(Scalar::plain_text))
}

#[cfg(feature = "guarded-write")]
impl ToSql for Plain {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// Key and tenant, as the read statement takes them.
pub(super) fn scope(key: &CheckedValue, tenant: Option<&CheckedValue>) -> Vec<Option<String>> {
    [Some(key), tenant].into_iter().flatten().map(bind).collect()
}

/// The columns of a row in canonical form.
pub(super) fn cells(row: &Row, columns: &[Column]) -> Vec<Result<Scalar, ValueError>> {
    columns.iter().enumerate().map(|(at, column)| scalar(column, text(row, at)?)).collect()
}

/// One value in canonical form.
pub(super) fn scalar(column: &Column, written: Option<&str>) -> Result<Scalar, ValueError> {
    let kind = column.kind.as_ref().ok_or_else(|| ValueError::UnknownColumn(column.name.clone()))?;
    written.map_or(Ok(Scalar::Null), |text| stored(kind, text))
}

fn stored(kind: &ValueKind, text: &str) -> Result<Scalar, ValueError> {
    match kind {
        ValueKind::Bytes { .. } => kind.stored_bytes(&unhex(text).ok_or(ValueError::OtherStorage)?),
        ValueKind::Array(element) => {
            let elements = array::elements(text).ok_or(ValueError::Malformed { expected: "a one-dimensional array from 1" })?;
            ValueKind::stored_list(elements.into_iter().map(|written| written.map_or(Ok(Scalar::Null), |text| stored(element, &text))))
        }
        _ => kind.stored(text),
    }
}

/// Bytes as `bytea_output = hex` writes them.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    ['\\', 'x'].into_iter().chain(digits).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

/// What the database wrote for this column.
pub(super) fn text(row: &Row, at: usize) -> Result<Option<&str>, ValueError> {
    row.try_get(at).map_err(|_| ValueError::OtherStorage)
}
