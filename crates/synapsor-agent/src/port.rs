//! Where does a model's call come in, and what does it get?

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use synapsor_config::environment::Environment;
use synapsor_config::{CapabilityKind, Config, Mode};
use synapsor_envelope::{Envelope, Kind, Meta};
use synapsor_ledger::{AgentLedger, Diagnostic};
use synapsor_protocol::chain::chain;
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{Identifier, Timestamp};
use synapsor_source::Source;

use crate::error::AgentError;
use crate::offer::{Offer, OfferParts};
use crate::refusal::refusal_of;
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
    withheld: Vec<String>,
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
        let withheld = config.capabilities.iter().map(|capability| capability.name.to_string());
        let withheld = withheld.filter(|name| !offers.iter().any(|offer| offer.capability().name.as_str() == name)).collect();
        Ok(Self { plane: Arc::new(Plane { mode: config.mode, offers, by_name, withheld, ledger }) })
    }

    /// What can be called, in the order of the configuration.
    pub fn offers(&self) -> &[Arc<Offer>] {
        &self.plane.offers
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
        let Some(offer) = self.plane.by_name.get(name).map(|index| &self.plane.offers[*index]) else {
            return self.refuse(name, None, &self.unknown(name)).await;
        };
        match self.answer(offer, arguments).await {
            Ok(envelope) => envelope,
            Err(error) => self.refuse(name, Some(offer), &error).await,
        }
    }

    /// A proposal of this tenant as the ledger has it.
    pub async fn proposal(&self, tenant_id: &str, id: &ProposalId) -> Result<Value, AgentError> {
        record(self.plane.ledger.proposal(tenant_id, id).await?)
    }

    /// An evidence bundle of this tenant.
    pub async fn evidence(&self, tenant_id: &str, id: &EvidenceId) -> Result<Value, AgentError> {
        record(self.plane.ledger.evidence(tenant_id, id).await?)
    }

    /// The whole story of a proposal of this tenant.
    pub async fn replay(&self, tenant_id: &str, id: &ProposalId) -> Result<Value, AgentError> {
        record(self.plane.ledger.replay(tenant_id, id).await?)
    }

    async fn answer(&self, offer: &Offer, given: &Map<String, Value>) -> Result<Envelope, AgentError> {
        let arguments = offer.capability().check_arguments(given)?;
        match &offer.capability().kind {
            CapabilityKind::Read => read::answer(offer, &self.plane.ledger, &arguments).await,
            CapabilityKind::Proposal(rules) => propose::answer(offer, rules, self.plane.mode, &self.plane.ledger, &arguments).await,
        }
    }

    fn unknown(&self, name: &str) -> AgentError {
        if self.plane.withheld.iter().any(|withheld| withheld == name) {
            AgentError::ProposalsDisabled { name: name.to_owned() }
        } else {
            AgentError::NoCapability { name: name.chars().take(200).collect() }
        }
    }

    /// The refusal, with the id under which the ledger keeps its cause. A row that was not found has none: its answer must not differ
    /// from that of another tenant's row.
    async fn refuse(&self, name: &str, offer: Option<&Arc<Offer>>, error: &AgentError) -> Envelope {
        let refusal = refusal_of(error);
        let kind = match offer.map(|offer| &offer.capability().kind) {
            Some(CapabilityKind::Proposal(_)) => Kind::Proposal,
            Some(CapabilityKind::Read) | None => Kind::Read,
        };
        let meta = offer.map(|offer| Meta::capability(offer.capability().name.as_str())).unwrap_or_default();
        if matches!(error, AgentError::NotFound) {
            return Envelope::refused(name, kind, refusal, meta);
        }
        let diagnostic = Diagnostic {
            diagnostic_id: DiagnosticId::generate(),
            tenant_id: offer.map(|offer| offer.trusted().tenant_id.clone()),
            capability: name.chars().take(200).collect(),
            code: refusal.code.as_str().to_owned(),
            detail: chain(error).chars().take(2000).collect(),
            created_at: Timestamp::now(),
        };
        let id = diagnostic.diagnostic_id.clone();
        match self.plane.ledger.record_diagnostic(diagnostic).await {
            Ok(()) => Envelope::refused(name, kind, refusal, meta.diagnosed(id)),
            Err(cause) => {
                tracing::warn!(error = %cause, "a refusal could not be recorded");
                Envelope::refused(name, kind, refusal, meta)
            }
        }
    }
}

fn record<T: serde::Serialize>(found: Option<T>) -> Result<Value, AgentError> {
    let found = found.ok_or(AgentError::NoRecord)?;
    serde_json::to_value(found).map_err(|cause| AgentError::Canonical(synapsor_protocol::canonical::CanonicalError::NotJson(cause)))
}
