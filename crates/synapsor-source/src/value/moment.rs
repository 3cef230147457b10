//! How are dates and times read, compared and moved on, without losing a digit?
//!
//! Accepted forms: `2026-03-02`, then `T` or a blank, then `08:00`, `08:00:00` or `08:00:00.123`, then nothing, `Z`,
//! `+02`, `+0200` or `+02:00`. PostgreSQL's `infinity` and `-infinity` are kept. Years are 1 to 9999.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use synapsor_protocol::Scalar;
#[cfg(feature = "guarded-write")]
use synapsor_protocol::Timestamp;

use crate::error::ValueError;

const DATE: ValueError = ValueError::Malformed { expected: "a date, 2026-03-02" };
const MOMENT: ValueError = ValueError::Malformed { expected: "a date and time, 2026-03-02T08:00:00Z" };
/// The most digits behind a second that are read.
const NANOSECOND_DIGITS: usize = 9;

/// A moment as it was spelled.
struct Moment<'a> {
    #[cfg(feature = "guarded-write")]
    separator: char,
    /// Without fraction.
    local: DateTime,
    #[cfg(feature = "guarded-write")]
    seconds: bool,
    /// The digits behind the second.
    fraction: &'a str,
    /// The zone as it was spelled, and its distance from UTC in minutes.
    zone: Option<(&'a str, i32)>,
}

/// The canonical date.
pub(super) fn date(text: &str, infinite: bool) -> Result<Scalar, ValueError> {
    match infinity(text).filter(|_| infinite) {
        Some(infinity) => Ok(infinity.into()),
        None => civil_date(text).map(|date| date.to_string().into()).ok_or(DATE),
    }
}

/// The canonical moment with `digits` behind the second; in UTC with `Z` if `zoned`.
pub(super) fn timestamp(text: &str, digits: u8, zoned: bool, infinite: bool) -> Result<Scalar, ValueError> {
    if let Some(infinity) = infinity(text).filter(|_| infinite) {
        return Ok(infinity.into());
    }
    let moment = Moment::parse(text).ok_or(MOMENT)?;
    let (local, suffix) = match (moment.zone, zoned) {
        (None, true) => return Err(ValueError::ZoneMissing),
        (Some(_), false) => return Err(ValueError::ZoneNotKept),
        (None, false) => (moment.local, ""),
        (Some((_, minutes)), true) => (moved(moment.local, -minutes).ok_or(ValueError::OutOfRange)?, "Z"),
    };
    let fraction = padded(moment.fraction, usize::from(digits)).ok_or(ValueError::TooPrecise)?;
    Ok(written(local, 'T', true, &fraction, suffix).into())
}

/// A date or time that is kept as text: its form is checked, its bytes stay.
pub(super) fn check_text(text: &str, date_only: bool) -> Result<Scalar, ValueError> {
    match date_only {
        true if civil_date(text).is_some() => Ok(text.into()),
        false if Moment::parse(text).is_some() => Ok(text.into()),
        true => Err(DATE),
        false => Err(MOMENT),
    }
}

/// The later of `now` and `old` plus one unit of its last digit, in the form in which `old` is spelled.
/// `None` if `old` is no date with a time.
#[cfg(feature = "guarded-write")]
pub(crate) fn later_text(old: &str, now: Timestamp) -> Option<String> {
    let moment = Moment::parse(old)?;
    let digits = moment.fraction.len();
    let unit = match (moment.seconds, digits) {
        (false, _) => SignedDuration::from_secs(60),
        (true, digits) => SignedDuration::from_nanos(10_i64.pow(u32::try_from(NANOSECOND_DIGITS - digits).ok()?)),
    };
    let nanos: i32 = padded(moment.fraction, NANOSECOND_DIGITS)?.parse().ok()?;
    let exact = moment.local.with().subsec_nanosecond(nanos).build().ok()?;
    let zone_minutes = moment.zone.map_or(0, |(_, minutes)| minutes);
    let clock = moved(utc(now)?, zone_minutes)?;
    let next = exact.checked_add(unit).ok()?.max(clock);
    let fraction = format!("{:09}", next.subsec_nanosecond())[..digits].to_owned();
    Some(written(next, moment.separator, moment.seconds, &fraction, moment.zone.map_or("", |(spelled, _)| spelled)))
}

impl<'a> Moment<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (date, rest) = text.is_ascii().then(|| text.split_at_checked(10)).flatten()?;
        let separator = rest.chars().next()?;
        if !matches!(separator, 'T' | 't' | ' ') {
            return None;
        }
        let rest = &rest[1..];
        let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at(end);
        let (clock, fraction) = match clock.split_once('.') {
            Some((_, fraction)) if !all_digits(fraction, 1, NANOSECOND_DIGITS) => return None,
            Some(parts) => parts,
            None => (clock, ""),
        };
        let seconds = clock.len() == 8;
        if !seconds && !fraction.is_empty() {
            return None;
        }
        let local = civil_date(date)?.to_datetime(civil_time(clock)?);
        let zone = if zone.is_empty() { None } else { Some((zone, zone_minutes(zone)?)) };
        Some(Self {
            #[cfg(feature = "guarded-write")]
            separator,
            local,
            #[cfg(feature = "guarded-write")]
            seconds,
            fraction,
            zone,
        })
    }
}

fn civil_date(text: &str) -> Option<Date> {
    let (year, month, day) = (text.get(..4)?, text.get(5..7)?, text.get(8..)?);
    let dashes = text.get(4..5)? == "-" && text.get(7..8)? == "-";
    let digits = all_digits(year, 4, 4) && all_digits(month, 2, 2) && all_digits(day, 2, 2);
    let year: i16 = year.parse().ok()?;
    (dashes && digits && year > 0).then(|| Date::new(year, month.parse().ok()?, day.parse().ok()?).ok())?
}

fn civil_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("00"));
    let digits = [hour, minute, second].iter().all(|part| all_digits(part, 2, 2));
    if !digits || parts.next().is_some() {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()
}

fn zone_minutes(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, distance) = match text.split_at_checked(1)? {
        ("+", distance) => (1, distance),
        ("-", distance) => (-1, distance),
        _ => return None,
    };
    let (hours, minutes) = match distance.len() {
        2 => (distance, "00"),
        4 => distance.split_at(2),
        _ => distance.split_once(':')?,
    };
    let digits = all_digits(hours, 2, 2) && all_digits(minutes, 2, 2);
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (digits && hours <= 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn moved(local: DateTime, minutes: i32) -> Option<DateTime> {
    local.checked_add(SignedDuration::from_secs(i64::from(minutes) * 60)).ok().filter(|moved| moved.year() > 0)
}

#[cfg(feature = "guarded-write")]
fn utc(now: Timestamp) -> Option<DateTime> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    epoch.checked_add(SignedDuration::from_micros(now.as_micros())).ok()
}

fn written(local: DateTime, separator: char, seconds: bool, fraction: &str, suffix: &str) -> String {
    let (date, hour, minute, second) = (local.date(), local.hour(), local.minute(), local.second());
    let seconds = if seconds { format!(":{second:02}") } else { String::new() };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{date}{separator}{hour:02}:{minute:02}{seconds}{point}{fraction}{suffix}")
}

/// The fraction with exactly `digits` digits, if only zeros have to go.
pub(super) fn padded(fraction: &str, digits: usize) -> Option<String> {
    let significant = fraction.trim_end_matches('0');
    (significant.len() <= digits).then(|| format!("{significant:0<digits$}"))
}

fn infinity(text: &str) -> Option<&str> {
    matches!(text, "infinity" | "-infinity").then_some(text)
}

pub(super) fn all_digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
