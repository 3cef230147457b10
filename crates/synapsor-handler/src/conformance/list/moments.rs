//! Is a request fresh by what is signed?
//!
//! Standard Webhooks signs its timestamp, the older scheme only the body: there the moment is `issued_at` inside it, whatever a
//! header says. Moments are given in tolerances from now.

use synapsor_protocol::handler::signature::SYNAPSOR_ISSUED_AT;

use crate::conformance::ask::Ask;
use crate::conformance::scenario::{Expect, Need, Scenario};

const NOT_FRESH: Expect = Expect::Refused(401, "INVALID_ISSUED_AT");

pub(super) fn all() -> Vec<Scenario> {
    distant().into_iter().chain(dressed()).collect()
}

fn distant() -> Vec<Scenario> {
    let distant = |name, about, ask: Ask| {
        Scenario::new(name, about)
            .or_else(
                "a request that somebody kept can be sent again for as long as the secret lives",
                "compare `webhook-timestamp`, and `issued_at` inside the body, with your clock: more than the tolerance away, in \
                 either direction, is 401 `INVALID_ISSUED_AT`",
            )
            .needs(Need::Signing)
            .send(ask, NOT_FRESH)
    };
    vec![
        distant("stale", "an old request is refused", Ask::good().issued(-2.0)),
        distant(
            "stale-webhooks",
            "an old request with Standard Webhooks' signature alone is refused",
            Ask::good().webhooks_alone().issued(-2.0),
        ),
        distant("stale-older", "an old request with the older signature alone is refused", Ask::good().older_alone().issued(-2.0)),
        distant("future", "a request from the future is refused", Ask::good().issued(2.0)),
        distant("future-webhooks", "the same with Standard Webhooks' signature alone", Ask::good().webhooks_alone().issued(2.0)),
        distant("future-older", "the same with the older signature alone", Ask::good().older_alone().issued(2.0)),
    ]
}

/// Old requests that were dressed anew, and moments that contradict each other.
fn dressed() -> Vec<Scenario> {
    let dressed = |name, about, ask: Ask, expect: Expect| {
        Scenario::new(name, about)
            .or_else(
                "a captured request becomes fresh by a header that nobody signed",
                "believe only what is signed: the header `X-Synapsor-Issued-At` must equal the body's `issued_at` letter for letter, \
                 and both signed moments must be fresh",
            )
            .needs(Need::Signing)
            .send(ask, expect)
    };
    let older = || Ask::good().older_alone();
    let webhooks = || Ask::good().webhooks_alone();
    vec![
        dressed(
            "fresh-header-stale-body",
            "a fresh header over an old body is refused",
            Ask { header_at: Some(0.0), ..older().issued(-2.0) },
            NOT_FRESH,
        ),
        dressed(
            "stale-header-fresh-body",
            "an old header over a fresh body is refused",
            Ask { header_at: Some(-2.0), ..older() },
            NOT_FRESH,
        ),
        dressed(
            "moment-missing",
            "the older signature without `X-Synapsor-Issued-At` is refused",
            older().header(SYNAPSOR_ISSUED_AT, None),
            NOT_FRESH,
        ),
        dressed(
            "fresh-timestamp-stale-body",
            "a fresh, signed timestamp over an old body is refused",
            webhooks().issued(-2.0).signed(|signing| signing.webhooks_at = Some(0.0)),
            NOT_FRESH,
        ),
        dressed(
            "stale-timestamp-fresh-body",
            "an old, signed timestamp over a fresh body is refused",
            webhooks().signed(|signing| signing.webhooks_at = Some(-2.0)),
            NOT_FRESH,
        ),
        dressed(
            "timestamp-moved",
            "a timestamp that was changed after it was signed is refused",
            webhooks().signed(|signing| (signing.webhooks_at, signing.moved) = (Some(-0.5), true)),
            Expect::Refused(401, "INVALID_SIGNATURE"),
        ),
    ]
}
