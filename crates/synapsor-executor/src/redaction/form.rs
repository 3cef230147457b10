//! Does something that is loaded stand here, however it is written?
//!
//! A form is what a secret becomes in plain text, in base64 or in hex. Around it every writer may have escaped what it likes: percent
//! signs, the backslashes of JSON and of a program's own notation, entities. So a form is held against the text sign by sign, and each sign
//! may be written in any of these ways. Capitals and small letters are the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Fewer signs of base64 stand everywhere.
const SHORTEST_BASE64: usize = 6;

/// How many escapes are looked through: JSON within JSON doubles its backslashes, an address within an address its percent signs.
const MAX_NESTED: usize = 8;

/// How many ways of reading one text are followed at once.
const MAX_WAYS: usize = 32;

/// What a secret becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Either alphabet, with line breaks.
    Base64,
    /// With what stands between the bytes.
    Hex,
}

/// One thing to look for. No `Debug`: it is a secret.
#[derive(Clone)]
pub(super) struct Form {
    kind: Kind,
    signs: Vec<char>,
}

impl Form {
    /// Every form of a secret.
    pub(super) fn all_of(secret: &[u8]) -> impl Iterator<Item = Self> {
        let form = |kind, signs: &str| Self { kind, signs: signs.chars().collect() };
        let plain = std::str::from_utf8(secret).ok().map(|text| form(Kind::Plain, text));
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        // Within a longer text it may begin at any of three places; what depends on its neighbours is left out.
        let encoded = (0..3).map(|before| {
            let whole = STANDARD_NO_PAD.encode([vec![0; before], secret.to_vec()].concat());
            whole[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6].to_owned()
        });
        let encoded = encoded.filter(|inner| inner.len() >= SHORTEST_BASE64).map(|inner| form(Kind::Base64, &inner));
        plain.into_iter().chain([form(Kind::Hex, &hex)]).chain(encoded.collect::<Vec<_>>())
    }

    /// The bytes with which it may begin in a text.
    pub(super) fn beginnings(&self) -> Vec<u8> {
        let mut bytes = b"%\\&".to_vec();
        for same in self.signs.first().into_iter().flat_map(|first| self.same(*first)) {
            bytes.push(same.encode_utf8(&mut [0; 4]).as_bytes()[0].to_ascii_lowercase());
            bytes.push(same.encode_utf8(&mut [0; 4]).as_bytes()[0].to_ascii_uppercase());
        }
        bytes.sort_unstable();
        bytes.dedup();
        bytes
    }

    /// Where it ends, if it stands here. Of base64 the signs beside it belong to it too, for they hold a part of its first and last bytes.
    pub(super) fn within(&self, text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
        let (first, rest) = self.signs.split_first()?;
        let (mut here, mut next) = (Vec::new(), Vec::new());
        self.same(*first).for_each(|same| step(text, at, same, &mut here));
        for sign in rest {
            for at in here.drain(..) {
                let at = self.after_separators(text, at);
                self.same(*sign).for_each(|same| step(text, at, same, &mut next));
            }
            next.sort_unstable();
            next.dedup();
            next.truncate(MAX_WAYS);
            if next.is_empty() {
                return None;
            }
            std::mem::swap(&mut here, &mut next);
        }
        let end = here.into_iter().max()?;
        if self.kind != Kind::Base64 {
            return Some(at..end);
        }
        let is_sign = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
        let before = text[..at].iter().rev().take(3).take_while(is_sign).count();
        let after = text[end..].iter().take(4).take_while(is_sign).count();
        Some(at - before..end + after)
    }

    /// The sign, and one that means the same.
    fn same(&self, sign: char) -> impl Iterator<Item = char> + use<> {
        let other = match (self.kind, sign) {
            (Kind::Base64, '+') => Some('-'),
            (Kind::Base64, '/') => Some('_'),
            (Kind::Plain, ' ') => Some('+'),
            (Kind::Plain | Kind::Base64 | Kind::Hex, _) => None,
        };
        std::iter::once(sign).chain(other)
    }

    fn after_separators(&self, text: &[u8], mut at: usize) -> usize {
        loop {
            let skipped = match (self.kind, &text[at..]) {
                (Kind::Base64 | Kind::Hex, [b' ' | b'\n' | b'\r' | b'\t', ..]) | (Kind::Hex, [b':' | b'-' | b',', ..]) => 1,
                (Kind::Base64 | Kind::Hex, [b'\\', b'n' | b'r', ..]) | (Kind::Hex, [b'0', b'x', ..]) => 2,
                _ => return at,
            };
            at += skipped;
        }
    }
}

