//! The last segment: the one that may still grow.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::super::format::payload::{self, DecodeError};
use super::super::format::segment_name;
use super::super::lookup::{self, Trouble};
use super::super::patience::Patience;
use super::super::question::{Question, concerned_by};
use super::super::recovery::table::{Segment, Verdict, verdict};
use super::super::recovery::tail;
use super::super::scan::{Fault, Scan};
use super::super::window::{Copied, Window};
use super::ReadError;
use super::places::{Peers, Place};
use super::stretches::{self, Stretch};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// The segment that may still grow, read as far as its groups are whole.
pub(super) struct Last {
    pub first_lsn: Lsn,
    pub path: PathBuf,
    pub scan: Scan<Copied<Arc<File>>>,
    /// One every 64 KiB or so.
    places: Vec<Place>,
    /// Once somebody has asked: to find out takes as long as all the rest.
    peers: OnceLock<Peers>,
    /// What stands behind the last whole group, if no crash explains it.
    pub damage: Option<(u64, Lsn, Fault)>,
    /// The end was looked at in full, which costs a walk over all the zeros behind it.
    looked: bool,
}

impl Last {
    pub fn open(dir: &Path, first_lsn: Lsn) -> Result<Self, ReadError> {
        let path = dir.join(segment_name(first_lsn));
        let file = Arc::new(File::open(&path).map_err(|error| ReadError::io(&path, error))?);
        let mut window = Copied::new(file).map_err(|error| ReadError::io(&path, error))?;
        let header = lookup::header(&mut window, first_lsn).map_err(|trouble| ReadError::at(&path, trouble))?;
        let scan = Scan::new(window, header);
        Ok(Self { first_lsn, path, scan, places: Vec::new(), peers: OnceLock::new(), damage: None, looked: false })
    }

    /// Walks over what is new.
    pub fn read_on(&mut self) {
        self.look();
        self.peers.take();
        // A group that is not whole yet is walked over again.
        let whole = self.places.partition_point(|place| place.offset < self.scan.whole_at);
        self.places.truncate(whole);
    }

    fn look(&mut self) {
        self.scan.window.forget();
        self.scan.jump((self.scan.whole_at, self.scan.whole_next));
        let known = self.damage.take().map(|(offset, ..)| offset);
        let mut patience = Patience::new(self.path.parent().unwrap_or(Path::new("")));
        let ahead = stretches::ahead(&self.scan);
        if !ahead.is_empty() {
            stretches::beside(ahead, |others| self.walk_with(others));
        }
        while let Err(fault) = self.walk() {
            let place = (self.scan.at, self.scan.next);
            let head_is_zero = matches!(fault, Fault::NoFrame) && self.scan.head_is_zero();
            if std::mem::replace(&mut self.looked, true) && head_is_zero {
                return;
            }
            let found = match tail::look(&mut self.scan, Segment::Last) {
                Ok(looked) => match verdict(looked.tail) {
                    Verdict::Clean | Verdict::Torn => return,
                    Verdict::Rot(evidence) => Fault::Rot(evidence),
                },
                Err(fault) => fault,
            };
            // A live writer may have gone on between two looks. If a later batch could be seen, this one is there now; else it
            // may be that it is still on its way.
            self.scan.window.forget();
            let is_on_its_way = |patience: &mut Patience| known != Some(place.0) && patience.waits();
            if !fault.may_pass() || (self.scan.check(place.0).is_err() && !is_on_its_way(&mut patience)) {
                self.damage = Some((place.0, place.1, found));
                return;
            }
        }
    }

    /// Takes in what others have walked over meanwhile, for as long as one stretch leads to the next.
    pub(super) fn walk_with(&mut self, others: &mut dyn Iterator<Item = Stretch>) {
        for Stretch { begins, places, sure } in others {
            // What is wrong is found again, and said, by who goes on from here alone.
            let arrived = stretches::walk(&mut self.scan, &mut self.places, begins.0).is_ok();
            if !arrived || (self.scan.whole_at, self.scan.whole_next) != begins {
                return;
            }
            self.places.extend(places);
            self.scan.jump(sure);
        }
    }

