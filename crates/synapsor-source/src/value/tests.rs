//! One table of values per kind: what is accepted, in which form, and what is refused for which reason.

use std::sync::Arc;

use synapsor_protocol::{Scalar, Timestamp};

use super::{ValueKind, later_text};

const INT4: ValueKind = ValueKind::Integer { min: i32::MIN as i128, max: i32::MAX as i128 };
const INT8: ValueKind = ValueKind::Integer { min: i64::MIN as i128, max: i64::MAX as i128 };
const MONEY: ValueKind = ValueKind::Fixed { precision: 6, scale: 2 };
const TIMESTAMPTZ: ValueKind = ValueKind::Timestamp { digits: 6, zoned: true };
const TIMESTAMP: ValueKind = ValueKind::Timestamp { digits: 6, zoned: false };
const SECONDS: ValueKind = ValueKind::Timestamp { digits: 0, zoned: true };
const DATETIME_TEXT: ValueKind = ValueKind::MomentText { date_only: false };

/// Checks JSON scalars one per line, and writes what became of each.
fn check(kind: &ValueKind, inputs: &[&str]) -> String {
    let line = |input: &&str| {
        let scalar: Scalar = serde_json::from_str(input).unwrap();
        let result = kind.check(&scalar).map_or_else(|error| format!("refused: {error}"), |value| value.to_string());
        format!("{input} => {result}\n")
    };
    inputs.iter().map(line).collect()
}

#[test]
fn integers_are_digits_within_their_type() {
    insta::assert_snapshot!(check(&INT4, &["42", "\"42\"", "\"-1\"", "2147483648", "1.5", "\"042\"", "\"+1\"", "\" 1\"", "\"-0\"", "\"\"", "\"1e3\"", "true", "null"]), @"");
    insta::assert_snapshot!(check(&INT8, &["9007199254740992", "\"9007199254740993\"", "\"9223372036854775807\"", "\"9223372036854775808\"", "\"99999999999999999999999999999999999999999\""]), @"");
}

#[test]
fn decimals_are_padded_to_the_scale_and_never_rounded() {
    insta::assert_snapshot!(check(&MONEY, &["12.5", "\"12.50\"", "\"12.500\"", "\"12.505\"", "\"9999.99\"", "\"10000\"", "\"-0.00\"", "\"1e2\"", "\"NaN\"", "\"Infinity\"", "\"1,5\"", "\"\"", "\".\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::Decimal, &["\"1.50\"", "0.1", "1e21", "\"1e-7\"", "\"1e2000\"", "\"123456789012345678901234567890.123456789\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::Fixed { precision: 2, scale: -3 }, &["\"12000\"", "\"12001\"", "\"120000\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::DoubleDecimal, &["\"12.50\"", "\"9223372036854775807\"", "\"0.1\"", "\"123456789012345678901.55\"", "\"1.00000000000000000001\""]), @"");
}

#[test]
fn floats_keep_what_their_width_keeps() {
    insta::assert_snapshot!(check(&ValueKind::Float { single: true }, &["0.1", "0.123456789", "1e39", "\"0.1\"", "-0.0"]), @"");
    assert!(ValueKind::Float { single: false }.parse("NaN").is_err());
    assert!(ValueKind::Float { single: false }.parse("Infinity").is_err());
}

#[test]
fn texts_stay_as_they_are() {
    insta::assert_snapshot!(check(&ValueKind::Text { limit: Some(4), padded: false }, &["\"ácme\"", "\"acme \"", "\"a\\u0000\"", "42", "true", "\"\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::Text { limit: Some(4), padded: true }, &["\"ab  \"", "\"abcd \""]), @"");
    insta::assert_snapshot!(check(&ValueKind::Enum(Arc::from(["open".to_owned(), "shut".to_owned()])), &["\"open\"", "\"Open\""]), @"");
}

#[test]
fn uuids_are_lower_case_with_hyphens() {
    insta::assert_snapshot!(check(&ValueKind::Uuid, &["\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", "\"a0eebc999c0b4ef8bb6d6bb9bd380a11\"", "\"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}\"", "\"a0eebc99\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::UuidText, &["\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\""]), @"");
}

#[test]
fn moments_keep_every_digit_of_the_column() {
    insta::assert_snapshot!(check(&TIMESTAMPTZ, &["\"2026-03-02T08:00:00.123456Z\"", "\"2026-03-02 08:00:00.12+00\"", "\"2026-03-02T10:00+02:00\"", "\"2026-01-01T00:30:00+0100\"", "\"2026-03-02T08:00:00.1234567Z\"", "\"2026-03-02T08:00:00.1234560Z\"", "\"2026-03-02T08:00:00\"", "\"2026-02-30T08:00:00Z\"", "\"2026-03-02T24:00:00Z\"", "\"2026-03-02T08:00:60Z\"", "\"2026-03-02\"", "\"2026-03-02T08:00:00.Z\"", "\"0001-01-01T00:00:00+01\"", "\"infinity\"", "\"now\"", "1772438400"]), @"");
    insta::assert_snapshot!(check(&TIMESTAMP, &["\"2026-03-02 08:00:00.5\"", "\"2026-03-02T08:00:00Z\""]), @"");
    insta::assert_snapshot!(check(&SECONDS, &["\"2026-03-02T08:00:00Z\"", "\"2026-03-02T08:00:00.5Z\""]), @"");
    insta::assert_snapshot!(check(&ValueKind::Date, &["\"2026-03-02\"", "\"2026-3-2\"", "\"2026-02-29\"", "\"2026-03-02T00:00:00\"", "\"-infinity\""]), @"");
    insta::assert_snapshot!(check(&DATETIME_TEXT, &["\"2026-03-02 08:00:00\"", "\"2026-03-02T08:00Z\"", "\"2026-03-02\"", "\"yesterday\""]), @"");
}

#[test]
fn json_is_the_same_value_however_it_is_spelled() {
    insta::assert_snapshot!(check(&ValueKind::Json, &[r#""{\"b\": 1, \"a\": [1.0, true]}""#, r#""{\"a\":1,\"a\":2}""#, r#""1.00000000000000000001""#, r#""{a:1}""#, "true"]), @"");
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
