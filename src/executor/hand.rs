//! One session as a lane holds it: its names, its files, its runtime, its pane.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, watch};

use super::tmux::{Pane, Server, Tmux, TmuxError, in_full, scopes_needed};
use super::voice::Voice;
use crate::home::{Home, SessionFiles};
use crate::model::delivery::{Proof, RecordMark};
use crate::model::effect::SessionName;
use crate::model::event::{ConversationNamed, SessionNotKnown};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::TextPrint;
use crate::model::profile::Managed;
use crate::model::session::Source;
use crate::runtime::placeholders::Values;
use crate::runtime::spec::Spec;
use crate::shim::files::{self, Born, FileError, Launch, Terminal};

/// Reads an accepted message's text out of the journal; an error says why it cannot.
pub type Texts = Arc<dyn Fn(Lsn) -> Result<String, String> + Send + Sync>;

/// Programs the executor starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// A path, or a name to be found in `PATH`: the daemon takes the one its own environment finds.
    pub tmux: PathBuf,
    /// This very program, for a session's own process and its watcher.
    pub dormouse: PathBuf,
    /// What puts a session into a control group of its own; none: it lives in this process's.
    pub systemd_run: Option<PathBuf>,
}

impl Default for Programs {
    fn default() -> Self {
        // Where the kernel cannot say which file this process came from, it can still start it again.
        let dormouse = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
        Self { tmux: PathBuf::from("tmux"), dormouse, systemd_run: scopes_needed() }
    }
}

/// What all lanes share.
#[derive(Clone)]
pub(super) struct Ground {
    pub home: Home,
    pub tmux: Tmux,
    pub dormouse: PathBuf,
    /// Where lanes and watchers run, whichever thread asks for them.
    pub tasks: tokio::runtime::Handle,
    pub texts: Texts,
    /// Where agents call the daemon by HTTP.
    pub mcp_url: Option<String>,
}

/// What the loop knows and a lane cannot see by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The latest of what deliveries were given and what was told since.
    pub turn_running: bool,
    /// Proven by something that does not pass through the lane: a hook, an answer.
    pub proven: Option<(MessageId, Proof)>,
}

/// What is left of a delivery when its lane is cut.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub voice: Voice,
    pub attempt: u32,
    pub started: tokio::time::Instant,
    pub typed: bool,
    pub record: Option<RecordMark>,
    pub first_line: String,
    /// Of the whole, as the program will have it; none before it is composed.
    pub print: Option<TextPrint>,
}

/// One session in hand.
pub(super) struct Hand {
    pub ground: Ground,
    pub name: SessionName,
    pub files: SessionFiles,
    /// None: no runtime of this name is known (any more).
    pub spec: Option<Arc<Spec>>,
    pub voice: Voice,
    pub told: watch::Receiver<Told>,
    /// Held from a paste to its submit, so that no other key comes in between (C27).
    pub typing: tokio::sync::Mutex<()>,
    server: Server,
    pane: OnceCell<Pane>,
    in_flight: Mutex<Option<InFlight>>,
    /// What its conversation is called, by what its record or somebody else last said.
    conversation: Mutex<Option<String>>,
    /// Its status file has told something.
    status: AtomicBool,
    /// Its program runs, and its box has not been seen open.
    booting: AtomicBool,
    /// What our own unsubmitted paste looks like in the box.
    residue: Mutex<Option<String>>,
    /// The size of its pane that it was last told of again.
    size_told: Mutex<Option<(u32, u32)>>,
}

impl Hand {
    pub fn new(
        ground: Ground,
        name: SessionName,
        spec: Option<Arc<Spec>>,
        voice: Voice,
        told: watch::Receiver<Told>,
    ) -> Self {
        let files = ground.home.session(&name);
        let server = ground.tmux.server(ground.home.tmux_socket(&name));
        Self {
            ground,
            server,
            name,
            files,
            spec,
            voice,
            told,
            typing: tokio::sync::Mutex::default(),
            pane: OnceCell::new(),
            in_flight: Mutex::default(),
            conversation: Mutex::default(),
            status: AtomicBool::new(false),
            booting: AtomicBool::new(false),
            residue: Mutex::default(),
            size_told: Mutex::default(),
        }
    }

    pub fn server(&self) -> Server {
        self.server.clone()
    }

    /// The pane. Our own is asked for once; somebody else's may be another one next time.
    pub async fn pane(&self, managed: Option<&Managed>) -> Result<Pane, TmuxError> {
        match managed {
            Some(managed) => Pane::find(self.ground.tmux.server(managed.socket.clone()), &managed.target).await,
            None => {
                let find = async || Pane::find(self.server(), &format!("={}:", self.name.peer)).await;
                self.pane.get_or_try_init(find).await.cloned()
            }
        }
    }

