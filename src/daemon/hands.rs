//! The executor's task: orders of the loop in, reports of the world out.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::spools;
use crate::executor::Executor;
use crate::journal::Committed;
use crate::model::effect::{Attention, Effect, SessionName, Task};
use crate::model::id::Lsn;
use crate::runtime::Runtimes;
use crate::shim::files::Terminal;

/// What the loop asks of the executor. One task has it, so that the loop never waits for the world.
#[derive(Debug)]
pub(super) enum Order {
    Run(Committed<Vec<Effect>>),
    /// Sessions that a start has found alive, with their terminals as it found them, and all that it knows of: anything
    /// else on disk is an orphan (C60).
    Adopt {
        alive: Vec<(Terminal, SessionName)>,
        known: Vec<SessionName>,
    },
    Peek {
        session: SessionName,
        answer: oneshot::Sender<Result<String, String>>,
    },
    Runtimes(Arc<Runtimes>),
    /// What was proven or is running by other means than the executor's own eyes.
    Tell(Told),
    /// The journal cannot be written: all work is dropped, sessions live on (C63).
    CancelAll,
    /// The one thing that is done without a durable cause: saying that there can be none, or soon will be (C63).
    SayOfJournal(Box<Attention>),
}

/// What the loop knows and a lane cannot see by itself.
#[derive(Debug)]
pub(super) enum Told {
    Turn {
        session: SessionName,
        running: bool,
    },
    /// What its conversation is called, whoever has said so.
    Conversation {
        session: SessionName,
        name: String,
    },
    Proven {
        session: SessionName,
        message: crate::model::id::MessageId,
        proof: crate::model::delivery::Proof,
    },
}

pub(super) type Orders = mpsc::UnboundedSender<Order>;

/// Carries out orders until the loop ends.
pub(super) async fn work(mut executor: Executor, mut orders: mpsc::UnboundedReceiver<Order>, spools: spools::Watch) {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Run(effects) => executor.run(effects.into_inner()),
            Order::Adopt { alive, known } => {
                for (terminal, session) in alive {
                    executor.adopt(&session, terminal);
                    spools.follow(&session);
                }
                executor.end_orphans(&known).await;
            }
            Order::Peek { session, answer } => {
                let screen = executor.peek(&session);
                tokio::spawn(async move {
                    // Who asked may have gone.
                    let _ = answer.send(screen.await);
                });
            }
            Order::Runtimes(runtimes) => executor.set_runtimes(runtimes),
            Order::Tell(Told::Turn { session, running }) => executor.tell_turn(&session, running),
            Order::Tell(Told::Conversation { session, name }) => executor.tell_conversation(&session, name),
            Order::Tell(Told::Proven { session, message, proof }) => executor.tell_proven(&session, message, proof),
            Order::CancelAll => executor.cancel_all(),
            Order::SayOfJournal(attention) => {
                let task = Task::CallAttention(attention);
                executor.run([Effect { cause: Lsn::ZERO, task }]);
            }
        }
    }
}
