//! A worker's floor: several sources with executors that keep receipts as a source does, and misbehave when they are told to.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_executor::{AfterUnknown, Answer, Executor, Fence, Job, Rehearsal};
use synapsor_ledger::{Ledger, NewProposal, OpenOptions, OperatorLedger};
use synapsor_operator::{Executors, OperatorError, OperatorParts, OperatorPort, Worker, WorkerNews, WorkerSettings, WorkerTally};
use synapsor_proposal::{OperatorIdentity, Proposal, Roles, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::desk::config;

/// How long a lease is on this floor.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

/// What a station does with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Makes the change, or says that it was made.
    Works,
    /// Cannot be reached, which takes so long to find out.
    Down(Duration),
    /// Cannot be reached by the first so many.
    DownFor(usize),
    /// Makes the change and loses the answer.
    LosesAnswers,
    /// Does so once.
    LosesOneAnswer,
    /// Refuses for good, and does nothing.
    Refuses,
    /// Finds a receipt that somebody else began.
    Foreign,
    /// Makes the change after so long.
    Slow(Duration),
    /// Breaks the program.
    Panics,
}

/// An executor and the source behind it.
pub(crate) struct Station {
    pub(crate) mood: Mutex<Mood>,
    /// Moods for single proposals.
    pub(crate) special: Mutex<HashMap<ProposalId, Mood>>,
    /// Every effect that was made, in order.
    pub(crate) effects: Mutex<Vec<String>>,
    receipts: Mutex<HashSet<String>>,
    tombstones: Mutex<HashMap<String, u32>>,
    pub(crate) asked: AtomicUsize,
    running: AtomicUsize,
    pub(crate) most: AtomicUsize,
    after_unknown: AfterUnknown,
}

impl Station {
    fn new(after_unknown: AfterUnknown) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(Mood::Works),
            special: Mutex::default(),
            effects: Mutex::default(),
            receipts: Mutex::default(),
            tombstones: Mutex::default(),
            asked: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            after_unknown,
        })
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn is_with(&self, id: &ProposalId, mood: Mood) {
        self.special.lock().unwrap().insert(id.clone(), mood);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn effects(&self) -> usize {
        self.effects.lock().unwrap().len()
    }

    /// As the guarded transaction does: the receipt decides, and comes with the effect.
    fn write(&self, job: &Job) -> Report {
        let operation = job.operation_id.to_string();
        if self.after_unknown == AfterUnknown::FindOut {
            if self.receipts.lock().unwrap().contains(&operation) {
                return Report::new(Outcome::AlreadyApplied);
            }
            if self.tombstones.lock().unwrap().get(&operation).is_some_and(|stone| *stone >= job.attempt) {
                return Report::because(Outcome::Failed, ErrorCode::FENCED);
            }
        }
        self.receipts.lock().unwrap().insert(operation.clone());
        self.effects.lock().unwrap().push(operation);
        Report { rows_affected: 1, ..Report::new(Outcome::Applied) }
    }

    async fn serve(&self, job: &Job) -> Report {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = self.special.lock().unwrap().get(&job.change_set.proposal_id).copied();
        let usual = *self.mood.lock().unwrap();
        let mood = match mood.unwrap_or(usual) {
            Mood::DownFor(first) if self.asked() <= first => Mood::Down(Duration::ZERO),
            Mood::LosesOneAnswer if self.asked() == 1 => Mood::LosesAnswers,
            Mood::DownFor(_) | Mood::LosesOneAnswer => Mood::Works,
            mood => mood,
        };
        match mood {
            Mood::Works => self.write(job),
            Mood::Down(after) => {
                tokio::time::sleep(after).await;
                Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient()
            }
            Mood::LosesAnswers => {
                self.write(job);
                Report::because(Outcome::Unknown, ErrorCode::COMMIT_UNKNOWN)
            }
            Mood::Refuses => Report::because(Outcome::Failed, ErrorCode::PERMISSION_DENIED),
            Mood::Foreign => Report::because(Outcome::Unknown, ErrorCode::IDEMPOTENCY_RECEIPT_IN_PROGRESS),
            Mood::Slow(time) => {
                tokio::time::sleep(time).await;
                self.write(job)
            }
            Mood::DownFor(_) | Mood::LosesOneAnswer | Mood::Panics => panic!("the job broke the program"),
        }
    }
}

/// Counts who is at work, however it ends.
struct AtWork<'a>(&'a Station);

