//! Handlers as an application may build them, and every way in which they can fail.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod answers;
mod commands;
mod contract;
mod sample;
mod scripted;
mod silence;
