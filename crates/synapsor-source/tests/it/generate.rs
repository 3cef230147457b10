//! Which values does a column get, to find one that does not survive?
//!
//! Every list begins with the extremes and the values that other programs get wrong, and goes on at random. The same seed
//! makes the same list.

/// How many values a column gets.
pub(crate) const VALUES: usize = 400;

/// A small generator of numbers, the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    fn digits(&mut self, count: u64) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }

    /// The extremes, then what `make` makes.
    pub(crate) fn fill(&mut self, extremes: &[&str], mut make: impl FnMut(&mut Self) -> String) -> Vec<String> {
        let mut values: Vec<String> = extremes.iter().map(|text| (*text).to_owned()).collect();
        while values.len() < VALUES {
            values.push(make(self));
        }
        values
    }

    pub(crate) fn integers(&mut self, min: i128, max: i128) -> Vec<String> {
        let mut near = vec![min, min + 1, -1, 0, 1, max - 1, max];
        for edge in [1_i128 << 53, 1 << 31, 1 << 32, 1 << 63, -(1 << 53), -(1 << 31)] {
            near.extend([edge - 1, edge, edge + 1]);
        }
        let near: Vec<String> = near.into_iter().filter(|value| (min..=max).contains(value)).map(|value| value.to_string()).collect();
        let extremes: Vec<&str> = near.iter().map(String::as_str).collect();
        let span = (max - min) as u128;
        self.fill(&extremes, |random| {
            let wide = (u128::from(random.next()) << 64 | u128::from(random.next())) >> (random.below(100) as u32);
            let within = if span == u128::MAX { wide } else { wide % (span + 1) };
            (min + i128::try_from(within).unwrap()).to_string()
        })
    }

    /// Decimals of exactly so many digits or fewer, with `scale` of them behind the point.
    pub(crate) fn decimals(&mut self, precision: u64, scale: u64) -> Vec<String> {
        let written = |integer: String, fraction: String| if fraction.is_empty() { integer } else { format!("{integer}.{fraction}") };
        let nines = written("9".repeat((precision - scale).try_into().unwrap()), "9".repeat(scale.try_into().unwrap()));
        let largest = if precision == scale { format!("0{nines}") } else { nines };
        let smallest = written("0".to_owned(), format!("{:0>width$}", if scale == 0 { "" } else { "1" }, width = scale as usize));
        let extremes = [largest.clone(), format!("-{largest}"), smallest.clone(), format!("-{smallest}"), "0".to_owned(), "1".to_owned()];
        let kept: Vec<&str> = extremes.iter().map(String::as_str).filter(|text| precision > scale || *text != "1").collect();
        self.fill(&kept, |random| {
            let (before, behind) = (random.below(precision - scale + 1), random.below(scale + 1));
            let sign = random.one_of(&["", "-"]);
            let integer = if before == 0 { "0".to_owned() } else { random.digits(before) };
            format!("{sign}{}", written(integer, random.digits(behind)))
        })
    }

    /// Doubles as the shortest text that identifies each. No zero with a sign.
    pub(crate) fn doubles(&mut self) -> Vec<String> {
        let extremes = [
            "0",
            "1",
            "-1",
            "0.1",
            "0.30000000000000004",
            "1e23",
            "9007199254740993",
            "9007199254740994",
            "1e15",
            "1e16",
            "123456789012345680",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "2.2250738585072014e-308",
            "2.225073858507201e-308",
            "5e-324",
            "-5e-324",
            "1e-7",
            "1e21",
            "1e22",
            "4.35",
            "0.000001",
            "100",
            "18446744073709551616",
            "9223372036854775808",
            "-9223372036854775808",
        ];
        self.fill(&extremes, |random| {
            loop {
                let bits = f64::from_bits(random.next());
                let value = if random.below(3) == 0 { (bits % 1e6 * 100.0).trunc() / 100.0 } else { bits };
                if value.is_finite() && value != 0.0 {
                    break format!("{value:e}");
                }
            }
        })
    }

    pub(crate) fn singles(&mut self) -> Vec<String> {
        let extremes = [
            "0",
            "1",
            "-1",
            "0.1",
            "3.4028234663852886e38",
            "-3.4028234663852886e38",
            "1.1754944e-38",
            "1e-45",
            "1e-44",
            "16777216",
            "16777218",
            "0.3",
            "1e10",
        ];
        self.fill(&extremes, |random| {
            loop {
                let value = f32::from_bits(u32::try_from(random.next() >> 32).unwrap());
                if value.is_finite() && value != 0.0 {
                    break format!("{value:e}");
                }
            }
        })
    }

    /// A text of at most so many characters, of any kind but NUL.
    pub(crate) fn text(&mut self, most: u64) -> String {
        let odd =
            ['\'', '"', '\\', '`', '%', '_', ';', '{', '}', ',', ' ', '\t', '\n', '\r', '\u{1}', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}'];
        let wide = [
            'ä',
            'ß',
            'İ',
            'ı',
            'é',
            '\u{301}',
            '\u{200b}',
            '\u{202e}',
            '\u{feff}',
            '\u{fffd}',
            '中',
            '\u{1f600}',
            '\u{10ffff}',
            '\u{d7ff}',
        ];
        let length = self.below(most + 1);
        let letter = |random: &mut Self| match random.below(4) {
            0 => odd[usize::try_from(random.below(odd.len() as u64)).unwrap()],
            1 => wide[usize::try_from(random.below(wide.len() as u64)).unwrap()],
            _ => char::from(b'!' + u8::try_from(random.below(94)).unwrap()),
        };
        (0..length).map(|_| letter(self)).collect()
    }

    pub(crate) fn texts(&mut self, most: u64) -> Vec<String> {
        let every_control: Vec<String> = (1..0x20_u8).map(|code| format!("a{}b", char::from(code))).collect();
        let longest = "\u{1f600}".repeat(usize::try_from(most.min(1000)).unwrap());
        let mut extremes = vec![
            "", " ", "  ", "a ", " a", "'", "''", "\\", "\\'", "\"", "null", "NULL", "0", "007", "1e3", "true", "{}", "\u{e4}", "a\u{308}",
            &longest,
        ];
        extremes.extend(every_control.iter().map(String::as_str).filter(|_| most >= 3));
        self.fill(&extremes, |random| random.text(most))
    }

    pub(crate) fn bytes(&mut self, most: u64) -> Vec<Vec<u8>> {
        let mut values = vec![Vec::new(), vec![0], vec![0, 0], vec![0xff], vec![0x5c, 0x27], b"\\x00".to_vec(), b"text".to_vec()];
        while values.len() < VALUES {
            let length = self.below(most + 1);
            values.push((0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect());
        }
        values
    }

    pub(crate) fn uuids(&mut self) -> Vec<String> {
        let extremes =
            ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"];
        self.fill(&extremes, |random| uuid(random.next(), random.next()))
    }

    /// Uuids of a version and variant that MariaDB knows.
    pub(crate) fn usual_uuids(&mut self) -> Vec<String> {
        let extremes = ["00000000-0000-0000-0000-000000000000", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"];
        self.fill(&extremes, |random| uuid(random.next() & !0xf000 | 0x4000, random.next() >> 2 | 1 << 63))
    }

    pub(crate) fn date(&mut self, first_year: u64) -> String {
        let (month, day) = (1 + self.below(12), 1 + self.below(28));
        format!("{:04}-{month:02}-{day:02}", first_year + self.below(10_000 - first_year))
    }

    pub(crate) fn dates(&mut self, first_year: u64, extremes: &[&str]) -> Vec<String> {
        self.fill(extremes, |random| random.date(first_year))
    }

    /// A time of day with at most so many digits behind the second.
    pub(crate) fn clock(&mut self, digits: u64) -> String {
        let kept = self.below(digits + 1);
        let fraction = if kept == 0 { String::new() } else { format!(".{}", self.digits(kept)) };
        format!("{:02}:{:02}:{:02}{fraction}", self.below(24), self.below(60), self.below(60))
    }

    pub(crate) fn moments(&mut self, first_year: u64, digits: u64, zone: &str, extremes: &[&str]) -> Vec<String> {
        let zoned: Vec<String> =
            extremes.iter().map(|text| if text.contains("infinity") { (*text).to_owned() } else { format!("{text}{zone}") }).collect();
        let extremes: Vec<&str> = zoned.iter().map(String::as_str).collect();
        self.fill(&extremes, |random| format!("{} {}{zone}", random.date(first_year), random.clock(digits)))
    }

    /// A JSON text, nested a little.
    pub(crate) fn json(&mut self, depth: u64) -> String {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => self.one_of(&["null", "true", "false"]).to_owned(),
            1 => self.next().to_string(),
            2 => self
                .one_of(&[
                    "0",
                    "-1",
                    "0.5",
                    "1.50",
                    "1e2",
                    "1E+2",
                    "-0.25e-3",
                    "9007199254740993",
                    "0.1000000000000000055",
                    "123456789012345678901234567890",
                ])
                .to_owned(),
            3..=5 => serde_json::to_string(&self.text(8)).unwrap(),
            6 => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.json(depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => {
                let members: Vec<String> = (0..self.below(4))
                    .map(|at| format!("{} : {}", serde_json::to_string(&format!("{at}{}", self.text(3))).unwrap(), self.json(depth - 1)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    pub(crate) fn jsons(&mut self) -> Vec<String> {
        let extremes = [
            "null",
            "true",
            "\"\"",
            "[]",
            "{}",
            "0",
            "1.0",
            "1e2",
            "-1.5E-3",
            "\"\\u00e4\\ud83d\\ude00\"",
            "\"\\\\u0000\"",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
            "{\"b\":1,\"a\":2}",
            "{\"\":0}",
            "[1,[2,[3,[4,[5]]]]]",
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "1.10",
            "{\"a\\u0001\":\"\\u007f\"}",
        ];
        self.fill(&extremes, |random| random.json(3))
    }

    pub(crate) fn bits(&mut self, width: u64, varying: bool) -> Vec<String> {
        let (zeros, ones) = ("0".repeat(usize::try_from(width).unwrap()), "1".repeat(usize::try_from(width).unwrap()));
        self.fill(&[&zeros, &ones], |random| {
            let length = if varying { random.below(width + 1) } else { width };
            (0..length).map(|_| if random.below(2) == 0 { '0' } else { '1' }).collect()
        })
    }

    pub(crate) fn address(&mut self, v6: bool) -> String {
        if !v6 {
            return std::net::Ipv4Addr::from(u32::try_from(self.next() >> 32).unwrap()).to_string();
        }
        // Runs of zeros are where spellings differ.
        let groups: Vec<String> =
            (0..8).map(|_| if self.below(2) == 0 { "0".to_owned() } else { format!("{:x}", self.below(0x1_0000)) }).collect();
        groups.join(":")
    }
}

fn uuid(high: u64, low: u64) -> String {
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
