//! Is what the documents say true?

mod commands;
mod examples;
mod page;
mod paths;
mod walks;
