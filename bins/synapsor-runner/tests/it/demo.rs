//! The demo: one command, the whole loop.

use std::fs;

use insta::assert_snapshot;
use synapsor_testkit::{Folder, Program, filters, sqlite};

use crate::desk::{PROGRAM, account};

fn demo(folder: &Folder) -> Program {
    Program::at(PROGRAM).inside(folder.path()).arg("demo")
}

fn scrub(folder: &Folder, text: &str) -> String {
    let path = fs::canonicalize(folder.path()).unwrap().display().to_string();
    let by = format!(" by {}", account());
    filters::scrub_also(text, &[(PROGRAM, "<program>"), (&path, "<folder>"), (&by, " by <account>")])
}

#[test]
fn the_demo_plays_the_whole_loop_without_a_question_where_nobody_can_answer() {
    let folder = Folder::new();
    assert_snapshot!(scrub(&folder, &demo(&folder).run().to_string()));
}

#[test]
fn what_the_demo_says_it_did_is_in_the_database() {
    let folder = Folder::new();
    let seen = demo(&folder).arg("--yes").run();
    assert_eq!(seen.code, Some(0), "{seen}");
    let shop = folder.join("synapsor-demo/shop.db");
    assert_snapshot!(sqlite::table(&shop, "select id, late_fee_cents, waiver_reason, version from invoices"), @r"
    INV-3001 | 0 | payment page was down | 2
    INV-3002 | 700 | NULL | 2
    INV-9001 | 9900 | NULL | 1
    ");
    assert_snapshot!(sqlite::table(&shop, "select status, attempt from synapsor_writeback_receipts order by rowid"), @r"
    applied | 1
    conflict | 1
    ");
}

#[test]
fn a_second_demo_remakes_its_folder_and_leaves_other_files_in_it_alone() {
    let folder = Folder::new();
    assert_eq!(demo(&folder).run().code, Some(0));
    folder.write("synapsor-demo/notes.txt", "mine");
    folder.write("synapsor-demo/.synapsor/notes.txt", "mine, too");
    let seen = demo(&folder).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    assert_eq!(
        (folder.read("synapsor-demo/notes.txt"), folder.read("synapsor-demo/.synapsor/notes.txt")),
        ("mine".into(), "mine, too".into())
    );
    let ledger = folder.join("synapsor-demo/.synapsor/local.db");
    assert_eq!(sqlite::table(&ledger, "select count(*) from proposals"), "2");
}

#[test]
fn a_folder_that_the_demo_did_not_make_is_left_alone() {
    let folder = Folder::new();
    folder.write("synapsor-demo/shop.db", "an important database");
    let seen = demo(&folder).run();
    assert_snapshot!(scrub(&folder, &seen.to_string()), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the folder synapsor-demo holds other files and was left alone
    hint: name another one: `synapsor-runner demo --folder FOLDER`
    ");
    assert_eq!(folder.read("synapsor-demo/shop.db"), "an important database");
    assert_eq!(fs::read_dir(folder.join("synapsor-demo")).unwrap().count(), 1);
}

#[test]
fn a_folder_with_a_link_in_it_is_left_alone() {
    for name in [".synapsor-demo", ".synapsor", ".synapsor/local.db", "shop.db", "synapsor.runner.json"] {
        let folder = Folder::new();
        folder.write("elsewhere/local.db", "an important ledger");
        folder.write("synapsor-demo/.synapsor-demo", "marked");
        let link = folder.join("synapsor-demo").join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _absent = fs::remove_file(&link);
        let target = if name == ".synapsor" { "elsewhere" } else { "elsewhere/local.db" };
        std::os::unix::fs::symlink(folder.join(target), &link).unwrap();
        let seen = demo(&folder).run();
        assert_eq!(seen.code, Some(1), "{name}: {seen}");
        let words = format!("error: <folder>/synapsor-demo/{name} is a symbolic link, so its folder was left alone");
        assert!(scrub(&folder, &seen.to_string()).contains(&words), "{seen}");
        assert_eq!(folder.read("elsewhere/local.db"), "an important ledger", "{name}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "{name}");
    }
}

#[test]
fn another_folder_can_be_named() {
    let folder = Folder::new();
    let seen = demo(&folder).arg("--folder=elsewhere/deep").run();
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(folder.join("elsewhere/deep/synapsor.runner.json").is_file());
}

#[test]
fn whoever_says_no_on_a_terminal_keeps_the_row_as_it_was() {
    let folder = Folder::new();
    let seen = demo(&folder).run_on_terminal("no\n");
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout.contains("Rejected. Nothing was changed"), "{seen}");
    let shop = folder.join("synapsor-demo/shop.db");
    assert_snapshot!(sqlite::table(&shop, "select id, late_fee_cents, waiver_reason, version from invoices"), @r"
    INV-3001 | 2500 | NULL | 1
    INV-3002 | 1500 | NULL | 1
    INV-9001 | 9900 | NULL | 1
    ");
}

#[test]
fn whoever_says_yes_on_a_terminal_sees_it_applied() {
    let folder = Folder::new();
    let seen = demo(&folder).run_on_terminal("y\n");
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout.contains("already_applied"), "{seen}");
}
