//! How is a time of day, or a span of hours, read and written without losing a digit?
//!
//! Accepted forms: `08:00`, `08:00:00` or `08:00:00.123`; with a zone `Z`, `+02`, `+0200`, `+02:00` or `+02:00:30` where the
//! type has one, and with a sign and up to 838 hours where it is a span.

use synapsor_protocol::Scalar;

use super::ClockRange;
use super::moment::{all_digits, padded};
use crate::error::ValueError;

const TIME: ValueError = ValueError::Malformed { expected: "a time, 08:00:00" };
const SECONDS_OF_DAY: u32 = 24 * 60 * 60;
/// 838:59:59, the longest span of MySQL.
const LONGEST_SPAN: u32 = (838 * 60 + 59) * 60 + 59;
/// A zone is less than 16 hours from UTC, as PostgreSQL says.
const FARTHEST_ZONE: u32 = 16 * 60 * 60;
/// The most digits behind a second that are read.
const NANOSECOND_DIGITS: usize = 9;

/// The canonical time with `digits` behind the second.
pub(super) fn time(text: &str, digits: u8, range: ClockRange) -> Result<Scalar, ValueError> {
    let (negative, unsigned) = match (range, text.strip_prefix('-')) {
        (ClockRange::Span, Some(unsigned)) => (true, unsigned),
        (_, _) => (false, text),
    };
    let end = unsigned.find(['Z', 'z', '+', '-']).unwrap_or(unsigned.len());
    let (clock, zone) = unsigned.split_at(end);
    let suffix = zone_suffix(zone, range)?;
    let (seconds, fraction) = parse(clock, range).ok_or(TIME)?;
    let fraction = padded(fraction, usize::from(digits)).ok_or(ValueError::TooPrecise)?;
    let zero = fraction.bytes().all(|b| b == b'0');
    let last = if range == ClockRange::Span { LONGEST_SPAN } else { SECONDS_OF_DAY };
    if seconds > last || (seconds == last && !zero) {
        return Err(ValueError::OutOfRange);
    }
    let sign = if negative && !(seconds == 0 && zero) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{}{point}{fraction}{suffix}", written(seconds)).into())
}

/// A time that is kept as text: its form is checked, its bytes stay.
pub(super) fn check_text(text: &str) -> Result<Scalar, ValueError> {
    let (seconds, _) = parse(text, ClockRange::Day).ok_or(TIME)?;
    if seconds < SECONDS_OF_DAY { Ok(text.into()) } else { Err(TIME) }
}

/// Seconds, and the digits behind them.
fn parse(clock: &str, range: ClockRange) -> Option<(u32, &str)> {
    let (clock, fraction) = match clock.split_once('.') {
        Some((_, fraction)) if !all_digits(fraction, 1, NANOSECOND_DIGITS) => return None,
        Some(parts) => parts,
        None => (clock, ""),
    };
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    let most = if range == ClockRange::Span { 3 } else { 2 };
    let digits = all_digits(hours, 2, most) && all_digits(minutes, 2, 2) && seconds.is_none_or(|seconds| all_digits(seconds, 2, 2));
    // A fraction belongs to seconds.
    if !digits || parts.next().is_some() || (seconds.is_none() && !fraction.is_empty()) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds: u32 = seconds.unwrap_or("00").parse().ok()?;
    (minutes < 60 && seconds < 60).then_some(((hours * 60 + minutes) * 60 + seconds, fraction))
}

/// The zone as PostgreSQL writes it, with minutes always.
fn zone_suffix(zone: &str, range: ClockRange) -> Result<String, ValueError> {
    match (range, zone) {
        (ClockRange::Zoned, "") => Err(ValueError::ZoneMissing),
        (ClockRange::Zoned, "Z" | "z") => Ok("+00:00".to_owned()),
        (ClockRange::Zoned, _) => distance(zone).ok_or(TIME),
        (ClockRange::Day | ClockRange::Span, "") => Ok(String::new()),
        (ClockRange::Day | ClockRange::Span, _) => Err(ValueError::ZoneNotKept),
    }
}

