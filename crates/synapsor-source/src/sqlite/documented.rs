//! The types of SQLite in `docs/types.md`.

use super::types;
use crate::value::documented::{Example, hold};

fn of(declared: &'static str, given: &'static str, remark: &'static str) -> Example {
    Example { declared, kind: types::kind(declared), given, loose: false, remark }
}

#[test]
fn the_types_of_sqlite_are_documented() {
    hold(
        "SQLite",
        &[
            of("INTEGER", "\"9007199254740993\"", "and whatever has `INT` in its name: `BIGINT`, `TINYINT`"),
            of("BOOLEAN", "true", "stored as 0 or 1; also `BOOL`, `BIT`"),
            of("REAL", "0.1", "also `DOUBLE`, `FLOAT`; infinities are refused"),
            of(
                "DECIMAL(10,2)",
                "12.50",
                "stored as an integer or a double: what neither holds exactly is refused; also `NUMERIC`, `NUMBER`, `DEC`, `MONEY`",
            ),
            of(
                "TEXT",
                "\"Ünï\"",
                "also what has `CHAR`, `CLOB` or `TEXT` in its name; lengths mean nothing; invalid UTF-8 and NUL are refused",
            ),
            of("UUID", "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", "a text, its case included; also `GUID`, `UNIQUEIDENTIFIER`"),
            of("DATE", "\"2026-03-02\"", "a text, as it is, or a whole number"),
            of("TIME", "\"08:00\"", "a text, as it is"),
            of("DATETIME", "\"2026-03-02 08:00:00\"", "a text, as it is, or a whole number: seconds, milliseconds; also `TIMESTAMP`"),
            of("JSON", "\"{\\\"b\\\": 1, \\\"a\\\": 2}\"", "a text; also `JSONB`; one that is no JSON reads as the text that it is"),
            of("BLOB", "\"AP8=\"", "also `IMAGE`, and what has `BINARY` in its name; up to 768 KiB"),
            of("ANY", "null", "a number and its text would be two values that look alike; no declared type neither"),
            of("STRING", "null", "SQLite would make a number of `007`"),
            of("INTERVAL", "null", "nor `POINT` and other geometry"),
        ],
    );
}
