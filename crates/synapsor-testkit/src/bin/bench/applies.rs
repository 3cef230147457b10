//! How many approved changes are applied per second, and how many guarded transactions run by themselves in that time?
//!
//! Applying is what `apply` of the command line does: load and verify, claim the job, run the guarded transaction, record the report.

use std::time::Instant;

use synapsor_operator::{OperatorPort, Worker, WorkerNews, WorkerSettings};
use synapsor_protocol::Outcome;
use synapsor_protocol::id::ProposalId;
use tokio_util::sync::CancellationToken;

use crate::figure::{Figure, Rounds};
use crate::load::{Burst, Load, burst};
use crate::plan::Plan;
use crate::plane::Planes;
use crate::shop::{Engine, Shop};
use crate::transactions::Bare;
use crate::usage::MachineTime;

const ROW: &str = "applies";

/// Applied side by side while proposals are prepared, which is not measured.
const PREPARERS: usize = 16;

/// Jobs that the worker runs at once.
const IN_FLIGHT: usize = 8;

/// 1 and 8 at once, and by one worker.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let mut figures = Vec::new();
    for workers in [1, 8] {
        figures.push(at(plan, Engine::Postgres, workers).await);
    }
    figures.push(by_worker(plan, plan.shop(Engine::Postgres)).await);
    figures
}

/// The figure of one worker that drains what was approved.
async fn by_worker(plan: &Plan, shop: &Shop) -> Figure {
    let planes = Planes::open(shop, &plan.path("applies-worker.db"), IN_FLIGHT);
    let bare = Bare::open(shop, IN_FLIGHT).await;
    let (mut applies, mut transactions) = <(Rounds, Rounds)>::default();
    let each = (plan.applies / IN_FLIGHT).max(1);
    for round in 0..=plan.rounds {
        let count = if round == 0 { 4 } else { each };
        drop(approved(shop, &planes, IN_FLIGHT, count).await);
        let changes = bare.writers(IN_FLIGHT, count);
        let machine = MachineTime::now();
        let applied = drained(&planes.operator).await;
        assert!(applied.count() == count * IN_FLIGHT, "the worker left something: {} of {}", applied.count(), count * IN_FLIGHT);
        let busy = machine.busy_since();
        let (ran, _) = burst(changes, plan.round * 60).await;
        if round > 0 {
            applies.busy.push(busy);
            applies.push(applied);
            transactions.push(ran);
        }
    }
    let ratio = applies.times_slower_than(&transactions);
    let figure = applies.figure(ROW, format!("applies by one worker, {IN_FLIGHT} in flight"));
    figure.beside("guarded transaction", transactions.rate()).at(ratio).within(2.0)
}

/// Everything that is due, applied by a worker.
async fn drained(port: &OperatorPort) -> Burst {
    let settings = WorkerSettings { concurrency: IN_FLIGHT, drain: true, ..WorkerSettings::default() };
    let (mut latencies, begun) = (Vec::new(), Instant::now());
    let mut told = |news: &WorkerNews| match news {
        WorkerNews::Attempted { application, took, .. } if application.report.outcome == Outcome::Applied => latencies.push(*took),
        other => panic!("a change was not applied: {other:?}"),
    };
    Worker::new(port.clone(), settings).run(&CancellationToken::new(), &mut told).await.expect("the ledger can be used");
    Burst::new(begun.elapsed(), latencies)
}

/// The figure with so many at once.
pub(crate) async fn at(plan: &Plan, engine: Engine, workers: usize) -> Figure {
    let shop = plan.shop(engine);
    let planes = Planes::open(shop, &plan.path(&format!("applies-{}-{workers}.db", engine.name())), workers);
    let bare = Bare::open(shop, workers).await;
    let (mut applies, mut transactions) = <(Rounds, Rounds)>::default();
    // As many for each worker, so that all end together.
    let each = (plan.applies / workers).max(1);
    for round in 0..=plan.rounds {
        let count = if round == 0 { 4 } else { each };
        let appliers = approved(shop, &planes, workers, count).await;
        let changes = bare.writers(workers, count);
        // Bounded by the work, not by the time.
        let machine = MachineTime::now();
        let (applied, _) = burst(appliers, plan.round * 60).await;
        let busy = machine.busy_since();
        let (ran, _) = burst(changes, plan.round * 60).await;
        if round > 0 {
            applies.busy.push(busy);
            applies.push(applied);
            transactions.push(ran);
        }
    }
    let ratio = applies.times_slower_than(&transactions);
    applies
        .figure(ROW, engine.figure(&format!("applies, {workers} at once")))
        .beside("guarded transaction", transactions.rate())
        .at(ratio)
        .within(2.0)
}

/// One worker and the approved proposals that it is to apply.
struct Applier {
    port: OperatorPort,
    approved: Vec<ProposalId>,
}

async fn approved(shop: &Shop, planes: &Planes, workers: usize, each: usize) -> Vec<Applier> {
    let mut ids = Vec::new();
    while ids.len() < workers * each {
        let preparing: Vec<_> = (ids.len()..(workers * each).min(ids.len() + PREPARERS))
            .map(|_| {
                let (planes, invoice) = (planes.clone(), shop.untouched());
                tokio::spawn(async move { planes.propose_and_approve(&invoice).await })
            })
            .collect();
        for prepared in preparing {
            ids.push(prepared.await.expect("preparing does not panic"));
        }
    }
    ids.chunks(each).map(|approved| Applier { port: planes.operator.clone(), approved: approved.to_vec() }).collect()
}

impl Load for Applier {
    async fn once(&mut self) -> bool {
        let Some(id) = self.approved.pop() else { return false };
        let application = self.port.apply(&id, &mut |_| ()).await.expect("the job is ready");
        assert!(application.report.outcome == Outcome::Applied, "a change was not applied: {:?}", application.report);
        true
    }
}
