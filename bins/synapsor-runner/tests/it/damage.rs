//! A store that was damaged: every verb gives the right answer or says in a sentence what is wrong. None panics, and nothing is
//! applied but what verifies.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use nix::unistd::Uid;
use serde_json::json;
use synapsor_testkit::{Program, Seen, left_out, sqlite};

use crate::desk::{Desk, PROGRAM};

/// Every verb that has to do with the ledger.
const VERBS: [&str; 16] = [
    "mcp serve",
    "tools list",
    "proposals list",
    "proposals show",
    "proposals approve --yes",
    "apply --dry-run",
    "apply",
    "replay list",
    "replay show",
    "replay export --output export.json --force",
    "evidence list",
    "query-audit list",
    "receipts list",
    "activity search",
    "store stats",
    "store verify",
];

/// The invoice before anything was applied.
const UNTOUCHED: &str = "1500 | NULL | 3";

/// What a verb said, if it refused. It must end by itself, with 0 or 1, and say why in words.
fn said(desk: &Desk, words: &str, seen: &Seen) -> Option<String> {
    assert!(matches!(seen.code, Some(0 | 1)) && !seen.stderr.contains("panicked"), "{words}: {seen}");
    let refused = seen.code == Some(1);
    let told = seen.stderr.lines().find(|line| line.starts_with("error: ")).map(|line| desk.scrub(line));
    assert!(!refused || told.is_some(), "{words}: {seen}");
    told.filter(|_| refused)
}

/// Runs every verb and a proposal, and gives what they refused with, each sentence once with the verbs that said it.
fn check(desk: &Desk) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    let proposed = desk.program("propose billing.propose_waiver --json").arg(r#"{"id": "INV-1", "reason": "y"}"#).run();
    assert!(matches!(proposed.code, Some(0 | 1)) && !proposed.stderr.contains("panicked"), "{proposed}");
    for words in VERBS {
        let seen = desk.run(words);
        let said = said(desk, words, &seen).unwrap_or_else(|| "ok".to_owned());
        match told.iter_mut().find(|(sentence, _)| *sentence == said) {
            Some((_, verbs)) => verbs.push(words),
            None => told.push((said, vec![words])),
        }
    }
    told.into_iter().map(|(sentence, verbs)| format!("{sentence}\n  {}\n", named(&verbs))).collect()
}

/// The verbs, or that it was all of them.
fn named(verbs: &[&str]) -> String {
    if verbs.len() >= VERBS.len() { "every verb".to_owned() } else { verbs.join(", ") }
}

/// A desk whose ledger holds one approved proposal, all of it in the file itself.
fn settled() -> Desk {
    let desk = Desk::sqlite();
    desk.approved("x");
    sqlite::execute(&desk.ledger(), "pragma wal_checkpoint(truncate)");
    desk
}

fn beside(desk: &Desk, suffix: &str) -> PathBuf {
    desk.folder.join(&format!("ledger.db{suffix}"))
}

