//! Which words is a command line made of?
//!
//! Blanks part words; `'` keeps everything as it is, `"` everything but `\"` and `\\`, a backslash outside of quotes the one character
//! behind it. Nothing else means anything: no variable, no pattern, no pipe.

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
}

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
}
