//! What the pre-parser accepts, and where it says that it refused.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{Limits, locate, locate_all};

fn check(text: impl AsRef<[u8]>) -> String {
    match super::check(text.as_ref(), Limits { bytes: 4096, depth: 3 }) {
        Ok(()) => "accepted".into(),
        Err(refused) => format!("{refused}, byte {}", refused.offset),
    }
}

#[test]
fn json_is_accepted() {
    for text in ["null", " [1, -0.5e+3, true] ", r#"{"a":{"b":"\u00e9\ud83d\ude00\n"},"c":[]}"#, "{}", "\"\"", "0"] {
        assert_eq!(check(text), "accepted", "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "- 1",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\t\"",
        "1 2",
        "'a'",
        "[",
        "}",
        "NaN",
        "Infinity",
        "\u{feff}1",
        "\"\\u12é4\"",
    ] {
        assert!(check(text).starts_with("the text is not JSON"), "{text}: {}", check(text));
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
    }
}

#[test]
fn a_member_named_twice_is_refused_also_when_it_is_spelled_differently() {
    assert_snapshot!(check("{\"a\": 1,\n \"b\": {}, \"a\": 2}"), @"an object names a member twice (line 2, column 11), byte 19");
    assert_snapshot!(check(r#"{"a":1,"\u0061":2}"#), @"an object names a member twice (line 1, column 8), byte 7");
    assert_snapshot!(check(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#), @"accepted");
}

#[test]
fn nul_depth_size_and_encoding_are_bounded() {
    assert_snapshot!(check(r#"["\u0000"]"#), @"a string holds the NUL character (line 1, column 3), byte 2");
    assert_snapshot!(check("\"a\0\""), @"a string holds the NUL character (line 1, column 3), byte 2");
    assert_snapshot!(check("[[[[]]]]"), @"arrays and objects nest too deeply (line 1, column 4), byte 3");
    assert_snapshot!(check(b"[\"\xff\"]"), @"the text is not UTF-8 (line 1, column 3), byte 2");
    assert_snapshot!(check("1".repeat(5000)), @"the text is too large (line 1, column 4097), byte 4096");
}

#[test]
fn a_number_is_accepted_if_a_double_holds_its_decimal_value() {
    for (token, exact) in [
        ("9007199254740992", true),
        ("9007199254740993", false),
        ("-9007199254740993", false),
        ("12345678901234567890", false),
        ("0.1", true),
        ("0.10", true),
        ("1.10e2", true),
        ("0.1000000000000000055511151231257827", false),
        ("1e308", true),
        ("1e309", false),
        ("1e-400", false),
        ("0e999999999999999999999", true),
        ("1e999999999999999999999", false),
        ("5e-324", true),
        ("-0.0", true),
        // 15465734562.7265625 lies between them, and both are read as it.
        ("15465734562.726562", true),
        ("15465734562.726563", true),
        ("15465734562.726561", false),
    ] {
        assert_eq!(check(token) == "accepted", exact, "{token}: {}", check(token));
    }
}

#[test]
fn a_place_is_found_by_its_path() {
    let text = b"{\n  \"a\": {\"b.c\": [1,\n    {\"d\": 2}]},\n  \"\xc3\xa9\": 1, \"z\": 2\n}";
    let at = |path| locate(text, path).map_or_else(|| "none".into(), |p| format!("{}:{}", p.line, p.column));
    assert_snapshot!(at("$.a.b.c[1].d"), @"3:6");
    assert_snapshot!(at("$.a.b.c[1].missing"), @"3:5");
    assert_snapshot!(at("$.z"), @"4:11");
    assert_snapshot!(at("$"), @"1:1");
    assert_snapshot!(at("$.nothing.at.all"), @"1:1");
    let together = locate_all(text, &["$.z", "$.a.b.c[1].d", "$.z.missing"]).unwrap();
    assert_eq!(together, ["$.z", "$.a.b.c[1].d", "$.z"].map(|path| locate(text, path).unwrap()));
}

proptest! {
    #[test]
    fn what_is_accepted_serde_reads_to_the_same_value(text in "[\\[\\]{}\",:0-9eE.+\\-a\\\\un ]{0,24}") {
        if check(&text) == "accepted" {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn every_double_is_accepted_in_its_shortest_form(double in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
        prop_assert_eq!(check(format!("{double:e}")), "accepted");
        prop_assert_eq!(check(serde_json::to_string(&double).unwrap()), "accepted");
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _answered = check(&bytes);
        let _located = locate(&bytes, "$.a[0]");
    }
}
