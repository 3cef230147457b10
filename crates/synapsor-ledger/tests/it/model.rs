//! Random commands against a model of the rules, with restarts in between.
//!
//! The model is written down a second time, from what is promised and without the code that decides: a few lines per command. After
//! each one the real ledger, read from its file, must be where the model is, and have said yes where the model does.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use synapsor_ledger::{Claim, Filter, Lease, Ledger, LedgerError, OpenOptions, OperatorLedger, Recorded};
use synapsor_proposal::{AttestedOutcome, Delivery, Ending, OperatorCommand, Order, Status};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, ErrorCode, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, dana, holder, proposal_until};

/// Never lapses while a case runs; what lapses is made to.
const LEASE: Duration = Duration::from_secs(30);
/// How long a proposal lives that is to expire.
const SOON: Duration = Duration::from_millis(150);

/// What is asked, of one of three proposals.
#[derive(Debug, Clone)]
enum Step {
    /// Proposes content; the same content finds the open proposal.
    Propose {
        expires: bool,
    },
    Approve {
        right: bool,
    },
    Reject,
    Cancel,
    Expire,
    Claim {
        once: bool,
    },
    Report {
        attempt: usize,
        outcome: Outcome,
        fenced: bool,
    },
    GiveUp {
        attempt: usize,
        outcome: Outcome,
    },
    Park {
        attempt: usize,
    },
    Attest {
        attempt: usize,
        applied: bool,
        early: bool,
    },
    Tombstone {
        attempt: usize,
        ending: Ending,
    },
    Renew {
        attempt: usize,
    },
    Release {
        attempt: usize,
    },
    /// The holder's lease ends, as time would end it.
    Lapse,
    /// The process ends and another one begins.
    Restart,
    /// Time passes, and some proposals with it.
    Wait,
}

const OUTCOMES: [Outcome; 5] = [Outcome::Applied, Outcome::AlreadyApplied, Outcome::Conflict, Outcome::Failed, Outcome::Unknown];

fn step() -> impl Strategy<Value = Step> {
    let attempt = || prop_oneof![3 => Just(usize::MAX), 1 => 0_usize..4];
    let outcome = || prop::sample::select(OUTCOMES.to_vec());
    let setback = || prop::sample::select(vec![Outcome::Failed, Outcome::Unknown]);
    let ending = prop::sample::select(vec![Ending::Failed, Ending::Canceled, Ending::Expired]);
    prop_oneof![
        6 => prop::bool::weighted(0.15).prop_map(|expires| Step::Propose { expires }),
        8 => prop::bool::weighted(0.9).prop_map(|right| Step::Approve { right }),
        1 => Just(Step::Reject),
        1 => Just(Step::Cancel),
        1 => Just(Step::Expire),
        10 => prop::bool::weighted(0.2).prop_map(|once| Step::Claim { once }),
        6 => (attempt(), setback(), prop::bool::weighted(0.1)).prop_map(|(attempt, outcome, fenced)| Step::Report { attempt, outcome, fenced }),
        3 => (attempt(), outcome()).prop_map(|(attempt, outcome)| Step::Report { attempt, outcome, fenced: false }),
        2 => (attempt(), outcome()).prop_map(|(attempt, outcome)| Step::GiveUp { attempt, outcome }),
        2 => attempt().prop_map(|attempt| Step::Park { attempt }),
        2 => (attempt(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(attempt, applied, early)| Step::Attest { attempt, applied, early }),
        2 => (attempt(), ending).prop_map(|(attempt, ending)| Step::Tombstone { attempt, ending }),
        2 => attempt().prop_map(|attempt| Step::Renew { attempt }),
        1 => attempt().prop_map(|attempt| Step::Release { attempt }),
        5 => Just(Step::Lapse),
        3 => Just(Step::Restart),
        1 => Just(Step::Wait),
    ]
}

/// A proposal as the model has it.
#[derive(Debug, Clone)]
struct Model {
    id: ProposalId,
    digest: Digest,
    expires_at: Timestamp,
    status: Status,
    /// The reports of each attempt, the first at 0.
    attempts: Vec<Vec<(Outcome, bool)>>,
    lease: Held,
    leases: Vec<Lease>,
    parked: bool,
    closed_by: Option<Closed>,
}

/// Who has the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nobody,
    /// The last attempt.
    Attempt,
    /// The last attempt, whose lease has ended and was not given back.
    Lapsed,
}

