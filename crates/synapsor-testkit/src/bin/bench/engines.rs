//! What do the other engines change? The same reads, proposals and applied changes on MariaDB and SQLite.

use crate::echo;
use crate::figure::Figure;
use crate::plan::Plan;
use crate::runner::Runner;
use crate::shop::Engine;
use crate::store::Store;
use crate::{applies, proposals, reads};

const ROW: &str = "engines";

/// At 32 connections; 8 changes at once.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let echo = echo::start().await;
    let mut figures = Vec::new();
    for engine in [Engine::Mysql, Engine::Sqlite] {
        let runner = Runner::start(plan, engine, &format!("engine-{}", engine.name())).await;
        figures.push(reads::at(plan, engine, &runner, &echo, 32).await);
        let store = Store::open(&plan.path(&format!("commit-loop-{}.db", engine.name())), 1);
        figures.push(proposals::at(plan, engine, &runner, store, 32).await.0);
        figures.push(applies::at(plan, engine, 8).await);
    }
    figures.into_iter().map(|figure| Figure { row: ROW, ..figure }).collect()
}