#[test]
fn a_file_that_was_cut_off_is_refused_by_every_verb() {
    for keep in [100, 4096, 20_000] {
        let desk = settled();
        OpenOptions::new().write(true).open(desk.ledger()).unwrap().set_len(keep).unwrap();
        let told = check(&desk);
        assert!(told.starts_with("error: ") && !told.contains("ok\n"), "{keep}: {told}");
        assert_eq!(desk.invoice(), UNTOUCHED, "{keep}");
    }
    let desk = settled();
    OpenOptions::new().write(true).open(desk.ledger()).unwrap().set_len(20_000).unwrap();
    assert_snapshot!(check(&desk), @r"
    error: the ledger `<folder>/ledger.db` is corrupt: database disk image is malformed: Error code 11: database disk image is malformed
      every verb
    ");
}

#[test]
fn a_file_that_was_emptied_is_no_ledger() {
    let desk = settled();
    fs::write(desk.ledger(), "").unwrap();
    for words in VERBS.into_iter().filter(|words| !words.starts_with("mcp") && !words.starts_with("tools")) {
        let told = said(&desk, words, &desk.run(words));
        assert_eq!(told.as_deref(), Some("error: there is no ledger `<folder>/ledger.db`"), "{words}");
    }
    assert_eq!(desk.invoice(), UNTOUCHED);
}

#[test]
fn flipped_bits_are_refused_or_do_not_matter() {
    let sound = settled();
    let id = sound.json("proposals show --json")["state"]["terms"]["proposal_id"].as_str().unwrap().to_owned();
    let (ledger, business) = (fs::read(sound.ledger()).unwrap(), fs::read(sound.folder.join("business.db")).unwrap());
    let (mut seed, mut applied, mut refused) = (4711_u64, 0, 0);
    for _ in 0..40 {
        let mut damaged = ledger.clone();
        // Several at once, so that few runs meet many pages.
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 33) as usize % damaged.len();
            damaged[at] ^= 1 << (seed >> 20 & 7);
        }
        for suffix in ["-wal", "-shm"] {
            let _gone = fs::remove_file(beside(&sound, suffix));
        }
        fs::write(sound.ledger(), &damaged).unwrap();
        fs::write(sound.folder.join("business.db"), &business).unwrap();
        for words in ["proposals list", "activity search", &format!("replay show {id}")] {
            said(&sound, words, &sound.run(words));
        }
        let told = said(&sound, "apply", &sound.run(&format!("apply {id}")));
        match told {
            Some(_) => refused += 1,
            None => applied += 1,
        }
        assert!(
            ["0 | x | 4", UNTOUCHED].contains(&sound.invoice().as_str()),
            "the change is the approved one, or none: {}",
            sound.invoice()
        );
    }
    assert!(refused > 0 && applied + refused == 40, "{applied} {refused}");
}

#[test]
fn the_log_of_another_ledger_applies_nothing_of_it() {
    let (desk, other) = (settled(), Desk::sqlite());
    desk.json("proposals show --json");
    // The other's log is kept by a reader that keeps it from being moved into its file.
    other.propose("something else");
    let reader = rusqlite::Connection::open(other.ledger()).unwrap();
    let held: i64 = reader.query_row("select count(*) from proposals", [], |row| row.get(0)).unwrap();
    other.propose("and another");
    assert_eq!(held, 1);
    fs::copy(beside(&other, "-wal"), beside(&desk, "-wal")).unwrap();
    let told = check(&desk);
    assert_snapshot!(told, @r"
    error: the ledger `<folder>/ledger.db` is corrupt: the log beside it belongs to another ledger: Error code 11: database disk image is malformed
      every verb
    ");
    assert_eq!(desk.invoice(), UNTOUCHED);
}

#[test]
fn a_folder_that_is_gone_or_is_a_file_is_named() {
    let desk = settled();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./gone/ledger.db"));
    assert_snapshot!(desk.scrub(&["proposals list", "apply", "evidence list", "store stats"].map(|words| desk.run(words).stderr).concat()), @r"
    error: there is no ledger `<folder>/gone/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    error: there is no ledger `<folder>/gone/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    error: there is no ledger `<folder>/gone/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    error: there is no ledger `<folder>/gone/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    ");
    desk.folder.write("gone", "not a folder");
    let told = check(&desk);
    assert!(!told.contains("ok\n"), "{told}");
    assert_snapshot!(told, @r"
    error: the ledger `<folder>/gone/ledger.db` cannot be opened: not a directory
      mcp serve, tools list
    error: the ledger `<folder>/gone/ledger.db` cannot be opened: Not a directory (os error 20)
      proposals list, proposals show, proposals approve --yes, apply --dry-run, apply, replay list, replay show, replay export --output export.json --force, evidence list, query-audit list, receipts list, activity search, store stats, store verify
    ");
    assert_eq!(desk.invoice(), UNTOUCHED);
}

/// Runs every verb in a mount namespace of its own, where the folder of the ledger is what `setup` makes of it. The ledger's
/// files are copied to `$ledger` first. `None` where this machine allows no such thing.
fn mounted(desk: &Desk, setup: &str) -> Option<Vec<(String, Seen)>> {
    let folder = desk.folder.join("mounted");
    fs::create_dir(&folder).unwrap();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./mounted/ledger.db"));
    let verbs: Vec<&str> = VERBS.into_iter().chain(["propose billing.propose_waiver --input arguments.json"]).collect();
    desk.folder.write("arguments.json", r#"{"id": "INV-1", "reason": "y"}"#);
    let mut script = format!("set -u\nledger={}\n", folder.display());
    script.push_str("mount -t tmpfs -o size=1m tmpfs \"$ledger\" || exit 77\ncp ledger.db \"$ledger\"/\n");
    script.push_str(setup);
    for (number, words) in verbs.iter().enumerate() {
        script.push_str(&format!("{PROGRAM} {words} > out.{number} 2> err.{number} < /dev/null; echo $? > code.{number}\n"));
    }
    let namespace = Program::at("unshare").args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", &script]);
    let seen = desk.with_environment(namespace).run();
    let (code, read) = (seen.code, |name: String| fs::read_to_string(desk.folder.join(&name)).unwrap_or_default());
    if code == Some(77) || !desk.folder.join("code.0").exists() {
        left_out("a mount namespace");
        return None;
    }
    let ran = verbs.iter().enumerate().map(|(number, words)| {
        let code = read(format!("code.{number}")).trim().parse().ok();
        ((*words).to_owned(), Seen { code, stdout: read(format!("out.{number}")), stderr: read(format!("err.{number}")) })
    });
    Some(ran.collect())
}

/// What was said, each sentence once.
fn sentences(desk: &Desk, ran: &[(String, Seen)]) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for (words, seen) in ran {
        let sentence = if words.starts_with("propose ") && seen.code == Some(1) {
            assert!(!seen.stderr.contains("panicked"), "{seen}");
            let refused = seen.stdout.lines().find(|line| line.starts_with("refused: ")).or(seen.stderr.lines().next());
            desk.scrub(refused.unwrap_or_else(|| panic!("{seen}")))
        } else {
            said(desk, words, seen).unwrap_or_else(|| "ok".to_owned())
        };
        match told.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, verbs)) => verbs.push(words),
            None => told.push((sentence, vec![words])),
        }
    }
    told.into_iter().map(|(sentence, verbs)| format!("{sentence}\n  {}\n", named(&verbs))).collect()
}

