//! Where the ledger is, who may read it, and what happens when it is not what it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use insta::assert_snapshot;
use nix::unistd::Uid;
use serde_json::json;
use synapsor_testkit::{Program, Seen, sqlite};

use crate::desk::{Desk, PROGRAM, told};
use crate::mcp_client::{Client, envelope};

/// Every verb that uses the ledger, and the first line of what it says.
fn check(desk: &Desk) -> String {
    let mut lines: Vec<_> =
        ["mcp serve", "tools list", "proposals list", "proposals show", "proposals approve --yes", "apply", "replay show"]
            .iter()
            .map(|words| {
                let seen = desk.run(words);
                assert_eq!(seen.code, Some(1), "{words}: {seen}");
                desk.scrub(seen.stderr.lines().next().unwrap_or_default())
            })
            .collect();
    lines.dedup();
    lines.join("\n")
}

fn mode(desk: &Desk, name: &str) -> String {
    format!("{:o}", fs::metadata(desk.folder.join(name)).unwrap().permissions().mode() & 0o777)
}

#[test]
fn the_ledger_is_where_the_configuration_says_whoever_asks_from_wherever() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./books/local.db"));
    let elsewhere = desk.folder.write("elsewhere/file", "").parent().unwrap().to_owned();
    let from_there = |words: &str| desk.program(words).inside(&elsewhere).arg("--config").arg(desk.folder.config()).run();
    let seen = desk
        .with_environment(Program::at(PROGRAM))
        .inside(&elsewhere)
        .args(["propose", "billing.propose_waiver", "--config", "../synapsor.runner.json", "--json", r#"{"id":"INV-1","reason":"x"}"#])
        .run();
    assert_eq!(seen.code, Some(0), "{seen}");
    for words in ["proposals approve --yes", "apply", "replay show"] {
        let seen = from_there(words);
        assert_eq!(seen.code, Some(0), "{words}: {seen}");
    }
    assert_eq!(desk.invoice(), "0 | x | 4");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1, "nothing is made where the program was started");
    let ledger = desk.folder.join("books/local.db");
    assert_eq!(sqlite::table(&ledger, "select attempt, lease_expires_at from writeback_jobs"), "1 | NULL", "the lease is in the same file");
}

#[test]
fn a_folder_that_is_missing_is_made_for_the_owner_alone() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./a/b/local.db"));
    desk.propose("x");
    let modes = ["a", "a/b", "a/b/local.db"].map(|name| mode(&desk, name));
    assert_eq!(modes, ["700", "700", "600"]);
}

