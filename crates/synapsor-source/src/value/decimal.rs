//! What is an exact decimal, and how is it written?

use crate::error::ValueError;

/// The most digits before or behind the point. More is refused before anything is allocated.
const MAX_DIGITS: usize = 1000;

/// A decimal number, digit by digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Digits before the point, without leading zeros; empty for 0.
    integer: String,
    /// Digits behind the point, as given.
    fraction: String,
}

impl Decimal {
    /// Reads `-12.50`, `1e-7`, `.5`; no blanks, no separators.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits_only = integer.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !digits_only || integer.len() + fraction.len() == 0 {
            return None;
        }
        Self::shifted(negative, integer, fraction, exponent)
    }

    fn shifted(negative: bool, integer: &str, fraction: &str, exponent: i32) -> Option<Self> {
        let digits = format!("{integer}{fraction}");
        let point = i64::try_from(integer.len()).ok()? + i64::from(exponent);
        let limit = MAX_DIGITS as i64;
        if digits.len() > MAX_DIGITS || !(-limit..=limit).contains(&point) {
            return None;
        }
        let (integer, fraction) = match usize::try_from(point) {
            Err(_) => (String::new(), format!("{}{digits}", "0".repeat(usize::try_from(-point).ok()?))),
            Ok(point) if point >= digits.len() => (format!("{digits}{}", "0".repeat(point - digits.len())), String::new()),
            Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
        };
        let integer = integer.trim_start_matches('0').to_owned();
        let zero = integer.is_empty() && fraction.bytes().all(|b| b == b'0');
        Some(Self { negative: negative && !zero, integer, fraction })
    }

    /// As given: `12.50` stays `12.50`.
    pub(crate) fn plain(&self) -> String {
        self.written(&self.fraction)
    }

    /// Without trailing zeros: `12.50` is `12.5`.
    pub(crate) fn minimal(&self) -> String {
        self.written(self.fraction.trim_end_matches('0'))
    }

    /// With exactly `scale` digits behind the point, if `precision` digits hold it without rounding.
    pub(crate) fn fixed(&self, precision: u32, scale: i32) -> Result<String, ValueError> {
        let kept = usize::try_from(scale).unwrap_or(0);
        let significant = self.fraction.trim_end_matches('0');
        if significant.len() > kept {
            return Err(ValueError::TooPrecise);
        }
        let fraction = format!("{significant}{}", "0".repeat(kept - significant.len()));
        // A negative scale drops digits before the point; they must be zeros.
        let dropped = usize::try_from(-i64::from(scale)).unwrap_or(0).min(self.integer.len());
        let (held, rounded) = self.integer.split_at(self.integer.len() - dropped);
        if rounded.bytes().any(|b| b != b'0') {
            return Err(ValueError::TooPrecise);
        }
        let digits = format!("{held}{fraction}");
        if digits.trim_start_matches('0').len() > precision as usize {
            return Err(ValueError::OutOfRange);
        }
        Ok(self.written(&fraction))
    }

    /// Without trailing zeros, if a 64-bit integer or a double holds it exactly.
    pub(crate) fn exact_in_double(&self) -> Result<String, ValueError> {
        let minimal = self.minimal();
        if minimal.parse::<i64>().is_ok() {
            return Ok(minimal);
        }
        let double: f64 = minimal.parse().map_err(|_| ValueError::OutOfRange)?;
        // Rust prints the shortest digits that identify the double, never an exponent.
        let survives = double.is_finite() && Self::parse(&double.to_string()).is_some_and(|again| again.minimal() == minimal);
        if survives { Ok(minimal) } else { Err(ValueError::TooPrecise) }
    }

    fn written(&self, fraction: &str) -> String {
        let sign = if self.negative { "-" } else { "" };
        let integer = if self.integer.is_empty() { "0" } else { &self.integer };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{integer}{point}{fraction}")
    }
}
