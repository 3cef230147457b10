//! How long does a look-up take with 1,000,000 proposals, and how much memory does a long story need?
//!
//! Beside the same with a thousand proposals, and with a story of one attempt.

use std::process::Stdio;
use std::time::{Duration, Instant};

use synapsor_ledger::{Claim, Filter, Holder, Ledger, OpenOptions, OperatorLedger};
use synapsor_proposal::{Delivery, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Outcome, Report};

use crate::figure::{Figure, Unit};
use crate::growth::fill;
use crate::load::median;
use crate::output;
use crate::plan::Plan;
use crate::plane::Planes;
use crate::runner::{command, config};
use crate::shop::Engine;
use crate::usage::memory;

const ROW: &str = "lookups";

/// Proposals in the small ledger.
const FEW: usize = 1000;

/// What a person who looks something up does not notice, in seconds.
const AIM: f64 = 0.050;

/// Attempts in the long story.
const ATTEMPTS: usize = 500;

/// How much more memory a longer story may take and still be told piece by piece.
const FLAT: f64 = 1.25;

/// Lists and searches, then exports.
pub(crate) async fn measure(plan: &Plan) -> Vec<Figure> {
    let (few, many) = ("lookups-few", "lookups-many");
    fill(plan, few, FEW).await;
    fill(plan, many, plan.lookups).await;
    let open = |name: &str| Ledger::open(&plan.path(name), OpenOptions::default()).expect("the ledger opens").operator();
    let (few, many) = (open(few), open(many));
    let mut figures = Vec::new();
    for look in Look::ALL {
        figures.push(look.measure(plan, &few, &many).await);
    }
    figures.push(exporting(plan).await);
    figures
}

/// One way to look something up.
#[derive(Clone, Copy)]
enum Look {
    Newest,
    Middle,
    Object,
    Nobody,
    Evidence,
    Everything,
    Id,
}

impl Look {
    const ALL: [Self; 7] = [Self::Newest, Self::Middle, Self::Object, Self::Nobody, Self::Evidence, Self::Everything, Self::Id];

    fn name(self) -> &'static str {
        match self {
            Self::Newest => "`proposals list`",
            Self::Middle => "`proposals list`, up to a moment in the middle",
            Self::Object => "`proposals list` of one object",
            Self::Nobody => "`proposals list` of a status that none has",
            Self::Evidence => "`evidence list` of one object",
            Self::Everything => "`activity search`",
            Self::Id => "`activity search` by an id",
        }
    }

    async fn measure(self, plan: &Plan, few: &OperatorLedger, many: &OperatorLedger) -> Figure {
        let (few_filter, many_filter) = (self.filter(few, FEW).await, self.filter(many, plan.lookups).await);
        let (few_id, many_id) = (newest(few).await, newest(many).await);
        let mut pairs = Vec::new();
        for round in 0..=plan.starts {
            let pair = (self.took(few, &few_filter, &few_id).await, self.took(many, &many_filter, &many_id).await);
            // The first round reads the pages from the disk.
            if round > 0 {
                pairs.push(pair);
            }
        }
        let ratio = median(pairs.iter().map(|(few, many)| many / few));
        let value = median(pairs.iter().map(|(_, many)| *many));
        let name = format!("{}, {} proposals", self.name(), plan.lookups_told());
        let figure = Figure::new(ROW, name, value, Unit::Seconds).beside("1,000 proposals", median(pairs.iter().map(|(few, _)| *few)));
        figure.at(ratio).wanted("under 50 ms", value < AIM)
    }

    async fn filter(self, ledger: &OperatorLedger, proposals: usize) -> Filter {
        let object = Some(format!("OLD-{}", proposals / 2));
        match self {
            Self::Newest | Self::Everything | Self::Id => Filter::default(),
            Self::Object | Self::Evidence => Filter { object_id: object, ..Filter::default() },
            Self::Nobody => Filter { status: Some(Status::Rejected), ..Filter::default() },
            Self::Middle => {
                let middle = Filter { object_id: object, ..Filter::default() };
                let page = ledger.list(&middle).await.expect("the ledger can be read");
                Filter { to: page.lines.first().map(|line| line.created_at), ..Filter::default() }
            }
        }
    }

    async fn took(self, ledger: &OperatorLedger, filter: &Filter, id: &ProposalId) -> f64 {
        let begun = Instant::now();
        let found = match self {
            Self::Newest | Self::Middle | Self::Object | Self::Nobody => ledger.list(filter).await.map(|page| page.lines.len()),
            Self::Evidence => ledger.evidence_list(filter).await.map(|page| page.lines.len()),
            Self::Everything => ledger.activity(filter).await.map(|page| page.lines.len()),
            Self::Id => ledger.related(id.as_str(), filter).await.map(|lines| lines.len()),
        };
        let took = begun.elapsed().as_secs_f64();
        let found = found.expect("the ledger can be read");
        assert!((found == 0) == matches!(self, Self::Nobody), "{} found {found} records", self.name());
        took
    }
}

