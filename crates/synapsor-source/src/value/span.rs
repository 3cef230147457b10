//! What is an interval, and how is it written?
//!
//! PostgreSQL keeps months, days and microseconds apart: a month is not thirty days. So do we: `P1M` and `P30D` are two
//! values. The canonical form is ISO 8601 as PostgreSQL itself writes it, every part with its own sign.

use synapsor_protocol::Scalar;

use super::moment::{all_digits, padded};
use crate::error::ValueError;

const SPAN: ValueError = ValueError::Malformed { expected: "an interval, P1Y2M3DT4H5M6.789S" };
const MICROS_PER_SECOND: i64 = 1_000_000;

/// An interval, part by part.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Span {
    months: i32,
    days: i32,
    micros: i64,
}

/// The canonical interval of an ISO 8601 text, or of what a session with `IntervalStyle = postgres` writes.
pub(super) fn interval(text: &str, digits: u8) -> Result<Scalar, ValueError> {
    if matches!(text, "infinity" | "-infinity") {
        return Err(ValueError::NotFinite);
    }
    let span = match text.strip_prefix('P') {
        Some(designated) => Span::designated(designated)?,
        None => Span::worded(text)?,
    };
    let unit = 10_i64.pow(u32::from(6_u8.saturating_sub(digits)));
    if span.micros % unit == 0 { Ok(span.to_string().into()) } else { Err(ValueError::TooPrecise) }
}

impl Span {
    /// What stands behind the `P`: `1Y2M3W4DT5H6M7.8S`, every number with a sign of its own.
    fn designated(text: &str) -> Result<Self, ValueError> {
        let (date, clock) = text.split_once('T').map_or((text, None), |(date, clock)| (date, Some(clock)));
        if (date.is_empty() && clock.is_none()) || clock == Some("") {
            return Err(SPAN);
        }
        let mut span = Self::default();
        span.take(date, &[('Y', Unit::Months(12)), ('M', Unit::Months(1)), ('W', Unit::Days(7)), ('D', Unit::Days(1))])?;
        span.take(clock.unwrap_or_default(), &[('H', Unit::Seconds(3600)), ('M', Unit::Seconds(60)), ('S', Unit::Seconds(1))])?;
        Ok(span)
    }

    fn take(&mut self, mut text: &str, units: &[(char, Unit)]) -> Result<(), ValueError> {
        for (letter, unit) in units {
            if let Some((number, rest)) = text.split_once(*letter) {
                self.add(number, *unit)?;
                text = rest;
            }
        }
        if text.is_empty() { Ok(()) } else { Err(SPAN) }
    }

    /// `1 year 2 mons -3 days +04:05:06.789`.
    fn worded(text: &str) -> Result<Self, ValueError> {
        let mut span = Self::default();
        let mut words = text.split(' ').peekable();
        while let Some(word) = words.next() {
            match words.peek().and_then(|name| Unit::named(name)) {
                Some(unit) => {
                    words.next();
                    span.add(word, unit)?;
                }
                None if words.peek().is_none() => span.add_clock(word)?,
                None => return Err(SPAN),
            }
        }
        Ok(span)
    }

    /// `+04:05:06.789`; the sign is that of every part.
    fn add_clock(&mut self, text: &str) -> Result<(), ValueError> {
        let (sign, unsigned) = text.strip_prefix('-').map_or(("", text.strip_prefix('+').unwrap_or(text)), |unsigned| ("-", unsigned));
        let mut parts = unsigned.split(':');
        for factor in [3600, 60, 1] {
            let part = parts.next().ok_or(SPAN)?;
            self.add(&format!("{sign}{part}"), Unit::Seconds(factor))?;
        }
        if parts.next().is_none() { Ok(()) } else { Err(SPAN) }
    }

    fn add(&mut self, number: &str, unit: Unit) -> Result<(), ValueError> {
        let fits = match unit {
            Unit::Months(factor) => add_to(&mut self.months, whole(number)?, factor),
            Unit::Days(factor) => add_to(&mut self.days, whole(number)?, factor),
            Unit::Seconds(1) => self.micros.checked_add(micros(number)?).map(|sum| self.micros = sum),
            Unit::Seconds(factor) => {
                let micros = i64::from(factor).checked_mul(MICROS_PER_SECOND).and_then(|unit| whole(number).ok()?.checked_mul(unit));
                whole(number)?;
                micros.and_then(|micros| self.micros.checked_add(micros)).map(|sum| self.micros = sum)
            }
        };
        fits.ok_or(ValueError::OutOfRange)
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Months(i32),
    Days(i32),
    Seconds(i32),
}

impl Unit {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "year" | "years" => Self::Months(12),
            "mon" | "mons" => Self::Months(1),
            "day" | "days" => Self::Days(1),
            _ => return None,
        })
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::default() {
            return f.write_str("PT0S");
        }
        let part = |f: &mut std::fmt::Formatter<'_>, number: i64, letter: char| match number {
            0 => Ok(()),
            _ => write!(f, "{number}{letter}"),
        };
        f.write_str("P")?;
        part(f, i64::from(self.months / 12), 'Y')?;
        part(f, i64::from(self.months % 12), 'M')?;
        part(f, i64::from(self.days), 'D')?;
        if self.micros == 0 {
            return Ok(());
        }
        f.write_str("T")?;
        let seconds = self.micros / MICROS_PER_SECOND;
        part(f, seconds / 3600, 'H')?;
        part(f, seconds / 60 % 60, 'M')?;
        let rest = self.micros % (60 * MICROS_PER_SECOND);
        if rest == 0 {
            return Ok(());
        }
        let sign = if rest < 0 { "-" } else { "" };
        let (whole, fraction) =
            (rest.unsigned_abs() / MICROS_PER_SECOND.unsigned_abs(), rest.unsigned_abs() % MICROS_PER_SECOND.unsigned_abs());
        let fraction = format!("{fraction:06}");
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}S")
    }
}

