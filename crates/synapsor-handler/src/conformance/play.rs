//! How is a scenario played?

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use synapsor_protocol::handler::SigningSecret;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::name::EnvName;
use synapsor_protocol::{Scalar, Secret};

use super::answers::Answers;
use super::ask::{Ask, Scene, almost, is_spelled, near};
use super::fixture::{DryRunClaim, Fixture, RedeliveryClaim};
use super::judge::{Said, difference, due};
use super::list;
use super::scenario::{Expect, Need, Proves, Scenario, Step};
use super::stage::{Observation, Stage, StageError};
use super::transport::{Transport, TransportError};
use super::verdict::{Judged, Judgement, Verdict};

/// The secrets that the handler was given.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The bearer token.
    pub token: Option<Secret>,
    /// The secret that signs requests.
    pub signing: Option<Secret>,
    /// A second one that is accepted too.
    pub next: Option<Secret>,
}

impl Credentials {
    /// Takes the values of the variables that the fixture names; `value` is asked for each.
    pub fn of(fixture: &Fixture, value: impl Fn(&EnvName) -> Option<String>) -> Result<Self, ConformanceError> {
        let taken = |name: &Option<EnvName>| -> Result<Option<Secret>, ConformanceError> {
            let Some(name) = name else { return Ok(None) };
            let value = value(name).filter(|value| !value.is_empty());
            value.map(|value| Some(Secret::new(value))).ok_or_else(|| ConformanceError::Variable { name: name.clone() })
        };
        let variables = &fixture.credentials;
        Ok(Self {
            token: taken(&variables.token_env)?,
            signing: taken(&variables.signing_secret_env)?,
            next: taken(&variables.next_signing_secret_env)?,
        })
    }
}

/// Why nothing can be said about the handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// A variable that the fixture names is not set.
    #[error("the environment variable `{name}` is not set")]
    Variable {
        /// Its name.
        name: EnvName,
    },
    /// A secret cannot sign.
    #[error("a signing secret cannot be used: {reason}")]
    SigningSecret {
        /// Why not, without any of it.
        reason: String,
    },
    /// There is no such scenario.
    #[error("there is no scenario `{name}`")]
    UnknownScenario {
        /// What was asked for.
        name: String,
    },
    /// The handler was not there from the beginning.
    #[error("no scenario could be played")]
    Transport(#[from] TransportError),
    /// Whoever listens there is no handler, or has it at another path.
    #[error("nothing at that address is a handler: the requests were answered {status}, without a receipt")]
    Nowhere {
        /// The HTTP status, 404 or 405.
        status: u16,
    },
    /// The rows could not be put back or looked at.
    #[error("the rows cannot be put back or looked at")]
    Stage(#[from] StageError),
}

/// A handler on trial.
pub struct Conformance<'a> {
    fixture: &'a Fixture,
    credentials: Credentials,
    transport: &'a dyn Transport,
    stage: &'a dyn Stage,
    only: Vec<String>,
    hidden: Vec<Secret>,
}

impl std::fmt::Debug for Conformance<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conformance").field("only", &self.only).finish_non_exhaustive()
    }
}

/// What requests are signed and authenticated with.
pub(super) struct Keys {
    pub(super) token: Option<Secret>,
    pub(super) signing: Option<SigningSecret>,
    pub(super) next: Option<SigningSecret>,
}

/// What came of a scenario's steps, while they are played.
struct Course<'a> {
    scene: Scene<'a>,
    /// What was seen at the beginning, or since the row was put back.
    since: Observation,
    effects: u64,
    last: Option<Said>,
    sent: Option<Request<Bytes>>,
    /// Why the scenario cannot be held against this handler.
    skipped: Option<String>,
}

/// A shorter secret is looked for in no answer: it could stand there by chance.
const LEAST_HIDDEN: usize = 6;
/// How long to wait for what a handler does after its answer.
const SETTLE: Duration = Duration::from_millis(5);
/// After so many scenarios without any receipt nothing else will come.
const PATIENCE: usize = 3;
/// The most operations of one scenario.
const OPERATIONS: usize = 8;

impl<'a> Conformance<'a> {
    /// A trial of the handler behind `transport`.
    pub fn new(fixture: &'a Fixture, credentials: Credentials, transport: &'a dyn Transport, stage: &'a dyn Stage) -> Self {
        Self { fixture, credentials, transport, stage, only: Vec::new(), hidden: Vec::new() }
    }

