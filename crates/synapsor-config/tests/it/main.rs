//! The validator, seen from outside.

mod capability;
mod drift;
mod fixtures;
mod loading;
mod proposal_rules;
