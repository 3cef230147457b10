//! How does everything that was approved get into its source, without anybody at a terminal?
//!
//! A worker asks the ledger what is due, claims it, runs it beside others, records what came of it, and asks again. It has no memory
//! that matters: whatever it knows stands in the ledger, so any number of workers may run, and any of them may die.
//!
//! # Invariants
//! - It applies by [`OperatorPort`]'s own code, as a person's `apply` does, and only what was approved.
//! - One job that fails, hangs or cannot be read stops no other. A lane whose source cannot be reached is asked by one job at a time, and
//!   leaves a place for each other lane.
//! - A pause is noticed at the next look, however long a source takes to answer; what has begun is finished.
//! - It ends in bounded time: what is not finished within the grace is left claimed and unreported, and its lease is given back.
//!
//! Start reading at [`Worker::run`].

mod chore;
mod lanes;
mod news;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use synapsor_ledger::{Agenda, Lane, LedgerError};
use synapsor_proposal::Order;
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::ProposalId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{Turn, Wish};
use crate::error::OperatorError;
use crate::port::OperatorPort;
use lanes::Lanes;

pub use chore::{Chore, ChoreWork};
pub use news::{WorkerNews, WorkerTally};

/// How often a worker looks what is due, at least: what another process approved waits no longer than that.
const LOOK: Duration = Duration::from_millis(150);

/// How long something is left alone that came to no outcome and is due all the same.
const COOLING: Duration = Duration::from_secs(1);

/// How long something is left alone that nothing but a change of its surroundings can help.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// How many kinds of trouble are kept in mind, so as not to tell them again.
const KEPT: usize = 10_000;

/// How long giving leases back may take at the end.
const GIVING_BACK: Duration = Duration::from_secs(3);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How many jobs it runs at once, at least 1.
    pub concurrency: usize,
    /// Whether it ends as soon as nothing is due.
    pub drain: bool,
    /// How long what is under way may take once it is told to end.
    pub grace: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { concurrency: 8, drain: false, grace: Duration::from_secs(20) }
    }
}

/// Carries out what is due.
pub struct Worker {
    port: OperatorPort,
    settings: WorkerSettings,
    chores: Vec<Chore>,
}

/// One run of a worker.
struct Shift<'a> {
    port: &'a OperatorPort,
    settings: &'a WorkerSettings,
    chores: &'a mut Vec<Chore>,
    told: &'a mut (dyn FnMut(&WorkerNews) + Send),
    tasks: JoinSet<Ended>,
    by_task: HashMap<task::Id, ProposalId>,
    running: HashMap<ProposalId, Run>,
    /// Jobs whose executor is done say so here; what they wait for now is the ledger.
    acted: UnboundedSender<ProposalId>,
    freed: UnboundedReceiver<ProposalId>,
    lanes: Lanes,
    /// What came to nothing a moment ago.
    cooling: HashMap<ProposalId, Instant>,
    /// What was told of that cannot be helped from here.
    known: HashSet<String>,
    troubled: HashSet<ProposalId>,
    abandon: CancellationToken,
    paused: bool,
    tally: WorkerTally,
}

/// One job under way.
struct Run {
    lane: Lane,
    /// Whether it takes a place: its executor is not done yet.
    acting: bool,
}

/// What one task came to.
struct Ended {
    turn: Result<Turn, OperatorError>,
    took: Duration,
}

impl Worker {
    /// A worker that acts as the operator of this port.
    pub fn new(port: OperatorPort, settings: WorkerSettings) -> Self {
        let concurrency = settings.concurrency.max(1);
        Self { port, settings: WorkerSettings { concurrency, ..settings }, chores: Vec::new() }
    }

    /// The same worker with something to do now and then beside its jobs.
    #[must_use]
    pub fn with_chore(mut self, chore: Chore) -> Self {
        self.chores.push(chore);
        self
    }

    /// Works until `stop` is cancelled, or, to drain, until nothing is due. Tells what happens as it happens. An error is one after
    /// which the ledger cannot be used any more; what was under way was finished or left before.
    ///
    /// If the process dies, what it had claimed is due again when its leases lapse.
    pub async fn run(mut self, stop: &CancellationToken, told: &mut (dyn FnMut(&WorkerNews) + Send)) -> Result<WorkerTally, OperatorError> {
        let lanes = Lanes::of(&self.port.config, self.settings.concurrency);
        let (acted, freed) = unbounded_channel();
        let mut shift = Shift {
            port: &self.port,
            settings: &self.settings,
            chores: &mut self.chores,
            told,
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            running: HashMap::new(),
            acted,
            freed,
            lanes,
            cooling: HashMap::new(),
            known: HashSet::new(),
            troubled: HashSet::new(),
            abandon: CancellationToken::new(),
            paused: false,
            tally: WorkerTally::default(),
        };
        let ended = shift.work(stop).await;
        shift.leave().await;
        let mut tally = shift.tally;
        if self.settings.drain && ended.is_ok() {
            tally.left = self.port.ledger.open().await?.due;
        }
        ended.map(|()| tally)
    }
}

