//! Which column types does an engine have, and which values do they get?

use crate::business::Business;
use crate::generate::{Random, VALUES, hex};

/// One column.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) declared: String,
    /// What must run before the column can be declared.
    pub(crate) prepare: Option<&'static str>,
    /// Expressions of SQL whose values are carried.
    pub(crate) carried: Vec<String>,
    /// Expressions whose values are refused when they are read.
    pub(crate) refused: Vec<String>,
    /// Whether values that read alike are the same to the database.
    pub(crate) distinct: bool,
    sort: Sort,
}

/// How the database compares and spells values of the column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Plain,
    Json,
    Float,
    Bytes,
}

impl Sample {
    /// A column of values that are spelled as texts.
    fn new(declared: &str, carried: &[String], refused: &[&str]) -> Self {
        let refused = refused.iter().map(|text| quoted(text)).collect();
        Self::of(declared, carried.iter().map(|text| quoted(text)).collect(), refused)
    }

    /// A column of values that are spelled as expressions.
    fn of(declared: &str, carried: Vec<String>, refused: Vec<String>) -> Self {
        assert!(carried.len() >= VALUES, "{declared}");
        Self { declared: declared.to_owned(), prepare: None, carried, refused, distinct: true, sort: Sort::Plain }
    }

    /// Values that are compared as values: they may be spelled another way after they were written back.
    fn json(self) -> Self {
        Self { sort: Sort::Json, distinct: false, ..self }
    }

    fn float(self) -> Self {
        Self { sort: Sort::Float, ..self }
    }

    fn after(self, prepare: &'static str) -> Self {
        Self { prepare: Some(prepare), ..self }
    }

    /// The condition that two values are the same one.
    pub(crate) fn same(&self, business: &Business, left: &str, right: &str) -> String {
        match self.sort {
            // They compare the spelling alone; that the values read alike is seen without them.
            Sort::Json if business.is_sqlite() || business.is_mysql() => "1 = 1".to_owned(),
            Sort::Json => format!("to_jsonb({left}) is not distinct from to_jsonb({right})"),
            Sort::Float if business.is_mysql() => format!("{left} <=> {right}"),
            Sort::Plain | Sort::Float | Sort::Bytes => {
                let (left, right) = (self.shown(business, left), self.shown(business, right));
                if business.is_mysql() {
                    format!("cast({left} as binary) <=> cast({right} as binary)")
                } else {
                    format!("{left} is not distinct from {right}")
                }
            }
        }
    }

    /// The database's own text of a value.
    pub(crate) fn shown(&self, business: &Business, column: &str) -> String {
        match self.sort {
            _ if business.is_sqlite() => format!("quote({column})"),
            Sort::Bytes if business.is_mysql() => format!("hex({column})"),
            _ if business.is_mysql() => format!("cast({column} as char)"),
            _ => format!("{column}::text"),
        }
    }

    /// A proposed text as the database itself would be given it.
    pub(crate) fn literal(&self, business: &Business, text: &str) -> String {
        match self.sort {
            Sort::Bytes if business.is_sqlite() => panic!("SQLite reads no base64"),
            Sort::Bytes if business.is_mysql() => format!("from_base64({})", quoted(text)),
            Sort::Bytes => format!("decode({}, 'base64')", quoted(text)),
            Sort::Float if business.is_sqlite() => text.to_owned(),
            _ => quoted(text),
        }
    }
}

/// A text in quotes; no engine's test session reads a backslash as anything else.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One column per type, with its values.
pub(crate) fn samples(business: &Business, random: &mut Random) -> Vec<Sample> {
    match () {
        () if business.is_sqlite() => of_sqlite(random),
        () if business.is_mysql() => of_mysql(random),
        () => of_postgres(random),
    }
}

