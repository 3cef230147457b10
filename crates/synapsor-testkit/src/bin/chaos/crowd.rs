//! What if sixteen apply the same proposals at once, several of which want the same row?
//!
//! Fifty accounts, four approved proposals for each, all made of the same version: whoever comes first wins the row, and the other
//! three are conflicts. Each of the sixteen goes through all of them in an order of its own, with its own handle to the ledger and its
//! own connections; or is a process of its own.

use std::sync::Arc;
use std::time::Duration;

use synapsor_protocol::id::ProposalId;

use crate::business::Engine;
use crate::checker::{Kind, Wrong, judge};
use crate::desk::Desk;
use crate::plan::{Plan, Verdict};
use crate::planes::{Planes, Way};
use crate::random::Random;
use crate::tally::Tally;

pub(crate) const CROWD: &str = "crowd";

const APPLIERS: usize = 16;
const ACCOUNTS: usize = 50;
const RIVALS: i64 = 4;

/// Once per engine with appliers in this process, once with worker processes.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    let count = plan.count(3, 6);
    plan.trials(CROWD, count, |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Plan, number: u64, mut random: Random) -> Verdict {
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let processes = number % 6 >= 3;
    let rivals = if plan.options.quick { 2 } else { RIVALS };
    let _turn = plan.turn().await;
    let desk = Arc::new(Desk::set_up(plan, engine, &format!("{CROWD}-{number}"), ACCOUNTS).await);
    let proposals = proposed(&desk, rivals).await;
    let who = if processes { "processes" } else { "ports" };
    let words = format!("{APPLIERS} {who} on {} accounts of {} with {} proposals", ACCOUNTS, engine.name(), proposals.len());
    if processes {
        by_processes(&desk).await;
    } else {
        by_ports(&desk, &proposals, &mut random).await;
    }
    let story = desk.story().await;
    let mut wrongs = judge(&story);
    let applied = story.proposals.values().filter(|proposed| proposed.status == "applied").count();
    let conflicts = story.proposals.values().filter(|proposed| proposed.status == "conflict").count();
    if (applied, conflicts) != (ACCOUNTS, proposals.len() - ACCOUNTS) {
        wrongs.push(Wrong { kind: Kind::WrongState, words: format!("{applied} applied and {conflicts} in conflict") });
    }
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed: true, place: words, wrongs, ..Verdict::default() }
}

async fn proposed(desk: &Desk, rivals: i64) -> Vec<ProposalId> {
    let url = desk.business.url();
    let planes = Planes::open(desk, &Way::Direct(url.as_deref()));
    let mut proposals = Vec::new();
    for rival in 0..rivals {
        for (account, number) in desk.accounts.iter().zip(0..) {
            proposals.push(planes.approved(desk, account, 1000 * (rival + 1) + number).await);
        }
    }
    proposals
}

async fn by_ports(desk: &Arc<Desk>, proposals: &[ProposalId], random: &mut Random) {
    let appliers = (0..APPLIERS).map(|_| {
        let (desk, mut order) = (desk.clone(), proposals.to_vec());
        random.shuffle(&mut order);
        tokio::spawn(async move {
            let url = desk.business.url();
            let planes = Planes::open(&desk, &Way::Direct(url.as_deref()));
            for id in &order {
                planes.settle(&desk, id).await;
            }
        })
    });
    for applier in appliers.collect::<Vec<_>>() {
        applier.await.expect("applying does not panic");
    }
}

async fn by_processes(desk: &Desk) {
    let workers: Vec<_> = (0..APPLIERS).map(|_| desk.runner(&["worker", "--drain"]).run()).collect();
    futures_util::future::join_all(workers).await;
    // A file has one writer: who did not get it in time is due again after a pause, and `--drain` does not wait for that.
    for _ in 0..10 {
        if desk.open_count() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        desk.runner(&["worker", "--drain"]).run().await;
    }
}
