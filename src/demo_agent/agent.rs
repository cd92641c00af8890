//! The agent's life: a box, a queue, one turn at a time.

use std::collections::VecDeque;
use std::env;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGCHLD, SIGTERM, SIGWINCH};

use super::input_box::InputBox;
use super::keys::{Key, Keys};
use super::options::Options;
use super::screen::{Foot, Said, Screen};
use super::script::{Message, Step};
use super::transcript::Transcript;
use crate::shim::Signals;
use crate::shim::clock::awake_ms;

/// After an escape character: a person's key comes alone, a terminal's sequence in one piece.
const ESCAPE_MS: u64 = 30;

/// How it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Code(i32),
    Signal(i32),
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("no conversation found with the name `{resume}`")]
    NoConversation { resume: String, source: io::Error },
    #[error("cannot keep the transcript")]
    Transcript { source: io::Error },
    #[error("the terminal failed")]
    Terminal { source: io::Error },
}

fn terminal<E: Into<io::Error>>(error: E) -> AgentError {
    AgentError::Terminal { source: error.into() }
}

pub struct Agent {
    options: Options,
    screen: Screen,
    signals: Signals,
    keys: Keys,
    transcript: Transcript,
    input: InputBox,
    /// Submitted while a turn ran.
    queue: VecDeque<String>,
    turn: Option<Turn>,
    /// Since when it is not clear what an escape character was.
    undecided: Option<u64>,
}

struct Turn {
    message: Message,
    steps: VecDeque<Step>,
    now: Now,
}

/// What a turn is at.
enum Now {
    /// Between two steps.
    Ready,
    Working {
        until: u64,
    },
    Hanging,
    Asking,
    Sending {
        child: Child,
        sent: u32,
        times: u32,
    },
}

impl Agent {
    pub fn start(options: Options) -> Result<Self, AgentError> {
        let path = options.transcript();
        let transcript = Transcript::open(&path, options.resume.is_some()).map_err(|source| match &options.resume {
            Some(resume) => AgentError::NoConversation { resume: resume.clone(), source },
            None => AgentError::Transcript { source },
        })?;
        Ok(Self {
            signals: Signals::catch(&[SIGTERM, SIGWINCH, SIGCHLD]).map_err(terminal)?,
            screen: Screen::take().map_err(terminal)?,
            options,
            keys: Keys::default(),
            transcript,
            input: InputBox::default(),
            queue: VecDeque::new(),
            turn: None,
            undecided: None,
        })
    }

    /// Until somebody, or a message, tells it to leave.
    pub fn live(&mut self) -> Result<Leave, AgentError> {
        if self.boot()? {
            return Ok(Leave::Code(0));
        }
        if let Some(name) = &self.options.resume {
            let says = format!("resumed {name}: {} earlier messages remembered", self.transcript.remembered);
            self.screen.print("● ", &says, 1).map_err(terminal)?;
        }
        self.draw()?;
        self.screen.say(Said::Idle).map_err(terminal)?;
        loop {
            if let Some(leave) = self.go_on()? {
                return Ok(leave);
            }
            self.draw()?;
            if let Some(leave) = self.listen()? {
                return Ok(leave);
            }
        }
    }

