//! How does PostgreSQL write an array as text?
//!
//! `{1,NULL,"a b","with \\" and \\\\"}`. Only arrays of one dimension whose first subscript is 1 are read: others would be another
//! value once they are written back.

/// The elements, `None` for NULL; `None` altogether if it is no such array.
pub(super) fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let mut rest = text.strip_prefix('{')?;
    let mut elements = Vec::new();
    if rest == "}" {
        return Some(elements);
    }
    loop {
        let (element, after) = if let Some(quoted) = rest.strip_prefix('"') { quoted_element(quoted)? } else { plain_element(rest)? };
        elements.push(element);
        match after {
            "}" => return Some(elements),
            _ => rest = after.strip_prefix(',')?,
        }
    }
}

/// Up to the closing quote, without the backslashes; and what follows.
fn quoted_element(text: &str) -> Option<(Option<String>, &str)> {
    let mut element = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((Some(element), &text[at + 1..])),
            '\\' => element.push(letters.next()?.1),
            _ => element.push(letter),
        }
    }
    None
}

/// Up to the next comma or brace. A brace that opens is another dimension.
fn plain_element(text: &str) -> Option<(Option<String>, &str)> {
    let (element, after) = text.split_at(text.find([',', '}'])?);
    if element.is_empty() || element.contains('{') {
        return None;
    }
    Some(((!element.eq_ignore_ascii_case("null")).then(|| element.to_owned()), after))
}

/// The array of these elements. Every one is in quotes: only NULL has none.
pub(super) fn literal(elements: impl Iterator<Item = Option<String>>) -> String {
    let mut text = String::from("{");
    for (at, element) in elements.enumerate() {
        if at > 0 {
            text.push(',');
        }
        match element {
            None => text.push_str("NULL"),
            Some(element) => push_quoted(&mut text, &element),
        }
    }
    text.push('}');
    text
}

fn push_quoted(text: &mut String, element: &str) {
    text.push('"');
    for letter in element.chars() {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{elements, literal};

    #[test]
    fn an_array_is_read_as_it_is_written() {
        let values = ["", "a", "NULL", "a b", "\"", "\\", "{", "}", ",", "\\\"", "\u{e4}\u{1f600}", " ", "\n"];
        let held: Vec<Option<String>> = values.iter().map(|value| Some((*value).to_owned())).chain([None]).collect();
        assert_eq!(elements(&literal(held.iter().cloned())), Some(held));
        assert_eq!(elements(&literal(std::iter::empty())), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_array_of_one_dimension_from_1_is_none() {
        for text in ["", "{", "{1", "1}", "{1,}", "{,1}", "{{1,2},{3,4}}", "[0:1]={1,2}", "{\"a}", "{\"a\"b}", "{1}2", "{\"a\\"] {
            assert_eq!(elements(text), None, "{text}");
        }
        assert_eq!(elements("{1,NULL,null,\"NULL\"}"), Some(vec![Some("1".to_owned()), None, None, Some("NULL".to_owned())]));
    }
}
