//! What if an attempt is paused between its claim and its COMMIT, and goes on after somebody else has taken over?
//!
//! The release binary's `apply` is stopped by SIGSTOP at one system call. Its lease lapses; another `apply` takes the job over with a
//! higher attempt, or a person cancels or reconciles, which fences what may still come. Then the first one goes on, as if nothing had happened.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::business::{Engine, sqlite_rows};
use crate::desk::Desk;
use crate::kills::{Case, Remedy, Scene, Verb, lapse, list};
use crate::plan::{Plan, Verdict};
use crate::random::Random;
use crate::strace::{Strike, struck};
use crate::tally::Tally;

pub(crate) const FENCES: &str = "fences";

/// How long a place may take to be reached.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long whoever takes over may wait for locks that the paused one holds; then the paused one goes on first.
pub(crate) const TAKEOVER: Duration = Duration::from_secs(12);

/// Pauses on three engines.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(FENCES, plan.count(18, 900), |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Plan, number: u64, mut random: Random) -> Verdict {
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let case = Case { engine, verb: Verb::Apply, wal: false, rival: false, remedy: Remedy::chosen(&mut random, 45) };
    let turn = plan.turn().await;
    let places = plan.places(&format!("{:?} on {}", case.verb, engine.name()), list(plan, case)).await;
    let place = places[usize::try_from(number / 3).unwrap_or(0) % places.len()].clone();
    let words = format!("SIGSTOP in apply on {} at {place}, then {}", engine.name(), format!("{:?}", case.remedy).to_lowercase());
    let desk = Desk::set_up(plan, engine, &format!("{FENCES}-{number}"), 4).await;
    desk.limit_statements(Duration::from_secs(2));
    std::fs::write(desk.folder.join("trial.txt"), &words).expect("a file can be written");
    let scene = Scene::set(&desk, case).await;
    let id = scene.id().expect("there is a proposal to apply");
    let trace = desk.folder.join("trace");
    let mut paused = desk.applying(&id).under(place.tracer(Strike::Stop, &desk.folder, &trace)).start();
    drop(paused.child.stdin.take());
    let stopped = stopped(&trace, || matches!(paused.child.try_wait(), Ok(Some(_)))).await;
    // Only who has claimed, and has not reported, can be fenced.
    let placed = stopped && claimed_and_unreported(&desk);
    drop(turn);
    if placed {
        lapse(&desk).await;
    }
    // Without a turn: both mostly wait for each other's locks.
    if placed {
        // A paused process may hold the row, or the whole file: whoever takes over then learns nothing, and says so.
        let seen = case.remedy.of(&desk, &id).within(TAKEOVER).run().await;
        if case.remedy == Remedy::Apply {
            desk.applied(&id, &seen);
        }
    }
    paused.signal(Signal::CONT);
    let seen = paused.finish().await;
    desk.applied(&id, &seen);
    lapse(&desk).await;
    let _turn = plan.turn().await;
    let wrongs = desk.recover().await;
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed, place: words, wrongs, ..Verdict::default() }
}

/// Waits until the trace says that it stopped; false if the process ended first.
pub(crate) async fn stopped(trace: &Path, mut ended: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if struck(&std::fs::read_to_string(trace).unwrap_or_default(), Strike::Stop) {
            return true;
        }
        if ended() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

pub(crate) fn claimed_and_unreported(desk: &Desk) -> bool {
    let query = "select count(*) from writeback_jobs join proposals using (proposal_id) \
        where attempt > 0 and lease_expires_at is not null and status = 'pending_worker'";
    let rows = sqlite_rows(&desk.ledger(), query).unwrap_or_default();
    rows.first().and_then(|row| row[0].clone()).is_some_and(|count| count != "0")
}
