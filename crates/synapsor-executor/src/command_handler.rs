//! How does an application's command carry out a change?
//!
//! One process per attempt, in a process group of its own: the request is one line on its standard input, the receipt is its standard
//! output. No shell stands between, and the environment is empty but for `PATH` and what the configuration passes on.
//!
//! # Invariants
//! - When a run is over, for whatever reason, nothing of its process group is left.
//! - What the command writes to its standard error is for the operator, bounded. Neither that nor its receipt is reported with a value
//!   that was passed to it.
//!
//! Start reading at [`CommandHandler::open`]; the process itself is `process.rs`.

mod process;
mod words;

use std::io::ErrorKind;

use synapsor_protocol::handler::HandlerReceipt;
use synapsor_protocol::{ErrorCode, Outcome, Report, Secret};
use synapsor_source::guarded::Fence;

use crate::error::ExecutorError;
use crate::http_handler::Named;
use crate::job::Job;
use crate::redaction::{Loaded, Redaction};
use crate::terms::{HandlerTerms, MAX_ANSWER_BYTES, reported, unknown, unreachable};
use crate::{AfterUnknown, Answer, Executor, Rehearsal};
use process::{Ended, Exit, Limits};
use words::Line;

/// How much of the standard error is looked at, from its end.
const KEPT_ERRORS: usize = 16 << 10;

/// How much of the standard error a report quotes, from its end.
const QUOTED_CHARS: usize = 600;

/// The executor that runs an application's command.
#[derive(Debug)]
pub struct CommandHandler {
    terms: HandlerTerms,
    variable: String,
    line: Line,
    environment: Vec<(String, Secret)>,
    redaction: Redaction,
}

/// What a [`CommandHandler`] is opened with.
#[derive(Debug)]
pub struct CommandSettings {
    /// What was agreed on.
    pub terms: HandlerTerms,
    /// The command line: words, with quotes and backslashes as a shell reads them, and nothing else of a shell.
    pub command: Named<Secret>,
    /// Where programs are looked for.
    pub path: Option<String>,
    /// The variables that the command gets besides `PATH`.
    pub environment: Vec<(String, Secret)>,
}

impl CommandHandler {
    /// Splits the command line, and starts nothing. An error names the variable that is wrong.
    pub fn open(settings: CommandSettings) -> Result<Self, ExecutorError> {
        let CommandSettings { terms, command: Named { variable, value }, path, mut environment } = settings;
        let line = Line::split(value.expose());
        let line = line.map_err(|problem| ExecutorError::CommandLine { variable: variable.clone(), problem })?;
        let redaction = Redaction::of(Loaded::of_command(&environment, &line.arguments));
        environment.retain(|(name, _)| name != "PATH");
        environment.extend(path.map(|path| ("PATH".to_owned(), Secret::new(path))));
        Ok(Self { terms, variable, line, environment, redaction })
    }

