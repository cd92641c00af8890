//! Deliberate bugs, to find out whether the simulator would have found them.
//!
//! Without the feature `deliberate-bugs` every question here is answered `false` at compile time and nothing of it is in
//! the program. With it one bug can be switched on for the running thread. A bug sits at one place in the product, where
//! the question is asked; the table says what it breaks.

// A program that breaks its own promises must never reach a user: this stops a release build that has them.
#[cfg(all(feature = "deliberate-bugs", not(debug_assertions)))]
compile_error!("`deliberate-bugs` is for tests in debug builds alone: build without it");

/// The table. `in NUMBER` is the count of worlds, from seed 0 on and with heavy faults, within which it must be caught.
///
/// `$with` is called with every row: here to make [`Bug`], in the tests to make one test of each.
#[macro_export]
macro_rules! each_deliberate_bug {
    ($with:ident) => {
        $with! {
            // The journal.
            sync_skipped SyncSkipped "C7" in 10, "a batch is called durable once it is written";
            failed_sync_counts FailedSyncCounts "I9" in 10, "a sync that failed is taken for one that did its work";
            failed_batch_acknowledged FailedBatchAcknowledged "C63" in 10, "what could not be written is answered with yes";
            name_not_synced NameNotSynced "C7" in 10, "a new segment's name is left to the cache";
            chain_forgotten ChainForgotten "I4" in 90, "a seal chains to none of those before it";
            groups_torn_apart GroupsTornApart "I8" in 60, "each record of a group stands for itself";
            open_group_folded OpenGroupFolded "I8" in 60, "a start folds a group of which records are missing";
            snapshot_without_keys SnapshotWithoutKeys "I3" in 10, "a snapshot leaves out the senders' own ids";
            // The turn.
            effect_first EffectFirst "I1" in 10, "effects are run before their records are durable";
            reconciliation_skipped ReconciliationSkipped "C60" in 10, "a start looks at no session";
            spool_lost SpoolLost "C61a" in 10, "what was said while no daemon listened is thrown away";
            not_known_is_gone NotKnownIsGone "C43" in 10, "a session that nobody could tell of is called gone";
            // The fold.
            look_never_ends LookNeverEnds "C60" in 40, "a look that died with its daemon is waited for";
            boot_not_taken_up BootNotTakenUp "C60" in 40, "a boot that began under the daemon before is not watched";
            delivered_again DeliveredAgain "C34" in 10, "after a restart a delivery in doubt is typed again";
            queue_out_of_order QueueOutOfOrder "C9" in 10, "what goes back into a queue goes to its end";
            id_forgotten IdForgotten "C8" in 10, "a sender's own id is not remembered";
            ready_takes_a_task ReadyTakesATask "C41" in 10, "whatever session is ready, the queue's head has had its turn";
            kill_failure_ignored KillFailureIgnored "C49" in 40, "a kill that failed is not asked for again";
            ends_the_wrong_generation EndsTheWrongGeneration "C52a" in 10, "a kill goes to another generation's lane";
            idle_unheard IdleUnheard "C46b" in 40, "a program's own word that it does nothing is passed over";
            death_not_counted DeathNotCounted "C48" in 10, "the crash-loop guard hears of no death";
            park_lost ParkLost "C17" in 40, "a session that never was ready keeps the conversation that it was to resume";
            // The rules.
            armed_by_anybody ArmedByAnybody "C36" in 40, "a word from a session that is gone arms the next one";
            failed_look_reaps FailedLookReaps "C43" in 20, "a look that could not see is taken for one that saw nothing";
            reaped_in_its_turn ReapedInItsTurn "C46" in 10, "a turn that runs is taken for silence";
            quiet_not_awaited QuietNotAwaited "C37" in 10, "a worker that has answered is reaped at once";
            sleep_counts SleepCounts "C50a" in 10, "limits count the time that the machine slept";
            typed_is_proven TypedIsProven "C14" in 10, "what was typed is called delivered";
            duplicate_not_marked DuplicateNotMarked "C34" in 10, "what is given again does not say so";
            dead_task_is_done DeadTaskIsDone "C41a" in 10, "a task whose session died is called done";
            no_reply_untold NoReplyUntold "C13" in 40, "who waits for a reply of a session that has ended is left waiting";
            worker_not_drained WorkerNotDrained "C40" in 10, "a worker's second task waits for ever";
            stop_ignored StopIgnored "C52" in 20, "a stopped peer is woken";
            managed_is_woken ManagedIsWoken "C5" in 10, "a peer that something else keeps alive is woken";
            too_many_boots TooManyBoots "C20" in 10, "sessions boot side by side without a limit";
        }
    };
}

macro_rules! bugs {
    ($($test:ident $name:ident $rule:literal in $seeds:literal, $does:literal;)*) => {
        /// A bug that can be switched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $(#[doc = $does] $name),* }

        impl Bug {
            pub const ALL: &[Bug] = &[$(Bug::$name),*];

            /// The bug of this name.
            pub fn of(word: &str) -> Option<Bug> {
                Self::ALL.iter().copied().find(|bug| bug.row().word == word)
            }

            /// Its row of the table.
            pub fn row(self) -> Row {
                match self {
                    $(Bug::$name => Row { word: stringify!($test), rule: $rule, seeds: $seeds, does: $does },)*
                }
            }
        }
    };
}

each_deliberate_bug!(bugs);

/// What the table says of a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub word: &'static str,
    /// The promise it breaks.
    pub rule: &'static str,
    /// Worlds within which it must be caught.
    pub seeds: u64,
    pub does: &'static str,
}

/// Whether the product is to do wrong here.
#[cfg(not(feature = "deliberate-bugs"))]
#[inline(always)]
pub const fn bug(_: Bug) -> bool {
    false
}

#[cfg(feature = "deliberate-bugs")]
pub use switched::{bug, switch};

#[cfg(feature = "deliberate-bugs")]
mod switched {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether the product is to do wrong here.
    pub fn bug(here: Bug) -> bool {
        ON.get() == Some(here)
    }

    /// From here on this thread has that bug, or none.
    pub fn switch(to: Option<Bug>) {
        ON.set(to);
    }
}
