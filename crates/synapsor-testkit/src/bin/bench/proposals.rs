//! How many proposals are recorded per second, and how many times does a bare loop commit in that time?

use crate::client::{Answerer, Tool, callers};
use crate::figure::{Figure, Rounds};
use crate::load::{blocking_burst, burst};
use crate::plan::Plan;
use crate::runner::Runner;
use crate::shop::Engine;
use crate::store::Store;
use crate::usage::{MachineTime, cpu_time};

const ROW: &str = "proposals";

/// How many times the commit loop is to be exceeded, with 32 connections.
const TIMES: f64 = 5.0;

/// At 1, 8 and 32 connections.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let runner = Runner::start(plan, Engine::Postgres, "proposals").await;
    let mut store = Store::open(&plan.path("commit-loop.db"), 1);
    let mut figures = Vec::new();
    for connections in [1, 8, 32] {
        let (figure, back) = at(plan, Engine::Postgres, &runner, store, connections).await;
        store = back;
        figures.push(figure);
    }
    figures
}

/// The figure at so many connections; the file for the commit loop comes back.
pub(crate) async fn at(plan: &Plan, engine: Engine, runner: &Runner, mut store: Store, connections: usize) -> (Figure, Store) {
    let (mut proposals, mut loops) = <(Rounds, Rounds)>::default();
    let mut clients = callers(runner.address, connections, Tool::Propose, Answerer::Runner).await;
    for round in 0..=plan.rounds {
        let (machine, cpu) = (MachineTime::now(), cpu_time(runner.pid()));
        let (proposed, back) = burst(clients, plan.round).await;
        let (busy, cpu) = (machine.busy_since(), cpu_time(runner.pid()).saturating_sub(cpu));
        let (committed, store_back) = blocking_burst(store, 1, plan.round, Store::commit).await;
        (clients, store) = (back, store_back);
        // The first round connects, prepares and warms up.
        if round > 0 {
            proposals.cpu.push(cpu.as_secs_f64() / proposed.count().max(1) as f64);
            proposals.busy.push(busy);
            proposals.push(proposed);
            loops.push(committed);
        }
    }
    let ratio = proposals.times_slower_than(&loops);
    let figure = proposals
        .figure(ROW, engine.figure(&format!("proposals, {connections} connections")))
        .beside("commit loop", loops.rate())
        .at(ratio);
    let figure = match connections {
        32 => figure.wanted(format!("{TIMES} times the commit loop"), 1.0 / ratio >= TIMES),
        _ => figure,
    };
    (figure, store)
}
