//! Is a secret taken out however it is written, and is nothing else?

use serde_json::json;
use synapsor_protocol::{ErrorCode, Outcome, Report, Scalar, Secret};

use super::{Loaded, Redaction};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn command(environment: &[(&str, &str)], arguments: &[&str]) -> Redaction {
    let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), secret(value))).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Redaction::of(Loaded::of_command(&environment, &arguments))
}

fn service(url: &str) -> Redaction {
    Redaction::of(Loaded::of_service(&secret(url), Some(&secret("canary-token-4711")), Some(&secret("whsec_Y2FuYXJ5LWtleS1ieXRlcw"))))
}

#[test]
fn every_form_of_a_secret_is_taken_out() {
    // canary"/7f+% \é
    let redaction = command(&[("KEY", "canary\"/7f+% \\\u{e9}")], &[]);
    for (form, text) in [
        ("plain", "canary\"/7f+% \\\u{e9}"),
        ("capitals", "CANARY\"/7F+% \\\u{e9}"),
        ("percent", "canary%22%2f7f%2B%25%20%5C%C3%A9"),
        ("form", "canary%22%2F7f%2B%25+%5c%c3%a9"),
        ("percent, every sign", "%63%61%6e%61%72%79%22%2f%37%66%2b%25%20%5c%c3%a9"),
        ("percent, twice", "canary%2522%252f7f%252B%2525%2520%255C%25C3%25A9"),
        ("JSON", r#"canary\"/7f+% \\é"#),
        ("JSON with slashes", r#"canary\"\/7f+% \\é"#),
        ("JSON, all escaped", r"\u0063anary\u0022\u002f7f\u002B\u0025\u0020\u005c\u00e9"),
        ("JSON in JSON", r#"canary\\\"/7f+% \\\\é"#),
        ("debug", r#"canary\"/7f+% \\\u{e9}"#),
        ("bytes", r#"canary"/7f+% \\\xc3\xa9"#),
        ("HTML", "canary&quot;&#x2f;7f&#43;% \\\u{e9}"),
        ("base64", "Y2FuYXJ5Ii83ZislIFzDqQ=="),
        ("base64, one before", "eGNhbmFyeSIvN2YrJSBcw6k="),
        ("base64, two before", "eHhjYW5hcnkiLzdmKyUgXMOp"),
        ("base64 in lines", "Y2FuYXJ5\nIi83Zisl\nIFzDqQ=="),
        ("hex", "63616e617279222f37662b25205cc3a9"),
        ("hex in capitals", "63616E617279222F37662B25205CC3A9"),
        ("hex with colons", "63:61:6e:61:72:79:22:2f:37:66:2b:25:20:5c:c3:a9"),
    ] {
        assert_eq!(redaction.of_text(&format!("({text})")), "([redacted])", "{form}");
    }
    // Both alphabets: this one needs their last two signs.
    let redaction = command(&[("KEY", "~~~???>>>canary")], &[]);
    assert_eq!(
        redaction.of_text("fn5-Pz8_Pj4-Y2FuYXJ5, fn5+Pz8/Pj4+Y2FuYXJ5, fn5%2BPz8%2FPj4%2BY2FuYXJ5"),
        "[redacted], [redacted], [redacted]"
    );
}

#[test]
fn what_was_passed_to_a_command_is_taken_out_of_what_it_says() {
    let redaction = command(
        &[
            ("PATH", "/usr/bin:/bin"),
            ("LANG", "de"),
            ("MODE", "crash"),
            ("DB", "postgres://app:hunter22@db/shop"),
            ("OLD_DB", "mysql://app:pw-7@db/shop"),
            ("TOKEN", "hunter22-and-more\n"),
        ],
        &["--db", "sqlite://u:canary7f@x/y", "plain"],
    );
    let said = "no: postgres://app:hunter22@db/shop, hunter22-and-more, hunter22, canary7f, pw-7, plain, de, crash, /usr/bin:/bin, \
        mysql://other:canary-3a@db/x";
    insta::assert_snapshot!(
        redaction.of_text(said),
        @"no: [redacted], [redacted], [redacted], [redacted], [redacted], plain, de, crash, /usr/bin:/bin, mysql://other:[redacted]@db/x"
    );
}

#[test]
fn parts_that_a_program_takes_out_are_secrets_too() {
    let passed = |value: &str| command(&[("IT", value)], &[]);
    for (value, said) in [
        ("postgres://app:canary%40pw%2F99@db/x", "canary@pw/99"),
        ("postgres://app:canary%40pw%2F99@db/x", "canary%40pw%2f99"),
        ("postgres://app:canary/pw@99@db:1,db:2/x", "canary/pw@99"),
        ("host=db user=app password=canary sslmode=require", "canary"),
        ("Authorization: Bearer canary-4711-7f", "canary-4711-7f"),
        (r#"{"user":"app","password":"canary"}"#, "canary"),
        ("{\"private\":\"canarypem\\n77\\n88\",\"x\":1}", "canarypem\\n77\\n88"),
        ("first-canary\nsecond-canary", "first-canary"),
        ("first-canary\\nsecond-canary", "second-canary"),
    ] {
        assert_eq!(passed(value).of_text(&format!("| {said} |")), "| [redacted] |", "{value}");
    }
    assert_eq!(passed("canary-one\n{ }\ncanary-two").of_text("> canary-one\n> { }\n> canary-two"), "> [redacted]\n> { }\n> [redacted]");
}

#[test]
fn of_a_command_line_options_files_and_words_are_no_secrets() {
    let taken_out = |arguments: &[&str], said: &str| command(&[], arguments).of_text(said).contains("[redacted]");
    for (arguments, said) in [
        (["--password", "canary"], "canary"),
        (["--password=canary", ""], "canary"),
        (["--api-key", "canary"], "canary"),
        (["--user-pass", "canary"], "canary"),
        (["canary-4711", ""], "canary-4711"),
        (["-pcanary-4711", ""], "canary-4711"),
        (["--to=canary-4711", ""], "canary-4711"),
        (["-H", "Authorization: Bearer canary-4711"], "canary-4711"),
    ] {
        assert!(taken_out(&arguments, said), "{arguments:?}");
    }
    for argument in
        ["--password-required", "applications", "/etc/passwd", "short-1", "--config=/etc/passwd", "-I/etc/passwd", "--strict-mode"]
    {
        assert!(!taken_out(&[argument], "--password-required applications /etc/passwd short-1 --strict-mode"), "{argument}");
    }
}

#[test]
fn token_secret_path_and_query_of_a_service_are_secrets() {
    let redaction = service("https://desk.example/hooks/Canary4711?key=canary-query&v=1");
    for said in [
        "canary-token-4711",
        "whsec_Y2FuYXJ5LWtleS1ieXRlcw",
        "Y2FuYXJ5LWtleS1ieXRlcw",
        "canary-key-bytes",
        "63616e6172792d6b65792d6279746573",
        "/hooks/Canary4711",
        "Canary4711",
        "key=canary-query&v=1",
        "canary-query",
    ] {
        assert_eq!(redaction.of_text(said), "[redacted]");
    }
    let ordinary = "asked at https://desk.example/synapsor/writeback for applied, /hooks/, v=1, writeback, 2026-01-02T03:04:05Z";
    assert_eq!(redaction.of_text(ordinary), ordinary);
    assert_eq!(service("https://desk.example/synapsor/writeback").of_text(ordinary), ordinary);
}

#[test]
fn every_member_of_a_report_is_looked_at() {
    let redaction = service("https://desk.example/synapsor/writeback");
    let mut report =
        Report::because(Outcome::Failed, ErrorCode::foreign("CANARY_TOKEN_4711").unwrap()).with_detail("I got canary-token-4711");
    report.previous_version = Some(Scalar::String("x canary-token-4711".to_owned()));
    report.new_version = Some(Scalar::String("Y2FuYXJ5LXRva2VuLTQ3MTE=".to_owned()));
    let details = json!({"canary-token-4711": 1, "CANARY-token-4711": 2, "Bearer canary-token-4711": [{"deep": ["canary-token-4711", 7, null]}],
        "effects": ["db.update"]});
    report.details = details.as_object().unwrap().clone();
    insta::assert_snapshot!(serde_json::to_string(&redaction.of_report(report)).unwrap(), @r#"{"outcome":"failed","code":"HANDLER_INVALID_RECEIPT","rows_affected":0,"transient":false,"detail":"I got [redacted]; the previous version in the answer held a secret and was left out; the new version in the answer held a secret and was left out; the code in the answer held a secret and was left out","details":{"[redacted]":1,"[redacted] (2)":2,"Bearer [redacted]":[{"deep":["[redacted]",7,null]}],"effects":["db.update"]}}"#);
}

#[test]
fn a_report_of_ordinary_things_is_what_it_was() {
    let redaction = command(&[("PIN", "12345678"), ("SHORT", "1234")], &[]);
    for version in [Scalar::Null, Scalar::Bool(true), json_scalar("1234567"), json_scalar("\"2026-01-02 03:04:05.678\"")] {
        let mut report = Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT).with_detail("it is another one");
        report.new_version = Some(version);
        report.details = json!({"n": 1234, "text": "1234", "list": [1.5, true]}).as_object().unwrap().clone();
        assert_eq!(redaction.of_report(report.clone()), report);
    }
    let mut report = Report::new(Outcome::Applied);
    report.new_version = Some(json_scalar("12345678"));
    report.details = json!({"n": 12345678}).as_object().unwrap().clone();
    let bare = redaction.of_report(report);
    assert_eq!((bare.new_version, &bare.details["n"]), (None, &json!("[redacted]")));
}

fn json_scalar(text: &str) -> Scalar {
    serde_json::from_str(text).unwrap()
}

#[test]
fn of_a_text_that_was_cut_no_part_of_a_secret_is_left() {
    let long: String = (0..1000).map(|number| format!("{number:04}~")).collect();
    let redaction = command(&[("LONG", &long)], &[]);
    let text = format!("{}{}", long.repeat(8), "x".repeat(100));
    for cut in [1, 2500, 4999] {
        let shown = redaction.of_end(&text[cut..]);
        assert!(shown.ends_with(&"x".repeat(100)) && !shown.contains("0~"), "{shown}");
    }
    assert_eq!(redaction.of_end("short"), "");
}

#[test]
fn a_long_text_is_cheap() {
    let long: String = (0..1000).map(|number| format!("{number:04}~")).collect();
    let redaction = command(&[("LONG", &long), ("KEY", "canary/4711")], &[]);
    for unit in ["\\", "%25", "%", "&#", "canary", "0000~0001~", "0", "\\u00", "Y2Fu"] {
        let text = unit.repeat((128 << 10) / unit.len());
        let began = std::time::Instant::now();
        let _ = redaction.of_text(&text);
        assert!(began.elapsed().as_secs() < 10, "{unit}");
    }
}

/// Every text and every secret is somebody else's.
#[test]
fn no_text_and_no_secret_ends_the_runner() {
    const SIGNS: [&str; 24] = [
        "%", "\\", "&", "#", "x", "u", "{", "}", ";", "0", "d83d", "2", "5", "c", "é", "😀", "://", "@", ":", "=", "\n", " ", "whsec_", "-",
    ];
    let mut state = 88_172_645_463_325_252_u64;
    let mut drawn = |length: usize| -> String {
        let mut one = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            SIGNS[(state % 24) as usize]
        };
        (0..length).map(|_| one()).collect()
    };
    for _ in 0..80 {
        let (value, argument, url) = (drawn(9), drawn(7), format!("http://127.0.0.1/{}", drawn(9)));
        let redactions = [
            command(&[("IT", &value)], &["--token", &argument, &value]),
            Redaction::of(Loaded::of_service(&secret(&url), Some(&secret(&value)), Some(&secret(&argument)))),
        ];
        for redaction in redactions {
            let text = format!("{}{value}{}", drawn(30), drawn(30));
            let shown = redaction.of_text(&text);
            assert!(value.trim().len() < 8 || !shown.contains(value.trim()), "{value:?} {shown:?}");
            assert!(redaction.of_end(&text.repeat(40)).len() <= 40 * text.len() * 3);
        }
    }
}
