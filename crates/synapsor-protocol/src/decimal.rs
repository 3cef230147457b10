//! Which of two decimals is larger?
//!
//! Compared digit by digit, because a double would round the values that travel as strings.

use std::cmp::Ordering;

/// A decimal in its shortest form: equal values are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Significant digits, without zeros at either end; none for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    /// Reads a number as JSON, SQL or a person writes it: sign, digits, fraction, exponent. `None` if it is none of these, or if the
    /// exponent is beyond 64 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{integer}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || !is_exponent(exponent) {
            return None;
        }
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let trailing_zeros = i64::try_from(digits.len() - digits.trim_end_matches('0').len()).ok()?;
        let shift = trailing_zeros.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self { negative, digits: significant.to_owned(), exponent: exponent.parse::<i64>().ok()?.checked_add(shift)? })
    }

    /// The power of ten just above the first digit.
    fn magnitude(&self) -> i64 {
        self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX))
    }

    fn compare_unsigned(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Of equal magnitude, the digits compare like text: neither has zeros at its end.
            (false, false) => self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_unsigned(other),
            (true, true) => other.compare_unsigned(self),
        }
    }
}

fn is_exponent(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    #[test]
    fn decimals_are_compared_beyond_what_a_double_holds() {
        let ascending = [
            "-1e400",
            "-100.00000000000000000001",
            "-100",
            "-0.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.05",
            "0.5",
            "1",
            "9.9999999999999999999",
            "1E1",
            "100",
            "100.00000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "1e400",
        ];
        let read: Vec<_> = ascending.iter().map(|text| Decimal::parse(text).unwrap()).collect();
        for (one, rest) in read.iter().zip(1..) {
            assert!(read[rest..].iter().all(|other| one < other), "{one:?}");
        }
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        for (one, other) in [("1.50", "1.5"), ("-0", "0.000"), ("100", "1e2"), ("0.1e1", "+1")] {
            assert_eq!(Decimal::parse(one), Decimal::parse(other));
        }
        for text in ["", "-", ".", "1e", "1e1.5", "NaN", "Infinity", "1 ", "0x1", "1e99999999999999999999"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn doubles_compare_like_their_decimals(one in prop::num::f64::NORMAL, other in prop::num::f64::NORMAL) {
            let decimal = |double: f64| Decimal::parse(&format!("{double:e}")).unwrap();
            prop_assert_eq!(Some(decimal(one).cmp(&decimal(other))), one.partial_cmp(&other));
        }
    }
}
