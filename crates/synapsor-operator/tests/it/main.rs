//! What an operator can do, against a real ledger and an executor whose answers are chosen.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking")]

mod applying;
mod desk;
mod floor;
mod identity;
mod jobs;
mod permission;
mod resolving;
mod settling;
mod shadows;
mod working;
