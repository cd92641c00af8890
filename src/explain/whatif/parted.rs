//! For whom the two worlds have parted.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::model::id::Lsn;
use crate::model::name::Identity;

/// Each parted peer, with the last record that is folded into what it was.
///
/// Every record asks for its peer several times, and the next one is mostly about the same: the last answer is kept, for to
/// find a name among many takes ten times as long as to see that it is the same.
#[derive(Debug, Default)]
pub struct Parted {
    through: BTreeMap<Identity, Lsn>,
    last: RefCell<Option<(Identity, Option<Lsn>)>>,
}

impl Parted {
    pub fn is_empty(&self) -> bool {
        self.through.is_empty()
    }

    pub fn contains(&self, peer: &Identity) -> bool {
        self.through(peer).is_some()
    }

    /// None if it has not parted.
    pub fn through(&self, peer: &Identity) -> Option<Lsn> {
        if self.through.is_empty() {
            return None;
        }
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((of, through)) if of == peer => *through,
            _ => {
                let through = self.through.get(peer).copied();
                *last = Some((peer.clone(), through));
                through
            }
        }
    }

    pub fn peers(&self) -> impl Iterator<Item = &Identity> {
        self.through.keys()
    }

    pub fn insert(&mut self, peer: Identity, through: Lsn) {
        self.through.insert(peer, through);
        self.last.take();
    }

    pub fn remove(&mut self, peer: &Identity) {
        self.through.remove(peer);
        self.last.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_is_kept_no_longer_than_it_is_true() {
        let [ada, bob]: [Identity; 2] = ["claude-ada", "claude-bob"].map(|name| name.parse().unwrap());
        let mut parted = Parted::default();
        parted.insert(ada.clone(), Lsn(7));
        assert_eq!((parted.through(&ada), parted.contains(&ada)), (Some(Lsn(7)), true));
        assert_eq!((parted.through(&bob), parted.through(&ada)), (None, Some(Lsn(7))));
        assert!(!parted.contains(&bob));
        parted.insert(bob.clone(), Lsn(9));
        assert_eq!(parted.through(&bob), Some(Lsn(9)));
        parted.remove(&bob);
        assert!(!parted.contains(&bob) && parted.contains(&ada) && !parted.is_empty());
        parted.remove(&ada);
        assert!(!parted.contains(&ada) && parted.is_empty());
    }
}