fn add_to(sum: &mut i32, number: i64, factor: i32) -> Option<()> {
    let added = number.checked_mul(i64::from(factor))?.checked_add(i64::from(*sum))?;
    *sum = i32::try_from(added).ok()?;
    Some(())
}

fn whole(number: &str) -> Result<i64, ValueError> {
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    if !all_digits(digits, 1, usize::MAX) {
        return Err(SPAN);
    }
    number.parse().map_err(|_| ValueError::OutOfRange)
}

/// Seconds with up to six digits behind the point.
fn micros(number: &str) -> Result<i64, ValueError> {
    let (seconds, fraction) = match number.split_once('.') {
        Some((_, fraction)) if !all_digits(fraction, 1, usize::MAX) => return Err(SPAN),
        Some(parts) => parts,
        None => (number, ""),
    };
    let fraction: i64 = padded(fraction, 6).ok_or(ValueError::TooPrecise)?.parse().map_err(|_| SPAN)?;
    let signed = if seconds.starts_with('-') { -fraction } else { fraction };
    let micros = whole(seconds)?.checked_mul(MICROS_PER_SECOND).and_then(|micros| micros.checked_add(signed));
    micros.ok_or(ValueError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::super::ValueKind;
    use super::super::tests::check;

    #[test]
    fn an_interval_has_one_form_however_it_is_spelled() {
        let inputs = [
            "\"P1Y2M3DT4H5M6.789S\"",
            "\"1 year 2 mons 3 days 04:05:06.789\"",
            "\"P14M\"",
            "\"P2W\"",
            "\"P30D\"",
            "\"-1 years -2 mons +3 days -04:05:06\"",
            "\"P-1Y-2M3DT-4H-5M-6S\"",
            "\"PT36H\"",
            "\"00:00:00\"",
            "\"PT90S\"",
            "\"PT-0.5S\"",
            "\"-00:00:00.000001\"",
            "\"PT1H-30M\"",
        ];
        insta::assert_snapshot!(check(&ValueKind::Interval { digits: 6 }, &inputs), @r#"
        "P1Y2M3DT4H5M6.789S" => "P1Y2M3DT4H5M6.789S"
        "1 year 2 mons 3 days 04:05:06.789" => "P1Y2M3DT4H5M6.789S"
        "P14M" => "P1Y2M"
        "P2W" => "P14D"
        "P30D" => "P30D"
        "-1 years -2 mons +3 days -04:05:06" => "P-1Y-2M3DT-4H-5M-6S"
        "P-1Y-2M3DT-4H-5M-6S" => "P-1Y-2M3DT-4H-5M-6S"
        "PT36H" => "PT36H"
        "00:00:00" => "PT0S"
        "PT90S" => "PT1M30S"
        "PT-0.5S" => "PT-0.5S"
        "-00:00:00.000001" => "PT-0.000001S"
        "PT1H-30M" => "PT30M"
        "#);
    }

    #[test]
    fn what_is_no_interval_or_loses_a_digit_is_refused() {
        let inputs = [
            "\"P\"",
            "\"PT\"",
            "\"P1DT\"",
            "\"P1M1Y\"",
            "\"P1.5D\"",
            "\"PT0.1234567S\"",
            "\"P2147483648D\"",
            "\"PT2562047789H\"",
            "\"1 day\"",
            "\"1 fortnight\"",
            "\"\"",
            "\"infinity\"",
            "\"P1Y 2M\"",
            "5",
        ];
        insta::assert_snapshot!(check(&ValueKind::Interval { digits: 6 }, &inputs), @r#"
        "P" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "PT" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "P1DT" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "P1M1Y" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "P1.5D" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "PT0.1234567S" => refused: more digits than the column keeps
        "P2147483648D" => refused: outside the range of the column's type
        "PT2562047789H" => refused: outside the range of the column's type
        "1 day" => "P1D"
        "1 fortnight" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "infinity" => refused: not a finite number
        "P1Y 2M" => refused: expected an interval, P1Y2M3DT4H5M6.789S
        5 => refused: expected an interval, P1Y2M3DT4H5M6.789S
        "#);
        insta::assert_snapshot!(check(&ValueKind::Interval { digits: 0 }, &["\"PT1S\"", "\"PT0.5S\""]), @r#"
        "PT1S" => "PT1S"
        "PT0.5S" => refused: more digits than the column keeps
        "#);
    }
}
