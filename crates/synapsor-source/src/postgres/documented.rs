//! The types of PostgreSQL in `docs/types.md`.

use super::types::{self, TypeFacts, TypeName};
use crate::value::documented::{Example, hold};

/// A column of a type, as the catalog describes it.
fn facts(schema: &str, name: &str, class: &str, modifier: i32) -> TypeFacts {
    let named = TypeName { schema: schema.to_owned(), name: name.to_owned(), class: class.to_owned() };
    TypeFacts { named, element: None, dimensions: 0, modifier, labels: vec!["new".to_owned(), "in progress".to_owned()] }
}

fn example(declared: &'static str, facts: &TypeFacts, given: &'static str, remark: &'static str) -> Example {
    Example { declared, kind: types::kind(facts), given, loose: types::is_citext(&facts.named), remark }
}

fn of(declared: &'static str, name: &str, modifier: i32, given: &'static str, remark: &'static str) -> Example {
    example(declared, &facts("pg_catalog", name, "b", modifier), given, remark)
}

fn array(declared: &'static str, element: &str, dimensions: i32, given: &'static str, remark: &'static str) -> Example {
    let TypeFacts { named, labels, .. } = facts("pg_catalog", element, "b", -1);
    let whole = facts("pg_catalog", &format!("_{element}"), "b", -1).named;
    example(declared, &TypeFacts { named: whole, element: Some(named), dimensions, modifier: -1, labels }, given, remark)
}

fn refused(declared: &'static str, schema: &str, name: &str, class: &str, remark: &'static str) -> Example {
    example(declared, &facts(schema, name, class, -1), "null", remark)
}

#[test]
fn the_types_of_postgres_are_documented() {
    hold(
        "PostgreSQL",
        &[
            of("boolean", "bool", -1, "true", ""),
            of("smallint", "int2", -1, "7", ""),
            of("integer", "int4", -1, "7", ""),
            of("bigint", "int8", -1, "\"9007199254740993\"", ""),
            of("numeric(12,2)", "numeric", (12 << 16 | 2) + 4, "12.5", "`NaN` and infinities are refused"),
            of("numeric", "numeric", -1, "\"1.50\"", "keeps the digits it was given, up to 131,072 before the point and 16,383 behind"),
            of("real", "float4", -1, "0.1", "`NaN`, infinities and -0 are refused"),
            of("double precision", "float8", -1, "1e-7", "as `real`"),
            of("text", "text", -1, "\"Ünï\"", "any UTF-8 but NUL"),
            of("varchar(20)", "varchar", 24, "\"Ünï\"", "the limit counts characters"),
            of("char(4)", "bpchar", 8, "\"ab  \"", "without trailing blanks, which mean nothing to the database"),
            example("citext", &facts("public", "citext", "b", -1), "\"Ada\"", "the extension's; compares without case"),
            example("an enum", &facts("public", "state", "e", -1), "\"in progress\"", "its labels alone"),
            of("uuid", "uuid", -1, "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", ""),
            of("date", "date", -1, "\"2026-03-02\"", "years 1 to 9999, `infinity`, `-infinity`; others are refused"),
            of("timestamp", "timestamp", -1, "\"2026-03-02 08:00\"", "as `date`; a zone is refused"),
            of("timestamptz", "timestamptz", -1, "\"2026-03-02T10:00:00.5+02:00\"", "as `date`, in UTC; a zone is needed"),
            of("timestamptz(3)", "timestamptz", 3, "\"2026-03-02T08:00:00.123Z\"", "more digits are refused, not rounded"),
            of("timestamptz(0)", "timestamptz", 0, "\"2026-03-02T08:00:00Z\"", ""),
            of("time", "time", -1, "\"08:00\"", "`24:00:00` too; `time(p)` with as many digits"),
            of("timetz", "timetz", -1, "\"08:00Z\"", "keeps its zone: the same moment in two zones is two values"),
            of(
                "interval",
                "interval",
                -1,
                "\"1 year 2 mons 3 days 04:05:06.5\"",
                "months, days and seconds each for themselves; infinities are refused",
            ),
            of(
                "json",
                "json",
                -1,
                "\"{\\\"b\\\": 1, \\\"a\\\": 2}\"",
                "compared as a value; with numbers beyond a double or a name twice, as text",
            ),
            of("jsonb", "jsonb", -1, "\"[1.0]\"", "as `json`"),
            of("bytea", "bytea", -1, "\"AP8=\"", "up to 768 KiB"),
            of("bit(4)", "bit", 4, "\"0101\"", "exactly so many digits"),
            of("bit varying(8)", "varbit", 8, "\"0101\"", ""),
            of("inet", "inet", -1, "\"192.168.0.1/32\"", "every part of the address is written out"),
            of("cidr", "cidr", -1, "\"10.0.0.0/8\"", "as `inet`, and without host bits"),
            of("macaddr", "macaddr", -1, "\"08-00-2B-01-02-03\"", ""),
            of("macaddr8", "macaddr8", -1, "\"08:00:2b:01:02:03:04:05\"", ""),
            array("integer[]", "int4", 1, "\"[1, null]\"", "any supported type as element; one dimension, counted from 1"),
            array("text[]", "text", 1, "\"[\\\"a\\\", \\\"b, c\\\"]\"", ""),
            array("integer[][]", "int4", 2, "null", "nor does a stored array of several dimensions read"),
            refused("a composite", "public", "pair", "c", ""),
            refused("int4range", "pg_catalog", "int4range", "r", "ranges and multiranges"),
            refused("money", "pg_catalog", "money", "b", "what it says depends on `lc_monetary`"),
            refused("xml", "pg_catalog", "xml", "b", ""),
            refused("tsvector", "pg_catalog", "tsvector", "b", "`tsquery` neither"),
            refused("point", "pg_catalog", "point", "b", "nor any other geometry, PostGIS included"),
            refused("hstore", "public", "hstore", "b", "`ltree` neither"),
            refused("name", "pg_catalog", "name", "b", "nor other types of the catalog itself: `oid`, `\"char\"`, `pg_lsn`"),
        ],
    );
}
