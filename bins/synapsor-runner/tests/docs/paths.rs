//! Are the files there that the documents name?

use std::path::Path;

use crate::page::{pages, root};

const FOLDERS: [&str; 6] = ["crates/", "bins/", "xtask/", "fixtures/", "schemas/", "docs/"];

#[test]
fn each_file_that_a_document_names_is_there() {
    let mut missing = Vec::new();
    for page in pages() {
        let named = page.quoted().into_iter().filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
        let named = named.filter(|word| !word.contains([' ', '*', '<', '{']));
        missing.extend(named.filter(|word| !root().join(word).exists()).map(|word| format!("{}: {word}", page.name)));
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn each_link_of_a_document_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = root().join(Path::new(&page.name).parent().unwrap_or(Path::new("")));
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.starts_with("http") {
                continue;
            }
            let file = if path.is_empty() { root().join(&page.name) } else { folder.join(path) };
            let found = std::fs::read_to_string(&file).is_ok_and(|text| anchor.is_empty() || has_heading(&text, anchor));
            if !found {
                broken.push(format!("{}: {target}", page.name));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// Whether a heading of the text gets this anchor, as GitHub makes them.
fn has_heading(text: &str, anchor: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchors = headings.map(|heading| {
        let letters = heading.to_lowercase().replace(' ', "-");
        letters.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>()
    });
    anchors.into_iter().any(|made| made == anchor)
}
