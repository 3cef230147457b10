//! What does each verb do?

mod apply;
mod config;
mod mcp;
mod proposals;
mod propose;
mod replay;
mod tools;

use std::process::ExitCode;

use synapsor_operator::OperatorPort;
use synapsor_protocol::id::ProposalId;

use crate::cli::{Mcp, Replay, Tools, Verb};
use crate::demo;
use crate::failure::{Answer, Failure};

/// Runs one verb.
pub(crate) async fn run(verb: Verb) -> Answer<ExitCode> {
    match verb {
        Verb::Demo(words) => demo::run(&words).await,
        Verb::Mcp(Mcp::Serve(words)) => mcp::serve(&words).await,
        Verb::Mcp(Mcp::ServeStreamableHttp(words)) => mcp::serve_http(&words).await,
        Verb::Config(verb) => config::run(verb).await,
        Verb::Tools(Tools::List { place, format, alias_mode }) => tools::list(&place, format, alias_mode),
        Verb::Propose(words) => propose::run(&words).await,
        Verb::Proposals(verb) => proposals::run(verb).await,
        Verb::Apply(words) => apply::run(&words).await,
        Verb::Replay(Replay::Show(words)) => replay::show(&words).await,
    }
}

/// The proposal that an argument means: an id, or `latest`.
async fn meant(port: &OperatorPort, id: &str) -> Answer<ProposalId> {
    if id == "latest" {
        let latest = port.latest().await?;
        return latest.ok_or_else(|| {
            Failure::new("there is no proposal yet").hint("an agent proposes; `synapsor-runner propose` does the same by hand")
        });
    }
    let id = id.strip_prefix("replay_").unwrap_or(id);
    ProposalId::new(id).ok_or_else(|| Failure::new(format_args!("`{}` is no proposal id", crate::output::visible(id))))
}
