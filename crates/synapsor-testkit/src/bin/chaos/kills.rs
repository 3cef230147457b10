//! What if a process dies, or its disk fails, at exactly this system call?
//!
//! One verb of the release binary runs under `strace`, which kills it, or refuses the call, at a place that a tracing run found.
//! Then somebody does what a person would do: proposes again, approves again, applies again, cancels or reconciles, until nothing is open.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use synapsor_protocol::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::business::{Engine, sqlite_rows};
use crate::checker::Told;
use crate::desk::{CAPABILITY, Desk};
use crate::plan::{Plan, Verdict};
use crate::process::{Running, Seen, Wrapped};
use crate::random::Random;
use crate::strace::{Place, Strike, listing, places, struck};
use crate::tally::Tally;

/// Kills alone; what disks refuse is another part.
pub(crate) const KILLS: &str = "kills";
/// Refused calls.
pub(crate) const ERRORS: &str = "errors";

/// Which process is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `propose`, which makes the ledger too.
    FirstPropose,
    Propose,
    /// `mcp serve`, while it is asked for several proposals at once.
    Serve,
    Approve,
    Apply,
    /// `worker --drain`, which has three jobs.
    Worker,
}

/// How often each is struck, beside the others.
const VERBS: [(Verb, usize); 5] = [(Verb::FirstPropose, 1), (Verb::Propose, 2), (Verb::Serve, 3), (Verb::Approve, 3), (Verb::Apply, 11)];

/// What a trial is about, beside its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) engine: Engine,
    pub(crate) verb: Verb,
    /// A SQLite business in WAL mode.
    pub(crate) wal: bool,
    /// Somebody proposes another amount for the same account.
    pub(crate) rival: bool,
    /// What a person does about an attempt that is open.
    pub(crate) remedy: Remedy,
}

/// What a person may do about an attempt that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Find out and go on.
    Apply,
    /// Find out and stop.
    Cancel,
    /// Find out.
    Reconcile,
}

impl Remedy {
    /// Something else than applying in so many of a hundred cases.
    pub(crate) fn chosen(random: &mut Random, percent: usize) -> Self {
        if random.percent(percent) { *random.one(&[Self::Cancel, Self::Reconcile]) } else { Self::Apply }
    }

    /// The command.
    pub(crate) fn of(self, desk: &Desk, id: &str) -> Wrapped {
        match self {
            Self::Apply => desk.applying(id),
            Self::Cancel => desk.runner(&["proposals", "cancel", id, "--yes", "--json"]),
            Self::Reconcile => desk.runner(&["reconcile", id, "--json"]),
        }
    }
}

/// Kills at every place of every verb on three engines.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(KILLS, plan.count(60, 2000), |plan, number, random| async move { trial(&plan, KILLS, number, random).await }).await
}

/// ENOSPC and EIO likewise.
pub(crate) async fn run_errors(plan: &Arc<Plan>) -> Tally {
    plan.trials(ERRORS, plan.count(18, 400), |plan, number, random| async move { trial(&plan, ERRORS, number, random).await }).await
}

