//! Starting a session: folder, pane, process, input surface. Done when it exists, whoever made it.

mod boot;
mod folder;
mod prompt;
mod surface;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::Instant;

pub(super) use boot::tail;
use prompt::Means;
pub(super) use surface::{Surface, reads_screen, surface};

use super::folder_watch::FolderWatch;
use super::hand::{self, Hand};
use super::tmux::{Pane, Queue, TmuxError, in_full, shell_word};
use super::voice::Voice;
use crate::model::effect::StartSession;
use crate::model::event::{BoxOpened, LaunchFailed, SessionStarted, WakePhase};
use crate::model::id::Lsn;
use crate::model::session::{Ending, WakeMode};
use crate::observe::clock;
use crate::runtime::hook;
use crate::runtime::placeholders::{PlaceholderError, Values};
use crate::runtime::spec::Spec;
use crate::shim::files::{self, Born, FileError, Launch, Status};

/// Columns and rows of every session's window.
const COLUMNS: &str = "200";
const ROWS: &str = "50";
/// Rows a screen has scrolled that are kept, for people who attach.
const HISTORY: &str = "2000";

/// Why a session did not come up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("no runtime `{0}` is known here")]
    UnknownRuntime(String),
    #[error(transparent)]
    Folder(#[from] folder::SessionFileError),
    #[error(transparent)]
    Files(#[from] FileError),
    #[error(transparent)]
    Program(#[from] PlaceholderError),
    #[error(transparent)]
    Tmux(#[from] TmuxError),
    #[error("could not watch the session's folder")]
    Watch(#[source] io::Error),
    #[error("could not draw a random name for the conversation")]
    Random(#[source] io::Error),
    #[error("the session's process did not start in {waited_ms} ms")]
    NotBorn { waited_ms: u64 },
    #[error("the program {0}")]
    Ended(Ending),
}

impl LaunchError {
    /// Whether something may be running now. A client that did not answer may have been heard all the same.
    fn may_leave_session(&self) -> bool {
        match self {
            LaunchError::Tmux(TmuxError::NotStarted { .. } | TmuxError::ClientFile { .. }) => false,
            LaunchError::Tmux(_) | LaunchError::NotBorn { .. } | LaunchError::Watch(_) | LaunchError::Files(_) => true,
            LaunchError::UnknownRuntime(_)
            | LaunchError::Folder(_)
            | LaunchError::Program(_)
            | LaunchError::Random(_)
            | LaunchError::Ended(_) => false,
        }
    }

    /// How far it came. A program that cannot be started has failed as one does that ends at its first breath (C29); a
    /// machine without room for it has not been asked what the program would do (C43).
    fn phase(&self) -> WakePhase {
        let want = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        match self {
            LaunchError::Ended(Ending::NeverStarted) => WakePhase::Launch,
            LaunchError::Ended(Ending::ExecFailed { errno, .. }) if want.contains(errno) => WakePhase::Launch,
            LaunchError::Ended(_) => WakePhase::Boot,
            _ => WakePhase::Launch,
        }
    }
}

/// Starts the session and waits for its input surface. `up` is called once its process is there.
pub(super) async fn start(hand: &Hand, order: &StartSession, cause: Lsn, up: impl FnOnce()) {
    let voice = hand.voice.because(Some(cause));
    let now = Instant::now();
    let lived = Duration::from_millis(clock::now().since(order.woken));
    let started = now.checked_sub(lived).unwrap_or(now);
    let deadline = started + Duration::from_millis(boot_deadline_ms(hand, order));
    let spec = match bring_up(hand, order, deadline, &voice, started).await {
        Ok(spec) => spec,
        Err(error) => {
            let left_session = error.may_leave_session();
            let why = in_full(&error);
            voice.say(LaunchFailed { phase: error.phase(), why, screen: None, left_session });
            return;
        }
    };
    hand.boots(true);
    up();
    match boot::until_open(hand, &spec, order, deadline, &voice).await {
        Ok(()) => {
            hand.boots(false);
            voice.say(BoxOpened { boot_ms: ms(started.elapsed()) });
        }
        // It ended under the boot: its end is somebody else's to report, and what it said last.
        Err(boot::BootFailure::Gone) => {}
        Err(boot::BootFailure::Failed { why, screen }) => {
            hand.boots(false);
            voice.say(LaunchFailed { phase: WakePhase::Boot, why, screen, left_session: true });
        }
    }
}

/// The runtime's own word counts before the settings'.
fn boot_deadline_ms(hand: &Hand, order: &StartSession) -> u64 {
    hand.spec.as_ref().and_then(|spec| spec.limits.boot_deadline_ms).unwrap_or(order.boot_deadline_ms)
}

async fn bring_up(
    hand: &Hand,
    order: &StartSession,
    deadline: Instant,
    voice: &Voice,
    started: Instant,
) -> Result<std::sync::Arc<Spec>, LaunchError> {
    let unknown = || LaunchError::UnknownRuntime(hand.name.peer.runtime.to_string());
    let spec = hand.spec.clone().ok_or_else(unknown)?;
    let launch = prepare(hand, order, &spec)?;
    let mut watch = FolderWatch::new([hand.files.dir().to_owned()]).map_err(LaunchError::Watch)?;
    // Born or ended, it has had its start: a generation is never started twice.
    if hand.born()?.is_none() && files::read::<Status>(&hand.files.status())?.is_none() {
        open_pane(hand).await?;
    }
    let born = until_born(hand, &mut watch, deadline).await?;
    voice.say(SessionStarted {
        pid: born.pid,
        start_ticks: born.start_ticks,
        socket: hand.server().socket().to_owned(),
        resume_ref: launch.resume_ref.filter(|_| order.mode != WakeMode::Fresh || spec.names_its_conversations()),
        took_ms: ms(started.elapsed()),
    });
    Ok(spec)
}

/// Writes everything the session's process will read.
fn prepare(hand: &Hand, order: &StartSession, spec: &Spec) -> Result<Launch, LaunchError> {
    let Hand { ground, name, files, .. } = hand;
    folder::make_folders(&ground.home, name, files)?;
    if let Some(launch) = files::read(&files.launch())? {
        // Launched before: it may be running already, by this very order.
        folder::want(&ground.home, name)?;
        return Ok(launch);
    }
    let conversation = match &order.mode {
        WakeMode::Fresh => folder::new_uuid().map_err(LaunchError::Random)?,
        WakeMode::Resumed { resume_ref } => resume_ref.clone(),
    };
    let secret = folder::secret(files)?;
    let means = Means { tools: spec.gives_tools(), worker: order.worker };
    let prompt = prompt::compose(&name.peer, means, &order.roster, prompt::doctrine(&order.folder).as_ref());
    folder::write_prompt(files, &prompt)?;
    let values = Values {
        prompt_file: Some(files.prompt()),
        prompt_string: Some(prompt::as_argument(&prompt, &files.prompt())),
        ..hand::values(ground, name, order.folder.clone(), conversation.clone())
    };
    let unicode = |(key, value): (OsString, OsString)| Some((key.into_string().ok()?, value.into_string().ok()?));
    let inherited = std::env::vars_os().filter_map(unicode);
    let presence = ground.home.identity(&name.peer);
    if let Some(settings) = hook::settings(spec, &ground.dormouse) {
        folder::write_settings(files, &settings)?;
    }
    let hooks = hook::arguments(spec, &ground.dormouse, &order.consents);
    let args: Vec<String> = hooks.into_iter().chain(order.args.iter().cloned()).collect();
    let launch = Launch {
        generation: name.generation.0.0,
        argv: spec.program(&order.mode, &values, &args)?,
        folder: order.folder.clone(),
        env: folder::environment(inherited, spec, spec.environment(&values, secret)?, &ground.home, name),
        lock: presence.lock(),
        wanted: presence.wanted(),
        grace_ms: folder::GRACE_MS,
        resume_ref: Some(conversation),
    };
    files::write(&files.launch(), &launch)?;
    folder::want(&ground.home, name)?;
    Ok(launch)
}

/// Opens the pane with the session's process in it. A session of this name that is there already is this one: nobody
/// else knows the socket.
async fn open_pane(hand: &Hand) -> Result<(), LaunchError> {
    let server = hand.server();
    let version = hand.ground.tmux.version().await?;
    match server.start(&session_queue(hand)).await {
        Ok(printed) => hand.pane_is(Pane::from_answer(server, version, printed.trim_end())?),
        Err(TmuxError::Duplicate { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The server's settings, the pane, and the watcher of its output, in one queue: a watcher attached by a second client
/// has missed the program's first bytes.
fn session_queue(hand: &Hand) -> Queue {
    let program = hand.ground.dormouse.display().to_string();
    let dir = hand.files.dir().display().to_string();
    let session = hand.name.peer.to_string();
    let pane = format!("={session}:");
    let watcher = format!("exec {} shim watch {}", shell_word(&program), shell_word(&dir));
    let back = format!("if-shell -F '#{{==:#{{session_attached}},0}}' 'resize-window -x {COLUMNS} -y {ROWS}'");
    Queue::of(["start-server"])
        .then(["set-option", "-g", "history-limit", HISTORY])
        .then(["set-option", "-g", "remain-on-exit", "on"])
        // The window follows a person's terminal while one is attached, and goes back (C57).
        .then(["set-hook", "-g", "client-attached", "set-option -w window-size latest"])
        .then(["set-hook", "-g", "client-detached", &back])
        .then(["new-session", "-d", "-s", &session, "-x", COLUMNS, "-y", ROWS, "-c", &dir, "--"])
        .with([program.as_str(), "shim", "run", &dir])
        .then(["pipe-pane", "-O", "-t", &pane, &watcher])
        .then(["resize-window", "-t", &pane, "-x", COLUMNS, "-y", ROWS])
        .then(["display-message", "-p", "-t", &pane, "#{pane_id}|#{pane_tty}"])
}

/// Waits until the session's process has started the program.
async fn until_born(hand: &Hand, watch: &mut FolderWatch, deadline: Instant) -> Result<Born, LaunchError> {
    let began = Instant::now();
    loop {
        if let Some(born) = hand.born()? {
            return Ok(born);
        }
        if let Some(status) = files::read::<Status>(&hand.files.status())? {
            return Err(LaunchError::Ended(status.ending));
        }
        match tokio::time::timeout_at(deadline, watch.moved()).await {
            Ok(moved) => moved.map_err(LaunchError::Watch)?,
            Err(_) => return Err(LaunchError::NotBorn { waited_ms: ms(began.elapsed()) }),
        }
    }
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
