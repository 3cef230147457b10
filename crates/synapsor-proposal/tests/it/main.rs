//! The rules of a proposal, as tables and as properties.

#![expect(clippy::unwrap_used, reason = "a fixture that fails is a test that fails")]

mod attempts;
mod decisions;
mod fixture;
mod invariants;
mod proposing;
mod shadow;
