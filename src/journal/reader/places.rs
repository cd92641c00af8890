//! What lies where in the last segment. It has no index yet, and every question would read all of it.

use std::collections::BTreeMap;

use super::super::question::Question;
use crate::model::event::{KINDS, place_of};
use crate::model::id::Lsn;
use crate::model::name::Identity;

/// A record's place, and what is in the stretch that it begins, up to the next place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub offset: u64,
    pub lsn: Lsn,
    kinds: Kinds,
    /// Earliest and latest wall clock.
    times_us: (u64, u64),
}

impl Place {
    pub fn new(offset: u64, lsn: Lsn) -> Self {
        Self { offset, lsn, kinds: Kinds::default(), times_us: (u64::MAX, 0) }
    }

    /// Of a record: number and schema of its kind, and its wall clock.
    pub fn note(&mut self, kind: (u16, u8), time_us: u64) {
        self.kinds.add(kind);
        let (earliest, latest) = self.times_us;
        self.times_us = (earliest.min(time_us), latest.max(time_us));
    }

    /// Whether what `question` asks for, or a record that only a newer build knows, can be in this stretch.
    pub fn is_worth_a_look(&self, question: &Question) -> bool {
        let (earliest, latest) = self.times_us;
        let in_time = question.since_us.is_none_or(|since| latest >= since)
            && question.until_us.is_none_or(|until| earliest <= until);
        in_time && (question.kinds.is_empty() || self.kinds.has_any(Kinds::asked(&question.kinds)))
    }

    /// Whom it is about only a newer build could say.
    pub fn has_unknown(&self) -> bool {
        self.kinds.has_any(Kinds::UNKNOWN)
    }
}

/// Which kinds of records: a bit each, in the order of [`KINDS`], and one for all that this build does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kinds(u128);

const _: () = assert!(KINDS.len() < u128::BITS as usize, "a bit each");

impl Kinds {
    const UNKNOWN: Self = Self(1 << (u128::BITS - 1));

    /// These, and what is not known: it is said, whatever is asked for.
    fn asked(names: &[&str]) -> Self {
        let bits = KINDS.iter().zip(0..).filter(|(kind, _)| names.contains(&kind.name)).map(|(_, bit)| 1_u128 << bit);
        Self(bits.fold(Self::UNKNOWN.0, |all, bit| all | bit))
    }

    fn add(&mut self, (number, schema): (u16, u8)) {
        let known = place_of(number).filter(|&place| schema <= KINDS[place].schema);
        self.0 |= known.map_or(Self::UNKNOWN.0, |place| 1 << place);
    }

    fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// The peers of the last segment, each with the numbers of the places in whose stretches it is concerned.
#[derive(Debug, Default)]
pub(super) struct Peers {
    places: BTreeMap<Identity, Vec<u32>>,
    /// What was noted last: neighbours often concern the same peer.
    latest: Option<(Identity, u32)>,
}

impl Peers {
    pub fn note(&mut self, peer: &Identity, place: u32) {
        if self.latest.as_ref().is_some_and(|(latest, at)| *at == place && latest == peer) {
            return;
        }
        self.latest = Some((peer.clone(), place));
        let places = self.places.entry(peer.clone()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &Identity> {
        self.places.keys()
    }

    /// Whether one of the peers that `question` asks for can be in the stretch of place number `place`.
    pub fn fit(&self, question: &Question, place: u32) -> bool {
        let is_here = |peer| self.places.get(peer).is_some_and(|places| places.binary_search(&place).is_ok());
        [&question.subjects, &question.concerned].into_iter().flatten().all(|peers| peers.iter().any(is_here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Class, Kind};

    fn asks(kinds: &[&'static str]) -> Question {
        Question { kinds: kinds.to_vec(), ..Question::default() }
    }

    fn place(kinds: &[Kind]) -> Place {
        let mut place = Place::new(4096, Lsn(1));
        kinds.iter().for_each(|kind| place.note((kind.number, kind.schema), 1_000));
        place
    }

    #[test]
    fn a_stretch_without_a_kind_is_passed_over_by_who_asks_for_it_alone() {
        for kind in KINDS {
            let others: Vec<Kind> = KINDS.iter().filter(|other| other.name != kind.name).copied().collect();
            assert!(place(&[*kind]).is_worth_a_look(&asks(&[kind.name])), "{}", kind.name);
            assert!(!place(&others).is_worth_a_look(&asks(&[kind.name])), "{}", kind.name);
            assert!(place(&others).is_worth_a_look(&asks(&[kind.name, others[0].name])), "{}", kind.name);
        }
        assert!(place(&KINDS[..1]).is_worth_a_look(&Question::default()), "who asks for no kind asks for all");
    }

    #[test]
    fn what_a_newer_build_wrote_is_always_worth_a_look() {
        let newer = Kind { schema: KINDS[0].schema + 1, ..KINDS[0] };
        let unheard = Kind { number: 999, name: "unheard", class: Class::Fact, schema: 1 };
        for kind in [newer, unheard] {
            assert!(place(&[kind]).is_worth_a_look(&asks(&[KINDS[5].name])), "{kind:?}");
            assert!(place(&[kind]).has_unknown(), "{kind:?}");
        }
        assert!(!place(KINDS).has_unknown());
    }

    #[test]
    fn a_stretch_of_another_time_is_passed_over() {
        let mut place = Place::new(4096, Lsn(1));
        // The clock was set back in between.
        [3_000, 1_000, 2_000].into_iter().for_each(|at| place.note((KINDS[0].number, 1), at));
        let between = |since_us, until_us| Question { since_us, until_us, ..Question::default() };
        for (since, until, worth) in [
            (None, Some(999), false),
            (None, Some(1_000), true),
            (Some(3_000), None, true),
            (Some(3_001), None, false),
            (Some(1_500), Some(1_600), true),
        ] {
            assert_eq!(place.is_worth_a_look(&between(since, until)), worth, "{since:?} {until:?}");
        }
    }

    #[test]
    fn peers_are_found_in_the_stretches_that_concern_them() {
        let [ada, bob, eve] = ["claude-ada", "claude-bob", "claude-eve"].map(|name| name.parse::<Identity>().unwrap());
        let mut peers = Peers::default();
        for (peer, place) in [(&ada, 0), (&bob, 0), (&ada, 0), (&ada, 2), (&bob, 3)] {
            peers.note(peer, place);
        }
        assert_eq!(peers.names().collect::<Vec<_>>(), [&ada, &bob]);
        let subjects = |of: &[&Identity]| Question {
            subjects: Some(of.iter().map(|&peer| peer.clone()).collect()),
            ..Question::default()
        };
        let fits = |question: &Question| (0..4).filter(|place| peers.fit(question, *place)).collect::<Vec<_>>();
        assert_eq!(fits(&subjects(&[&ada])), [0, 2]);
        assert_eq!(fits(&subjects(&[&ada, &bob])), [0, 2, 3]);
        assert_eq!(fits(&subjects(&[&eve])), [0; 0]);
        assert_eq!(fits(&Question { concerned: Some(vec![bob.clone()]), ..subjects(&[&ada]) }), [0]);
        assert_eq!(fits(&Question::default()), [0, 1, 2, 3]);
    }
}
