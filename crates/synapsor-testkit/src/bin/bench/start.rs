//! How long does a client wait for its tools, from the start of the process?
//!
//! Beside a start of the same binary that does nothing and, where a server is asked for its catalog, one bare connection to it.

use std::time::Instant;

use tokio_postgres::NoTls;

use crate::figure::{Figure, Unit};
use crate::load::median;
use crate::plan::Plan;
use crate::runner::{time_to_tools, time_to_version};
use crate::shop::Engine;

const ROW: &str = "start";

/// How long it may take, in seconds.
const AIM: f64 = 0.020;

/// `mcp serve`, catalog check included, on an embedded database and on a server.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let sqlite = starts(plan, Engine::Sqlite, "process start to `tools/list`, SQLite").await;
    vec![sqlite, starts(plan, Engine::Postgres, "process start to `tools/list`, PostgreSQL").await]
}

async fn starts(plan: &Plan, engine: Engine, name: &str) -> Figure {
    // The first start makes the ledger.
    time_to_tools(plan, engine, "start").await;
    let (mut starts, mut versions, mut connections) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        starts.push(time_to_tools(plan, engine, "start").await.as_secs_f64());
        versions.push(time_to_version().await.as_secs_f64());
        connections.push(if engine == Engine::Postgres { time_to_connection(plan).await } else { 0.0 });
    }
    let floors: Vec<f64> = versions.iter().zip(&connections).map(|(version, connection)| version + connection).collect();
    let ratio = median(starts.iter().zip(&floors).map(|(start, floor)| start / floor));
    let start = median(starts);
    let figure = Figure::new(ROW, name.to_owned(), start, Unit::Seconds).beside("combined", median(floors));
    let figure = figure.beside("`--version`", median(versions));
    let figure = if engine == Engine::Postgres { figure.beside("connection", median(connections)) } else { figure };
    figure.at(ratio).wanted("under 20 ms", start < AIM)
}

/// Connecting, logging in and one question.
async fn time_to_connection(plan: &Plan) -> f64 {
    let begun = Instant::now();
    let (client, connection) =
        tokio_postgres::connect(&plan.shop(Engine::Postgres).address(), NoTls).await.expect("the server accepts connections");
    tokio::spawn(connection);
    client.batch_execute("select 1").await.expect("the server answers");
    begun.elapsed().as_secs_f64()
}