#[test]
fn another_ledger_can_be_named_by_flag_or_variable() {
    let mut desk = Desk::sqlite();
    assert_eq!(
        desk.program("propose billing.propose_waiver --store flag.db --json").arg(r#"{"id":"INV-1","reason":"x"}"#).run().code,
        Some(0)
    );
    desk.set("SYNAPSOR_LOCAL_STORE", "variable.db");
    desk.propose("y");
    assert!(desk.folder.join("flag.db").exists() && desk.folder.join("variable.db").exists() && !desk.ledger().exists());
    let reason = |words: &str| desk.json(words)["proposal"]["patch"]["waiver_reason"].clone();
    assert_eq!((reason("proposals show --store=flag.db --json"), reason("proposals show --json")), (json!("x"), json!("y")));
}

#[test]
fn whoever_only_looks_makes_no_ledger() {
    let desk = Desk::sqlite();
    for words in ["proposals list", "proposals show latest", "apply", "replay show latest", "proposals cancel --yes"] {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(1), "{words}: {seen}");
    }
    assert!(!desk.ledger().exists());
    assert_snapshot!(desk.shown("proposals list"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no ledger `<folder>/ledger.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    ");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let desk = Desk::sqlite();
    desk.folder.write("ledger.db", "this is a shopping list, and rather longer than the header of a database file would be, just so");
    let before = desk.folder.read("ledger.db");
    assert_snapshot!(check(&desk), @"error: `<folder>/ledger.db` is not a database");
    assert_eq!(desk.folder.read("ledger.db"), before);
}

#[test]
fn a_database_that_is_no_ledger_is_refused_and_left_as_it_is() {
    let mut desk = Desk::sqlite();
    sqlite::execute(&desk.ledger(), "create table shopping (what text)");
    assert_snapshot!(check(&desk), @"error: `<folder>/ledger.db` is a database, but not a ledger");
    desk.set("SYNAPSOR_LOCAL_STORE", desk.folder.join("business.db").display().to_string());
    for words in ["proposals list", "store stats", "store verify", "store prune --older-than 1d --yes", "store vacuum", "store reset --yes"]
    {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(1), "{words}: {seen}");
    }
    assert!(!desk.folder.join("business.db.use").exists() && !desk.folder.join("business.db.lock").exists());
    assert_eq!(sqlite::table(&desk.folder.join("business.db"), "select count(*) from sqlite_schema where name = 'proposals'"), "0");
}

#[test]
fn a_ledger_of_a_newer_program_is_refused_by_version() {
    let desk = Desk::sqlite();
    desk.approved("x");
    sqlite::execute(&desk.ledger(), "insert into schema_version values (99, '9.1.0', '2030-01-01T00:00:00Z')");
    assert_snapshot!(check(&desk), @"error: the ledger has layout 99, which needs synapsor-runner 9.1.0 or later; this program knows layout 4");
}

#[test]
fn a_damaged_ledger_is_said_to_be_damaged() {
    let desk = Desk::sqlite();
    desk.approved("x");
    // Everything is in the file itself after this.
    sqlite::execute(&desk.ledger(), "pragma wal_checkpoint(truncate); pragma journal_mode = delete");
    let mut bytes = fs::read(desk.ledger()).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0xa5);
    fs::write(desk.ledger(), bytes).unwrap();
    assert_snapshot!(check(&desk), @"error: the ledger `<folder>/ledger.db` is corrupt: database disk image is malformed: Error code 11: database disk image is malformed");
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

#[test]
fn a_link_instead_of_a_ledger_is_refused() {
    let desk = Desk::sqlite();
    let real = desk.folder.write("elsewhere/real.db", "");
    symlink(&real, desk.ledger()).unwrap();
    assert_snapshot!(check(&desk), @"error: `<folder>/ledger.db` is a symbolic link");
    assert_eq!(fs::metadata(&real).unwrap().len(), 0);
}

#[test]
fn a_folder_instead_of_a_ledger_is_refused() {
    let desk = Desk::sqlite();
    fs::create_dir(desk.ledger()).unwrap();
    assert_snapshot!(check(&desk), @"error: the ledger `<folder>/ledger.db` cannot be opened: it is a folder, and a ledger is a file");
    assert!(desk.run("store stats --store .").stderr.contains("`.` cannot be opened: it is a folder"));
}

/// Runs the program as somebody who is not root, because root may write whatever is read-only. The desk becomes theirs.
fn as_nobody(desk: &Desk, words: &str) -> Seen {
    let program = if Uid::current().is_root() {
        for entry in fs::read_dir(desk.folder.path()).unwrap() {
            chown(entry.unwrap().path(), Some(65_534), Some(65_534)).unwrap();
        }
        chown(desk.folder.path(), Some(65_534), Some(65_534)).unwrap();
        let copy = std::env::temp_dir().join(format!("{}-program", desk.folder.path().file_name().unwrap().display()));
        fs::copy(PROGRAM, &copy).unwrap();
        let program = Program::at("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        let seen = desk.with_environment(program).args(words.split_whitespace()).run();
        fs::remove_file(copy).unwrap();
        return seen;
    } else {
        desk.program(words)
    };
    program.run()
}

#[test]
fn a_ledger_that_cannot_be_written_is_said_to_be_read_only() {
    let desk = Desk::sqlite();
    desk.approved("x");
    for name in fs::read_dir(desk.folder.path()).unwrap() {
        let path = name.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("ledger") {
            fs::set_permissions(path, Permissions::from_mode(0o400)).unwrap();
        }
    }
    fs::set_permissions(desk.folder.path(), Permissions::from_mode(0o500)).unwrap();
    let seen = as_nobody(&desk, "apply");
    let served = as_nobody(&desk, "mcp serve");
    fs::set_permissions(desk.folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert_snapshot!(desk.scrub(&seen.to_string()), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the ledger `<folder>/ledger.db` is read-only
    hint: this account must be able to write the file and its folder, where its log is kept
    ");
    assert_eq!(served.code, Some(1), "{served}");
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

#[test]
fn a_ledger_deleted_under_a_running_server_is_noticed_by_the_next_call() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let read = |client: &mut Client| envelope(&client.call("billing.inspect_invoice", &json!({"id": "INV-1"})));
    assert_eq!(read(&mut client)["ok"], true);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        fs::remove_file(desk.folder.join(name)).unwrap();
    }
    for _ in 0..2 {
        let refused = read(&mut client);
        assert_eq!(refused["error"]["retryable"], true, "{refused:#}");
        insta::allow_duplicates! { assert_snapshot!(told(&refused), @"TEMPORARILY_UNAVAILABLE: The record store is not available; nothing was changed, try the same call again later.") }
    }
    let proposed = envelope(&client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"})));
    assert_eq!(proposed["error"]["code"], "TEMPORARILY_UNAVAILABLE");
    assert!(!desk.ledger().exists(), "an empty ledger in its place would hide the loss");
}

#[test]
fn the_verbs_work_beside_a_running_server() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    for round in 0..5 {
        let answer = envelope(&client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": format!("round {round}")})));
        let id = crate::desk::id_of(&answer);
        desk.approve(&id);
        assert_eq!(desk.apply(&id), "applied");
    }
    assert_eq!(desk.invoice(), "0 | round 4 | 8");
}

#[test]
fn a_server_that_was_killed_leaves_a_ledger_that_goes_on() {
    let desk = Desk::sqlite();
    for round in 0..5 {
        let mut client = Client::greeted(&desk);
        for id in 0..40 {
            let arguments = json!({"id": "INV-1", "reason": format!("{round} {id}")});
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "billing.propose_waiver", "arguments": arguments}});
            client.send(call.to_string().as_bytes());
        }
        let answered: Vec<_> = (0..=round * 5)
            .map(|_| crate::desk::id_of(&envelope(&serde_json::from_str::<serde_json::Value>(&client.line()).unwrap()["result"])))
            .collect();
        client.running.child.kill().unwrap();
        client.running.wait();
        for id in answered {
            assert_eq!(desk.status(&id), "pending_review", "what was answered is on record");
        }
    }
    let ledger = desk.ledger();
    assert_eq!(sqlite::table(&ledger, "pragma integrity_check"), "ok");
    assert_eq!(sqlite::table(&ledger, "select count(*) from proposals where events <> 2"), "0", "no proposal is half on record");
}

#[test]
fn a_source_that_leads_to_the_ledger_itself_is_refused() {
    let desk = Desk::sqlite();
    desk.propose("x");
    let ledger = desk.folder.join("link-to-the-ledger.db");
    symlink(desk.folder.ledger(), &ledger).unwrap();
    desk.configure(|config| config["sources"]["desk"]["path"] = json!("./link-to-the-ledger.db"));
    for words in ["mcp serve", "tools list", "apply latest"] {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(1), "{words}: {seen}");
        assert!(seen.stderr.contains("is the ledger's own file"), "{words}: {seen}");
    }
}
