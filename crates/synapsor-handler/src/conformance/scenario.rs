//! What is a scenario?

use super::ask::Ask;

/// One thing that a handler must do, with everything that a person wants to know if it does not.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// What must hold.
    pub(super) about: &'static str,
    /// What a failure means.
    pub(super) means: &'static str,
    /// How it is mended.
    pub(super) mend: &'static str,
    /// What the fixture must say for it to be played.
    pub(super) needs: Vec<Need>,
    pub(super) proves: Proves,
    pub(super) steps: Vec<Step>,
    /// How many effects there must be at the end.
    pub(super) effects: u64,
}

/// What the fixture must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Token,
    Signing,
    NextSecret,
    RefusedPatch,
    /// A value in the patch that is no text.
    TypedPatch,
    /// A version with a fraction of a second.
    FineVersion,
    /// A version that is a number.
    NumberVersion,
    /// A tenant with letters that no uuid has: another case of it is another tenant.
    SpelledTenant,
    /// A key of that sort.
    SpelledKey,
}

/// What a scenario is about, beyond the contract that every handler keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proves {
    Contract,
    /// That a request may be sent again.
    Redelivery,
    /// That a dry run is rolled back.
    DryRun,
}

/// One step of a scenario.
pub(super) enum Step {
    /// Sends a request; this must be answered.
    Send(Ask, Expect),
    /// Sends the last request once more, byte for byte.
    Again(Expect),
    /// Sends both; nothing may tell the answers apart.
    Alike(Ask, Ask, Expect),
    /// Sends all of them at the same time; at most one may be applied, the others must be answered so.
    AtOnce(Vec<Ask>, Expect),
    /// Looks at the row: later steps know its version as [`Version::Seen`](super::ask::Version).
    Look,
    /// Puts the row back in the middle.
    Reset,
}

/// What must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// 200, `applied`, and a version that moved.
    Applied,
    /// 200, `already_applied`.
    AlreadyApplied,
    /// 200, `conflict` with this code.
    Conflict(&'static str),
    /// The same, and the version that was last looked at.
    ConflictAt(&'static str),
    /// `failed` with this status and code.
    Refused(u16, &'static str),
    /// `failed`, with whatever code and any status of a failure.
    Failed,
    /// No success: a receipt is welcome, and a closed connection will do.
    Unwelcome,
    /// `failed`, or the conflict of a row that is not there.
    Unseen,
    /// `failed`, or any conflict.
    Unchanged,
    /// `applied` without a change of the database, or a refusal.
    RehearsedOrRefused,
    /// `applied` without a change of the database.
    Rehearsed,
}

impl Scenario {
    /// A scenario without steps that nothing must come of.
    pub(super) fn new(name: &'static str, about: &'static str) -> Self {
        let (needs, steps) = (Vec::new(), Vec::new());
        Self { name, about, means: "", mend: "", needs, proves: Proves::Contract, steps, effects: 0 }
    }

    /// The same with what a failure means, and how it is mended.
    pub(super) fn or_else(self, means: &'static str, mend: &'static str) -> Self {
        Self { means, mend, ..self }
    }

    pub(super) fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    pub(super) fn proves(self, proves: Proves) -> Self {
        Self { proves, ..self }
    }

    pub(super) fn send(self, ask: Ask, expect: Expect) -> Self {
        self.step(Step::Send(ask, expect))
    }

    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same with so many effects at its end.
    pub(super) fn effects(self, effects: u64) -> Self {
        Self { effects, ..self }
    }
}
