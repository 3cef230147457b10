//! The handler against real databases: each behaviour runs once per engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ask;
mod behaviours;
mod conformance;
mod effects;
mod examples;
mod faults;
mod shop;
mod trust;
