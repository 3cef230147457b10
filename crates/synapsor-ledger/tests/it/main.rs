//! What the ledger promises, on real files.

mod altered;
mod claims;
mod concurrency;
mod crash;
mod fixture;
mod lists;
mod opening;
mod proposals;
mod reads;
