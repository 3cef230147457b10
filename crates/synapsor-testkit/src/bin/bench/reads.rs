//! How many reads are answered per second, and what do database, HTTP and durability cost by themselves?

use crate::child::Served;
use crate::client::{Answerer, Tool, callers};
use crate::echo;
use crate::figure::{Figure, Rounds};
use crate::load::{blocking_burst, burst, median};
use crate::plan::Plan;
use crate::pool::readers;
use crate::runner::Runner;
use crate::shop::Engine;
use crate::store::Store;
use crate::usage::{MachineTime, cpu_time};

const ROW: &str = "reads";

/// At 1, 8 and 32 connections.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let runner = Runner::start(plan, Engine::Postgres, "reads").await;
    let echo = echo::start().await;
    let mut figures = Vec::new();
    for connections in [1, 8, 32] {
        figures.push(at(plan, Engine::Postgres, &runner, &echo, connections).await);
    }
    figures
}

/// One round of the figure and of each of its floors, in turns.
pub(crate) async fn at(plan: &Plan, engine: Engine, runner: &Runner, echo: &Served, connections: usize) -> Figure {
    let (mut reads, mut pools, mut echoes, mut commits) = <(Rounds, Rounds, Rounds, Rounds)>::default();
    let mut clients = callers(runner.address, connections, Tool::Read, Answerer::Runner).await;
    let mut echoed = callers(echo.address, connections, Tool::Read, Answerer::Echo).await;
    let mut pooled = readers(plan, engine, connections);
    let mut store = Store::open(&plan.path(&format!("floor-{}-{connections}.db", engine.name())), connections);
    for round in 0..=plan.rounds {
        let (machine, cpu) = (MachineTime::now(), cpu_time(runner.pid()));
        let (read, back) = burst(clients, plan.round).await;
        let (busy, cpu) = (machine.busy_since(), cpu_time(runner.pid()).saturating_sub(cpu));
        let (pool, pool_back) = burst(pooled, plan.round).await;
        let (echo, echo_back) = burst(echoed, plan.round).await;
        let (commit, store_back) = blocking_burst(store, connections, plan.round, Store::commit).await;
        (clients, pooled, echoed, store) = (back, pool_back, echo_back, store_back);
        // The first round connects, prepares and warms up.
        if round > 0 {
            reads.cpu.push(cpu.as_secs_f64() / read.count().max(1) as f64);
            reads.busy.push(busy);
            reads.push(read);
            pools.push(pool);
            echoes.push(echo);
            commits.push(commit);
        }
    }
    let floors: Vec<f64> =
        (0..plan.rounds).map(|round| combined([&pools, &echoes, &commits].map(|rounds| rounds.bursts[round].rate()))).collect();
    let figure = reads
        .figure(ROW, engine.figure(&format!("reads, {connections} connections")))
        .beside("combined", median(floors.iter().copied()))
        .beside("pool", pools.rate())
        .beside("echo", echoes.rate())
        .beside("grouped insert", commits.rate())
        .at(reads.times_slower_than_rates(floors));
    if connections == 32 { figure.within(2.0) } else { figure }
}

/// What is left if the parts share one machine, one after the other.
fn combined(rates: [f64; 3]) -> f64 {
    1.0 / rates.into_iter().map(|rate| 1.0 / rate).sum::<f64>()
}
