//! Is the authority boundary still a fact of the dependency tree?
//!
//! What serves a model must not even link what decides or writes. Features unify in a workspace build
//! and hide misuse, so the question is asked of the model-facing crate alone.

use crate::error::TaskError;
use crate::process::output_of;
use crate::workspace::cargo;

/// The crate behind which a model stands.
const MODEL_FACING: &str = "synapsor-mcp";

/// Crates and features that its tree must not name.
const FORBIDDEN: [&str; 4] = ["synapsor-operator", "synapsor-executor", "decisions", "guarded-write"];

/// Fails with the offending lines of the tree.
pub(crate) fn check() -> Result<(), TaskError> {
    let arguments = ["tree", "--locked", "-p", MODEL_FACING, "-e", "normal,features"];
    let tree = output_of(&mut cargo(&arguments))?;
    let offending = offending_lines(&tree);
    if offending.is_empty() {
        return Ok(());
    }
    let program = format!("the boundary of {MODEL_FACING}");
    let output = format!("`cargo {}` names what a model must not reach:\n{offending}", arguments.join(" "));
    Err(TaskError::Failed { program, output })
}

fn offending_lines(tree: &str) -> String {
    let named = |line: &&str| FORBIDDEN.iter().any(|word| line.contains(word));
    tree.lines().filter(named).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_feature_is_found_where_the_tree_names_it() {
        let tree = "synapsor-mcp v0.1.0\n├── synapsor-agent feature \"default\"\n│   └── synapsor-source feature \"guarded-write\"\n";
        insta::assert_snapshot!(offending_lines(tree), @r#"│   └── synapsor-source feature "guarded-write""#);
    }
}
