//! `handler template`, `handler conformance`: what a person sees.

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_testkit::{Folder, Program, Seen, filters};

use crate::desk::PROGRAM;

fn seen(folder: &Folder, words: &[&str]) -> Seen {
    Program::at(PROGRAM).arg("handler").args(words).inside(folder.path()).run()
}

/// What is shown, without what the machine adds.
fn shown(folder: &Folder, words: &[&str]) -> String {
    filters::scrub(&seen(folder, words).to_string())
}

fn files(folder: &Folder) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut folders = vec![folder.path().to_path_buf()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { names.push(path.strip_prefix(folder.path()).unwrap().display().to_string()) }
        }
    }
    names.sort();
    names.join(" ")
}

#[test]
fn templates_are_listed_printed_and_written() {
    let folder = Folder::new();
    assert_snapshot!(shown(&folder, &["template", "--list"]), @"
    exit: 0
    ---- stdout ----
    rust-axum       the crate synapsor-handler on axum, PostgreSQL
    python-fastapi  one file of Python that keeps the whole contract, on FastAPI and PostgreSQL
    node-fastify    one file of JavaScript that keeps the whole contract, on Fastify and PostgreSQL
    command-python  the same Python as a command, for an executor of type `command_handler`
    command-node    the same JavaScript as a command, for an executor of type `command_handler`
    ---- stderr ----
    ");
    assert_snapshot!(shown(&folder, &["template", "fastapi"]), @r#"
    exit: 0
    ---- stdout ----
    wrote ./synapsor_writeback_handler.py
    wrote ./app.py
    wrote ./requirements.txt
    wrote ./schema.sql
    wrote ./conformance.json

    install:          pip install -r requirements.txt
    make the tables:  psql "$DATABASE_URL" -f schema.sql
    start it:         DATABASE_URL=... HANDLER_TOKEN=... HANDLER_SIGNING_SECRET=... uvicorn app:app --port 8090
    prove it:         synapsor-runner handler conformance --url http://127.0.0.1:<port>/synapsor/writeback --fixture conformance.json
    ---- stderr ----
    "#);
    let printed = seen(&folder, &["template", "python", "--stdout"]);
    assert_eq!(printed.stdout, folder.read("synapsor_writeback_handler.py"));
    assert_snapshot!(shown(&folder, &["template", "perl"]), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no template `perl`
    hint: `synapsor-runner handler template --list`
    ");
    assert_snapshot!(shown(&folder, &["template"]), @"
    exit: 2
    ---- stdout ----

    ---- stderr ----
    error: the following required arguments were not provided:
      <NAME>

    Usage: synapsor-runner handler template <NAME>

    For more information, try '--help'.
    ");
}

#[test]
fn each_name_of_a_template_is_one() {
    let written = [("rust-axum", "rust"), ("node-fastify", "node"), ("node-fastify", "fastify"), ("command-node", "script")];
    for (name, alias) in written {
        let (one, other) = (Folder::new(), Folder::new());
        assert_eq!(seen(&one, &["template", name]).code, Some(0));
        assert_eq!(seen(&other, &["template", alias, "--output", "."]).code, Some(0));
        assert_eq!(files(&one), files(&other), "{alias}");
    }
    let folder = Folder::new();
    for (name, place) in [("rust-axum", "a"), ("node-fastify", "b/c"), ("command", "d"), ("local-command", "e"), ("command-python", "f")] {
        assert_eq!(seen(&folder, &["template", name, "--output", place]).code, Some(0));
    }
    assert_snapshot!(files(&folder), @"a/Cargo.toml a/conformance.json a/schema.sql a/src/main.rs a/src/synapsor_writeback_handler.rs b/c/app.mjs b/c/conformance.json b/c/package-lock.json b/c/package.json b/c/schema.sql b/c/synapsor-writeback-handler.mjs d/package-lock.json d/package.json d/schema.sql d/synapsor-command-handler.mjs d/synapsor-writeback-handler.mjs e/package-lock.json e/package.json e/schema.sql e/synapsor-command-handler.mjs e/synapsor-writeback-handler.mjs f/requirements.txt f/schema.sql f/synapsor_command_handler.py f/synapsor_writeback_handler.py");
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_that_is_said() {
    let folder = Folder::new();
    folder.write("app.mjs", "mine");
    assert_snapshot!(shown(&folder, &["template", "node"]), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `./app.mjs` is there already, and nothing was written
    hint: name another folder with `--output`, or say `--force` to replace it
    ");
    assert_eq!((files(&folder).as_str(), folder.read("app.mjs").as_str()), ("app.mjs", "mine"));
    assert_eq!(seen(&folder, &["template", "node", "--force"]).code, Some(0));
    assert!(folder.read("app.mjs").contains("mount(app"));
    // A link is replaced, and what it leads to is left alone.
    let elsewhere = Folder::new();
    let kept = elsewhere.write("kept", "mine");
    std::fs::remove_file(folder.path().join("app.mjs")).unwrap();
    std::os::unix::fs::symlink(kept, folder.path().join("app.mjs")).unwrap();
    assert_eq!(seen(&folder, &["template", "node", "--force"]).code, Some(0));
    assert_eq!(elsewhere.read("kept"), "mine");
}

#[test]
fn what_cannot_be_proved_is_said_before_anything_is_sent() {
    let folder = Folder::new();
    let fixture = json!({
        "action": "a.b", "target": {"table": "t", "primary_key": {"column": "id", "value": 1}, "tenant": {"column": "who", "value": "acme"},
            "version_column": "version"},
        "missing_key": 2, "other_tenant": {"tenant": "globex", "key": 3}, "patch": {"x": 1},
        "credentials": {"token_env": "HANDLER_TOKEN"}, "reset": {"command": ["true"]}, "observe": {"command": ["echo", "no"]},
    });
    let write = |edit: &dyn Fn(&mut Value)| {
        let mut fixture = fixture.clone();
        edit(&mut fixture);
        folder.write("fixture.json", fixture.to_string());
    };
    let prove = |url: &str| shown(&folder, &["conformance", "--url", url, "--fixture", "fixture.json"]);
    assert_snapshot!(prove("http://127.0.0.1:1/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `fixture.json` cannot be read: No such file or directory (os error 2)
    ");
    write(&|fixture| fixture["patsch"] = json!({}));
    assert_snapshot!(prove("http://127.0.0.1:1/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `fixture.json` is no fixture: the record does not have the expected form: unknown field `patsch`, expected one of `$schema`, `action`, `target`, `missing_key`, `other_tenant`, `before`, `patch`, `refused_patch`, `version_advance`, `tolerance_seconds`, `credentials`, `claims`, `database`, `reset`, `observe` at line 1 column 339
    hint: schemas/synapsor.handler-conformance.v1.json says what belongs into it
    ");
    write(&|_| ());
    assert_snapshot!(prove("http://127.0.0.1:1/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the environment variable `HANDLER_TOKEN` is not set
    hint: set it for this process: `export HANDLER_TOKEN=...`
    ");
    assert_snapshot!(prove("http://handler.example/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: `http://handler.example/` cannot be asked: `http://` is for loopback only
    hint: `--url https://HOST/PATH`, or `http://127.0.0.1:PORT/PATH`
    ");
    write(&|fixture| fixture["credentials"] = json!({}));
    assert_snapshot!(prove("http://127.0.0.1:1/"), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the rows cannot be put back or looked at: `echo` printed no `{"version": ..., "effects": ...}`: the text is not JSON (line 1, column 1)
    hint: `observe` prints one JSON object and nothing else
    "#);
    write(&|fixture| {
        fixture["credentials"] = json!({});
        fixture["observe"] = json!({"command": ["echo", "{\"version\": 1, \"effects\": 0}"]});
    });
    assert_snapshot!(prove("http://127.0.0.1:1/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: no scenario could be played: the handler cannot be reached: Connection refused (os error 111)
    hint: start the handler first, and name its whole address
    ");
    assert_snapshot!(shown(&folder, &["conformance", "--url", "http://127.0.0.1:1/", "--fixture", "fixture.json", "--only", "everything"]), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no scenario `everything`
    hint: `synapsor-runner handler conformance --list` shows what there is
    ");
    write(&|fixture| {
        fixture["credentials"] = json!({});
        fixture["reset"] = json!({"command": ["false"]});
    });
    assert_snapshot!(prove("http://127.0.0.1:1/"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the rows cannot be put back or looked at: `false` failed (exit status: 1) and said nothing
    ");
    assert_eq!(seen(&folder, &["conformance", "--list"]).stdout.lines().count(), 90);
    assert_eq!(seen(&folder, &["conformance"]).code, Some(2));
}