    /// Where the command's program is looked for.
    fn path(&self) -> Option<&str> {
        self.environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.expose())
    }

    /// One attempt, and what may be recorded of it.
    async fn attempt(&self, job: &Job, dry_run: bool) -> Report {
        self.redaction.of_report(self.deliver(job, dry_run).await)
    }

    async fn deliver(&self, job: &Job, dry_run: bool) -> Report {
        if let Some(report) = self.terms.too_late(job) {
            return report;
        }
        let Ok(mut input) = self.terms.request(job, dry_run).to_body() else {
            let report = Report::because(Outcome::Failed, ErrorCode::WRITEBACK_SAFETY_FAILURE);
            return report.with_detail("the request cannot be written as JSON");
        };
        input.push(b'\n');
        match process::run(&self.line, &self.environment, &input, self.limits()).await {
            Ok(ended) => self.report(&ended, dry_run),
            Err(error) => self.not_started(error.kind()),
        }
    }

    /// Of the standard error so much is kept that a secret which the cut goes through is over before what is quoted begins.
    fn limits(&self) -> Limits {
        Limits { timeout: self.terms.timeout, errors: KEPT_ERRORS + self.redaction.reach() }
    }

    /// What a process that ended says of the attempt: a receipt counts, however the process ended on its own.
    fn report(&self, ended: &Ended, dry_run: bool) -> Report {
        if ended.exit == Exit::TimedOut {
            let said = format!("the command did not end within {:?} and was killed", self.terms.timeout);
            return unknown(ErrorCode::HANDLER_TIMEOUT, self.quoting(said, ended)).transient();
        }
        if ended.too_long {
            let said = format!("the command wrote more than {MAX_ANSWER_BYTES} bytes");
            return unknown(ErrorCode::HANDLER_INVALID_RECEIPT, self.quoting(said, ended)).transient();
        }
        match HandlerReceipt::from_slice(&ended.output, dry_run) {
            Ok(receipt) => self.received(&receipt, ended),
            Err(why) => {
                let (code, how) = match ended.exit {
                    Exit::Code(0) | Exit::TimedOut => (None, "the command ended".to_owned()),
                    Exit::Code(code) => (ErrorCode::foreign(&format!("HANDLER_EXIT_{code}")), format!("the command ended with {code}")),
                    Exit::Signal(signal) => (ErrorCode::foreign("HANDLER_KILLED"), format!("the command was ended by the signal {signal}")),
                };
                // Only what kind of trouble it is: a receipt that is none may quote anything.
                let said = format!("{how}, and wrote no receipt: {why}");
                unknown(code.unwrap_or(ErrorCode::HANDLER_INVALID_RECEIPT), self.quoting(said, ended)).transient()
            }
        }
    }

    fn received(&self, receipt: &HandlerReceipt, ended: &Ended) -> Report {
        let report = reported(receipt);
        if matches!(report.outcome, Outcome::Failed | Outcome::Unknown) {
            let said = report.detail.clone().unwrap_or_else(|| "the command answered that it did nothing".to_owned());
            return report.with_detail(self.quoting(said, ended));
        }
        report
    }

    /// A command that did not start, or that the request was never given to.
    fn not_started(&self, kind: ErrorKind) -> Report {
        let passing = matches!(kind, ErrorKind::WouldBlock | ErrorKind::OutOfMemory);
        let why = match kind {
            ErrorKind::NotFound if self.line.is_searched() => "no such program in the folders of PATH".to_owned(),
            ErrorKind::NotFound => "no such file".to_owned(),
            other => other.to_string(),
        };
        let detail = format!("the command in `{}` cannot be started: {why}; it was given nothing", self.variable);
        let report = unreachable(detail);
        if passing { report.transient() } else { report }
    }

    /// The sentence, and the end of what the command said to its operator.
    fn quoting(&self, said: String, ended: &Ended) -> String {
        let kept = String::from_utf8_lossy(&ended.errors);
        let bare = if ended.errors_cut { self.redaction.of_end(&kept) } else { self.redaction.of_text(&kept) };
        let quoted: Vec<char> = in_one_line(&bare).chars().collect();
        let end: String = quoted[quoted.len().saturating_sub(QUOTED_CHARS)..].iter().collect();
        if end.is_empty() { said } else { format!("{said}; its standard error ends with: {end}") }
    }
}

/// A text of many lines as one, for a report of one line.
fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" / ").replace(char::is_control, " ")
}

impl Executor for CommandHandler {
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report> {
        Box::pin(self.attempt(job, false))
    }

    fn rehearse<'a>(&'a self, job: &'a Job) -> Answer<'a, Rehearsal> {
        Box::pin(async move {
            if self.terms.rehearses {
                return Rehearsal::Handler(self.attempt(job, true).await);
            }
            match self.line.missing(self.path()) {
                Some(kind) => Rehearsal::Handler(self.not_started(kind)),
                None => Rehearsal::Local,
            }
        })
    }

    fn fence<'a>(&'a self, _: &'a Job) -> Answer<'a, Fence> {
        Box::pin(async { self.terms.not_fenced() })
    }

    fn after_unknown(&self) -> AfterUnknown {
        self.terms.after_unknown()
    }
}
