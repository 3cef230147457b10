//! Every finding has a folder that shows it, and what is valid stays valid.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use synapsor_config::{Checked, Code, Severity};

const UPDATE: &str = "UPDATE_FIXTURES=1 cargo test -p synapsor-config --test it fixtures";

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/configs")
}

/// Name and content of each file in a folder of fixtures.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

pub(crate) fn check(text: &[u8]) -> Checked {
    synapsor_config::check(text, Path::new("/srv/shop"))
}

fn shown(checked: &Checked) -> String {
    checked.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
pub(crate) fn updating() -> bool {
    std::env::var("UPDATE_FIXTURES").is_ok()
}

/// The lines that differ, with one line around them.
fn difference(expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let tail = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(old, new)| old == new).count();
    let removed = old[same..old.len() - tail].iter().map(|line| format!("- {line}\n"));
    let added = new[same..new.len() - tail].iter().map(|line| format!("+ {line}\n"));
    removed.chain(added).collect()
}

#[test]
fn each_code_has_a_folder_that_shows_it() {
    let mut wrong = String::new();
    for code in Code::ALL {
        let folder = folder().join(code.as_str());
        let Ok(text) = fs::read(folder.join("synapsor.runner.json")) else {
            wrong.push_str(&format!("{code} has no fixtures/configs/{code}/synapsor.runner.json\n"));
            continue;
        };
        let checked = check(&text);
        let found = shown(&checked);
        if !checked.findings.iter().any(|finding| finding.code == *code) {
            wrong.push_str(&format!("fixtures/configs/{code} does not show {code}:\n{found}"));
        }
        let expected = fs::read_to_string(folder.join("findings.txt")).unwrap_or_default();
        if updating() {
            fs::write(folder.join("findings.txt"), &found).unwrap();
        } else if expected != found {
            wrong.push_str(&format!("fixtures/configs/{code}/findings.txt:\n{}", difference(&expected, &found)));
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif that is right: {UPDATE}\n");
}

#[test]
fn each_folder_belongs_to_a_code() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).chain(["valid"]).collect();
    let folders = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strangers: Vec<String> = folders.filter(|folder| !codes.contains(folder.as_str())).collect();
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn an_error_refuses_the_file_and_nothing_else_does() {
    for code in Code::ALL {
        let checked = check(&fs::read(folder().join(code.as_str()).join("synapsor.runner.json")).unwrap());
        let refused = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(checked.config.is_none(), refused, "{code}");
        assert!(checked.findings.iter().all(|finding| finding.severity == finding.code.severity()), "{code}");
    }
}

#[test]
fn what_is_valid_has_no_error() {
    for (name, text) in files(&folder().join("valid")) {
        let checked = check(&text);
        assert!(checked.is_ok(), "{name}:\n{}", shown(&checked));
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for code in ["READ_URL_ENV_REQUIRED", "HANDLER_SIGNING_SECRET_ENV_INVALID", "INLINE_DATABASE_URL_FORBIDDEN"] {
        let text = fs::read(folder().join(code).join("synapsor.runner.json")).unwrap();
        assert!(String::from_utf8_lossy(&text).contains("canary-7f"), "{code}");
        let checked = check(&text);
        assert!(!format!("{checked:?}").contains("canary-7f"), "{code}");
    }
}

#[test]
fn the_texts_of_codes_differ() {
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
}
