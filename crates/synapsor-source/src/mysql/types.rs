//! Which values does a column of MySQL or MariaDB hold?
//!
//! The one table of types; everything that has no row here is refused by name when the table is checked. Values pass in the
//! binary form of prepared statements, where an integer is an integer, a double a double and a moment its parts.

use mysql_async::{Row, Value};
use synapsor_protocol::Scalar;

use crate::catalog::Column;
use crate::error::ValueError;
use crate::value::{CheckedValue, ClockRange, ValueKind, decode_bytes};

/// A type as the catalog describes it.
#[derive(Debug, Default)]
pub(super) struct TypeFacts {
    /// The type without its arguments: `bigint`.
    pub(super) name: String,
    /// The type as it was declared: `bigint(20) unsigned`.
    pub(super) declared: String,
    /// Of texts and bytes.
    pub(super) length: Option<u32>,
    pub(super) precision: Option<u32>,
    pub(super) scale: Option<u32>,
    /// Behind the second.
    pub(super) digits: Option<u32>,
    /// A text that the database keeps a json.
    pub(super) json: bool,
}

/// The kind of a type; `None` is not supported.
pub(super) fn kind(facts: &TypeFacts) -> Option<ValueKind> {
    let integer = |bits: u32| {
        let unsigned = facts.declared.contains("unsigned");
        let (min, max) = if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
        ValueKind::Integer { min, max }
    };
    let digits = u8::try_from(facts.digits.unwrap_or(0)).unwrap_or(6);
    let limit = facts.length;
    Some(match facts.name.as_str() {
        // What `boolean` is an alias of. One bit is what programs that map objects to rows make of it.
        "tinyint" if facts.declared == "tinyint(1)" => ValueKind::Boolean,
        "bit" if facts.precision == Some(1) => ValueKind::Boolean,
        "bit" => ValueKind::Bits { width: facts.precision, varying: false },
        "tinyint" => integer(8),
        "smallint" => integer(16),
        "mediumint" => integer(24),
        "int" => integer(32),
        "bigint" => integer(64),
        "decimal" => ValueKind::Fixed { precision: facts.precision?, scale: i32::try_from(facts.scale.unwrap_or(0)).ok()? },
        "float" => ValueKind::Float { single: true },
        "double" => ValueKind::Float { single: false },
        "char" => ValueKind::Text { limit, padded: true },
        "longtext" if facts.json => ValueKind::Json,
        "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => ValueKind::Text { limit, padded: false },
        "enum" => ValueKind::Enum(labels(&facts.declared)?.into()),
        "set" => ValueKind::Set(labels(&facts.declared)?.into()),
        "json" => ValueKind::Json,
        "uuid" => ValueKind::Uuid,
        "inet4" => ValueKind::Address { v6: false },
        "inet6" => ValueKind::Address { v6: true },
        "date" => ValueKind::Date { infinite: false },
        "time" => ValueKind::Time { digits, range: ClockRange::Span },
        "datetime" => ValueKind::Timestamp { digits, zoned: false, infinite: false },
        // Kept in UTC; the session's time zone is UTC.
        "timestamp" => ValueKind::Timestamp { digits, zoned: true, infinite: false },
        "year" => ValueKind::Year,
        "binary" => ValueKind::Bytes { limit, padded: true },
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => ValueKind::Bytes { limit, padded: false },
        _ => return None,
    })
}

