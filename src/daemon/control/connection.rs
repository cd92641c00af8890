//! One caller: calls in, one on each line, and lines out, each within its time.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::caller::Credentials;
use super::send::{self, Posted};
use super::{Door, KEPT_MAX};
use crate::daemon::input::{Ask, Input};
use crate::protocol::{Call, CallError, LINE_BYTES_MAX, Problem, ProblemCode, Reply, Verb, Wait, call_bytes_max};

/// For a whole call to arrive, and for a reply to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for another call of who has said that there are more.
const PATIENCE_BETWEEN: Duration = Duration::from_secs(60);
/// Messages of one caller that are asked of the loop before the first of them is answered.
const POSTED_MAX: usize = 64;
/// So much of what is said during a call is read meanwhile; the rest waits in the socket.
const AHEAD_BYTES_MAX: usize = LINE_BYTES_MAX;
/// Then it is looked whether the caller is still there.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Room for lines at first: nearly every connection is for one short call, and the allocator has so much at hand.
const FIRST_BYTES: usize = 1 << 10;
/// Room for lines that a silent connection keeps.
const ROOM_BYTES: usize = 16 << 10;

/// Hears one call after the other, as long as there are more, and answers them in their order. `kept` are the places of
/// those that stay for another.
pub(super) async fn serve(mut stream: UnixStream, door: &Door, kept: &Semaphore) {
    let credentials = Credentials::of(&stream);
    let (reader, mut writer) = stream.split();
    match credentials {
        Ok(credentials) => Conversation { door, credentials, heard: Heard::new(reader), writer }.run(kept).await,
        Err(problem) => drop(say(&mut writer, &Reply::Error(problem).to_line()).await),
    }
}

struct Conversation<'a> {
    door: &'a Door,
    credentials: Credentials,
    heard: Heard<'a>,
    writer: WriteHalf<'a>,
}

impl Conversation<'_> {
    async fn run(mut self, kept: &Semaphore) {
        let mut place = None;
        let mut patience = PATIENCE;
        loop {
            let call = match self.hear(patience).await {
                Ok(Some(call)) => call,
                Ok(None) => return,
                Err(problem) => return self.refuse(problem).await,
            };
            if call.more && place.is_none() {
                let Ok(free) = kept.try_acquire() else { return self.refuse(too_many_kept()).await };
                place = Some(free);
            }
            // All that any other verb may take stands on the heap, and only while it is needed.
            let goes_on = if is_letter(&call) { self.letters(call).await } else { Box::pin(self.one(call)).await };
            if !goes_on {
                return;
            }
            patience = PATIENCE_BETWEEN;
        }
    }

    /// The next call; none once the caller has left without another word.
    async fn hear(&mut self, patience: Duration) -> Result<Option<Call>, Problem> {
        match timeout(patience, self.heard.next(self.door)).await {
            Ok(call) => call,
            Err(_) => {
                let why = format!("no whole call within {} s", patience.as_secs());
                Err(Problem::new(ProblemCode::TimedOut, why))
            }
        }
    }

    /// Messages that have come by now are asked of the loop at once, so that one turn takes them up. Whether the caller has
    /// more to say.
    async fn letters(&mut self, first: Call) -> bool {
        let (mut asks, mut posted, mut more) = (Vec::new(), Vec::new(), false);
        let mut next = Some(first);
        while let Some(call) = next.take() {
            more = call.more;
            posted.push(self.letter(call).map(|(ask, posted)| {
                asks.push(ask);
                posted
            }));
            if more && posted.len() < POSTED_MAX {
                next = self.heard.another(is_letter);
            }
        }
        // A loop that has ended drops them, which each of them is told below.
        let _ = self.door.tell(Input::AskAll(asks));
        let mut lines = Vec::new();
        for posted in posted {
            let accepted = match posted {
                Ok(posted) => posted.accepted(self.door).await,
                Err(problem) => Err(problem),
            };
            lines.extend(match accepted {
                Ok((sent, _)) => Reply::ok_line(&sent),
                Err(problem) => Reply::Error(problem).to_line(),
            });
        }
        say(&mut self.writer, &lines).await && more
    }

    fn letter(&self, call: Call) -> Result<(Ask, Posted), Problem> {
        let Verb::Send(message) = call.verb else { return Err(Problem::failed("this call is no message")) };
        let caller = self.door.outside(&self.credentials, call.from.as_deref())?;
        send::letter(caller, call.request_id, call.reason, *message, None)
    }

    /// A call by itself. Whether the caller has more to say.
    async fn one(&mut self, call: Call) -> bool {
        let Self { door, credentials, heard, writer } = self;
        let more = call.more;
        let (early, mut earlier) = mpsc::unbounded_channel();
        let mut answered = std::pin::pin!(answer(door, credentials, call, &early));
        let done = loop {
            tokio::select! {
                // What was said before the end goes out before the end.
                biased;
                Some(reply) = earlier.recv() => if !say(writer, &Reply::to_line(&reply)).await { return false },
                done = &mut answered => break done,
                () = heard.gone(more) => return false,
            }
        };
        while let Ok(reply) = earlier.try_recv() {
            say(writer, &reply.to_line()).await;
        }
        let last = match done {
            Ok(data) => Reply::Ok(data),
            Err(problem) => Reply::Error(problem),
        };
        say(writer, &last.to_line()).await && more
    }

    async fn refuse(&mut self, problem: Problem) {
        say(&mut self.writer, &Reply::Error(problem).to_line()).await;
    }
}

