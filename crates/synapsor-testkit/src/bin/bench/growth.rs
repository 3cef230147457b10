//! Does anything cost more when the ledger holds 100,000 proposals?

use std::path::Path;
use std::time::Instant;

use synapsor_ledger::{AgentLedger, Dossier, Ledger, NewProposal, OpenOptions};
use synapsor_protocol::Digest;
use synapsor_protocol::id::{AuditId, EvidenceId, ProposalId};

use crate::client::{Answerer, Tool, callers};
use crate::figure::{Figure, Rounds, Unit};
use crate::load::{Load, burst, median};
use crate::output;
use crate::plan::Plan;
use crate::plane::Planes;
use crate::runner::{Runner, time_to_tools};
use crate::shop::Engine;

const ROW: &str = "growth";

/// How much more something may cost and still be called flat; a shared machine varies by about as much.
const FLAT: f64 = 1.25;

/// Tasks that fill the ledger.
const FILLERS: usize = 256;

/// Opening, starting and calling with an empty ledger and with a full one.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    fill(plan, "full", plan.proposals).await;
    drop(Ledger::open(&plan.path("empty"), OpenOptions::default()).expect("a ledger can be made"));
    let mut figures = vec![opening(plan), starting(plan).await];
    for (tool, name) in [(Tool::Read, "read"), (Tool::Propose, "propose")] {
        figures.push(calling(plan, tool, name).await);
    }
    figures.push(applying(plan).await);
    figures
}

fn opening(plan: &Plan) -> Figure {
    let open = |name: &str| {
        let begun = Instant::now();
        let ledger = Ledger::open(&plan.path(name), OpenOptions::default()).expect("the ledger opens");
        let took = begun.elapsed().as_secs_f64();
        drop(ledger);
        took
    };
    let pairs: Vec<(f64, f64)> = (0..plan.starts).map(|_| (open("empty"), open("full"))).collect();
    figure("open", &pairs)
}

async fn starting(plan: &Plan) -> Figure {
    let mut pairs = Vec::new();
    for _ in 0..plan.starts {
        let empty = time_to_tools(plan, Engine::Postgres, "empty").await.as_secs_f64();
        pairs.push((empty, time_to_tools(plan, Engine::Postgres, "full").await.as_secs_f64()));
    }
    figure("start", &pairs)
}

async fn calling(plan: &Plan, tool: Tool, name: &str) -> Figure {
    let (empty, full) = (Runner::start(plan, Engine::Postgres, "empty").await, Runner::start(plan, Engine::Postgres, "full").await);
    let mut with_empty = callers(empty.address, 1, tool, Answerer::Runner).await;
    let mut with_full = callers(full.address, 1, tool, Answerer::Runner).await;
    let (mut few, mut many) = <(Rounds, Rounds)>::default();
    for round in 0..=plan.rounds {
        let (one, one_back) = burst(with_empty, plan.round).await;
        let (other, other_back) = burst(with_full, plan.round).await;
        (with_empty, with_full) = (one_back, other_back);
        if round > 0 {
            few.push(one);
            many.push(other);
        }
    }
    let middle = |rounds: &Rounds| -> Vec<f64> { rounds.bursts.iter().map(|burst| burst.latency(500)).collect() };
    let pairs: Vec<(f64, f64)> = middle(&few).into_iter().zip(middle(&many)).collect();
    figure(name, &pairs)
}

/// Loading one proposal with everything that belongs to it, approving it and applying it, in this process.
async fn applying(plan: &Plan) -> Figure {
    let planes = [
        Planes::open(plan.shop(Engine::Postgres), &plan.path("empty"), 1),
        Planes::open(plan.shop(Engine::Postgres), &plan.path("full"), 1),
    ];
    let mut pairs = Vec::new();
    for round in 0..=plan.starts {
        let mut took = [0.0; 2];
        for (planes, took) in planes.iter().zip(&mut took) {
            let id = planes.propose_and_approve(&plan.shop(Engine::Postgres).untouched()).await;
            let begun = Instant::now();
            planes.operator.apply(&id, &mut |_| ()).await.expect("the job is ready");
            *took = begun.elapsed().as_secs_f64();
        }
        // The first round connects.
        if round > 0 {
            pairs.push(took.into());
        }
    }
    figure("apply", &pairs)
}

/// The full ledger beside the empty one, from pairs of both.
fn figure(name: &str, pairs: &[(f64, f64)]) -> Figure {
    let full = median(pairs.iter().map(|(_, full)| *full));
    let empty = median(pairs.iter().map(|(empty, _)| *empty));
    let ratio = median(pairs.iter().map(|(empty, full)| full / empty));
    let figure = Figure::new(ROW, format!("{name}, 100,000 proposals"), full, Unit::Seconds);
    figure.beside("empty ledger", empty).at(ratio).wanted(format!("flat (within {FLAT})"), ratio <= FLAT)
}

/// Fills a ledger through its own API, with copies of one proposal for as many objects.
pub(crate) async fn fill(plan: &Plan, name: &str, proposals: usize) {
    let path = plan.path(name);
    let template = template(plan, &path).await;
    let ledger = Ledger::open(&path, OpenOptions::default()).expect("the ledger opens");
    let begun = Instant::now();
    let fillers = (0..FILLERS).map(|first| Filler { ledger: ledger.agent(), template: template.clone(), next: first, end: proposals });
    drop(burst(fillers.collect(), std::time::Duration::from_secs(900)).await);
    output::note(&format!("filled a ledger with {proposals} proposals ({:.1} s)", begun.elapsed().as_secs_f64()));
}

async fn template(plan: &Plan, path: &Path) -> Dossier {
    let planes = Planes::open(plan.shop(Engine::Postgres), path, 1);
    let id = planes.propose("INV-1").await;
    planes.ledger.operator().load(&id).await.expect("the proposal is there")
}

/// One task that records copies.
struct Filler {
    ledger: AgentLedger,
    template: Dossier,
    next: usize,
    end: usize,
}

impl Load for Filler {
    async fn once(&mut self) -> bool {
        if self.next >= self.end {
            return false;
        }
        let copy = copy(&self.template, &format!("OLD-{}", self.next));
        self.ledger.record_proposal(copy).await.expect("a proposal can be recorded");
        self.next += FILLERS;
        true
    }
}

/// The same proposal for another object.
fn copy(template: &Dossier, object: &str) -> NewProposal {
    let (mut change_set, mut evidence, mut audit) = (template.change_set.clone(), template.evidence[0].clone(), template.audits[0].clone());
    change_set.proposal_id = ProposalId::generate();
    change_set.scope.object_id = object.to_owned();
    change_set.source.primary_key.value = object.into();
    evidence.evidence_id = EvidenceId::generate();
    evidence.object_id = Some(object.to_owned());
    change_set.evidence.bundle_id = evidence.evidence_id.clone();
    audit.audit_id = AuditId::generate();
    audit.evidence_id = Some(evidence.evidence_id.clone());
    audit.object_id = Some(object.to_owned());
    NewProposal {
        change_set: change_set.sealed().expect("a copy is as sound as its original"),
        evidence,
        audit,
        expires_at: template.proposal.terms.expires_at,
        capability_digest: Digest::of_bytes(b"capability"),
    }
}
