//! What does the file look like to an editor?
//!
//! The schema is made from the raw types, closed, with a description at each member. What the validator accepts it
//! accepts; the rules that no schema can say (what refers to what) are the validator's alone.

use schemars::Schema;
use schemars::generate::SchemaSettings;

use crate::raw::file::RawConfig;

/// The schema of `synapsor.runner.json`, draft 2020-12.
pub fn schema() -> Schema {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<RawConfig>()
}
