//! Does the file hold what must never be in it?
//!
//! Looked for at every depth, also where the file's author chose the names, and whatever `strict` says.

use serde_json::Value;
use synapsor_protocol::credential::has_credential;

use super::report::{At, Report};
use crate::code::Code;
use crate::reserved;

pub(crate) fn scan(value: &Value, at: &At, report: &mut Report) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| member(name, value, at, report)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| scan(item, &at.index(index), report)),
        Value::String(text) if has_credential(text) => {
            report.add(Code::InlineCredentialForbidden, at).hint("put it into an environment variable, and its name here; then change it");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn member(name: &str, value: &Value, at: &At, report: &mut Report) {
    let at = at.field(name);
    if reserved::is_url_member(name) {
        report
            .add(Code::InlineDatabaseUrlForbidden, &at)
            .hint("name an environment variable that holds it, in `read_url_env` or `write_url_env`");
    }
    if reserved::is_sql_member(name) {
        report
            .add(Code::ArbitrarySqlForbidden, &at)
            .hint("say what may be read or changed with columns; a column or argument of this name needs another one");
    }
    scan(value, &at, report);
}
