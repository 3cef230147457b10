//! One table of values per kind: what is accepted, in which form, and what is refused for which reason.

use std::sync::Arc;

use synapsor_protocol::{Scalar, Timestamp};

use super::{ValueKind, later_text};

const INT4: ValueKind = ValueKind::Integer { min: i32::MIN as i128, max: i32::MAX as i128 };
const INT8: ValueKind = ValueKind::Integer { min: i64::MIN as i128, max: i64::MAX as i128 };
const MONEY: ValueKind = ValueKind::Fixed { precision: 6, scale: 2 };
const TIMESTAMPTZ: ValueKind = ValueKind::Timestamp { digits: 6, zoned: true, infinite: true };
const TIMESTAMP: ValueKind = ValueKind::Timestamp { digits: 6, zoned: false, infinite: false };
const SECONDS: ValueKind = ValueKind::Timestamp { digits: 0, zoned: true, infinite: true };
const DATETIME_TEXT: ValueKind = ValueKind::MomentText { date_only: false };

/// Checks JSON scalars one per line, and writes what became of each.
pub(super) fn check(kind: &ValueKind, inputs: &[&str]) -> String {
    let line = |input: &&str| {
        let scalar: Scalar = serde_json::from_str(input).unwrap();
        let result = kind.check(&scalar).map_or_else(|error| format!("refused: {error}"), |value| value.to_string());
        format!("{input} => {result}\n")
    };
    inputs.iter().map(line).collect()
}