impl<'a> AtWork<'a> {
    fn new(station: &'a Station) -> Self {
        let running = station.running.fetch_add(1, Ordering::SeqCst) + 1;
        station.most.fetch_max(running, Ordering::SeqCst);
        Self(station)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Executor for Station {
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report> {
        Box::pin(async move {
            let _at_work = AtWork::new(self);
            self.serve(job).await
        })
    }

    fn rehearse<'a>(&'a self, _: &'a Job) -> Answer<'a, Rehearsal> {
        Box::pin(async { Rehearsal::Local })
    }

    fn fence<'a>(&'a self, job: &'a Job) -> Answer<'a, Fence> {
        Box::pin(async move {
            if self.after_unknown == AfterUnknown::Person {
                return Fence::Unresolved(Report::because(Outcome::Unknown, ErrorCode::HANDLER_NOT_FENCED));
            }
            if matches!(*self.mood.lock().unwrap(), Mood::Down(_)) {
                return Fence::Unresolved(Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).transient());
            }
            let operation = job.operation_id.to_string();
            if self.receipts.lock().unwrap().contains(&operation) {
                return Fence::Found(Report::new(Outcome::AlreadyApplied));
            }
            self.tombstones.lock().unwrap().insert(operation, job.attempt);
            Fence::Tombstoned
        })
    }

    fn after_unknown(&self) -> AfterUnknown {
        self.after_unknown
    }
}

/// `shop` and `depot` keep receipts; `desk` is an application that keeps nothing.
pub(crate) struct Floor {
    pub(crate) shop: Arc<Station>,
    pub(crate) depot: Arc<Station>,
    pub(crate) desk: Arc<Station>,
    pub(crate) port: OperatorPort,
    pub(crate) ledger: Ledger,
    pub(crate) folder: tempfile::TempDir,
    amounts: AtomicUsize,
}

struct Stations([(&'static str, &'static str, Arc<Station>); 3]);

impl Executors for Stations {
    fn open(&self, source: &str, executor: &str) -> Result<Arc<dyn Executor>, String> {
        let found = self.0.iter().find(|(at, name, _)| (*at, *name) == (source, executor));
        found.map(|(_, _, station)| station.clone() as Arc<dyn Executor>).ok_or_else(|| "there is no other".into())
    }
}

impl Floor {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("local.db"), OpenOptions::default()).unwrap();
        let [shop, depot, desk] = [AfterUnknown::FindOut, AfterUnknown::FindOut, AfterUnknown::Person].map(Station::new);
        let port = port(&ledger, [&shop, &depot, &desk], "pid 1");
        Self { shop, depot, desk, port, ledger, folder, amounts: AtomicUsize::new(0) }
    }

    /// Another process on the same ledger and the same sources.
    pub(crate) fn another(&self) -> OperatorPort {
        let ledger = Ledger::open(&self.folder.path().join("local.db"), OpenOptions::default()).unwrap();
        port(&ledger, [&self.shop, &self.depot, &self.desk], "pid 2")
    }

    pub(crate) fn operator(&self) -> OperatorLedger {
        self.ledger.operator()
    }

    /// Proposes something new for this source, by the executor that is its own.
    pub(crate) async fn proposed(&self, source: &str, expires_after: Duration) -> ProposalId {
        let new = proposal(source, self.amounts.fetch_add(1, Ordering::SeqCst), expires_after);
        self.ledger.agent().record_proposal(new).await.unwrap().proposal().id().clone()
    }

    pub(crate) async fn approve(&self, id: &ProposalId) {
        let digest = self.port.show(id).await.unwrap().proposal.terms.approval_digest;
        self.port.approve(id, digest, None).await.unwrap();
    }

    pub(crate) async fn approved(&self, source: &str) -> ProposalId {
        let id = self.proposed(source, Duration::from_secs(3600)).await;
        self.approve(&id).await;
        id
    }

    pub(crate) async fn many_approved(&self, source: &str, count: usize) -> Vec<ProposalId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.approved(source).await);
        }
        ids
    }

    pub(crate) async fn state(&self, id: &ProposalId) -> Proposal {
        self.port.show(id).await.unwrap().proposal
    }

    pub(crate) async fn status(&self, id: &ProposalId) -> String {
        let proposal = self.state(id).await;
        let waits = proposal.pending().map(|pending| format!(": {pending}")).unwrap_or_default();
        format!("{}{waits} after {} attempts", proposal.status, proposal.attempts.len())
    }

    /// Waits until each of these is in this status.
    pub(crate) async fn until(&self, ids: &[ProposalId], status: Status, at_most: Duration) {
        let give_up = tokio::time::Instant::now() + at_most;
        for id in ids {
            while self.state(id).await.status != status {
                assert!(tokio::time::Instant::now() < give_up, "{id} is {}", self.status(id).await);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Changes the ledger's file behind its back.
    pub(crate) fn edit(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.folder.path().join("local.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.execute(sql, []).unwrap();
    }

    /// A worker that runs until nothing is due.
    pub(crate) async fn drain(&self) -> (WorkerTally, Vec<String>) {
        drained(self.port.clone()).await
    }
}

pub(crate) async fn drained(port: OperatorPort) -> (WorkerTally, Vec<String>) {
    let mut news = Vec::new();
    let worker = Worker::new(port, WorkerSettings { drain: true, ..WorkerSettings::default() });
    let tally = worker.run(&CancellationToken::new(), &mut |one| news.push(word(one))).await.unwrap();
    (tally, news)
}

/// A worker in the background.
pub(crate) struct Running {
    task: tokio::task::JoinHandle<Result<WorkerTally, OperatorError>>,
    stop: CancellationToken,
    pub(crate) news: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub(crate) fn start(port: OperatorPort, settings: WorkerSettings) -> Self {
        let (stop, news) = (CancellationToken::new(), Arc::<Mutex<Vec<String>>>::default());
        let (told_to, told) = (stop.clone(), news.clone());
        let task = tokio::spawn(async move {
            let worker = Worker::new(port, settings);
            worker.run(&told_to, &mut |one| told.lock().unwrap().push(word(one))).await
        });
        Self { task, stop, news }
    }

    pub(crate) async fn stop(self) -> WorkerTally {
        self.stop.cancel();
        self.task.await.unwrap().unwrap()
    }

    /// As a process that is killed: nothing is given back.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

/// What a worker tells, without ids and times.
fn word(news: &WorkerNews) -> String {
    match news {
        WorkerNews::Attempted { lane, application, .. } => {
            let code = application.report.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
            let follows = match (&application.proposal.dead_letter, application.retry_after) {
                (Some(_), _) => ", dead letter",
                (None, Some(_)) => ", again",
                (None, None) => "",
            };
            format!("{} {}{code}{follows}", lane.source_id, application.report.outcome)
        }
        WorkerNews::SetAside(_) => "set aside".into(),
        WorkerNews::Expired(_) => "expired".into(),
        WorkerNews::Abandoned(_) => "abandoned".into(),
        WorkerNews::LaneDown(lane) => format!("{} down", lane.source_id),
        WorkerNews::LaneUp(lane) => format!("{} up", lane.source_id),
        WorkerNews::Paused(_) => "paused".into(),
        WorkerNews::Resumed => "resumed".into(),
        WorkerNews::Trouble { error, .. } => format!("trouble: {error}"),
        WorkerNews::Chore { name, said } => format!("{name}: {said:?}"),
        WorkerNews::Ending { under_way } => format!("ending, {under_way} under way"),
    }
}

fn port(ledger: &Ledger, [shop, depot, desk]: [&Arc<Station>; 3], process: &str) -> OperatorPort {
    let stations = [("shop", "sql_update", shop.clone()), ("depot", "sql_update", depot.clone()), ("shop", "desk", desk.clone())];
    let parts = OperatorParts {
        config: Arc::new(config(floor_plan)),
        ledger: ledger.operator(),
        executors: Arc::new(Stations(stations)),
        identity: OperatorIdentity::new("dana", 1000, Roles::Every, None),
        process: process.into(),
    };
    OperatorPort::new(parts).with_lease(LEASE)
}

/// Three capabilities: one per source that is written to directly, and one by an application.
fn floor_plan(config: &mut Value) {
    let pauses = json!({"attempts": 3, "initial_ms": 40, "max_ms": 80});
    config["sources"]["depot"] = json!({"engine": "sqlite", "path": "depot.db"});
    config["executors"] = json!({"quick": {"type": "sql_update", "retry": pauses},
        "desk": {"type": "http_handler", "url_env": "DESK_URL", "retry": pauses}});
    let base = config["capabilities"][0].clone();
    let capabilities = ["shop", "depot", "desk"].map(|name| {
        let mut capability = base.clone();
        capability["name"] = json!(format!("returns.propose_{name}"));
        capability["source"] = json!(if name == "depot" { "depot" } else { "shop" });
        capability["executor"] = json!(if name == "desk" { "desk" } else { "quick" });
        capability["numeric_bounds"]["amount"]["maximum"] = json!(1_000_000);
        capability
    });
    config["capabilities"] = json!(capabilities);
}

fn proposal(name: &str, amount: usize, expires_after: Duration) -> NewProposal {
    let mut new = crate::desk::proposal(expires_after, "review_required", u32::try_from(amount).unwrap());
    let (source, executor) = if name == "desk" { ("shop", "desk") } else { (name, "sql_update") };
    new.change_set.action = format!("returns.propose_{name}");
    new.change_set.source.source_id = serde_json::from_value(json!(source)).unwrap();
    new.change_set.writeback.executor = Some(executor.to_owned());
    if executor == "desk" {
        new.change_set.writeback.version_advance = None;
    }
    new.change_set = new.change_set.sealed().unwrap();
    for (source_id, capability) in
        [(&mut new.evidence.source_id, &mut new.evidence.capability), (&mut new.audit.source_id, &mut new.audit.capability)]
    {
        *source_id = source.to_owned();
        *capability = new.change_set.action.clone();
    }
    new.expires_at = Timestamp::now().after(expires_after);
    new
}
