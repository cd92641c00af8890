//! A model server on loopback that says what a test has written down, and keeps everything it is asked.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tiny_http::{Method, Request, Response, Server};

use crate::{anthropic, openai};

/// What the model answers to one prompt.
#[derive(Clone, Debug)]
pub enum Answer {
    Text(&'static str),
    /// A command for the program's shell; the answer to its result is a text.
    Bash(String),
    /// The same, without asking anybody for leave.
    Run(String),
    /// The same, and its end is not waited for.
    Background(String),
    /// A wait for a command of Codex's that still runs.
    Waits(u64),
    /// A call of one of our own tools, by its bare name; the answer to its result is a text.
    Tool(&'static str, Value),
    /// A call of one of Codex's own tools, by its namespace and its name.
    OfCodex(&'static str, &'static str, Value),
    /// A call of one of Claude's own tools.
    OfProgram(&'static str, Value),
    /// A stream that begins, and says nothing until [`Model::release`].
    Held(&'static str),
    /// A stream that says this much, and does not end until [`Model::release`].
    Halfway(&'static str),
    /// A stream that begins, and says nothing for so long.
    Slow(Duration, &'static str),
    /// An HTTP status.
    Error(u16),
}

/// One request, whole.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub body: Value,
}

impl Asked {
    /// Claude asks; else Codex does.
    pub fn is_claude(&self) -> bool {
        self.path.starts_with("/v1/messages")
    }

    /// What the user has just said; none, if this is about a tool's result.
    pub fn prompt(&self) -> Option<String> {
        if self.is_claude() { anthropic::prompt(self) } else { openai::prompt(self) }
    }
}

/// What a model of its own mind answers, where it has something to say.
type Mind = Box<dyn Fn(&Asked) -> Option<Answer> + Send>;

#[derive(Default)]
struct Kept {
    mind: Option<Mind>,
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
    released: bool,
}

type Shared = Arc<(Mutex<Kept>, Condvar)>;

/// A server that ends with the test.
pub struct Model {
    kept: Shared,
    server: Arc<Server>,
    pub url: String,
}

impl Model {
    pub fn start() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}", server.server_addr());
        let kept = Shared::default();
        let (serving, keeping) = (Arc::clone(&server), Arc::clone(&kept));
        thread::spawn(move || {
            for request in serving.incoming_requests() {
                let kept = Arc::clone(&keeping);
                thread::spawn(move || serve(request, &kept));
            }
        });
        Self { kept, server, url }
    }

    /// The next prompts get these answers in turn; whatever is asked beyond them, a word.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.kept.0.lock().unwrap().answers.extend(answers);
    }

    /// What is asked is put to `mind` first.
    pub fn thinks(&self, mind: impl Fn(&Asked) -> Option<Answer> + Send + 'static) {
        self.kept.0.lock().unwrap().mind = Some(Box::new(mind));
    }

    /// Lets every held stream go on, now and later.
    pub fn release(&self) {
        self.kept.0.lock().unwrap().released = true;
        self.kept.1.notify_all();
    }

    /// Everything asked so far that belongs to the conversation itself.
    pub fn asked(&self) -> Vec<Asked> {
        let kept = self.kept.0.lock().unwrap();
        kept.asked.iter().filter(|asked| has_tools(&asked.body)).cloned().collect()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.release();
        self.server.unblock();
    }
}

/// A name that nothing else in the conversation has: programs take parts of the same name for one.
pub fn unique(kind: &str) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("{kind}_{}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

/// A request for a title and the like has none.
fn has_tools(body: &Value) -> bool {
    body["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn serve(mut request: Request, shared: &Shared) {
    if *request.method() != Method::Post {
        let _ = request.respond(Response::empty(200));
        return;
    }
    let body: Value = serde_json::from_reader(request.as_reader()).unwrap_or_default();
    let path = request.url().to_owned();
    let answer = next_answer(shared, &path, &body);
    // A program that has gone away is not the server's to complain of.
    let _ = match answer {
        Answer::Error(status) => refuse(request, status),
        Answer::Held(text) => stream(request, &path, &body, &Answer::Text(text), Some((0, shared, Duration::MAX))),
        Answer::Halfway(text) => stream(request, &path, &body, &Answer::Text(text), Some((2, shared, Duration::MAX))),
        Answer::Slow(silence, text) => stream(request, &path, &body, &Answer::Text(text), Some((0, shared, silence))),
        answer => stream(request, &path, &body, &answer, None),
    };
}

fn next_answer(shared: &Shared, path: &str, body: &Value) -> Answer {
    let mut kept = shared.0.lock().unwrap();
    let asked = Asked { path: path.to_owned(), body: body.clone() };
    kept.asked.push(asked.clone());
    let done = Answer::Text("Done.");
    if !has_tools(body) {
        return Answer::Text(r#"{"title": "Made up"}"#);
    }
    if let Some(answer) = kept.mind.as_ref().and_then(|mind| mind(&asked)) {
        return answer;
    }
    kept.answers.pop_front().unwrap_or(done)
}

fn refuse(request: Request, status: u16) -> io::Result<()> {
    let body = r#"{"type":"error","error":{"type":"api_error","message":"made up"}}"#;
    let json = tiny_http::Header::from_bytes("content-type", "application/json").unwrap();
    request.respond(Response::from_string(body).with_status_code(status).with_header(json))
}

/// `held`: behind the first event and so many more, until the model is released or so long.
fn stream(
    request: Request,
    path: &str,
    body: &Value,
    answer: &Answer,
    held: Option<(usize, &Shared, Duration)>,
) -> io::Result<()> {
    let (first, rest) = match path.starts_with("/v1/messages") {
        true => anthropic::events(body, answer),
        false => openai::events(answer),
    };
    let mut out = request.into_writer();
    out.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    event(&mut out, &first)?;
    for (number, said) in rest.iter().enumerate() {
        if let Some((_, shared, silence)) = held.filter(|(behind, ..)| *behind == number) {
            let (kept, told) = shared.as_ref();
            let _released = told.wait_timeout_while(kept.lock().unwrap(), silence, |kept| !kept.released).unwrap();
        }
        event(&mut out, said)?;
    }
    out.write_all(b"0\r\n\r\n")?;
    out.flush()
}

fn event(out: &mut impl Write, said: &Value) -> io::Result<()> {
    let text = format!("event: {}\ndata: {said}\n\n", said["type"].as_str().unwrap());
    write!(out, "{:x}\r\n{text}\r\n", text.len())?;
    out.flush()
}