/// How it ended other than by a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Rejected,
    Canceled,
    Attested(usize, bool),
    Buried(usize, Ending),
}

impl Model {
    fn is_open(&self) -> bool {
        matches!(self.status, Status::PendingReview | Status::Approved | Status::PendingWorker)
    }

    fn is_past(&self) -> bool {
        Timestamp::now() >= self.expires_at
    }

    fn unclaimed(&self) -> bool {
        matches!(self.status, Status::PendingReview | Status::Approved)
    }

    fn unresolved(&self) -> bool {
        let open = |reports: &Vec<(Outcome, bool)>| {
            !reports.iter().any(|(outcome, _)| outcome.is_receipt())
                && (reports.is_empty() || reports.iter().any(|(outcome, _)| *outcome == Outcome::Unknown))
        };
        self.status == Status::PendingWorker && self.attempts.iter().any(open)
    }

    /// Which attempt a step means: the last one, or one by its number; 0 if there is none.
    fn number(&self, attempt: usize) -> usize {
        if attempt == usize::MAX { self.attempts.len() } else { attempt }
    }

    /// Whether a decision comes too late, which is put on record.
    fn too_late(&mut self) -> bool {
        let late = self.is_past();
        if late && self.unclaimed() {
            self.status = Status::Expired;
        }
        late
    }

    fn ended(&mut self, status: Status, how: Option<Closed>) -> bool {
        self.status = status;
        self.closed_by = how;
        (self.parked, self.lease) = (false, Held::Nobody);
        true
    }

    fn approve(&mut self, right: bool) -> bool {
        match self.status {
            Status::Approved => right,
            Status::PendingReview => {
                let approved = !self.too_late() && right;
                if approved {
                    self.status = Status::Approved;
                }
                approved
            }
            _ => false,
        }
    }

    fn close(&mut self, how: Closed) -> bool {
        if self.closed_by == Some(how) {
            return true;
        }
        let status = if how == Closed::Rejected { Status::Rejected } else { Status::Canceled };
        self.unclaimed() && !self.too_late() && self.ended(status, Some(how))
    }

    fn expire(&mut self) -> bool {
        self.status == Status::Expired || self.unclaimed() && self.is_past() && self.ended(Status::Expired, None)
    }

