//! A map by name: what is asked for is mostly what was asked for last.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many names are gone through one after the other.
const FEW: usize = 16;

/// Values in the order of their names, of which there are as many as peers.
///
/// Every record is asked about its peer by a dozen rules, and the next record is mostly about the same one: to see that a
/// name is the last one again takes a tenth of what it takes to find it among others.
pub struct NameMap<N, V> {
    names: Vec<N>,
    values: Vec<V>,
    /// Where the last answer was found. Nothing but time depends on it.
    last: AtomicUsize,
}

impl<N, V> Default for NameMap<N, V> {
    fn default() -> Self {
        Self { names: Vec::new(), values: Vec::new(), last: AtomicUsize::new(0) }
    }
}

impl<N, V> NameMap<N, V> {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn iter(&self) -> Iter<'_, N, V> {
        self.names.iter().zip(&self.values)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&N, &mut V)> {
        self.names.iter().zip(&mut self.values)
    }

    pub fn keys(&self) -> slice::Iter<'_, N> {
        self.names.iter()
    }

    pub fn values(&self) -> slice::Iter<'_, V> {
        self.values.iter()
    }

    pub fn values_mut(&mut self) -> slice::IterMut<'_, V> {
        self.values.iter_mut()
    }

    pub fn retain(&mut self, mut stays: impl FnMut(&N, &mut V) -> bool) {
        let all = std::mem::take(&mut self.names).into_iter().zip(std::mem::take(&mut self.values));
        (self.names, self.values) =
            all.filter_map(|(name, mut value)| stays(&name, &mut value).then_some((name, value))).unzip();
    }
}

impl<N: Ord, V> NameMap<N, V> {
    /// Where it is, or where it would be.
    #[inline]
    fn place(&self, name: &N) -> Result<usize, usize> {
        let last = self.last.load(Ordering::Relaxed);
        match self.names.get(last) {
            Some(known) if known == name => Ok(last),
            _ => self.search(name),
        }
    }

    fn search(&self, name: &N) -> Result<usize, usize> {
        // To ask whether two names are the same is cheaper than which comes first, and goes one way nearly always.
        let few = if self.names.len() <= FEW { &self.names[..] } else { &[] };
        let place = few.iter().position(|known| known == name).ok_or(()).or_else(|()| self.names.binary_search(name));
        if let Ok(place) = place {
            self.last.store(place, Ordering::Relaxed);
        }
        place
    }

    pub fn contains_key(&self, name: &N) -> bool {
        self.place(name).is_ok()
    }

    pub fn get(&self, name: &N) -> Option<&V> {
        self.values.get(self.place(name).ok()?)
    }

    pub fn get_mut(&mut self, name: &N) -> Option<&mut V> {
        let place = self.place(name).ok()?;
        self.values.get_mut(place)
    }

    /// Whoever is known already stays as it is.
    pub fn get_or_insert_with(&mut self, name: &N, value: impl FnOnce() -> V) -> &mut V
    where
        N: Clone,
    {
        let place = self.place(name).unwrap_or_else(|place| {
            self.names.insert(place, name.clone());
            self.values.insert(place, value());
            place
        });
        &mut self.values[place]
    }

    /// The value before.
    pub fn insert(&mut self, name: N, value: V) -> Option<V> {
        match self.place(&name) {
            Ok(place) => Some(std::mem::replace(&mut self.values[place], value)),
            Err(place) => {
                self.names.insert(place, name);
                self.values.insert(place, value);
                None
            }
        }
    }

    pub fn remove(&mut self, name: &N) -> Option<V> {
        let place = self.place(name).ok()?;
        self.names.remove(place);
        Some(self.values.remove(place))
    }
}

/// In the order of names.
pub type Iter<'a, N, V> = std::iter::Zip<slice::Iter<'a, N>, slice::Iter<'a, V>>;

