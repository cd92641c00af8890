//! What can go wrong with one call of a disk.

use std::io;

use rustix::io::Errno;

/// What a call of the disk does; the unit in which it can be made to fail or to be the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
    /// Removing a file, and setting bytes aside.
    Other,
    /// Lists, opens, asks the length or reads: changes nothing.
    Look,
}

/// Which of the waiting sectors a sync that fails or lies has written all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    None,
    FirstHalf,
    LastHalf,
    EverySecond,
}

impl Kept {
    pub const EACH: [Kept; 4] = [Kept::None, Kept::FirstHalf, Kept::LastHalf, Kept::EverySecond];

    /// Whether sector `index` of `count` waiting ones is written.
    pub fn has(self, index: usize, count: usize) -> bool {
        match self {
            Kept::None => false,
            Kept::FirstHalf => index < count / 2,
            Kept::LastHalf => index >= count / 2,
            Kept::EverySecond => index % 2 == 1,
        }
    }
}

/// How one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does nothing and says why. What it would have changed is as it was; a file that it was to make is there, and
    /// empty.
    Refused(Errno),
    /// It does all of it and then says that it has failed.
    DoneAllTheSame(Errno),
    /// A write of which so many sixteenths are taken.
    Short(usize, Errno),
    /// A sync after which nothing waits any more: some sectors are on the device, the others never will be, and the
    /// cache shows them all.
    PagesLost(Kept, Errno),
    /// The same, and it says that all went well. Of a folder: no name is durable.
    Lies(Kept),
}

impl Failure {
    /// Every way in which a call of this sort may say that it has failed.
    pub fn each_of(op: Op) -> Vec<Failure> {
        use Failure::{DoneAllTheSame, PagesLost, Refused, Short};
        match op {
            Op::Create => vec![Refused(Errno::NOSPC), Refused(Errno::DQUOT), Refused(Errno::IO)],
            Op::Write => vec![
                Refused(Errno::IO),
                Short(1, Errno::NOSPC),
                Short(8, Errno::DQUOT),
                Short(15, Errno::IO),
                DoneAllTheSame(Errno::INTR),
            ],
            Op::Sync => {
                let lost = Kept::EACH.map(|kept| PagesLost(kept, Errno::IO));
                let others =
                    [Refused(Errno::IO), PagesLost(Kept::FirstHalf, Errno::NOSPC), DoneAllTheSame(Errno::INTR)];
                [&lost[..], &others].concat()
            }
            Op::Rename | Op::SyncFolder | Op::Other => {
                vec![Refused(Errno::IO), Refused(Errno::NOSPC), DoneAllTheSame(Errno::IO)]
            }
            Op::Look => vec![Refused(Errno::IO)],
        }
    }

    /// What the caller is told; none if it is told that all went well.
    pub fn error(self) -> Option<io::Error> {
        match self {
            Failure::Refused(errno)
            | Failure::DoneAllTheSame(errno)
            | Failure::Short(_, errno)
            | Failure::PagesLost(_, errno) => Some(errno.into()),
            Failure::Lies(_) => None,
        }
    }

    pub fn is_no_space(self) -> bool {
        let errno = self.error().and_then(|error| error.raw_os_error());
        errno.is_some_and(|errno| [Errno::NOSPC, Errno::DQUOT].map(Errno::raw_os_error).contains(&errno))
    }
}