    /// What a claim is answered with, in a word.
    fn claim(&mut self, once: bool) -> &'static str {
        let fenced = self.attempts.last().is_some_and(|reports| {
            let strongest = reports.iter().find(|(outcome, _)| outcome.is_receipt());
            let strongest = strongest.or_else(|| reports.iter().find(|(outcome, _)| *outcome == Outcome::Unknown)).or(reports.first());
            strongest.is_some_and(|(_, fenced)| *fenced)
        });
        if !self.is_open() {
            return "settled";
        }
        if self.lease == Held::Attempt {
            return "held";
        }
        if self.status == Status::PendingReview || self.too_late() || once && self.unresolved() || fenced {
            return "refused";
        }
        self.status = Status::PendingWorker;
        self.attempts.push(Vec::new());
        (self.lease, self.parked) = (Held::Attempt, false);
        "granted"
    }

    fn report(&mut self, attempt: usize, outcome: Outcome, fenced: bool) -> bool {
        let last = self.attempts.len();
        let Some(reports) = attempt.checked_sub(1).and_then(|at| self.attempts.get_mut(at)) else { return false };
        let repeated = reports.contains(&(outcome, fenced));
        if !repeated {
            reports.push((outcome, fenced));
        }
        if self.status == Status::PendingWorker && outcome.is_receipt() {
            return self.ended(if outcome == Outcome::Conflict { Status::Conflict } else { Status::Applied }, None);
        }
        if attempt == last && !repeated && self.status == Status::PendingWorker {
            self.lease = Held::Nobody;
        }
        true
    }

    fn park(&mut self, attempt: usize) -> bool {
        let may = matches!(self.status, Status::Approved | Status::PendingWorker) && attempt == self.attempts.len();
        if may && !self.parked {
            (self.parked, self.lease) = (true, Held::Nobody);
        }
        may
    }

    fn attest(&mut self, attempt: usize, applied: bool, early: bool) -> bool {
        if self.closed_by == Some(Closed::Attested(attempt, applied)) {
            return true;
        }
        if self.status != Status::PendingWorker || attempt != self.attempts.len() {
            return false;
        }
        let provable = if self.unresolved() { !early } else { !applied };
        let status = if applied { Status::Applied } else { Status::Failed };
        provable && self.ended(status, Some(Closed::Attested(attempt, applied)))
    }

    fn bury(&mut self, attempt: usize, ending: Ending) -> bool {
        if self.closed_by == Some(Closed::Buried(attempt, ending)) {
            return true;
        }
        let may = self.status == Status::PendingWorker && attempt == self.attempts.len() && (ending != Ending::Expired || self.is_past());
        let status = match ending {
            Ending::Failed => Status::Failed,
            Ending::Canceled => Status::Canceled,
            Ending::Expired => Status::Expired,
        };
        may && self.ended(status, Some(Closed::Buried(attempt, ending)))
    }
}

/// The model and the real ledger side by side.
struct Both {
    fixture: Fixture,
    /// By content: what was proposed last.
    models: [Option<Model>; 3],
}

impl Both {
    fn ledger(&self) -> &OperatorLedger {
        &self.fixture.operator
    }

