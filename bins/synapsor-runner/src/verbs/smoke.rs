//! `smoke call`, `smoke boundary`: try the real MCP server out, as a client would.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Value, json};
use synapsor_config::{Engine, Environment};
use synapsor_envelope::Envelope;
use synapsor_protocol::Secret;

use super::propose;
use crate::boundary::{Check, judge, judge_refusals};
use crate::cli::{Place, Propose, ResultFormat, Smoke};
use crate::client::Client;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output;

pub(super) async fn run(verb: Smoke) -> Answer<ExitCode> {
    match verb {
        Smoke::Call(words) => call(&words).await,
        Smoke::Boundary { place, format } => boundary(&place, format.json).await,
    }
}

/// Calls one capability; the exit code says what the answer says.
async fn call(words: &Propose) -> Answer<ExitCode> {
    let arguments = Value::Object(propose::arguments(words)?);
    let mut client = started(&words.place, words.result_format).await?;
    let result = client.call(&words.name, arguments).await?;
    client.stop().await?;
    let answer = &result["structuredContent"];
    let ok = result["isError"] != true && answer["ok"] != false;
    match serde_json::from_value::<Envelope>(answer.clone()) {
        Ok(envelope) if words.json.is_none() => propose::print(&envelope),
        _ => output::json(answer),
    }
    Ok(output::exit(ok))
}

async fn boundary(place: &Place, as_json: bool) -> Answer<ExitCode> {
    let setup = Setup::load_served(place)?;
    let mut client = started(place, None).await?;
    let tools = client.tools().await?;
    let mut checks = judge(&tools, &setup.config, &addresses(&setup));
    checks.extend(refusals(&mut client, &tools).await?);
    client.stop().await?;
    let ok = checks.iter().all(|check| check.faults.is_empty());
    if as_json {
        output::json(&json!({"ok": ok, "tools": tools.len(), "checks": checks.iter().map(record).collect::<Vec<_>>()}));
    } else {
        checks.iter().for_each(print);
    }
    Ok(output::exit(ok))
}

/// What the server answers to calls that must be refused. None of them reaches a database.
async fn refusals(client: &mut Client, tools: &[Value]) -> Answer<Vec<Check>> {
    let mut with_tenant = Vec::new();
    for name in tools.iter().filter_map(|tool| tool["name"].as_str()) {
        with_tenant.push((name.to_owned(), client.call(name, json!({"tenant_id": "somebody else"})).await?));
    }
    let mut unlisted = Vec::new();
    for name in ["approve", "apply", "execute_sql"] {
        unlisted.push((name.to_owned(), client.call(name, json!({})).await?));
    }
    Ok(judge_refusals(&with_tenant, &unlisted))
}

/// The addresses that the configuration names and this environment holds: what may never be shown.
fn addresses(setup: &Setup) -> Vec<Secret> {
    let environment = Environment::process();
    let variables = setup.config.sources.values().flat_map(|source| match &source.engine {
        Engine::Postgres { read_url_env, write_url_env } | Engine::Mysql { read_url_env, write_url_env } => {
            vec![Some(read_url_env), write_url_env.as_ref()]
        }
        Engine::Sqlite { .. } => Vec::new(),
    });
    variables.flatten().filter_map(|variable| environment.secret(variable).ok()).collect()
}

async fn started(place: &Place, format: Option<ResultFormat>) -> Answer<Client> {
    let store = place.store.iter().flat_map(|store| [OsString::from("--store"), store.clone().into_os_string()]);
    let format = format.and_then(|format| format.to_possible_value());
    let format = format.iter().flat_map(|format| ["--result-format".into(), format.get_name().into()]);
    Client::start(&place.config, &store.chain(format).collect::<Vec<_>>()).await
}

fn record(check: &Check) -> Value {
    json!({"name": check.name, "ok": check.faults.is_empty(), "about": check.about, "faults": check.faults})
}

fn print(check: &Check) {
    let sign = if check.faults.is_empty() { "pass" } else { "FAIL" };
    output::line(format_args!("{sign} {}: {}", output::bold(check.name), check.about));
    check.faults.iter().for_each(|fault| output::line(format_args!("  {}", output::visible(fault))));
}
