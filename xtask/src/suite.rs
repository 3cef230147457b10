//! Does everything that is promised hold?
//!
//! One list of steps, cheap ones first. A failing step does not hide the next ones; what the failing
//! ones printed comes last, then one closing line. Whole outputs stay in `target/xtask/`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Args;

use crate::boundary;
use crate::error::{TaskError, at};
use crate::handler_types;
use crate::install::{self, Install};
use crate::output::{self, seconds};
use crate::process::{Interrupt, run_logged, tail};
use crate::schemas;
use crate::server::Durability;
use crate::services::Services;
use crate::workspace::{self, cargo};

/// No step takes this long unless it hangs.
const STEP_LIMIT: Duration = Duration::from_secs(45 * 60);

/// Lines of a failing step's output that are printed; all of it stays in its file.
const PRINTED_LINES: usize = 400;

/// What `synapsor-testkit` prints where a test is left out.
const LEFT_OUT: &str = "left out: ";

/// How the suite is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Never install a missing server package
    #[arg(long)]
    no_install: bool,
    /// Start no servers; print which tests that leaves out
    #[arg(long)]
    no_services: bool,
    /// Stop at the first step that fails
    #[arg(long)]
    fail_fast: bool,
}

/// Runs every step.
pub(crate) fn run(options: Options, interrupt: &Interrupt) -> Result<ExitCode, TaskError> {
    let mut suite = Suite::new(options.fail_fast, interrupt);
    let mut services = suite.start_services(&options)?;
    suite.cargo("formatting", &["fmt", "--all", "--check"])?;
    suite.check("schemas", schemas::verify)?;
    suite.cargo("lints", &["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])?;
    suite.cargo("boundary: synapsor-mcp alone", &["check", "--locked", "-p", "synapsor-mcp"])?;
    suite.cargo("boundary: synapsor-agent alone", &["check", "--locked", "-p", "synapsor-agent"])?;
    suite.check("boundary: what a model can reach", boundary::check)?;
    suite.cargo("boundary: synapsor-handler alone", &["check", "--locked", "-p", "synapsor-handler"])?;
    suite.check("boundary: what the handler's signatures name", handler_types::check)?;
    suite.documentation()?;
    // Tests start the examples as programs, and `cargo test` with chosen targets would build only their test harnesses.
    suite.cargo("examples", &["build", "--locked", "--workspace", "--all-features", "--examples"])?;
    suite.tests("tests", &["--lib", "--bins", "--tests"], &services)?;
    suite.tests("documentation tests", &["--doc"], &services)?;
    suite.check("servers to the end", || services.check())?;
    // It kills the servers, so it has its own.
    drop(services);
    suite.chaos(&options)?;
    suite.dependencies()?;
    Ok(suite.finish())
}

/// The file that a step's output goes to.
pub(crate) fn log_file(title: &str) -> Result<PathBuf, TaskError> {
    let folder = workspace::target().join("xtask");
    fs::create_dir_all(&folder).map_err(at("make", &folder))?;
    let name: String = title.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    Ok(folder.join(format!("{}.log", name.replace("--", "-"))))
}

struct Failure {
    title: &'static str,
    output: String,
}

/// What has happened so far.
struct Suite<'a> {
    interrupt: &'a Interrupt,
    fail_fast: bool,
    begun: Instant,
    steps: usize,
    left_out: Vec<String>,
    failures: Vec<Failure>,
}

impl<'a> Suite<'a> {
    fn new(fail_fast: bool, interrupt: &'a Interrupt) -> Self {
        let begun = Instant::now();
        Self { interrupt, fail_fast, begun, steps: 0, left_out: Vec::new(), failures: Vec::new() }
    }

    /// Without its servers the suite cannot answer its question, so an error here ends it.
    fn start_services(&mut self, options: &Options) -> Result<Services, TaskError> {
        if options.no_services {
            output::step_begins("servers");
            output::step_left_out("`--no-services`");
            self.left_out.push("servers".to_owned());
            return Ok(Services::LeftOut);
        }
        let install = if options.no_install { Install::Forbidden } else { Install::Allowed };
        let begun = Instant::now();
        install::languages(install, self.interrupt)?;
        let services = Services::start(install, Durability::Off, self.interrupt)?;
        output::step_begins("servers");
        output::step_ends(&format!("ok, {},", services.summary()), begun.elapsed());
        Ok(services)
    }

    /// A step that is one call of cargo.
    fn cargo(&mut self, title: &'static str, arguments: &[&str]) -> Result<(), TaskError> {
        self.command(title, &mut cargo(arguments))
    }

    fn command(&mut self, title: &'static str, command: &mut Command) -> Result<(), TaskError> {
        let log = log_file(title)?;
        let interrupt = self.interrupt;
        self.check(title, || match run_logged(command, &log, STEP_LIMIT, interrupt)? {
            true => Ok(()),
            false => Err(TaskError::Failed {
                program: title.to_owned(),
                output: format!("{}\n(whole output: {})", tail(&log, PRINTED_LINES), log.display()),
            }),
        })
    }

    /// A step that is a function. Only an interruption and, if wanted, a failure end the suite.
    fn check(&mut self, title: &'static str, step: impl FnOnce() -> Result<(), TaskError>) -> Result<(), TaskError> {
        if self.fail_fast && !self.failures.is_empty() {
            return Ok(());
        }
        output::step_begins(title);
        self.steps += 1;
        let begun = Instant::now();
        let outcome = step();
        output::step_ends(word_for(&outcome), begun.elapsed());
        match outcome {
            Err(TaskError::Interrupted) => Err(TaskError::Interrupted),
            Err(error) => {
                self.failures.push(Failure { title, output: told(&error) });
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn documentation(&mut self) -> Result<(), TaskError> {
        let mut command = cargo(&["doc", "--locked", "--workspace", "--all-features", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        self.command("documentation", &mut command)
    }

    fn tests(&mut self, title: &'static str, kinds: &[&str], services: &Services) -> Result<(), TaskError> {
        let mut command = cargo(&["test", "--locked", "--workspace", "--all-features", "--no-fail-fast"]);
        // A snapshot that differs fails, whatever the person's own settings accept.
        command.args(kinds).env("INSTA_UPDATE", "no").env("INSTA_FORCE_PASS", "0");
        services.announce(&mut command);
        self.command(title, &mut command)?;
        let log = tail(&log_file(title)?, usize::MAX);
        let named = log.lines().filter_map(|line| line.split_once(LEFT_OUT));
        self.left_out.extend(named.map(|(_, test)| test.to_owned()));
        Ok(())
    }

    /// Few trials of everything that may die, on the release binaries.
    fn chaos(&mut self, options: &Options) -> Result<(), TaskError> {
        if options.no_services {
            output::step_begins("chaos");
            output::step_left_out("`--no-services`");
            self.left_out.push("chaos".to_owned());
            return Ok(());
        }
        // By cargo and not by its path: the tests may have built this program anew.
        let mut command = cargo(&["xtask", "chaos", "--quick"]);
        command.args(options.no_install.then_some("--no-install"));
        self.command("chaos", &mut command)
    }

    /// Licences, sources and banned crates, where the tool for it is installed.
    fn dependencies(&mut self) -> Result<(), TaskError> {
        let installed = cargo(&["deny", "--version"]).output().is_ok_and(|out| out.status.success());
        if installed {
            let arguments = ["deny", "--all-features", "check", "bans", "licenses", "sources"];
            return self.cargo("dependencies", &arguments);
        }
        output::step_begins("dependencies");
        output::step_left_out("`cargo deny` is not installed (`cargo install cargo-deny`)");
        self.left_out.push("licences and sources of dependencies (`cargo deny`)".to_owned());
        Ok(())
    }

    /// What was left out, what failed, and the closing line.
    fn finish(self) -> ExitCode {
        for test in &self.left_out {
            output::line(&format!("{LEFT_OUT}{test}"));
        }
        for failure in &self.failures {
            output::line(&format!("\n---- {} ----\n{}\n", failure.title, failure.output.trim_end()));
        }
        output::line(&self.closing_line());
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn closing_line(&self) -> String {
        let took = seconds(self.begun.elapsed());
        if self.failures.is_empty() {
            let left_out = match self.left_out.len() {
                0 => String::new(),
                count => format!(", {count} left out"),
            };
            return format!("all {} steps passed{left_out} ({took})", self.steps);
        }
        let titles: Vec<&str> = self.failures.iter().map(|failure| failure.title).collect();
        format!("{} of {} steps failed: {} ({took})", titles.len(), self.steps, titles.join(", "))
    }
}

fn word_for(outcome: &Result<(), TaskError>) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(TaskError::Interrupted) => "interrupted",
        Err(_) => "FAILED",
    }
}

/// An error, what the failing program printed, and what to do.
fn told(error: &TaskError) -> String {
    let mut text = match error.output() {
        Some(output) => output.to_owned(),
        None => error.to_string(),
    };
    if let Some(hint) = error.hint() {
        text += &format!("\nhint: {hint}");
    }
    text
}
