//! A segment read frame by frame, in order, each frame checked before it is believed.

use std::io;

use super::blocks::Blocks;
use super::format::frame::{FRAME_HEAD, FrameHeader, Seed, checksums};
use super::format::header::{HeaderFault, SegmentHeader};
use super::format::seal::{Seal, Sealer, Trailer, TrailerRoom};
use super::format::{FRAMES_AT, KIND_CLOSE, KIND_SEAL, TRAILER_ROOM, is_zero};
use super::recovery::Evidence;
use super::window::Window;
use crate::model::id::Lsn;

/// What is wrong at a place of a segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Header(#[from] HeaderFault),
    #[error("the file has {bytes} bytes, its header says {capacity}")]
    Size { bytes: u64, capacity: u64 },
    #[error("the segment's {field} is {found}, expected {expected}")]
    Segment { field: &'static str, found: String, expected: String },
    #[error("no frame stands here")]
    NoFrame,
    #[error("the frame has checksum {found:#010x}, expected {expected:#010x}")]
    Checksum { found: u32, expected: u32 },
    #[error("the frame has lsn {found}, expected {expected}")]
    Lsn { found: Lsn, expected: Lsn },
    #[error("a control frame stands inside an atomic group")]
    OpenGroup,
    #[error("the seal's {field} is not that of its segment")]
    Seal { field: &'static str },
    #[error("the bytes of block {block} are not those that were sealed")]
    Block { block: usize },
    #[error("the trailer is damaged")]
    Trailer,
    #[error("the trailer is not that of the seal")]
    TrailerSeal,
    #[error("bytes behind the seal are not zero")]
    NotZero,
    #[error("the bytes cannot be read: {error}")]
    Unreadable { error: String },
    /// The end of the journal is not one that a crash leaves.
    #[error("no crash leaves this: {0}")]
    Rot(Evidence),
}

impl Fault {
    /// A writer at work may have taken it away by now. A frame whose checksum is right will not become another one:
    /// to look again would be to look for ever.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Fault::NoFrame | Fault::Checksum { .. })
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Unreadable { error: error.to_string() }
    }
}

/// A frame whose checksum and lsn are right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub offset: u64,
    pub header: FrameHeader,
    pub payload: &'a [u8],
}

/// Reads one segment in order. Nothing in an atomic group counts before the group is whole.
pub(super) struct Scan<W> {
    pub window: W,
    pub header: SegmentHeader,
    pub seed: Seed,
    /// Where the next frame begins, and the lsn of the next record.
    pub at: u64,
    pub next: Lsn,
    /// The same at the end of the last whole group.
    pub whole_at: u64,
    pub whole_next: Lsn,
    pub seal: Option<Seal>,
    /// The last frame was a CLOSE.
    pub closed: bool,
    /// Collects what a seal would say, if the caller needs one or wants to compare.
    pub sealer: Option<Sealer>,
    /// Vouches for frames by the block, once a seal is known to.
    blocks: Option<Blocks>,
    group: Vec<(u64, FrameHeader)>,
    /// Frames of an atomic group have passed, and its last one has not. `group` holds them if there is a sealer to feed.
    in_group: bool,
}

/// Reads the header page, with the first fault it shows.
pub(super) fn read_header(window: &mut impl Window) -> (Option<SegmentHeader>, Option<Fault>) {
    let length = window.size().min(FRAMES_AT) as usize;
    match window.bytes(0, length) {
        Ok(page) => {
            let (header, fault) = SegmentHeader::read(page);
            (header, fault.map(Fault::Header))
        }
        Err(error) => (None, Some(error.into())),
    }
}

impl<W: Window> Scan<W> {
    /// From the segment's first frame on.
    pub(super) fn new(window: W, header: SegmentHeader) -> Self {
        Self {
            window,
            seed: Seed::new(&header.salt),
            at: FRAMES_AT,
            next: header.first_lsn,
            whole_at: FRAMES_AT,
            whole_next: header.first_lsn,
            seal: None,
            closed: false,
            sealer: None,
            blocks: None,
            group: Vec::new(),
            in_group: false,
            header,
        }
    }

    /// Collects a seal on the way. Only from the first frame on.
    pub(super) fn with_sealer(mut self) -> Result<Self, Fault> {
        let mut sealer = Sealer::new(self.header.first_lsn);
        sealer.feed(self.window.bytes(0, FRAMES_AT as usize)?);
        self.sealer = Some(sealer);
        Ok(self)
    }

