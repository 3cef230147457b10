//! Which known name did somebody mean?

/// The known name that is closest, if it is close enough to be worth naming.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long text is no misspelling, and its distance would be slow to find.
    if name.len() > 64 {
        return None;
    }
    let scored = known.into_iter().map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase()), known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    let tolerance = (name.chars().count().max(known.chars().count()) / 3).max(1);
    (distance <= tolerance).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelling_is_recognised_and_a_stranger_is_not() {
        let known = ["read_url_env", "write_url_env", "engine"];
        for (name, meant) in [
            ("read_url_envs", Some("read_url_env")),
            ("readurlenv", Some("read_url_env")),
            ("Engine", Some("engine")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
    }
}
