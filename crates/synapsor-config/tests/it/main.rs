//! The validator, seen from outside.

mod drift;
mod fixtures;
mod loading;
