//! Does finding and claiming the next job cost more when the ledger holds 1,000,000 finished ones?

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use synapsor_ledger::Holder;
use synapsor_proposal::Delivery;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Outcome, Report};

use crate::figure::{Figure, Unit};
use crate::load::median;
use crate::output;
use crate::plan::Plan;
use crate::plane::Planes;
use crate::shop::Engine;

const ROW: &str = "claims";

/// How much more it may cost and still be called flat; a shared machine varies by about as much.
const FLAT: f64 = 1.25;

/// Jobs that a worker takes up at once.
const ABREAST: u32 = 8;

/// What a worker does before the executor runs, among no finished jobs and among many.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let (empty, full) = (plan.path("claims-empty.db"), plan.path("claims-full.db"));
    let shop = plan.shop(Engine::Postgres);
    let few = Planes::open(shop, &empty, 1);
    settle(&few, &few.propose_and_approve(&shop.untouched()).await).await;
    let many = Planes::open(shop, &full, 1);
    settle(&many, &many.propose_and_approve(&shop.untouched()).await).await;
    fill(&full, plan.lookups);
    let mut pairs = Vec::new();
    for round in 0..=plan.starts {
        let mut took = [0.0; 2];
        for (planes, took) in [&few, &many].into_iter().zip(&mut took) {
            let id = planes.propose_and_approve(&shop.untouched()).await;
            let begun = Instant::now();
            let agenda = planes.ledger.operator().agenda(ABREAST).await.expect("the ledger can be read");
            assert!(agenda.due.iter().any(|lane| lane.jobs.contains(&id)), "an approved job is due");
            claim(planes, &id).await;
            *took = begun.elapsed().as_secs_f64();
            report(planes, &id).await;
        }
        // The first round warms up.
        if round > 0 {
            pairs.push(took);
        }
    }
    let (empty, full) = (median(pairs.iter().map(|pair| pair[0])), median(pairs.iter().map(|pair| pair[1])));
    let ratio = median(pairs.iter().map(|pair| pair[1] / pair[0]));
    let figure = Figure::new(ROW, format!("finding and claiming a job, {} finished jobs", plan.lookups_told()), full, Unit::Seconds);
    vec![figure.beside("one finished job", empty).at(ratio).wanted(format!("flat (within {FLAT})"), ratio <= FLAT)]
}

async fn settle(planes: &Planes, id: &ProposalId) {
    claim(planes, id).await;
    report(planes, id).await;
}

async fn claim(planes: &Planes, id: &ProposalId) {
    let holder = Holder { by: planes.identity.clone(), process: "bench".to_owned() };
    let claim = planes.ledger.operator().claim(id, &holder, Duration::from_secs(30), Delivery::Again).await.expect("nobody holds it");
    assert!(matches!(claim, synapsor_ledger::Claim::Granted(_)), "the job is free: {claim:?}");
}

async fn report(planes: &Planes, id: &ProposalId) {
    let applied = Report::new(Outcome::Applied);
    planes.ledger.operator().report(id, &planes.identity, 1, &applied).await.expect("it is recorded");
}

/// Copies what the settled proposal left into this many others, in the tables that finding and claiming look at.
fn fill(path: &Path, count: usize) {
    let begun = Instant::now();
    let connection = Connection::open(path).expect("a ledger is a SQLite file");
    connection.busy_timeout(Duration::from_secs(60)).expect("a time can be set");
    connection.execute_batch("pragma foreign_keys = off; pragma cache_size = -200000; begin immediate").expect("nobody else writes");
    for (table, replaced) in [
        ("proposals", &[("number", "null"), ("proposal_id", "'wrp_copy_' || n"), ("at_micros", "at_micros - n")][..]),
        ("writeback_jobs", &[("proposal_id", "'wrp_copy_' || n"), ("writeback_job_id", "'wbj_copy_' || n")]),
        ("writeback_receipts", &[("proposal_id", "'wrp_copy_' || n"), ("at_micros", "at_micros - n")]),
    ] {
        connection.execute_batch(&copies(&connection, table, replaced, count)).expect("copies differ in their keys");
    }
    connection.execute_batch("commit; pragma wal_checkpoint(truncate)").expect("the disk has room");
    output::note(&format!("filled a ledger with {count} finished jobs ({:.1} s)", begun.elapsed().as_secs_f64()));
}

fn copies(connection: &Connection, table: &str, replaced: &[(&str, &str)], count: usize) -> String {
    let mut info = connection.prepare("select name from pragma_table_info(?1)").expect("the statement is valid");
    let names = info.query_map([table], |row| row.get::<_, String>(0)).expect("the table is there");
    let names: Vec<String> = names.collect::<Result<_, _>>().expect("names are texts");
    let value = |name| replaced.iter().find(|(column, _)| *column == name).map_or(name, |(_, value)| *value);
    let values: Vec<&str> = names.iter().map(|name| value(name.as_str())).collect();
    format!(
        "with recursive row(n) as (select 1 union all select n + 1 from row where n < {count}) \
         insert into {table} ({}) select {} from row, (select * from {table} limit 1)",
        names.join(", "),
        values.join(", ")
    )
}
