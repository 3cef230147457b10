//! `worker`, `pause`, `resume`: carry out what is approved, without anybody at a terminal.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_config::{Config, Executor, Mode, Retention, Retry};
use synapsor_http::termination;
use synapsor_ledger::{Cutoffs, Lane, Open, Pause};
use synapsor_mcp::McpError;
use synapsor_operator::{Application, Chore, OperatorPort, Worker, WorkerNews, WorkerSettings, WorkerTally};
use synapsor_protocol::chain::chain;
use synapsor_protocol::name::SafeName;
use synapsor_protocol::{Outcome, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::cli::{Pace, PauseWorkers, ResumeWorkers, Work};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output::{self, visible};

/// How often what is not kept any longer is removed.
const PRUNING: Duration = Duration::from_secs(3600);

pub(super) async fn run(words: &Work) -> Answer<ExitCode> {
    let setup = Setup::load_served(&words.place)?;
    may_write(&setup.config)?;
    let port = setup.worker_port(words.actor.actor.clone(), usize::from(words.pace.concurrency))?;
    let stop = until_told(words.json)?;
    begin(&setup.config, &port, words).await?;
    let chores = chores(&setup.config, &port);
    let worker = chores.into_iter().fold(Worker::new(port, settings(words.pace, words.drain)), Worker::with_chore);
    let json = words.json;
    let tally = worker.run(&stop, &mut |news| tell(news, json)).await?;
    let well = !words.drain || tally.is_clean();
    summary(&tally, well, json);
    Ok(output::exit(well))
}

pub(super) async fn pause(words: &PauseWorkers) -> Answer<ExitCode> {
    let port = Setup::load(&words.place)?.operator_port(words.actor.actor.clone())?;
    let asked = Timestamp::now();
    let pause = port.pause_workers(words.reason.clone()).await?;
    if words.format.json {
        output::json(&json!({"ok": true, "paused": pause}));
    } else {
        let already = if pause.since < asked { " already, and that pause stays as it is" } else { "" };
        output::line(format_args!("workers pause{already}: {}", told_pause(&pause)));
        output::line("what has begun is finished, and `apply` works as ever; `synapsor-runner resume` ends the pause");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn resume(words: &ResumeWorkers) -> Answer<ExitCode> {
    let port = Setup::load(&words.place)?.operator_port(words.actor.actor.clone())?;
    let ended = port.resume_workers().await?;
    if words.format.json {
        output::json(&json!({"ok": true, "paused": null, "ended": ended}));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(match ended {
        Some(pause) => format!("workers go on; they paused {}", told_pause(&pause)),
        None => "workers go on; they did not pause".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

/// Refused where nothing may be written back at all.
pub(super) fn may_write(config: &Config) -> Answer<()> {
    if config.mode == Mode::Review {
        return Ok(());
    }
    Err(Failure::new(format_args!("the configuration's mode is {}, which writes nothing back", config.mode.as_str()))
        .hint("a worker needs `\"mode\": \"review\"`"))
}

pub(super) fn settings(pace: Pace, drain: bool) -> WorkerSettings {
    WorkerSettings { concurrency: usize::from(pace.concurrency), drain, grace: Duration::from_secs(pace.grace) }
}

/// What is done now and then beside the jobs: removing what the configuration does not keep any longer.
pub(super) fn chores(config: &Config, port: &OperatorPort) -> Vec<Chore> {
    let kept = config.retention;
    if kept == Retention::default() {
        return Vec::new();
    }
    let port = port.clone();
    vec![Chore::new("retention", PRUNING, move || {
        let port = port.clone();
        Box::pin(async move {
            let now = Timestamp::now();
            let cutoffs =
                Cutoffs { reads: kept.reads.map(|time| now.before(time)), proposals: kept.proposals.map(|time| now.before(time)) };
            let pruned = port.prune(cutoffs).await.map_err(|error| chain(&error))?;
            let rows: u64 = pruned.deleted.values().sum();
            Ok((rows > 0).then(|| format!("removed {rows} rows of what is not kept any longer")))
        })
    })]
}

/// What the worker will do, before it does anything.
async fn begin(config: &Config, port: &OperatorPort, words: &Work) -> Answer<()> {
    let (lanes, open) = (lanes(config), port.open().await?);
    if words.json {
        let lanes: Vec<Value> = lanes.iter().map(|(lane, retry)| lane_record(config, lane, retry)).collect();
        output::json_line(&json!({"event": "started", "at": Timestamp::now(), "pid": std::process::id(), "account": port.account(),
            "concurrency": words.pace.concurrency, "drain": words.drain, "lanes": lanes, "open": open}));
        return Ok(());
    }
    let jobs = output::counted(usize::from(words.pace.concurrency), "job");
    output::line(format_args!("worker pid {}, as account `{}`, up to {jobs} at once", std::process::id(), visible(port.account())));
    for (lane, retry) in &lanes {
        output::line(format_args!("  source `{}` by {}: {}", lane.source_id, by(config, lane), told_retry(retry)));
    }
    output::line(waiting(&open));
    Ok(())
}

fn lane_record(config: &Config, lane: &Lane, retry: &Retry) -> Value {
    json!({"source": lane.source_id, "executor": lane.executor, "type": declared(config, lane).map_or("sql_update", Executor::type_name),
        "attempts": retry.attempts, "initial_ms": retry.initial.as_millis() as u64, "max_ms": retry.max.as_millis() as u64})
}

/// Where the configuration lets changes be carried out.
fn lanes(config: &Config) -> BTreeMap<Lane, Retry> {
    let lanes = config.callable().filter_map(|capability| {
        let rules = capability.proposal()?;
        let lane = Lane { source_id: capability.source.to_string(), executor: rules.executor.name().to_owned() };
        Some((lane, config.retry_for_action(capability.name.as_str())))
    });
    lanes.collect()
}

fn declared<'c>(config: &'c Config, lane: &Lane) -> Option<&'c Executor> {
    SafeName::new(&lane.executor).and_then(|name| config.executors.get(&name))
}

fn by(config: &Config, lane: &Lane) -> String {
    match declared(config, lane) {
        Some(executor) if executor.type_name() != lane.executor => format!("`{}` ({})", lane.executor, executor.type_name()),
        _ => format!("`{}`", lane.executor),
    }
}

fn told_retry(retry: &Retry) -> String {
    let attempts = output::counted(retry.attempts as usize, "attempt");
    if retry.attempts <= 1 { attempts } else { format!("{attempts}, up to {:?} to {:?} apart", retry.initial, retry.max) }
}

fn waiting(open: &Open) -> String {
    let Open { approved, pending_worker, due, unresolved, dead_letters, paused, .. } = open;
    let mut text = format!("{} due", output::counted(*due as usize, "job"));
    let later = (approved + pending_worker).saturating_sub(due + dead_letters);
    if later > 0 {
        text.push_str(&format!(", {later} due later or under way elsewhere"));
    }
    if *unresolved > 0 {
        text.push_str(&format!(", {unresolved} of unknown outcome"));
    }
    if *dead_letters > 0 {
        text.push_str(&format!(", {} for a person", output::counted(*dead_letters as usize, "dead letter")));
    }
    if *paused {
        text.push_str("; workers pause, so nothing begins until `synapsor-runner resume`");
    }
    text
}

/// Tells what happened: one line.
pub(super) fn tell(news: &WorkerNews, json: bool) {
    if json {
        output::json_line(&record(news));
    } else {
        output::line(text(news));
    }
}

fn record(news: &WorkerNews) -> Value {
    let mut record = match news {
        WorkerNews::Attempted { lane, application, took } => {
            let mut record = super::apply::record(application);
            record["event"] = json!("attempted");
            record["source"] = json!(lane.source_id);
            record["executor"] = json!(lane.executor);
            record["took_ms"] = json!(took.as_millis() as u64);
            record
        }
        WorkerNews::SetAside(proposal) => json!({"event": "dead_letter", "proposal_id": proposal.id(),
            "outcome": proposal.outcome(), "reason": proposal.dead_letter.as_ref().map(|parked| &parked.letter.reason)}),
        WorkerNews::Expired(id) => json!({"event": "expired", "proposal_id": id}),
        WorkerNews::Abandoned(id) => json!({"event": "abandoned", "proposal_id": id}),
        WorkerNews::LaneDown(lane) => json!({"event": "unreachable", "source": lane.source_id, "executor": lane.executor}),
        WorkerNews::LaneUp(lane) => json!({"event": "reachable", "source": lane.source_id, "executor": lane.executor}),
        WorkerNews::Paused(pause) => json!({"event": "paused", "pause": pause}),
        WorkerNews::Resumed => json!({"event": "resumed"}),
        WorkerNews::Trouble { id, error } => json!({"event": "trouble", "proposal_id": id, "error": error}),
        WorkerNews::Chore { name, said } => json!({"event": "chore", "chore": name, "ok": said.is_ok(),
            "said": said.as_ref().unwrap_or_else(|why| why)}),
        WorkerNews::Ending { under_way } => json!({"event": "ending", "under_way": under_way}),
    };
    record["at"] = json!(Timestamp::now());
    record
}

pub(super) fn text(news: &WorkerNews) -> String {
    match news {
        WorkerNews::Attempted { lane, application, took } => attempted(lane, application, *took),
        WorkerNews::SetAside(proposal) => {
            let reason = proposal.dead_letter.as_ref().map(|parked| visible(&parked.letter.reason)).unwrap_or_default();
            format!("dead letter {}: {reason}", proposal.id())
        }
        WorkerNews::Expired(id) => format!("expired {id}: its time passed"),
        WorkerNews::Abandoned(id) => format!("left {id}: claimed, and nothing is known of it yet"),
        WorkerNews::LaneDown(lane) => {
            format!("source `{}` cannot be used by `{}` now: one job at a time asks again", lane.source_id, lane.executor)
        }
        WorkerNews::LaneUp(lane) => format!("source `{}` can be used again by `{}`", lane.source_id, lane.executor),
        WorkerNews::Paused(pause) => format!("paused {}", told_pause(pause)),
        WorkerNews::Resumed => "resumed".to_owned(),
        WorkerNews::Trouble { id: Some(id), error } => format!("trouble with {id}: {}", visible(error)),
        WorkerNews::Trouble { id: None, error } => format!("trouble: {}", visible(error)),
        WorkerNews::Chore { name, said: Ok(done) } => format!("{name}: {}", visible(done)),
        WorkerNews::Chore { name, said: Err(why) } => format!("{name} did not work: {}", visible(why)),
        WorkerNews::Ending { under_way } => format!("ending: {} under way", output::counted(*under_way, "job")),
    }
}

fn attempted(lane: &Lane, application: &Application, took: Duration) -> String {
    let Application { proposal, report, attempt, retry_after } = application;
    let code = report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let attempt = attempt.map_or("settled before".to_owned(), |attempt| format!("attempt {attempt}"));
    let mut text =
        format!("{} {}{code}: {attempt}, {}/{}, {} ms", report.outcome, proposal.id(), lane.source_id, lane.executor, took.as_millis());
    if let Some(detail) = report.detail.as_deref().filter(|_| matches!(report.outcome, Outcome::Failed | Outcome::Unknown)) {
        text.push_str(&format!(", {}", visible(detail)));
    }
    match (&proposal.dead_letter, retry_after) {
        (Some(parked), _) => text.push_str(&format!("; dead letter: {}", visible(&parked.letter.reason))),
        (None, Some(pause)) => text.push_str(&format!("; again in {:.1} s", pause.as_secs_f64())),
        (None, None) => {}
    }
    text
}

fn told_pause(pause: &Pause) -> String {
    let reason = pause.reason.as_deref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("since {} by {}{reason}", pause.since, visible(&pause.by.account))
}

fn summary(tally: &WorkerTally, well: bool, json: bool) {
    if json {
        let mut record = json!({"event": "ended", "at": Timestamp::now(), "ok": well});
        if let (Some(members), Value::Object(tally)) = (record.as_object_mut(), json!(tally)) {
            members.extend(tally);
        }
        output::json_line(&record);
        return;
    }
    let WorkerTally { applied, already_applied, conflict, failed, unknown, dead_letters, expired, abandoned, troubled, left } = tally;
    let counts = [
        (applied, "applied"),
        (already_applied, "applied before"),
        (conflict, "in conflict"),
        (failed, "failed for now"),
        (unknown, "unknown for now"),
        (dead_letters, "set aside as dead letters"),
        (expired, "expired"),
        (abandoned, "left unfinished"),
        (troubled, "in trouble"),
        (left, "still due"),
    ];
    let said: Vec<String> = counts.iter().filter(|(count, _)| **count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    output::line(if said.is_empty() { "ended: there was nothing to do".to_owned() } else { format!("ended: {}", said.join(", ")) });
    if *dead_letters > 0 {
        output::line("`synapsor-runner dead-letters list` shows what a person must look at");
    }
}

/// Cancelled when the process is told to end.
fn until_told(json: bool) -> Answer<CancellationToken> {
    let told = termination().map_err(McpError::from)?;
    let stop = CancellationToken::new();
    let ending = stop.clone();
    tokio::spawn(async move {
        let signal = told.await;
        if !json {
            output::line(format_args!("{signal}: nothing new begins"));
        }
        ending.cancel();
    });
    Ok(stop)
}
