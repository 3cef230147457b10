//! Which values does a SQLite column hold?
//!
//! SQLite stores what it is given, so the declared type says what is meant and each stored value is held against it: a
//! value of another storage class is refused, not coerced. This is the one table of types.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};
use synapsor_protocol::Scalar;

use super::fault::Fault;
use crate::catalog::Column;
use crate::error::ValueError;
use crate::value::{CheckedValue, Decimal, ValueKind, decode_bytes};

const INT64: ValueKind = ValueKind::Integer { min: i64::MIN as i128, max: i64::MAX as i128 };

/// The kind of a declared type; `None` is not supported. A type's arguments are ignored, as SQLite ignores them.
pub(super) fn kind(declared: &str) -> Option<ValueKind> {
    let name = declared.split('(').next().unwrap_or_default().trim().to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    let exact = match name.as_str() {
        "BOOLEAN" | "BOOL" | "BIT" => Some(ValueKind::Boolean),
        "UUID" | "GUID" | "UNIQUEIDENTIFIER" => Some(ValueKind::UuidText),
        "DATE" => Some(ValueKind::MomentText { date_only: true }),
        "TIME" => Some(ValueKind::TimeText),
        "JSON" | "JSONB" => Some(ValueKind::Json),
        "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" | "MONEY" => Some(ValueKind::DoubleDecimal),
        // They hold `INT`, and no integers.
        "INTERVAL" | "POINT" | "MULTIPOINT" => return None,
        _ => None,
    };
    // The order is SQLite's own, where it has one.
    exact.or_else(|| match () {
        () if has("INT") => Some(INT64),
        () if has("CHAR") || has("CLOB") || has("TEXT") => Some(ValueKind::Text { limit: None, padded: false }),
        () if has("BLOB") || has("BINARY") || name == "IMAGE" => Some(ValueKind::Bytes { limit: None, padded: false }),
        () if has("REAL") || has("FLOA") || has("DOUB") => Some(ValueKind::Float { single: false }),
        () if has("DATETIME") || has("TIMESTAMP") => Some(ValueKind::MomentText { date_only: false }),
        () => None,
    })
}

/// The storage class of a key or tenant.
pub(super) fn storage_class(column: &Column) -> &'static str {
    match column.kind {
        Some(ValueKind::Integer { .. }) => "integer",
        Some(ValueKind::Bytes { .. }) => "blob",
        _ => "text",
    }
}

/// The value as it is stored.
pub(super) fn bind(value: &CheckedValue) -> Value {
    match (&value.kind, &value.scalar) {
        (_, Scalar::Null) => Value::Null,
        (_, Scalar::Bool(value)) => Value::Integer(i64::from(*value)),
        (ValueKind::Float { .. }, Scalar::Number(number)) => Value::Real(number.as_f64()),
        (_, Scalar::Number(number)) => number.as_i64().map_or_else(|| Value::Real(number.as_f64()), Value::Integer),
        (ValueKind::Integer { .. } | ValueKind::DoubleDecimal, Scalar::String(digits)) => number(digits),
        (ValueKind::Bytes { .. }, Scalar::String(text)) => decode_bytes(text).map_or(Value::Null, Value::Blob),
        (_, Scalar::String(text)) => Value::Text(text.clone()),
    }
}

/// A value of the application's own SQL, by what it is.
#[cfg(feature = "guarded-write")]
pub(super) fn plain(value: &Scalar) -> Value {
    match value {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Integer(i64::from(*value)),
        Scalar::Number(number) => number.as_i64().map_or_else(|| Value::Real(number.as_f64()), Value::Integer),
        Scalar::String(text) => Value::Text(text.clone()),
    }
}

/// The columns of a row in canonical form.
pub(super) fn cells(row: &Row<'_>, columns: &[Column]) -> Result<Vec<Result<Scalar, ValueError>>, Fault> {
    let cell = |(at, column): (usize, &Column)| row.get_ref(at).map_err(Fault::query).map(|stored| scalar(column, stored));
    columns.iter().enumerate().map(cell).collect()
}

/// One stored value in canonical form.
pub(super) fn scalar(column: &Column, stored: ValueRef<'_>) -> Result<Scalar, ValueError> {
    let kind = column.kind.as_ref().ok_or_else(|| ValueError::UnknownColumn(column.name.clone()))?;
    match (kind, stored) {
        (_, ValueRef::Null) => Ok(Scalar::Null),
        (ValueKind::Boolean, ValueRef::Integer(bit @ (0 | 1))) => Ok(Scalar::Bool(bit == 1)),
        (ValueKind::Integer { .. } | ValueKind::MomentText { .. }, ValueRef::Integer(integer)) => Ok(integer.into()),
        (ValueKind::DoubleDecimal, ValueRef::Integer(integer)) => Ok(integer.to_string().into()),
        (ValueKind::DoubleDecimal, ValueRef::Real(double)) => {
            Decimal::of_double(double).map(|decimal| decimal.minimal().into()).ok_or(ValueError::NotFinite)
        }
        (ValueKind::DoubleDecimal, ValueRef::Text(_)) => decimal(utf8(stored)?),
        (ValueKind::Float { .. }, ValueRef::Integer(integer)) => match Scalar::from(integer) {
            number @ Scalar::Number(_) => Ok(number),
            _ => Err(ValueError::TooPrecise),
        },
        (ValueKind::Float { .. } | ValueKind::MomentText { .. }, ValueRef::Real(double)) => ValueKind::stored_double(double),
        // A text that is no JSON is shown as the text that it is.
        (ValueKind::Json, ValueRef::Text(_)) => or_plain(kind, utf8(stored)?),
        // The type's affinity makes numbers of numbers.
        (ValueKind::Json, ValueRef::Integer(integer)) => kind.stored(&integer.to_string()),
        (ValueKind::Json, ValueRef::Real(double)) if double.is_finite() => kind.stored(&double.to_string()),
        (ValueKind::UuidText, ValueRef::Text(_)) => or_plain(kind, utf8(stored)?),
        (ValueKind::Bytes { .. }, ValueRef::Blob(bytes)) => kind.stored_bytes(bytes),
        (ValueKind::Text { .. } | ValueKind::MomentText { .. } | ValueKind::TimeText, ValueRef::Text(_)) => kind.stored(utf8(stored)?),
        _ => Err(ValueError::OtherStorage),
    }
}

/// What distinguishes a stored value from every other one, for columns that are compared but not shown.
#[cfg(feature = "guarded-write")]
pub(super) fn fingerprint(stored: ValueRef<'_>) -> String {
    format!("{stored:?}")
}

fn or_plain(kind: &ValueKind, text: &str) -> Result<Scalar, ValueError> {
    match kind.stored(text) {
        Err(ValueError::Malformed { .. }) => Ok(text.into()),
        result => result,
    }
}

fn number(digits: &str) -> Value {
    let real = || digits.parse().map_or_else(|_| Value::Text(digits.to_owned()), Value::Real);
    digits.parse().map_or_else(|_| real(), Value::Integer)
}

fn decimal(text: &str) -> Result<Scalar, ValueError> {
    Decimal::parse(text).map(|decimal| decimal.minimal().into()).map_err(|_| ValueError::NotFinite)
}

fn utf8(stored: ValueRef<'_>) -> Result<&str, ValueError> {
    stored.as_str().map_err(|_| ValueError::NotUnicode)
}
