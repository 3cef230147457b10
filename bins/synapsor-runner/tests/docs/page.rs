//! What does a document hold that can be tried?
//!
//! Pages are the Markdown files of the repository's root and of `docs`. A block is what stands between fences.

use std::fs;
use std::path::{Path, PathBuf};

/// One document.
pub(crate) struct Page {
    /// Its path from the root.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every document.
pub(crate) fn pages() -> Vec<Page> {
    let files = ["", "docs"].into_iter().flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        entries.map(move |entry| Path::new(folder).join(entry.expect("the folder can be read").file_name()))
    });
    let mut names: Vec<String> = files.filter_map(|path| path.to_str().map(str::to_owned)).filter(|name| name.ends_with(".md")).collect();
    names.sort();
    names.iter().map(|name| page(name)).collect()
}

/// One document, by its path from the root.
pub(crate) fn page(name: &str) -> Page {
    let text = fs::read_to_string(root().join(name)).expect("the document is there");
    Page { name: name.to_owned(), text }
}

impl Page {
    /// The blocks of one language, in order.
    pub(crate) fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut open: Option<(bool, String)> = None;
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (Some((wanted, text)), Some(_)) => {
                    if *wanted {
                        blocks.push(std::mem::take(text));
                    }
                    open = None;
                }
                (Some((_, text)), None) => text.push_str(&format!("{line}\n")),
                (None, Some(named)) => open = Some((named == language, String::new())),
                (None, None) => {}
            }
        }
        blocks
    }

    /// The first block of one language that has this in it.
    pub(crate) fn block(&self, language: &str, holding: &str) -> String {
        let found = self.blocks(language).into_iter().find(|block| block.contains(holding));
        found.unwrap_or_else(|| panic!("{} has no {language} block with `{holding}`", self.name))
    }

    /// What stands between single backticks in the running text.
    pub(crate) fn quoted(&self) -> Vec<String> {
        let mut fenced = false;
        let mut quoted = Vec::new();
        for line in self.text.lines() {
            fenced ^= line.starts_with("```");
            if !fenced {
                quoted.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
            }
        }
        quoted
    }
}

/// The words of a line, as a shell takes them: single and double quotes, no expansion.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_taken_as_a_shell_takes_them() {
    assert_eq!(words(r#"a --json '{"b": "c d"}' "" e"#), ["a", "--json", r#"{"b": "c d"}"#, "", "e"]);
}
