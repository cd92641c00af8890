//! Everything that can stand in the journal: facts (what happened or was asked) and decisions (what we concluded).
//!
//! The table at the end is the frozen registry: a kind's number and name never change their meaning, and kinds are
//! only added. Payload structs are frozen too, for a payload is positional: a change is a new kind, or a new schema of
//! the kind, and then its row says so:
//!
//! ```text
//! 3 SettingsChanged "settings_changed" schema 2 { 1: SettingsChangedV1 }
//! ```
//!
//! The struct as it was stays beside the new one for ever, with `From<SettingsChangedV1> for SettingsChanged`. What is
//! read is always the newest, and so is what is written.
//!
//! A record is as long as its longest payload, and every one is moved several times on its way from the disk: what is much
//! longer than the others stands `in Box`.

mod daemon;
mod history;
mod message;
mod peer;
mod session;
mod verb;

pub use daemon::*;
pub use history::*;
pub use message::*;
pub use peer::*;
pub use session::*;
pub use verb::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whether a record says what happened or what we concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Fact,
    Decision,
}

/// A row of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub number: u16,
    pub name: &'static str,
    pub class: Class,
    /// Revision of the payload that is written; every one from 1 on can be read.
    pub schema: u8,
}

/// Encodes one payload; the journal and the JSON view each have their own.
pub trait WritePayload {
    type Output;
    fn write<T: Serialize>(self, payload: &T) -> Self::Output;
}

/// Decodes one payload, as [`WritePayload`] encoded it.
pub trait ReadPayload {
    type Error;
    fn read<T: DeserializeOwned>(self) -> Result<T, Self::Error>;
}

/// The schema of a row, 1 unless it says another.
macro_rules! newest {
    () => {
        1
    };
    ($schema:literal) => {
        $schema
    };
}

/// How a variant holds its payload.
macro_rules! held {
    ($payload:ident) => {
        $payload
    };
    ($payload:ident $holder:ident) => {
        $holder<$payload>
    };
}

/// Decodes the payload of one kind, whichever of its schemas it has.
macro_rules! read {
    ($decoder:ident $found:ident $payload:ident $($schema:literal { $($old:literal $was:ident)* })?) => {{
        const NEWEST: u8 = newest!($($schema)?);
        match $found {
            NEWEST => Some($decoder.read::<$payload>().map(Event::from)),
            $($($old => Some($decoder.read::<$was>().map(|old| Event::from($payload::from(old)))),)*)?
            _ => None,
        }
    }};
}

macro_rules! registry {
    (facts { $($fact_number:literal $fact:ident $fact_name:literal $(in $fact_holder:ident)?
        $(schema $fact_schema:literal { $($fact_old:literal : $fact_was:ident),* })?)* }
     decisions { $($decision_number:literal $decision:ident $decision_name:literal $(in $decision_holder:ident)?
        $(schema $decision_schema:literal { $($decision_old:literal : $decision_was:ident),* })?)* }) => {
        /// What happened or was asked.
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Fact { $($fact(held!($fact $($fact_holder)?))),* }

        /// What we concluded.
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Decision { $($decision(held!($decision $($decision_holder)?))),* }

        $(impl From<$fact> for Event {
            fn from(payload: $fact) -> Self { Event::Fact(Fact::$fact(payload.into())) }
        })*
        $(impl From<$decision> for Event {
            fn from(payload: $decision) -> Self { Event::Decision(Decision::$decision(payload.into())) }
        })*

        /// Every kind, by number.
        pub const KINDS: &[Kind] = &[
            $(Kind {
                number: $fact_number,
                name: $fact_name,
                class: Class::Fact,
                schema: newest!($($fact_schema)?),
            },)*
            $(Kind {
                number: $decision_number,
                name: $decision_name,
                class: Class::Decision,
                schema: newest!($($decision_schema)?),
            },)*
        ];

        impl Event {
            /// This event's row of the registry.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Event::Fact(Fact::$fact(_)) => Kind {
                        number: $fact_number,
                        name: $fact_name,
                        class: Class::Fact,
                        schema: newest!($($fact_schema)?),
                    },)*
                    $(Event::Decision(Decision::$decision(_)) => Kind {
                        number: $decision_number,
                        name: $decision_name,
                        class: Class::Decision,
                        schema: newest!($($decision_schema)?),
                    },)*
                }
            }

            /// Hands the payload to `encoder`.
            pub fn write<W: WritePayload>(&self, encoder: W) -> W::Output {
                match self {
                    $(Event::Fact(Fact::$fact(payload)) => encoder.write(payload),)*
                    $(Event::Decision(Decision::$decision(payload)) => encoder.write(payload),)*
                }
            }

            /// Reads the payload of kind `number` and makes the newest of it; none if this build does not know the
            /// kind, or not in this schema.
            pub fn read<R: ReadPayload>(number: u16, schema: u8, decoder: R) -> Option<Result<Event, R::Error>> {
                match number {
                    $($fact_number => read!(decoder schema $fact $($fact_schema { $($fact_old $fact_was)* })?),)*
                    $($decision_number =>
                        read!(decoder schema $decision $($decision_schema { $($decision_old $decision_was)* })?),)*
                    _ => None,
                }
            }
        }
    };
}

