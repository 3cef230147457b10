//! What does each verb do?

mod activity;
mod apply;
mod batch;
mod beside;
mod check_db;
mod completions;
mod config;
mod dead_letters;
mod evidence;
mod export;
mod handler;
mod job;
mod leave;
mod listing;
mod mcp;
mod proposals;
mod propose;
mod query_audit;
mod receipts;
mod reconcile;
mod replay;
mod shadow;
mod smoke;
mod store;
mod tools;
mod worker;

use std::process::ExitCode;

use synapsor_operator::{OperatorPort, Records};
use synapsor_protocol::id::ProposalId;

use crate::cli::{Mcp, Tools, Verb};
use crate::demo;
use crate::failure::{Answer, Failure};

/// Runs one verb.
pub(crate) async fn run(verb: Verb) -> Answer<ExitCode> {
    match verb {
        Verb::Demo(words) => demo::run(&words).await,
        Verb::Mcp(Mcp::Serve(words)) => mcp::serve(&words).await,
        Verb::Mcp(Mcp::ServeStreamableHttp(words)) => mcp::serve_http(&words).await,
        Verb::Mcp(Mcp::ServeHttp(words)) => mcp::serve_bridge(&words).await,
        Verb::Config(verb) => config::run(verb).await,
        Verb::Tools(Tools::List { place, format, alias_mode }) => tools::list(&place, format, alias_mode),
        Verb::Propose(words) => propose::run(&words).await,
        Verb::Proposals(verb) => proposals::run(verb).await,
        Verb::Apply(words) => apply::run(&words).await,
        Verb::Worker(words) => worker::run(&words).await,
        Verb::Pause(words) => worker::pause(&words).await,
        Verb::Resume(words) => worker::resume(&words).await,
        Verb::DeadLetters(verb) => dead_letters::run(verb).await,
        Verb::Reconcile(words) => reconcile::run(&words).await,
        Verb::Validate(words) => job::validate(&words),
        Verb::Shadow(verb) => shadow::run(verb).await,
        Verb::Smoke(verb) => smoke::run(verb).await,
        Verb::Handler(verb) => handler::run(verb).await,
        Verb::Completions(words) => Ok(completions::completions(&words)),
        Verb::Man(words) => completions::manual(&words),
        Verb::Evidence(verb) => evidence::run(verb).await,
        Verb::QueryAudit(verb) => query_audit::run(verb).await,
        Verb::Receipts(verb) => receipts::run(verb).await,
        Verb::Replay(verb) => replay::run(verb).await,
        Verb::Activity(verb) => activity::run(verb).await,
        Verb::Store(verb) => store::run(verb).await,
    }
}

/// The proposal that an argument means: an id, or `latest`.
async fn meant(port: &OperatorPort, id: &str) -> Answer<ProposalId> {
    match id {
        "latest" => newest(port.latest().await?),
        id => named(id),
    }
}

/// The same, for whoever only looks.
async fn recorded(records: &Records, id: &str) -> Answer<ProposalId> {
    match id {
        "latest" => newest(records.latest().await?),
        id => named(id),
    }
}

fn newest(latest: Option<ProposalId>) -> Answer<ProposalId> {
    latest.ok_or_else(|| {
        Failure::new("there is no proposal yet").hint("an agent proposes; `synapsor-runner propose NAME` does the same by hand")
    })
}

fn named(id: &str) -> Answer<ProposalId> {
    let id = id.strip_prefix("replay_").unwrap_or(id);
    ProposalId::new(id).ok_or_else(|| Failure::new(format_args!("`{}` is no proposal id", crate::output::visible(id))))
}
