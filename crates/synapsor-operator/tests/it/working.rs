//! The worker: what it takes up, what it leaves, and what it survives.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use synapsor_operator::{Chore, Worker, WorkerSettings, WorkerTally};
use synapsor_proposal::Status;
use tokio_util::sync::CancellationToken;

use crate::floor::{Floor, LEASE, Mood, Running, drained};

fn many(concurrency: usize) -> WorkerSettings {
    WorkerSettings { concurrency, ..WorkerSettings::default() }
}

#[tokio::test]
async fn a_worker_applies_what_was_approved_and_nothing_else() {
    let floor = Floor::new();
    let approved = floor.many_approved("shop", 5).await;
    let waiting = floor.proposed("shop", Duration::from_secs(60)).await;
    let rejected = floor.proposed("shop", Duration::from_secs(60)).await;
    floor.port.reject(&rejected, "no".into()).await.unwrap();
    let (tally, _) = floor.drain().await;
    assert_eq!(tally, WorkerTally { applied: 5, ..WorkerTally::default() });
    assert!(tally.is_clean());
    floor.until(&approved, Status::Applied, Duration::ZERO).await;
    assert_eq!((floor.state(&waiting).await.status, floor.state(&rejected).await.status), (Status::PendingReview, Status::Rejected));
    assert_eq!((floor.shop.asked(), floor.shop.effects()), (5, 5));
}

#[tokio::test]
async fn what_fails_for_a_passing_reason_is_tried_again_until_it_works() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    floor.shop.is(Mood::DownFor(2));
    let worker = Running::start(floor.port.clone(), many(2));
    floor.until(std::slice::from_ref(&id), Status::Applied, Duration::from_secs(5)).await;
    let news = worker.news.clone();
    worker.stop().await;
    assert_snapshot!(news.lock().unwrap().join("; "), @"shop down; shop failed DATABASE_UNAVAILABLE, again; shop failed DATABASE_UNAVAILABLE, again; shop up; shop applied");
    assert_snapshot!(floor.status(&id).await, @"applied after 3 attempts");
}

#[tokio::test]
async fn what_keeps_failing_is_set_aside_when_its_attempts_are_used_up() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    floor.shop.is_with(&id, Mood::Down(Duration::ZERO));
    let worker = Running::start(floor.port.clone(), many(2));
    while floor.state(&id).await.dead_letter.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(worker.stop().await, WorkerTally { failed: 2, dead_letters: 1, ..WorkerTally::default() });
    assert_snapshot!(floor.status(&id).await, @"pending_worker: dead letter, outcome failed (DATABASE_UNAVAILABLE): 3 attempts were made after 3 attempts");
    // Nobody tries it again.
    assert_eq!(floor.drain().await.0, WorkerTally::default());
    assert_eq!(floor.shop.asked(), 3);
}

#[tokio::test]
async fn what_cannot_go_better_is_set_aside_at_once() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    floor.shop.is(Mood::Refuses);
    let (tally, news) = floor.drain().await;
    assert_eq!((tally.dead_letters, tally.is_clean()), (1, false));
    assert_snapshot!(news.join("; "), @"shop failed PERMISSION_DENIED, dead letter");
    assert_snapshot!(floor.status(&id).await, @"pending_worker: dead letter, outcome failed (PERMISSION_DENIED): the attempt did nothing, and another one would fare no better after 1 attempts");
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_the_next_attempt() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    floor.shop.is(Mood::LosesOneAnswer);
    let worker = Running::start(floor.port.clone(), many(2));
    floor.until(std::slice::from_ref(&id), Status::Applied, Duration::from_secs(5)).await;
    worker.stop().await;
    assert_snapshot!(floor.status(&id).await, @"applied after 2 attempts");
    assert_eq!(floor.shop.effects(), 1);
}

