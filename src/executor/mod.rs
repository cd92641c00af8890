//! Hands: one arm per effect, decides nothing.
//!
//! Each generation of a peer has a lane of its own, in which its effects run in order; different lanes run side by
//! side. What comes of an effect is reported as a fact, and every report names the record that asked for it.

mod attach;
mod attention;
mod deliver;
mod end;
mod exit;
mod folder_watch;
mod hand;
mod interrupt;
mod lane;
mod last_words;
mod launch;
mod redraw;
pub mod report;
mod sight;
mod startup;
mod status_watch;
mod title_watch;
pub mod tmux;
mod transcript_watch;
mod tty;
mod voice;
mod watchers;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use tokio::runtime::Handle;

pub use attach::attach_command;
pub use hand::{Programs, Texts};
pub use startup::Found;
pub use voice::NotDurable;

use self::hand::Ground;
use self::lane::Lane;
use self::report::Reports;
use self::tmux::{Pane, Tmux, in_full};
use self::voice::Voice;
use crate::home::Home;
use crate::model::delivery::Proof;
use crate::model::effect::{Attention, Effect, SessionName, Task};
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Subject;
use crate::runtime::Runtimes;
use crate::shim::files::Terminal;

/// Performs effects in tmux, in tasks of the tokio runtime it was made in. May be used from any thread; nothing here
/// waits.
pub struct Executor {
    ground: Ground,
    runtimes: Arc<Runtimes>,
    reports: Reports,
    lanes: BTreeMap<SessionName, Lane>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("lanes", &self.lanes.keys()).finish_non_exhaustive()
    }
}

impl Executor {
    /// `texts` reads an accepted message's text out of the journal.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(home: Home, runtimes: Arc<Runtimes>, reports: Reports, texts: Texts) -> Self {
        Self::with_programs(Programs::default(), home, runtimes, reports, texts)
    }

    /// As [`Executor::new`], with programs of one's own choice.
    pub fn with_programs(
        programs: Programs,
        home: Home,
        runtimes: Arc<Runtimes>,
        reports: Reports,
        texts: Texts,
    ) -> Self {
        let Programs { tmux, dormouse, systemd_run } = programs;
        let tmux = Tmux::new(tmux, &home).scoped_by(systemd_run);
        Self {
            ground: Ground { home, tmux, dormouse, tasks: Handle::current(), texts, mcp_url: None },
            runtimes,
            reports,
            lanes: BTreeMap::new(),
        }
    }

    /// Where agents call the daemon by HTTP, for the sessions to come.
    #[must_use]
    pub fn at_url(mut self, mcp_url: String) -> Self {
        self.ground.mcp_url = Some(mcp_url);
        self
    }

    /// Runtimes read again. Sessions that live go on with what they were started with.
    pub fn set_runtimes(&mut self, runtimes: Arc<Runtimes>) {
        self.runtimes = runtimes;
    }

    pub fn tmux(&self) -> &Tmux {
        &self.ground.tmux
    }

    /// Sets the effects going, each in its lane. Returns at once.
    pub fn run(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            match effect.task {
                Task::CallAttention(attention) => self.call_attention(effect.cause, attention),
                _ => self.push(effect),
            }
        }
    }

    fn push(&mut self, effect: Effect) {
        let Some(name) = effect.task.session().cloned() else { return };
        let clears = matches!(effect.task, Task::ClearSession { .. });
        self.lane(&name).push(effect);
        if clears {
            // The lane does what it has been given, and ends: nothing more comes for a session that is forgotten.
            self.lanes.remove(&name);
        }
    }

    fn lane(&mut self, name: &SessionName) -> &Lane {
        match self.lanes.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let voice = Voice::new(self.reports.clone(), Subject::session(&name.peer, name.generation));
                let spec = self.runtimes.get(&name.peer.runtime);
                entry.insert(Lane::open(self.ground.clone(), name.clone(), spec, voice))
            }
        }
    }

    fn call_attention(&self, cause: Lsn, attention: Box<Attention>) {
        if attention.command.is_empty() {
            // Nobody asked to hear of it, so nothing is done and nothing is to be told.
            return;
        }
        let subject = Subject { peer: attention.peer.clone(), generation: None, message: attention.message };
        let voice = Voice::new(self.reports.clone(), subject).because(Some(cause).filter(|cause| *cause != Lsn::ZERO));
        self.ground.tasks.spawn(attention::call(attention, voice));
    }

    /// Says what the loop knows of a turn, to a delivery that waits for its end (C33a).
    pub fn tell_turn(&self, session: &SessionName, running: bool) {
        if let Some(lane) = self.lanes.get(session) {
            lane.tell(|told| told.turn_running = running);
        }
    }

    /// Says what the conversation of a session is called: what its program's record holds of others is none of its own.
    pub fn tell_conversation(&self, session: &SessionName, name: String) {
        if let Some(lane) = self.lanes.get(session) {
            lane.is_in(name);
        }
    }

    /// Says that something else than the lane has proven a message: a hook, an answer. A delivery of it ends at once.
    pub fn tell_proven(&self, session: &SessionName, message: MessageId, proof: Proof) {
        if let Some(lane) = self.lanes.get(session) {
            lane.tell(|told| told.proven = Some((message, proof)));
        }
    }

    /// Waits until every tmux client that an earlier daemon of this home started has ended, and returns how many there
    /// were. Only then does a look at the sessions see what they have done (C16).
    ///
    /// # Errors
    ///
    /// The folder of their locks cannot be read.
    pub async fn wait_for_clients(&self) -> std::io::Result<u32> {
        let clients = self.ground.home.clients();
        let waited = self.ground.tasks.spawn_blocking(move || tmux::wait_for_clients(&clients)).await;
        waited.map_err(std::io::Error::other)?
    }

    /// Looks at the sessions a start finds in its state (C60).
    pub fn survey(&self, names: &[SessionName]) -> Vec<Found> {
        startup::survey(&self.ground.home, names)
    }

    /// Watches a live session that an earlier daemon started. `known` is what its terminal was when it was found: what
    /// its program said since is told.
    pub fn adopt(&mut self, name: &SessionName, known: Terminal) {
        self.lane(name).adopt(known);
    }

    /// Ends what is on disk and not among `known`, each with a report (C60).
    pub async fn end_orphans(&self, known: &[SessionName]) {
        startup::end_orphans(&self.ground, known, &self.reports).await;
    }

    /// Drops all work and every watch without a word; sessions live on (C63).
    pub fn cancel_all(&mut self) {
        for lane in std::mem::take(&mut self.lanes).into_values() {
            lane.drop_work();
        }
    }

    /// The visible screen of a session, or why it cannot be had. The future borrows nothing.
    pub fn peek(&self, name: &SessionName) -> impl Future<Output = Result<String, String>> + Send + use<> {
        let server = self.ground.tmux.server(self.ground.home.tmux_socket(name));
        let target = format!("={}:", name.peer);
        async move {
            let looked = async { Pane::find(server, &target).await?.look().await };
            looked.await.map(|look| look.screen).map_err(|error| in_full(&error))
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.cancel_all();
    }
}
