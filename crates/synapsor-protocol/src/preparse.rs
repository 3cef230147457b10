//! May this JSON be read at all?
//!
//! One pass over the raw bytes, before serde sees them, for HTTP, stdio, configuration and handlers alike. It refuses
//! what readers disagree about: duplicate members, deep nesting, NUL, invalid UTF-8, and number tokens that a double
//! cannot hold exactly (a token is exact if the shortest form of its double has the same decimal value).
//!
//! Start reading at [`from_slice`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::DeserializeOwned;

use crate::decimal::Decimal;

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Arrays and objects inside each other.
    pub depth: usize,
}

impl Limits {
    /// 1 MiB, 32 levels.
    pub const DEFAULT: Self = Self { bytes: 1 << 20, depth: 32 };
}

/// Where something stands in a text. Both count from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Why a text is refused before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// More bytes than allowed.
    TooLarge,
    /// Arrays and objects nest deeper than allowed.
    TooDeep,
    /// An object names a member twice.
    DuplicateMember,
    /// A string holds the NUL character.
    Nul,
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// A number that a double cannot hold exactly.
    InexactNumber,
    /// Not JSON (RFC 8259).
    Syntax,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the text is too large",
            Self::TooDeep => "arrays and objects nest too deeply",
            Self::DuplicateMember => "an object names a member twice",
            Self::Nul => "a string holds the NUL character",
            Self::InvalidUtf8 => "the text is not UTF-8",
            Self::InexactNumber => "a number cannot be held exactly: write it as a string",
            Self::Syntax => "the text is not JSON",
        })
    }
}

/// A text that was refused, and where. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (line {}, column {})", position.line, position.column)]
pub struct PreparseError {
    /// Why.
    pub reason: Reason,
    /// Where, in bytes from the start.
    pub offset: usize,
    /// Where, for people.
    pub position: Position,
}

/// Why a text did not become a record.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It was refused before it was read.
    #[error(transparent)]
    Refused(#[from] PreparseError),
    /// It is JSON, but not this record.
    #[error("the record does not have the expected form")]
    Shape(#[source] serde_json::Error),
}

/// Checks the text, then reads the record.
pub fn from_slice<T: DeserializeOwned>(text: &[u8], limits: Limits) -> Result<T, ParseError> {
    check(text, limits)?;
    serde_json::from_slice(text).map_err(ParseError::Shape)
}

/// Checks the text.
pub fn check(text: &[u8], limits: Limits) -> Result<(), PreparseError> {
    scan(text, limits, None).map_err(|(reason, offset)| PreparseError { reason, offset, position: position(text, offset) })
}

/// Where the value at `path` (`$.capabilities[2].args`) stands: for a member, its name. If there is no such value, the
/// nearest one around it that exists. `None` if the text is refused.
pub fn locate(text: &[u8], path: &str) -> Option<Position> {
    locate_all(text, &[path])?.pop()
}

/// [`locate`] for many paths in one pass, in their order.
pub fn locate_all(text: &[u8], paths: &[&str]) -> Option<Vec<Position>> {
    let mut places = Places(paths.iter().flat_map(|path| around(path)).map(|path| (path, None)).collect());
    scan(text, Limits { bytes: usize::MAX, ..Limits::DEFAULT }, Some(&mut places)).ok()?;
    Some(paths.iter().map(|path| position(text, places.nearest(path))).collect())
}

/// A path and those of everything around it, the innermost first.
fn around(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().rev().filter(|(_, step)| matches!(step, '.' | '[')).map(|(end, _)| end);
    [path.len()].into_iter().chain(ends).map(|end| &path[..end])
}

/// Paths that are looked for, and the offset at which each was met.
struct Places<'a>(HashMap<&'a str, Option<usize>>);

impl Places<'_> {
    fn meet(&mut self, path: &str, offset: usize) {
        if let Some(place) = self.0.get_mut(path) {
            place.get_or_insert(offset);
        }
    }

    fn nearest(&self, path: &str) -> usize {
        around(path).find_map(|path| self.0.get(path).copied().flatten()).unwrap_or(0)
    }
}

type Refused = (Reason, usize);

fn scan(text: &[u8], limits: Limits, places: Option<&mut Places<'_>>) -> Result<(), Refused> {
    if text.len() > limits.bytes {
        return Err((Reason::TooLarge, limits.bytes));
    }
    let text = std::str::from_utf8(text).map_err(|e| (Reason::InvalidUtf8, e.valid_up_to()))?;
    let mut scanner = Scanner { text, at: 0, depth_left: limits.depth, path: String::from("$"), places };
    scanner.skip_space();
    scanner.value()?;
    scanner.skip_space();
    if scanner.at < text.len() { scanner.refuse(Reason::Syntax) } else { Ok(()) }
}

struct Scanner<'a, 'n, 'p> {
    text: &'a str,
    at: usize,
    depth_left: usize,
    path: String,
    places: Option<&'n mut Places<'p>>,
}