/// Whatever happens to the first attempt, nothing is delivered twice: not by a worker that starts anew, not after the lease lapsed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trap_7_what_takes_one_delivery_is_delivered_once() {
    let floor = Floor::new();
    let (lost, died) = (floor.approved("desk").await, floor.approved("desk").await);
    floor.desk.is_with(&lost, Mood::LosesAnswers);
    floor.desk.is_with(&died, Mood::Slow(Duration::from_secs(60)));
    let worker = Running::start(floor.port.clone(), many(4));
    while floor.desk.asked() < 2 || floor.state(&lost).await.dead_letter.is_none() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    worker.kill();
    tokio::time::sleep(LEASE * 2).await;
    let workers: Vec<_> = (0..8).map(|_| tokio::spawn(drained(floor.another()))).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!((floor.desk.asked(), floor.desk.effects()), (2, 1));
    assert_snapshot!(floor.status(&lost).await, @"pending_worker: dead letter, outcome unknown (COMMIT_UNKNOWN): the outcome is unknown, and the executor takes one delivery only: a person has to find out after 1 attempts");
    assert_snapshot!(floor.status(&died).await, @"pending_worker: dead letter, outcome unknown: the outcome is unknown, and the executor takes one delivery only: a person has to find out after 1 attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_workers_share_what_is_due_and_make_each_change_once() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 40).await;
    floor.shop.is(Mood::Slow(Duration::from_millis(5)));
    let workers = [Running::start(floor.port.clone(), many(4)), Running::start(floor.another(), many(4))];
    floor.until(&ids, Status::Applied, Duration::from_secs(30)).await;
    let mut applied = 0;
    for worker in workers {
        let tally = worker.stop().await;
        assert!(tally.is_clean() && tally.applied > 0, "{tally:?}");
        applied += tally.applied;
    }
    let operations: HashSet<String> = floor.shop.effects.lock().unwrap().iter().cloned().collect();
    assert_eq!((applied, operations.len(), floor.shop.effects()), (40, 40, 40));
    for id in &ids {
        assert_eq!(floor.state(id).await.attempts.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_dead_worker_held_is_taken_up_when_its_lease_lapses() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 4).await;
    floor.shop.is(Mood::Slow(Duration::from_secs(60)));
    let dying = Running::start(floor.port.clone(), many(8));
    while floor.shop.asked() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    dying.kill();
    floor.shop.is(Mood::Works);
    let begun = Instant::now();
    let next = Running::start(floor.another(), many(4));
    floor.until(&ids, Status::Applied, LEASE + Duration::from_secs(1)).await;
    assert!(begun.elapsed() < LEASE + Duration::from_secs(1));
    let tally = next.stop().await;
    assert!(tally.is_clean() && tally.applied == 4 && floor.shop.effects() == 4, "{tally:?}");
    assert_snapshot!(floor.status(&ids[0]).await, @"applied after 2 attempts");
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_finishes_what_it_began_and_begins_nothing() {
    let floor = Floor::new();
    floor.many_approved("shop", 6).await;
    floor.shop.is(Mood::Slow(Duration::from_secs(1)));
    let worker = Running::start(floor.port.clone(), many(2));
    while floor.shop.asked() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let news = worker.news.clone();
    let tally = worker.stop().await;
    assert_eq!((tally, floor.shop.asked()), (WorkerTally { applied: 2, ..WorkerTally::default() }, 2));
    assert_eq!(floor.shop.effects(), 2);
    let said = news.lock().unwrap().join("; ");
    assert!(
        said.contains("ending, ") && said.ends_with("under way; shop applied") || said.ends_with("shop applied; shop applied"),
        "{said}"
    );
}

#[tokio::test]
async fn trap_59_what_is_not_finished_within_the_grace_is_given_back_and_not_called_failed() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    floor.shop.is(Mood::Slow(Duration::from_secs(60)));
    let patient = floor.port.clone().with_lease(Duration::from_secs(600));
    let worker = Running::start(patient, WorkerSettings { grace: Duration::from_millis(100), ..many(2) });
    while floor.shop.asked() < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let tally = worker.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(tally, WorkerTally { abandoned: 1, ..WorkerTally::default() });
    assert_snapshot!(floor.status(&id).await, @"pending_worker: attempt 1 by pid 1 has not reported after 1 attempts");
    // Nobody waits ten minutes for that lease.
    floor.shop.is(Mood::Works);
    assert_eq!(floor.drain().await.0.applied, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pause_is_noticed_within_a_second_also_while_the_source_is_down() {
    let floor = Floor::new();
    floor.many_approved("shop", 200).await;
    floor.shop.is(Mood::Down(Duration::from_secs(2)));
    let worker = Running::start(floor.port.clone(), many(3));
    while floor.shop.asked() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    floor.another().pause_workers(Some("the source moves".into())).await.unwrap();
    while !worker.news.lock().unwrap().contains(&"paused".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let asked = floor.shop.asked();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(floor.shop.asked(), asked);
    floor.shop.is(Mood::Works);
    let begun = Instant::now();
    floor.port.resume_workers().await.unwrap();
    while !worker.news.lock().unwrap().contains(&"resumed".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    worker.stop().await;
    // A person may apply all the same.
    floor.port.pause_workers(None).await.unwrap();
    let id = floor.approved("shop").await;
    assert_eq!(floor.drain().await.0.applied, 0);
    assert!(floor.port.apply(&id, &mut |_| {}).await.unwrap().report.outcome.is_applied());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trap_52_one_bad_item_stops_nothing_else() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 9).await;
    floor.shop.is_with(&ids[0], Mood::Panics);
    floor.shop.is_with(&ids[1], Mood::Refuses);
    floor.shop.is_with(&ids[2], Mood::Slow(Duration::from_secs(60)));
    floor.edit(&format!("UPDATE proposals SET status = 'applied' WHERE proposal_id = '{}'", ids[3]));
    let worker = Running::start(floor.port.clone(), WorkerSettings { grace: Duration::ZERO, ..many(3) });
    floor.until(&ids[4..], Status::Applied, Duration::from_secs(10)).await;
    let news = worker.news.clone();
    let tally = worker.stop().await;
    assert_eq!((tally.applied, tally.dead_letters, tally.abandoned), (5, 1, 1), "{tally:?}");
    let news = news.lock().unwrap().clone();
    let troubles: Vec<_> = news.iter().filter(|one| one.starts_with("trouble")).collect();
    assert_eq!(troubles.len(), 2, "{troubles:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_source_that_hangs_does_not_keep_the_jobs_of_another_waiting() {
    let floor = Floor::new();
    floor.many_approved("shop", 30).await;
    floor.shop.is(Mood::Down(Duration::from_secs(3)));
    let worker = Running::start(floor.port.clone(), WorkerSettings { grace: Duration::ZERO, ..many(4) });
    while floor.shop.asked() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let others = floor.many_approved("depot", 10).await;
    floor.until(&others, Status::Applied, Duration::from_millis(2500)).await;
    assert!(begun.elapsed() < Duration::from_millis(2500));
    worker.stop().await;
}

#[tokio::test]
async fn with_one_place_the_lanes_take_turns() {
    let floor = Floor::new();
    floor.many_approved("shop", 12).await;
    floor.many_approved("depot", 3).await;
    floor.shop.is(Mood::Slow(Duration::from_millis(5)));
    let mut order = Vec::new();
    let worker = Worker::new(floor.port.clone(), WorkerSettings { drain: true, ..many(1) });
    worker
        .run(&CancellationToken::new(), &mut |one| {
            if let synapsor_operator::WorkerNews::Attempted { lane, .. } = one {
                order.push(lane.source_id.clone());
            }
        })
        .await
        .unwrap();
    assert_eq!(order[..6].iter().filter(|source| *source == "depot").count(), 3, "{order:?}");
}

/// An outage must not use up the attempts of everything that waits for its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_a_source_cannot_be_reached_one_job_at_a_time_asks() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 60).await;
    floor.shop.is(Mood::Down(Duration::ZERO));
    let worker = Running::start(floor.port.clone(), many(4));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = floor.shop.asked();
    assert!(asked <= 10, "{asked} attempts in two seconds of an outage");
    floor.shop.is(Mood::Works);
    let give_up = Instant::now() + Duration::from_secs(30);
    while floor.shop.effects() < 55 && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let tally = worker.stop().await;
    assert!(tally.applied >= 55 && tally.dead_letters <= 5 && ids.len() == 60, "{tally:?}");
    assert_eq!(floor.shop.effects() as u64, tally.applied);
}

#[tokio::test]
async fn draining_ends_when_nothing_is_due_and_leaves_what_cannot_be_reached() {
    let floor = Floor::new();
    assert_eq!(floor.drain().await.0, WorkerTally::default());
    floor.many_approved("shop", 20).await;
    floor.many_approved("depot", 3).await;
    floor.shop.is(Mood::Down(Duration::ZERO));
    let (tally, news) = tokio::time::timeout(Duration::from_secs(20), floor.drain()).await.unwrap();
    assert_eq!((tally.applied, tally.is_clean(), news.contains(&"shop down".to_owned())), (3, false, true));
    assert!(tally.left >= 10, "{tally:?}");
    floor.shop.is(Mood::Works);
    let (after, news) = floor.drain().await;
    assert!(after.applied + after.left >= 17 && !news.contains(&"shop down".to_owned()), "{after:?} {news:?}");
}

#[tokio::test]
async fn what_is_past_expires_whether_somebody_decided_or_tried_or_not() {
    let floor = Floor::new();
    let soon = Duration::from_secs(3);
    let undecided = floor.proposed("shop", soon).await;
    let unclaimed = floor.proposed("shop", soon).await;
    let claimed = floor.proposed("depot", soon).await;
    for id in [&unclaimed, &claimed] {
        floor.approve(id).await;
    }
    floor.depot.is(Mood::Down(Duration::ZERO));
    floor.port.apply(&claimed, &mut |_| {}).await.unwrap();
    floor.port.pause_workers(None).await.unwrap();
    tokio::time::sleep(soon).await;
    floor.port.resume_workers().await.unwrap();
    floor.depot.is(Mood::Works);
    let (tally, _) = floor.drain().await;
    assert_eq!((tally.expired, tally.is_clean(), floor.shop.asked()), (3, true, 0));
    for id in [&undecided, &unclaimed, &claimed] {
        let state = floor.state(id).await;
        assert_eq!((state.status, state.closing), (Status::Expired, None));
    }
    // What was claimed is fenced first.
    assert!(floor.state(&claimed).await.tombstone.is_some() && floor.depot.effects() == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_run_at_once_than_was_said() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 30).await;
    floor.shop.is(Mood::Slow(Duration::from_millis(20)));
    let worker = Running::start(floor.port.clone(), many(8));
    floor.until(&ids, Status::Applied, Duration::from_secs(10)).await;
    worker.stop().await;
    // Two other lanes of the configuration keep a place each.
    assert_eq!(floor.shop.most.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_is_approved_in_the_same_process_begins_at_once_and_elsewhere_within_a_moment() {
    let floor = Floor::new();
    let worker = Running::start(floor.port.clone(), many(2));
    let elsewhere = floor.another();
    let mut longest = [Duration::ZERO; 2];
    for round in 0..10 {
        let id = floor.proposed("shop", Duration::from_secs(60)).await;
        let digest = floor.state(&id).await.terms.approval_digest;
        let (port, place) = if round % 2 == 0 { (&floor.port, 0) } else { (&elsewhere, 1) };
        port.approve(&id, digest, None).await.unwrap();
        let begun = Instant::now();
        let asked = floor.shop.asked();
        while floor.shop.asked() == asked && floor.state(&id).await.attempts.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        longest[place] = longest[place].max(begun.elapsed());
        floor.until(&[id], Status::Applied, Duration::from_secs(5)).await;
    }
    worker.stop().await;
    assert!(longest.iter().all(|longest| *longest < Duration::from_secs(2)), "{longest:?}");
}

#[tokio::test]
async fn a_stricter_configuration_sets_aside_what_it_does_not_allow_any_more() {
    let floor = Floor::new();
    let id = floor.approved("shop").await;
    let stricter = crate::desk::Desk::new();
    // The same ledger, seen with a configuration that has no such capability.
    let port = synapsor_operator::OperatorPort::new(synapsor_operator::OperatorParts {
        config: std::sync::Arc::new(crate::desk::config(|_| ())),
        ledger: floor.operator(),
        executors: std::sync::Arc::new(crate::desk::Only(stricter.executor.clone())),
        identity: synapsor_proposal::OperatorIdentity::new("dana", 1000, synapsor_proposal::Roles::Every, None),
        process: "pid 3".into(),
    });
    let (tally, news) = drained(port).await;
    assert_eq!((tally.dead_letters, news.join("; ").as_str()), (1, "set aside"));
    assert_snapshot!(floor.status(&id).await.replace(id.as_str(), "wrp_1"), @"approved: dead letter, outcome failed: proposal wrp_1 cannot be applied: the configuration has no proposal capability `returns.propose_shop` any more after 0 attempts");
    // Where it is allowed, a person may have it tried again.
    floor.port.replay_dead_letter(&id, &mut |_| {}).await.unwrap();
    assert_eq!(floor.state(&id).await.status, Status::Applied);
}

#[tokio::test]
async fn a_chore_runs_beside_the_jobs_and_never_keeps_them_waiting() {
    let floor = Floor::new();
    let ids = floor.many_approved("shop", 3).await;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    let quick = Chore::new("retention", Duration::from_millis(50), move || {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { if run == 0 { Ok(Some("removed 3".to_owned())) } else { Err("the disk is full".to_owned()) } })
    });
    let slow = Chore::new("slow", Duration::from_millis(1), || Box::pin(std::future::pending()));
    let (stop, mut news) = (CancellationToken::new(), Vec::new());
    let ending = stop.clone();
    let worker = Worker::new(floor.port.clone(), many(2)).with_chore(quick).with_chore(slow);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        ending.cancel();
    });
    let tally = worker
        .run(&stop, &mut |one| {
            if let synapsor_operator::WorkerNews::Chore { name, said } = one {
                news.push(format!("{name} {said:?}"));
            }
        })
        .await
        .unwrap();
    assert_eq!(
        (tally.applied, news[0].as_str(), news[1].as_str()),
        (3, r#"retention Ok("removed 3")"#, r#"retention Err("the disk is full")"#)
    );
    assert!(runs.load(Ordering::SeqCst) > 5);
    floor.until(&ids, Status::Applied, Duration::ZERO).await;
}