    /// Checks whole blocks against `seal`, which was checked itself, in place of each frame's own checksum. In the first
    /// block that is not what was sealed, and from there on, frames speak for themselves again: they name the place.
    pub(super) fn trust(&mut self, seal: &Seal) {
        self.blocks = Some(Blocks::new(seal));
    }

    /// From a frame known to begin at `offset` with the record `lsn`. The seal lies ahead again, unless that is behind it.
    pub(super) fn jump(&mut self, (offset, lsn): (u64, Lsn)) {
        self.seal.take_if(|seal| offset <= seal.end);
        (self.at, self.next, self.whole_at, self.whole_next) = (offset, lsn, offset, lsn);
        self.group.clear();
        self.in_group = false;
    }

    /// Where a frame should stand, there is nothing yet.
    pub(super) fn head_is_zero(&mut self) -> bool {
        let length = (FRAME_HEAD as u64).min(self.limit().saturating_sub(self.at));
        self.window.bytes(self.at, length as usize).is_ok_and(is_zero)
    }

    /// Behind the last byte a frame may take.
    pub(super) fn limit(&self) -> u64 {
        self.window.size().min(self.header.capacity.saturating_sub(TRAILER_ROOM))
    }

    /// The atomic group before [`Scan::at`] lacks frames.
    pub(super) fn group_is_open(&self) -> bool {
        self.in_group
    }

    /// The next frame; none behind the seal. After a fault the scan stands before it.
    #[inline(always)]
    pub(super) fn step(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        let offset = self.at;
        if self.pass()? { self.passed(offset).map(Some) } else { Ok(None) }
    }

    /// As [`Scan::step`], for callers who mostly want to be behind the frame: false behind the seal. A record was
    /// [`Scan::next`] before, which is greater now; a control frame leaves that as it is.
    ///
    /// Inlined with what it calls for every frame, which hands on places and not heads: a head that is handed on through
    /// memory, written by the field and read by the line, costs more than its checksum.
    #[inline(always)]
    pub(super) fn pass(&mut self) -> Result<bool, Fault> {
        if self.seal.is_some() {
            return Ok(false);
        }
        let offset = self.at;
        let end = self.check_to(offset)?;
        let header = FrameHeader::parse(self.window.bytes(offset, FRAME_HEAD)?);
        if header.is_control() {
            self.control(offset, &header)?;
        } else {
            self.record(offset, &header)?;
        }
        self.at = end;
        if !self.in_group {
            (self.whole_at, self.whole_next) = (self.at, self.next);
        }
        Ok(true)
    }