    pub(super) fn walk(&mut self) -> Result<(), Fault> {
        stretches::walk(&mut self.scan, &mut self.places, u64::MAX)
    }

    /// Records' places and lsns.
    pub fn places(&self) -> impl Iterator<Item = (u64, Lsn)> {
        self.places.iter().map(|place| (place.offset, place.lsn))
    }

    /// Whether the stretch of place number `number` may hold what `question` asks for.
    pub fn is_worth_a_look(&self, number: u32, question: &Question) -> bool {
        let fits = |peers: &Peers| peers.fit(question, number);
        self.places.get(number as usize).is_none_or(|place| {
            place.is_worth_a_look(question) && (place.has_unknown() || self.peers.get().is_none_or(fits))
        })
    }

    /// Every peer that a record is about, or whose own act one is. The first call costs a walk over the segment, and makes
    /// later questions about peers cheap.
    pub fn peers(&self) -> Result<&Peers, ReadError> {
        match self.peers.get() {
            Some(known) => Ok(known),
            None => self.find_peers().map(|peers| self.peers.get_or_init(|| peers)),
        }
    }

    fn find_peers(&self) -> Result<Peers, ReadError> {
        let mut peers = Peers::default();
        let mut scan = self.scan_from(self.first_lsn)?;
        let mut ahead = self.places.iter().skip(1).zip(1..).peekable();
        let mut number = 0;
        while scan.at < self.scan.whole_at {
            let (at, next) = (scan.at, scan.next);
            let found = scan.step().map_err(|fault| Trouble::fault(at, next, fault));
            let Some(frame) = found.map_err(|trouble| ReadError::at(&self.path, trouble))? else { break };
            if frame.header.is_control() {
                continue;
            }
            if let Some((_, begun)) = ahead.next_if(|(place, _)| place.offset <= at) {
                number = begun;
            }
            match payload::decode_preface(&frame.header, frame.payload) {
                Ok((subject, actor)) => concerned_by(&subject, &actor).for_each(|peer| peers.note(peer, number)),
                // Whom it is about only a newer build can say.
                Err(DecodeError::Unknown { .. }) => {}
                Err(error) => {
                    return Err(ReadError::at(&self.path, Trouble::decode(at, &frame.header, error)));
                }
            }
        }
        Ok(peers)
    }

    /// From the group in which damage stands to the end of all bytes, if whole frames go on behind it. A group that has lost its
    /// end is nothing to anybody.
    pub fn around_damage(&self) -> Option<((u64, Lsn), u64)> {
        let (offset, lsn, _) = self.damage.as_ref()?;
        let mut scan = stretches::again(&self.scan).ok()?;
        scan.jump((*offset, *lsn));
        let end = tail::resume_behind(&mut scan, u64::MAX).then(|| scan.end_of_bytes(*offset).ok()).flatten()?;
        Some(((self.scan.whole_at, self.scan.whole_next), end))
    }

    /// The record `lsn` behind the damage, if it can be read.
    pub fn behind_damage(&self, lsn: Lsn) -> Option<Record> {
        let (offset, first, _) = self.damage.as_ref()?;
        let mut scan = stretches::again(&self.scan).ok()?;
        scan.jump((*offset, *first));
        lookup::hop_over_damage(&mut scan, lsn).ok().flatten()
    }

    /// A second reading of this segment, from close before `lsn` on.
    pub fn scan_from(&self, lsn: Lsn) -> Result<Scan<Copied<Arc<File>>>, ReadError> {
        let mut scan = stretches::again(&self.scan).map_err(|error| ReadError::io(&self.path, error))?;
        let known = self.places.partition_point(|place| place.lsn <= lsn);
        if let Some(place) = known.checked_sub(1).and_then(|index| self.places.get(index)) {
            scan.jump((place.offset, place.lsn));
        }
        Ok(scan)
    }
}
