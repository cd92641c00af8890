//! The one table of all settings: what `config.toml`, `DORMOUSE_<NAME>` and `dormouse config` know.

use crate::model::settings::Settings;

use super::quantity::{QuantityError, duration_text, parse_duration, parse_size, size_text};

const DAY_MS: u64 = 86_400_000;
/// Longer than any limit makes sense, and far from where sums of times could overflow.
const DURATION_MS_MAX: u64 = 3_650 * DAY_MS;
const SIZE_BYTES_MAX: u64 = 1 << 40;

/// One setting, of those in `S`.
#[derive(Debug)]
pub struct Row<S: 'static = Settings> {
    /// As it is written in `config.toml`.
    pub name: &'static str,
    /// One line, as `dormouse config` shows it.
    pub doc: &'static str,
    min: u64,
    max: u64,
    slot: fn(&mut S) -> Slot<'_>,
}

/// What only the daemon's process needs: no rule looks at it, so it is in no journal. Read at the daemon's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// `mcp_port`; 0: chosen once by the system, and kept.
    pub mcp_port: u16,
}

/// Where a setting's value lives, and in what unit.
enum Slot<'a> {
    Duration(&'a mut u64),
    Size(&'a mut u64),
    SmallSize(&'a mut u32),
    Count(&'a mut u32),
    Port(&'a mut u16),
    Argv(&'a mut Vec<String>),
}

/// A value as it was given, before anything is known of the setting it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    Text(String),
    Number(i64),
    List(Vec<String>),
}

/// Why a value does not fit its setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    #[error("expected {expected}, found {found}")]
    Shape { expected: &'static str, found: String },
    #[error("expected {min} to {max}, found {found}")]
    Range { min: String, max: String, found: String },
    #[error("expected a program, found an empty one")]
    NoProgram,
}

macro_rules! row {
    ($name:literal, $slot:ident($field:ident), $min:expr, $max:expr, $doc:literal) => {
        Row { name: $name, doc: $doc, min: $min, max: $max, slot: |settings| Slot::$slot(&mut settings.$field) }
    };
}

/// Every setting, in the order they are shown.
pub const ROWS: &[Row] = &[
    row!("idle", Duration(idle_ms), 1, DURATION_MS_MAX, "silence after which a session is parked"),
    row!(
        "ephemeral_quiet",
        Duration(ephemeral_quiet_ms),
        0,
        DURATION_MS_MAX,
        "quiet after which a worker that has answered is ended"
    ),
    row!(
        "ephemeral_unarmed_idle",
        Duration(ephemeral_unarmed_idle_ms),
        1,
        DURATION_MS_MAX,
        "silence after which a worker that never answered is ended"
    ),
    row!(
        "boot_deadline",
        Duration(boot_deadline_ms),
        1,
        DURATION_MS_MAX,
        "from a session's start until its input box must be there"
    ),
    row!(
        "ready_deadline",
        Duration(ready_deadline_ms),
        1,
        DURATION_MS_MAX,
        "from a message's submit until its proof must be there"
    ),
    row!(
        "crashloop_deaths_max",
        Count(crashloop_deaths_max),
        1,
        1_000,
        "deaths within the window that quarantine a peer"
    ),
    row!("crashloop_window", Duration(crashloop_window_ms), 1, DURATION_MS_MAX, "how long a death counts"),
    row!("boots_max", Count(boots_max), 1, 32, "sessions that may boot side by side"),
    row!(
        "unfinished_retries",
        Count(unfinished_retries),
        0,
        1_000,
        "times a task is given again after its session died"
    ),
    row!("id_memory", Duration(id_memory_ms), 0, DURATION_MS_MAX, "how long the key of `send --id` is remembered"),
    row!("queue_max", Count(queue_max), 1, 10_000_000, "messages that may wait for one identity"),
    row!("message_bytes_max", SmallSize(message_bytes_max), 1, 1 << 30, "longest message"),
    row!("attempts_max", Count(attempts_max), 1, 1_000, "failed deliveries after which a message is dead"),
    row!(
        "retry_delay",
        Duration(retry_delay_ms),
        1,
        DURATION_MS_MAX,
        "wait before the second attempt; doubles up to a minute"
    ),
    row!(
        "human_typing_hold",
        Duration(human_typing_hold_ms),
        0,
        DURATION_MS_MAX,
        "wait for a person's unsent text before saying so"
    ),
    row!("segment_bytes", Size(segment_bytes), 64 << 10, SIZE_BYTES_MAX, "size of a journal segment"),
    row!("retain_bytes", Size(retain_bytes), 0, SIZE_BYTES_MAX, "journal kept, by size; 0: for ever"),
    row!("retain_age", Duration(retain_age_ms), 0, DURATION_MS_MAX, "journal kept, by age; 0: for ever"),
    row!(
        "on_attention",
        Argv(on_attention),
        0,
        0,
        "program, or program and arguments, told on standard input when a person is needed"
    ),
];

/// Those of [`Local`], shown behind the others.
pub const LOCAL_ROWS: &[Row<Local>] = &[row!(
    "mcp_port",
    Port(mcp_port),
    0,
    65_535,
    "port on 127.0.0.1 where agents call by HTTP; 0: chosen once and kept"
)];

/// The setting called `name`, of those that enter the journal.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

impl<S: Clone + Default> Row<S> {
    /// The environment variable that overrides it.
    pub fn variable(&self) -> String {
        format!("DORMOUSE_{}", self.name.to_ascii_uppercase())
    }

    /// Its value as it could be written in `config.toml`, without quotes.
    pub fn get(&self, settings: &S) -> String {
        // One accessor serves both ways, so that reading and writing cannot name different fields.
        let mut settings = settings.clone();
        match (self.slot)(&mut settings) {
            Slot::Argv(argv) if argv.is_empty() => "none".to_owned(),
            Slot::Argv(argv) => format!("{argv:?}"),
            slot => slot.number_text(slot.number()),
        }
    }

    /// Its default, as [`Row::get`] would show it.
    pub fn default_text(&self) -> String {
        self.get(&S::default())
    }

    /// Gives `settings` the value that it has in `from`.
    pub fn carry(&self, from: &S, settings: &mut S) {
        let mut from = from.clone();
        match ((self.slot)(&mut from), (self.slot)(settings)) {
            (Slot::Argv(from), Slot::Argv(argv)) => argv.clone_from(from),
            (from, slot) => slot.store(from.number()),
        }
    }

    /// Puts `given` into `settings`.
    ///
    /// # Errors
    ///
    /// What was expected instead; `settings` is then unchanged.
    pub fn set(&self, settings: &mut S, given: &Given) -> Result<(), ValueError> {
        let slot = (self.slot)(settings);
        if let Slot::Argv(argv) = slot {
            *argv = parse_argv(given)?;
            return Ok(());
        }
        let number = slot.parse(given)?;
        if !(self.min..=self.max).contains(&number) {
            let [min, max, found] = [self.min, self.max, number].map(|n| slot.number_text(n));
            return Err(ValueError::Range { min, max, found });
        }
        slot.store(number);
        Ok(())
    }
}

impl Slot<'_> {
    fn number(&self) -> u64 {
        match self {
            Slot::Duration(n) | Slot::Size(n) => **n,
            Slot::SmallSize(n) | Slot::Count(n) => u64::from(**n),
            Slot::Port(n) => u64::from(**n),
            Slot::Argv(_) => 0,
        }
    }

    fn number_text(&self, number: u64) -> String {
        match self {
            Slot::Duration(_) => duration_text(number),
            Slot::Size(_) | Slot::SmallSize(_) => size_text(number),
            Slot::Count(_) | Slot::Port(_) | Slot::Argv(_) => number.to_string(),
        }
    }

    fn parse(&self, given: &Given) -> Result<u64, ValueError> {
        let expected = match self {
            Slot::Duration(_) => "a duration with its unit, such as \"20s\"",
            Slot::Size(_) | Slot::SmallSize(_) => "a size with its unit, such as \"64MiB\"",
            Slot::Count(_) | Slot::Port(_) | Slot::Argv(_) => "a whole number",
        };
        let shape = || ValueError::Shape { expected, found: given.describe() };
        match (self, given) {
            (Slot::Count(_) | Slot::Port(_), Given::Number(n)) => u64::try_from(*n).map_err(|_| shape()),
            (Slot::Count(_) | Slot::Port(_), Given::Text(text)) => text.trim().parse().map_err(|_| shape()),
            // Zero is the same in every unit.
            (_, Given::Number(0)) => Ok(0),
            (Slot::Duration(_), Given::Text(text)) => Ok(parse_duration(text)?),
            (Slot::Size(_) | Slot::SmallSize(_), Given::Text(text)) => Ok(parse_size(text)?),
            _ => Err(shape()),
        }
    }

    /// `number` is within the row's bounds, which fit the slot.
    fn store(self, number: u64) {
        let small = u32::try_from(number).unwrap_or(u32::MAX);
        match self {
            Slot::Duration(n) | Slot::Size(n) => *n = number,
            Slot::SmallSize(n) | Slot::Count(n) => *n = small,
            Slot::Port(n) => *n = u16::try_from(number).unwrap_or(u16::MAX),
            Slot::Argv(_) => {}
        }
    }
}

impl Given {
    fn describe(&self) -> String {
        match self {
            Given::Text(text) => format!("\"{text}\""),
            Given::Number(number) => number.to_string(),
            Given::List(list) => format!("{list:?}"),
        }
    }
}

/// A text is one program without arguments: no shell ever parses it.
fn parse_argv(given: &Given) -> Result<Vec<String>, ValueError> {
    match given {
        Given::Text(text) if text.is_empty() => Ok(Vec::new()),
        Given::Text(text) => Ok(vec![text.clone()]),
        Given::List(list) if list.first().is_some_and(String::is_empty) => Err(ValueError::NoProgram),
        Given::List(list) => Ok(list.clone()),
        Given::Number(_) => Err(ValueError::Shape {
            expected: "a program, or an array of program and arguments",
            found: given.describe(),
        }),
    }
}
