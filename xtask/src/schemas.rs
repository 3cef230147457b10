//! Do the files in `schemas/` say what the Rust types say?
//!
//! Each crate with records offers their schemas under its feature `schemas`; here they are put into
//! files. A file of `schemas/` that no type stands behind is as wrong as one that differs. The manifest
//! of schemas and records is written and compared with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use schemars::Schema;
use serde_json::Value;

use crate::error::{TaskError, at};
use crate::manifest;
use crate::output;
use crate::workspace;

/// What stands in every file.
const COMMENT: &str = "Generated from the Rust types by `cargo xtask schemas`; do not edit.";

/// Every schema of the workspace under its file name.
fn all() -> Vec<(&'static str, Schema)> {
    let mut all = synapsor_protocol::schemas::schemas();
    all.extend(synapsor_envelope::schemas::schemas());
    all.push(("synapsor.runner.schema.json", synapsor_config::schema()));
    all.extend(Schema::try_from(synapsor_handler::declared::schema()).ok().map(|schema| ("synapsor.handler-config.v1.json", schema)));
    all.push(("synapsor.handler-conformance.v1.json", synapsor_handler::conformance::schema()));
    all
}

/// Writes every file and removes those that nothing stands behind.
pub(crate) fn write() -> Result<ExitCode, TaskError> {
    let folder = folder();
    fs::create_dir_all(&folder).map_err(at("make", &folder))?;
    let expected = expected()?;
    for file in differing(&folder, &expected)? {
        let path = folder.join(&file);
        match expected.get(&file) {
            Some(text) => fs::write(&path, text).map_err(at("write", &path))?,
            None => fs::remove_file(&path).map_err(at("remove", &path))?,
        }
        output::line(&format!("schemas/{file}"));
    }
    if !manifest_stands(&expected)? {
        let path = workspace::root().join(manifest::PATH);
        fs::write(&path, manifest::text(&workspace::root(), &expected)?).map_err(at("write", &path))?;
        output::line(manifest::PATH);
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares every file, for the command line.
pub(crate) fn check() -> Result<ExitCode, TaskError> {
    verify()?;
    output::line("schemas/ says what the types say");
    Ok(ExitCode::SUCCESS)
}

/// Compares every file; the error names those that differ.
pub(crate) fn verify() -> Result<(), TaskError> {
    let expected = expected()?;
    let mut files = differing(&folder(), &expected)?;
    if !manifest_stands(&expected)? {
        files.push(manifest::PATH.to_owned());
    }
    if files.is_empty() { Ok(()) } else { Err(TaskError::SchemasDiffer { files }) }
}

/// Whether the manifest names the bytes as they stand.
fn manifest_stands(expected: &BTreeMap<String, String>) -> Result<bool, TaskError> {
    let root = workspace::root();
    let written = fs::read_to_string(root.join(manifest::PATH)).ok();
    Ok(written == Some(manifest::text(&root, expected)?))
}

fn folder() -> PathBuf {
    workspace::root().join("schemas")
}

fn expected() -> Result<BTreeMap<String, String>, TaskError> {
    all()
        .into_iter()
        .map(|(file, schema)| {
            let text = text_of(schema).map_err(|source| TaskError::SchemaJson { file, source })?;
            Ok((file.to_owned(), text))
        })
        .collect()
}

/// Names of files that are missing, that differ, or that nothing stands behind.
fn differing(folder: &Path, expected: &BTreeMap<String, String>) -> Result<Vec<String>, TaskError> {
    let mut files = Vec::new();
    for (file, text) in expected {
        if fs::read_to_string(folder.join(file)).ok().as_ref() != Some(text) {
            files.push(file.clone());
        }
    }
    for entry in fs::read_dir(folder).map_err(at("list", folder))? {
        let name = entry.map_err(at("list", folder))?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") && !expected.contains_key(&name) {
            files.push(name);
        }
    }
    Ok(files)
}

fn text_of(schema: Schema) -> Result<String, serde_json::Error> {
    let mut value = schema.to_value();
    if let Value::Object(members) = &mut value {
        members.insert("$comment".to_owned(), Value::from(COMMENT));
    }
    Ok(serde_json::to_string_pretty(&sorted(value))? + "\n")
}

/// Members in the order of their names, whatever a feature of `serde_json` makes of maps elsewhere.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<String, Value> = members.into_iter().map(|(name, member)| (name, sorted(member))).collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_say_what_the_types_say() {
        let hint = "run `cargo xtask schemas` and commit the result";
        assert!(verify().is_ok(), "{}: {hint}", verify().unwrap_err());
    }

    #[test]
    fn a_missing_a_changed_and_an_orphaned_file_all_differ() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("changed.json"), "old").unwrap();
        fs::write(folder.path().join("orphan.json"), "{}").unwrap();
        fs::write(folder.path().join("same.json"), "same").unwrap();
        let expected = ["changed", "missing", "same"].map(|name| (format!("{name}.json"), name.to_owned())).into_iter().collect();
        let files = differing(folder.path(), &expected).unwrap().join(" ");
        insta::assert_snapshot!(files, @"changed.json missing.json orphan.json");
    }
}
