//! Which rules does a file break?
//!
//! # Invariants
//! - A checker reports everything that it can see and returns its checked type only if nothing of it is broken.
//! - One object of the file, one function. A rule over several objects stands in [`cross`].
//!
//! Start reading at [`check`], then [`file`].

mod args;
mod capability;
mod cloud;
mod context;
mod cross;
mod entries;
mod executor;
mod file;
mod forbidden;
mod operators;
mod proposal;
mod report;
mod rules;
mod secrets;
mod source;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use synapsor_protocol::preparse::{self, Limits, ParseError};

use crate::Checked;
use crate::code::Code;
use crate::config::Config;
use crate::raw::file::RawConfig;
use report::{At, Report};

/// Checks the text of a file whose relative paths start from `base`.
pub(crate) fn check(text: &[u8], base: &Path) -> Checked {
    let mut report = Report::default();
    let config = document(text, base, &mut report);
    let config = config.filter(|_| !report.refused);
    Checked { config, findings: report.findings(text) }
}

fn document(text: &[u8], base: &Path, report: &mut Report) -> Option<Config> {
    let root = json(text, report)?;
    let Ok(raw) = RawConfig::deserialize(&root) else {
        report.add(Code::ConfigNotObject, &At::root());
        return None;
    };
    report.strict = raw.strict.given() != Some(&false);
    let config = file::config(&raw, base, report);
    forbidden::scan(&root, &At::root(), report);
    config.map(|config| Config { unserved: report.unserved(), ..config })
}

fn json(text: &[u8], report: &mut Report) -> Option<Value> {
    match preparse::from_slice(text, Limits::DEFAULT) {
        Ok(value) => Some(value),
        Err(ParseError::Refused(refused)) => {
            report.add_at(Code::InvalidJson, refused.position, format!("{}: {}", Code::InvalidJson.meaning(), refused.reason));
            None
        }
        // What the pre-parser accepts is JSON; if serde disagrees, the file is refused all the same.
        Err(ParseError::Shape(_)) => {
            report.add(Code::InvalidJson, &At::root());
            None
        }
    }
}
