//! A map for histories: one record after another is about the same thing, and so is one check of a record after another.

use std::cell::Cell;
use std::collections::BTreeMap;

/// Values by key, in the order in which the keys were first heard of. A long history has millions: what is searched is kept
/// small, and what was asked for last is found without a search.
#[derive(Debug)]
pub struct Recent<K, V> {
    all: Vec<(K, V)>,
    /// Nothing ever leaves its place.
    places: BTreeMap<K, usize>,
    last: Cell<usize>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { all: Vec::new(), places: BTreeMap::new(), last: Cell::new(0) }
    }
}

impl<K: Ord + Clone, V> Recent<K, V> {
    fn place(&self, key: &K) -> Option<usize> {
        if self.all.get(self.last.get()).is_some_and(|(last, _)| last == key) {
            return Some(self.last.get());
        }
        let place = *self.places.get(key)?;
        self.last.set(place);
        Some(place)
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        Some(&self.all[self.place(key)?].1)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key)?;
        Some(&mut self.all[place].1)
    }

    /// Whoever is known already stays as it is.
    pub fn get_or_add(&mut self, key: &K, value: impl FnOnce() -> V) -> &mut V {
        let place = self.place(key).unwrap_or_else(|| {
            self.places.insert(key.clone(), self.all.len());
            self.all.push((key.clone(), value()));
            self.all.len() - 1
        });
        self.last.set(place);
        &mut self.all[place].1
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.all.iter().map(|(key, value)| (key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.all.iter_mut().map(|(key, value)| (&*key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_is_no_other() {
        let mut recent = Recent::default();
        assert_eq!(recent.get(&7), None);
        for key in [7, 3, 7, 9, 3] {
            *recent.get_or_add(&key, || 0) += key;
        }
        assert_eq!([7, 3, 9, 7].map(|key| recent.get(&key).copied()), [Some(14), Some(6), Some(9), Some(14)]);
        assert_eq!(recent.get_mut(&4), None);
        assert_eq!(recent.iter().collect::<Vec<_>>(), [(&7, &14), (&3, &6), (&9, &9)], "as they were first heard of");
    }
}