fn of_postgres(random: &mut Random) -> Vec<Sample> {
    let new = |declared: &str, carried: Vec<String>, refused: &[&str]| Sample::new(declared, &carried, refused);
    let odd_moments = ["0044-03-15 12:00:00 BC", "10000-01-01 00:00:00", "294276-12-31 23:59:59.999999", "4713-01-01 00:00:00 BC"];
    let moments = [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "1970-01-01 00:00:00",
        "2000-02-29 12:00:00",
        "1900-02-28 23:59:59",
        "infinity",
        "-infinity",
    ];
    let dates = ["0001-01-01", "9999-12-31", "1582-10-10", "2000-02-29", "infinity", "-infinity"];
    let times = ["00:00:00", "23:59:59", "24:00:00", "12:34:56"];
    let wide: Vec<String> =
        ["1e131071", "1e-16383", "-0.10", "1.500", "0.000", "12345678901234567890.12345678901234567890"].map(str::to_owned).into();
    let mut numeric = random.decimals(60, 30);
    numeric.extend(wide);
    let states = ["new", "in progress", "it's", "say \"no\"", "a,b", "back\\slash", "gr\u{fc}n", "{}", "NULL", ""];
    let bytes: Vec<String> = random.bytes(40).iter().map(|bytes| format!("\\x{}", hex(bytes))).collect();
    let zones = ["+00", "+05:45", "-03:30", "+15:59:59", "-15:59:59"];
    vec![
        new("boolean", random.fill(&["true", "false"], |random| random.one_of(&["t", "f"]).to_owned()), &[]),
        new("smallint", random.integers(i16::MIN.into(), i16::MAX.into()), &[]),
        new("integer", random.integers(i32::MIN.into(), i32::MAX.into()), &[]),
        new("bigint", random.integers(i64::MIN.into(), i64::MAX.into()), &[]),
        new("numeric(12,2)", random.decimals(12, 2), &["NaN"]),
        new("numeric(38,0)", random.decimals(38, 0), &["NaN"]),
        new("numeric(20,20)", random.decimals(20, 20), &["NaN"]),
        new("numeric(3,-2)", random.fill(&["0", "99900", "-99900", "100"], |random| format!("{}00", random.below(1000))), &["NaN"]),
        new("numeric(1000,500)", random.decimals(1000, 500), &["NaN"]),
        new("numeric", numeric, &["NaN", "Infinity", "-Infinity"]),
        new("real", random.singles(), &["NaN", "Infinity", "-Infinity", "-0"]),
        new("double precision", random.doubles(), &["NaN", "Infinity", "-Infinity", "-0"]),
        new("text", random.texts(60), &[]),
        new("varchar(20)", random.texts(20), &[]),
        new("char(8)", random.texts(8), &[]),
        new("citext", random.texts(20), &[]).after("create extension citext"),
        new("state", random.fill(&states, |random| random.one_of(&states).to_owned()), &[]).after(
            "create type state as enum ('new', 'in progress', 'it''s', 'say \"no\"', 'a,b', 'back\\slash', 'gr\u{fc}n', '{}', 'NULL', '')",
        ),
        new("amount", random.decimals(12, 2), &["NaN"]).after("create domain amount as numeric(12,2)"),
        new("tags", arrays(random, |random| random.text(5)), &["{{a}}"]).after("create domain tags as text[]"),
        new("uuid", random.uuids(), &[]),
        new("date", random.dates(1, &dates), &["0044-03-15 BC", "10000-01-01", "5874897-12-31"]),
        new("timestamp", random.moments(1, 6, "", &moments), &odd_moments),
        new("timestamp(0)", random.moments(1, 0, "", &moments), &odd_moments[..2]),
        new("timestamptz", random.moments(2, 6, "+00", &moments), &odd_moments),
        new("timestamptz(3)", random.moments(2, 3, "-07:30", &["2026-03-29 02:30:00", "2026-10-25 02:30:00.999"]), &odd_moments[..2]),
        new("time", random.fill(&times, |random| random.clock(6)), &[]),
        new("time(2)", random.fill(&times, |random| random.clock(2)), &[]),
        new("timetz", random.fill(&["24:00:00+00", "00:00:00-15:59:59"], |random| random.clock(6) + random.one_of(&zones)), &[]),
        new("interval", intervals(random), &[]),
        new(
            "interval(0)",
            random.fill(&["0", "-1 day"], |random| format!("{} mons {} seconds", random.below(9), random.below(1_000_000))),
            &[],
        ),
        new("json", random.jsons().into_iter().chain(["{\"a\":1,\"a\":2}", " [ 1 ]\n"].map(str::to_owned)).collect(), &[]).json(),
        new("jsonb", random.jsons(), &[]).json(),
        Sample::of("bytea", bytes.iter().map(|text| quoted(text)).collect(), Vec::new()),
        new("bit(9)", random.bits(9, false), &[]),
        new("bit varying(70)", random.bits(70, true), &[]),
        new("bit varying", random.bits(100, true), &[]),
        new(
            "inet",
            random.fill(&["0.0.0.0", "255.255.255.255/0", "::", "::ffff:1.2.3.4", "::1.2.3.4", "1::", "::1/128", "10.0.0.1/8"], inet),
            &[],
        ),
        new(
            "cidr",
            random.fill(&["0.0.0.0/0", "::/0", "10.0.0.0/8", "::ffff:1.2.3.4/128"], |random| {
                let v6 = random.below(2) == 0;
                format!("{}/{}", random.address(v6), if v6 { 128 } else { 32 })
            }),
            &[],
        ),
        new("macaddr", random.fill(&["00:00:00:00:00:00", "ff-ff-ff-ff-ff-ff"], |random| format!("{:012x}", random.below(1 << 48))), &[]),
        new("macaddr8", random.fill(&["ff:ff:ff:ff:ff:ff:ff:ff"], |random| format!("{:016x}", random.next())), &[]),
        new("boolean[]", arrays(random, |random| random.one_of(&["t", "f"]).to_owned()), &["{{t,f},{f,t}}", "[0:1]={t,f}"]),
        new("bigint[]", arrays(random, |random| (random.next() as i64).to_string()), &["{{1,2},{3,4}}", "[2:3]={1,2}"]),
        new("text[]", arrays(random, |random| random.text(9)), &["{{a}}"]),
        new("varchar(9)[]", arrays(random, |random| random.text(9)), &[]),
        new("numeric(12,2)[]", arrays(random, |random| random.decimals(12, 2).swap_remove(17)), &["{NaN}"]),
        new("double precision[]", arrays(random, |random| format!("{:e}", random.next() as f64 / 1e9)), &["{NaN}", "{-0}", "{1,Infinity}"]),
        new("timestamptz[]", arrays(random, |random| format!("{} {}+00", random.date(2), random.clock(6))), &["{10000-01-01}"]),
        new("state[]", arrays(random, |random| random.one_of(&states).to_owned()), &[]),
        new("bytea[]", arrays(random, |random| format!("\\x{:x}0", random.next() >> 4 | 1 << 59)), &[]),
        new("jsonb[]", arrays(random, |random| random.json(2)), &[]).json(),
        new("uuid[]", arrays(random, |random| random.uuids().swap_remove(9)), &[]),
        new("inet[]", arrays(random, inet), &[]),
    ]
}

