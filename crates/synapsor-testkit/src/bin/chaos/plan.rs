//! What is tried, how often, with which choices, and where?
//!
//! # Invariants
//! - A trial's choices come from the run's seed, the part's name and the trial's number alone.
//! - A trial that is right leaves nothing behind; one that is wrong keeps its folder.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::business::{Business, Engine};
use crate::checker::Wrong;
use crate::output;
use crate::random::Random;
use crate::strace::Place;
use crate::tally::Tally;

/// Trials that are under way, most of them waiting for a lease to lapse.
const UNDER_WAY: usize = 40;
/// Those of them that may have programs running.
const AT_WORK: usize = 3;

/// What a person asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Few trials of everything: at most five minutes on two cores
    #[arg(long)]
    pub(crate) quick: bool,
    /// The seed of every choice; printed, and random if absent
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Only these: a, b, c or d, or the name of a part
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// So many trials of each part instead of the usual number
    #[arg(long, value_name = "N")]
    pub(crate) trials: Option<u64>,
    /// The one trial with this number
    #[arg(long, value_name = "N")]
    pub(crate) trial: Option<u64>,
    /// Keep the folders of all trials
    #[arg(long)]
    pub(crate) keep: bool,
}

/// One run.
pub(crate) struct Plan {
    pub(crate) options: Options,
    pub(crate) seed: u64,
    pub(crate) folder: PathBuf,
    pub(crate) runner: PathBuf,
    servers: [OnceCell<Arc<Business>>; 2],
    turns: Arc<Semaphore>,
    places: Mutex<BTreeMap<String, Arc<Vec<Place>>>>,
}

/// What came of one trial.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Whether the fault struck.
    pub(crate) placed: bool,
    /// How many did, where a trial has several; one if it says 0.
    pub(crate) strikes: u64,
    /// Where, in words that count as one place.
    pub(crate) place: String,
    pub(crate) wrongs: Vec<Wrong>,
    /// From the fault to the last state that is final, where that was measured.
    pub(crate) recovered: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(options: Options, seed: u64, folder: PathBuf, runner: PathBuf) -> Self {
        let turns = Arc::new(Semaphore::new(AT_WORK));
        Self { options, seed, folder, runner, servers: Default::default(), turns, places: Mutex::default() }
    }

    /// How many trials a part has.
    pub(crate) fn count(&self, quick: u64, full: u64) -> u64 {
        self.options.trials.unwrap_or(if self.options.quick { quick } else { full })
    }

    /// The database on this engine's server, made when it is needed first.
    pub(crate) async fn business(&self, engine: Engine) -> Arc<Business> {
        let server = &self.servers[usize::from(engine == Engine::Mariadb)];
        server.get_or_init(|| async { Arc::new(Business::on_server(engine).await) }).await.clone()
    }

    /// Waits until this trial may have programs running.
    pub(crate) async fn turn(&self) -> OwnedSemaphorePermit {
        self.turns.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// The places of this name, listed by a tracing run when they are needed first, in an order of this seed.
    pub(crate) async fn places(&self, name: &str, list: impl Future<Output = Vec<Place>>) -> Arc<Vec<Place>> {
        let mut known = self.places.lock().await;
        if let Some(places) = known.get(name) {
            return places.clone();
        }
        let mut places = list.await;
        Random::of(self.seed, name, 0).shuffle(&mut places);
        let places = Arc::new(places);
        known.insert(name.to_owned(), places.clone());
        places
    }

    /// Runs the trials of a part, several at a time, and counts.
    pub(crate) async fn trials<T>(self: &Arc<Self>, part: &'static str, count: u64, trial: impl Fn(Arc<Self>, u64, Random) -> T) -> Tally
    where
        T: Future<Output = Verdict> + Send + 'static,
    {
        let begun = Instant::now();
        let mut tally = Tally::of(part);
        let numbers = match self.options.trial {
            Some(number) => number..number + 1,
            None => 0..count,
        };
        let under_way = numbers.map(|number| {
            let running = tokio::spawn(trial(self.clone(), number, Random::of(self.seed, part, number)));
            async move { (number, running.await) }
        });
        let mut ended = futures_util::stream::iter(under_way).buffer_unordered(UNDER_WAY);
        let mut told = Instant::now();
        while let Some((number, verdict)) = ended.next().await {
            match verdict {
                Ok(verdict) => tally.count(number, verdict),
                Err(panic) => tally.broken(number, &panic.to_string()),
            }
            if told.elapsed() > Duration::from_secs(20) {
                output::note(&tally.progress(count));
                told = Instant::now();
            }
        }
        tally.took = begun.elapsed();
        tally
    }
}
