//! How are both planes put together in this process, where thousands of trials have to be quick?
//!
//! As the runner does it: the same ports over the same ledger and executors, only without a process around them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use synapsor_agent::{AgentParts, AgentPort};
use synapsor_config::{Config, Environment};
use synapsor_executor::{Executor, HandlerTerms, HttpHandler, HttpMethod, HttpSettings, Named, SqlUpdate};
use synapsor_ledger::{Ledger, OpenOptions};
use synapsor_operator::{Account, Executors, OperatorParts, OperatorPort, identify};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Identifier, Secret};
use synapsor_source::{Location, ReceiptTable, Source, SourceSettings, WriteSource};

use crate::business::{Business, READ_URL};
use crate::checker::Told;
use crate::desk::{CAPABILITY, Desk, RECEIPTS};

/// How long a statement may take; short, as a frozen connection is waited for as long.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a lease lasts here.
pub(crate) const LEASE: Duration = Duration::from_millis(700);
/// The secret that requests to handlers are signed with.
pub(crate) const SIGNING_SECRET: &str = "whsec_Y2hhb3MtMmIwZjZkMWMtY2hhb3MtMmIwZjZkMWM=";

/// Both planes over the ledger of a desk.
pub(crate) struct Planes {
    agent: AgentPort,
    pub(crate) operator: OperatorPort,
}

/// Where changes are carried out.
pub(crate) enum Way<'a> {
    /// In the database, over this URL; a file has none.
    Direct(Option<&'a str>),
    /// By a handler at this address, which is delivered to once, or again and again.
    Handler { url: &'a str, again: bool },
}

impl Planes {
    /// Opens them as another process would: with a handle of their own to the ledger.
    pub(crate) fn open(desk: &Desk, way: &Way<'_>) -> Self {
        let text = std::fs::read(desk.folder.join("synapsor.runner.json")).expect("the configuration was written");
        let checked = synapsor_config::check(&text, &desk.folder);
        let config: Arc<Config> = Arc::new(checked.config.unwrap_or_else(|| panic!("the configuration is wrong: {:?}", checked.findings)));
        let url = desk.business.url();
        let variables = url.iter().map(|url| (READ_URL, url.clone()));
        let environment = Environment::of(variables.chain([("CHAOS_HANDLER_URL", "unused".to_owned())]));
        let ledger = Ledger::open(&desk.ledger(), OpenOptions::default()).expect("a ledger can be made");
        let source = Source::open(settings(desk, url.as_deref())).expect("the URL is valid");
        let name = Identifier::new("shop").expect("the name is an identifier");
        let parts =
            AgentParts { config: &config, environment: &environment, sources: &BTreeMap::from([(name, source)]), ledger: ledger.agent() };
        let agent = AgentPort::new(parts).expect("the configuration can be served");
        let identity = identify(&config, &Account::of_process(), ledger.owner_uid(), None).expect("the ledger is ours");
        let operator = OperatorPort::new(OperatorParts {
            config,
            ledger: ledger.operator(),
            executors: Arc::new(Only(executor(desk, way))),
            identity,
            process: format!("pid {}", std::process::id()),
        });
        Self { agent, operator: operator.with_lease(LEASE) }
    }

    /// Proposes, and approves what was proposed.
    pub(crate) async fn approved(&self, desk: &Desk, account: &str, cents: i64) -> ProposalId {
        let arguments = json!({"id": account, "cents": cents});
        let envelope = self.agent.call(CAPABILITY, arguments.as_object().expect("an object")).await;
        let answer = envelope.to_value();
        let id = answer["proposal"]["id"].as_str().and_then(ProposalId::new);
        let id = id.unwrap_or_else(|| panic!("a proposal was refused: {answer}"));
        desk.tell(Told::Proposed { id: id.to_string() });
        let dossier = self.operator.show(&id).await.expect("the proposal is there");
        self.operator.approve(&id, dossier.proposal.terms.approval_digest, None).await.expect("it can be approved");
        desk.tell(Told::Approved { id: id.to_string() });
        id
    }

    /// Applies, once; the outcome in one word, or why there is none.
    pub(crate) async fn apply(&self, desk: &Desk, id: &ProposalId) -> String {
        match self.operator.apply(id, &mut |_| ()).await {
            Ok(application) => {
                let outcome = application.report.outcome.to_string();
                desk.tell(Told::Outcome { id: id.to_string(), attempt: application.attempt, outcome: outcome.clone() });
                outcome
            }
            Err(error) => format!("refused: {error}"),
        }
    }

    /// Applies until there is an end, as a person would who reads what is told.
    pub(crate) async fn settle(&self, desk: &Desk, id: &ProposalId) -> String {
        let mut last = String::new();
        for _ in 0..12 {
            last = self.apply(desk, id).await;
            if matches!(last.as_str(), "applied" | "already_applied" | "conflict") || last.starts_with("refused") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        last
    }
}

/// Receipts of the direct path, over this URL.
pub(crate) fn write_source(desk: &Desk, url: Option<&str>) -> WriteSource {
    let table = Identifier::new(RECEIPTS).expect("the name is an identifier");
    WriteSource::open(settings(desk, url), ReceiptTable { schema: None, table }).expect("the URL is valid")
}

fn settings(desk: &Desk, url: Option<&str>) -> SourceSettings {
    let secret = || Secret::new(url.unwrap_or_default().to_owned());
    let location = match &*desk.business {
        Business::Sqlite(path) => Location::Sqlite(path.clone()),
        Business::Postgres(_) => Location::Postgres(secret()),
        Business::Mariadb(_) => Location::Mysql(secret()),
    };
    SourceSettings { pool_size: 4, statement_timeout: STATEMENT_TIMEOUT, ..SourceSettings::new("shop", location) }
}

fn executor(desk: &Desk, way: &Way<'_>) -> Arc<dyn Executor> {
    match way {
        Way::Direct(url) => Arc::new(SqlUpdate::new(write_source(desk, *url))),
        Way::Handler { url, again } => {
            let terms =
                HandlerTerms { executor: "handler".to_owned(), timeout: STATEMENT_TIMEOUT, keeps_operation_id: *again, rehearses: false };
            let named = |variable: &str, value: &str| Named { variable: variable.to_owned(), value: Secret::new(value.to_owned()) };
            let settings = HttpSettings {
                terms,
                url: named("CHAOS_HANDLER_URL", url),
                method: HttpMethod::POST,
                token: Some(named("CHAOS_TOKEN", TOKEN)),
                signing_secret: Some(named("CHAOS_SECRET", SIGNING_SECRET)),
            };
            Arc::new(HttpHandler::open(settings).expect("the settings are valid"))
        }
    }
}

/// The token of the handlers.
pub(crate) const TOKEN: &str = "chaos-token-of-enough-letters";

/// One executor for everything.
struct Only(Arc<dyn Executor>);

impl Executors for Only {
    fn open(&self, _: &str, _: &str) -> Result<Arc<dyn Executor>, String> {
        Ok(self.0.clone())
    }
}
