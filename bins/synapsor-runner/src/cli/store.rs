//! Which words are about the ledger as a whole?

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Format, NewFile, Place};

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Count what it holds
    Stats(Whole),
    /// Check every record against the commit that wrote it, and every proposal
    Verify(Whole),
    /// Print the last commit; kept elsewhere, it shows later what was cut off or rewritten
    Head(Whole),
    /// Copy it to a file while others write, and verify the copy
    Backup(Backup),
    /// Put a backup in its place; every open job then counts as claimed
    Restore(Restore),
    /// Say what is old and settled, or remove it
    Prune(Prune),
    /// Give back the room that removed records have left
    Vacuum(Vacuum),
    /// Remove the ledger and begin anew
    Reset(Reset),
}

/// The ledger as a whole.
#[derive(Debug, Args)]
pub(crate) struct Whole {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) whole: Whole,
    #[command(flatten)]
    pub(crate) file: NewFile,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) backup: PathBuf,
    #[command(flatten)]
    pub(crate) whole: Whole,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    #[command(flatten)]
    pub(crate) whole: Whole,
    /// How long ago something must have been settled: `90d`, `12h`, `30m`, `45s`
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: Duration,
    /// Only say what would be removed; so it is without `--yes`
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

#[derive(Debug, Args)]
pub(crate) struct Vacuum {
    #[command(flatten)]
    pub(crate) whole: Whole,
    /// Pass over a lease file that cannot be read; a lock that is held is never passed over
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    pub(crate) whole: Whole,
    #[command(flatten)]
    pub(crate) sure: Sure,
}

/// Words without which nothing is taken away.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Sure {
    /// Do it
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Pass over a lease file that cannot be read; a lock that is held is never passed over
    #[arg(long)]
    pub(crate) force: bool,
}

impl Store {
    pub(super) fn words(&self) -> (&Place, Format) {
        let whole = match self {
            Self::Stats(whole) | Self::Verify(whole) | Self::Head(whole) => whole,
            Self::Vacuum(vacuum) => &vacuum.whole,
            Self::Backup(backup) => &backup.whole,
            Self::Restore(restore) => &restore.whole,
            Self::Prune(prune) => &prune.whole,
            Self::Reset(reset) => &reset.whole,
        };
        (&whole.place, whole.format)
    }
}

/// A whole number and its unit.
fn age(text: &str) -> Result<Duration, String> {
    let unit = |suffix, seconds: u64| Some((text.strip_suffix(suffix)?, seconds));
    let found = unit('s', 1).or_else(|| unit('m', 60)).or_else(|| unit('h', 3600)).or_else(|| unit('d', 86_400));
    let seconds = found.and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds));
    // A longer time ago there was nothing to be recorded.
    let seconds = seconds.filter(|seconds| (1..=1_000 * 366 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "an age is a whole number and `s`, `m`, `h` or `d`, such as `90d`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_has_a_unit_and_is_no_nonsense() {
        let seconds: Vec<_> = ["90d", "12h", "30m", "45s"].iter().map(|text| age(text).map(|age| age.as_secs())).collect();
        assert_eq!(seconds, [Ok(7_776_000), Ok(43_200), Ok(1800), Ok(45)]);
        for text in ["", "d", "90", "0d", "-1d", "1.5d", "1w", "90 d", "+", "18446744073709551615d", "99999999999d", "9ms"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