    async fn step(&mut self, slot: usize, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Restart => {
                self.restart();
                return Ok(());
            }
            Step::Wait => {
                tokio::time::sleep(SOON).await;
                return Ok(());
            }
            Step::Propose { expires } => return self.propose(slot, *expires).await,
            _ => {}
        }
        let Some(mut model) = self.models[slot].take() else { return Ok(()) };
        let before = model.clone();
        // Whatever expires in the middle of a step would be a matter of luck.
        let margin = model.expires_at.since(Timestamp::now());
        if !margin.is_zero() && margin < SOON {
            tokio::time::sleep(margin).await;
        }
        let (expected, real) = self.ask(&mut model, step).await;
        prop_assert_eq!(expected, real, "{:?} of {:?}", step, before);
        self.models[slot] = Some(model);
        Ok(())
    }

    /// What the model says and what the ledger says, each in a word.
    async fn ask(&self, model: &mut Model, step: &Step) -> (String, String) {
        let (id, held) = (model.id.clone(), model.lease == Held::Attempt);
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let (expected, order) = match step {
            Step::Approve { right } => {
                let digest = if *right { model.digest.clone() } else { Digest::of_bytes(b"another") };
                (model.approve(*right), Order::Approve { digest, reason: None })
            }
            Step::Reject => (model.close(Closed::Rejected), Order::Reject { reason: "no".into() }),
            Step::Cancel => (model.close(Closed::Canceled), Order::Cancel { reason: None }),
            Step::Expire => (model.expire(), Order::Expire),
            Step::Claim { once } => return (model.claim(*once).to_owned(), self.claim(model, *once).await),
            Step::Report { attempt, outcome, fenced } => {
                let attempt = model.number(*attempt);
                (model.report(attempt, *outcome, *fenced), Order::Report { attempt: small(attempt), report: report(*outcome, *fenced) })
            }
            Step::GiveUp { attempt, outcome } => {
                let attempt = model.number(*attempt);
                let heard = model.report(attempt, *outcome, false);
                if heard && model.status == Status::PendingWorker {
                    model.park(attempt);
                }
                (heard, Order::GiveUp { attempt: small(attempt), report: report(*outcome, false), reason: "enough".into() })
            }
            Step::Park { attempt } => {
                let attempt = model.number(*attempt);
                (!held && model.park(attempt), Order::Park { attempt: small(attempt), reason: "a person must look".into() })
            }
            Step::Attest { attempt, applied, early } => {
                let attempt = model.number(*attempt);
                let not_before = if *early { Timestamp::now().after(LEASE) } else { Timestamp::from_micros(0).unwrap() };
                let outcome = if *applied { AttestedOutcome::Applied } else { AttestedOutcome::NotApplied };
                let order = Order::Attest { attempt: small(attempt), outcome, not_before, reason: "I looked".into() };
                (!held && model.attest(attempt, *applied, *early), order)
            }
            Step::Tombstone { attempt, ending } => {
                let attempt = model.number(*attempt);
                (model.bury(attempt, *ending), Order::Tombstone { attempt: small(attempt), ending: *ending, reason: None })
            }
            Step::Renew { attempt } => {
                let Some(lease) = model.number(*attempt).checked_sub(1).and_then(|at| model.leases.get(at)).cloned() else {
                    return Default::default();
                };
                let last = small(model.leases.len()) == lease.attempt;
                let may = last && model.lease != Held::Nobody;
                if may {
                    model.lease = Held::Attempt;
                }
                return (yes(may), yes(self.ledger().renew(&lease).await.is_ok()));
            }
            Step::Release { attempt } => {
                let Some(lease) = model.number(*attempt).checked_sub(1).and_then(|at| model.leases.get(at)).cloned() else {
                    return Default::default();
                };
                let may = small(model.leases.len()) == lease.attempt && model.lease != Held::Nobody;
                if may {
                    model.lease = Held::Nobody;
                }
                return (yes(may), yes(self.ledger().release(&lease).await.unwrap()));
            }
            Step::Lapse => {
                if model.lease == Held::Attempt {
                    model.lease = Held::Lapsed;
                    self.fixture.edit(&format!("update writeback_jobs set lease_expires_at = 1, due_at = 1 where proposal_id = '{id}'"));
                }
                return Default::default();
            }
            Step::Propose { .. } | Step::Restart | Step::Wait => return Default::default(),
        };
        let answered = self.ledger().execute(&id, OperatorCommand { by: dana(), order }).await;
        (yes(expected), yes(settled(answered.map(drop))))
    }

    async fn claim(&self, model: &mut Model, once: bool) -> String {
        let delivery = if once { Delivery::Once } else { Delivery::Again };
        match self.ledger().claim(&model.id, &holder("pid 1"), LEASE, delivery).await {
            Ok(Claim::Granted(lease)) => {
                model.leases.push(lease);
                "granted"
            }
            Ok(Claim::Held { .. }) => "held",
            Ok(Claim::Settled(_)) => "settled",
            Err(error) => {
                if settled(Err(error)) {
                    "granted"
                } else {
                    "refused"
                }
            }
        }
        .to_owned()
    }

    async fn propose(&mut self, slot: usize, expires: bool) -> Result<(), TestCaseError> {
        let expires_at = Timestamp::now().after(if expires { SOON } else { Duration::from_secs(3600) });
        let new = proposal_until(&format!("INV-{slot}"), "paid", expires_at);
        let open = self.models[slot].as_ref().is_some_and(|model| model.is_open() && !(model.unclaimed() && model.is_past()));
        // The same content while it is about to expire would be a matter of luck.
        if let Some(model) = &self.models[slot] {
            let margin = model.expires_at.since(Timestamp::now());
            if !margin.is_zero() && margin < SOON {
                return Ok(());
            }
        }
        match self.fixture.agent.record_proposal(new).await.unwrap() {
            Recorded::Existing(proposal) => {
                prop_assert!(open, "an ended proposal was found as if it were open");
                prop_assert_eq!(proposal.id(), &self.models[slot].as_ref().unwrap().id);
            }
            Recorded::Created(proposal) => {
                prop_assert!(!open, "the same open content was proposed twice");
                self.models[slot] = Some(Model {
                    id: proposal.id().clone(),
                    digest: proposal.terms.approval_digest.clone(),
                    expires_at,
                    status: Status::PendingReview,
                    attempts: Vec::new(),
                    lease: Held::Nobody,
                    leases: Vec::new(),
                    parked: false,
                    closed_by: None,
                });
            }
        }
        Ok(())
    }

    fn restart(&mut self) {
        let ledger = Ledger::open(&self.fixture.path(), OpenOptions::default()).unwrap();
        (self.fixture.agent, self.fixture.operator, self.fixture.ledger) = (ledger.agent(), ledger.operator(), ledger);
    }

    /// Everything that the ledger says of the proposals, read from its file, beside the model.
    async fn compare(&self) -> Result<(), TestCaseError> {
        for model in self.models.iter().flatten() {
            let found = self.ledger().load(&model.id).await.unwrap().proposal;
            let told = (found.status, found.attempts.len(), found.dead_letter.is_some(), found.unresolved());
            prop_assert_eq!(told, (model.status, model.attempts.len(), model.parked, model.unresolved()), "{:?}", model);
        }
        let waiting = |wanted: fn(&Model) -> bool| {
            let mut ids: Vec<_> = self.models.iter().flatten().filter(|model| wanted(model)).map(|model| model.id.to_string()).collect();
            ids.sort();
            ids
        };
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        let due = self.ledger().agenda(10).await.unwrap().due.into_iter().flat_map(|lane| lane.jobs).map(|id| id.to_string());
        prop_assert_eq!(sorted(due.collect()), waiting(Model::is_due), "what is due");
        let unresolved = self.ledger().unresolved().await.unwrap().iter().map(ToString::to_string).collect();
        prop_assert_eq!(sorted(unresolved), waiting(|model| model.unresolved() && model.lease != Held::Attempt), "what is unresolved");
        let parked = self.ledger().dead_letters(&Filter::default()).await.unwrap().lines;
        prop_assert_eq!(sorted(parked.iter().map(|line| line.proposal.proposal_id.to_string()).collect()), waiting(|model| model.parked));
        Ok(())
    }
}

