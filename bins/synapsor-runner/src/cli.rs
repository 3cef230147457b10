//! Which words does the command line take?

mod completions;
mod handler;
mod job;
mod lookups;
mod mcp;
mod shadow;
mod smoke;
mod store;
mod worker;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

pub(crate) use self::completions::{Completions, Manual};
pub(crate) use self::handler::{HandlerVerb, Prove, Template};
pub(crate) use self::job::{ExportJob, HandedOver, Validate};
pub(crate) use self::lookups::{
    Activity, Evidence, Export, ExportJson, Filters, List, NewFile, QueryAudit, Receipts, Record, Replay, Search, Written,
};
pub(crate) use self::mcp::{AliasMode, Answering, Listening, Mcp, ResultFormat, Serve, ServeBridge, ServeHttp};
pub(crate) use self::shadow::{RecordHumanAction, Shadow, ShadowList};
pub(crate) use self::smoke::Smoke;
pub(crate) use self::store::{Backup, Prune, Reset, Restore, Store, Vacuum, Whole};
pub(crate) use self::worker::{
    AllApproved, DeadLetters, Pace, PauseWorkers, Reconcile, ReplayDeadLetter, ResolveDeadLetter, ResumeWorkers, Said, WithWorker, Work,
};

/// Reviewed database capabilities for AI agents: they read and propose, people approve, a guarded executor applies exactly once.
#[derive(Debug, Parser)]
#[command(name = "synapsor-runner", version, arg_required_else_help = true, subcommand_required = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Play the whole loop on a small SQLite business database, through the real MCP server
    Demo(Demo),
    /// Serve an MCP client
    #[command(subcommand)]
    Mcp(Mcp),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// What a client would be offered
    #[command(subcommand)]
    Tools(Tools),
    /// Call one capability, as an agent would
    Propose(Propose),
    /// Look at proposals and decide
    #[command(subcommand)]
    Proposals(Proposals),
    /// Apply an approved proposal, once
    Apply(Apply),
    /// Carry out what is approved, as it comes, until told to end
    Worker(Work),
    /// Let workers begin nothing until `resume`
    Pause(PauseWorkers),
    /// Let workers go on
    Resume(ResumeWorkers),
    /// Look after approved changes that nobody tries again by themselves
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Find out what became of attempts whose outcome is unknown
    Reconcile(Reconcile),
    /// Check a record in a file, without a configuration or a ledger
    Validate(Validate),
    /// Compare an agent's shadow proposals with what people did
    #[command(subcommand)]
    Shadow(Shadow),
    /// Try the real MCP server out
    #[command(subcommand)]
    Smoke(Smoke),
    /// Look up what agents were shown
    #[command(subcommand)]
    Evidence(Evidence),
    /// Look up which queries ran
    #[command(subcommand)]
    QueryAudit(QueryAudit),
    /// Look up what came of the attempts
    #[command(subcommand)]
    Receipts(Receipts),
    /// The whole story of a proposal, from the ledger alone
    #[command(subcommand)]
    Replay(Replay),
    /// Search everything that is on record
    #[command(subcommand)]
    Activity(Activity),
    /// Look after the ledger as a whole
    #[command(subcommand)]
    Store(Store),
    /// Begin a handler from a template, and prove that one keeps the contract
    #[command(subcommand)]
    Handler(HandlerVerb),
    /// Print a script that lets a shell complete words
    Completions(Completions),
    /// Print the manual page, or write one page per verb
    Man(Manual),
}

/// Where a configuration is looked for if none is named.
const CONFIG: &str = "synapsor.runner.json";

