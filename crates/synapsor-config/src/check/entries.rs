//! How is an object of named things kept while it is checked?

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Named things, the sound ones and the names of the others: a broken thing is declared all the same, so that whatever
/// refers to it is not reported on top.
#[derive(Debug)]
pub(crate) struct Entries<K, V> {
    names: Vec<String>,
    sound: BTreeMap<K, V>,
}

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self { names: Vec::new(), sound: BTreeMap::new() }
    }
}

impl<K: Ord + Borrow<str>, V> Entries<K, V> {
    pub(crate) fn add(&mut self, name: &str, key: Option<K>, value: Option<V>) {
        self.names.push(name.to_owned());
        if let (Some(key), Some(value)) = (key, value) {
            self.sound.insert(key, value);
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(crate) fn declares(&self, name: &str) -> bool {
        self.names().any(|declared| declared == name)
    }

    /// The thing of that name, if it is sound.
    pub(crate) fn sound(&self, name: &str) -> Option<&V> {
        self.sound.get(name)
    }

    /// All of them, if all are sound.
    pub(crate) fn checked(self) -> Option<BTreeMap<K, V>> {
        (self.sound.len() == self.names.len()).then_some(self.sound)
    }
}
