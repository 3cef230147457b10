//! The validator, seen from outside.

#![expect(clippy::unwrap_used, reason = "a fixture that fails is a test that fails")]

mod capability;
mod documented;
mod drift;
mod fixtures;
mod loading;
mod proposal_rules;
mod text;
