//! `handler conformance`, `handler template`: prove a handler, and begin one.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anstyle::AnsiColor;
use serde_json::json;
use synapsor_config::Environment;
use synapsor_handler::conformance::{
    self, Conformance, ConformanceError, Credentials, Fixture, FixtureError, HttpTransport, Judged, Judgement, StageError, Verdict,
};
use synapsor_protocol::chain::chain;

use crate::cli::{HandlerVerb, Prove, Template};
use crate::failure::{Answer, Failure};
use crate::output;
use crate::stage::FixtureStage;
use crate::template;

pub(super) async fn run(verb: HandlerVerb) -> Answer<ExitCode> {
    match verb {
        HandlerVerb::Conformance(words) => prove(&words).await,
        HandlerVerb::Template(words) => begin(&words),
    }
}

/// Plays the scenarios; the exit code says whether all of them passed.
async fn prove(words: &Prove) -> Answer<ExitCode> {
    let (Some(url), Some(file)) = (&words.url, &words.fixture) else {
        list(words.format.json);
        return Ok(ExitCode::SUCCESS);
    };
    let fixture = read(file)?;
    let transport =
        HttpTransport::new(url).map_err(|error| Failure::new(error).hint("`--url https://HOST/PATH`, or `http://127.0.0.1:PORT/PATH`"))?;
    let environment = Environment::process();
    let credentials = Credentials::of(&fixture, |name| environment.value(name))?;
    let (stage, hidden) = FixtureStage::of(&fixture)?;
    let trial = Conformance::new(&fixture, credentials, &transport, &stage).only(words.only.clone()).hide(hidden);
    let as_it_goes: fn(&Judged) = if words.format.json { |_| () } else { tell };
    let verdict = trial.run(as_it_goes).await?;
    if words.format.json {
        output::json(&verdict.to_json());
    } else {
        sum_up(&verdict);
    }
    Ok(output::exit(verdict.ok()))
}

fn list(as_json: bool) {
    let names = conformance::names();
    if as_json {
        output::json(&json!({ "scenarios": names }));
    } else {
        names.iter().for_each(output::line);
    }
}

fn read(file: &Path) -> Answer<Fixture> {
    let shown = output::visible(&file.display().to_string());
    let text = fs::read(file).map_err(|cause| Failure::new(format_args!("`{shown}` cannot be read")).because(&cause))?;
    Fixture::from_slice(&text).map_err(|error| {
        let failure = Failure::new(format_args!("`{shown}` is no fixture: {}", chain(&error)));
        match error {
            FixtureError::Parse(_) => failure.hint("schemas/synapsor.handler-conformance.v1.json says what belongs into it"),
            _ => failure,
        }
    })
}

/// One scenario, as soon as it is judged.
fn tell(judged: &Judged) {
    let (sign, more) = match &judged.judgement {
        Judgement::Passed => (output::paint("pass", AnsiColor::Green), Vec::new()),
        Judgement::Skipped { why } => (output::paint("skip", AnsiColor::Yellow), vec![why.clone()]),
        Judgement::Failed { found } => {
            let lines = [format!("found: {found}"), format!("means: {}", judged.means), format!("mend:  {}", judged.mend)];
            (output::paint("FAIL", AnsiColor::Red), lines.into())
        }
    };
    output::line(format_args!("{sign}  {:<27}  {}", judged.name, judged.about));
    more.iter().for_each(|line| output::line(format_args!("      {}", output::visible(line))));
}

/// The counts, and what the handler has earned.
fn sum_up(verdict: &Verdict) {
    let [passed, failed, skipped] = verdict.counts();
    output::line(format_args!(
        "\n{}: {passed} passed, {failed} failed, {skipped} skipped",
        output::counted(verdict.scenarios.len(), "scenario")
    ));
    let Some(earned) = verdict.earned else {
        output::line("what the handler has earned is said after a run of all scenarios");
        return;
    };
    let earned = json!(earned);
    output::line(format_args!(
        "earned, for its executor in the configuration: \"redelivery\": {}, \"dry_run\": {}",
        earned["redelivery"], earned["dry_run"]
    ));
}

impl From<ConformanceError> for Failure {
    fn from(error: ConformanceError) -> Self {
        let failure = Self::new(chain(&error));
        match &error {
            ConformanceError::Variable { name } => failure.hint(format_args!("set it for this process: `export {name}=...`")),
            ConformanceError::UnknownScenario { .. } => failure.hint("`synapsor-runner handler conformance --list` shows what there is"),
            ConformanceError::Transport(_) => failure.hint("start the handler first, and name its whole address"),
            ConformanceError::Nowhere { .. } => {
                failure.hint("`--url` is the whole address with the path at which the handler is mounted, such as `/synapsor/writeback`")
            }
            ConformanceError::Stage(StageError::Printed { .. }) => failure.hint("`observe` prints one JSON object and nothing else"),
            _ => failure,
        }
    }
}

/// Prints a template, or writes its files.
fn begin(words: &Template) -> Answer<ExitCode> {
    let Some(name) = &words.name else {
        template::ALL.iter().for_each(|one| output::line(format_args!("{:<15} {}", one.name, one.about)));
        return Ok(ExitCode::SUCCESS);
    };
    let found = template::find(name).ok_or_else(|| {
        Failure::new(format_args!("there is no template `{}`", output::visible(name))).hint("`synapsor-runner handler template --list`")
    })?;
    if words.stdout {
        output::line(found.helper().text.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    for file in template::write(found, &words.output, words.force)? {
        output::line(format_args!("wrote {}", output::visible(&file.display().to_string())));
    }
    output::line(format_args!("\n{}", found.next.trim_end()));
    Ok(ExitCode::SUCCESS)
}
