//! Does `fixtures/protocol/MANIFEST.json` name the bytes of the schemas and records as they stand?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use synapsor_protocol::ProtocolManifest;

use crate::error::{TaskError, at};

/// Where the manifest is, from the root.
pub(crate) const PATH: &str = "fixtures/protocol/MANIFEST.json";

/// What the manifest has to say, given what the schemas have to say.
pub(crate) fn text(root: &Path, schemas: &BTreeMap<String, String>) -> Result<String, TaskError> {
    let folder = root.join("fixtures/protocol");
    let mut fixtures = BTreeMap::new();
    collect(&folder, &folder, &mut fixtures)?;
    let named = |(name, bytes)| -> (&str, &[u8]) { (name, bytes) };
    let manifest = ProtocolManifest::of(
        schemas.iter().map(|(name, text)| named((name.as_str(), text.as_bytes()))),
        fixtures.iter().map(|(name, bytes)| named((name.as_str(), bytes.as_slice()))),
    );
    let text = serde_json::to_string_pretty(&manifest).map_err(|source| TaskError::SchemaJson { file: PATH, source })?;
    Ok(text + "\n")
}

/// Every record below a folder, by its path from the folder of the manifest.
fn collect(folder: &Path, below: &Path, found: &mut BTreeMap<String, Vec<u8>>) -> Result<(), TaskError> {
    for entry in fs::read_dir(below).map_err(at("list", below))? {
        let path: PathBuf = entry.map_err(at("list", below))?.path();
        if path.is_dir() {
            collect(folder, &path, found)?;
            continue;
        }
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        if name.ends_with(".json") && name != "MANIFEST.json" {
            found.insert(name, fs::read(&path).map_err(at("read", &path))?);
        }
    }
    Ok(())
}