/// A message whose sender wants to know no more than that it is accepted, and says by itself who it is; and that names
/// none that would have to be looked for.
fn is_letter(call: &Call) -> bool {
    let is_plain = |verb: &Verb| matches!(verb, Verb::Send(message) if message.wait == Wait::Accepted && message.answers.is_none());
    call.secret.is_none() && is_plain(&call.verb)
}

/// What a caller has said, and nobody has taken up yet.
struct Heard<'a> {
    reader: ReadHalf<'a>,
    bytes: Vec<u8>,
    /// So many of them have been taken up.
    taken: usize,
    /// Up to here no line ends behind them.
    seen: usize,
    /// A line that was read already.
    call: Option<Result<Call, Problem>>,
}

impl<'a> Heard<'a> {
    fn new(reader: ReadHalf<'a>) -> Self {
        Self { reader, bytes: Vec::with_capacity(FIRST_BYTES), taken: 0, seen: 0, call: None }
    }

    /// Reads until there is another call; none when the caller leaves without a word.
    async fn next(&mut self, door: &Door) -> Result<Option<Call>, Problem> {
        let mut bytes_max = LINE_BYTES_MAX;
        loop {
            if let Some(call) = self.call() {
                return call.map(Some);
            }
            if self.bytes.len() > bytes_max && bytes_max == LINE_BYTES_MAX {
                // The setting may have changed since the start: the state knows.
                bytes_max = call_bytes_max(door.read(|state, _| state.settings.message_bytes_max).await?);
            }
            if self.bytes.len() > bytes_max {
                let why = format!("the call is longer than {bytes_max} bytes, the most a message can need (C6)");
                return Err(Problem::refused(why).hint("the message was not accepted"));
            }
            match self.reader.read_buf(&mut self.bytes).await {
                Ok(0) if self.bytes.is_empty() => return Ok(None),
                Ok(0) => return Err(Problem::new(ProblemCode::Usage, "the call ends before its line does")),
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
        }
    }

    /// The next call, if it has come already and is one of these.
    fn another(&mut self, is_one: impl Fn(&Call) -> bool) -> Option<Call> {
        match self.call()? {
            Ok(call) if is_one(&call) => Some(call),
            other => {
                self.call = Some(other);
                None
            }
        }
    }

    /// The next line, if all of it has come. What is left is then the beginning of another.
    fn call(&mut self) -> Option<Result<Call, Problem>> {
        if let Some(call) = self.call.take() {
            return Some(call);
        }
        let Some(end) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.bytes.drain(..self.taken);
            (self.taken, self.seen) = (0, self.bytes.len());
            if self.bytes.is_empty() {
                self.bytes.shrink_to(ROOM_BYTES);
            }
            return None;
        };
        let line = &self.bytes[self.taken..self.seen + end];
        let call = Call::from_line(line).map_err(misunderstood);
        self.seen += end + 1;
        self.taken = self.seen;
        Some(call)
    }

    /// Ends when the caller has closed its side. What it says meanwhile is heard later if it has `more` to say, and
    /// otherwise not at all.
    async fn gone(&mut self, more: bool) {
        loop {
            if !more {
                self.bytes.clear();
            } else if self.bytes.len() - self.taken >= AHEAD_BYTES_MAX {
                sleep(LOOK_AGAIN).await;
                if self.hung_up() {
                    return;
                }
                continue;
            }
            if !matches!(self.reader.read_buf(&mut self.bytes).await, Ok(bytes) if bytes > 0) {
                return;
            }
        }
    }

    /// The same where what lies in front of the end is not read.
    fn hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self.reader.as_ref(), PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

fn too_many_kept() -> Problem {
    let why = format!("{KEPT_MAX} connections are kept for more calls already");
    Problem::new(ProblemCode::Busy, why).hint("make each call on a connection of its own")
}

fn misunderstood(error: CallError) -> Problem {
    match error {
        CallError::Version { .. } => Problem::new(ProblemCode::Version, error.to_string())
            .hint("restart the daemon after an upgrade; sessions go on meanwhile"),
        CallError::Malformed { .. } => Problem::new(ProblemCode::Usage, error.to_string()),
    }
}

/// Whether the caller took it.
async fn say(writer: &mut WriteHalf<'_>, lines: &[u8]) -> bool {
    match timeout(PATIENCE, writer.write_all(lines)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a caller has gone before its reply");
            false
        }
        Err(_) => {
            tracing::debug!("a caller does not take its reply");
            false
        }
    }
}
