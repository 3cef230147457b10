//! How are both planes put together in this process, as the runner does it?

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use synapsor_agent::{AgentParts, AgentPort};
use synapsor_executor::{Executor, SqlUpdate};
use synapsor_ledger::{Ledger, OpenOptions};
use synapsor_operator::{Account, Executors, OperatorParts, OperatorPort, identify};
use synapsor_proposal::OperatorIdentity;
use synapsor_protocol::Identifier;
use synapsor_protocol::id::ProposalId;
use synapsor_source::{ReceiptTable, Source, WriteSource};

use crate::shop::{POOL, Shop};

/// Both planes over one ledger.
#[derive(Clone)]
pub(crate) struct Planes {
    agent: AgentPort,
    pub(crate) operator: OperatorPort,
    pub(crate) identity: OperatorIdentity,
    pub(crate) ledger: Ledger,
}

impl Planes {
    /// Over the ledger at this path, with this many connections for writing.
    pub(crate) fn open(shop: &Shop, store: &Path, writers: usize) -> Self {
        let (config, environment) = (Arc::new(shop.config()), shop.environment());
        let ledger = Ledger::open(store, OpenOptions::default()).expect("a ledger can be made");
        let source = Source::open(shop.settings(POOL)).expect("the URL is valid");
        let name = Identifier::new("shop").expect("the name is an identifier");
        let parts =
            AgentParts { config: &config, environment: &environment, sources: &BTreeMap::from([(name, source)]), ledger: ledger.agent() };
        let agent = AgentPort::new(parts).expect("the configuration can be served");
        let identity = identify(&config, &Account::of_process(), ledger.owner_uid(), None).expect("the ledger is ours");
        let executor: Arc<dyn Executor> = Arc::new(SqlUpdate::new(write_source(shop, writers)));
        let process = format!("pid {}", std::process::id());
        let operator = OperatorPort::new(OperatorParts {
            config,
            ledger: ledger.operator(),
            executors: Arc::new(Only(executor)),
            identity: identity.clone(),
            process,
        });
        Self { agent, operator, identity, ledger }
    }

    /// Proposes to waive the fee of this invoice.
    pub(crate) async fn propose(&self, invoice: &str) -> ProposalId {
        let arguments = json!({"invoice_id": invoice, "reason": format!("the customer of {invoice} asked")});
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let envelope = self.agent.call("billing.propose_waiver", &arguments).await;
        let answer = envelope.to_value();
        let id = answer["proposal"]["id"].as_str().and_then(ProposalId::new);
        id.unwrap_or_else(|| panic!("a proposal was refused: {answer}"))
    }

    /// The same, and approves it.
    pub(crate) async fn propose_and_approve(&self, invoice: &str) -> ProposalId {
        let id = self.propose(invoice).await;
        let dossier = self.operator.show(&id).await.expect("the proposal is there");
        self.operator.approve(&id, dossier.proposal.terms.approval_digest, None).await.expect("it can be approved");
        id
    }
}

/// The writing side of the business database, as bare as the source offers it.
pub(crate) fn write_source(shop: &Shop, connections: usize) -> WriteSource {
    let table = Identifier::new("synapsor_writeback_receipts").expect("the name is an identifier");
    WriteSource::open(shop.settings(connections), ReceiptTable { schema: None, table }).expect("the URL is valid")
}

/// One executor for everything.
struct Only(Arc<dyn Executor>);

impl Executors for Only {
    fn open(&self, _: &str, _: &str) -> Result<Arc<dyn Executor>, String> {
        Ok(self.0.clone())
    }
}