    /// Takes its time. True: it was told to leave meanwhile.
    fn boot(&mut self) -> Result<bool, AgentError> {
        let until = awake_ms() + self.options.boot;
        while awake_ms() < until {
            wait(&mut [PollFd::new(&self.signals, PollFlags::IN)], Some(until)).map_err(terminal)?;
            if self.signals.take().has(SIGTERM) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn draw(&mut self) -> Result<(), AgentError> {
        let foot = match self.turn.as_ref().map(|turn| &turn.now) {
            Some(Now::Asking) => Foot::Dialog { question: "A message asks for your permission.".to_owned() },
            turn => {
                let state = if turn.is_some() { "working (esc to interrupt)" } else { "idle" };
                let queued = match self.queue.len() {
                    0 => String::new(),
                    count => format!(" · {count} queued"),
                };
                Foot::Box { text: self.input.shown(), status: format!("demo agent · {state}{queued}") }
            }
        };
        self.screen.draw(&foot).map_err(terminal)
    }

    /// Waits for whatever comes next, and takes it.
    fn listen(&mut self) -> Result<Option<Leave>, AgentError> {
        let working = match self.turn.as_ref().map(|turn| &turn.now) {
            Some(Now::Working { until }) => Some(*until),
            _ => None,
        };
        let undecided = self.undecided.map(|since| since + ESCAPE_MS);
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
        wait(&mut fds, working.into_iter().chain(undecided).min()).map_err(terminal)?;
        let has_input = !fds[0].revents().is_empty();
        let caught = self.signals.take();
        if caught.has(SIGTERM) {
            return Ok(Some(Leave::Code(0)));
        }
        if caught.has(SIGWINCH) {
            self.screen.resized().map_err(terminal)?;
        }
        if has_input {
            let mut bytes = [0; 16 * 1024];
            let count = io::stdin().read(&mut bytes).map_err(terminal)?;
            if count == 0 {
                return Ok(Some(Leave::Code(0)));
            }
            for key in self.keys.read(&bytes[..count]) {
                if let Some(leave) = self.press(key)? {
                    return Ok(Some(leave));
                }
            }
            self.undecided = self.keys.is_undecided().then(awake_ms);
        } else if self.undecided.is_some_and(|since| awake_ms() >= since + ESCAPE_MS) {
            self.undecided = None;
            let key = self.keys.decide();
            return self.press(key);
        }
        Ok(None)
    }

    fn press(&mut self, key: Key) -> Result<Option<Leave>, AgentError> {
        if let Some(Turn { now: now @ Now::Asking, .. }) = &mut self.turn {
            // As with real agents: a paste is swallowed, and a key decides.
            if !matches!(key, Key::Paste(_)) {
                *now = Now::Ready;
                self.screen.say(Said::Working).map_err(terminal)?;
            }
            return Ok(None);
        }
        match key {
            Key::Text(text) => self.input.type_in(&text),
            Key::Paste(text) => self.input.paste(text),
            Key::Enter => self.queue.extend(self.input.submit()),
            Key::Backspace => self.input.backspace(),
            Key::Clear => self.input.clear(),
            Key::Interrupt if !self.input.is_empty() => self.input.clear(),
            Key::Interrupt | Key::Escape if self.turn.is_some() => self.interrupt()?,
            Key::Interrupt | Key::End if self.input.is_empty() => return Ok(Some(Leave::Code(0))),
            Key::Interrupt | Key::End | Key::Escape | Key::Other => {}
        }
        Ok(None)
    }

    fn interrupt(&mut self) -> Result<(), AgentError> {
        self.add("interrupted", "")?;
        self.screen.print("● ", "interrupted", 1).map_err(terminal)?;
        self.end_turn()
    }

    fn add(&mut self, who: &str, text: &str) -> Result<(), AgentError> {
        self.transcript.add(who, text).map_err(|source| AgentError::Transcript { source })
    }

    /// Does what can be done without waiting.
    fn go_on(&mut self) -> Result<Option<Leave>, AgentError> {
        loop {
            if self.turn.is_none() {
                let Some(text) = self.queue.pop_front() else { return Ok(None) };
                self.begin_turn(text)?;
            }
            if !self.step_is_done()? {
                return Ok(None);
            }
            let Some(turn) = &mut self.turn else { continue };
            match turn.steps.pop_front() {
                None | Some(Step::Silent) => self.end_turn()?,
                Some(Step::Exit { code }) => return Ok(Some(Leave::Code(code))),
                Some(Step::Signal { signal }) => return Ok(Some(Leave::Signal(signal))),
                Some(Step::Work { ms }) => turn.now = Now::Working { until: awake_ms() + ms },
                Some(Step::Hang) => turn.now = Now::Hanging,
                Some(Step::Dialog) => {
                    turn.now = Now::Asking;
                    self.screen.say(Said::Blocked).map_err(terminal)?;
                }
                Some(Step::Compact) => {
                    self.add("compacted", "")?;
                    self.screen.print("● ", "conversation compacted", 1).map_err(terminal)?;
                }
                Some(Step::Reply { times }) => self.reply(1, times)?,
            }
        }
    }

    fn begin_turn(&mut self, text: String) -> Result<(), AgentError> {
        self.add("user", &text)?;
        self.screen.say(Said::Working).map_err(terminal)?;
        self.screen.print("> ", &text, 6).map_err(terminal)?;
        let message = Message::read(text);
        let steps = message.steps(self.options.work, self.options.silent);
        self.turn = Some(Turn { message, steps, now: Now::Ready });
        Ok(())
    }

    fn end_turn(&mut self) -> Result<(), AgentError> {
        if let Some(Turn { now: Now::Sending { mut child, .. }, .. }) = self.turn.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.screen.say(Said::Idle).map_err(terminal)
    }

    /// Whether the next step may begin.
    fn step_is_done(&mut self) -> Result<bool, AgentError> {
        let Some(turn) = &mut self.turn else { return Ok(false) };
        match &mut turn.now {
            Now::Ready => return Ok(true),
            Now::Working { until } => return Ok(awake_ms() >= *until),
            Now::Hanging | Now::Asking => return Ok(false),
            Now::Sending { child, sent, times } => {
                if child.try_wait().map_err(terminal)?.is_none() {
                    return Ok(false);
                }
                let (sent, times) = (*sent, *times);
                self.report_sent()?;
                if sent < times {
                    self.reply(sent + 1, times)?;
                }
            }
        }
        Ok(self.turn.as_ref().is_some_and(|turn| matches!(turn.now, Now::Ready)))
    }

    /// Says what became of an answer, once `send` has ended.
    fn report_sent(&mut self) -> Result<(), AgentError> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        let Now::Sending { mut child, .. } = std::mem::replace(&mut turn.now, Now::Ready) else { return Ok(()) };
        let to = turn.message.reply_to.clone().unwrap_or_default();
        let ended = child.wait().map_err(terminal)?;
        let says = if ended.success() {
            format!("answered {to}")
        } else {
            let mut complaint = String::new();
            let _ = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut complaint));
            format!("could not answer {to}: {ended}\n{complaint}")
        };
        self.screen.print("● ", &says, 6).map_err(terminal)
    }

    /// Answers for the `number`th time, the way any agent does.
    fn reply(&mut self, number: u32, times: u32) -> Result<(), AgentError> {
        let Some(turn) = &mut self.turn else { return Ok(()) };
        let sender = turn.message.reply_to.clone();
        let text = self
            .options
            .reply
            .replace("{sender}", sender.as_deref().unwrap_or("you"))
            .replace("{n}", &number.to_string())
            .replace("{first_line}", &turn.message.first_line);
        turn.now = match &sender {
            // Nobody waits for it but whoever reads this screen.
            None => Now::Ready,
            Some(to) => match send(to, &text) {
                Ok(child) => Now::Sending { child, sent: number, times },
                Err(error) => {
                    self.screen.print("● ", &format!("could not answer {to}: {error}"), 2).map_err(terminal)?;
                    Now::Ready
                }
            },
        };
        self.add("assistant", &text)?;
        self.screen.print("● ", &text, 6).map_err(terminal)
    }
}

fn send(to: &str, text: &str) -> io::Result<Child> {
    let mut send = Command::new(env::current_exe()?);
    send.args(["send", to, "--", text]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    send.spawn()
}

/// Polls until something is ready or the awake clock says `until`.
fn wait(fds: &mut [PollFd<'_>], until: Option<u64>) -> io::Result<()> {
    let timeout = until.map(|until| {
        let left = Duration::from_millis(until.saturating_sub(awake_ms()));
        Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
    });
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