fn of_sqlite(random: &mut Random) -> Vec<Sample> {
    let new = |declared: &str, carried: Vec<String>, refused: &[&str]| {
        let refused = refused.iter().map(|text| (*text).to_owned()).collect();
        Sample::of(declared, carried.iter().map(|text| quoted(text)).collect(), refused)
    };
    let plain = |declared: &str, carried: Vec<String>, refused: &[&str]| {
        Sample::of(declared, carried, refused.iter().map(|text| (*text).to_owned()).collect())
    };
    let broken = ["cast(x'61ff' as text)", "cast(x'eda080' as text)", "'a' || char(0) || 'b'", "x'61'"];
    let blobs: Vec<String> = random.bytes(40).iter().map(|bytes| format!("x'{}'", hex(bytes))).collect();
    let mut moments = random.moments(
        1,
        9,
        "",
        &["0001-01-01T00:00", "9999-12-31 23:59:59.999999999", "2026-03-02T08:00:00Z", "2026-03-02 08:00:00+0530"],
    );
    moments.truncate(VALUES - 50);
    let mut moments: Vec<String> = moments.iter().map(|text| quoted(text)).collect();
    moments.extend(random.integers(-(1 << 53), 1 << 53).into_iter().take(50));
    let mut decimals = random.integers(i64::MIN.into(), i64::MAX.into());
    decimals.truncate(200);
    decimals.extend(random.doubles().into_iter().take(250));
    vec![
        plain("integer", random.integers(i64::MIN.into(), i64::MAX.into()), &["1.5", "'seven'", "x'00'", "9223372036854775808"]),
        plain("tinyint", random.integers(i64::MIN.into(), i64::MAX.into()), &["1e19"]),
        plain("boolean", random.fill(&["0", "1"], |random| random.below(2).to_string()), &["2", "-1", "'true'", "0.5", "x''"]),
        plain("bit", random.fill(&["0", "1"], |random| random.below(2).to_string()), &["2", "'1x'"]),
        plain("real", random.doubles(), &["9e999", "-9e999", "'many'", "x'00'"]).float(),
        plain("double precision", random.singles(), &["9e999"]).float(),
        plain("decimal(10,2)", decimals, &["9e999", "'many'", "x'00'"]),
        new("text", random.texts(60), &broken),
        new("varchar(3)", random.texts(60), &broken),
        new("uuid", random.uuids(), &broken),
        new("date", random.dates(1, &["0001-01-01", "9999-12-31"]), &broken),
        new("time", random.fill(&["00:00", "23:59:59.999999999"], |random| random.clock(9)), &broken),
        plain("datetime", moments, &broken),
        new("json", random.jsons(), &broken).json(),
        plain("blob", blobs, &["'text'", "1", "0.5"]),
        plain("varbinary(16)", vec!["x''".to_owned(), "x'00'".to_owned()].into_iter().cycle().take(VALUES).collect(), &["'text'"]),
    ]
}

