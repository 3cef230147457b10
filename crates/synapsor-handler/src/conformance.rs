//! Does a handler, in whatever language, keep the contract?
//!
//! A list of scenarios is played against a running endpoint: what must be applied once, what must be refused, what must not be
//! told. Before each of them the row is put back, after each of them it is looked at, and the effects are counted: an answer is
//! believed only together with what happened.
//!
//! # Invariants
//! - A scenario is data: requests, what must be answered, and how many effects there must be. One function plays all of them.
//! - Which values a handler may have in an executor's configuration is earned by scenarios that passed, not claimed.
//! - Nothing that is printed or reported repeats a secret.
//!
//! Start reading at [`Conformance::run`]; the list begins in `conformance/list.rs`.

#[cfg(feature = "conformance")]
mod answers;
#[cfg(feature = "conformance")]
mod ask;
mod fixture;
#[cfg(feature = "conformance")]
mod http_client;
#[cfg(feature = "conformance")]
mod judge;
#[cfg(feature = "conformance")]
mod list;
#[cfg(feature = "conformance")]
mod play;
#[cfg(feature = "conformance")]
mod scenario;
#[cfg(feature = "conformance")]
mod stage;
#[cfg(feature = "conformance")]
mod transport;
#[cfg(feature = "conformance")]
mod verdict;

pub use fixture::{
    Claims, CredentialVariables, DryRunClaim, Fixture, FixtureError, FixtureTarget, Observe, OtherTenant, RedeliveryClaim, Reset, Select,
    UrlVariable,
};
#[cfg(feature = "conformance")]
pub use http_client::HttpTransport;
#[cfg(feature = "conformance")]
pub use play::{Conformance, ConformanceError, Credentials};
#[cfg(feature = "conformance")]
pub use stage::{Acting, Commands, Observation, Stage, StageError};
#[cfg(feature = "conformance")]
pub use transport::{Sending, Transport, TransportError};
#[cfg(feature = "conformance")]
pub use verdict::{Earned, Judged, Judgement, Verdict};

/// The names of all scenarios, in the order in which they are played.
#[cfg(feature = "conformance")]
pub fn names() -> Vec<&'static str> {
    let closing = answers::Answers::new(Vec::new()).judged();
    list::all().iter().map(|scenario| scenario.name).chain(closing.iter().map(|judged| judged.name)).collect()
}

/// The JSON Schema of a [`Fixture`], for `schemas/`.
#[cfg(feature = "schemas")]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Fixture)
}
