//! Is what the documents say true?

mod commands;
mod examples;
mod fields;
mod lookups;
mod messages;
mod page;
mod paths;
mod records;
mod shadow;
mod walks;
