//! Which of two decimals is larger, and what is their sum?
//!
//! Compared and added digit by digit, because a double would round the values that travel as strings.

use std::cmp::Ordering;

/// The most digits that a sum, or a decimal that is written out, has. More than any column holds that is worth adding to.
const MOST_DIGITS: i64 = 1000;

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
    /// Nothing.
    pub const ZERO: Self = Self { negative: false, digits: String::new(), exponent: 0 };

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

    /// The exact sum. `None` if it spans more than a thousand digits.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let low = self.exponent.min(other.exponent);
        let (one, two) = (self.aligned(low)?, other.aligned(low)?);
        let (negative, digits) = match (self.negative == other.negative, self.compare_unsigned(other)) {
            (true, _) => (self.negative, sum(&one, &two)),
            (false, Ordering::Less) => (other.negative, difference(&two, &one)),
            (false, _) => (self.negative, difference(&one, &two)),
        };
        Self::parse(&format!("{}{digits}e{low}", if negative { "-" } else { "" }))
    }

    /// The exact difference. `None` if it spans more than a thousand digits.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&Self { negative: !other.negative && !other.digits.is_empty(), ..other.clone() })
    }

    /// All digits, without an exponent and without zeros behind the point that say nothing: `-12.5`. `None` if these are more than
    /// a thousand.
    pub fn plain(&self) -> Option<String> {
        let sign = if self.negative { "-" } else { "" };
        let digits = self.aligned(self.exponent.min(0))?;
        let behind = usize::try_from(self.exponent.min(0).unsigned_abs()).ok()?;
        if behind == 0 {
            return Some(format!("{sign}{}", if digits.is_empty() { "0" } else { &digits }));
        }
        let padded = format!("{}{digits}", "0".repeat((behind + 1).saturating_sub(digits.len())));
        let (whole, fraction) = padded.split_at(padded.len() - behind);
        Some(format!("{sign}{whole}.{fraction}"))
    }

    /// The digits down to this power of ten, which is none above the last digit's.
    fn aligned(&self, low: i64) -> Option<String> {
        let zeros = self.exponent.checked_sub(low)?;
        let zeros = if self.digits.is_empty() { 0 } else { usize::try_from(zeros).ok().filter(|zeros| *zeros <= MOST_DIGITS as usize)? };
        let within = self.digits.len() + zeros <= MOST_DIGITS as usize && low >= -MOST_DIGITS;
        within.then(|| format!("{}{}", self.digits, "0".repeat(zeros)))
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

/// The sum of two rows of digits.
fn sum(one: &str, two: &str) -> String {
    column_by_column(one, two, |one, two, carry| {
        let all = one + two + carry;
        (all % 10, i8::from(all > 9))
    })
}

/// The difference of two rows of digits, the second of which is not the larger one.
fn difference(one: &str, two: &str) -> String {
    column_by_column(one, two, |one, two, borrowed| {
        let left = one - two - borrowed;
        (left.rem_euclid(10), i8::from(left < 0))
    })
}

/// From the last digit to the first, with what one column hands to the next.
fn column_by_column(one: &str, two: &str, step: fn(i8, i8, i8) -> (i8, i8)) -> String {
    let digit = |text: &str, at: usize| text.bytes().rev().nth(at).map_or(0, |digit| digit.wrapping_sub(b'0').cast_signed());
    let mut handed = 0;
    let mut written: Vec<char> = Vec::new();
    for at in 0..=one.len().max(two.len()) {
        let (here, next) = step(digit(one, at), digit(two, at), handed);
        written.push(char::from(b'0' + here.unsigned_abs()));
        handed = next;
    }
    written.iter().rev().collect()
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

    #[test]
    fn sums_and_differences_are_exact() {
        for (one, two, sum, difference) in [
            ("1", "2", "3", "-1"),
            ("0.1", "0.2", "0.3", "-0.1"),
            ("-5", "5", "0", "-10"),
            ("0", "-0.50", "-0.5", "0.5"),
            ("99.99", "0.01", "100", "99.98"),
            ("9223372036854775807", "1", "9223372036854775808", "9223372036854775806"),
            (
                "100000000000000000000",
                "-0.00000000000000000001",
                "99999999999999999999.99999999999999999999",
                "100000000000000000000.00000000000000000001",
            ),
            ("1e3", "1", "1001", "999"),
            ("-1.25", "-0.75", "-2", "-0.5"),
        ] {
            let (one, two) = (Decimal::parse(one).unwrap(), Decimal::parse(two).unwrap());
            assert_eq!(one.plus(&two).unwrap().plain().as_deref(), Some(sum));
            assert_eq!(one.minus(&two).unwrap().plain().as_deref(), Some(difference));
        }
    }

    #[test]
    fn what_spans_too_many_digits_is_not_added() {
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        for (one, two) in [("1e1000", "1"), ("1", "1e-1001"), ("1e9223372036854775807", "1e-9223372036854775807")] {
            assert_eq!(decimal(one).plus(&decimal(two)), None, "{one} {two}");
            assert_eq!(decimal(two).minus(&decimal(one)), None, "{one} {two}");
        }
        assert_eq!(decimal("1e2000").plain(), None);
        assert_eq!(decimal("1e-2000").plain(), None);
        assert_eq!(decimal("0e2000").plus(&decimal("0")).unwrap().plain().as_deref(), Some("0"));
    }

    proptest! {
        #[test]
        fn decimals_of_integers_add_as_integers_do(one: i64, two: i64, shift in -20_i32..20) {
            let decimal = |integer: i128| Decimal::parse(&format!("{integer}e{shift}")).unwrap();
            let (one, two) = (i128::from(one), i128::from(two));
            prop_assert_eq!(decimal(one).plus(&decimal(two)), Some(decimal(one + two)));
            prop_assert_eq!(decimal(one).minus(&decimal(two)), Some(decimal(one - two)));
            prop_assert_eq!(Decimal::parse(&decimal(one).plain().unwrap()), Some(decimal(one)));
        }

        #[test]
        fn doubles_compare_like_their_decimals(one in prop::num::f64::NORMAL, other in prop::num::f64::NORMAL) {
            let decimal = |double: f64| Decimal::parse(&format!("{double:e}")).unwrap();
            prop_assert_eq!(Some(decimal(one).cmp(&decimal(other))), one.partial_cmp(&other));
        }
    }
}
