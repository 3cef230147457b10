//! What is left of a change that was not made?

use crate::conformance::ask::{Ask, Patch};
use crate::conformance::scenario::{Expect, Need, Proves, Scenario};

pub(super) fn all() -> Vec<Scenario> {
    let dry = || Ask { dry_run: true, ..Ask::good() };
    let rehearsal = |name, about| {
        Scenario::new(name, about)
            .or_else(
                "a dry run of `apply` changes rows, or tells nothing",
                "roll the transaction back at its end, receipt included, and answer `applied` with `source_database_mutated: false`; or \
                 refuse with 400 `DRY_RUN_UNSUPPORTED`",
            )
            .send(dry(), Expect::Rehearsed)
            .proves(Proves::DryRun)
    };
    vec![
        Scenario::new("business-error", "a change that your rules refuse is rolled back and told as a failure")
            .or_else(
                "half of a change stays, or the runner reports an unknown outcome",
                "let the error roll the whole transaction back, then answer 500 `HANDLER_BUSINESS_ERROR`",
            )
            .needs(Need::RefusedPatch)
            .send(Ask { patch: Patch::Refused, ..Ask::good() }, Expect::Refused(500, "HANDLER_BUSINESS_ERROR")),
        Scenario::new("dry-run", "a dry run changes nothing, rehearsed or refused")
            .or_else(
                "whoever tries `apply --dry-run` changes rows for good",
                "look at `dry_run` first: roll back at the end, or refuse with 400 `DRY_RUN_UNSUPPORTED`",
            )
            .send(dry(), Expect::RehearsedOrRefused),
        rehearsal("dry-run-handled", "a dry run is rehearsed and told as `applied` without a change"),
        rehearsal("dry-run-leaves-nothing", "after a dry run the same operation is applied as if nothing had been")
            .send(Ask::good().attempt(2), Expect::Applied)
            .effects(1),
    ]
}
