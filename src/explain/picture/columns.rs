//! The picture as columns of numbers and one table of texts: what the page carries.
//!
//! A history is mostly repetition, so each number is told as its distance from where one would expect it, and each text
//! once. `page/data.js` reads it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Bar, Gap, Look, Picture, Standing, number};

/// What `page/data.js` expects. All lists of a group are equally long; -1 and 0 stand for none where it says so.
#[derive(Debug, Default, Serialize)]
pub(super) struct Columns {
    /// `[place, lsn]` of the first record of each stretch in which none is missing.
    stretches: Vec<(usize, u64)>,
    notes: Vec<String>,
    /// IANA name of the zone that the sentences speak in; null for UTC.
    zone: Option<String>,
    texts: Vec<String>,
    looks: Vec<&'static str>,
    lanes: Vec<LaneColumns>,
    standings: Vec<StandingRow>,
    marks: Marks,
    /// `[place, lsn, lsn …]` of each record that names more than its cause.
    links: Vec<Vec<u64>>,
    /// Places of what a start has found: it became so while no daemon ran.
    found: Vec<usize>,
    /// `[place, text]` of each end for a silence in which nothing was heard of the program itself.
    silences: Vec<(usize, usize)>,
    parcels: Parcels,
    /// `[from, to, 1 if stopped in order, 2 if records stood there that cannot be read]`.
    gaps: Vec<[usize; 3]>,
}

#[derive(Debug, Serialize)]
struct LaneColumns {
    peer: String,
    /// Per bar: places since the one before, standing (-1: none, -2: not known), generation.
    bars: Vec<i64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct StandingRow {
    phase: &'static str,
    turn: Option<&'static str>,
    armed: bool,
}

#[derive(Debug, Default, Serialize)]
struct Marks {
    /// Milliseconds since the one before, the first since 1970. Below zero where the clock was set back.
    ms: Vec<i64>,
    /// Index into `texts`.
    kind: Vec<usize>,
    look: Vec<usize>,
    /// -1: none.
    lane: Vec<i64>,
    /// How many records before; 0: none.
    wake: Vec<u64>,
    /// -1: none.
    parcel: Vec<i64>,
    /// How many records before; 0: none.
    cause: Vec<u64>,
    actor: Vec<usize>,
    says: Vec<usize>,
    /// -1: none.
    settings: Vec<i64>,
}

#[derive(Debug, Default, Serialize)]
struct Parcels {
    id: Vec<String>,
    from: Vec<usize>,
    /// -1: no peer.
    from_lane: Vec<i64>,
    to: Vec<usize>,
    /// -1: none.
    topic: Vec<i64>,
    bytes: Vec<u64>,
    /// Id of the message it answers, in `texts`; -1: none.
    answers: Vec<i64>,
    /// -1: before the picture, or never.
    accepted: Vec<i64>,
    delivered: Vec<i64>,
}

/// Each text once.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Texts {
    fn place(&mut self, text: &str) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        self.all.push(text.to_owned());
        self.places.insert(text.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }

    fn maybe(&mut self, text: Option<&str>) -> i64 {
        text.map_or(-1, |text| self.place(text) as i64)
    }
}

fn maybe(place: Option<usize>) -> i64 {
    place.map_or(-1, |place| place as i64)
}

fn what(gap: &Gap) -> usize {
    if gap.unread { 2 } else { usize::from(gap.stopped) }
}

impl Columns {
    pub fn of(picture: &Picture, zone: Option<String>) -> Self {
        let mut texts = Texts::default();
        let mut columns = Columns {
            stretches: picture.stretches().into_iter().map(|(place, lsn)| (place, lsn.0)).collect(),
            notes: picture.notes.clone(),
            zone,
            looks: Look::ALL.iter().map(|look| look.word()).collect(),
            gaps: picture.gaps.iter().map(|gap| [gap.from, gap.to, what(gap)]).collect(),
            ..Columns::default()
        };
        columns.lanes(picture);
        columns.marks(picture, &mut texts);
        columns.parcels(picture, &mut texts);
        columns.texts = texts.all;
        columns
    }

    fn lanes(&mut self, picture: &Picture) {
        for lane in &picture.lanes {
            let mut before = 0;
            let mut bars = Vec::with_capacity(lane.bars.len() * 3);
            for Bar { from, stands, known } in &lane.bars {
                bars.push((from - before) as i64);
                bars.push(if *known { maybe(stands.map(|stands| self.standing(stands))) } else { -2 });
                bars.push(number(stands.and_then(|stands| stands.generation)) as i64);
                before = *from;
            }
            self.lanes.push(LaneColumns { peer: lane.peer.to_string(), bars });
        }
    }

    fn standing(&mut self, stands: Standing) -> usize {
        let row = StandingRow { phase: stands.phase.word(), turn: stands.turn, armed: stands.armed };
        self.standings.iter().position(|known| *known == row).unwrap_or_else(|| {
            self.standings.push(row);
            self.standings.len() - 1
        })
    }

    fn marks(&mut self, picture: &Picture, texts: &mut Texts) {
        let mut before = 0;
        for (place, mark) in picture.marks.iter().enumerate() {
            let ms = (mark.at.wall_us / 1000) as i64;
            let back = |lsn: u64| if lsn == 0 { 0 } else { mark.lsn.0.saturating_sub(lsn) };
            let marks = &mut self.marks;
            marks.ms.push(ms - before);
            marks.kind.push(texts.place(mark.kind.name));
            marks.look.push(mark.look as usize);
            marks.lane.push(maybe(mark.lane));
            marks.wake.push(back(number(mark.generation)));
            marks.parcel.push(maybe(mark.parcel));
            // The cause comes last of what a record names.
            let (cause, named) = mark.links.split_last().map_or((0, &[][..]), |(cause, named)| (cause.0, named));
            marks.cause.push(back(cause));
            marks.actor.push(texts.place(&mark.actor));
            marks.says.push(texts.place(&mark.says));
            marks.settings.push(texts.maybe(Some(mark.settings.as_str()).filter(|text| !text.is_empty())));
            self.found.extend(mark.found_at_start.then_some(place));
            self.silences.extend(mark.unheard.as_ref().map(|says| (place, texts.place(says))));
            if !named.is_empty() {
                self.links.push(std::iter::once(place as u64).chain(named.iter().map(|lsn| lsn.0)).collect());
            }
            before = ms;
        }
    }

    fn parcels(&mut self, picture: &Picture, texts: &mut Texts) {
        let parcels = &mut self.parcels;
        for parcel in &picture.parcels {
            parcels.id.push(parcel.id.to_string());
            parcels.from.push(texts.place(&parcel.from));
            parcels.from_lane.push(maybe(parcel.from_lane));
            parcels.to.push(texts.place(&parcel.to));
            parcels.topic.push(texts.maybe(parcel.topic.as_deref()));
            parcels.bytes.push(parcel.bytes);
            parcels.answers.push(texts.maybe(parcel.answers.map(|id| id.to_string()).as_deref()));
            parcels.accepted.push(maybe(parcel.accepted));
            parcels.delivered.push(maybe(parcel.delivered));
        }
    }
}
