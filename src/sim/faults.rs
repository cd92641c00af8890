//! What can go wrong, how often, and what did.

use std::collections::BTreeSet;

use super::chance::Chance;
use crate::model::name::Identity;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    None,
    Light,
    Heavy,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Light => "light",
            Level::Heavy => "heavy",
        }
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $word:literal one_in $light:literal, $heavy:literal;)*) => {
        /// One thing that can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            pub const ALL: &[Fault] = &[$(Fault::$name),*];

            pub fn word(self) -> &'static str {
                match self { $(Fault::$name => $word),* }
            }

            /// Of so many opportunities one is taken, with light and with heavy faults.
            fn one_in(self) -> (u64, u64) {
                match self { $(Fault::$name => ($light, $heavy)),* }
            }
        }
    };
}

faults! {
    // The disk.
    WriteFails "a write fails" one_in 20_000, 1_500;
    SyncFails "a sync fails" one_in 20_000, 1_500;
    DiskFull "the disk is full for a while" one_in 20_000, 3_000;
    SlowDisk "a sync takes seconds" one_in 500, 80;
    // The daemon.
    KilledAtWrite "the daemon is killed at a write" one_in 4_000, 400;
    KilledAtEffect "the daemon is killed at an effect" one_in 2_000, 200;
    // The machine.
    PowerCut "the power is cut when the daemon is killed" one_in 8, 8;
    // tmux.
    ClientFails "a tmux client cannot be started" one_in 400, 40;
    ClientHangs "tmux does not answer a launch" one_in 400, 40;
    LateBirth "a session comes up late" one_in 100, 15;
    ServerDies "a tmux server dies" one_in 600, 60;
    QuestionFails "tmux does not answer a question" one_in 100, 12;
    KillFails "a kill cannot be verified" one_in 100, 15;
    PasteRefused "the pane refuses a paste" one_in 100, 20;
    PasteDropped "a paste is dropped" one_in 200, 30;
    EnterSwallowed "an Enter is swallowed" one_in 30, 8;
    RecordUnreadable "the program's record cannot be read" one_in 40, 6;
    // Agents.
    ProgramMissing "the program cannot be started" one_in 400, 60;
    BootCrash "the program dies at boot" one_in 200, 25;
    NeverReady "the program never shows its box" one_in 300, 40;
    SlowBoot "the program boots for minutes" one_in 60, 12;
    Crash "the agent dies in its turn" one_in 60, 12;
    Exit "the agent exits 0 in its turn" one_in 100, 20;
    Hang "the agent hangs" one_in 300, 60;
    LongThought "the agent thinks for an hour in silence" one_in 60, 15;
    AskPerson "the agent asks a person" one_in 60, 15;
    NoWord "the agent ends its turn without a word" one_in 30, 8;
    AnswerFirst "the agent answers before its record moves" one_in 30, 8;
    AnswerTwice "the agent answers twice" one_in 40, 10;
    AnswerLate "the agent answers after its turn" one_in 40, 10;
    DiesAtRest "the agent dies at rest" one_in 100, 20;
    LeavesStrays "the agent leaves strays" one_in 40, 10;
    HookLost "a hook is lost" one_in 200, 25;
    HookTwice "a hook comes twice" one_in 200, 25;
    ShimKilled "the shim is killed" one_in 300, 40;
    // Somebody's profile.
    ProfileBroken "a profile cannot be read" one_in 20, 6;
    // In worlds with visitors.
    CutInWrite "the power is cut in the middle of a write" one_in 2_000, 250;
    LateWord "a word comes when its session is over" one_in 60, 12;
    TurnFails "the program reports an error" one_in 60, 12;
    Untypable "a text can never be typed" one_in 300, 60;
    LeavesText "a person leaves text behind" one_in 6, 2;
    HookLate "a hook comes late" one_in 100, 12;
    SlowAnswer "an answer about a session takes seconds" one_in 100, 12;
    WatcherBlind "a watcher cannot tell how a session ended" one_in 100, 12;
    FolderStays "the folder of a session that is gone stays" one_in 60, 6;
    // In worlds with helpers.
    GoesOnBehind "the agent goes on in the background" one_in 6, 3;
    // In worlds with hard luck.
    CallFails "a call of the disk fails in any of its ways" one_in 4_000, 400;
    StartFails "a call of the disk fails while a daemon starts" one_in 20, 4;
    KilledAtStart "the daemon is killed while it starts" one_in 20, 4;
    FullForHours "the disk is full, perhaps for hours" one_in 40, 8;
    ServersDie "every tmux server dies" one_in 40, 6;
    ShimsKilled "every shim is killed" one_in 40, 6;
}

impl Fault {
    /// Drawn from a stream of its own, in a world with visitors alone: what came later must not change the worlds that
    /// were there before.
    fn visits(self) -> bool {
        use Fault::{
            CutInWrite, FolderStays, HookLate, LateWord, LeavesText, SlowAnswer, TurnFails, Untypable, WatcherBlind,
        };
        matches!(
            self,
            CutInWrite
                | LateWord
                | TurnFails
                | Untypable
                | LeavesText
                | HookLate
                | SlowAnswer
                | WatcherBlind
                | FolderStays
        )
    }

    /// Likewise, in a world with helpers.
    fn helps(self) -> bool {
        self == Fault::GoesOnBehind
    }

