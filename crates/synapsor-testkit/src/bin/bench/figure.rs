//! What is one line of the table?

use serde::Serialize;

use crate::load::{Burst, median, median_latency, median_rate};

/// One measured thing beside its floor.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// The row that it belongs to, as the command line names it.
    pub(crate) row: &'static str,
    /// What was measured.
    pub(crate) name: String,
    /// How much of it.
    pub(crate) value: f64,
    /// In which unit.
    pub(crate) unit: Unit,
    /// The middle latency in seconds, for rates.
    pub(crate) p50: Option<f64>,
    /// The latency in seconds that one of a hundred exceeds, for rates.
    pub(crate) p99: Option<f64>,
    /// CPU time of the runner's process per call, in seconds, where there is such a process.
    pub(crate) cpu: Option<f64>,
    /// How busy the machine was while the figure was taken, from 0 to 1.
    pub(crate) busy: Option<f64>,
    /// The floors, the one that the ratio is about first.
    pub(crate) floors: Vec<Floor>,
    /// The median over rounds of the ratio to the first floor.
    pub(crate) ratio: Option<f64>,
    /// What is wanted, and whether it is so.
    pub(crate) aim: Option<Aim>,
}

/// The same by the bare library.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Floor {
    /// What it is.
    pub(crate) name: &'static str,
    /// How much of it, in the unit of the figure.
    pub(crate) value: f64,
}

/// What is wanted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Aim {
    /// In words.
    pub(crate) words: String,
    /// Whether it is so.
    pub(crate) reached: bool,
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Things per second: more is better, and the ratio says how many times faster the floor is.
    PerSecond,
    /// Seconds: less is better, and the ratio says how many times longer than the floor.
    Seconds,
    /// Bytes: likewise.
    Bytes,
}

/// What rounds of one measurement showed, with CPU time and load of the machine where they were taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds {
    pub(crate) bursts: Vec<Burst>,
    pub(crate) cpu: Vec<f64>,
    pub(crate) busy: Vec<f64>,
}

impl Rounds {
    pub(crate) fn push(&mut self, burst: Burst) {
        self.bursts.push(burst);
    }

    pub(crate) fn rate(&self) -> f64 {
        median_rate(&self.bursts)
    }

    /// The figure of these rates; floor and aim are still to be named.
    pub(crate) fn figure(&self, row: &'static str, name: String) -> Figure {
        let known = |values: &[f64]| (!values.is_empty()).then(|| median(values.iter().copied()));
        Figure {
            p50: Some(median_latency(&self.bursts, 500)),
            p99: Some(median_latency(&self.bursts, 990)),
            cpu: known(&self.cpu),
            busy: known(&self.busy),
            ..Figure::new(row, name, self.rate(), Unit::PerSecond)
        }
    }

    /// How many times faster the other is, round by round.
    pub(crate) fn times_slower_than(&self, other: &Self) -> f64 {
        self.times_slower_than_rates(other.bursts.iter().map(Burst::rate))
    }

    /// How many times faster these rates are, round by round.
    pub(crate) fn times_slower_than_rates(&self, others: impl IntoIterator<Item = f64>) -> f64 {
        median(self.bursts.iter().zip(others).map(|(own, other)| other / own.rate()))
    }
}

impl Figure {
    /// A figure without floor and aim.
    pub(crate) fn new(row: &'static str, name: String, value: f64, unit: Unit) -> Self {
        Self { row, name, value, unit, p50: None, p99: None, cpu: None, busy: None, floors: Vec::new(), ratio: None, aim: None }
    }

    /// The same beside one more floor.
    pub(crate) fn beside(mut self, name: &'static str, value: f64) -> Self {
        self.floors.push(Floor { name, value });
        self
    }

    /// The same with the ratio to the first floor.
    pub(crate) fn at(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// The same with the aim that the ratio stays within this factor.
    pub(crate) fn within(mut self, factor: f64) -> Self {
        let reached = self.ratio.is_some_and(|ratio| ratio <= factor);
        self.aim = Some(Aim { words: format!("within a factor {factor}"), reached });
        self
    }

    /// The same with another aim.
    pub(crate) fn wanted(mut self, words: impl Into<String>, reached: bool) -> Self {
        self.aim = Some(Aim { words: words.into(), reached });
        self
    }
}