impl Model {
    /// Whether a worker finds it: nobody holds it, and it was not set aside. What may not be tried again is found too, to be set
    /// aside.
    fn is_due(&self) -> bool {
        matches!(self.status, Status::Approved | Status::PendingWorker) && !self.parked && self.lease != Held::Attempt
    }
}

/// Whether a command was accepted. What is no answer of the rules is a failure of the test.
fn settled(answer: Result<(), LedgerError>) -> bool {
    match answer {
        Ok(()) => true,
        Err(LedgerError::Refused(_) | LedgerError::Held { .. }) => false,
        Err(error) => panic!("the ledger broke: {error}"),
    }
}

fn report(outcome: Outcome, fenced: bool) -> Report {
    if fenced { Report::because(outcome, ErrorCode::FENCED) } else { Report::new(outcome) }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn random_commands_and_restarts_leave_the_ledger_where_the_model_is(steps in prop::collection::vec((0_usize..3, step()), 20..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut both = Both { fixture: Fixture::new(), models: Default::default() };
            for slot in 0..3 {
                both.propose(slot, false).await?;
            }
            for (slot, step) in &steps {
                both.step(*slot, step).await?;
                both.compare().await?;
            }
            both.restart();
            both.compare().await?;
            both.ledger().verify().await.unwrap();
            Ok::<(), TestCaseError>(())
        })?;
    }
}
