//! Where does a model's call come in, and what does it get?

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use synapsor_config::environment::Environment;
use synapsor_config::{CapabilityKind, Config, Mode};
use synapsor_envelope::{Answer, Envelope, Kind, Meta, Refusal, RefusedAnswer};
use synapsor_ledger::{AgentLedger, Diagnostic};
use synapsor_protocol::chain::chain;
use synapsor_protocol::credential::redacted;
use synapsor_protocol::id::DiagnosticId;
use synapsor_protocol::name::CapabilityName;
use synapsor_protocol::{Identifier, Timestamp};
use synapsor_source::Source;

use crate::credentials;
use crate::error::AgentError;
use crate::offer::{Offer, OfferParts};
use crate::read::{Call, Watch};
use crate::records::{self, Caller, Record};
use crate::refusal::{code_of, refusal_of};
use crate::{propose, read};

/// Everything that a model can do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentPort {
    plane: Arc<Plane>,
}

#[derive(Debug)]
struct Plane {
    mode: Mode,
    offers: Vec<Arc<Offer>>,
    by_name: BTreeMap<String, usize>,
    /// Proposal capabilities of a server that only reads: refused by name, not as unknown.
    withheld: Vec<CapabilityName>,
    callers: Vec<Caller>,
    ledger: AgentLedger,
}

/// What an [`AgentPort`] is made of.
#[derive(Debug)]
pub struct AgentParts<'a> {
    /// What was reviewed.
    pub config: &'a Config,
    /// Where the trusted context comes from.
    pub environment: &'a Environment,
    /// The databases, by the names of the configuration; each source that a capability names must be there.
    pub sources: &'a BTreeMap<Identifier, Source>,
    /// Where everything is recorded.
    pub ledger: AgentLedger,
}

impl AgentPort {
    /// Binds every capability that may be called in this mode to its context and source. Asks no database.
    ///
    /// Fails if the trusted context is incomplete: the error names the variable.
    pub fn new(parts: AgentParts<'_>) -> Result<Self, AgentError> {
        let AgentParts { config, environment, sources, ledger } = parts;
        let mut offers = Vec::new();
        for capability in config.callable() {
            let (Some(context), Some(source)) = (config.context(&capability.context), sources.get(&capability.source)) else {
                return Err(AgentError::NoCapability { name: capability.name.to_string() });
            };
            let trusted = context.resolve(environment)?;
            offers.push(Arc::new(Offer::new(OfferParts { capability: capability.clone(), trusted, source: source.clone() })));
        }
        let by_name = offers.iter().enumerate().map(|(index, offer)| (offer.capability().name.to_string(), index)).collect();
        let withheld = config.capabilities.iter().map(|capability| capability.name.clone());
        let withheld = withheld.filter(|name| !offers.iter().any(|offer| offer.capability().name == *name)).collect();
        Ok(Self { plane: Arc::new(Plane { mode: config.mode, callers: callers(&offers), offers, by_name, withheld, ledger }) })
    }

    /// What can be called, in the order of the configuration.
    pub fn offers(&self) -> &[Arc<Offer>] {
        &self.plane.offers
    }

    /// What is configured and cannot be called in this mode.
    pub fn withheld(&self) -> &[CapabilityName] {
        &self.plane.withheld
    }

    /// What the server may do at all.
    pub fn mode(&self) -> Mode {
        self.plane.mode
    }

    /// Calls a capability by its canonical name. Every way out is an envelope.
    ///
    /// An answer that is `ok` is on record in the ledger before it is returned. If the process dies, or the future is dropped, the record
    /// may or may not be there; the same call made again is safe, and an open proposal of the same content is found, not doubled.
    pub async fn call(&self, name: &str, arguments: &Map<String, Value>) -> Envelope {
        self.answer(name, arguments, &|_| ()).await.envelope()
    }

    /// The same, as facts that can be written in either format. `watch` is told how far the call has come.
    pub async fn answer(&self, name: &str, arguments: &Map<String, Value>, watch: &Watch<'_>) -> Answer {
        let Some(offer) = self.plane.by_name.get(name).map(|index| &self.plane.offers[*index]) else {
            return self.refuse(name, None, &self.unknown(name)).await;
        };
        match self.carry_out(offer, arguments, watch).await {
            Ok(answer) => answer,
            Err(error) => self.refuse(name, Some(offer), &error).await,
        }
    }