fn of_mysql(random: &mut Random) -> Vec<Sample> {
    let new = |declared: &str, carried: Vec<String>, refused: &[&str]| Sample::new(declared, &carried, refused);
    let raw = |declared: &str, carried: Vec<String>| Sample { sort: Sort::Bytes, ..Sample::of(declared, carried, Vec::new()) };
    let bytes = |random: &mut Random, most: u64| random.bytes(most).iter().map(|bytes| format!("x'{}'", hex(bytes))).collect::<Vec<_>>();
    let labels = ["new", "in progress", "it's", "say \"no\"", "back\\slash", "gr\u{fc}n", "{}", "NULL"];
    let sets = ["", "b,a", "a", "gr\u{fc}n", "a,b,gr\u{fc}n", "c d"];
    let spans = ["-838:59:59", "838:59:59", "00:00:00", "-00:00:01", "100:00:00"];
    let datetimes = ["1000-01-01 00:00:00", "9999-12-31 23:59:59", "0001-01-01 00:00:00"];
    let stamps = ["1970-01-01 00:00:01", "2038-01-19 03:14:07"];
    let span = |random: &mut Random, digits: u64| format!("{}{}", random.one_of(&["", "-"]), random.clock(digits));
    let stamp = |random: &mut Random, digits: u64| {
        format!("{}-{:02}-{:02} {}", 1971 + random.below(66), 1 + random.below(12), 1 + random.below(28), random.clock(digits))
    };
    vec![
        new("tinyint(1)", random.fill(&["0", "1"], |random| random.below(2).to_string()), &["2", "-1"]),
        new("tinyint", random.integers(i8::MIN.into(), i8::MAX.into()), &[]),
        new("tinyint unsigned", random.integers(0, u8::MAX.into()), &[]),
        new("smallint", random.integers(i16::MIN.into(), i16::MAX.into()), &[]),
        new("smallint unsigned", random.integers(0, u16::MAX.into()), &[]),
        new("mediumint", random.integers(-(1 << 23), (1 << 23) - 1), &[]),
        new("mediumint unsigned", random.integers(0, (1 << 24) - 1), &[]),
        new("int", random.integers(i32::MIN.into(), i32::MAX.into()), &[]),
        new("int unsigned", random.integers(0, u32::MAX.into()), &[]),
        new("bigint", random.integers(i64::MIN.into(), i64::MAX.into()), &[]),
        new("bigint unsigned", random.integers(0, u64::MAX.into()), &[]),
        new("decimal(12,2)", random.decimals(12, 2), &[]),
        new("decimal(65,0)", random.decimals(65, 0), &[]),
        new("decimal(65,30)", random.decimals(65, 30), &[]),
        new("decimal(30,30)", random.decimals(30, 30), &[]),
        new("float", random.singles(), &[]).float(),
        new("double", random.doubles(), &[]).float(),
        new("char(8)", random.texts(8), &[]),
        new("varchar(20)", random.texts(20), &[]),
        new("text", random.texts(60), &["a\0b"]),
        new("longtext", random.texts(60), &[]),
        new(
            "enum('new','in progress','it''s','say \"no\"','back\\slash','gr\u{fc}n','{}','NULL')",
            random.fill(&labels, |random| random.one_of(&labels).to_owned()),
            &[],
        ),
        new("set('a','b','gr\u{fc}n','c d')", random.fill(&sets, |random| random.one_of(&sets).to_owned()), &[]),
        new("date", random.dates(1, &["0001-01-01", "9999-12-31", "2000-02-29"]), &[]),
        new("time", random.fill(&spans, |random| span(random, 0)), &[]),
        new("time(6)", random.fill(&spans, |random| span(random, 6)), &[]),
        new("datetime", random.moments(1, 0, "", &datetimes), &[]),
        new("datetime(3)", random.moments(1, 3, "", &datetimes), &[]),
        new("datetime(6)", random.moments(1, 6, "", &datetimes), &[]),
        new("timestamp null", random.fill(&stamps, |random| stamp(random, 0)), &[]),
        new("timestamp(6) null", random.fill(&stamps, |random| stamp(random, 6)), &[]),
        new("year", random.fill(&["0000", "1901", "2155", "2026"], |random| (1901 + random.below(255)).to_string()), &[]),
        raw("bit(1)", random.bits(1, false).into_iter().map(|bits| format!("b'{bits}'")).collect()),
        raw("bit(9)", random.bits(9, false).into_iter().map(|bits| format!("b'{bits}'")).collect()),
        raw("bit(64)", random.bits(64, false).into_iter().map(|bits| format!("b'{bits}'")).collect()),
        raw("binary(8)", bytes(random, 8)),
        raw("varbinary(40)", bytes(random, 40)),
        raw("blob", bytes(random, 60)),
        new("json", shallow(random.jsons()), &[]).json(),
        new("uuid", random.usual_uuids(), &[]),
        new("inet6", random.fill(&["::", "::1", "::ffff:1.2.3.4"], |random| random.address(true)), &[]),
        new("inet4", random.fill(&["0.0.0.0", "255.255.255.255"], |random| random.address(false)), &[]),
    ]
}

