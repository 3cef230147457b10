//! Words: what is understood, what is refused, and with which exit code.

use insta::assert_snapshot;

use crate::desk::Desk;

/// Exit code and the first line that is said, wherever it is said.
fn check(desk: &Desk, words: &str) -> String {
    let seen = desk.run(words);
    let said = format!("{}{}", seen.stderr, seen.stdout);
    let code = seen.code.map_or("a signal".to_owned(), |code| code.to_string());
    format!("{code} `{words}` {}\n", desk.scrub(said.lines().next().unwrap_or("(nothing)")))
}

#[test]
fn the_version_is_told_whoever_starts_the_program() {
    let seen = Desk::sqlite().run("--version");
    assert_eq!((seen.code, seen.stdout.as_str()), (Some(0), concat!("synapsor-runner ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn words_that_are_not_understood_end_with_2() {
    let desk = Desk::sqlite();
    let lines = [
        "frobnicate",
        "proposals",
        "proposals frobnicate",
        "mcp",
        "config",
        "replay",
        "--frobnicate",
        "proposals list --frobnicate",
        "apply latest --frobnicate=1",
        "mcp serve --approve-everything",
        "proposals list --limit",
        "proposals list --limit many",
        "proposals list --limit 0",
        "proposals list --store --json",
        "proposals reject latest",
        "proposals reject latest --reason",
        "propose",
        "propose billing.propose_waiver --json {} --input -",
        "mcp serve-streamable-http --port 70000",
        "tools list --alias-mode neither",
        "apply one two",
    ];
    assert_snapshot!(lines.map(|words| check(&desk, words)).concat(), @r"
    2 `frobnicate` error: unrecognized subcommand 'frobnicate'
    2 `proposals` Look at proposals and decide
    2 `proposals frobnicate` error: unrecognized subcommand 'frobnicate'
    2 `mcp` Serve an MCP client
    2 `config` Check or show the configuration
    2 `replay` The whole story of a proposal, from the ledger alone
    2 `--frobnicate` error: unexpected argument '--frobnicate' found
    2 `proposals list --frobnicate` error: unexpected argument '--frobnicate' found
    2 `apply latest --frobnicate=1` error: unexpected argument '--frobnicate' found
    2 `mcp serve --approve-everything` error: unexpected argument '--approve-everything' found
    2 `proposals list --limit` error: a value is required for '--limit <LIMIT>' but none was supplied
    2 `proposals list --limit many` error: invalid value 'many' for '--limit <LIMIT>': invalid digit found in string
    2 `proposals list --limit 0` error: invalid value '0' for '--limit <LIMIT>': 0 is not in 1..=200
    2 `proposals list --store --json` error: a value is required for '--store <FILE>' but none was supplied
    1 `proposals reject latest` error: a rejection has a reason
    2 `proposals reject latest --reason` error: a value is required for '--reason <REASON>' but none was supplied
    2 `propose` error: the following required arguments were not provided:
    1 `propose billing.propose_waiver --json {} --input -` {
    2 `mcp serve-streamable-http --port 70000` error: invalid value '70000' for '--port <PORT>': 70000 is not in 0..=65535
    2 `tools list --alias-mode neither` error: invalid value 'neither' for '--alias-mode <ALIAS_MODE>'
    2 `apply one two` error: unexpected argument 'two' found
    ");
}

#[test]
fn help_is_no_error_and_neither_is_saying_nothing() {
    let desk = Desk::sqlite();
    for words in ["", "--help", "-h", "help", "help apply", "apply --help", "proposals approve -h"] {
        let seen = desk.run(words);
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{words}: {seen}");
        assert!(seen.stdout.contains("Usage: synapsor-runner"), "{words}: {seen}");
    }
}

#[test]
fn a_value_may_stand_behind_an_equals_sign() {
    let desk = Desk::sqlite();
    desk.folder.write("other.json", desk.folder.read("synapsor.runner.json").replace("ledger.db", "other.db"));
    let seen = desk.program("propose billing.propose_waiver --config=other.json").arg(r#"--json={"id":"INV-1","reason":"a = b"}"#).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(desk.folder.join("other.db").is_file());
    assert!(!desk.ledger().exists());
    assert_snapshot!(desk.transcript(&["proposals list --store=other.db --limit=1 --status=applied"]), @r"
    $ proposals list --store=other.db --limit=1 --status=applied
    exit: 0
    ---- stdout ----
    no proposals
    ---- stderr ----
    ");
}

#[test]
fn a_configuration_that_is_not_there_or_wrong_ends_with_1() {
    let desk = Desk::sqlite();
    desk.folder.write("broken.json", r#"{"version": 1, "mode": "reviwe", "capabilities": 3}"#);
    desk.folder.write("text.json", "version: 1");
    assert_snapshot!(
        desk.transcript(&[
            "tools list --config absent.json",
            "tools list --config absent.json --json",
            "tools list --config text.json",
            "config validate --config broken.json",
            "apply --config broken.json",
        ]),
        @r#"
        $ tools list --config absent.json
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: there is no config file absent.json
        hint: name the file with `--config FILE`, or make an example with `synapsor-runner demo`

        $ tools list --config absent.json --json
        exit: 1
        ---- stdout ----
        {
          "ok": false,
          "error": {
            "message": "there is no config file absent.json",
            "details": [],
            "hint": "name the file with `--config FILE`, or make an example with `synapsor-runner demo`"
          }
        }
        ---- stderr ----

        $ tools list --config text.json
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: the configuration text.json has 1 error
        error INVALID_JSON $ (1:1)
          the file cannot be read as JSON: the text is not JSON
        hint: `synapsor-runner config validate --config text.json` shows everything, with places

        $ config validate --config broken.json
        exit: 1
        ---- stdout ----
        notice RESULT_FORMAT_DEFAULT_2 $.result_format (1:1)
          `result_format` is absent, which means 2
        error INVALID_MODE $.mode (1:16)
          `mode` must be `read_only`, `shadow`, `review` or `cloud`
          hint: did you mean `review`?
        error SOURCES_REQUIRED $.sources (1:1)
          `sources` must be an object with at least one source
        error TRUSTED_CONTEXT_REQUIRED $.trusted_context (1:1)
          `trusted_context` is needed unless every capability names one of `contexts`
        error CAPABILITIES_REQUIRED $.capabilities (1:34)
          `capabilities` must be a list with at least one capability
        broken.json is not valid (4 errors, 0 warnings, 1 notice)
        ---- stderr ----

        $ apply --config broken.json
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: the configuration broken.json has 4 errors
        error INVALID_MODE $.mode (1:16)
          `mode` must be `read_only`, `shadow`, `review` or `cloud`
          hint: did you mean `review`?
        error SOURCES_REQUIRED $.sources (1:1)
          `sources` must be an object with at least one source
        error TRUSTED_CONTEXT_REQUIRED $.trusted_context (1:1)
          `trusted_context` is needed unless every capability names one of `contexts`
        error CAPABILITIES_REQUIRED $.capabilities (1:34)
          `capabilities` must be a list with at least one capability
        hint: `synapsor-runner config validate --config broken.json` shows everything, with places
        "#
    );
}