/// Where configuration and ledger are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "SYNAPSOR_MCP_CONFIG", hide_env_values = true, default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// The ledger; the one that the configuration names if this is absent
    #[arg(long, value_name = "FILE", env = "SYNAPSOR_LOCAL_STORE", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who acts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Actor {
    /// A remark beside the account that acts; it gives no authority
    #[arg(long, value_name = "NOTE")]
    pub(crate) actor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder to make; one that carries the demo's marker file is made anew
    #[arg(long, value_name = "FOLDER", default_value = "synapsor-demo")]
    pub(crate) folder: PathBuf,
    /// Answer every question with yes
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Say everything that is wrong or worth knowing
    Validate {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
        /// Compare with the databases too
        #[arg(long)]
        check_db: bool,
    },
    /// Show what was understood; no value of a secret is in it
    Show {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tools {
    /// List the tools of this configuration
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
        /// How tools are named
        #[arg(long, value_enum, default_value_t)]
        alias_mode: AliasMode,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// The capability
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The arguments as JSON, and the answer in JSON; without a value only the latter
    #[arg(long, value_name = "ARGUMENTS", num_args = 0..=1, default_missing_value = "")]
    pub(crate) json: Option<String>,
    /// A file with the arguments as JSON, `-` for stdin; takes the place of a value of `--json`
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The format of the answer in JSON; the configuration's if this is absent
    #[arg(long, value_enum)]
    pub(crate) result_format: Option<ResultFormat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Proposals {
    /// List them, newest first
    List(List),
    /// Show all that a reviewer needs
    Show(One),
    /// Approve exactly what is shown
    Approve(Approve),
    /// Turn it down
    Reject(Reject),
    /// Withdraw it
    Cancel(Cancel),
    /// Print the job of an approved one, for a worker elsewhere
    WritebackJob(ExportJob),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The proposal, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// The approval digest that you were shown; binds the approval to it
    #[arg(long)]
    pub(crate) digest: Option<String>,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Why; there must be a reason
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) one: One,
    #[command(flatten)]
    pub(crate) actor: Actor,
    /// Do everything but the commit; nothing changes, here or there
    #[arg(long, env = "SYNAPSOR_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) handed_over: HandedOver,
    #[command(flatten)]
    pub(crate) all: AllApproved,
}

impl Place {
    /// Whether a configuration was named: what is where a configuration is looked for otherwise was not.
    pub(crate) fn names_config(&self) -> bool {
        self.config.as_os_str() != CONFIG
    }

    /// What a command that is printed must repeat to mean the same place: nothing, or a blank and the flags.
    pub(crate) fn again(&self) -> String {
        let config = Some(&self.config).filter(|_| self.names_config()).map(|config| ("--config", config));
        let store = self.store.as_ref().map(|store| ("--store", store));
        config.into_iter().chain(store).map(|(flag, path)| format!(" {flag} {}", quoted(&path.display().to_string()))).collect()
    }
}

/// The word as a shell takes it in one piece.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

impl Cli {
    /// The words of this process. Whoever says nothing gets the help, and that is no error.
    pub(crate) fn of_process() -> Self {
        if std::env::args_os().len() < 2 {
            // Whoever read us may be gone; there is nobody left to tell.
            let _gone = Self::command().print_help();
            std::process::exit(0);
        }
        Self::parse()
    }
}

impl Verb {
    /// Whether the answer is JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Mcp(_) | Self::Completions(_) | Self::Man(_) => false,
            Self::Config(ConfigVerb::Validate { format, .. } | ConfigVerb::Show { format, .. }) => format.json,
            Self::Tools(Tools::List { format, .. }) => format.json,
            Self::Propose(propose) => propose.json.is_some(),
            Self::Proposals(verb) => verb.json(),
            Self::Apply(apply) => apply.one.format.json,
            Self::Worker(words) => words.json,
            Self::Pause(words) => words.format.json,
            Self::Resume(words) => words.format.json,
            Self::DeadLetters(verb) => verb.words().1.json,
            Self::Reconcile(words) => words.format.json,
            Self::Validate(validate) => validate.format.json,
            Self::Shadow(verb) => verb.json(),
            Self::Smoke(verb) => verb.json(),
            Self::Handler(verb) => verb.json(),
            Self::Evidence(verb) => verb.words().1.json,
            Self::QueryAudit(verb) => verb.words().1.json,
            Self::Receipts(verb) => verb.words().1.json,
            Self::Replay(verb) => verb.words().1.json,
            Self::Activity(verb) => verb.words().1.json,
            Self::Store(verb) => verb.words().1.json,
        }
    }

    /// Where configuration and ledger are, if the verb has to do with them.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Demo(_) | Self::Mcp(_) | Self::Validate(_) | Self::Smoke(_) | Self::Handler(_) | Self::Completions(_) | Self::Man(_) => {
                None
            }
            Self::Config(ConfigVerb::Validate { place, .. } | ConfigVerb::Show { place, .. }) => Some(place),
            Self::Tools(Tools::List { place, .. }) => Some(place),
            Self::Propose(propose) => Some(&propose.place),
            Self::Proposals(verb) => Some(verb.place()),
            Self::Apply(apply) => Some(&apply.one.place),
            Self::Worker(words) => Some(&words.place),
            Self::Pause(words) => Some(&words.place),
            Self::Resume(words) => Some(&words.place),
            Self::DeadLetters(verb) => Some(verb.words().0),
            Self::Reconcile(words) => Some(&words.place),
            Self::Shadow(verb) => Some(verb.place()),
            Self::Evidence(verb) => Some(verb.words().0),
            Self::QueryAudit(verb) => Some(verb.words().0),
            Self::Receipts(verb) => Some(verb.words().0),
            Self::Replay(verb) => Some(verb.words().0),
            Self::Activity(verb) => Some(verb.words().0),
            Self::Store(verb) => Some(verb.words().0),
        }
    }

    /// Whether it serves many calls at once.
    pub(crate) fn serves(&self) -> bool {
        matches!(self, Self::Mcp(Mcp::ServeStreamableHttp(_) | Mcp::ServeHttp(_)) | Self::Worker(_))
    }
}

impl Proposals {
    fn json(&self) -> bool {
        match self {
            Self::List(list) => list.format.json,
            Self::Show(one) => one.format.json,
            Self::Approve(approve) => approve.one.format.json,
            Self::Reject(reject) => reject.one.format.json,
            Self::Cancel(cancel) => cancel.one.format.json,
            Self::WritebackJob(export) => export.one.format.json,
        }
    }

    fn place(&self) -> &Place {
        match self {
            Self::List(list) => &list.place,
            Self::Show(one) => &one.place,
            Self::Approve(approve) => &approve.one.place,
            Self::Reject(reject) => &reject.one.place,
            Self::Cancel(cancel) => &cancel.one.place,
            Self::WritebackJob(export) => &export.one.place,
        }
    }
}
