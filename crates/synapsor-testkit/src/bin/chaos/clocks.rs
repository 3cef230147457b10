//! What if the wall clock jumps, for one process and not for the others, also beyond leases and expiries?
//!
//! `libfaketime` stands between a process and its clock, and reads how far off it is from a file that changes while the process runs.
//! Monotonic time is left alone, as a stepped clock leaves it.
//!
//! In half of the trials an attempt is paused between claim and COMMIT, and whoever takes over believes that hours have passed, or
//! that it is yesterday; in the other half three workers with jumping clocks apply the same proposals.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use crate::business::Engine;
use crate::desk::Desk;
use crate::fences::{TAKEOVER, claimed_and_unreported, stopped};
use crate::kills::{Case, Remedy, Scene, Verb, lapse, list};
use crate::plan::{Plan, Verdict};
use crate::process::Wrapped;
use crate::random::Random;
use crate::strace::Strike;
use crate::tally::Tally;

pub(crate) const CLOCKS: &str = "clocks";

/// Where Debian and Ubuntu put the library, by machine.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

/// How far clocks are off, in seconds: a little, about a lease, hours, a week and a day, which is beyond every proposal's expiry.
const OFF: [i64; 11] = [0, 3, -3, 31, -31, 45, 7200, -7200, 86_400, -86_400, 691_200];

pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(CLOCKS, plan.count(12, 300), |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Plan, number: u64, mut random: Random) -> Verdict {
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let (placed, words, desk) = if (number / 3).is_multiple_of(2) {
        paused(plan, engine, number, &mut random).await
    } else {
        jumping(plan, engine, number, &mut random).await
    };
    lapse(&desk).await;
    let _turn = plan.turn().await;
    let wrongs = desk.recover().await;
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed, place: words, wrongs, ..Verdict::default() }
}

/// An attempt is paused; somebody with another clock takes over or cancels; the attempt goes on with yet another clock.
async fn paused(plan: &Plan, engine: Engine, number: u64, random: &mut Random) -> (bool, String, Desk) {
    let case = Case { engine, verb: Verb::Apply, wal: false, rival: false, remedy: Remedy::chosen(random, 35) };
    let turn = plan.turn().await;
    let places = plan.places(&format!("{:?} on {}", case.verb, engine.name()), list(plan, case)).await;
    let place = places[usize::try_from(number / 6).unwrap_or(0) % places.len()].clone();
    let [before, other, after] = [0; 3].map(|_| *random.one(&OFF));
    let words = format!(
        "apply on {} paused at {place}; its clock is {before} s off, then {after} s, that of the next one {other} s",
        engine.name()
    );
    let desk = Desk::set_up(plan, engine, &format!("{CLOCKS}-{number}"), 4).await;
    desk.limit_statements(Duration::from_secs(2));
    std::fs::write(desk.folder.join("trial.txt"), &words).expect("a file can be written");
    let scene = Scene::set(&desk, case).await;
    let id = scene.id().expect("there is a proposal to apply");
    let (own, others) = (Clock::at(&desk, "own", before), Clock::at(&desk, "others", other));
    let trace = desk.folder.join("trace");
    let mut first = own.misleads(desk.applying(&id)).under(place.tracer(Strike::Stop, &desk.folder, &trace)).start();
    drop(first.child.stdin.take());
    let stopped = stopped(&trace, || matches!(first.child.try_wait(), Ok(Some(_)))).await;
    let placed = stopped && claimed_and_unreported(&desk);
    // Both mostly wait for each other's locks from here on.
    drop(turn);
    if placed {
        let seen = others.misleads(case.remedy.of(&desk, &id)).within(TAKEOVER).run().await;
        if case.remedy == Remedy::Apply {
            desk.applied(&id, &seen);
        }
    }
    own.jump(after);
    first.signal(Signal::CONT);
    let seen = first.finish().await;
    desk.applied(&id, &seen);
    (placed, words, desk)
}

/// Three workers, whose clocks jump independently while they apply six proposals.
async fn jumping(plan: &Plan, engine: Engine, number: u64, random: &mut Random) -> (bool, String, Desk) {
    let _turn = plan.turn().await;
    let desk = Desk::set_up(plan, engine, &format!("{CLOCKS}-{number}"), 4).await;
    for cents in 0..6 {
        let account = &desk.accounts[usize::try_from(cents % 4).unwrap_or(0)];
        if let Some(id) = desk.propose(account, 60 + cents).await {
            desk.approve(&id).await;
        }
    }
    let clocks: Vec<Clock> = (0..3).map(|worker| Clock::at(&desk, &format!("worker-{worker}"), *random.one(&OFF))).collect();
    let mut workers: Vec<_> = clocks
        .iter()
        .zip(0..)
        .map(|(clock, worker)| {
            clock.misleads(desk.runner(&["worker", "--grace", "2"])).logging(desk.folder.join(format!("{worker}.log"))).start()
        })
        .collect();
    for _ in 0..12 {
        tokio::time::sleep(random.millis(20, 250)).await;
        clocks[random.below(clocks.len())].jump(*random.one(&OFF));
    }
    for worker in &mut workers {
        worker.signal(Signal::TERM);
        let _ = tokio::time::timeout(Duration::from_secs(30), worker.child.wait()).await;
    }
    (true, format!("three workers on {} whose clocks jump", engine.name()), desk)
}

/// A clock that is off by what its file says.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn at(desk: &Desk, name: &str, off: i64) -> Self {
        let clock = Self { file: desk.folder.join(format!("clock-{name}")) };
        clock.jump(off);
        clock
    }

    /// Is off by this from now on. In one step, as the file is read at every look at the clock.
    fn jump(&self, off: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{off:+}\n")).expect("a file can be written");
        std::fs::rename(&new, &self.file).expect("a file can be renamed");
    }

    fn misleads(&self, run: Wrapped) -> Wrapped {
        let library = LIBRARIES.iter().find(|path| Path::new(path).exists()).expect("libfaketime is installed");
        run.with("LD_PRELOAD", library)
            .with("FAKETIME_TIMESTAMP_FILE", &self.file.display().to_string())
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}
