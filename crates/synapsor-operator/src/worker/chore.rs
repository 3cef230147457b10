//! What does a worker do now and then, beside its jobs?
//!
//! A chore runs by itself, one run at a time, and never keeps a job waiting.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::news::WorkerNews;

/// One run of a chore: what it did, nothing if there was nothing to do; an error is a sentence.
pub type ChoreWork = Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>>;

/// Something to do now and then, such as removing what is older than the configuration keeps it.
pub struct Chore {
    name: &'static str,
    every: Duration,
    work: Box<dyn Fn() -> ChoreWork + Send>,
    next: Instant,
    running: Option<Run>,
}

struct Run {
    task: JoinHandle<()>,
    answer: oneshot::Receiver<Result<Option<String>, String>>,
}

impl Chore {
    /// A chore that is done at once, and then each time when so much time has passed.
    pub fn new(name: &'static str, every: Duration, work: impl Fn() -> ChoreWork + Send + 'static) -> Self {
        Self { name, every, work: Box::new(work), next: Instant::now(), running: None }
    }
}

/// Begins the chores whose time has come.
pub(super) fn begin(chores: &mut [Chore]) {
    for chore in chores.iter_mut().filter(|chore| chore.running.is_none() && chore.next <= Instant::now()) {
        chore.next = Instant::now() + chore.every;
        let (done, answer) = oneshot::channel();
        let work = (chore.work)();
        let task = tokio::spawn(async move {
            // Whoever asked may be gone.
            let _gone = done.send(work.await);
        });
        chore.running = Some(Run { task, answer });
    }
}

/// What the chores that ended have to say.
pub(super) fn ended(chores: &mut [Chore]) -> Vec<WorkerNews> {
    let mut said = Vec::new();
    for chore in chores {
        let answer = match chore.running.as_mut().map(|run| run.answer.try_recv()) {
            None | Some(Err(TryRecvError::Empty)) => continue,
            Some(Err(TryRecvError::Closed)) => Err("it broke".to_owned()),
            Some(Ok(answer)) => answer,
        };
        chore.running = None;
        if let Some(said_so) = answer.transpose() {
            said.push(WorkerNews::Chore { name: chore.name, said: said_so });
        }
    }
    said
}

/// Whether one is under way.
pub(super) fn is_busy(chores: &[Chore]) -> bool {
    chores.iter().any(|chore| chore.running.is_some())
}

/// Ends what is under way: a chore is safe to end anywhere.
pub(super) fn abort(chores: &mut [Chore]) {
    for chore in chores {
        if let Some(run) = chore.running.take() {
            run.task.abort();
        }
    }
}