/// A fact or a decision.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Event {
    Fact(Fact),
    Decision(Decision),
}

registry! {
    facts {
        1 DaemonStarted "daemon_started"
        2 DaemonStopped "daemon_stopped"
        3 SettingsChanged "settings_changed" in Box schema 2 { 1: SettingsChangedV1 }
        4 SettingsUnreadable "settings_unreadable"
        5 RuntimesChanged "runtimes_changed"
        6 DeadlinePassed "deadline_passed"
        7 AttentionCalled "attention_called"
        8 DaemonReady "daemon_ready"
        9 SnapshotTaken "snapshot_taken"
        10 HistoryRemoved "history_removed"
        11 RecordLost "record_lost"
        12 CallRefused "call_refused"
        20 PeerRegistered "peer_registered" in Box
        21 RemoveRequested "remove_requested"
        22 ProfileChanged "profile_changed" in Box
        23 ProfileUnreadable "profile_unreadable"
        24 RequestRefused "request_refused"
        25 StopRequested "stop_requested"
        26 StartRequested "start_requested"
        27 NewRequested "new_requested"
        28 RefreshRequested "refresh_requested"
        29 AttachRequested "attach_requested"
        30 RunRequested "run_requested"
        31 DoneCalled "done_called"
        32 FreshCalled "fresh_called"
        33 InterruptRequested "interrupt_requested"
        34 CompactRequested "compact_requested"
        40 MessageAccepted "message_accepted" in Box schema 2 { 1: MessageAcceptedV1 }
        41 MessageRefused "message_refused" in Box
        42 CancelRequested "cancel_requested"
        43 RetryRequested "retry_requested"
        44 DeliveryWaiting "delivery_waiting"
        45 DeliveryBegun "delivery_begun"
        46 DeliveryEnded "delivery_ended"
        47 DeliverySettled "delivery_settled"
        60 SessionStarted "session_started"
        61 LaunchFailed "launch_failed"
        62 DialogAnswered "dialog_answered"
        63 BoxOpened "box_opened"
        64 TurnObserved "turn_observed"
        65 SessionLooked "session_looked"
        66 SessionNotKnown "session_not_known"
        67 SessionGone "session_gone"
        68 SessionAdopted "session_adopted"
        69 OrphanEnded "orphan_ended"
        70 KillFailed "kill_failed"
        71 PromptTaken "prompt_taken"
        72 ConversationNamed "conversation_named"
        75 VerbWaiting "verb_waiting"
        76 VerbEnded "verb_ended"
    }
    decisions {
        1001 WakeDecided "wake_decided" in Box
        1002 WakeRefused "wake_refused"
        1003 SessionReady "session_ready"
        1004 WakeFailed "wake_failed"
        1005 BootSlotReleased "boot_slot_released"
        1010 DeliveryDecided "delivery_decided"
        1011 Delivered "delivered"
        1012 DeliveryFailed "delivery_failed"
        1013 MessageDead "message_dead"
        1014 MessageCancelled "message_cancelled"
        1015 MessageRequeued "message_requeued"
        1016 TaskDone "task_done"
        1017 ReportMade "report_made" in Box
        1018 AnswerKept "answer_kept"
        1020 Armed "armed"
        1021 TurnJudged "turn_judged"
        1022 LookDecided "look_decided"
        1023 Reaped "reaped"
        1024 Kept "kept"
        1025 Drained "drained"
        1026 Parked "parked"
        1027 SessionDied "session_died"
        1028 SessionFinished "session_finished"
        1029 SessionEnded "session_ended"
        1030 Quarantined "quarantined"
        1031 QuarantineLifted "quarantine_lifted"
        1032 KillRepeated "kill_repeated"
        1040 StopSet "stop_set"
        1041 StopCleared "stop_cleared"
        1042 RefreshMarked "refresh_marked"
        1043 PeerForgotten "peer_forgotten"
        1044 VerbDecided "verb_decided"
        1045 VerbGivenUp "verb_given_up"
    }
}

/// The place in [`KINDS`] of each number, and for those that no kind has, one behind it: whoever goes through a history asks
/// for every record, and a search takes as long as its checksum.
static PLACES: [u8; 1 + KINDS[KINDS.len() - 1].number as usize] = {
    let mut places = [KINDS.len() as u8; _];
    let mut place = 0;
    while place < KINDS.len() {
        places[KINDS[place].number as usize] = place as u8;
        place += 1;
    }
    places
};

/// Where in [`KINDS`] the kind `number` stands; none if this build does not know it.
pub fn place_of(number: u16) -> Option<usize> {
    PLACES.get(usize::from(number)).map(|place| usize::from(*place)).filter(|place| *place < KINDS.len())
}

// Below the macro it is made with.
#[cfg(test)]
pub(crate) mod evolved;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_of_kinds_are_unique() {
        let numbers: BTreeSet<_> = KINDS.iter().map(|kind| kind.number).collect();
        let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!((numbers.len(), names.len()), (KINDS.len(), KINDS.len()));
    }
}
