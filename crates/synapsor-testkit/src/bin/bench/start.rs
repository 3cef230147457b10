//! How long does a client wait for its tools, from the start of the process?

use crate::figure::{Figure, Unit};
use crate::load::median;
use crate::plan::Plan;
use crate::runner::{time_to_tools, time_to_version};

const ROW: &str = "start";

/// How long it may take, in seconds.
const AIM: f64 = 0.020;

/// `mcp serve` on a PostgreSQL source, catalog check included, beside a start of the same binary that does nothing.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    // The first start makes the ledger.
    time_to_tools(plan, "start").await;
    let (mut starts, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        starts.push(time_to_tools(plan, "start").await.as_secs_f64());
        floors.push(time_to_version().await.as_secs_f64());
    }
    let ratio = median(starts.iter().zip(&floors).map(|(start, floor)| start / floor));
    let start = median(starts);
    let figure = Figure::new(ROW, "process start to `tools/list`".to_owned(), start, Unit::Seconds);
    vec![figure.beside("`--version`", median(floors)).at(ratio).wanted("under 20 ms", start < AIM)]
}