    /// Plays these scenarios only.
    #[must_use]
    pub fn only(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.only.extend(names);
        self
    }

    /// Besides the credentials, these texts may stand in no answer: a database's password, the name of its host.
    #[must_use]
    pub fn hide(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.hidden.extend(secrets);
        self
    }

    /// Plays the scenarios, and tells of each as soon as it is judged.
    pub async fn run(&self, mut told: impl FnMut(&Judged)) -> Result<Verdict, ConformanceError> {
        let (scenarios, keys) = (list::all(), self.keys()?);
        let mut answers = Answers::new(self.secrets());
        let closing = answers.judged();
        let names: Vec<&str> = scenarios.iter().map(|one| one.name).chain(closing.iter().map(|one| one.name)).collect();
        if let Some(name) = self.only.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(ConformanceError::UnknownScenario { name: name.clone() });
        }
        let wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|only| only == name);
        // Of answers alone nothing can be said without the requests of the others.
        let played = |name: &str| wanted(name) || self.only.iter().all(|only| closing.iter().any(|one| one.name == only));
        let (mut judged, mut held) = (Vec::new(), Vec::new());
        for scenario in scenarios.iter().filter(|scenario| played(scenario.name)) {
            let judgement = self.judge(scenario, &keys, &mut answers).await?;
            let Scenario { name, about, means, mend, .. } = *scenario;
            held.push(Judged { name, about, judgement, means, mend });
            match answers.nowhere() {
                Some(status) if held.len() >= PATIENCE => return Err(ConformanceError::Nowhere { status }),
                Some(_) => {}
                None => judged.extend(held.drain(..).filter(|one| wanted(one.name)).inspect(&mut told)),
            }
        }
        if let Some(status) = answers.nowhere() {
            return Err(ConformanceError::Nowhere { status });
        }
        for one in answers.judged().into_iter().filter(|one| wanted(one.name)) {
            told(&one);
            judged.push(one);
        }
        let repeated: Vec<_> = scenarios.iter().filter(|one| one.proves == Proves::Redelivery).map(|one| one.name).collect();
        Ok(Verdict::of(judged, &repeated, self.only.is_empty()))
    }

    fn keys(&self) -> Result<Keys, ConformanceError> {
        let usable = |secret: &Option<Secret>| {
            let key = secret.as_ref().map(SigningSecret::new).transpose();
            key.map_err(|error| ConformanceError::SigningSecret { reason: error.to_string() })
        };
        Ok(Keys {
            token: self.credentials.token.clone(),
            signing: usable(&self.credentials.signing)?,
            next: usable(&self.credentials.next)?,
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        let Credentials { token, signing, next } = &self.credentials;
        let all = [token, signing, next].into_iter().flatten().chain(&self.hidden);
        all.filter(|secret| secret.expose().len() >= LEAST_HIDDEN).cloned().collect()
    }

    /// Why a scenario is not played, if so.
    fn lacks(&self, scenario: &Scenario) -> Option<&'static str> {
        let lack = scenario.needs.iter().find_map(|need| match need {
            Need::Token if self.credentials.token.is_none() => Some("the fixture names no token"),
            Need::Signing if self.credentials.signing.is_none() => Some("the fixture names no signing secret"),
            Need::NextSecret if self.credentials.next.is_none() => Some("the fixture names no second signing secret"),
            Need::RefusedPatch if self.fixture.refused_patch.is_none() => Some("the fixture has no change that is refused"),
            Need::TypedPatch if self.fixture.patch.values().all(|value| value.as_str().is_some()) => Some("all of the patch is text"),
            Need::SpelledTenant if !is_spelled(&self.fixture.target.tenant.value) => Some("the tenant has no two spellings"),
            Need::SpelledKey if !is_spelled(&self.fixture.target.primary_key.value) => Some("the key has no two spellings"),
            Need::Token | Need::Signing | Need::NextSecret | Need::RefusedPatch | Need::TypedPatch => None,
            // Whether it is met is known once the row was looked at.
            Need::FineVersion | Need::NumberVersion => None,
            Need::SpelledTenant | Need::SpelledKey => None,
        });
        let never = scenario.proves == Proves::Redelivery && self.fixture.claims.redelivery == RedeliveryClaim::Never;
        lack.or(never.then_some("the fixture claims `redelivery: never`"))
    }

    async fn judge(&self, scenario: &Scenario, keys: &Keys, answers: &mut Answers) -> Result<Judgement, ConformanceError> {
        if let Some(why) = self.lacks(scenario) {
            return Ok(Judgement::Skipped { why: why.to_owned() });
        }
        self.stage.reset().await?;
        let begun = self.stage.observe().await?;
        if let Some(why) = lacking(scenario, &begun.version) {
            return Ok(Judgement::Skipped { why: why.to_owned() });
        }
        let proposals = (0..OPERATIONS).map(|_| ProposalId::generate()).collect();
        let (first, seen) = (begun.version.clone(), begun.version.clone());
        let scene = Scene { fixture: self.fixture, keys, proposals, first, seen };
        let mut course = Course { scene, since: begun.clone(), effects: 0, last: None, sent: None, skipped: None };
        let mut found = Vec::new();
        for step in &scenario.steps {
            found.extend(self.step(scenario, step, &mut course, answers).await?);
            if !found.is_empty() || course.skipped.is_some() {
                break;
            }
        }
        found.extend(self.count(scenario, &mut course, found.is_empty()).await?);
        Ok(match (course.skipped, found.as_slice()) {
            (_, [_, ..]) => Judgement::Failed { found: found.join("; ") },
            (Some(why), []) => Judgement::Skipped { why },
            (None, []) => Judgement::Passed,
        })
    }

    /// Plays one step; what was found instead of what is due.
    async fn step(
        &self,
        scenario: &Scenario,
        step: &Step,
        course: &mut Course<'_>,
        answers: &mut Answers,
    ) -> Result<Option<String>, ConformanceError> {
        match step {
            Step::Look => self.look(course).await,
            Step::Reset => self.put_back(course).await,
            Step::Send(ask, expect) => self.ask(scenario, ask.request(&course.scene), *expect, course, answers).await,
            Step::Again(expect) => match course.sent.clone() {
                Some(request) => self.ask(scenario, request, *expect, course, answers).await,
                None => Ok(None),
            },
            Step::Alike(one, other, expect) => {
                let (first, second) = (self.send(one, &course.scene).await, self.send(other, &course.scene).await);
                let ((asked, one), (asked_too, other)) = match (first, second) {
                    ((one, Ok(first)), (other, Ok(second))) => ((one, first), (other, second)),
                    ((_, Err(error)), _) | (_, (_, Err(error))) => return unanswered(error, answers),
                };
                answers.hear(scenario.name, &asked, &one, true);
                answers.hear(scenario.name, &asked_too, &other, true);
                let difference = difference(&one, &other).map(|what| format!("the two answers can be told apart: {what}"));
                Ok(difference.or_else(|| self.hold(scenario, course, Said::of(&one), *expect)))
            }
            Step::AtOnce(asks, expect) => {
                let sent = join_all(asks.iter().map(|ask| self.send(ask, &course.scene))).await;
                let mut said = Vec::new();
                for (request, answer) in sent {
                    let answer = match answer {
                        Ok(answer) => answer,
                        Err(error) => return unanswered(error, answers),
                    };
                    answers.hear(scenario.name, &request, &answer, true);
                    said.push(Said::of(&answer));
                }
                Ok(at_once(&said, *expect, &course.scene.seen))
            }
        }
    }

    async fn ask(
        &self,
        scenario: &Scenario,
        request: Request<Bytes>,
        expect: Expect,
        course: &mut Course<'_>,
        answers: &mut Answers,
    ) -> Result<Option<String>, ConformanceError> {
        course.sent = Some(request.clone());
        let answer = match self.transport.send(request.clone()).await {
            Ok(answer) => answer,
            // A door that is shut is no welcome either.
            Err(_) if expect == Expect::Unwelcome && answers.any() => return Ok(None),
            Err(error) => return unanswered(error, answers),
        };
        answers.hear(scenario.name, &request, &answer, expect != Expect::Unwelcome);
        Ok(self.hold(scenario, course, Said::of(&answer), expect))
    }

    async fn send(&self, ask: &Ask, scene: &Scene<'_>) -> (Request<Bytes>, Result<Response<Bytes>, TransportError>) {
        let request = ask.request(scene);
        let answer = self.transport.send(request.clone()).await;
        (request, answer)
    }

    /// Holds an answer against what is due.
    fn hold(&self, scenario: &Scenario, course: &mut Course<'_>, said: Said, expect: Expect) -> Option<String> {
        let seen = course.scene.seen.clone();
        let declines = said.status == "failed" && said.code.as_deref() == Some("DRY_RUN_UNSUPPORTED");
        if scenario.proves == Proves::DryRun && self.fixture.claims.dry_run == DryRunClaim::Local && declines {
            course.skipped = Some("the handler refuses dry runs".to_owned());
            return None;
        }
        let found = (!said.is(expect, &seen)).then(|| format!("{} instead of {}", said.words(), due(expect, &seen)));
        let found = found.or_else(|| match (&expect, &said.previous) {
            (Expect::Applied, Some(previous)) if *previous != seen => {
                Some(format!("the receipt says that the version was {previous}, and it was {seen}"))
            }
            _ => None,
        });
        course.last = Some(said);
        found
    }

    /// Looks at the row: the version must be the one that the last receipt named, and another than at the beginning.
    async fn look(&self, course: &mut Course<'_>) -> Result<Option<String>, ConformanceError> {
        let now = self.stage.observe().await?;
        let before = std::mem::replace(&mut course.scene.seen, now.version.clone());
        let Some(last) = course.last.as_ref().filter(|last| last.status == "applied" && last.mutated) else { return Ok(None) };
        if now.version == before {
            return Ok(Some(format!("the change was applied, and the version is still {before}")));
        }
        let wrong = last.new.as_ref().filter(|said| **said != now.version);
        Ok(wrong.map(|said| format!("the receipt says that the version is {said} now, and it is {}", now.version)))
    }

    async fn put_back(&self, course: &mut Course<'_>) -> Result<Option<String>, ConformanceError> {
        let now = self.stage.observe().await?;
        let done = now.effects.checked_sub(course.since.effects);
        self.stage.reset().await?;
        course.since = self.stage.observe().await?;
        course.scene.seen = course.since.version.clone();
        let Some(done) = done else { return Ok(Some(fell())) };
        course.effects += done;
        Ok(None)
    }

    /// Counts the effects; a row that nothing was to happen to must be as it was.
    async fn count(&self, scenario: &Scenario, course: &mut Course<'_>, as_due: bool) -> Result<Option<String>, ConformanceError> {
        tokio::time::sleep(SETTLE).await;
        let now = self.stage.observe().await?;
        let Some(done) = now.effects.checked_sub(course.since.effects) else { return Ok(Some(fell())) };
        let done = course.effects + done;
        // What stopped halfway has fewer effects than were due: not a finding of its own.
        let stopped = !as_due || course.skipped.is_some();
        if done > scenario.effects || (done < scenario.effects && !stopped) {
            return Ok(Some(format!("{done} effect{} instead of {}", if done == 1 { "" } else { "s" }, scenario.effects)));
        }
        if scenario.effects == 0 && (now.version != course.since.version || now.row != course.since.row) {
            return Ok(Some("the row was changed".to_owned()));
        }
        Ok(None)
    }
}

