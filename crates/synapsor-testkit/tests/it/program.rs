//! A run, as a person sees it.

use std::io::{Read, Write};

use insta::assert_snapshot;
use synapsor_testkit::{Folder, Program};

#[test]
fn a_run_is_one_text() {
    let folder = Folder::new();
    folder.write("greeting", "hello\n");
    let script = "cat; cat greeting; echo $NAME; echo no >&2; exit 3";
    let seen = Program::at("sh").args(["-c", script]).env("NAME", "a name").stdin("from input\n").inside(folder.path()).run();
    assert_snapshot!(seen, @r"
    exit: 3
    ---- stdout ----
    from input
    hello
    a name
    ---- stderr ----
    no
    ");
}

#[test]
fn a_running_program_can_be_talked_to() {
    let mut running = Program::at("cat").start();
    running.child.stdin.take().unwrap().write_all(b"echo").unwrap();
    let mut answer = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "echo");
}

#[test]
fn a_program_on_a_terminal_is_asked_and_answered() {
    let script = "test -t 0 && test -t 2 && printf 'sure? ' && read answer && echo \"said $answer\" && exit 4";
    let seen = Program::at("sh").args(["-c", script]).run_on_terminal("yes\n");
    assert_eq!(seen.code, Some(4), "{seen}");
    assert!(seen.stdout.ends_with("said yes\n"), "{seen}");
}

#[test]
fn what_a_running_program_says_on_stderr_can_be_waited_for() {
    let mut running = Program::at("sh").args(["-c", "echo ready >&2; read line; exit 3"]).start();
    assert_eq!(running.wait_for_stderr("ready"), "ready\n");
    drop(running.child.stdin.take());
    assert_eq!(running.wait().code(), Some(3));
}