/// Every place at which this sign ends, if it begins here.
fn step(text: &[u8], at: usize, sign: char, ends: &mut Vec<usize>) {
    let Some(first) = text.get(at) else { return };
    let mut buffer = [0; 4];
    let bytes = sign.encode_utf8(&mut buffer).as_bytes();
    if text[at..].get(..bytes.len()).is_some_and(|here| here.eq_ignore_ascii_case(bytes)) {
        ends.push(at + bytes.len());
    }
    match first {
        b'%' => all_bytes(text, at, bytes, percent, ends),
        b'\\' => {
            backslashed(text, at, sign, ends);
            all_bytes(text, at, bytes, hexed, ends);
        }
        b'&' => ends.extend(entity(text, at).filter(|(found, _)| found.eq_ignore_ascii_case(&sign)).map(|(_, end)| end)),
        _ => {}
    }
}

/// A sign whose bytes are escaped one by one.
fn all_bytes(text: &[u8], at: usize, bytes: &[u8], one: fn(&[u8], usize, u8, &mut Vec<usize>), ends: &mut Vec<usize>) {
    if let [byte] = bytes {
        return one(text, at, *byte, ends);
    }
    let mut here = vec![at];
    for byte in bytes {
        let mut next = Vec::new();
        here.into_iter().for_each(|at| one(text, at, *byte, &mut next));
        here = next;
    }
    ends.extend(here);
}

/// `%2F`, and `%252F` of an address within an address.
fn percent(text: &[u8], at: usize, byte: u8, ends: &mut Vec<usize>) {
    if text.get(at) != Some(&b'%') {
        return;
    }
    for nested in 0..MAX_NESTED {
        let at = at + 1 + 2 * nested;
        let Some(found) = number(text, at, 2, 16).and_then(|found| u8::try_from(found).ok()) else { return };
        if found.eq_ignore_ascii_case(&byte) {
            ends.push(at + 2);
        }
        if found != b'%' {
            return;
        }
    }
}

/// `\x2f`.
fn hexed(text: &[u8], at: usize, byte: u8, ends: &mut Vec<usize>) {
    let at = at + backslashes(text, at);
    let found = if text.get(at) == Some(&b'x') { number(text, at + 1, 2, 16) } else { None };
    if found.and_then(|found| u8::try_from(found).ok()).is_some_and(|found| found.eq_ignore_ascii_case(&byte)) {
        ends.push(at + 3);
    }
}

/// `\n`, `\"`, `\\`, `\u002f`, `\u{2f}`, and with more backslashes where a text is in a text.
fn backslashed(text: &[u8], at: usize, sign: char, ends: &mut Vec<usize>) {
    let run = backslashes(text, at);
    if sign == '\\' {
        ends.extend((2..=run).map(|length| at + length));
    }
    let after = at + run;
    let Some(escaped) = text.get(after) else { return };
    let meant = match escaped {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return ends.extend(unicode(text, after + 1).filter(|(found, _)| found.eq_ignore_ascii_case(&sign)).map(|(_, end)| end)),
        other if other.is_ascii_punctuation() || *other == b' ' => char::from(*other),
        _ => return,
    };
    if meant == sign {
        ends.push(after + 1);
    }
}

fn backslashes(text: &[u8], at: usize) -> usize {
    text[at.min(text.len())..].iter().take(MAX_NESTED).take_while(|byte| **byte == b'\\').count()
}

/// What stands behind `\u`, and where it ends.
fn unicode(text: &[u8], at: usize) -> Option<(char, usize)> {
    if text.get(at) == Some(&b'{') {
        let length = text[at + 1..].iter().take(7).position(|byte| *byte == b'}')?;
        return Some((char::from_u32(number(text, at + 1, length, 16)?)?, at + length + 2));
    }
    let high = number(text, at, 4, 16)?;
    if let Some(one) = char::from_u32(high) {
        return Some((one, at + 4));
    }
    let second = at + 4 + backslashes(text, at + 4);
    let low = if text.get(second) == Some(&b'u') { number(text, second + 1, 4, 16)? } else { return None };
    let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    Some((char::decode_utf16(pair).next()?.ok()?, second + 5))
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn entity(text: &[u8], at: usize) -> Option<(char, usize)> {
    let name = &text[at + 1..];
    let length = name.iter().take(9).position(|byte| *byte == b';')?;
    let meant = match &name[..length] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', ..] => char::from_u32(number(name, 2, length - 2, 16)?)?,
        [b'#', ..] => char::from_u32(number(name, 1, length - 1, 10)?)?,
        _ => return None,
    };
    Some((meant, at + length + 2))
}

fn number(text: &[u8], at: usize, length: usize, radix: u32) -> Option<u32> {
    let digits = text.get(at..at + length)?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, radix).ok()
}