async fn trial(plan: &Plan, part: &str, number: u64, mut random: Random) -> Verdict {
    let case = case(number, &mut random);
    let turn = plan.turn().await;
    let strike = match part {
        KILLS => Strike::Kill,
        _ => *random.one(&[Strike::Error("ENOSPC"), Strike::Error("EIO"), Strike::ErrorsFrom("ENOSPC"), Strike::ErrorsFrom("EIO")]),
    };
    let name = format!("{:?} on {}{}", case.verb, case.engine.name(), if case.wal { " in WAL mode" } else { "" });
    let all = plan.places(&name, list(plan, case)).await;
    let usable: Vec<&Place> = all.iter().filter(|place| strike == Strike::Kill || place.can_be_refused()).collect();
    if usable.is_empty() {
        return Verdict { place: format!("{name}: no place"), ..Verdict::default() };
    }
    // One after the other in the seed's order, so that every place has its turn.
    let place = usable[usize::try_from(number / 3).unwrap_or(0) % usable.len()].clone();
    let desk = Desk::set_up(plan, case.engine, &format!("{part}-{number}"), 4).await;
    let trace = desk.folder.join("trace");
    let words = format!("{strike:?} in {name} at {place}");
    std::fs::write(desk.folder.join("trial.txt"), format!("{words}\n{case:?}\n")).expect("a file can be written");
    let scene = Scene::set(&desk, case).await;
    let tracer = place.tracer(strike, &desk.folder, &trace);
    scene.run(&desk, &mut random, |run| run.under(tracer.clone())).await;
    let placed = struck(&std::fs::read_to_string(&trace).unwrap_or_default(), strike);
    drop(turn);
    lapse(&desk).await;
    let _turn = plan.turn().await;
    scene.afterwards(&desk, case).await;
    let wrongs = desk.recover().await;
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed, place: words, wrongs, ..Verdict::default() }
}

fn case(number: u64, random: &mut Random) -> Case {
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let mut drawn = random.below(VERBS.iter().map(|(_, weight)| weight).sum());
    let mut verb = Verb::Apply;
    for (candidate, weight) in VERBS {
        if drawn < weight {
            verb = candidate;
            break;
        }
        drawn -= weight;
    }
    let wal = engine == Engine::Sqlite && random.percent(40);
    Case { engine, verb, wal, rival: random.percent(30), remedy: Remedy::chosen(random, 25) }
}

/// A tracing run of the verb, on a desk of its own.
pub(crate) async fn list(plan: &Plan, case: Case) -> Vec<Place> {
    let name = format!("list-{:?}-{}-{}", case.verb, case.engine.name(), case.wal);
    let desk = Desk::set_up(plan, case.engine, &name, 4).await;
    let trace = desk.folder.join("trace");
    let scene = Scene::set(&desk, Case { rival: false, ..case }).await;
    scene.run(&desk, &mut Random::of(0, "list", 0), |run| run.under(listing(&trace))).await;
    let found = places(&std::fs::read_to_string(&trace).unwrap_or_default(), &desk.folder);
    if !plan.options.keep {
        desk.clear();
    }
    found
}

/// What is there before the verb runs.
pub(crate) struct Scene {
    verb: Verb,
    /// The proposal that the verb is about, where it is about one.
    id: Option<String>,
    rival: Option<String>,
}

impl Scene {
    pub(crate) async fn set(desk: &Desk, case: Case) -> Self {
        if case.wal {
            desk.business.rows("pragma journal_mode = wal").await.expect("a file can be in WAL mode");
        }
        let (account, mut scene) = (&desk.accounts[0], Self { verb: case.verb, id: None, rival: None });
        if case.verb == Verb::FirstPropose {
            return scene;
        }
        // Somebody else's, applied: the ledger is there, and the table of receipts.
        let other = desk.propose(&desk.accounts[3], 9).await.expect("an ordinary proposal is taken");
        desk.approve(&other).await;
        desk.apply(&other).await;
        if case.rival {
            scene.rival = desk.propose(account, 50).await;
        }
        if matches!(case.verb, Verb::Approve | Verb::Apply | Verb::Worker) {
            scene.id = desk.propose(account, 60).await;
        }
        if case.verb == Verb::Worker {
            for (account, cents) in desk.accounts[1..3].iter().zip(70..) {
                let beside = desk.propose(account, cents).await.expect("an ordinary proposal is taken");
                desk.approve(&beside).await;
            }
        }
        if let (Verb::Apply | Verb::Worker, Some(id)) = (case.verb, &scene.id) {
            desk.approve(id).await;
            if let Some(rival) = &scene.rival {
                desk.approve(rival).await;
            }
        }
        scene
    }

