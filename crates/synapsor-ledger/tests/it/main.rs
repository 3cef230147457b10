//! What the ledger promises, on real files.
#![expect(clippy::unwrap_used, reason = "a fixture that fails is a test that fails")]

mod agenda;
mod altered;
mod claims;
mod concurrency;
mod copies;
mod crash;
mod damage;
mod fixture;
mod lists;
mod migration;
mod model;
mod opening;
mod proposals;
mod reads;
mod stories;
mod upkeep;