/// Without the text that nests deeper than MariaDB reads.
fn shallow(jsons: Vec<String>) -> Vec<String> {
    jsons.into_iter().map(|text| if text.starts_with(&"[".repeat(33)) { "[]".to_owned() } else { text }).collect()
}

fn intervals(random: &mut Random) -> Vec<String> {
    let extremes = [
        "0",
        "1 mon",
        "30 days",
        "24 hours",
        "1 day",
        "-1 mon +1 day",
        "178000000 years",
        "-178000000 years",
        "2147483647 days",
        "-2147483648 days",
        "0.000001 seconds",
        "-0.000001 seconds",
        "9223372036854775807 microseconds",
        "-9223372036854775807 microseconds",
        "-1 days +01:00:00",
    ];
    random.fill(&extremes, |random| {
        let sign = |random: &mut Random| *random.one_of(&[&"", &"-"]);
        let (first, second, third) = (sign(random), sign(random), sign(random));
        format!(
            "{first}{} mons {second}{} days {third}{} microseconds",
            random.below(1 << 20),
            random.below(1 << 30),
            random.next() >> (1 + random.below(40))
        )
    })
}

fn inet(random: &mut Random) -> String {
    let v6 = random.below(2) == 0;
    let address = random.address(v6);
    if random.below(2) == 0 { address } else { format!("{address}/{}", random.below(if v6 { 129 } else { 33 })) }
}

