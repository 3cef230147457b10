//! Which requests are read?

use serde_json::json;

use crate::conformance::ask::{Ask, Damage, Form};
use crate::conformance::scenario::{Expect, Need, Scenario};

const BAD_JSON: Expect = Expect::Refused(400, "BAD_JSON");
const BAD_REQUEST: Expect = Expect::Refused(400, "BAD_WRITEBACK_REQUEST");

pub(super) fn all() -> Vec<Scenario> {
    names().into_iter().chain(contents()).chain(texts()).collect()
}

/// Headers that name another request than the body.
fn names() -> Vec<Scenario> {
    let named = |name, about, ask: Ask| {
        Scenario::new(name, about)
            .or_else(
                "logs and proxies see another request than the one that is carried out",
                "compare `Idempotency-Key`, `webhook-id`, `X-Synapsor-Proposal-Id` and `X-Synapsor-Proposal-Hash`, where they are \
                 there, with the body; answer 400 `BAD_WRITEBACK_REQUEST`",
            )
            .send(ask, BAD_REQUEST)
    };
    vec![
        named(
            "key-differs",
            "another `Idempotency-Key` than in the body is refused",
            Ask::good().header("idempotency-key", Some("wrp_another:1")),
        ),
        named(
            "proposal-differs",
            "another `X-Synapsor-Proposal-Id` than in the body is refused",
            Ask::good().header("x-synapsor-proposal-id", Some("wrp_another")),
        ),
        named(
            "hash-differs",
            "another `X-Synapsor-Proposal-Hash` than in the body is refused",
            Ask::good().header("x-synapsor-proposal-hash", Some("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
        ),
        named(
            "webhook-id-differs",
            "another `webhook-id` than the body's key is refused",
            Ask::good().signed(|signing| signing.other_id = true),
        )
        .needs(Need::Signing),
    ]
}

/// What the members say.
fn contents() -> Vec<Scenario> {
    let without = |pointer| Ask { form: Form::Nested, ..Ask::good() }.with(pointer, None);
    let twice = "the handler may lock one row and tell your code of another";
    vec![
        Scenario::new("action-unknown", "an action that the handler does not know is refused")
            .or_else("a change meant for another effect is carried out", "look the action up, and answer 400 `UNSUPPORTED_ACTION`")
            .send(
                Ask::good()
                    .with("/action", Some("conformance.unknown".into()))
                    .with("/change_set/action", Some("conformance.unknown".into())),
                Expect::Refused(400, "UNSUPPORTED_ACTION"),
            ),
        Scenario::new("version-unsupported", "another version of the protocol is refused")
            .or_else("a request whose meaning changed is carried out by its old one", "answer 400 `UNSUPPORTED_PROTOCOL_VERSION`")
            .send(Ask::good().with("/protocol_version", Some("2.0".into())), Expect::Refused(400, "UNSUPPORTED_PROTOCOL_VERSION")),
        Scenario::new("forms-disagree", "a request whose two forms say different things is refused")
            .or_else(twice, "where both forms have a member, compare them; answer 400 `BAD_WRITEBACK_REQUEST`")
            .send(Ask::good().with("/change_set/scope/tenant_id", Some("somebody else".into())), BAD_REQUEST)
            .send(Ask::good().with("/change_set/patch", Some(json!({"synapsor_conformance": 1}))), BAD_REQUEST),
        Scenario::new("tenant-disagrees", "a tenant id that is not the guarded tenant is refused")
            .or_else(twice, "compare `scope.tenant_id` with `guards.tenant.value`, and `scope.object_id` with the key")
            .send(Ask { form: Form::Nested, ..Ask::good() }.with("/change_set/scope/tenant_id", Some("somebody else".into())), BAD_REQUEST)
            .send(Ask { form: Form::Nested, ..Ask::good() }.with("/change_set/scope/object_id", Some("another".into())), BAD_REQUEST),
        Scenario::new("incomplete", "a request that lacks a key, a proposal, a patch or a guard is refused")
            .or_else(
                "a change without its guards is carried out",
                "check every member before anything is done; answer 400 `BAD_WRITEBACK_REQUEST`",
            )
            .send(without("/proposal_id"), BAD_REQUEST)
            .send(without("/idempotency_key"), BAD_REQUEST)
            .send(without("/change_set/patch"), BAD_REQUEST)
            .send(without("/change_set/guards"), BAD_REQUEST)
            .send(without("/change_set/guards/tenant"), BAD_REQUEST)
            .send(without("/change_set/guards/expected_version"), BAD_REQUEST)
            .send(without("/change_set/patch").with("/change_set/patch", Some(json!({}))), BAD_REQUEST),
    ]
}

/// Bodies that are not JSON, or JSON that readers disagree about. All of them are well signed.
fn texts() -> Vec<Scenario> {
    let text = |name, about, damage: Damage, expect: Expect| {
        Scenario::new(name, about)
            .or_else(
                "what was signed and checked in one way may be read in another",
                "read the body with a strict parser: no member twice, no NUL, valid UTF-8, at most 32 levels, no number that a double \
                 does not hold; answer 400 `BAD_JSON`",
            )
            .send(Ask::good().damaged(damage), expect)
    };
    let large = Scenario::new("body-oversized", "a body of more than 1 MiB is not read")
        .or_else("anybody with the token can fill your memory", "stop reading at 1 MiB and refuse")
        .send(Ask::good().damaged(Damage::Large), Expect::Unwelcome);
    vec![
        text("body-no-json", "a body that is not JSON is refused", Damage::Instead(b"no json"), BAD_JSON),
        text("body-cut", "half a body is refused", Damage::Cut, BAD_JSON),
        text("body-empty", "an empty body is refused", Damage::Instead(b""), Expect::Failed),
        text("body-no-object", "JSON that is no object is refused", Damage::Instead(b"[]"), Expect::Failed),
        text("body-member-twice", "a member that stands there twice is refused", Damage::Twice, BAD_JSON),
        text("body-nul", "a NUL is refused", Damage::Note("\"\\u0000\""), BAD_JSON),
        text("body-deep", "more than 32 levels are refused", Damage::Deep, BAD_JSON),
        text("body-no-utf8", "what is not UTF-8 is refused", Damage::NotUtf8, BAD_JSON),
        text("body-inexact-number", "a number that a double does not hold exactly is refused", Damage::Note("9007199254740993"), BAD_JSON),
        large,
    ]
}
