//! How long does it take until somebody else has finished what a dead worker held?
//!
//! A worker of the release binary is killed at a system call between its claim and its report. Another one is started at once and
//! left alone. From the death to the last final state it may take the lease and one second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::business::Engine;
use crate::checker::{Kind, Wrong};
use crate::desk::Desk;
use crate::fences::claimed_and_unreported;
use crate::kills::{Case, Remedy, Scene, Verb, list};
use crate::plan::{Plan, Verdict};
use crate::random::Random;
use crate::strace::{Strike, struck};
use crate::tally::Tally;

pub(crate) const RECOVERIES: &str = "recoveries";

/// The runner's own lease.
const LEASE: Duration = Duration::from_secs(30);
/// What may be added to it.
const GRACE: Duration = Duration::from_secs(1);
/// After this it counts as never.
const NEVER: Duration = Duration::from_secs(90);

pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(RECOVERIES, plan.count(6, 60), |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Plan, number: u64, mut random: Random) -> Verdict {
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let case = Case { engine, verb: Verb::Worker, wal: false, rival: false, remedy: Remedy::Apply };
    let turn = plan.turn().await;
    let places = plan.places(&format!("{:?} on {}", case.verb, engine.name()), list(plan, case)).await;
    let place = places[random.below(places.len())].clone();
    let words = format!("worker on {} killed at {place}", engine.name());
    let desk = Desk::set_up(plan, engine, &format!("{RECOVERIES}-{number}"), 4).await;
    std::fs::write(desk.folder.join("trial.txt"), &words).expect("a file can be written");
    let _scene = Scene::set(&desk, case).await;
    let trace = desk.folder.join("trace");
    desk.runner(&["worker", "--drain"]).under(place.tracer(Strike::Kill, &desk.folder, &trace)).run().await;
    let died = Instant::now();
    let placed = struck(&std::fs::read_to_string(&trace).unwrap_or_default(), Strike::Kill) && claimed_and_unreported(&desk);
    let mut successor = desk.runner(&["worker"]).logging(desk.folder.join("successor.log")).start();
    drop(turn);
    while desk.open_count() > 0 && died.elapsed() < NEVER {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = died.elapsed();
    successor.signal(Signal::TERM);
    let _ = tokio::time::timeout(Duration::from_secs(30), successor.child.wait()).await;
    let _turn = plan.turn().await;
    let mut wrongs = desk.check().await;
    if took > LEASE + GRACE {
        wrongs.push(Wrong { kind: Kind::WrongState, words: format!("recovery took {:.1} s", took.as_secs_f64()) });
    }
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed, place: words, wrongs, recovered: placed.then_some(took), ..Verdict::default() }
}
