//! Does `docs/configuration.md` list what can be found, and nothing else?

use std::fs;
use std::path::PathBuf;

use synapsor_config::Code;

use crate::fixtures::updating;

const UPDATE: &str = "UPDATE_FIXTURES=1 cargo test -p synapsor-config --test it documented";
const HEAD: &str = "| code | severity | meaning |\n|---|---|---|\n";
const END: &str = "\n<!-- end of the table -->";

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")
}

/// The table as it should be: one row per code, in the order of the code.
fn table() -> String {
    let row = |code: &Code| format!("| `{code}` | {} | {} |\n", code.severity().as_str(), code.meaning());
    Code::ALL.iter().map(row).collect()
}

#[test]
fn the_table_of_findings_is_that_of_the_code() {
    let document = document();
    let text = fs::read_to_string(&document).unwrap();
    let (before, rest) = text.split_once(HEAD).expect("the document has the head of the table");
    let (found, after) = rest.split_once(END).expect("the document marks the table's end");
    if updating() {
        fs::write(&document, format!("{before}{HEAD}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(found, table(), "if the code is right: {UPDATE}");
    }
}
