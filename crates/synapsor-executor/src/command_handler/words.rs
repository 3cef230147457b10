//! Which words is a command line made of, and is its program there?
//!
//! Blanks part words; `'` keeps everything as it is, `"` everything but `\"` and `\\`, a backslash outside of quotes the one character
//! behind it. Nothing else means anything: no variable, no pattern, no pipe.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A program and its arguments. `Debug` shows none of them: a person may have put a secret there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl Line {
    /// Splits a command line; an error says what is wrong with it, without repeating any of it.
    pub(super) fn split(text: &str) -> Result<Self, &'static str> {
        if text.contains('\0') {
            return Err("has a NUL in it");
        }
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => single(&mut characters, word.get_or_insert_default())?,
                '"' => double(&mut characters, word.get_or_insert_default())?,
                '\\' => word.get_or_insert_default().push(characters.next().ok_or("ends with a backslash")?),
                blank if blank.is_whitespace() => words.extend(word.take()),
                other => word.get_or_insert_default().push(other),
            }
        }
        let mut words = words.into_iter().chain(word);
        let program = words.next().filter(|program| !program.is_empty()).ok_or("names no program")?;
        Ok(Self { program, arguments: words.collect() })
    }

    /// Whether the program is a bare name, which is looked for in the folders of `PATH`.
    pub(super) fn is_searched(&self) -> bool {
        !self.program.contains('/')
    }

    /// Why the program cannot be started, as far as that can be seen without starting it. One that is found may still fail.
    pub(super) fn missing(&self, path: Option<&str>) -> Option<ErrorKind> {
        let folders = if self.is_searched() { path.unwrap_or(SYSTEM_PATH) } else { "" };
        let found: Vec<_> = folders.split(':').filter_map(|folder| fs::metadata(Path::new(folder).join(&self.program)).ok()).collect();
        let is_program = |found: &fs::Metadata| found.is_file() && found.mode() & 0o111 != 0;
        match found.as_slice() {
            [] => Some(ErrorKind::NotFound),
            found if found.iter().any(is_program) => None,
            _ => Some(ErrorKind::PermissionDenied),
        }
    }
}

/// Where the system looks if nobody says where.
const SYSTEM_PATH: &str = "/bin:/usr/bin";

const UNTERMINATED: &str = "has a quote that does not end";

fn single(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match characters.next().ok_or(UNTERMINATED)? {
            '\'' => return Ok(()),
            kept => word.push(kept),
        }
    }
}

fn double(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match characters.next().ok_or(UNTERMINATED)? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or(UNTERMINATED)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            kept => word.push(kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::Line;

    fn check(text: &str) -> String {
        match Line::split(text) {
            Ok(Line { program, arguments }) => format!("{program:?} {arguments:?}"),
            Err(problem) => problem.to_owned(),
        }
    }

    #[test]
    fn a_command_line_is_words_and_nothing_else_of_a_shell() {
        insta::assert_snapshot!(check("python3 credit.py"), @r#""python3" ["credit.py"]"#);
        insta::assert_snapshot!(check("  a\tb \n c  "), @r#""a" ["b", "c"]"#);
        insta::assert_snapshot!(check(r#"'/opt/my app/run' "two words" a\ b"#), @r#""/opt/my app/run" ["two words", "a b"]"#);
        insta::assert_snapshot!(check(r#"run "" '' x"y"'z'"#), @r#""run" ["", "", "xyz"]"#);
        insta::assert_snapshot!(check(r#"run 'a\b' "a\b" "a\"b" "a\\b" a\\b"#), @r#""run" ["a\\b", "a\\b", "a\"b", "a\\b", "a\\b"]"#);
        insta::assert_snapshot!(check("run $HOME `id` $(id) * ; rm -rf / | cat > x && y"), @r#""run" ["$HOME", "`id`", "$(id)", "*", ";", "rm", "-rf", "/", "|", "cat", ">", "x", "&&", "y"]"#);
    }

    #[test]
    fn what_is_no_command_line_is_said_without_repeating_it() {
        insta::assert_snapshot!(check(""), @"names no program");
        insta::assert_snapshot!(check("''"), @"names no program");
        insta::assert_snapshot!(check("run 'canary"), @"has a quote that does not end");
        insta::assert_snapshot!(check("run \"canary"), @"has a quote that does not end");
        insta::assert_snapshot!(check("run \"canary\\"), @"has a quote that does not end");
        insta::assert_snapshot!(check("run canary\\"), @"ends with a backslash");
        insta::assert_snapshot!(check("run\0canary"), @"has a NUL in it");
    }

    #[test]
    fn whether_a_program_is_there_is_seen_without_starting_it() {
        let missing = |line: &str, path| Line::split(line).unwrap().missing(path);
        assert_eq!(missing("sh", None), None);
        assert_eq!(missing("sh -c x", Some("/nowhere:/usr/bin:/bin")), None);
        assert_eq!(missing("/bin/sh", Some("/nowhere")), None);
        assert_eq!(missing("sh", Some("/nowhere")), Some(ErrorKind::NotFound));
        assert_eq!(missing("/nowhere/sh", None), Some(ErrorKind::NotFound));
        assert_eq!(missing("no-such-program-7f", None), Some(ErrorKind::NotFound));
        assert_eq!(missing("/etc/passwd", None), Some(ErrorKind::PermissionDenied));
        assert_eq!(missing("/etc", None), Some(ErrorKind::PermissionDenied));
    }
}
