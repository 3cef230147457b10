//! What if the stream to the database breaks or stops at exactly this message, COMMIT above all?
//!
//! A proxy of the run stands between the executor and the server. It cuts or freezes the connection that reaches the place. Then
//! somebody tries again, cancels, or dies and is taken over, sometimes while the late COMMIT is still on its way.

use std::sync::Arc;
use std::time::Duration;

use synapsor_protocol::id::ProposalId;
use synapsor_testkit::{Cut, FaultProxy};

use crate::business::{Business, Engine};
use crate::desk::Desk;
use crate::plan::{Plan, Verdict};
use crate::planes::{LEASE, Planes, Way};
use crate::random::Random;
use crate::tally::Tally;

pub(crate) const COMMITS: &str = "commits";

/// What happens at the place.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Both sides lose the connection.
    Cut,
    /// Nothing passes for a while, then everything does.
    Freeze(Duration),
    /// Nothing passes, the sender dies, and what it sent arrives after somebody else has settled the matter.
    Late,
}

/// What somebody does then.
#[derive(Debug, Clone, Copy)]
enum Then {
    Apply,
    Cancel,
}

/// Cuts and freezes on both servers.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(COMMITS, plan.count(40, 1600), |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Plan, number: u64, mut random: Random) -> Verdict {
    let engine = if number.is_multiple_of(2) { Engine::Postgres } else { Engine::Mariadb };
    let (place, fault) = (place(&mut random), fault(&mut random));
    let then = if random.percent(75) { Then::Apply } else { Then::Cancel };
    let words = format!("{fault:?} at {place:?} on {}, then {then:?}", engine.name());
    let _turn = plan.turn().await;
    let desk = Desk::set_up(plan, engine, &format!("{COMMITS}-{number}"), 2).await;
    std::fs::write(desk.folder.join("trial.txt"), &words).expect("a file can be written");
    let (proxy, url) = through(&desk);
    let planes = Planes::open(&desk, &Way::Direct(Some(&url)));
    // The table of receipts is there, so that what is met is the guarded transaction alone.
    let first = planes.approved(&desk, &desk.accounts[1], 9).await;
    planes.settle(&desk, &first).await;
    let id = planes.approved(&desk, &desk.accounts[0], 60).await;
    let strikes = proxy.strikes();
    strike(&planes, &desk, &proxy, &id, (place, fault)).await;
    let placed = proxy.strikes() > strikes;
    proxy.disarm();
    match then {
        Then::Apply => drop(planes.apply(&desk, &id).await),
        // Refused while nothing can be learned; then it stays as it is.
        Then::Cancel => drop(planes.operator.cancel(&id, None).await),
    }
    proxy.thaw();
    planes.settle(&desk, &id).await;
    quiet(&desk).await;
    drop(planes);
    let wrongs = desk.check().await;
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed, place: words, wrongs, ..Verdict::default() }
}

/// The first attempt, which meets the fault.
async fn strike(planes: &Planes, desk: &Desk, proxy: &FaultProxy, id: &ProposalId, (place, fault): (Cut, Fault)) {
    match fault {
        Fault::Cut => {
            proxy.cut(place);
            planes.apply(desk, id).await;
        }
        Fault::Freeze(pause) => {
            proxy.freeze(place);
            let thawing = async {
                tokio::time::sleep(pause).await;
                proxy.thaw();
            };
            tokio::join!(planes.apply(desk, id), thawing);
        }
        Fault::Late => {
            proxy.freeze(place);
            let struck = tokio::time::timeout(Duration::from_secs(5), proxy.wait_for_strikes(proxy.strikes() + 1));
            tokio::select! {
                _ = planes.apply(desk, id) => {}
                // Whoever was applying is gone in this moment, with all that it knew.
                _ = struck => {}
            }
            tokio::time::sleep(LEASE).await;
        }
    }
}

fn place(random: &mut Random) -> Cut {
    match random.below(10) {
        0..=2 => Cut::BeforeQuery("COMMIT"),
        3..=6 => Cut::AfterForwarding("COMMIT"),
        7 => Cut::BeforeMessage(1 + random.next() % 30),
        8 => Cut::BeforeAnswer(1 + random.next() % 30),
        _ => random.one(&[Cut::BeforeQuery("UPDATE"), Cut::AfterForwarding("UPDATE"), Cut::AfterForwarding("INSERT")]).clone(),
    }
}

fn fault(random: &mut Random) -> Fault {
    match random.below(10) {
        0..=4 => Fault::Cut,
        5..=6 => Fault::Freeze(random.millis(20, 2500)),
        _ => Fault::Late,
    }
}

/// A proxy in front of the desk's server, and the URL that leads through it.
pub(crate) fn through(desk: &Desk) -> (FaultProxy, String) {
    match &*desk.business {
        Business::Postgres(server) => {
            let proxy = FaultProxy::to(server.address());
            let url = format!("{}?sslmode=disable", server.url_through(&proxy));
            (proxy, url)
        }
        Business::Mariadb(server) => {
            let proxy = FaultProxy::to_mysql(server.address());
            let url = format!("{}?ssl-mode=DISABLED", server.url_through(&proxy));
            (proxy, url)
        }
        Business::Sqlite(_) => unreachable!("a file has no stream"),
    }
}

/// Waits until no statement of an earlier attempt can still arrive: what was thawed is carried out or gone.
async fn quiet(desk: &Desk) {
    let open = match &*desk.business {
        Business::Postgres(_) => {
            "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid() \
             and query not like '%pg_stat_activity%'"
        }
        Business::Mariadb(_) | Business::Sqlite(_) => return tokio::time::sleep(Duration::from_millis(50)).await,
    };
    tokio::time::sleep(Duration::from_millis(30)).await;
    // Other trials run on the same database: this is a bound on waiting, not a condition.
    for _ in 0..20 {
        if desk.business.rows(open).await.is_ok_and(|rows| rows.first().and_then(|row| row[0].clone()).as_deref() == Some("0")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
