//! What in a text differs from run to run, though nothing has changed?
//!
//! [`scrub`] replaces ids, digests, UUIDs, times, process numbers and local ports. Equal values become equal words, in
//! the order of their appearance (`wrp_#1`, `wrp_#2`), so a snapshot still shows which is which.

/// Prefixes of ids; a UUID in simple hex or a word of letters and digits follows.
const IDS: [&str; 7] = ["wrp_", "wbj_", "evt_", "ev_", "qa_", "lease_", "diag_"];

/// An id has at least this many hexadecimal digits; a shorter one was written by a person.
const ID_DIGITS: usize = 32;

/// The text without what differs from run to run.
///
/// ```
/// let text = "wrp_0190b6f0c2a97d3f8a4e5b6c7d8e9f00 at 2026-03-02T08:00:00.000000Z";
/// assert_eq!(synapsor_testkit::filters::scrub(text), "wrp_#1 at <time>");
/// ```
#[must_use]
pub fn scrub(text: &str) -> String {
    let mut seen = Seen::default();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(next) = rest.chars().next() {
        if !is_word(previous)
            && let Some((length, word)) = recognised(rest, &mut seen)
        {
            out.push_str(&word);
            previous = '>';
            rest = &rest[length..];
            continue;
        }
        out.push(next);
        previous = next;
        rest = &rest[next.len_utf8()..];
    }
    out
}

/// As [`scrub`], after replacing texts that only the test knows, such as its folder.
///
/// ```
/// let folder = std::path::Path::new("/tmp/synapsor-x1");
/// let path = folder.display().to_string();
/// let text = synapsor_testkit::filters::scrub_also("in /tmp/synapsor-x1/a", &[(&path, "<folder>")]);
/// assert_eq!(text, "in <folder>/a");
/// ```
#[must_use]
pub fn scrub_also(text: &str, known: &[(&str, &str)]) -> String {
    scrub(&known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
}

/// Values in the order of their appearance, per kind.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn number(&mut self, kind: &str, value: &str) -> usize {
        let of_kind = |(other, _): &&(String, String)| other == kind;
        let known = self.0.iter().filter(of_kind).position(|(_, other)| other == value);
        known.map_or_else(
            || {
                self.0.push((kind.to_owned(), value.to_owned()));
                self.0.iter().filter(of_kind).count()
            },
            |position| position + 1,
        )
    }
}

/// The length of what stands at the beginning of `text` and must go, and what takes its place.
fn recognised(text: &str, seen: &mut Seen) -> Option<(usize, String)> {
    id(text, seen)
        .or_else(|| digest(text, seen))
        .or_else(|| uuid(text).map(|length| (length, "<uuid>".to_owned())))
        .or_else(|| time(text).map(|length| (length, "<time>".to_owned())))
        .or_else(|| numbered(text, "pid ").map(|length| (length, "pid <pid>".to_owned())))
        .or_else(|| local_port(text))
}

fn id(text: &str, seen: &mut Seen) -> Option<(usize, String)> {
    let prefix = IDS.iter().find(|prefix| text.starts_with(**prefix))?;
    let digits = text[prefix.len()..].bytes().take_while(u8::is_ascii_hexdigit).count();
    let length = prefix.len() + digits;
    if digits < ID_DIGITS || text[length..].starts_with(is_word) {
        return None;
    }
    Some((length, format!("{prefix}#{}", seen.number(prefix, &text[..length]))))
}

fn digest(text: &str, seen: &mut Seen) -> Option<(usize, String)> {
    let digits = text.strip_prefix("sha256:")?.bytes().take_while(u8::is_ascii_hexdigit).count();
    let length = "sha256:".len() + digits;
    (digits == 64).then(|| (length, format!("sha256:#{}", seen.number("sha256:", &text[..length]))))
}

fn uuid(text: &str) -> Option<usize> {
    let length = shaped(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh")?;
    (!text[length..].starts_with(is_word)).then_some(length)
}

/// An RFC 3339 time with any number of fractional digits, with `T` or a space.
fn time(text: &str) -> Option<usize> {
    let mut length = shaped(text, "dddd-dd-ddTdd:dd:dd").or_else(|| shaped(text, "dddd-dd-dd dd:dd:dd"))?;
    if let Some(fraction) = text[length..].strip_prefix('.') {
        length += 1 + fraction.bytes().take_while(u8::is_ascii_digit).count();
    }
    let zone = &text[length..];
    Some(length + ["Z", "+dd:dd", "-dd:dd", "+dd"].iter().find_map(|form| shaped(zone, form)).unwrap_or(0))
}

fn local_port(text: &str) -> Option<(usize, String)> {
    let found = |host: &str| Some((numbered(text, host)?, format!("{host}<port>")));
    ["127.0.0.1:", "localhost:"].into_iter().find_map(found)
}

/// The length of `head` and the number behind it.
fn numbered(text: &str, head: &str) -> Option<usize> {
    let digits = text.strip_prefix(head)?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(head.len() + digits)
}

/// The length of `form` if `text` begins like it: `d` is a digit, `h` a hexadecimal one.
fn shaped(text: &str, form: &str) -> Option<usize> {
    let head = text.as_bytes().get(..form.len())?;
    let fits = head.iter().zip(form.bytes()).all(|(byte, wanted)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'h' => byte.is_ascii_hexdigit(),
        literal => *byte == literal,
    });
    fits.then_some(form.len())
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const HEX: &str = "0190b6f0c2a97d3f8a4e5b6c7d8e9f00";

    #[test]
    fn equal_ids_become_equal_words() {
        let other = HEX.replace('9', "a");
        let text = format!("wrp_{HEX} ev_{HEX} wrp_{other} wrp_{HEX} evt_{HEX}:x");
        assert_snapshot!(scrub(&text), @"wrp_#1 ev_#1 wrp_#2 wrp_#1 evt_#1:x");
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let text = format!("wrp_1 my_wrp_{HEX} wrp_{HEX}zz sha256:abc 2026-03-02 12:30 localhost");
        assert_eq!(scrub(&text), text);
    }

    #[test]
    fn digests_times_uuids_ports_and_process_numbers_go() {
        let digest = format!("sha256:{HEX}{HEX}");
        let text = format!(
            "{digest}, \"2026-03-02T08:00:00.123456Z\", 2026-03-02T08:00:00+05:45, \
             2026-03-02 08:00:00.5+00 0190b6f0-c2a9-7d3f-8a4e-5b6c7d8e9f00 http://127.0.0.1:8766/mcp ü pid 4711"
        );
        assert_snapshot!(scrub(&text), @r#"sha256:#1, "<time>", <time>, <time> <uuid> http://127.0.0.1:<port>/mcp ü pid <pid>"#);
    }
}
