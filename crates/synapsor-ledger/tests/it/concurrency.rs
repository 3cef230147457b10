//! Many threads, many handles, many processes, one file.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Child;
use std::time::Duration;

use synapsor_ledger::{Claim, Filter, Recorded};
use synapsor_proposal::{Delivery, Status};
use synapsor_protocol::{Outcome, Report};

use crate::fixture::{Fixture, child, child_of, dana, holder, open_in, proposal, read};

#[test]
fn sixteen_threads_with_a_handle_each_lose_nothing() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let ledger = fixture.another();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    for number in 0..10 {
                        ledger.agent().record_read(read(&format!("INV-{thread}-{number}"))).await.unwrap();
                    }
                });
            });
        }
    });
    assert_eq!((fixture.count("evidence"), fixture.count("query_audit")), (160, 160));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(fixture.operator.verify()).unwrap().records, 320);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_writers_share_their_commits() {
    let fixture = Fixture::new();
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let agent = fixture.agent.clone();
            tokio::spawn(async move {
                for number in 0..5 {
                    let answer = agent.record_proposal(proposal(&format!("INV-{writer}-{number}"), "paid")).await.unwrap();
                    assert!(matches!(answer, Recorded::Created(_)));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(fixture.count("proposals"), 160);
    assert!(fixture.count("commits") < 120, "{} commits", fixture.count("commits"));
    fixture.operator.verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_content_proposed_at_once_is_one_proposal() {
    let fixture = Fixture::new();
    let handles: Vec<_> = (0..4).map(|_| fixture.another()).collect();
    let asked: Vec<_> = (0..16)
        .map(|number| {
            let agent = handles[number % 4].agent();
            tokio::spawn(async move { agent.record_proposal(proposal("INV-1", "paid")).await.unwrap().proposal().id().clone() })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for one in asked {
        ids.insert(one.await.unwrap());
    }
    assert_eq!((ids.len(), fixture.count("proposals"), fixture.count("evidence")), (1, 1, 16));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_15_a_command_line_beside_a_busy_server_is_not_starved() {
    let fixture = Fixture::new();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let server: Vec<_> = (0..16)
        .map(|writer| {
            let (agent, stop) = (fixture.agent.clone(), stop.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    agent.record_read(read(&format!("INV-{writer}-{number}"))).await.unwrap();
                    number += 1;
                }
                number
            })
        })
        .collect();
    let command_line = fixture.another();
    for number in 0..20 {
        // A writer that starves is refused as busy.
        command_line.agent().record_read(read(&format!("INV-{number}"))).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut served = 0;
    for writer in server {
        served += writer.await.unwrap();
    }
    assert_eq!(fixture.count("query_audit"), served + 20);
}

#[tokio::test]
async fn four_processes_apply_every_job_once() {
    let fixture = Fixture::new();
    for number in 0..12 {
        fixture.approved(&format!("INV-{number}")).await;
    }
    let children: Vec<_> = (0..4).map(|_| child("concurrency::child_applies_everything", fixture.folder.path(), None)).collect();
    let mut applied = Vec::new();
    for said in children.into_iter().map(output) {
        applied.extend(said.lines().filter_map(|line| line.strip_prefix("applied ")).map(str::to_owned));
    }
    assert_eq!((applied.len(), applied.into_iter().collect::<BTreeSet<_>>().len()), (12, 12));
    let done = fixture.operator.list(&Filter { status: Some(Status::Applied), ..Filter::default() }).await.unwrap().lines;
    assert!(done.len() == 12 && done.iter().all(|line| line.attempts == 1));
    fixture.operator.verify().await.unwrap();
}

/// Applies whatever it is granted, until there is nothing left.
#[tokio::test]
async fn child_applies_everything() {
    let Some(folder) = child_of() else { return };
    let operator = open_in(&folder).operator();
    let process = holder(&format!("pid {}", std::process::id()));
    loop {
        let mut open = 0;
        for status in [Status::Approved, Status::PendingWorker] {
            for line in operator.list(&Filter { status: Some(status), ..Filter::default() }).await.unwrap().lines {
                open += 1;
                if let Claim::Granted(lease) =
                    operator.claim(&line.proposal_id, &process, Duration::from_secs(30), Delivery::Again).await.unwrap()
                {
                    let report = Report::new(Outcome::Applied);
                    operator.report(&line.proposal_id, &dana(), lease.attempt, &report).await.unwrap();
                    println!("\napplied {}", line.proposal_id);
                }
            }
        }
        if open == 0 {
            return;
        }
    }
}

fn output(mut child: Child) -> String {
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}
