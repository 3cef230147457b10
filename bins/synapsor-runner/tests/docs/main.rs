//! Is what the documents say true?

mod commands;
mod examples;
mod fields;
mod page;
mod paths;
mod walks;