/// Arrays of at most four elements, with NULL here and there, as PostgreSQL reads them.
fn arrays(random: &mut Random, mut element: impl FnMut(&mut Random) -> String) -> Vec<String> {
    random.fill(&["{}", "{NULL}", "{NULL,NULL}"], |random| {
        let elements: Vec<String> = (0..random.below(5))
            .map(|_| {
                if random.below(8) == 0 {
                    "NULL".to_owned()
                } else {
                    format!("\"{}\"", element(random).replace('\\', "\\\\").replace('"', "\\\""))
                }
            })
            .collect();
        format!("{{{}}}", elements.join(","))
    })
}

/// Columns that would round, cut, pad or coerce, and what somebody proposes for them.
pub(crate) fn proposals(business: &Business, random: &mut Random) -> Vec<(Sample, Vec<String>)> {
    let column = |declared: &str, sort: Sort, given: Vec<String>| {
        (Sample { declared: declared.to_owned(), prepare: None, carried: Vec::new(), refused: Vec::new(), distinct: true, sort }, given)
    };
    let number = |random: &mut Random| {
        let (before, behind) = (random.below(13), random.below(5));
        let (integer, fraction) =
            (random.next() % 10_u64.pow(u32::try_from(before).unwrap()), random.next() % 10_u64.pow(u32::try_from(behind).unwrap()));
        let sign = random.one_of(&["", "", "-", "+"]);
        match random.below(8) {
            0 => format!("{sign}{integer}e{}", random.below(6)),
            1 => format!("{sign}0{integer}"),
            _ if behind == 0 => format!("{sign}{integer}"),
            _ => format!("{sign}{integer}.{fraction:0width$}", width = usize::try_from(behind).unwrap()),
        }
    };
    let moment = |random: &mut Random| {
        let (month, day) = (1 + random.below(13), 1 + random.below(31));
        format!("{}-{month:02}-{day:02}{}{}", 1980 + random.below(50), random.one_of(&["T", " "]), random.clock(8))
    };
    let day = |random: &mut Random| format!("{}-{:02}-{:02}", 1980 + random.below(50), 1 + random.below(13), 1 + random.below(31));
    let mut columns = Vec::new();
    if business.is_sqlite() {
        // A text stays what it is, so there is nothing to hold dates and texts against.
        columns.push(column(
            "bigint",
            Sort::Plain,
            random.fill(&[], |random| (random.next() as i64 as i128 * (1 + i128::from(random.below(3)))).to_string()),
        ));
        let long = |random: &mut Random| format!("{}.{}", random.next() >> random.below(64), random.next() >> (10 + random.below(54)) | 1);
        columns.push(column("decimal(10,2)", Sort::Plain, random.fill(&["1.00000000000000000001"], long)));
        return columns;
    }
    let (single, double, varying) =
        if business.is_mysql() { ("float", "double", "varchar(10)") } else { ("real", "double precision", "varchar(10)") };
    columns.push(column(
        "int",
        Sort::Plain,
        random.fill(&["2147483648", "-2147483649", "1.0", "1e3", " 1", "0x10"], |random| {
            (random.next() as i64 >> (28 + random.below(20))).to_string()
        }),
    ));
    columns.push(column("numeric(10,2)", Sort::Plain, random.fill(&["99999999.99", "100000000", "0.005", "1e-2"], number)));
    columns.push(column(varying, Sort::Plain, random.texts(14)));
    columns.push(column(
        "char(6)",
        Sort::Plain,
        random.fill(&["      ", "abcdefg"], |random| {
            let text = format!("{}{}", random.text(7), " ".repeat(usize::try_from(random.below(5)).unwrap()));
            // MySQL refuses blanks that do not fit, PostgreSQL drops them.
            let few = if business.is_mysql() { 6_usize.saturating_sub(text.trim_end_matches(' ').chars().count()) } else { 6 };
            let blanks = text.len() - text.trim_end_matches(' ').len();
            format!("{}{}", text.trim_end_matches(' '), " ".repeat(blanks.min(few)))
        }),
    ));
    columns.push(column(
        double,
        Sort::Float,
        random.fill(&["1e999", "-0", "0.1"], |random| format!("{:e}", f64::from_bits(random.next()))),
    ));
    columns.push(column(single, Sort::Float, {
        let mut all = random.singles();
        all.extend(random.doubles());
        all
    }));
    columns.push(column("date", Sort::Plain, random.fill(&["2026-02-29", "0000-00-00", "2026-3-2", "now"], day)));
    let zoneless = if business.is_mysql() { "datetime(3)" } else { "timestamp(3)" };
    columns.push(column(zoneless, Sort::Plain, random.fill(&["2026-03-02 08:00:00Z", "2026-03-02 24:00:00"], moment)));
    if business.is_mysql() {
        return columns;
    }
    let zones = ["Z", "+00", "+05:45", "-0330", "+14:00"];
    columns.push(column(
        "timestamptz",
        Sort::Plain,
        random.fill(&["2026-03-02 08:00:00", "2026-03-02 08:00:00 CET"], |random| moment(random) + random.one_of(&zones)),
    ));
    columns.push(column("time(3)", Sort::Plain, random.fill(&["24:00:00", "24:00:01", "08:00"], |random| random.clock(5))));
    columns.push(column(
        "interval(3)",
        Sort::Plain,
        random.fill(&["P1Y2M3DT4H5M6.789S", "PT0.0001S", "P1W"], |random| {
            format!("P{}M-{}DT{}H{}.{}S", random.below(50), random.below(50), random.below(50), random.below(90), random.below(2000))
        }),
    ));
    columns.push(column("bit(5)", Sort::Plain, random.bits(6, true)));
    columns.push(column("inet", Sort::Plain, random.fill(&["10.1", "10.0.0.1/33"], inet)));
    columns.push(column(
        "cidr",
        Sort::Plain,
        random.fill(&["10.0.0.0/8"], |random| {
            let v6 = random.below(2) == 0;
            let address = random.address(v6);
            if random.below(3) == 0 { format!("{address}/{}", random.below(32)) } else { address }
        }),
    ));
    columns.push(column(
        "bytea",
        Sort::Bytes,
        random.fill(&["AA", "AB==", "A A=", "_w=="], |random| {
            let length = random.below(9);
            (0..length * 4).map(|_| char::from(b'A' + u8::try_from(random.below(26)).unwrap())).collect()
        }),
    ));
    columns.push(column("uuid", Sort::Plain, {
        let mut all = random.uuids();
        all.extend(["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99"].map(str::to_owned));
        all
    }));
    columns
}