    /// The frame from `offset` to [`Scan::at`], which has just passed.
    #[inline(always)]
    pub(super) fn passed(&mut self, offset: u64) -> Result<Frame<'_>, Fault> {
        let bytes = self.window.bytes(offset, (self.at - offset) as usize)?;
        let header = FrameHeader::parse(bytes);
        Ok(Frame { offset, header, payload: &bytes[FRAME_HEAD..FRAME_HEAD + header.length as usize] })
    }

    /// The head of the frame at `offset`, if its checksum is right there.
    pub(super) fn check(&mut self, offset: u64) -> Result<FrameHeader, Fault> {
        self.check_to(offset)?;
        Ok(FrameHeader::parse(self.window.bytes(offset, FRAME_HEAD)?))
    }

    /// Where the frame at `offset` ends, if its checksum is right there.
    #[inline(always)]
    fn check_to(&mut self, offset: u64) -> Result<u64, Fault> {
        let room = self.limit().saturating_sub(offset);
        if room < FRAME_HEAD as u64 {
            return Err(Fault::NoFrame);
        }
        let header = FrameHeader::parse(self.window.bytes(offset, FRAME_HEAD)?);
        if !header.is_possible(room) {
            return Err(Fault::NoFrame);
        }
        let end = offset + header.frame_bytes();
        if self.is_vouched_for(offset, end) {
            return Ok(end);
        }
        let bytes = self.window.bytes(offset, (end - offset) as usize)?;
        let (found, expected) = checksums(bytes, &self.seed, offset);
        if found == expected { Ok(end) } else { Err(Fault::Checksum { found, expected }) }
    }

    #[inline(always)]
    fn is_vouched_for(&mut self, from: u64, to: u64) -> bool {
        let vouched = self.blocks.as_mut().is_some_and(|blocks| blocks.vouch(&mut self.window, from, to));
        if !vouched && to <= self.blocks.as_ref().map_or(0, Blocks::end) {
            self.blocks = None;
        }
        vouched
    }

    #[inline(always)]
    fn record(&mut self, offset: u64, header: &FrameHeader) -> Result<(), Fault> {
        if header.lsn != self.next {
            return Err(Fault::Lsn { found: header.lsn, expected: self.next });
        }
        if self.sealer.is_some() {
            self.collect(offset, header)?;
        }
        self.in_group = header.more_follows();
        self.next = header.lsn.next();
        self.closed = false;
        Ok(())
    }

    /// Hands the sealer a group once it is whole.
    fn collect(&mut self, offset: u64, header: &FrameHeader) -> Result<(), Fault> {
        self.group.push((offset, *header));
        if !header.more_follows() {
            for index in 0..self.group.len() {
                let (offset, header) = self.group[index];
                self.feed(offset, &header)?;
            }
            self.group.clear();
        }
        Ok(())
    }

    #[cold]
    fn control(&mut self, offset: u64, header: &FrameHeader) -> Result<(), Fault> {
        if self.group_is_open() {
            return Err(Fault::OpenGroup);
        }
        if header.lsn.next() != self.next {
            return Err(Fault::Lsn { found: header.lsn.next(), expected: self.next });
        }
        if header.kind == KIND_SEAL {
            self.seal = Some(self.read_seal(offset, header)?);
            return Ok(());
        }
        self.closed = header.kind == KIND_CLOSE;
        self.feed(offset, header)
    }

    fn feed(&mut self, offset: u64, header: &FrameHeader) -> Result<(), Fault> {
        if let Some(sealer) = &mut self.sealer {
            sealer.frame(header, self.window.bytes(offset, header.frame_bytes() as usize)?);
        }
        Ok(())
    }

    fn read_seal(&mut self, offset: u64, header: &FrameHeader) -> Result<Seal, Fault> {
        let bytes = self.window.bytes(offset, header.frame_bytes() as usize)?;
        let payload = &bytes[FRAME_HEAD..FRAME_HEAD + header.length as usize];
        let seal = Seal::decode(payload).ok_or(Fault::Seal { field: "length" })?;
        let first_lsn = self.header.first_lsn;
        let records = self.next.0 - first_lsn.0;
        for (field, right) in [
            ("end", seal.end == offset),
            ("first_lsn", seal.first_lsn == first_lsn),
            ("last_lsn", seal.last_lsn.next() == self.next),
            ("records", seal.records == records),
        ] {
            if !right {
                return Err(Fault::Seal { field });
            }
        }
        Ok(seal)
    }

    /// Compares the seal with everything that the scan read on its way to it.
    pub(super) fn compare_seal(&self, seal: &Seal) -> Option<Fault> {
        let mut ours = self.sealer.clone()?.finish(seal.previous);
        (ours.signature, ours.extension) = (seal.signature.clone(), seal.extension.clone());
        let differs = |block: &usize| ours.blocks.get(*block) != seal.blocks.get(*block);
        if let Some(block) = (0..ours.blocks.len().max(seal.blocks.len())).find(differs) {
            return Some(Fault::Block { block });
        }
        if ours.digest != seal.digest {
            return Some(Fault::Seal { field: "digest" });
        }
        (ours != *seal).then_some(Fault::Seal { field: "times" })
    }

    /// What stands in the trailer's room; nothing if the file is too short to have one.
    pub(super) fn trailer(&mut self) -> Result<TrailerRoom, Fault> {
        let offset = self.header.capacity.saturating_sub(TRAILER_ROOM);
        if self.window.size() < self.header.capacity {
            return Ok(TrailerRoom::Empty);
        }
        let room = self.window.bytes(offset, TRAILER_ROOM as usize)?;
        Ok(Trailer::read(room, &self.seed, offset))
    }

    /// Checks the trailer against the seal that the scan has found.
    pub(super) fn compare_trailer(&mut self, seal: &Seal) -> Result<TrailerRoom, Fault> {
        let room = self.trailer()?;
        match room {
            TrailerRoom::Damaged => Err(Fault::Trailer),
            TrailerRoom::Trailer(trailer)
                if trailer.seal_at != seal.end
                    || trailer.seal_at + u64::from(trailer.seal_length) != self.at
                    || trailer.last_lsn != seal.last_lsn
                    || trailer.head != seal.head() =>
            {
                Err(Fault::TrailerSeal)
            }
            TrailerRoom::Trailer(_) | TrailerRoom::Empty => Ok(room),
        }
    }
}
