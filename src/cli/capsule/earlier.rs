//! What explains a peer and stands before the first record of its capsule: the settings in force with where they came from,
//! the starts of the daemon, the links of the chain.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use super::bodies::{Kept, LeftOut};
use super::open::Folder;
use crate::cli::history::History;
use crate::explain::why::{Answer, Reach, Reading, Source, Subject, Until, Walked};
use crate::journal::Question;
use crate::journal::slice::{line_of, of_line};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Of the file: a record a line.
pub const NAME: &str = "earlier.jsonl";

/// The records before `first` that `why` of the peer looks at, without the texts that do not stay.
pub fn gathered(history: &History, first: Lsn, kept: &Kept, left: &mut LeftOut) -> Vec<Record> {
    let heard = Overheard { reading: history.reading(), first, heard: RefCell::default() };
    let _ = Answer::of(&heard, Subject::Peer(kept.peer.clone()), Until::default(), &[], Reach::Near);
    // Whatever else is explained there asks for these.
    let before = |kind| Question { kinds: vec![kind], last: Some(Lsn(first.0 - 1)), ..Question::default() };
    heard.newest(&before("settings_changed"));
    let started = heard.newest(&before("daemon_started"));
    started.and_then(|started| heard.record(Lsn(started.lsn.0 - 1)));
    heard.heard.into_inner().into_values().map(|record| kept.of(record, left)).collect()
}

/// As a file.
pub fn written(records: &[Record]) -> String {
    // A record that has no line is one that explains nothing there.
    records.iter().filter_map(|record| line_of(record).ok()).collect()
}

/// What the capsule in `folder` tells of the records before its first.
pub fn read(folder: &Folder, first: Lsn) -> Vec<Record> {
    let Folder::OfCapsule(unpacked) = folder else { return Vec::new() };
    let text = fs::read_to_string(unpacked.path.join(NAME)).unwrap_or_default();
    let mut records: Vec<Record> = text.lines().filter_map(of_line).filter(|record| record.lsn < first).collect();
    records.sort_by_key(|record| record.lsn);
    records.dedup_by_key(|record| record.lsn);
    records
}

/// A journal that notes what is asked of it. Nothing is decided again: that takes every record.
struct Overheard<'a> {
    reading: Reading<'a>,
    first: Lsn,
    heard: RefCell<BTreeMap<Lsn, Record>>,
}

impl Overheard<'_> {
    fn hear(&self, record: Record) -> Record {
        if record.lsn < self.first {
            self.heard.borrow_mut().insert(record.lsn, record.clone());
        }
        record
    }
}

impl Source for Overheard<'_> {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        self.reading.record(lsn).map(|record| self.hear(record))
    }

    /// Where nothing is known of an empty beginning, nothing is folded from it.
    fn first(&self) -> Lsn {
        self.reading.first().max(Lsn(2))
    }

    fn each(&self, question: &Question, see: &mut dyn FnMut(Record)) {
        self.reading.each(question, &mut |record| see(self.hear(record)));
    }

    fn back(&self, question: &Question, see: &mut dyn FnMut(Record) -> bool) {
        self.reading.back(question, &mut |record| see(self.hear(record)));
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        self.reading.oldest(question).map(|record| self.hear(record))
    }

    fn walk(&self, _: Lsn, _: &mut dyn FnMut(Record) -> bool) -> Walked {
        Walked::ToUnknown
    }
}
