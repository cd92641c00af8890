//! Which kind of damage a fault is.

use super::DamageKind;
use crate::journal::format::header::HeaderFault;
use crate::journal::recovery::Evidence;
use crate::journal::scan::Fault;

/// A wrong checksum or a stray byte is rot. A right checksum over words that contradict another place is no accident.
pub(super) fn kind(fault: &Fault) -> DamageKind {
    match fault {
        Fault::Header(fault) => of_header(fault),
        Fault::Size { bytes, capacity } if bytes < capacity => DamageKind::Truncated,
        Fault::Segment { .. } => DamageKind::Foreign,
        Fault::Unreadable { .. } => DamageKind::Unreadable,
        Fault::Rot(Evidence::SizeChanged) => DamageKind::Truncated,
        Fault::Size { .. }
        | Fault::Lsn { .. }
        | Fault::OpenGroup
        | Fault::Seal { .. }
        | Fault::Block { .. }
        | Fault::TrailerSeal => DamageKind::Edit,
        Fault::NoFrame | Fault::Checksum { .. } | Fault::Trailer | Fault::NotZero | Fault::Rot(_) => DamageKind::Rot,
    }
}

fn of_header(fault: &HeaderFault) -> DamageKind {
    match fault {
        HeaderFault::Short { .. } => DamageKind::Truncated,
        HeaderFault::Newer { .. } | HeaderFault::Value { .. } => DamageKind::Version,
        HeaderFault::Magic { .. }
        | HeaderFault::Checksum { .. }
        | HeaderFault::CopyDiffers
        | HeaderFault::NotZero { .. } => DamageKind::Rot,
    }
}