fn distance(zone: &str) -> Option<String> {
    let (sign, distance) = zone.is_ascii().then(|| zone.split_at_checked(1)).flatten()?;
    let spelled = match distance.len() {
        2 => format!("{distance}:00"),
        4 => format!("{}:{}", &distance[..2], &distance[2..]),
        _ => distance.to_owned(),
    };
    let (seconds, fraction) = parse(&spelled, ClockRange::Day)?;
    if seconds >= FARTHEST_ZONE || !fraction.is_empty() {
        return None;
    }
    let full = written(seconds);
    let shown = full.strip_suffix(":00").unwrap_or(&full);
    Some(format!("{}{shown}", if seconds == 0 { "+" } else { sign }))
}

fn written(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::super::{ClockRange, ValueKind};

    const fn clock(digits: u8, range: ClockRange) -> ValueKind {
        ValueKind::Time { digits, range }
    }

    #[test]
    fn a_time_of_day_keeps_every_digit_of_the_column() {
        let inputs = [
            "\"08:00\"",
            "\"08:00:00.5\"",
            "\"23:59:59.999999\"",
            "\"24:00:00\"",
            "\"24:00:00.000001\"",
            "\"23:59:60\"",
            "\"8:00\"",
            "\"08:00.5\"",
            "\"-01:00\"",
            "\"08:00:00Z\"",
            "\"08:00:00.1234567\"",
            "800",
        ];
        insta::assert_snapshot!(check(&clock(6, ClockRange::Day), &inputs), @r#"
        "08:00" => "08:00:00.000000"
        "08:00:00.5" => "08:00:00.500000"
        "23:59:59.999999" => "23:59:59.999999"
        "24:00:00" => "24:00:00.000000"
        "24:00:00.000001" => refused: outside the range of the column's type
        "23:59:60" => refused: expected a time, 08:00:00
        "8:00" => refused: expected a time, 08:00:00
        "08:00.5" => refused: expected a time, 08:00:00
        "-01:00" => refused: the column keeps no time zone
        "08:00:00Z" => refused: the column keeps no time zone
        "08:00:00.1234567" => refused: more digits than the column keeps
        800 => refused: expected a time, 08:00:00
        "#);
    }

    #[test]
    fn a_time_with_zone_keeps_its_zone() {
        let inputs = [
            "\"08:00Z\"",
            "\"08:00+02\"",
            "\"08:00:00.25-0330\"",
            "\"08:00-00:00\"",
            "\"08:00+05:45:30\"",
            "\"08:00+16\"",
            "\"08:00\"",
            "\"08:00+\"",
        ];
        insta::assert_snapshot!(check(&clock(3, ClockRange::Zoned), &inputs), @r#"
        "08:00Z" => "08:00:00.000+00:00"
        "08:00+02" => "08:00:00.000+02:00"
        "08:00:00.25-0330" => "08:00:00.250-03:30"
        "08:00-00:00" => "08:00:00.000+00:00"
        "08:00+05:45:30" => "08:00:00.000+05:45:30"
        "08:00+16" => refused: expected a time, 08:00:00
        "08:00" => refused: a time zone is needed
        "08:00+" => refused: expected a time, 08:00:00
        "#);
    }

    #[test]
    fn a_span_of_hours_has_a_sign_and_ends_where_the_type_ends() {
        let inputs = [
            "\"838:59:59\"",
            "\"-838:59:59.000000\"",
            "\"838:59:59.000001\"",
            "\"839:00:00\"",
            "\"-00:00:00\"",
            "\"-00:00:00.5\"",
            "\"1:00\"",
            "\"01:00+01\"",
        ];
        insta::assert_snapshot!(check(&clock(6, ClockRange::Span), &inputs), @r#"
        "838:59:59" => "838:59:59.000000"
        "-838:59:59.000000" => "-838:59:59.000000"
        "838:59:59.000001" => refused: outside the range of the column's type
        "839:00:00" => refused: outside the range of the column's type
        "-00:00:00" => "00:00:00.000000"
        "-00:00:00.5" => "-00:00:00.500000"
        "1:00" => refused: expected a time, 08:00:00
        "01:00+01" => refused: the column keeps no time zone
        "#);
    }
}