    /// The proposal that the verb is about.
    pub(crate) fn id(&self) -> Option<String> {
        self.id.clone()
    }

    /// Runs the verb as `how` says.
    async fn run(&self, desk: &Desk, random: &mut Random, how: impl Fn(Wrapped) -> Wrapped) {
        match (self.verb, &self.id) {
            (Verb::FirstPropose | Verb::Propose, _) => {
                let seen = how(desk.proposing(&desk.accounts[0], 60)).run().await;
                desk.proposed(&seen);
            }
            (Verb::Serve, _) => serve(desk, how(desk.runner(&["mcp", "serve"]))).await,
            (Verb::Approve, Some(id)) => {
                let seen = how(desk.approving(id)).run().await;
                desk.approved(id, &seen);
            }
            (Verb::Apply, Some(id)) => {
                let applying = how(desk.applying(id)).run();
                let beside = async {
                    // Another process applies another change of the same row in the same moment.
                    if let Some(rival) = self.rival.as_ref().filter(|_| random.percent(50)) {
                        desk.apply(rival).await;
                    }
                };
                let (seen, ()): (Seen, ()) = tokio::join!(applying, beside);
                desk.applied(id, &seen);
            }
            (Verb::Worker, _) => drop(how(desk.runner(&["worker", "--drain"])).run().await),
            (Verb::Approve | Verb::Apply, None) => {}
        }
    }

    /// What a person does then.
    async fn afterwards(&self, desk: &Desk, case: Case) {
        match (&self.id, self.verb) {
            (None, Verb::FirstPropose | Verb::Propose) => drop(desk.propose(&desk.accounts[0], 60).await),
            (Some(id), Verb::Apply) if case.remedy != Remedy::Apply => drop(case.remedy.of(desk, id).run().await),
            // Whatever a worker left, a worker takes over.
            (_, Verb::Worker) => drop(desk.runner(&["worker", "--drain"]).run().await),
            (Some(_) | None, _) => {}
        }
    }
}

/// Asks a server for three proposals at once, and takes note of every answer that leaves it.
async fn serve(desk: &Desk, server: Wrapped) {
    let mut running: Running = server.start();
    let mut stdin = running.child.stdin.take().expect("its input is a pipe");
    let mut questions = String::new();
    for (number, account) in desk.accounts.iter().take(3).enumerate() {
        let call = json!({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {
            "name": CAPABILITY, "arguments": {"id": account, "cents": 60 + number},
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}});
        questions += &format!("{call}\n");
    }
    // A server that died before it read is a place like any other.
    let _ = stdin.write_all(questions.as_bytes()).await;
    drop(stdin);
    let mut lines = BufReader::new(running.child.stdout.take().expect("its output is a pipe")).lines();
    let answers = async {
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: Json = serde_json::from_str(&line).unwrap_or_default();
            let content = &answer["result"]["structuredContent"];
            if let Some(id) = content["proposal"]["id"].as_str().filter(|_| content["ok"] == true) {
                desk.tell(Told::Proposed { id: id.to_owned() });
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(60), answers).await;
    let _ = tokio::time::timeout(Duration::from_secs(10), running.child.wait()).await;
}

/// The longest lease that is waited for.
const LONGEST: Duration = Duration::from_secs(80);

/// Waits until no process that died holds a lease any more.
pub(crate) async fn lapse(desk: &Desk) {
    let held = "select max(lease_expires_at) from writeback_jobs";
    let until = sqlite_rows(&desk.ledger(), held).ok().and_then(|rows| rows.first()?.first()?.as_ref()?.parse::<u64>().ok());
    let now = u64::try_from(Timestamp::now().as_micros()).unwrap_or(0);
    if let Some(left) = until.and_then(|until| until.checked_sub(now)) {
        // A lease of somebody with another clock may seem to last for days; the ledger does not believe that either.
        tokio::time::sleep(Duration::from_micros(left).min(LONGEST) + Duration::from_millis(20)).await;
    }
}