#[test]
fn integers_are_digits_within_their_type() {
    insta::assert_snapshot!(check(&INT4, &["42", "\"42\"", "\"-1\"", "2147483648", "1.5", "\"042\"", "\"+1\"", "\" 1\"", "\"-0\"", "\"\"", "\"1e3\"", "true", "null"]), @r#"
    42 => 42
    "42" => 42
    "-1" => -1
    2147483648 => refused: outside the range of the column's type
    1.5 => refused: expected an integer
    "042" => refused: expected an integer
    "+1" => refused: expected an integer
    " 1" => refused: expected an integer
    "-0" => refused: expected an integer
    "" => refused: expected an integer
    "1e3" => refused: expected an integer
    true => refused: expected an integer
    null => null
    "#);
    insta::assert_snapshot!(check(&INT8, &["9007199254740992", "\"9007199254740993\"", "\"9223372036854775807\"", "\"9223372036854775808\"", "\"99999999999999999999999999999999999999999\""]), @r#"
    9007199254740992 => 9007199254740992
    "9007199254740993" => "9007199254740993"
    "9223372036854775807" => "9223372036854775807"
    "9223372036854775808" => refused: outside the range of the column's type
    "99999999999999999999999999999999999999999" => refused: outside the range of the column's type
    "#);
}

#[test]
fn decimals_are_padded_to_the_scale_and_never_rounded() {
    insta::assert_snapshot!(check(&MONEY, &["12.5", "\"12.50\"", "\"12.500\"", "\"12.505\"", "\"9999.99\"", "\"10000\"", "\"-0.00\"", "\"1e2\"", "\"NaN\"", "\"Infinity\"", "\"1,5\"", "\"\"", "\".\""]), @r#"
    12.5 => "12.50"
    "12.50" => "12.50"
    "12.500" => "12.50"
    "12.505" => refused: more digits than the column keeps
    "9999.99" => "9999.99"
    "10000" => refused: outside the range of the column's type
    "-0.00" => "0.00"
    "1e2" => "100.00"
    "NaN" => refused: not a finite number
    "Infinity" => refused: not a finite number
    "1,5" => refused: expected a decimal number
    "" => refused: expected a decimal number
    "." => refused: expected a decimal number
    "#);
    insta::assert_snapshot!(check(&ValueKind::Decimal, &["\"1.50\"", "0.1", "1e21", "\"1e-7\"", "\"1e200000\"", "\"1e-20000\"", "\"1e9999999999\"", "\"1e\"", "\"1e1.5\"", "\"00012e-1\"", "\"0e-3\"", "\"123456789012345678901234567890.123456789\""]), @r#"
    "1.50" => "1.50"
    0.1 => "0.1"
    1e21 => "1000000000000000000000"
    "1e-7" => "0.0000001"
    "1e200000" => refused: outside the range of the column's type
    "1e-20000" => refused: more digits than the column keeps
    "1e9999999999" => refused: outside the range of the column's type
    "1e" => refused: expected a decimal number
    "1e1.5" => refused: expected a decimal number
    "00012e-1" => "1.2"
    "0e-3" => "0.000"
    "123456789012345678901234567890.123456789" => "123456789012345678901234567890.123456789"
    "#);
    insta::assert_snapshot!(check(&ValueKind::Fixed { precision: 2, scale: -3 }, &["\"12000\"", "\"12001\"", "\"120000\""]), @r#"
    "12000" => "12000"
    "12001" => refused: more digits than the column keeps
    "120000" => refused: outside the range of the column's type
    "#);
    insta::assert_snapshot!(check(&ValueKind::DoubleDecimal, &["\"12.50\"", "\"9223372036854775807\"", "\"0.1\"", "\"123456789012345678901.55\"", "\"1.00000000000000000001\""]), @r#"
    "12.50" => "12.5"
    "9223372036854775807" => "9223372036854775807"
    "0.1" => "0.1"
    "123456789012345678901.55" => refused: more digits than the column keeps
    "1.00000000000000000001" => refused: more digits than the column keeps
    "#);
}

#[test]
fn floats_keep_what_their_width_keeps() {
    insta::assert_snapshot!(check(&ValueKind::Float { single: true }, &["0.1", "0.123456789", "1e39", "\"0.1\"", "-0.0"]), @r#"
    0.1 => 0.1
    0.123456789 => refused: more digits than the column keeps
    1e39 => refused: outside the range of the column's type
    "0.1" => refused: expected a number
    -0.0 => 0
    "#);
    assert!(ValueKind::Float { single: false }.parse("NaN").is_err());
    assert!(ValueKind::Float { single: false }.parse("Infinity").is_err());
}

#[test]
fn texts_stay_as_they_are() {
    insta::assert_snapshot!(check(&ValueKind::Text { limit: Some(4), padded: false }, &["\"ácme\"", "\"acme \"", "\"a\\u0000\"", "42", "true", "\"\""]), @r#"
    "ácme" => "ácme"
    "acme " => refused: longer than 4 characters
    "a\u0000" => refused: contains a NUL character
    42 => refused: expected a text
    true => refused: expected a text
    "" => ""
    "#);
    insta::assert_snapshot!(check(&ValueKind::Text { limit: Some(4), padded: true }, &["\"ab  \"", "\"abcd \""]), @r#"
    "ab  " => "ab"
    "abcd " => "abcd"
    "#);
    insta::assert_snapshot!(check(&ValueKind::Enum(Arc::from(["open".to_owned(), "shut".to_owned()])), &["\"open\"", "\"Open\""]), @r#"
    "open" => "open"
    "Open" => refused: none of the type's labels
    "#);
}

#[test]
fn labels_years_and_bits_are_what_their_column_declares() {
    let labels: Arc<[String]> = ["b", "a", "c d"].map(str::to_owned).into();
    insta::assert_snapshot!(check(&ValueKind::Set(labels), &["\"\"", "\"a,b\"", "\"c d,a,a\"", "\"A\"", "\"a, b\"", "\",\"", "1"]), @r#"
    "" => ""
    "a,b" => "b,a"
    "c d,a,a" => "a,c d"
    "A" => refused: none of the type's labels
    "a, b" => refused: none of the type's labels
    "," => refused: none of the type's labels
    1 => refused: expected labels with commas between them
    "#);
    insta::assert_snapshot!(check(&ValueKind::Year, &["2026", "\"2026\"", "0", "1901", "1900", "2155", "2156", "26", "2026.5", "-1"]), @r#"
    2026 => 2026
    "2026" => 2026
    0 => 0
    1901 => 1901
    1900 => refused: outside the range of the column's type
    2155 => 2155
    2156 => refused: outside the range of the column's type
    26 => refused: outside the range of the column's type
    2026.5 => refused: expected an integer
    -1 => refused: outside the range of the column's type
    "#);
    insta::assert_snapshot!(check(&ValueKind::Bits { width: Some(4), varying: false }, &["\"0101\"", "\"101\"", "\"10101\"", "\"0201\"", "5", "\"\""]), @r#"
    "0101" => "0101"
    "101" => refused: expected as many binary digits as the column has
    "10101" => refused: longer than 4 characters
    "0201" => refused: expected binary digits, 0101
    5 => refused: expected binary digits, 0101
    "" => refused: expected as many binary digits as the column has
    "#);
    insta::assert_snapshot!(check(&ValueKind::Bits { width: Some(4), varying: true }, &["\"\"", "\"101\"", "\"10101\""]), @r#"
    "" => ""
    "101" => "101"
    "10101" => refused: longer than 4 characters
    "#);
}

#[test]
fn a_stored_value_without_an_exact_form_is_refused() {
    let stored =
        |kind: &ValueKind, text: &str| kind.stored(text).map_or_else(|error| format!("refused: {error}"), |value| value.to_string());
    let lines = [
        stored(&ValueKind::Float { single: false }, "-0"),
        stored(&ValueKind::Float { single: true }, "-0"),
        stored(&ValueKind::Float { single: true }, "3.4028235e38"),
        stored(&ValueKind::Float { single: true }, "1e39"),
        stored(&ValueKind::Float { single: false }, "-Infinity"),
        stored(&ValueKind::Text { limit: None, padded: false }, "a\0b"),
        stored(&ValueKind::Text { limit: None, padded: false }, &"x".repeat((1 << 20) + 1)),
        stored(&ValueKind::Date { infinite: true }, "0044-03-15 BC"),
        stored(&ValueKind::Timestamp { digits: 6, zoned: true, infinite: true }, "10000-01-01 00:00:00+00"),
        ValueKind::Json.stored_bytes(b"{}").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    refused: a negative zero
    refused: a negative zero
    3.4028235e+38
    refused: not a finite number
    refused: not a finite number
    refused: contains a NUL character
    refused: larger than 1048576 bytes
    refused: expected a date, 2026-03-02
    refused: expected a date and time, 2026-03-02T08:00:00Z
    stored as another kind of value than the column's type says
    ");
}

#[test]
fn uuids_are_lower_case_with_hyphens() {
    insta::assert_snapshot!(check(&ValueKind::Uuid, &["\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", "\"a0eebc999c0b4ef8bb6d6bb9bd380a11\"", "\"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}\"", "\"a0eebc99\""]), @r#"
    "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" => "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    "a0eebc999c0b4ef8bb6d6bb9bd380a11" => "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}" => refused: expected a uuid
    "a0eebc99" => refused: expected a uuid
    "#);
    insta::assert_snapshot!(check(&ValueKind::UuidText, &["\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\""]), @r#""A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" => "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11""#);
}

#[test]
fn only_postgresql_has_a_moment_without_end() {
    for kind in [ValueKind::Date { infinite: false }, TIMESTAMP] {
        assert!(kind.check(&"infinity".into()).is_err(), "{kind:?}");
    }
}

#[test]
fn moments_keep_every_digit_of_the_column() {
    insta::assert_snapshot!(check(&TIMESTAMPTZ, &["\"2026-03-02T08:00:00.123456Z\"", "\"2026-03-02 08:00:00.12+00\"", "\"2026-03-02T10:00+02:00\"", "\"2026-01-01T00:30:00+0100\"", "\"2026-03-02T08:00:00.1234567Z\"", "\"2026-03-02T08:00:00.1234560Z\"", "\"2026-03-02T08:00:00\"", "\"2026-02-30T08:00:00Z\"", "\"2026-03-02T24:00:00Z\"", "\"2026-03-02T08:00:60Z\"", "\"2026-03-02\"", "\"2026-03-02T08:00:00.Z\"", "\"0001-01-01T00:00:00+01\"", "\"infinity\"", "\"now\"", "1772438400"]), @r#"
    "2026-03-02T08:00:00.123456Z" => "2026-03-02T08:00:00.123456Z"
    "2026-03-02 08:00:00.12+00" => "2026-03-02T08:00:00.120000Z"
    "2026-03-02T10:00+02:00" => "2026-03-02T08:00:00.000000Z"
    "2026-01-01T00:30:00+0100" => "2025-12-31T23:30:00.000000Z"
    "2026-03-02T08:00:00.1234567Z" => refused: more digits than the column keeps
    "2026-03-02T08:00:00.1234560Z" => "2026-03-02T08:00:00.123456Z"
    "2026-03-02T08:00:00" => refused: a time zone is needed
    "2026-02-30T08:00:00Z" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "2026-03-02T24:00:00Z" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "2026-03-02T08:00:60Z" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "2026-03-02" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "2026-03-02T08:00:00.Z" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "0001-01-01T00:00:00+01" => refused: outside the range of the column's type
    "infinity" => "infinity"
    "now" => refused: expected a date and time, 2026-03-02T08:00:00Z
    1772438400 => refused: expected a date and time, 2026-03-02T08:00:00Z
    "#);
    insta::assert_snapshot!(check(&TIMESTAMP, &["\"2026-03-02 08:00:00.5\"", "\"2026-03-02T08:00:00Z\""]), @r#"
    "2026-03-02 08:00:00.5" => "2026-03-02T08:00:00.500000"
    "2026-03-02T08:00:00Z" => refused: the column keeps no time zone
    "#);
    insta::assert_snapshot!(check(&SECONDS, &["\"2026-03-02T08:00:00Z\"", "\"2026-03-02T08:00:00.5Z\""]), @r#"
    "2026-03-02T08:00:00Z" => "2026-03-02T08:00:00Z"
    "2026-03-02T08:00:00.5Z" => refused: more digits than the column keeps
    "#);
    insta::assert_snapshot!(check(&ValueKind::Date { infinite: true }, &["\"2026-03-02\"", "\"2026-3-2\"", "\"2026-02-29\"", "\"2026-03-02T00:00:00\"", "\"-infinity\""]), @r#"
    "2026-03-02" => "2026-03-02"
    "2026-3-2" => refused: expected a date, 2026-03-02
    "2026-02-29" => refused: expected a date, 2026-03-02
    "2026-03-02T00:00:00" => refused: expected a date, 2026-03-02
    "-infinity" => "-infinity"
    "#);
    insta::assert_snapshot!(check(&DATETIME_TEXT, &["\"2026-03-02 08:00:00\"", "\"2026-03-02T08:00Z\"", "\"2026-03-02\"", "\"yesterday\""]), @r#"
    "2026-03-02 08:00:00" => "2026-03-02 08:00:00"
    "2026-03-02T08:00Z" => "2026-03-02T08:00Z"
    "2026-03-02" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "yesterday" => refused: expected a date and time, 2026-03-02T08:00:00Z
    "#);
}

#[test]
fn json_is_the_same_value_however_it_is_spelled() {
    insta::assert_snapshot!(check(&ValueKind::Json, &[r#""{\"b\": 1, \"a\": [1.0, true]}""#, r#""{\"a\":1,\"a\":2}""#, r#""1.00000000000000000001""#, r#""{a:1}""#, "true"]), @r#"
    "{\"b\": 1, \"a\": [1.0, true]}" => "{\"a\":[1,true],\"b\":1}"
    "{\"a\":1,\"a\":2}" => "{\"a\":1,\"a\":2}"
    "1.00000000000000000001" => "1.00000000000000000001"
    "{a:1}" => refused: expected a json text
    true => refused: expected a json text
    "#);
}

#[test]
fn a_version_kept_as_text_moves_on_in_its_own_form() {
    let now = Timestamp::parse("2026-03-02T08:00:00.123456Z").unwrap();
    for (old, next) in [
        ("2026-03-01 07:00:00", "2026-03-02 08:00:00"),
        ("2026-03-02 08:00:00", "2026-03-02 08:00:01"),
        ("2026-03-02 09:00:00", "2026-03-02 09:00:01"),
        ("2026-03-01T07:00:00.000Z", "2026-03-02T08:00:00.123Z"),
        ("2026-03-02T08:00:00.999Z", "2026-03-02T08:00:01.000Z"),
        ("2026-03-01 07:00:00.000000+02:00", "2026-03-02 10:00:00.123456+02:00"),
        ("2026-03-02T08:00", "2026-03-02T08:01"),
        ("2026-03-02T08:00:00.123456789Z", "2026-03-02T08:00:00.123456790Z"),
    ] {
        assert_eq!(later_text(old, now).as_deref(), Some(next), "{old}");
    }
    for unknown in ["2026-03-02", "1772438400", ""] {
        assert_eq!(later_text(unknown, now), None, "{unknown}");
    }
}

#[test]
fn a_decimal_of_the_most_digits_keeps_them_all() {
    let widest = format!("{}.{}", "9".repeat(131_072), "1".repeat(16_383));
    assert_eq!(ValueKind::Decimal.parse(&widest).unwrap(), Scalar::from(widest.as_str()));
    assert_eq!(ValueKind::Decimal.parse("1e131071").unwrap().plain_text().len(), 131_072);
    assert!(ValueKind::Decimal.parse(&format!("9{widest}")).is_err());
    assert!(ValueKind::Decimal.parse(&format!("{widest}1")).is_err());
}
