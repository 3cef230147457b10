//! What comes of a request that comes again?

use crate::conformance::ask::{Ask, Patch};
use crate::conformance::scenario::{Expect, Need, Proves, Scenario, Step};

const FENCED: Expect = Expect::Refused(409, "FENCED");

pub(super) fn all() -> Vec<Scenario> {
    repeated().into_iter().chain(fenced()).collect()
}

fn repeated() -> Vec<Scenario> {
    let repeated = |name, about| {
        Scenario::new(name, about)
            .or_else(
                "a request whose answer was lost cannot be sent again: the change is made twice, or its outcome stays unknown",
                "insert the operation id into a table with a unique key before anything else, in the transaction of the effect; if it \
                 is there already, answer `already_applied`",
            )
            .proves(Proves::Redelivery)
            .effects(1)
    };
    let first = |scenario: Scenario| scenario.send(Ask::good(), Expect::Applied);
    vec![
        first(repeated("duplicate", "the same operation again is answered `already_applied`")).send(Ask::good(), Expect::AlreadyApplied),
        first(repeated("replay", "the same bytes again are answered `already_applied`")).step(Step::Again(Expect::AlreadyApplied)),
        first(repeated("higher-attempt", "a higher attempt of an applied operation finds its receipt"))
            .send(Ask::good().attempt(7), Expect::AlreadyApplied),
        first(repeated("duplicate-later", "the receipt answers though the row is by then as it was before"))
            .step(Step::Reset)
            .send(Ask::good().attempt(2), Expect::AlreadyApplied),
        repeated("parallel", "of sixteen equal requests at once, one has the effect and all are answered")
            .step(Step::AtOnce(vec![Ask::good(); 16], Expect::AlreadyApplied)),
        repeated("parallel-attempts", "of sixteen attempts at once, one has the effect and all are answered")
            .step(Step::AtOnce((1..=16).map(|attempt| Ask::good().attempt(attempt)).collect(), Expect::AlreadyApplied)),
        first(repeated("key-reused", "the operation id with another proposal's hash is refused"))
            .or_else(
                "a second change is reported as applied though it never was",
                "keep the proposal's hash with the operation id; another one is 409 `IDEMPOTENCY_KEY_REUSED`",
            )
            .send(
                Ask::good()
                    .attempt(2)
                    .with("/proposal_hash", Some("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into()))
                    .header("x-synapsor-proposal-hash", None),
                Expect::Refused(409, "IDEMPOTENCY_KEY_REUSED"),
            ),
    ]
}

/// What follows a failure.
fn fenced() -> Vec<Scenario> {
    let refused = || Ask { patch: Patch::Refused, ..Ask::good() };
    vec![
        Scenario::new("retry-after-failure", "after a failure a higher attempt of the same operation may succeed")
            .or_else(
                "a change that failed once can never be applied",
                "after the rollback store that this attempt is closed; a higher attempt goes on from there",
            )
            .needs(Need::RefusedPatch)
            .proves(Proves::Redelivery)
            .send(refused(), Expect::Failed)
            .send(Ask::good().attempt(2), Expect::Applied)
            .effects(1),
        Scenario::new("fenced", "an attempt that was closed, or is lower than one that was, can do nothing any more")
            .or_else(
                "a request that was slow on its way is carried out after its failure was reported",
                "after a rollback commit a tombstone with the attempt before you answer `failed`; a request with that attempt or a \
                 lower one is 409 `FENCED`",
            )
            .needs(Need::RefusedPatch)
            .proves(Proves::Redelivery)
            .send(refused().attempt(3), Expect::Failed)
            .send(Ask::good().attempt(2), FENCED)
            .send(Ask::good().attempt(3), FENCED),
    ]
}
