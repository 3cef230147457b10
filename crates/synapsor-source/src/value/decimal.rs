//! What is an exact decimal, and how is it written?

use synapsor_protocol::Number;

use crate::error::ValueError;

/// The most digits before and behind the point: what PostgreSQL's `numeric` holds. More is refused before anything is allocated.
const MAX_INTEGER_DIGITS: usize = 131_072;
const MAX_FRACTION_DIGITS: usize = 16_383;
const MALFORMED: ValueError = ValueError::Malformed { expected: "a decimal number" };

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
    pub(crate) fn parse(text: &str) -> Result<Self, ValueError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits_only = integer.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !digits_only || integer.len() + fraction.len() == 0 {
            return Err(MALFORMED);
        }
        Self::shifted(negative, integer, fraction, exponent)
    }

    fn shifted(negative: bool, integer: &str, fraction: &str, exponent: i32) -> Result<Self, ValueError> {
        let leading = integer.trim_start_matches('0');
        let digits = format!("{leading}{fraction}");
        // Where the point stands among the digits, counted from their left.
        let point = i64::try_from(leading.len()).map_err(|_| ValueError::OutOfRange)? + i64::from(exponent);
        if point > MAX_INTEGER_DIGITS as i64 {
            return Err(ValueError::OutOfRange);
        }
        let kept = usize::try_from(digits.len() as i64 - point).unwrap_or(0);
        if kept > MAX_FRACTION_DIGITS {
            return Err(ValueError::TooPrecise);
        }
        let (integer, fraction) = match usize::try_from(point) {
            Err(_) => (String::new(), format!("{}{digits}", "0".repeat(kept - digits.len()))),
            Ok(point) if point >= digits.len() => (format!("{digits}{}", "0".repeat(point - digits.len())), String::new()),
            Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
        };
        let integer = integer.trim_start_matches('0').to_owned();
        let zero = integer.is_empty() && fraction.bytes().all(|b| b == b'0');
        Ok(Self { negative: negative && !zero, integer, fraction })
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
        let written = Self::of_double(double).ok_or(ValueError::TooPrecise)?.minimal();
        // Of two shortest forms that are equally near, Rust prints one and JSON the other; neither has an exponent here.
        let nearest = Self::parse(&double.to_string()).is_ok_and(|again| again.minimal() == minimal);
        if nearest || written == minimal { Ok(written) } else { Err(ValueError::TooPrecise) }
    }

    /// The shortest decimal that identifies the double, as JSON writes it; `None` if it is not finite.
    pub(crate) fn of_double(double: f64) -> Option<Self> {
        Self::parse(&Number::from_f64(double)?.to_string()).ok()
    }

    fn written(&self, fraction: &str) -> String {
        let sign = if self.negative { "-" } else { "" };
        let integer = if self.integer.is_empty() { "0" } else { &self.integer };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{integer}{point}{fraction}")
    }
}

fn exponent(text: &str) -> Result<i32, ValueError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MALFORMED);
    }
    text.parse().map_err(|_| ValueError::OutOfRange)
}
