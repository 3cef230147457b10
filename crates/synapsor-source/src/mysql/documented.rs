//! The types of MySQL and MariaDB in `docs/types.md`.

use super::types::{self, TypeFacts};
use crate::value::documented::{Example, hold};

/// A column of a declared type; the arguments stand where the catalog has them.
fn of(declared: &'static str, given: &'static str, remark: &'static str) -> Example {
    let name = declared.split(['(', ' ']).next().unwrap().to_owned();
    let numbers: Vec<u32> = declared.split(['(', ')', ',']).skip(1).filter_map(|number| number.parse().ok()).collect();
    let first = numbers.first().copied();
    let scale = numbers.get(1).copied();
    let facts =
        TypeFacts { name, declared: declared.to_owned(), length: first, precision: first, scale, digits: first, ..TypeFacts::default() };
    Example { declared, kind: types::kind(&facts), given, loose: false, remark }
}

#[test]
fn the_types_of_mysql_are_documented() {
    hold(
        "MySQL",
        &[
            of("tinyint(1)", "true", "also `boolean`; stored as 0 or 1, another number is refused"),
            of("tinyint", "7", ""),
            of("smallint unsigned", "65535", ""),
            of("mediumint", "7", ""),
            of("int", "7", ""),
            of("bigint", "\"9007199254740993\"", ""),
            of("bigint unsigned", "\"18446744073709551615\"", "`zerofill` is how a number is shown, and no part of it"),
            of("decimal(65,30)", "12.5", "up to 65 digits, 30 of them behind the point"),
            of("float", "0.1", "-0 is refused"),
            of("double", "1e-7", "as `float`"),
            of("bit(1)", "true", ""),
            of("bit(4)", "\"0101\"", "exactly so many digits, up to 64"),
            of("varchar(20)", "\"Ünï\"", "in any character set and collation; found by its bytes. The limit counts characters"),
            of("text", "\"Ünï\"", "also `tinytext`, `mediumtext`, `longtext`; NUL is refused"),
            of("char(4)", "\"ab  \"", "without trailing blanks, which the database does not keep"),
            of("enum('new','old')", "\"old\"", "its labels alone, spelled as they are declared"),
            of("set('x','y','z')", "\"z,x\"", "labels with commas between them"),
            of("uuid", "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", "MariaDB"),
            of("inet4", "\"192.168.0.1\"", "MariaDB"),
            of("inet6", "\"2001:db8:0:0::1\"", "MariaDB"),
            of("date", "\"2026-03-02\"", "years 1 to 9999; a day, month or year of zeros is refused"),
            of("time(6)", "\"-838:59:59\"", "from -838:59:59 to 838:59:59; as many digits as are declared"),
            of("datetime(6)", "\"2026-03-02 08:00\"", "as `date`; a zone is refused"),
            of("datetime", "\"2026-03-02T08:00:00\"", ""),
            of(
                "timestamp(3)",
                "\"2026-03-02T10:00:00.5+02:00\"",
                "in UTC; a zone is needed. The database refuses what is not within 1970 and 2038",
            ),
            of("year", "2026", "1901 to 2155, and 0"),
            of(
                "json",
                "\"{\\\"b\\\": 1, \\\"a\\\": 2}\"",
                "of MariaDB too, where it is a text that is checked, which only an account with rights on the whole table sees; compared as a value",
            ),
            of("binary(4)", "\"AP8=\"", "filled with zeros"),
            of("varbinary(20)", "\"AP8=\"", ""),
            of("blob", "\"AP8=\"", "also `tinyblob`, `mediumblob`, `longblob`; up to 768 KiB"),
            of("geometry", "null", "nor `point` and other geometry"),
            of("vector(3)", "null", ""),
        ],
    );
}
