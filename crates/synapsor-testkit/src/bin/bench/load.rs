//! How often can something be done in a while, and how long does one take?

use std::future::Future;
use std::time::{Duration, Instant};

/// Something that is done over and over by one task.
pub(crate) trait Load: Send + 'static {
    /// Does it once. False if there is nothing left to do; then nothing was done.
    fn once(&mut self) -> impl Future<Output = bool> + Send;
}

/// What one round showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Burst {
    elapsed: Duration,
    latencies: Vec<Duration>,
}

/// Runs the loads side by side for this long, or until they have nothing left. They come back for the next round.
pub(crate) async fn burst<L: Load>(loads: Vec<L>, time: Duration) -> (Burst, Vec<L>) {
    let begun = Instant::now();
    let tasks: Vec<_> = loads.into_iter().map(|load| tokio::spawn(repeat(load, begun, time))).collect();
    let (mut burst, mut loads) = (Burst::default(), Vec::new());
    for task in tasks {
        let (latencies, load) = task.await.expect("a load does not panic");
        burst.latencies.extend(latencies);
        loads.push(load);
    }
    burst.elapsed = begun.elapsed();
    (burst, loads)
}

/// The same for work that blocks its thread: one thread, `count` things per call of `work`.
pub(crate) async fn blocking_burst<W>(mut worker: W, count: usize, time: Duration, work: fn(&mut W)) -> (Burst, W)
where
    W: Send + 'static,
{
    let run = move || {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let one = Instant::now();
            work(&mut worker);
            latencies.extend(std::iter::repeat_n(one.elapsed(), count));
        }
        (Burst { elapsed: begun.elapsed(), latencies }, worker)
    };
    tokio::task::spawn_blocking(run).await.expect("a bare loop does not panic")
}

async fn repeat<L: Load>(mut load: L, begun: Instant, time: Duration) -> (Vec<Duration>, L) {
    let mut latencies = Vec::new();
    while begun.elapsed() < time {
        let one = Instant::now();
        if !load.once().await {
            break;
        }
        latencies.push(one.elapsed());
    }
    (latencies, load)
}

impl Burst {
    /// What took so long altogether, and each by itself.
    pub(crate) fn new(elapsed: Duration, latencies: Vec<Duration>) -> Self {
        Self { elapsed, latencies }
    }

    /// How many were done.
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// How many per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// How long one takes, in seconds: of 1000 the one at this place when they are sorted.
    pub(crate) fn latency(&self, per_mille: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(f64::NAN, Duration::as_secs_f64)
    }
}

/// The middle value; of an even number the upper one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The medians over rounds of the same thing.
pub(crate) fn median_rate(rounds: &[Burst]) -> f64 {
    median(rounds.iter().map(Burst::rate))
}

/// The median over rounds of a latency, in seconds.
pub(crate) fn median_latency(rounds: &[Burst], per_mille: usize) -> f64 {
    median(rounds.iter().map(|round| round.latency(per_mille)))
}
