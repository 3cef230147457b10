//! A worker in the process that serves: what does it do beside the server, and how does it end with it?
//!
//! What it tells goes to the log: stdout belongs to the protocol.

use std::time::Duration;

use synapsor_operator::{Chore, OperatorPort, Worker, WorkerNews, WorkerSettings};
use synapsor_protocol::chain::chain;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::worker::text;

/// How long what is under way may take once the server ends.
const GRACE: Duration = Duration::from_secs(20);

/// A worker that runs beside a server.
pub(super) struct Beside {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Beside {
    /// Begins to work.
    pub(super) fn start(port: OperatorPort, concurrency: usize, chores: Vec<Chore>) -> Self {
        let stop = CancellationToken::new();
        let told_to = stop.clone();
        tracing::info!("a worker runs beside the server, as account {}, up to {concurrency} jobs at once", port.account());
        let task = tokio::spawn(async move {
            let settings = WorkerSettings { concurrency, drain: false, grace: GRACE };
            let worker = chores.into_iter().fold(Worker::new(port, settings), Worker::with_chore);
            if let Err(error) = worker.run(&told_to, &mut |news| tell(news)).await {
                tracing::error!("the worker ended, and the server goes on: {}", chain(&error));
            }
        });
        Self { task, stop }
    }

    /// Finishes what is under way, within the grace.
    pub(super) async fn end(self) {
        self.stop.cancel();
        // A panic of the worker was reported when it happened.
        let _ended = self.task.await;
    }
}

fn tell(news: &WorkerNews) {
    match news {
        WorkerNews::Trouble { .. } | WorkerNews::SetAside(_) | WorkerNews::LaneDown(_) => tracing::warn!("{}", text(news)),
        WorkerNews::Attempted { application, .. } if application.proposal.dead_letter.is_some() => tracing::warn!("{}", text(news)),
        _ => tracing::info!("{}", text(news)),
    }
}