impl Shift<'_> {
    async fn work(&mut self, stop: &CancellationToken) -> Result<(), OperatorError> {
        while !stop.is_cancelled() {
            let limit = u32::try_from(self.settings.concurrency * 2).unwrap_or(u32::MAX);
            match self.port.ledger.agenda(limit).await {
                Ok(agenda) => {
                    if self.take_up(&agenda).await {
                        return Ok(());
                    }
                    self.wait(stop, agenda.next_due_at).await;
                }
                Err(error) if is_passing(&error) => {
                    self.trouble(None, &error.into());
                    self.wait(stop, None).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Begins what can be begun. `true` if there is nothing left to drain.
    async fn take_up(&mut self, agenda: &Agenda) -> bool {
        self.note_pause(agenda);
        if agenda.paused.is_none() {
            self.expire(&agenda.lapsed).await;
            self.begin(agenda);
            chore::begin(self.chores);
        }
        for said in chore::ended(self.chores) {
            (self.told)(&said);
        }
        self.settings.drain && self.running.is_empty() && !chore::is_busy(self.chores) && self.is_drained(agenda)
    }

    /// Whether nothing is due that could begin a moment later.
    fn is_drained(&self, agenda: &Agenda) -> bool {
        let given_up = |lane: &Lane, id: &ProposalId| self.lanes.is_given_up(lane) || self.troubled.contains(id);
        agenda.paused.is_some() || agenda.due.iter().all(|due| due.jobs.iter().all(|id| given_up(&due.lane, id)))
    }

    fn note_pause(&mut self, agenda: &Agenda) {
        match (&agenda.paused, self.paused) {
            (Some(pause), false) => (self.told)(&WorkerNews::Paused(pause.clone())),
            (None, true) => (self.told)(&WorkerNews::Resumed),
            (Some(_), true) | (None, false) => {}
        }
        self.paused = agenda.paused.is_some();
    }

    /// Puts on record whose time passed before anybody claimed it.
    async fn expire(&mut self, lapsed: &[ProposalId]) {
        for id in lapsed {
            if self.is_cooling(id) || self.running.contains_key(id) {
                continue;
            }
            match self.port.order(id, Order::Expire).await {
                Ok(_) => {
                    // What was approved is on the agenda as due, too.
                    self.cool(id);
                    self.tally.expired += 1;
                    (self.told)(&WorkerNews::Expired(id.clone()));
                }
                Err(error) => self.trouble(Some(id), &error),
            }
        }
    }

    /// Begins jobs while there is room, taking turns among the lanes.
    fn begin(&mut self, agenda: &Agenda) {
        let mut queues: Vec<_> = agenda.due.iter().map(|due| (&due.lane, due.jobs.iter())).collect();
        queues.sort_by_key(|(lane, _)| self.lanes.turn(lane));
        let mut progress = true;
        while progress {
            progress = false;
            for (lane, jobs) in &mut queues {
                if !self.has_place() {
                    return;
                }
                if !self.lanes.has_room(lane) {
                    continue;
                }
                let (running, cooling) = (&self.running, &self.cooling);
                let waits = |id: &&ProposalId| running.contains_key(*id) || cooling.get(*id).is_some_and(|until| *until > Instant::now());
                if let Some(id) = jobs.find(|id| !waits(id)) {
                    self.start(id.clone(), (*lane).clone());
                    progress = true;
                }
            }
        }
    }

    /// Whether another job may begin. What only waits to be recorded takes no place, up to as many jobs again.
    fn has_place(&self) -> bool {
        let most = self.settings.concurrency;
        self.running.len() < most * 2 && self.running.values().filter(|run| run.acting).count() < most
    }

    fn start(&mut self, id: ProposalId, lane: Lane) {
        self.lanes.began(&lane);
        self.running.insert(id.clone(), Run { lane, acting: true });
        let (port, job, abandon, acted) = (self.port.clone(), id.clone(), self.abandon.clone(), self.acted.clone());
        let task = self.tasks.spawn(async move {
            let begun = Instant::now();
            // Nobody listens any more once the shift has ended.
            let settling = || drop(acted.send(job.clone()));
            let turn = port.attend(&job, &abandon, &settling).await;
            Ended { turn, took: begun.elapsed() }
        });
        self.by_task.insert(task.id(), id);
    }

    /// Waits until something may be different.
    async fn wait(&mut self, stop: &CancellationToken, next_due_at: Option<Timestamp>) {
        let look = next_due_at.map_or(LOOK, |due| due.since(Timestamp::now()).min(LOOK));
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            Some(id) = self.freed.recv() => self.free(&id),
            () = self.port.ledger.news() => {}
            () = tokio::time::sleep(look) => {}
        }
        while let Ok(id) = self.freed.try_recv() {
            self.free(&id);
        }
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    /// Lets another job have the place of one whose executor is done.
    fn free(&mut self, id: &ProposalId) {
        if let Some(run) = self.running.get_mut(id).filter(|run| run.acting) {
            run.acting = false;
            self.lanes.ended(&run.lane);
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, Ended), JoinError>) {
        let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let Some(id) = self.by_task.remove(&task) else { return };
        // A job that breaks the program breaks itself alone.
        let broken = |_| Ended { turn: Err(OperatorError::Broken { id: id.clone() }), took: Duration::ZERO };
        let Ended { turn, took } = ended.map_or_else(broken, |(_, ended)| ended);
        self.free(&id);
        let Some(Run { lane, .. }) = self.running.remove(&id) else { return };
        match turn {
            Ok(Turn::Done(application)) => {
                if let Some(news) = self.lanes.learn(&lane, &application.report, application.attempt.is_some()) {
                    (self.told)(&news);
                }
                self.tally.count(&application);
                (self.told)(&WorkerNews::Attempted { lane, application, took });
            }
            Ok(Turn::SetAside(proposal)) => {
                self.tally.dead_letters += 1;
                (self.told)(&WorkerNews::SetAside(proposal));
            }
            Ok(Turn::Held(_) | Turn::Moved) => self.cool(&id),
            Err(OperatorError::Abandoned { .. }) => {
                self.tally.abandoned += 1;
                (self.told)(&WorkerNews::Abandoned(id));
            }
            Err(OperatorError::Expired { .. }) => {
                self.tally.expired += 1;
                (self.told)(&WorkerNews::Expired(id));
            }
            Err(error) => self.trouble(Some(&id), &error),
        }
    }

    /// Tells what went wrong beside the outcomes, once per proposal and kind of trouble.
    fn trouble(&mut self, id: Option<&ProposalId>, error: &OperatorError) {
        if let Some(id) = id {
            self.cool(id);
            self.troubled.insert(id.clone());
        }
        if self.known.len() >= KEPT {
            self.known.clear();
            self.troubled.clear();
        }
        let key = format!("{} {error}", id.map(ProposalId::as_str).unwrap_or_default());
        if self.known.insert(key) {
            self.tally.troubled += 1;
            let told = synapsor_protocol::chain::chain(error);
            (self.told)(&WorkerNews::Trouble { id: id.cloned(), error: told });
        }
    }

    fn cool(&mut self, id: &ProposalId) {
        let now = Instant::now();
        self.cooling.retain(|_, until| *until > now);
        self.cooling.insert(id.clone(), now + COOLING);
    }

    fn is_cooling(&self, id: &ProposalId) -> bool {
        self.cooling.get(id).is_some_and(|until| *until > Instant::now())
    }

    /// Finishes what is under way, within the grace; what is not finished then is left to whoever comes next.
    async fn leave(&mut self) {
        chore::abort(self.chores);
        if self.running.is_empty() {
            return;
        }
        (self.told)(&WorkerNews::Ending { under_way: self.running.len() });
        let grace = Instant::now() + self.settings.grace;
        self.collect(grace).await;
        if !self.running.is_empty() {
            self.abandon.cancel();
            self.collect(Instant::now() + GIVING_BACK).await;
        }
        self.tally.abandoned += self.running.len() as u64;
    }

    async fn collect(&mut self, until: Instant) {
        while !self.running.is_empty() {
            match tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) | Err(_) => return,
            }
        }
    }
}

impl OperatorPort {
    /// One try at something that is due, and what has to follow an error so that it is not due again at once.
    async fn attend(&self, id: &ProposalId, abandon: &CancellationToken, settling: &(dyn Fn() + Sync)) -> Result<Turn, OperatorError> {
        let error = match self.turn(id, Wish::Worker, abandon, settling).await {
            Err(error) => error,
            turn => return turn,
        };
        if let Some(pause) = pause_after(&error) {
            self.ledger.postpone(id, pause).await?;
        } else if needs_a_person(&error) {
            let proposal = self.ledger.load(id).await?.proposal;
            if let Turn::SetAside(parked) = self.set_aside(&proposal, error.to_string()).await? {
                return Ok(Turn::SetAside(parked));
            }
        }
        Err(error)
    }
}

/// How long a job is left alone after an error that its surroundings may outlive.
fn pause_after(error: &OperatorError) -> Option<Duration> {
    match error {
        OperatorError::Unsettled { report, .. } if !crate::resolve::is_for_a_person(report) => Some(LONG_PAUSE),
        OperatorError::NoExecutor { .. } => Some(LONG_PAUSE / 2),
        OperatorError::Ledger(LedgerError::Altered { .. } | LedgerError::AlteredCommit(_) | LedgerError::Unrecordable { .. }) => {
            Some(LONG_PAUSE)
        }
        _ => None,
    }
}

/// Whether only a person can help: what was approved is not what would be done, or may not be done any more.
fn needs_a_person(error: &OperatorError) -> bool {
    matches!(
        error,
        OperatorError::NotAllowed { .. }
            | OperatorError::ApprovalDiffers { .. }
            | OperatorError::Unsettled { .. }
            | OperatorError::Ledger(LedgerError::Refused(_))
    )
}

/// Whether a ledger that answers so may well answer otherwise in a moment.
fn is_passing(error: &LedgerError) -> bool {
    error.is_retryable() && !matches!(error, LedgerError::StoreGone)
}