    /// A record that a call of this process left, as JSON. Whoever asks for one that is not there, or is not of this process's tenant and
    /// principal, gets the same refusal. The cause of any other refusal is on record under the id that comes with it.
    pub async fn record(&self, record: &Record) -> Result<Value, (Refusal, Option<DiagnosticId>)> {
        match records::find(&self.plane.ledger, &self.plane.callers, record).await {
            Ok(found) => Ok(found),
            Err(error @ AgentError::NoRecord) => Err((refusal_of(&error), None)),
            Err(error) => {
                let refusal = refusal_of(&error);
                let id = self.diagnose("resources/read", None, &refusal, &error).await;
                Err((refusal, id))
            }
        }
    }

    async fn carry_out(&self, offer: &Offer, given: &Map<String, Value>, watch: &Watch<'_>) -> Result<Answer, AgentError> {
        let arguments = &offer.capability().check_arguments(given)?;
        credentials::none_in(arguments)?;
        let call = Call { offer, mode: self.plane.mode, ledger: &self.plane.ledger, arguments, watch };
        match &offer.capability().kind {
            CapabilityKind::Read => read::answer(&call).await,
            CapabilityKind::Proposal(rules) => propose::answer(&call, rules).await,
        }
    }

    fn unknown(&self, name: &str) -> AgentError {
        if self.plane.withheld.iter().any(|withheld| withheld.as_str() == name) {
            AgentError::ProposalsDisabled { name: name.to_owned() }
        } else {
            AgentError::NoCapability { name: name.chars().take(200).collect() }
        }
    }

    /// The refusal, with the id under which the ledger keeps its cause. A row that was not found has none: its answer must not differ
    /// from that of another tenant's row.
    async fn refuse(&self, name: &str, offer: Option<&Arc<Offer>>, error: &AgentError) -> Answer {
        let refusal = refusal_of(error);
        let code = code_of(error, &refusal);
        let kind = match offer.map(|offer| &offer.capability().kind) {
            Some(CapabilityKind::Proposal(_)) => Kind::Proposal,
            Some(CapabilityKind::Read) | None => Kind::Read,
        };
        let meta = offer.map(|offer| Meta::capability(offer.capability().name.as_str())).unwrap_or_default();
        let refused = |refusal, meta| Answer::Refused(Box::new(RefusedAnswer { action: name.to_owned(), kind, code, refusal, meta }));
        if matches!(error, AgentError::NotFound) {
            return refused(refusal, meta);
        }
        let tenant = offer.map(|offer| offer.trusted().tenant_id.clone());
        match self.diagnose(name, tenant, &refusal, error).await {
            Some(id) => refused(refusal, meta.diagnosed(id)),
            None => refused(refusal, meta),
        }
    }

    /// Records why something was refused; `None` if the ledger cannot take even that.
    async fn diagnose(&self, name: &str, tenant_id: Option<String>, refusal: &Refusal, error: &AgentError) -> Option<DiagnosticId> {
        let diagnostic = Diagnostic {
            diagnostic_id: DiagnosticId::generate(),
            tenant_id,
            capability: redacted(name).chars().take(200).collect(),
            code: refusal.code.as_str().to_owned(),
            detail: redacted(&chain(error)).chars().take(2000).collect(),
            created_at: Timestamp::now(),
        };
        let id = diagnostic.diagnostic_id.clone();
        match self.plane.ledger.record_diagnostic(diagnostic).await {
            Ok(()) => Some(id),
            Err(cause) => {
                tracing::warn!(error = %cause, "a refusal could not be recorded");
                None
            }
        }
    }
}

/// On whose behalf the offers are called, each once.
fn callers(offers: &[Arc<Offer>]) -> Vec<Caller> {
    let mut callers = Vec::new();
    for trusted in offers.iter().map(|offer| offer.trusted()) {
        let caller = Caller { tenant_id: trusted.tenant_id.clone(), principal: trusted.principal.clone() };
        if !callers.contains(&caller) {
            callers.push(caller);
        }
    }
    callers
}
