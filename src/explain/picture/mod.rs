//! A history as a picture: a lane for each peer, a bar for each span in which `ls` would have said the same of it, a
//! mark for each record, and the times of which nothing is known.
//!
//! A fold: records go in one after the other, and what comes out is data. [`page`] and [`perfetto`] each write it down.

mod columns;
mod lane;
mod mark;
pub mod page;
pub mod perfetto;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::model::event::{Event, Fact};
use crate::model::id::{Generation, Lsn, MessageId};
use crate::model::name::{Identity, Personality};
use crate::model::record::Record;
use crate::model::state::State;
use crate::reducer;

use super::because::because;
use super::why;

pub use lane::{Bar, Lane, Standing};
pub use mark::{Look, Mark, Parcel};

/// What a history looks like. Places are indexes into `marks`, which has one for each record, in their order.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// In the order in which the peers came.
    pub lanes: Vec<Lane>,
    pub marks: Vec<Mark>,
    pub gaps: Vec<Gap>,
    /// In the order in which they were first heard of.
    pub parcels: Vec<Parcel>,
    /// What its reader has to know first: what was removed, and what cannot be read.
    pub notes: Vec<String>,
}

/// Between two records no daemon ran, or others stood that cannot be read: what the lanes say there was true before, and may not have been any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Places of the last record before, and of the `daemon_started` after.
    pub from: usize,
    pub to: usize,
    /// It ended in order and said so; else it was killed, at some moment that nobody knows.
    pub stopped: bool,
    /// Records stood here that cannot be read; whether a daemon ran is not known.
    pub unread: bool,
}

/// Draws a picture, record by record.
#[derive(Debug)]
pub struct Painter<'a> {
    zone: &'a TimeZone,
    /// Of the last record; none where nothing tells it.
    state: Option<State>,
    /// From where one can go on, by the next record.
    told: BTreeMap<Lsn, State>,
    /// None where the record that says so is not there.
    settings: Option<why::InForce>,
    picture: Picture,
    lanes: BTreeMap<Personality, Vec<usize>>,
    parcels: BTreeMap<MessageId, usize>,
    trail: why::Trail,
}

impl<'a> Painter<'a> {
    /// Goes on from `state`, which is the empty one where the history is kept from its first record. Sentences speak in
    /// `zone`.
    pub fn new(state: State, zone: &'a TimeZone) -> Self {
        Self::from(vec![state], zone)
    }

    /// Where none of the states in `told` is that before a record, only its mark is drawn.
    pub fn from(told: Vec<State>, zone: &'a TimeZone) -> Self {
        let told = told.into_iter().map(|state| (state.lsn.next(), state)).collect();
        Self {
            zone,
            state: None,
            told,
            settings: None,
            picture: Picture::default(),
            lanes: BTreeMap::new(),
            parcels: BTreeMap::new(),
            trail: why::Trail::default(),
        }
    }

    /// The next record. If it does not follow the last one, those between them could not be read.
    pub fn see(&mut self, record: &Record) {
        let place = self.picture.marks.len();
        let unread = self.picture.marks.last().is_some_and(|last| last.lsn.next() != record.lsn);
        let fresh = place == 0 || unread || self.state.is_none();
        if unread {
            self.picture.gaps.push(Gap { from: place - 1, to: place, stopped: false, unread });
            (self.state, self.settings) = (None, None);
        }
        if record.lsn == Lsn(1) {
            self.settings = why::InForce::at_first();
        }
        self.settings = why::InForce::said_by(record).or(self.settings.take());
        if fresh && let Some(told) = self.told.remove(&record.lsn) {
            self.state = Some(told);
        }
        let ran = match &self.state {
            Some(state) => state.daemon.as_ref().is_some_and(|daemon| daemon.running),
            None => self.picture.marks.last().is_some_and(|last| last.kind.name != "daemon_stopped"),
        };
        if let Some(state) = &mut self.state {
            // What it asked of the world was done then.
            drop(reducer::apply(state, record));
        }
        if place > 0 && !unread && matches!(record.event, Event::Fact(Fact::DaemonStarted(_))) {
            self.picture.gaps.push(Gap { from: place - 1, to: place, stopped: !ran, unread });
        }
        self.keep_lanes(record.subject.peer.as_ref(), fresh, place);
        let parcel = record.subject.message.map(|id| self.parcel(id, record, place));
        let lane = record.subject.peer.as_ref().and_then(|peer| self.lane(peer));
        self.picture.marks.push(Mark {
            lsn: record.lsn,
            at: record.at,
            kind: record.event.kind(),
            look: Look::of(&record.event),
            lane,
            generation: record.subject.generation,
            parcel,
            // The cause stays the last.
            links: self.trail.see(record).into_iter().chain(why::links(record)).collect(),
            actor: super::phrase::one_line(&record.actor.to_string()),
            says: because(record, self.zone),
            found_at_start: why::is_found_at_start(record),
            unheard: why::unheard(record).map(|gap| gap.sentence(record.at, self.zone)),
            settings: self.compared(&record.event),
        });
    }

