//! Which values does a PostgreSQL column hold?
//!
//! The one table of types. A domain counts as the type below it; everything that has no row here is refused by name when
//! the table is checked.

use tokio_postgres::Row;

use synapsor_protocol::Scalar;

use crate::catalog::Column;
use crate::error::ValueError;
use crate::value::{CheckedValue, ValueKind};

/// A type as the catalog describes it, domains resolved.
pub(super) struct TypeFacts {
    pub(super) schema: String,
    pub(super) name: String,
    /// `typtype`: `b` for a base type, `e` for an enumeration.
    pub(super) class: String,
    /// Length, precision or scale, encoded; -1 without.
    pub(super) modifier: i32,
    /// An enumeration's labels.
    pub(super) labels: Vec<String>,
}

/// The kind of a type; `None` is not supported.
pub(super) fn kind(facts: &TypeFacts) -> Option<ValueKind> {
    if facts.class == "e" {
        return Some(ValueKind::Enum(facts.labels.clone().into()));
    }
    if facts.schema != "pg_catalog" {
        return None;
    }
    let integer = |bits: u32| ValueKind::Integer { min: -(1 << (bits - 1)), max: (1 << (bits - 1)) - 1 };
    let length = u32::try_from(facts.modifier - 4).ok();
    // Without a modifier a timestamp keeps microseconds.
    let digits = u8::try_from(facts.modifier).unwrap_or(6);
    Some(match facts.name.as_str() {
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
        "date" => ValueKind::Date,
        "timestamp" => ValueKind::Timestamp { digits, zoned: false },
        "timestamptz" => ValueKind::Timestamp { digits, zoned: true },
        "json" | "jsonb" => ValueKind::Json,
        _ => return None,
    })
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
    format!("{}.{}", quoted(&facts.schema), quoted(&facts.name))
}

/// The value as the text that is bound.
pub(super) fn bind(value: &CheckedValue) -> Option<String> {
    match value.scalar() {
        Scalar::Null => None,
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Number(number) => Some(number.to_string()),
        Scalar::String(text) => Some(text.clone()),
    }
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
    written.map_or(Ok(Scalar::Null), |text| kind.stored(text))
}

/// What the database wrote for this column.
pub(super) fn text(row: &Row, at: usize) -> Result<Option<&str>, ValueError> {
    row.try_get(at).map_err(|_| ValueError::OtherStorage)
}
