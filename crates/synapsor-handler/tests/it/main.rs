//! The handler against real databases: each behaviour runs once per engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ask;
mod behaviours;
mod conformance;
mod declared_files;
mod effects;
mod examples;
mod faults;
mod faulty;
mod shop;
mod trust;
