//! How much memory does the runner hold, idle and under load?

use std::time::Duration;

use crate::client::{Answerer, Tool, callers};
use crate::echo;
use crate::figure::{Figure, Unit};
use crate::load::burst;
use crate::plan::Plan;
use crate::runner::Runner;
use crate::shop::Engine;
use crate::usage::memory;

const ROW: &str = "memory";

/// How much an idle server may hold.
const AIM: f64 = (20 << 20) as f64;

/// Connections while it is under load.
const CONNECTIONS: usize = 32;

/// After its first list of tools, and the most after many reads and proposals; beside a bare HTTP server.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let (runner, echo) = (Runner::start(plan, Engine::Postgres, "memory").await, echo::start().await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (idle, idle_floor) = (memory(runner.pid()).0, memory(echo.pid()).0);
    let time = plan.round * u32::try_from(plan.rounds).unwrap_or(1);
    for tool in [Tool::Read, Tool::Propose] {
        drop(burst(callers(runner.address, CONNECTIONS, tool, Answerer::Runner).await, time).await);
    }
    drop(burst(callers(echo.address, CONNECTIONS, Tool::Read, Answerer::Echo).await, time).await);
    let (most, most_floor) = (memory(runner.pid()).1, memory(echo.pid()).1);
    let figure =
        |name: &str, value, floor: f64| Figure::new(ROW, name.to_owned(), value, Unit::Bytes).beside("echo", floor).at(value / floor);
    vec![
        figure("memory, idle", idle, idle_floor).wanted("under 20 MiB", idle < AIM),
        figure("memory, most with 32 connections", most, most_floor),
    ]
}