    fn compared(&self, event: &Event) -> String {
        let stood = self.settings.as_ref().map_or_else(Vec::new, |settings| settings.of(event));
        stood.iter().map(why::Stood::text).collect::<Vec<_>>().join("; ")
    }

    /// Something that whoever looks at it has to know first.
    pub fn note(&mut self, note: String) {
        self.picture.notes.push(note);
    }

    pub fn finish(mut self) -> Picture {
        for parcel in &mut self.picture.parcels {
            let sender = parcel.sender.as_ref();
            parcel.from_lane = sender.and_then(|peer| lane_of(&self.lanes, &self.picture.lanes, peer));
        }
        self.picture
    }

    /// Ends the bars that are not true any more and begins those that are. A record about a peer changes nothing for
    /// any other; one about nobody, and a `fresh` state, may change everything.
    fn keep_lanes(&mut self, subject: Option<&Identity>, fresh: bool, place: usize) {
        let Some(state) = &self.state else {
            if let Some(peer) = subject {
                self.begin_lane(peer.clone());
            }
            self.picture.lanes.iter_mut().for_each(|lane| lane.is_not_known(place));
            return;
        };
        let subject = subject.filter(|_| !fresh);
        for peer in lane::known(state, subject) {
            self.begin_lane(peer);
        }
        let Some(state) = &self.state else { return };
        let touched: Vec<usize> = match subject {
            Some(peer) => self.lanes.get(&peer.personality).cloned().unwrap_or_default(),
            None => (0..self.picture.lanes.len()).collect(),
        };
        for lane in touched {
            let lane = &mut self.picture.lanes[lane];
            lane.stands(place, Standing::of(state, &lane.peer));
        }
    }

    fn begin_lane(&mut self, peer: Identity) {
        if self.lane(&peer).is_none() {
            self.lanes.entry(peer.personality.clone()).or_default().push(self.picture.lanes.len());
            self.picture.lanes.push(Lane { peer, bars: Vec::new() });
        }
    }

    fn lane(&self, peer: &Identity) -> Option<usize> {
        lane_of(&self.lanes, &self.picture.lanes, peer)
    }

    fn parcel(&mut self, id: MessageId, record: &Record, place: usize) -> usize {
        let at = *self.parcels.entry(id).or_insert_with(|| {
            let mut parcel = Parcel::new(id);
            let known = self.state.as_ref().and_then(|state| state.messages.get(&id));
            known.into_iter().for_each(|known| parcel.recall(known));
            self.picture.parcels.push(parcel);
            self.picture.parcels.len() - 1
        });
        self.picture.parcels[at].hear(record, place);
        at
    }
}

fn lane_of(lanes: &BTreeMap<Personality, Vec<usize>>, all: &[Lane], peer: &Identity) -> Option<usize> {
    lanes.get(&peer.personality)?.iter().copied().find(|lane| all[*lane].peer == *peer)
}

impl Picture {
    /// Place and lsn of the first record of each stretch in which none is missing; the lsn of any other is as far from it as
    /// its place.
    pub fn stretches(&self) -> Vec<(usize, Lsn)> {
        let after_gaps = self.gaps.iter().filter(|gap| gap.unread).map(|gap| gap.to);
        std::iter::once(0).chain(after_gaps).filter_map(|at| Some((at, self.marks.get(at)?.lsn))).collect()
    }
}

/// As a number beside others: the lsn of its wake, 0 for none.
fn number(generation: Option<Generation>) -> u64 {
    generation.map_or(0, |Generation(lsn)| lsn.0)
}
