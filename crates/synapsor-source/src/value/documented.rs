//! Does `docs/types.md` say what the tables of types do?
//!
//! Each engine gives a column of every type; what is said of it is computed from its kind.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use synapsor_protocol::Scalar;

use super::ValueKind;

const UPDATE: &str = "UPDATE_FIXTURES=1 cargo test -p synapsor-source --lib documented";
const HEAD: &str = "| type | travels as | for example | key, tenant | version | remarks |\n|---|---|---|---|---|---|\n";
const END: &str = "<!-- end of the table -->";

/// One type as people declare it.
pub(crate) struct Example {
    /// How it is declared.
    pub(crate) declared: &'static str,
    /// What the table of types says.
    pub(crate) kind: Option<ValueKind>,
    /// A value in JSON, as somebody might propose it.
    pub(crate) given: &'static str,
    /// Why it is no key, although its kind is one.
    pub(crate) loose: bool,
    pub(crate) remark: &'static str,
}

/// Who writes the document, one table after the other.
static WRITER: Mutex<()> = Mutex::new(());

/// Holds the table of this engine in the document against its examples.
pub(crate) fn hold(engine: &str, examples: &[Example]) {
    let _turn = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/types.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- table of {engine}, made from the code: {UPDATE} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("the document has no line {begin}"));
    let (found, after) = rest.split_once(END).expect("the document marks the table's end");
    let table: String = HEAD.to_owned() + &examples.iter().map(row).collect::<String>();
    #[expect(clippy::disallowed_methods, reason = "whoever changes a table may write it")]
    if std::env::var("UPDATE_FIXTURES").is_ok() {
        std::fs::write(&path, format!("{before}{begin}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "if the code is right: {UPDATE}");
    }
}

fn row(example: &Example) -> String {
    let Some(kind) = &example.kind else {
        return format!("| `{}` | not supported | | | | {} |\n", example.declared, example.remark);
    };
    let given: Scalar = serde_json::from_str(example.given).unwrap();
    let canonical = kind.check(&given).unwrap_or_else(|error| panic!("{}: {error}", example.declared));
    let example_shown = if canonical == given { format!("`{given}`") } else { format!("`{given}` reads as `{canonical}`") };
    let key = if kind.is_key() && !example.loose { "yes" } else { "no" };
    format!(
        "| `{}` | {} | {} | {key} | {} | {} |\n",
        example.declared,
        travels(kind),
        example_shown.replace('|', "\\|"),
        version(kind),
        example.remark
    )
}

fn travels(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Boolean => "boolean",
        ValueKind::Integer { min, max } if *min >= i128::from(i32::MIN) && *max <= i128::from(u32::MAX) => "number",
        ValueKind::Integer { .. } => "number; beyond ±2^53 string",
        ValueKind::Float { .. } | ValueKind::Year => "number",
        ValueKind::MomentText { .. } => "string; number if it is kept as one",
        ValueKind::Bytes { .. } => "string, base64",
        ValueKind::Array(_) => "string, a JSON array",
        _ => "string",
    }
}

fn version(kind: &ValueKind) -> &'static str {
    match (kind.is_version(), kind.has_next_version(), kind.is_coarse_version()) {
        (false, ..) => "no",
        (true, true, false) => "`auto`",
        (true, true, true) => "`auto`, with row hash",
        (true, false, false) => "`database`",
        (true, false, true) => "`database`, with row hash",
    }
}
