//! How do the jobs of one source leave room for those of another?
//!
//! Each lane that is known keeps a place for it, so that a lane with ten thousand jobs does not fill every place. A lane that cannot be
//! used is asked by one job at a time, after growing pauses: what would only fail keeps its attempts for later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use synapsor_config::{Config, Retry};
use synapsor_ledger::Lane;
use synapsor_protocol::Report;
use tokio::time::Instant;

use super::news::WorkerNews;
use crate::retry::{Shared, part_of};

/// The longest pause between two jobs of a lane that cannot be used.
const LONGEST: Duration = Duration::from_secs(15);

/// How many jobs in a row fail of what may be the lane's fault until it is taken for that.
const SUSPECT: u32 = 3;

/// How often in a row a lane may be out of reach before whoever only drains leaves it.
const PATIENCE: u32 = 3;

/// What is known of the lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    limit: usize,
    known: BTreeMap<Lane, State>,
    /// How many jobs began.
    begun: u64,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// Which of all jobs the last one of this lane was.
    last: u64,
    /// How often in a row it could not be used.
    failures: u32,
    /// How many jobs in a row failed of what may be its fault.
    suspected: u32,
    held_until: Option<Instant>,
}

impl Lanes {
    /// The lanes of a configuration, for a worker of so many jobs at once.
    pub(super) fn of(config: &Config, limit: usize) -> Self {
        let lanes = config.callable().filter_map(|capability| {
            let executor = capability.proposal()?.executor.name().to_owned();
            Some(Lane { source_id: capability.source.to_string(), executor })
        });
        let known: BTreeSet<Lane> = lanes.collect();
        Self { limit, known: known.into_iter().map(|lane| (lane, State::default())).collect(), begun: 0 }
    }

    /// Whether another job of this lane may begin now.
    pub(super) fn has_room(&mut self, lane: &Lane) -> bool {
        let others = self.known.keys().filter(|other| *other != lane).count();
        let kept = others.min(self.limit / 2);
        let state = self.known.entry(lane.clone()).or_default();
        let most = if state.failures > 0 { 1 } else { self.limit.saturating_sub(kept).max(1) };
        state.running < most && !state.is_held()
    }

    /// Whose turn it is: the lane that has waited longest for one comes first.
    pub(super) fn turn(&self, lane: &Lane) -> u64 {
        self.known.get(lane).map_or(0, |state| state.last)
    }

    pub(super) fn began(&mut self, lane: &Lane) {
        self.begun += 1;
        let state = self.known.entry(lane.clone()).or_default();
        (state.running, state.last) = (state.running + 1, self.begun);
    }

    pub(super) fn ended(&mut self, lane: &Lane) {
        let state = self.known.entry(lane.clone()).or_default();
        state.running = state.running.saturating_sub(1);
    }

    /// What a report says of the lane; something to tell if that is new.
    pub(super) fn learn(&mut self, lane: &Lane, report: &Report, asked: bool) -> Option<WorkerNews> {
        let state = self.known.entry(lane.clone()).or_default();
        let shared = Shared::of(report);
        if shared == Shared::No {
            state.suspected = if asked { 0 } else { state.suspected };
            let was_down = asked && std::mem::take(&mut state.failures) > 0;
            state.held_until = state.held_until.filter(|_| !asked);
            return was_down.then(|| WorkerNews::LaneUp(lane.clone()));
        }
        state.suspected = state.suspected.saturating_add(1);
        if shared == Shared::Perhaps && state.failures == 0 && state.suspected < SUSPECT {
            return None;
        }
        state.failures = state.failures.saturating_add(1);
        let pause = Retry { max: LONGEST, ..Retry::DEFAULT }.longest_pause(state.failures);
        state.held_until = Some(Instant::now() + pause / 2 + part_of(pause / 2));
        (state.failures == 1).then(|| WorkerNews::LaneDown(lane.clone()))
    }