    /// The pane as the launch saw it: no need to ask for it again.
    pub fn pane_is(&self, pane: Pane) {
        // Set already: it is the same one.
        let _ = self.pane.set(pane);
    }

    /// What the program last said to its terminal; nothing yet is the default.
    ///
    /// # Errors
    ///
    /// Nobody can say (C43).
    pub fn terminal(&self) -> Result<Terminal, FileError> {
        Ok(files::read(&self.files.terminal())?.unwrap_or_default())
    }

    /// None: its process has not started the program yet.
    pub fn born(&self) -> Result<Option<Born>, FileError> {
        files::read(&self.files.born())
    }

    /// What a runtime's file may name, for this session.
    ///
    /// # Errors
    ///
    /// The session's own files cannot be read.
    pub async fn values(&self, managed: Option<&Managed>) -> Result<Values, String> {
        let (cwd, conversation) = match managed {
            Some(_) => {
                let path = async { self.pane(managed).await?.current_path().await };
                (path.await.map_err(|error| in_full(&error))?, String::new())
            }
            None => {
                let launch: Option<Launch> = files::read(&self.files.launch()).map_err(|error| in_full(&error))?;
                let launch = launch.ok_or_else(|| format!("{} is not there", self.files.launch().display()))?;
                // A person may have begun another one since (`/clear`), and its record is another file.
                (launch.folder, self.conversation().or(launch.resume_ref).unwrap_or_default())
            }
        };
        Ok(values(&self.ground, &self.name, cwd, conversation))
    }

    /// Its record says what its conversation is called; told when it says something new.
    pub fn knows_conversation(&self, name: Option<String>) {
        let Some(resume_ref) = name else { return };
        let mut known = self.conversation.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(&resume_ref) {
            *known = Some(resume_ref.clone());
            self.voice.say(ConversationNamed { resume_ref, source: Source::Transcript });
        }
    }

    /// What its conversation is called, as somebody else has told.
    pub fn is_in(&self, conversation: String) {
        *self.conversation.lock().unwrap_or_else(PoisonError::into_inner) = Some(conversation);
    }

    /// As far as it is known.
    pub fn conversation(&self) -> Option<String> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that its turns may go unheard: a source of them is out of sight.
    pub fn cannot_watch(&self, source: &str, error: &impl std::fmt::Display) {
        let why = format!("its {source} cannot be watched: {error}");
        self.voice.say(SessionNotKnown { question: "what its turns do".to_owned(), why });
    }

    pub fn status_was_read(&self) {
        self.status.store(true, Ordering::Relaxed);
    }

    /// There is a status file, and it can be read.
    pub fn has_status(&self) -> bool {
        self.status.load(Ordering::Relaxed)
    }

    pub fn boots(&self, booting: bool) {
        self.booting.store(booting, Ordering::Relaxed);
    }

    /// Whether its end is that of a boot of which nothing else has been told.
    pub fn is_booting(&self) -> bool {
        self.booting.load(Ordering::Relaxed)
    }

    pub fn begin(&self, in_flight: InFlight) {
        *self.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_flight);
    }

    /// Whether the paste is on its way: from then on bytes may have reached the program.
    pub fn typed(&self, typed: bool) {
        if let Some(in_flight) = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            in_flight.typed = typed;
        }
    }

    /// Takes what is in flight. Whoever gets it reports its end, so that there is one end.
    pub fn take_in_flight(&self) -> Option<InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// False: it was told of this size already.
    pub fn tells_size(&self, size: (u32, u32)) -> bool {
        self.size_told.lock().unwrap_or_else(PoisonError::into_inner).replace(size) != Some(size)
    }

    pub fn leaves_residue(&self, looks_like: Option<String>) {
        *self.residue.lock().unwrap_or_else(PoisonError::into_inner) = looks_like;
    }

    pub fn residue(&self) -> Option<String> {
        self.residue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Placeholders of a session: `conversation` is what its record and a later resume go by.
pub(super) fn values(ground: &Ground, name: &SessionName, cwd: PathBuf, conversation: String) -> Values {
    // As the program finds it: an empty variable is none.
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME").unwrap_or_default();
    Values {
        cwd,
        claude_config_dir: variable("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.join(".claude")),
        codex_home: variable("CODEX_HOME").unwrap_or_else(|| home.join(".codex")),
        home,
        dormouse_home: ground.home.state.clone(),
        dormouse: ground.dormouse.clone(),
        identity: name.peer.to_string(),
        personality: name.peer.personality.to_string(),
        session_uuid: conversation.clone(),
        resume_ref: Some(conversation),
        mcp_url: ground.mcp_url.clone(),
        settings_file: Some(ground.home.session(name).settings()),
        ..Values::default()
    }
}