impl<'a> Scanner<'a, '_, '_> {
    fn value(&mut self) -> Result<(), Refused> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(_) | None => self.refuse(Reason::Syntax),
        }
    }

    fn nested(&mut self, inside: fn(&mut Self) -> Result<(), Refused>) -> Result<(), Refused> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            return self.refuse(Reason::TooDeep);
        };
        let outer = std::mem::replace(&mut self.depth_left, depth_left);
        self.at += 1;
        self.skip_space();
        inside(self)?;
        self.at += 1;
        self.depth_left = outer;
        Ok(())
    }

    /// Up to the closing brace.
    fn object(&mut self) -> Result<(), Refused> {
        let mut names = HashSet::new();
        if self.peek() == Some(b'}') {
            return Ok(());
        }
        loop {
            let start = self.at;
            let name = self.string()?;
            let outer = self.enter(format_args!(".{name}"), start);
            if !names.insert(name) {
                return Err((Reason::DuplicateMember, start));
            }
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value()?;
            self.path.truncate(outer);
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    /// Up to the closing bracket.
    fn array(&mut self) -> Result<(), Refused> {
        if self.peek() == Some(b']') {
            return Ok(());
        }
        for index in 0_usize.. {
            let outer = self.enter(format_args!("[{index}]"), self.at);
            self.value()?;
            self.path.truncate(outer);
            if self.ends(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// Whether the list ends here; otherwise there was a comma, and the next item begins.
    fn ends(&mut self, close: u8) -> Result<bool, Refused> {
        self.skip_space();
        if self.peek() == Some(close) {
            return Ok(true);
        }
        self.expect(b',')?;
        self.skip_space();
        Ok(false)
    }

    /// Extends the path and gives the length to cut it back to. Only who asked for a place pays for the path.
    fn enter(&mut self, step: fmt::Arguments<'_>, start: usize) -> usize {
        let outer = self.path.len();
        if let Some(places) = self.places.as_deref_mut() {
            let _infallible = fmt::Write::write_fmt(&mut self.path, step);
            places.meet(&self.path, start);
        }
        outer
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refused> {
        self.expect(b'"')?;
        let mut decoded = Cow::Borrowed("");
        loop {
            let start = self.at;
            let rest = &self.text.as_bytes()[start..];
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            self.at = plain.map_or(self.text.len(), |plain| start + plain);
            decoded += &self.text[start..self.at];
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(decoded);
                }
                Some(b'\\') => decoded.to_mut().push(self.escape()?),
                Some(0) => return self.refuse(Reason::Nul),
                Some(_) | None => return self.refuse(Reason::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else { return self.refuse(Reason::Syntax) };
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(start),
            _ => return Err((Reason::Syntax, start)),
        })
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, Refused> {
        let mut units = vec![self.hex_unit()?];
        if (0xd800..0xdc00).contains(&units[0]) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            units.push(self.hex_unit()?);
        }
        match String::from_utf16(&units).ok().and_then(|text| text.chars().next()) {
            Some('\0') => Err((Reason::Nul, start)),
            Some(decoded) => Ok(decoded),
            None => Err((Reason::Syntax, start)),
        }
    }

    fn hex_unit(&mut self) -> Result<u16, Refused> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.refuse(Reason::Syntax),
        }
    }

    fn number(&mut self) -> Result<(), Refused> {
        let start = self.at;
        self.skip_if(b"-");
        let integer = self.digits()?;
        if integer.len() > 1 && integer.starts_with('0') {
            return Err((Reason::Syntax, start));
        }
        if self.skip_if(b".") {
            self.digits()?;
        }
        if self.skip_if(b"eE") {
            self.skip_if(b"+-");
            self.digits()?;
        }
        if holds_exactly(&self.text[start..self.at]) { Ok(()) } else { Err((Reason::InexactNumber, start)) }
    }

    fn digits(&mut self) -> Result<&'a str, Refused> {
        let start = self.at;
        while self.skip_if(b"0123456789") {}
        if self.at == start { self.refuse(Reason::Syntax) } else { Ok(&self.text[start..self.at]) }
    }

    fn literal(&mut self, word: &str) -> Result<(), Refused> {
        if !self.text[self.at..].starts_with(word) {
            return self.refuse(Reason::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refused> {
        if self.skip_if(&[byte]) { Ok(()) } else { self.refuse(Reason::Syntax) }
    }

    fn skip_if(&mut self, accepted: &[u8]) -> bool {
        let met = self.peek().is_some_and(|b| accepted.contains(&b));
        self.at += usize::from(met);
        met
    }

    fn skip_space(&mut self) {
        while self.skip_if(b" \t\r\n") {}
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn refuse<T>(&self, reason: Reason) -> Result<T, Refused> {
        Err((reason, self.at))
    }
}

fn position(text: &[u8], offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.iter().filter(|b| **b == b'\n').count() + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
    }
}

/// Whether the shortest form of the token's double has the token's decimal value.
fn holds_exactly(token: &str) -> bool {
    let Ok(double) = token.parse::<f64>() else { return false };
    // Up to fifteen digits every decimal survives the way through a double.
    let plain = token.len() <= 15 && token.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
    // Of two shortest forms that are equally near, programs write one or the other: JSON writers the even one.
    let even = || serde_json::Number::from_f64(double).map(|number| number.to_string());
    let is_shortest =
        |value: &Decimal| [Some(format!("{double:e}")), even()].iter().flatten().any(|text| Decimal::parse(text).as_ref() == Some(value));
    plain || double.is_finite() && Decimal::parse(token).as_ref().is_some_and(is_shortest)
}

#[cfg(test)]
mod tests;