async fn newest(ledger: &OperatorLedger) -> ProposalId {
    ledger.latest().await.expect("the ledger can be read").expect("it holds proposals")
}

/// `replay export` of a story of many attempts beside one of a single attempt: the most memory that the process held.
async fn exporting(plan: &Plan) -> Figure {
    let store = "stories";
    let planes = Planes::open(plan.shop(Engine::Postgres), &plan.path(store), 1);
    let (short, long) = (story(plan, &planes, 1).await, story(plan, &planes, ATTEMPTS).await);
    let mut pairs = Vec::new();
    for _ in 0..plan.rounds {
        pairs.push((export(plan, store, &short).await, export(plan, store, &long).await));
    }
    let ratio = median(pairs.iter().map(|(short, long)| long / short));
    let figure =
        Figure::new(ROW, format!("memory, export of a story of {ATTEMPTS} attempts"), median(pairs.iter().map(|pair| pair.1)), Unit::Bytes);
    figure.beside("one attempt", median(pairs.iter().map(|pair| pair.0))).at(ratio).wanted(format!("flat (within {FLAT})"), ratio <= FLAT)
}

/// An approved proposal that failed so many times, each time with a long reason.
async fn story(plan: &Plan, planes: &Planes, attempts: usize) -> ProposalId {
    let id = planes.propose_and_approve(&plan.shop(Engine::Postgres).untouched()).await;
    let (ledger, by) = (planes.ledger.operator(), &planes.identity);
    let report = Report::new(Outcome::Failed).with_detail("the database did not answer; ".repeat(40));
    let begun = Instant::now();
    for _ in 0..attempts {
        let holder = Holder { by: by.clone(), process: "bench".to_owned() };
        let claim = ledger.claim(&id, &holder, Duration::from_secs(30), Delivery::Again).await.expect("the job can be claimed");
        let Claim::Granted(lease) = claim else { panic!("nobody else holds the job: {claim:?}") };
        ledger.report(&id, by, lease.attempt, &report).await.expect("an attempt can be reported");
    }
    output::note(&format!("told a story of {attempts} attempts ({:.1} s)", begun.elapsed().as_secs_f64()));
    id
}

/// The most memory of the process, in bytes, asked for every few hundred microseconds.
async fn export(plan: &Plan, store: &str, id: &ProposalId) -> f64 {
    let mut command = command(plan, Engine::Postgres, store);
    command.args(["replay", "export", id.as_str(), "--force", "--config"]).arg(config(plan, Engine::Postgres, store));
    command.arg("--output").arg(plan.path("story.json")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("the runner can be started");
    let pid = child.id().expect("it runs until it is waited for");
    let mut most = 0.0_f64;
    let status = loop {
        most = most.max(memory(pid).1);
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    };
    assert!(status.success(), "a story can be exported");
    most
}
