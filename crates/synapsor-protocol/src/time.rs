//! What time is it, and how is a time written down?
//!
//! UTC, RFC 3339, microseconds: `2026-03-02T08:00:00.000000Z`. [`Timestamp::now`] is the only place in the workspace
//! that reads the wall clock.

use std::fmt;
use std::time::Duration;

/// A moment, to the microsecond. The text form sorts like the moments do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The wall clock. It may jump: safety never rests on it.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now() -> Self {
        Self::truncated(jiff::Timestamp::now())
    }

    /// The moment this many microseconds after 1970-01-01, if it lies within the years 0 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(micros).ok().map(Self)
    }

    /// Microseconds since 1970-01-01.
    pub fn as_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// Reads an RFC 3339 date-time; digits beyond the microsecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::truncated)
    }

    /// Reads a date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn parse_http(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::parse(text).ok().map(|date| Self::truncated(date.timestamp()))
    }

    /// The moment `duration` later; the last representable moment if that is beyond it.
    pub fn after(self, duration: Duration) -> Self {
        Self::truncated(self.0.saturating_add(duration).unwrap_or(jiff::Timestamp::MAX))
    }

    /// The moment `duration` earlier; the first representable moment if that is before it.
    pub fn before(self, duration: Duration) -> Self {
        Self::truncated(self.0.saturating_sub(duration).unwrap_or(jiff::Timestamp::MIN))
    }

    /// How long it is from `earlier` to this moment; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.as_micros().saturating_sub(earlier.as_micros())).unwrap_or(0))
    }

    fn truncated(moment: jiff::Timestamp) -> Self {
        jiff::Timestamp::from_microsecond(moment.as_microsecond()).map_or(Self(moment), Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 date-time"))
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_are_utc_with_six_digits() {
        for (text, written) in [
            ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00.000000Z"),
            ("2026-03-02T08:00:00.123456789Z", "2026-03-02T08:00:00.123456Z"),
            ("2026-03-02T10:00:00.5+02:00", "2026-03-02T08:00:00.500000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|t| t.to_string()).as_deref(), Some(written));
        }
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
