//! What came of all trials of a part?

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checker::{Kind, Wrong};
use crate::plan::Verdict;

/// The figures of one part.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) part: &'static str,
    pub(crate) trials: u64,
    pub(crate) placed: u64,
    pub(crate) not_placed: u64,
    pub(crate) places: BTreeSet<String>,
    pub(crate) wrong: BTreeMap<Kind, u64>,
    pub(crate) failing: Vec<(u64, String)>,
    pub(crate) recovered: Option<Duration>,
    pub(crate) took: Duration,
}

impl Tally {
    pub(crate) fn of(part: &'static str) -> Self {
        Self {
            part,
            trials: 0,
            placed: 0,
            not_placed: 0,
            places: BTreeSet::new(),
            wrong: BTreeMap::new(),
            failing: Vec::new(),
            recovered: None,
            took: Duration::ZERO,
        }
    }

    pub(crate) fn count(&mut self, number: u64, verdict: Verdict) {
        self.trials += 1;
        if verdict.placed {
            self.placed += verdict.strikes.max(1);
            self.places.insert(verdict.place.clone());
        } else {
            self.not_placed += 1;
        }
        self.recovered = self.recovered.max(verdict.recovered);
        // Each trial counts once per kind, however many of its proposals are wrong.
        let kinds: BTreeSet<Kind> = verdict.wrongs.iter().map(|wrong| wrong.kind).collect();
        for kind in kinds {
            *self.wrong.entry(kind).or_default() += 1;
        }
        if !verdict.wrongs.is_empty() {
            let words: Vec<&str> = verdict.wrongs.iter().map(|Wrong { words, .. }| words.as_str()).collect();
            self.failing.push((number, format!("{}: {}", verdict.place, words.join("; "))));
        }
    }

    /// A trial that could not be judged: it counts as wrong.
    pub(crate) fn broken(&mut self, number: u64, words: &str) {
        self.trials += 1;
        *self.wrong.entry(Kind::WrongState).or_default() += 1;
        self.failing.push((number, format!("the trial itself broke: {words}")));
    }

    pub(crate) fn wrong(&self, kind: Kind) -> u64 {
        self.wrong.get(&kind).copied().unwrap_or(0)
    }

    pub(crate) fn is_right(&self) -> bool {
        self.failing.is_empty()
    }

    pub(crate) fn progress(&self, of: u64) -> String {
        format!("{}: {} of {of} trials, {} placed, {} wrong", self.part, self.trials, self.placed, self.failing.len())
    }
}
