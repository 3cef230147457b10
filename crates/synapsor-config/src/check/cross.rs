//! Which rules are about several objects of a sound file?
//!
//! None of them refuses the file: each says what somebody may not have meant.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{At, Report};
use crate::alias::openai_alias;
use crate::capability::Capability;
use crate::code::Code;
use crate::config::{Config, Mode};
use crate::executor::ExecutorKind;
use crate::proposal_rules::ExecutorRef;
use crate::source::Engine;

pub(crate) fn rules(config: &Config, report: &mut Report) {
    alias_collisions(config, report);
    passed_credentials(config, report);
    if config.mode == Mode::Review {
        writeback(config, report);
        operators(config, report);
    }
}

fn capability_at(index: usize) -> At {
    At::root().field("capabilities").index(index)
}

fn alias_collisions(config: &Config, report: &mut Report) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (index, capability) in config.capabilities.iter().enumerate() {
        let name = capability.name.as_str();
        let first = *taken.entry(openai_alias(name)).or_insert(name);
        if first != name {
            report.add(Code::AliasCollision, &capability_at(index).field("name")).hint(format!("the other one is `{first}`"));
        }
    }
}

/// A command that gets a URL or a token of the runner can do what the runner can, without anybody's approval.
fn passed_credentials(config: &Config, report: &mut Report) {
    let urls = config.sources.values().flat_map(|source| source.engine.credentials());
    let handlers = config.executors.values().filter_map(|executor| match &executor.kind {
        ExecutorKind::HttpHandler(handler) => Some(handler),
        ExecutorKind::SqlUpdate | ExecutorKind::CommandHandler(_) => None,
    });
    let tokens = handlers.flat_map(|handler| handler.token_env.iter().chain(&handler.signing_secret_env));
    let credentials: BTreeSet<_> = urls.chain(tokens).collect();
    for (name, executor) in &config.executors {
        let ExecutorKind::CommandHandler(command) = &executor.kind else { continue };
        if command.env_passthrough.iter().any(|variable| credentials.contains(variable)) {
            report.add(Code::EnvPassesCredential, &At::root().field("executors").field(name.as_str()).field("env_passthrough"));
        }
    }
}

/// Says once per source that its approved changes cannot be written.
fn writeback(config: &Config, report: &mut Report) {
    let direct = |capability: &&Capability| capability.proposal().is_some_and(|rules| rules.executor == ExecutorRef::SqlUpdate);
    let written: BTreeSet<_> = config.capabilities.iter().filter(direct).map(|capability| &capability.source).collect();
    for name in written {
        let engine = config.source(name).map(|source| &source.engine);
        if let Some(Engine::Postgres { write_url_env: None, .. } | Engine::Mysql { write_url_env: None, .. }) = engine {
            report.add(Code::WritebackDisabled, &At::root().field("sources").field(name.as_str()).field("write_url_env"));
        }
    }
}

fn operators(config: &Config, report: &mut Report) {
    let Some(operators) = &config.operators else {
        if config.capabilities.iter().any(|capability| capability.proposal().is_some()) {
            report.add(Code::OperatorsUndeclared, &At::root().field("operators")).hint("declare who may decide: `operators`");
        }
        return;
    };
    let held: BTreeSet<&String> = operators.accounts().values().flatten().collect();
    for (index, capability) in config.capabilities.iter().enumerate() {
        let needed = capability.proposal().and_then(|rules| rules.approval.required_role.as_ref());
        if needed.is_some_and(|role| !held.contains(role)) {
            let at = capability_at(index).field("approval").field("required_role");
            report.add(Code::RoleHeldByNobody, &at);
        }
    }
}
