//! Who is let in?

use crate::conformance::ask::{Ask, Mark, Signing, Token, With};
use crate::conformance::scenario::{Expect, Need, Scenario};

const UNAUTHORIZED: Expect = Expect::Refused(401, "UNAUTHORIZED");
const FORGED: Expect = Expect::Refused(401, "INVALID_SIGNATURE");

pub(super) fn all() -> Vec<Scenario> {
    tokens().into_iter().chain(forged()).chain(accepted()).collect()
}

fn tokens() -> Vec<Scenario> {
    let token = |name, about, token: Token| {
        Scenario::new(name, about)
            .or_else(
                "anybody who reaches the endpoint can change rows, or the refusal is not told as one",
                "compare `Authorization: Bearer ...` in constant time before the body is read, and answer 401 `UNAUTHORIZED`",
            )
            .needs(Need::Token)
            .send(Ask { token, ..Ask::good() }, UNAUTHORIZED)
    };
    vec![
        token("token-missing", "a request without a token is refused", Token::None),
        token("token-wrong", "a request with another token is refused", Token::Wrong),
        token("token-cut", "all but the last byte of the token is not enough", Token::Cut),
        token("token-other-scheme", "the token under another scheme than `Bearer` is refused", Token::OtherScheme),
    ]
}

/// What is signed by somebody else, or not at all.
fn forged() -> Vec<Scenario> {
    let forged = |name, about, edit: fn(&mut Signing)| {
        Scenario::new(name, about)
            .or_else(
                "whoever has the token, or reads along, can send changes that nobody approved",
                "verify every signature header that is present over the raw bytes of the body; one that is missing or wrong is 401 \
                 `INVALID_SIGNATURE`",
            )
            .needs(Need::Signing)
            .send(Ask::good().signed(edit), FORGED)
    };
    vec![
        forged("signature-missing", "a request without a signature is refused", |signing| {
            (signing.webhooks, signing.older) = (Mark::Absent, Mark::Absent);
        }),
        forged("signature-wrong", "signatures by another secret are refused", |signing| signing.with = With::Strange),
        forged("signature-wrong-webhooks", "a wrong signature of Standard Webhooks alone is refused", |signing| {
            (signing.webhooks, signing.older) = (Mark::Wrong, Mark::Absent);
        }),
        forged("signature-wrong-older", "a wrong signature of the older scheme alone is refused", |signing| {
            (signing.webhooks, signing.older) = (Mark::Absent, Mark::Wrong);
        }),
        forged("signature-webhooks-of-two", "a wrong one of Standard Webhooks beside a right one is refused", |signing| {
            signing.webhooks = Mark::Wrong;
        }),
        forged("signature-older-of-two", "a wrong one of the older scheme beside a right one is refused", |signing| {
            signing.older = Mark::Wrong;
        }),
        forged("signature-altered-body", "a body that was changed after it was signed is refused", |signing| signing.altered = true),
        half("signature-without-id", "webhook-id"),
        half("signature-without-timestamp", "webhook-timestamp"),
    ]
}

fn half(name: &'static str, header: &'static str) -> Scenario {
    Scenario::new(name, "half of a scheme is no scheme: without one of its headers the request is refused")
        .or_else(
            "a signature is left unverified because something beside it is missing",
            "if any of `webhook-id`, `webhook-timestamp` and `webhook-signature` is there, all three must be: else 401 `INVALID_SIGNATURE`",
        )
        .needs(Need::Signing)
        .send(Ask::good().header(header, None), FORGED)
}

/// Everything that must be let in.
fn accepted() -> Vec<Scenario> {
    let accepted = |name, about, means, mend, need: Need, ask: Ask| {
        Scenario::new(name, about).or_else(means, mend).needs(Need::Signing).needs(need).send(ask, Expect::Applied).effects(1)
    };
    let webhooks = "a sender with a Standard Webhooks library cannot use the handler";
    let of_webhooks = "verify `webhook-signature` over `id.timestamp.body`; the key of `whsec_...` is the base64 behind it, of any \
                       other secret its bytes";
    let rotation = "a secret cannot be changed without stopping everything";
    let of_rotation = "keep a list of secrets and accept a signature by any of them";
    vec![
        accepted(
            "signature-webhooks-alone",
            "Standard Webhooks' signature alone is enough",
            webhooks,
            of_webhooks,
            Need::Signing,
            Ask::good().webhooks_alone(),
        ),
        accepted(
            "signature-older-alone",
            "the older scheme's signature alone is enough",
            "a sender that signs the older way cannot use the handler",
            "verify `X-Synapsor-Signature: sha256=<hex>` over the raw body, with the bytes of the whole secret as the key",
            Need::Signing,
            Ask::good().older_alone(),
        ),
        accepted(
            "signature-among-others",
            "signatures that are for others may stand beside the right one",
            "requests are refused while their sender's secret, or the version of the scheme, is changed",
            "look at every part of `webhook-signature`, leave out those without `v1,`, and take any that verifies",
            Need::Signing,
            Ask::good().signed(|signing| signing.padded = true),
        ),
        accepted(
            "rotation-next-secret",
            "the second secret is as good as the first",
            rotation,
            of_rotation,
            Need::NextSecret,
            Ask::good().signed(|signing| signing.with = With::Next),
        ),
        accepted(
            "rotation-both-secrets",
            "a request that is signed with both secrets is accepted",
            rotation,
            of_rotation,
            Need::NextSecret,
            Ask::good().signed(|signing| signing.with = With::Both),
        ),
    ]
}