    /// Likewise, in a world with hard luck.
    fn is_hard_luck(self) -> bool {
        use Fault::{CallFails, FullForHours, KilledAtStart, ServersDie, ShimsKilled, StartFails};
        matches!(self, CallFails | StartFails | KilledAtStart | FullForHours | ServersDie | ShimsKilled)
    }
}

/// Of so many worlds one has visitors.
const VISITED: u64 = 4;

/// Of so many worlds one has programs that leave work in the background, have helpers, and keep a status file.
const HELPED: u64 = 4;

/// Of so many worlds one has hard luck.
const HARD: u64 = 4;

/// Far from those of lives, which are counted up.
const HELPERS_STREAM: u64 = u64::MAX;
const HARD_STREAM: u64 = u64::MAX - 1;

/// A fault that struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its place among all that struck or would have: what a shorter run is named by.
    pub number: u32,
    pub fault: Fault,
    /// The record that came next.
    pub before: u64,
}

/// A fault that is not left to chance: it takes the opportunities that come from the moment it is put down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    pub fault: Fault,
    /// Only what concerns this peer; none: whatever comes first.
    pub peer: Option<Identity>,
    pub lasts: Lasts,
    /// How often it has struck.
    pub struck: u32,
}

/// How many opportunities an awaited fault takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    Times(u32),
    /// Every one, until this moment.
    Until(u64),
}

impl Awaited {
    fn takes(&self, fault: Fault, peer: Option<&Identity>, now: u64) -> bool {
        let lasts = match self.lasts {
            Lasts::Times(times) => self.struck < times,
            Lasts::Until(until) => now < until,
        };
        lasts && self.fault == fault && (self.peer.is_none() || self.peer.as_ref() == peer)
    }
}

/// Draws faults, and keeps account of them.
#[derive(Debug)]
pub struct Faults {
    chance: Chance,
    /// For faults of worlds with visitors, if this is one.
    visitors: Option<Chance>,
    /// For those of worlds with helpers.
    helpers: Option<Chance>,
    /// For those of worlds with hard luck.
    hard: Option<Chance>,
    level: Level,
    /// Faults have stopped for good.
    pub calm: bool,
    /// Only these may strike; none: any.
    only: Option<BTreeSet<u32>>,
    drawn: u32,
    /// What a script has put down.
    pub awaited: Vec<Awaited>,
    /// Records so far.
    pub records: u64,
    pub struck: Vec<Struck>,
}

impl Faults {
    pub fn new(seed: u64, level: Level, only: Option<BTreeSet<u32>>) -> Self {
        let mut visitors = Chance::new(seed, 3);
        let visited = visitors.one_in(VISITED) && level != Level::None;
        let visitors = visited.then_some(visitors);
        let mut helpers = Chance::new(seed, HELPERS_STREAM);
        let helped = helpers.one_in(HELPED) && level != Level::None;
        let helpers = helped.then_some(helpers);
        let mut hard = Chance::new(seed, HARD_STREAM);
        let hard = (hard.one_in(HARD) && level != Level::None).then_some(hard);
        Self { level, only, visitors, helpers, hard, chance: Chance::new(seed, 1), ..Self::none() }
    }

    /// Programs with hooks keep a status file as well.
    pub fn has_helpers(&self) -> bool {
        self.helpers.is_some() || self.awaited.iter().any(|awaited| awaited.fault.helps())
    }

    /// In this world things happen that do not in most.
    pub fn has_visitors(&self) -> bool {
        self.visitors.is_some()
    }

    /// In this world what is rare in most comes often.
    pub fn has_hard_luck(&self) -> bool {
        self.hard.is_some()
    }

    /// None but those that are awaited.
    pub fn none() -> Self {
        Self {
            chance: Chance::Still,
            visitors: None,
            helpers: None,
            hard: None,
            level: Level::None,
            calm: false,
            only: None,
            drawn: 0,
            awaited: Vec::new(),
            records: 0,
            struck: Vec::new(),
        }
    }

    /// Whether it goes wrong this time, which is `now`, and with this peer, if it is about one.
    pub fn strikes(&mut self, fault: Fault, peer: Option<&Identity>, now: u64) -> bool {
        let (light, heavy) = fault.one_in();
        let drawn = match self.level {
            Level::None => self.is_awaited(fault, peer, now),
            level => {
                let chance = match fault {
                    _ if fault.visits() => self.visitors.as_mut(),
                    _ if fault.helps() => self.helpers.as_mut(),
                    _ if fault.is_hard_luck() => self.hard.as_mut(),
                    _ => Some(&mut self.chance),
                };
                chance.is_some_and(|chance| chance.one_in(if level == Level::Light { light } else { heavy }))
            }
        };
        if !drawn || self.calm {
            return false;
        }
        let number = self.drawn;
        self.drawn += 1;
        let strikes = self.only.as_ref().is_none_or(|only| only.contains(&number));
        if strikes {
            self.struck.push(Struck { number, fault, before: self.records + 1 });
        }
        strikes
    }

    fn is_awaited(&mut self, fault: Fault, peer: Option<&Identity>, now: u64) -> bool {
        let awaited = self.awaited.iter_mut().find(|awaited| awaited.takes(fault, peer, now));
        awaited.is_some_and(|awaited| {
            awaited.struck += 1;
            true
        })
    }
}
