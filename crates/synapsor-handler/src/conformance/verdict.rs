//! What came of it?

use serde::Serialize;
use serde_json::{Value, json};

use super::fixture::{DryRunClaim, RedeliveryClaim};

/// What came of all scenarios that were asked for.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// One by one, in the order in which they were played.
    pub scenarios: Vec<Judged>,
    /// What the handler may have in an executor's configuration; nothing is known after a run of some scenarios only.
    pub earned: Option<Earned>,
}

/// The values of an executor's configuration that a handler has earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Earned {
    /// `safe` if everything about repeated requests passed.
    pub redelivery: RedeliveryClaim,
    /// `handler` if it rehearsed, and nothing was left of it.
    pub dry_run: DryRunClaim,
}

/// What came of one scenario.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its name, for `only`.
    pub name: &'static str,
    /// What must hold.
    pub about: &'static str,
    /// Whether it does.
    pub judgement: Judgement,
    /// What a failure means.
    pub means: &'static str,
    /// How it is mended.
    pub mend: &'static str,
}

/// Whether something holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It does.
    Passed,
    /// It does not.
    Failed {
        /// What was found instead.
        found: String,
    },
    /// It was not tried.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// What must have passed for `redelivery: "safe"` beside the scenarios that are about nothing else.
const ALSO: [&str; 6] = ["valid", "version-changed", "race-of-changes", "business-error", "answer-receipt", "answer-echo"];

/// What must have passed for `dry_run: "handler"`.
const REHEARSALS: [&str; 3] = ["dry-run", "dry-run-handled", "dry-run-leaves-nothing"];

impl Verdict {
    /// Whether nothing failed.
    pub fn ok(&self) -> bool {
        self.scenarios.iter().all(|judged| !matches!(judged.judgement, Judgement::Failed { .. }))
    }

    /// How many passed, failed and were skipped.
    pub fn counts(&self) -> [usize; 3] {
        let count = |is: fn(&Judgement) -> bool| self.scenarios.iter().filter(|judged| is(&judged.judgement)).count();
        [
            count(|judgement| matches!(judgement, Judgement::Passed)),
            count(|judgement| matches!(judgement, Judgement::Failed { .. })),
            count(|judgement| matches!(judgement, Judgement::Skipped { .. })),
        ]
    }

    /// The verdict as a record for programs.
    pub fn to_json(&self) -> Value {
        let [passed, failed, skipped] = self.counts();
        json!({
            "ok": self.ok(), "passed": passed, "failed": failed, "skipped": skipped, "earned": self.earned,
            "scenarios": self.scenarios.iter().map(Judged::to_json).collect::<Vec<_>>(),
        })
    }

    pub(super) fn of(scenarios: Vec<Judged>, repeated: &[&'static str], whole: bool) -> Self {
        let passed = |name: &&str| scenarios.iter().any(|judged| judged.name == *name && judged.judgement == Judgement::Passed);
        let safe = repeated.iter().chain(&ALSO).all(&passed);
        let rehearses = REHEARSALS.iter().all(&passed);
        let earned = Earned {
            redelivery: if safe { RedeliveryClaim::Safe } else { RedeliveryClaim::Never },
            dry_run: if rehearses { DryRunClaim::Handler } else { DryRunClaim::Local },
        };
        Self { scenarios, earned: whole.then_some(earned) }
    }
}

impl Judged {
    fn to_json(&self) -> Value {
        let mut record = json!({"name": self.name, "about": self.about});
        match &self.judgement {
            Judgement::Passed => record["outcome"] = "passed".into(),
            Judgement::Failed { found } => {
                record["outcome"] = "failed".into();
                record["found"] = found.as_str().into();
                record["means"] = self.means.into();
                record["mend"] = self.mend.into();
            }
            Judgement::Skipped { why } => {
                record["outcome"] = "skipped".into();
                record["why"] = why.as_str().into();
            }
        }
        record
    }
}
