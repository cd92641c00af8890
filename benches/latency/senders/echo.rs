//! The floor of the senders: one thread that takes every line that has come, makes as many records' bytes durable with
//! one sync, and answers each.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use dormouse::model::id::{Lsn, MessageId};
use dormouse::protocol::{Reply, Sent, SentOutcome};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::thread::gettid;
use tempfile::TempDir;

/// Of the file that is written to, over and over: its blocks are there, as those of the journal are.
const FILE_BYTES: u64 = 4 << 20;

pub struct Echo {
    socket: PathBuf,
    thread: i32,
}

impl Echo {
    /// Serves until the program ends. Each sync takes so much longer.
    pub fn start(place: &TempDir, record_bytes: usize, slower: Option<Duration>) -> Self {
        let socket = place.path().join("echo.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        listener.set_nonblocking(true).expect("a socket can be asked");
        let file = File::create(place.path().join("echo")).expect("a file");
        file.write_all_at(&vec![0; FILE_BYTES as usize], 0).and_then(|()| file.sync_all()).expect("its blocks");
        let (born, is_born) = channel();
        let server = Server { listener, lines: Vec::new(), file, at: 0, record_bytes, slower, answer: answer() };
        thread::spawn(move || server.run(&born));
        Self { socket, thread: is_born.recv().expect("a thread") }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What its thread has had of the processors.
    pub fn processor(&self) -> Duration {
        super::on_processor(&PathBuf::from(format!("/proc/self/task/{}", self.thread)))
    }
}

/// As long as the daemon's own.
fn answer() -> Vec<u8> {
    let sent = Sent {
        message: Some(MessageId(1 << 120)),
        peer: "deaf-deaf".to_owned(),
        outcome: SentOutcome::Accepted,
        queue_depth: Some(10_000),
        lsn: Some(Lsn(10_000)),
        proof: None,
        reply: None,
    };
    Reply::ok(&sent).to_line()
}

struct Server {
    listener: UnixListener,
    lines: Vec<UnixStream>,
    file: File,
    at: u64,
    record_bytes: usize,
    slower: Option<Duration>,
    answer: Vec<u8>,
}

impl Server {
    fn run(mut self, born: &Sender<i32>) {
        born.send(gettid().as_raw_nonzero().get()).expect("who started it waits");
        loop {
            let came: Vec<bool> = {
                let mut fds: Vec<PollFd> = self.lines.iter().map(|line| PollFd::new(line, PollFlags::IN)).collect();
                fds.push(PollFd::new(&self.listener, PollFlags::IN));
                poll(&mut fds, None).expect("a poll");
                fds.iter().map(|fd| !fd.revents().is_empty()).collect()
            };
            let mut at = 0;
            let mut asked = Vec::new();
            for came in &came[..self.lines.len()] {
                match if *came { calls(&mut self.lines[at]) } else { Some(0) } {
                    None => drop(self.lines.remove(at)),
                    Some(calls) => {
                        asked.push(calls);
                        at += 1;
                    }
                }
            }
            if came.last() == Some(&true) {
                self.accept(&mut asked);
            }
            self.make_durable(asked.iter().sum());
            for (line, calls) in self.lines.iter_mut().zip(asked).filter(|(_, calls)| *calls > 0) {
                // Who asked may have gone.
                let _ = line.write_all(&self.answer.repeat(calls));
            }
        }
    }

    fn accept(&mut self, asked: &mut Vec<usize>) {
        while let Ok((mut line, _)) = self.listener.accept() {
            line.set_nonblocking(true).expect("a socket can be asked");
            asked.push(calls(&mut line).unwrap_or(0));
            self.lines.push(line);
        }
    }

    fn make_durable(&mut self, records: usize) {
        if records == 0 {
            return;
        }
        let bytes = vec![7; records * self.record_bytes];
        if self.at + bytes.len() as u64 > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&bytes, self.at).and_then(|()| self.file.sync_data()).expect("a durable write");
        if let Some(slower) = self.slower {
            thread::sleep(slower);
        }
        self.at += bytes.len() as u64;
    }
}

/// How many whole calls have come on this line; none once it has ended.
fn calls(line: &mut UnixStream) -> Option<usize> {
    let mut bytes = [0; 64 << 10];
    match line.read(&mut bytes) {
        Ok(0) => None,
        // A call is one piece, and so are those that are sent together.
        Ok(count) => Some(bytes[..count].iter().filter(|byte| **byte == b'\n').count()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}
