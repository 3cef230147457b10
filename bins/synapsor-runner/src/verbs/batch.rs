//! `apply --all-approved`, `dead-letters replay --all`: many at once, with a sum at the end.

use std::collections::BTreeMap;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use synapsor_operator::{Application, OperatorError, OperatorPort};
use synapsor_protocol::chain::chain;
use synapsor_protocol::id::ProposalId;

use super::apply;
use super::leave::until_told;
use super::listing::{StatusOf, filter};
use crate::cli::Apply;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output::{self, visible};

/// What is not tried: records that cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LeftOut {
    pub(super) unreadable: u32,
}

pub(super) async fn apply_all(words: &Apply) -> Answer<ExitCode> {
    let setup = Setup::load_served(&words.one.place)?;
    super::worker::may_write(&setup.config)?;
    let at_once = usize::from(words.all.concurrency);
    let port = setup.worker_port(words.actor.actor.clone(), at_once)?;
    let selected = port.approved(&filter(&words.all.filters(), StatusOf::Proposals)?).await?;
    let left_out = LeftOut { unreadable: selected.unreadable };
    each(&port, selected.ids, at_once, words.one.format.json, left_out).await
}

/// Applies each of these, tells what came of it, and sums up. Exit code 1 unless each is applied.
pub(super) async fn each(port: &OperatorPort, ids: Vec<ProposalId>, at_once: usize, json: bool, left_out: LeftOut) -> Answer<ExitCode> {
    let (asked, leave) = (ids.len(), until_told()?);
    let port = port.clone().leaving(leave.clone());
    let bar = bar(asked, json);
    let mut sum = Sum { unreadable: left_out.unreadable, ..Sum::default() };
    port.apply_all(ids, at_once, &leave.soon, &mut |id, answer| {
        let (word, line) = told(id, &answer);
        sum.count(&word, answer.as_ref().is_ok_and(|application| application.report.outcome.is_applied()));
        if json {
            sum.records.push(record(id, &answer, &word));
        } else {
            bar.suspend(|| output::line(line));
        }
        bar.inc(1);
    })
    .await;
    bar.finish_and_clear();
    Ok(sum.print(asked, json))
}

/// What came of all of them.
#[derive(Debug, Default)]
struct Sum {
    by_word: BTreeMap<String, usize>,
    applied: usize,
    told: usize,
    unreadable: u32,
    records: Vec<Value>,
}

impl Sum {
    fn count(&mut self, word: &str, applied: bool) {
        *self.by_word.entry(word.to_owned()).or_default() += 1;
        self.told += 1;
        self.applied += usize::from(applied);
    }

    fn print(self, asked: usize, json: bool) -> ExitCode {
        let Self { by_word, applied, told, unreadable, records } = self;
        let ok = applied == asked && told == asked && unreadable == 0;
        if json {
            output::json(&json!({"ok": ok, "proposals": asked, "counts": by_word, "unreadable": unreadable, "results": records}));
            return output::exit(ok);
        }
        let counts: Vec<String> = by_word.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let counts = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
        output::line(format_args!("{}: {counts}", output::counted(asked, "proposal")));
        if unreadable > 0 {
            let records = output::counted(unreadable as usize, "record");
            output::note(format_args!("left out: {records} that cannot be read; `synapsor-runner store verify` says what was altered"));
        }
        output::exit(ok)
    }
}

/// One word for the sum, and one line for a person.
fn told(id: &ProposalId, answer: &Result<Application, OperatorError>) -> (String, String) {
    match answer {
        Ok(Application { report, proposal, .. }) => {
            let code = report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let parked = proposal.dead_letter.as_ref().map(|parked| format!(": dead letter, {}", visible(&parked.letter.reason)));
            (report.outcome.to_string(), format!("{} {id}{code}{}", report.outcome, parked.unwrap_or_default()))
        }
        Err(error) => ("refused".to_owned(), format!("refused {id}: {}", visible(&chain(error)))),
    }
}

fn record(id: &ProposalId, answer: &Result<Application, OperatorError>, word: &str) -> Value {
    match answer {
        Ok(application) => apply::record(application),
        Err(error) => json!({"ok": false, "proposal_id": id, "status": word, "error": chain(error)}),
    }
}

fn bar(length: usize, json: bool) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(length as u64), target);
    match ProgressStyle::with_template("{bar:30} {pos} of {len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