/// The labels of `enum('a','b''c')`, as the catalog escapes them.
fn labels(declared: &str) -> Option<Vec<String>> {
    let list = declared.split_once('(')?.1.strip_suffix(')')?;
    let (mut labels, mut rest) = (Vec::new(), list.chars().peekable());
    loop {
        if rest.next()? != '\'' {
            return None;
        }
        let mut label = String::new();
        loop {
            match rest.next()? {
                '\'' if rest.next_if_eq(&'\'').is_some() => label.push('\''),
                '\'' => break,
                '\\' => label.push(escaped(rest.next()?)),
                other => label.push(other),
            }
        }
        labels.push(label);
        match rest.next() {
            None => return Some(labels),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

fn escaped(letter: char) -> char {
    match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        other => other,
    }
}

/// The value as it is bound to a column of its type.
pub(super) fn bind(value: &CheckedValue) -> Value {
    match (&value.kind, &value.scalar) {
        (_, Scalar::Null) => Value::NULL,
        (_, Scalar::Bool(value)) => Value::Int(i64::from(*value)),
        // The largest single has no digits of its own that the server would not take for larger.
        (ValueKind::Float { single: true }, Scalar::Number(number)) => Value::Float(number.as_f64() as f32),
        (ValueKind::Float { .. }, Scalar::Number(number)) => Value::Double(number.as_f64()),
        (_, Scalar::Number(number)) => number.as_i64().map_or_else(|| Value::Double(number.as_f64()), Value::Int),
        (ValueKind::Integer { .. }, Scalar::String(digits)) => integer(digits),
        (ValueKind::Timestamp { .. }, Scalar::String(text)) => moment(text).into(),
        (ValueKind::Bytes { .. }, Scalar::String(text)) => decode_bytes(text).map_or(Value::NULL, Value::Bytes),
        (ValueKind::Bits { .. }, Scalar::String(digits)) => u64::from_str_radix(digits, 2).map_or(Value::NULL, Value::UInt),
        (_, Scalar::String(text)) => text.as_str().into(),
    }
}

fn integer(digits: &str) -> Value {
    let unsigned = || digits.parse().map_or_else(|_| digits.into(), Value::UInt);
    digits.parse().map_or_else(|_| unsigned(), Value::Int)
}

/// The moment without the letters that only newer servers read; the session's time zone is UTC.
fn moment(text: &str) -> String {
    text.trim_end_matches('Z').replace('T', " ")
}

/// Key and tenant, as the statements take them: a text once for the index and once for its bytes.
pub(super) fn scope(key: &CheckedValue, tenant: Option<&CheckedValue>) -> Vec<Value> {
    let bound = |value: &CheckedValue| match value.kind {
        ValueKind::Text { .. } => vec![bind(value), bind(value)],
        _ => vec![bind(value)],
    };
    [Some(key), tenant].into_iter().flatten().flat_map(bound).collect()
}

/// A value of the application's own SQL, by what it is.
#[cfg(feature = "guarded-write")]
pub(super) fn plain(value: &Scalar) -> Value {
    match value {
        Scalar::Null => Value::NULL,
        Scalar::Bool(value) => Value::Int(i64::from(*value)),
        Scalar::Number(number) => number.as_i64().map_or_else(|| Value::Double(number.as_f64()), Value::Int),
        Scalar::String(text) => Value::Bytes(text.clone().into_bytes()),
    }
}

/// The columns of a row in canonical form.
pub(super) fn cells(row: Row, columns: &[Column]) -> Vec<Result<Scalar, ValueError>> {
    columns.iter().zip(row.unwrap()).map(|(column, stored)| scalar(column, &stored)).collect()
}

/// One stored value in canonical form.
pub(super) fn scalar(column: &Column, stored: &Value) -> Result<Scalar, ValueError> {
    let kind = column.kind.as_ref().ok_or_else(|| ValueError::UnknownColumn(column.name.clone()))?;
    match (kind, stored) {
        (_, Value::NULL) => Ok(Scalar::Null),
        (ValueKind::Boolean, Value::Int(bit @ (0 | 1))) => Ok(Scalar::Bool(*bit == 1)),
        (ValueKind::Boolean, Value::Bytes(bytes)) if matches!(bytes[..], [0 | 1]) => Ok(Scalar::Bool(bytes[0] == 1)),
        (ValueKind::Bits { width, .. }, Value::Bytes(bytes)) => kind.stored(&bits(bytes, *width)),
        (ValueKind::Integer { .. } | ValueKind::Year, Value::Int(integer)) => kind.stored(&integer.to_string()),
        (ValueKind::Integer { .. } | ValueKind::Year, Value::UInt(integer)) => kind.stored(&integer.to_string()),
        (ValueKind::Float { .. }, Value::Float(single)) => kind.stored(&single.to_string()),
        (ValueKind::Float { .. }, Value::Double(double)) => kind.stored(&double.to_string()),
        (ValueKind::Date { .. } | ValueKind::Timestamp { .. }, Value::Date(..)) => kind.stored(&written_moment(kind, stored)),
        (ValueKind::Time { .. }, Value::Time(..)) => kind.stored(&written_clock(stored)),
        (ValueKind::Bytes { .. }, Value::Bytes(bytes)) => kind.stored_bytes(bytes),
        (
            ValueKind::Fixed { .. }
            | ValueKind::Text { .. }
            | ValueKind::Enum(_)
            | ValueKind::Set(_)
            | ValueKind::Json
            | ValueKind::Uuid
            | ValueKind::Address { .. },
            Value::Bytes(bytes),
        ) => kind.stored(std::str::from_utf8(bytes).map_err(|_| ValueError::NotUnicode)?),
        _ => Err(ValueError::OtherStorage),
    }
}

/// The lowest bits of these bytes; more than there are would be a type that changed.
fn bits(bytes: &[u8], width: Option<u32>) -> String {
    let all: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let kept = width.map_or(all.len(), |width| width as usize);
    let (unused, held) = all.split_at(all.len().saturating_sub(kept));
    // Bits beyond the width make it too long, and are refused.
    if unused.contains('1') { all } else { held.to_owned() }
}

fn written_moment(kind: &ValueKind, stored: &Value) -> String {
    let Value::Date(year, month, day, hour, minute, second, micros) = stored else { return String::new() };
    let date = format!("{year:04}-{month:02}-{day:02}");
    match kind {
        ValueKind::Timestamp { zoned, .. } => {
            format!("{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}{}", if *zoned { "Z" } else { "" })
        }
        _ => date,
    }
}

fn written_clock(stored: &Value) -> String {
    let Value::Time(negative, days, hours, minutes, seconds, micros) = stored else { return String::new() };
    let hours = days * 24 + u32::from(*hours);
    format!("{}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}", if *negative { "-" } else { "" })
}

/// What distinguishes a stored value from every other one of its column.
#[cfg(feature = "guarded-write")]
pub(super) fn fingerprint(stored: &Value) -> String {
    // Without backslashes as escapes every byte stands for itself.
    stored.as_sql(true)
}

#[cfg(test)]
mod tests {
    use super::{TypeFacts, kind, labels};

    /// The kinds of declared types; the arguments stand where the catalog has them.
    fn check(declared: &str) -> String {
        let name = declared.split(['(', ' ']).next().unwrap().to_owned();
        let numbers: Vec<u32> = declared.split(['(', ')', ',']).skip(1).filter_map(|number| number.parse().ok()).collect();
        let first = numbers.first().copied();
        let facts = TypeFacts {
            name,
            declared: declared.to_owned(),
            length: first,
            precision: first,
            scale: numbers.get(1).copied(),
            digits: first,
            json: false,
        };
        format!("{declared}: {}", kind(&facts).map_or_else(|| "refused".to_owned(), |kind| format!("{kind:?}")))
    }

    #[test]
    fn every_type_has_its_kind() {
        let types = [
            "tinyint(1)",
            "tinyint(1) unsigned",
            "tinyint(4)",
            "tinyint",
            "tinyint(3) unsigned zerofill",
            "smallint(6)",
            "smallint unsigned",
            "mediumint(9)",
            "mediumint unsigned",
            "int(11)",
            "int unsigned",
            "bigint(20)",
            "bigint unsigned",
            "decimal(65,30)",
            "decimal(10,0) unsigned",
            "float",
            "double",
            "bit(1)",
            "bit(64)",
            "char(3)",
            "varchar(255)",
            "tinytext",
            "text",
            "mediumtext",
            "longtext",
            "enum('a','b''c')",
            "set('p','q')",
            "uuid",
            "inet4",
            "inet6",
            "date",
            "time",
            "time(6)",
            "datetime",
            "datetime(6)",
            "timestamp(3)",
            "year(4)",
            "json",
            "binary(16)",
            "varbinary(8)",
            "tinyblob",
            "blob",
            "mediumblob",
            "longblob",
            "geometry",
            "point",
            "polygon",
            "vector(3)",
            "geomcollection",
            "row",
        ];
        let lines: Vec<String> = types.iter().map(|declared| check(declared)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        tinyint(1): Boolean
        tinyint(1) unsigned: Integer { min: 0, max: 255 }
        tinyint(4): Integer { min: -128, max: 127 }
        tinyint: Integer { min: -128, max: 127 }
        tinyint(3) unsigned zerofill: Integer { min: 0, max: 255 }
        smallint(6): Integer { min: -32768, max: 32767 }
        smallint unsigned: Integer { min: 0, max: 65535 }
        mediumint(9): Integer { min: -8388608, max: 8388607 }
        mediumint unsigned: Integer { min: 0, max: 16777215 }
        int(11): Integer { min: -2147483648, max: 2147483647 }
        int unsigned: Integer { min: 0, max: 4294967295 }
        bigint(20): Integer { min: -9223372036854775808, max: 9223372036854775807 }
        bigint unsigned: Integer { min: 0, max: 18446744073709551615 }
        decimal(65,30): Fixed { precision: 65, scale: 30 }
        decimal(10,0) unsigned: Fixed { precision: 10, scale: 0 }
        float: Float { single: true }
        double: Float { single: false }
        bit(1): Boolean
        bit(64): Bits { width: Some(64), varying: false }
        char(3): Text { limit: Some(3), padded: true }
        varchar(255): Text { limit: Some(255), padded: false }
        tinytext: Text { limit: None, padded: false }
        text: Text { limit: None, padded: false }
        mediumtext: Text { limit: None, padded: false }
        longtext: Text { limit: None, padded: false }
        enum('a','b''c'): Enum(["a", "b'c"])
        set('p','q'): Set(["p", "q"])
        uuid: Uuid
        inet4: Address { v6: false }
        inet6: Address { v6: true }
        date: Date { infinite: false }
        time: Time { digits: 0, range: Span }
        time(6): Time { digits: 6, range: Span }
        datetime: Timestamp { digits: 0, zoned: false, infinite: false }
        datetime(6): Timestamp { digits: 6, zoned: false, infinite: false }
        timestamp(3): Timestamp { digits: 3, zoned: true, infinite: false }
        year(4): Year
        json: Json
        binary(16): Bytes { limit: Some(16), padded: true }
        varbinary(8): Bytes { limit: Some(8), padded: false }
        tinyblob: Bytes { limit: None, padded: false }
        blob: Bytes { limit: None, padded: false }
        mediumblob: Bytes { limit: None, padded: false }
        longblob: Bytes { limit: None, padded: false }
        geometry: refused
        point: refused
        polygon: refused
        vector(3): refused
        geomcollection: refused
        row: refused
        "#);
    }

    #[test]
    fn labels_are_read_as_the_catalog_escapes_them() {
        let cases = ["enum('a')", "enum('a','b''c','d\\\\e',',','')", "set('x\\ny')", "enum('a'", "enum('a' 'b')", "enum(a)", "enum"];
        let lines: Vec<String> = cases.iter().map(|declared| format!("{declared}: {:?}", labels(declared))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        enum('a'): Some(["a"])
        enum('a','b''c','d\\e',',',''): Some(["a", "b'c", "d\\e", ",", ""])
        set('x\ny'): Some(["x\ny"])
        enum('a': None
        enum('a' 'b'): None
        enum(a): None
        enum: None
        "#);
    }
}