    /// Whether a lane could not be reached so often that whoever only drains does not wait for it.
    pub(super) fn is_given_up(&self, lane: &Lane) -> bool {
        self.known.get(lane).is_some_and(|state| state.failures >= PATIENCE && state.is_held())
    }
}

impl State {
    fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use synapsor_protocol::{ErrorCode, Outcome};

    use super::{Lane, Lanes, Report, WorkerNews};

    fn lane(source: &str) -> Lane {
        Lane { source_id: source.into(), executor: "sql_update".into() }
    }

    fn lanes(limit: usize) -> Lanes {
        let value = json!({"version": 1, "mode": "review", "result_format": 2, "sources": {}, "capabilities": []});
        let checked = synapsor_config::check(value.to_string().as_bytes(), Path::new("/nowhere"));
        checked.config.map_or_else(|| Lanes { limit, known: Default::default(), begun: 0 }, |config| Lanes::of(&config, limit))
    }

    /// How many jobs of a lane begin, if it has as many as anyone wants.
    fn begins(lanes: &mut Lanes, lane: &Lane) -> usize {
        let mut begun = 0;
        while begun < 100 && lanes.has_room(lane) {
            lanes.began(lane);
            begun += 1;
        }
        begun
    }

    fn unreachable() -> Report {
        Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()
    }

    #[test]
    fn a_lane_alone_takes_every_place_and_one_beside_others_leaves_them_some() {
        for (limit, others, most) in [(8, 0, 8), (8, 1, 7), (8, 3, 5), (8, 20, 4), (1, 3, 1), (2, 5, 1)] {
            let mut lanes = lanes(limit);
            for other in 0..others {
                lanes.began(&lane(&format!("other {other}")));
            }
            assert_eq!(begins(&mut lanes, &lane("shop")), most, "{limit} places, {others} others");
        }
    }

    #[tokio::test]
    async fn a_lane_whose_jobs_fail_one_after_the_other_is_asked_by_one() {
        let (mut lanes, shop) = (lanes(8), lane("shop"));
        let refused = || Report::because(Outcome::Failed, ErrorCode::PERMISSION_DENIED);
        for _ in 0..2 {
            assert!(lanes.learn(&shop, &refused(), true).is_none());
            // Somebody answers in between: it is no fault of all.
            assert!(lanes.learn(&shop, &Report::new(Outcome::Conflict), true).is_none());
        }
        assert!(lanes.learn(&shop, &refused(), true).is_none() && lanes.learn(&shop, &refused(), true).is_none());
        assert!(lanes.has_room(&shop));
        assert!(matches!(lanes.learn(&shop, &refused(), true), Some(WorkerNews::LaneDown(_))));
        assert!(!lanes.has_room(&shop));
        assert!(matches!(lanes.learn(&shop, &Report::new(Outcome::Applied), true), Some(WorkerNews::LaneUp(_))));
    }

    #[tokio::test]
    async fn a_lane_that_cannot_be_reached_is_asked_by_one_job_after_a_pause() {
        let (mut lanes, shop) = (lanes(8), lane("shop"));
        assert!(matches!(lanes.learn(&shop, &unreachable(), true), Some(WorkerNews::LaneDown(_))));
        assert!(!lanes.has_room(&shop) && lanes.has_room(&lane("desk")));
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!(begins(&mut lanes, &shop), 1);
        assert!(lanes.learn(&shop, &unreachable(), true).is_none());
        assert!(!lanes.is_given_up(&shop) && lanes.learn(&shop, &unreachable(), true).is_none() && lanes.is_given_up(&shop));
        // What was settled before says nothing of the lane.
        assert!(lanes.learn(&shop, &Report::new(Outcome::AlreadyApplied), false).is_none() && lanes.is_given_up(&shop));
        assert!(matches!(lanes.learn(&shop, &Report::new(Outcome::Conflict), true), Some(WorkerNews::LaneUp(_))));
        assert_eq!(begins(&mut lanes, &shop), 6);
    }
}