impl<'a, N, V> IntoIterator for &'a NameMap<N, V> {
    type Item = (&'a N, &'a V);
    type IntoIter = Iter<'a, N, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: Ord, V> Extend<(N, V)> for NameMap<N, V> {
    fn extend<T: IntoIterator<Item = (N, V)>>(&mut self, all: T) {
        for (name, value) in all {
            self.insert(name, value);
        }
    }
}

impl<N: Ord, V> FromIterator<(N, V)> for NameMap<N, V> {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(all: T) -> Self {
        let mut map = Self::default();
        map.extend(all);
        map
    }
}

impl<N: Ord, V> Index<&N> for NameMap<N, V> {
    type Output = V;

    /// # Panics
    ///
    /// If there is none of this name.
    fn index(&self, name: &N) -> &V {
        self.get(name).expect("no entry found for name")
    }
}

impl<N: Clone, V: Clone> Clone for NameMap<N, V> {
    fn clone(&self) -> Self {
        Self { names: self.names.clone(), values: self.values.clone(), last: AtomicUsize::new(0) }
    }
}

impl<N: PartialEq, V: PartialEq> PartialEq for NameMap<N, V> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.values == other.values
    }
}

impl<N: Eq, V: Eq> Eq for NameMap<N, V> {}

impl<N: fmt::Debug, V: fmt::Debug> fmt::Debug for NameMap<N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<N: Serialize, V: Serialize> Serialize for NameMap<N, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, N: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for NameMap<N, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<N, V>(PhantomData<(N, V)>);

impl<'de, N: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<N, V> {
    type Value = NameMap<N, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = NameMap::default();
        while let Some((name, value)) = entries.next_entry()? {
            map.insert(name, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn map(names: &[&str]) -> NameMap<String, usize> {
        names.iter().enumerate().map(|(value, name)| ((*name).to_owned(), value)).collect()
    }

    fn name(name: &str) -> String {
        name.to_owned()
    }

    /// Every name is asked for after every other, so that each answer has each place as the last one.
    #[test]
    fn it_answers_as_any_other_map() {
        let names = ["demo-bob", "claude-ada", "claude-zoe", "demo-bob", "codex-mia"];
        let mut ours = map(&names);
        let mut other: BTreeMap<String, usize> =
            (&ours).into_iter().map(|(name, value)| (name.clone(), *value)).collect();
        assert_eq!(other[&name("demo-bob")], 3, "the last one counts");
        for gone in [None, Some("claude-zoe"), Some("claude-zoe"), Some("claude-ada")] {
            if let Some(gone) = gone {
                assert_eq!(ours.remove(&name(gone)), other.remove(gone));
            }
            for one in names.iter().chain(&["claude-eve"]) {
                for then in names {
                    assert_eq!(ours.get(&name(one)), other.get(*one), "{one}");
                    assert_eq!(ours.contains_key(&name(then)), other.contains_key(then), "{then} after {one}");
                }
            }
            assert!(ours.iter().eq(other.iter()), "{ours:?}, {other:?}");
        }
        *ours.get_or_insert_with(&name("claude-ada"), || 7) += 1;
        *ours.get_or_insert_with(&name("claude-ada"), || 9) += 1;
        assert_eq!(ours.insert(name("claude-ada"), 1), Some(9));
        ours.retain(|name, value| name.starts_with("claude") && *value == 1);
        assert_eq!(format!("{ours:?}"), r#"{"claude-ada": 1}"#);
    }

    #[test]
    fn what_was_asked_for_last_tells_no_two_maps_apart() {
        let (one, other) = (map(&["claude-ada", "claude-zoe"]), map(&["claude-ada", "claude-zoe"]));
        assert_eq!(one[&name("claude-zoe")], 1);
        assert_eq!(one, other);
        assert_eq!(one.clone(), other);
    }

    #[test]
    fn it_is_written_as_a_map() {
        let ours = map(&["demo-bob", "claude-ada"]);
        let text = serde_json::to_string(&ours).unwrap();
        assert_eq!(text, r#"{"claude-ada":1,"demo-bob":0}"#);
        assert_eq!(serde_json::from_str::<NameMap<String, usize>>(&text).unwrap(), ours);
    }
}
