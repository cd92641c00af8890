//! Finding one record by its lsn: jump close to it, then hop.

use super::format::frame::{FRAME_HEAD, FrameHeader, checksums};
use super::format::header::SegmentHeader;
use super::format::payload::{self, DecodeError};
use super::format::seal::{Seal, TrailerRoom};
use super::recovery::tail;
use super::scan::{Fault, Scan, read_header};
use super::window::Window;
use crate::model::id::Lsn;
use crate::model::record::Record;

/// Why a record could not be had from a segment, and where in it.
#[derive(Debug)]
pub(super) struct Trouble {
    pub offset: u64,
    pub lsn: Lsn,
    pub cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    Fault(Fault),
    Decode { kind: u16, source: DecodeError },
}

impl Trouble {
    pub(super) fn fault(offset: u64, lsn: Lsn, fault: Fault) -> Self {
        Self { offset, lsn, cause: Cause::Fault(fault) }
    }

    pub(super) fn decode(offset: u64, frame: &FrameHeader, source: DecodeError) -> Self {
        Self { offset, lsn: frame.lsn, cause: Cause::Decode { kind: frame.kind, source } }
    }
}

/// The header of the segment in `window`, if one of its two copies can be read; the segment should begin with
/// `first_lsn`.
pub(super) fn header(window: &mut impl Window, first_lsn: Lsn) -> Result<SegmentHeader, Trouble> {
    match read_header(window) {
        (Some(header), _) if header.first_lsn == first_lsn => Ok(header),
        (Some(header), _) => {
            Err(Trouble::fault(0, first_lsn, Fault::Lsn { found: header.first_lsn, expected: first_lsn }))
        }
        (None, fault) => Err(Trouble::fault(0, first_lsn, fault.unwrap_or(Fault::NoFrame))),
    }
}

/// The seal that the trailer of `scan`'s segment leads to; none if there is none to trust.
pub(super) fn seal<W: Window>(scan: &mut Scan<W>) -> Option<Seal> {
    let Ok(TrailerRoom::Trailer(trailer)) = scan.trailer() else { return None };
    let length = trailer.seal_length as usize;
    if length < FRAME_HEAD || trailer.seal_at + length as u64 > scan.limit() {
        return None;
    }
    let bytes = scan.window.bytes(trailer.seal_at, length).ok()?;
    let (found, expected) = checksums(bytes, &scan.seed, trailer.seal_at);
    let header = FrameHeader::parse(bytes);
    if found != expected || header.frame_bytes() != length as u64 {
        return None;
    }
    Seal::decode(&bytes[FRAME_HEAD..FRAME_HEAD + header.length as usize])
}

/// Moves `scan` as close before `lsn` as the seal's block table knows a way.
pub(super) fn approach<W: Window>(scan: &mut Scan<W>, lsn: Lsn) {
    if let Some(place) = seal(scan).and_then(|seal| seal.place_before(lsn)) {
        scan.jump(place);
    }
}

/// Hops to the record `lsn`, which lies in `scan`'s segment at or behind its place.
pub(super) fn hop<W: Window>(scan: &mut Scan<W>, lsn: Lsn) -> Result<Option<Record>, Trouble> {
    loop {
        let (at, next) = (scan.at, scan.next);
        match scan.step() {
            Ok(Some(frame)) if frame.header.lsn == lsn && !frame.header.is_control() => {
                let record = payload::decode(&frame.header, frame.payload);
                return record.map(Some).map_err(|error| Trouble::decode(frame.offset, &frame.header, error));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(fault) => return Err(Trouble::fault(at, next, fault)),
        }
    }
}

/// As [`hop`], over damage on the way: it is told of if the record stood there.
pub(super) fn hop_over_damage<W: Window>(scan: &mut Scan<W>, lsn: Lsn) -> Result<Option<Record>, Trouble> {
    let damage = match hop(scan, lsn) {
        Err(trouble @ Trouble { cause: Cause::Fault(_), .. }) => trouble,
        found => return found,
    };
    while tail::resume_behind(scan, u64::MAX) && scan.next <= lsn {
        match hop(scan, lsn) {
            Ok(None) | Err(Trouble { cause: Cause::Fault(_), .. }) => {}
            found => return found,
        }
    }
    Err(damage)
}

/// Walks to the end of `scan`'s segment; returns the lsn that the next one begins with.
pub(super) fn end<W: Window>(scan: &mut Scan<W>) -> Result<Lsn, Trouble> {
    loop {
        let (at, next) = (scan.at, scan.next);
        match scan.step() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(next),
            Err(fault) => return Err(Trouble::fault(at, next, fault)),
        }
    }
}
