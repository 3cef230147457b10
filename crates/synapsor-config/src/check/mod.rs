//! Which rules does a file break?

use std::path::Path;

use synapsor_protocol::preparse::{self, Limits};

use crate::{Checked, Code, Finding};

/// Checks the text.
pub(crate) fn check(text: &[u8], _base: &Path) -> Checked {
    let refused = preparse::check(text, Limits::DEFAULT).err();
    let findings = refused.map(|refused| Finding {
        severity: Code::InvalidJson.severity(),
        path: "$".into(),
        code: Code::InvalidJson,
        message: refused.reason.to_string(),
        line: refused.position.line,
        column: refused.position.column,
        hint: None,
    });
    Checked { config: None, findings: findings.into_iter().collect() }
}