#[test]
fn a_mount_that_is_read_only_is_said_to_be() {
    let desk = settled();
    let Some(ran) = mounted(&desk, "mount -o remount,ro \"$ledger\" || exit 77\n") else { return };
    assert_snapshot!(sentences(&desk, &ran), @r"
    error: the ledger `<folder>/mounted/ledger.db` is read-only
      every verb
    ");
    assert_eq!(desk.invoice(), UNTOUCHED);
}

#[test]
fn a_disk_that_is_full_is_said_to_be_and_nothing_is_applied() {
    let desk = settled();
    let fill = "dd if=/dev/zero of=\"$ledger\"/filler bs=4096 2> /dev/null || true\n";
    let Some(ran) = mounted(&desk, fill) else { return };
    assert_snapshot!(sentences(&desk, &ran), @r"
    error: the ledger's disk is full
      every verb
    ");
    assert_eq!(desk.invoice(), UNTOUCHED);
}

#[test]
fn files_of_another_account_are_said_to_be_read_only() {
    if !Uid::current().is_root() {
        return left_out("an account that may give files away");
    }
    let desk = settled();
    let traversable = |folder: &Path| fs::metadata(folder).unwrap().permissions().mode() & 0o001 != 0;
    if !desk.folder.path().ancestors().skip(1).all(traversable) {
        return left_out("a temporary folder that other accounts may reach");
    }
    let owner = format!("chmod 600 {0} && chown 0:0 {0}", desk.ledger().display());
    assert_eq!(Program::at("sh").args(["-c", &owner]).run().code, Some(0));
    let copy = desk.folder.join("program");
    fs::copy(PROGRAM, &copy).unwrap();
    let open = format!("chmod 711 {0} && chmod 644 {0}/synapsor.runner.json", desk.folder.path().display());
    assert_eq!(Program::at("sh").args(["-c", &open]).run().code, Some(0));
    for words in ["proposals list", "apply", "replay show", "evidence list", "store verify"] {
        let program = Program::at("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        let seen = desk.with_environment(program).args(words.split_whitespace()).run();
        let told = said(&desk, words, &seen).unwrap_or_else(|| panic!("{words}: {seen}"));
        insta::allow_duplicates! { assert_snapshot!(told, @"error: the ledger `<folder>/ledger.db` is read-only") }
    }
    assert_eq!(desk.invoice(), UNTOUCHED);
}