/// Why a row with this version is not one for a scenario, if so.
fn lacking(scenario: &Scenario, version: &Scalar) -> Option<&'static str> {
    scenario.needs.iter().find_map(|need| match need {
        Need::FineVersion if almost(version).is_none() => Some("the version has no fraction of a second"),
        Need::NumberVersion if near(version).is_none() => Some("the version is no number"),
        _ => None,
    })
}

/// One of them may be applied; the others are as is due, or all of them are.
fn at_once(said: &[Said], expect: Expect, seen: &Scalar) -> Option<String> {
    let applied = said.iter().filter(|said| said.is(Expect::Applied, seen)).count();
    let strange = said.iter().find(|said| !said.is(Expect::Applied, seen) && !said.is(expect, seen));
    match strange {
        Some(strange) => Some(format!("{} instead of {}, as one of {} at once", strange.words(), due(expect, seen), said.len())),
        None if applied != 1 => Some(format!("{applied} of {} requests at once were answered `applied`", said.len())),
        None => None,
    }
}

/// Before the first answer nothing is known of the handler; later, silence is a finding.
fn unanswered(error: TransportError, answers: &Answers) -> Result<Option<String>, ConformanceError> {
    if answers.any() { Ok(Some(synapsor_protocol::chain::chain(&error))) } else { Err(error.into()) }
}

fn fell() -> String {
    "there were fewer effects than before".to_owned()
}
