//! A real browser without a window, spoken to over a pipe in its own protocol: no port, no driver, no library.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Any of them will do; `make browser` installs one.
const PROGRAMS: [&str; 3] = ["chromium-headless-shell", "chromium", "google-chrome"];
/// A busy machine takes its time; a browser that never answers fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    asked: u64,
    /// Everything it said unasked.
    pub events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// With one empty page of 1400 by 900, whose console, network and errors are listened to.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = command(profile.path()).spawn().unwrap();
        let (said, from) = channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while out.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
                bytes.pop();
                let Ok(value) = serde_json::from_slice(&bytes) else { break };
                if said.send(value).is_err() {
                    break;
                }
                bytes.clear();
            }
        });
        let to = child.stdin.take().unwrap();
        let mut browser = Self { child, to, from, session: None, asked: 0, events: Vec::new(), _profile: profile };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let size = json!({ "url": "about:blank", "width": 1400, "height": 900 });
        let target = self.ask("Target.createTarget", size)["targetId"].clone();
        let attached = self.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Its answer to one call.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut call = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            call["sessionId"] = session.as_str().into();
        }
        self.to.write_all(call.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        let id = self.asked;
        let answer = self.wait(&format!("the answer to {method}"), |value| value["id"] == id);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next thing it says that is `wanted`; what else it says is kept.
    #[track_caller]
    fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let value = self.from.recv_timeout(left).unwrap_or_else(|error| panic!("no {what}: {error}"));
            if wanted(&value) {
                return value;
            }
            self.events.push(value);
        }
    }

    /// Opens a file, until its picture is drawn.
    pub fn open(&mut self, page: &Path) {
        self.ask("Page.navigate", json!({ "url": format!("file://{}", page.display()) }));
        self.wait("load of the page", |event| event["method"] == "Page.loadEventFired");
        self.drawn();
    }

    /// Until everything that was asked for is drawn: two frames on, nothing is outstanding.
    pub fn drawn(&mut self) {
        self.tell("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
        assert!(self.tell("document.documentElement.dataset.drawMs").is_string(), "nothing was ever drawn");
    }

    /// What an expression comes to in the page.
    #[track_caller]
    pub fn tell(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    #[track_caller]
    pub fn text(&mut self, id: &str) -> String {
        let found = self.tell(&format!("document.getElementById('{id}').textContent"));
        found.as_str().unwrap().to_owned()
    }

    /// One key down and up again: `j`, `Enter`, `ArrowLeft`.
    pub fn press(&mut self, key: &str) {
        let (text, code) = match key {
            "Enter" => ("\r", 13),
            "Escape" => ("", 27),
            _ => (key, 0),
        };
        let mut down = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        if text.len() == 1 {
            down["text"] = text.into();
        }
        self.ask("Input.dispatchKeyEvent", down);
        self.ask("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key }));
        self.drawn();
    }

    pub fn type_text(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
        self.drawn();
    }

    pub fn mouse(&mut self, what: &str, x: f64, y: f64, more: Value) {
        let mut event = json!({ "type": what, "x": x, "y": y });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("Input.dispatchMouseEvent", event);
        self.drawn();
    }

    pub fn click(&mut self, x: f64, y: f64) {
        for what in ["mousePressed", "mouseReleased"] {
            self.mouse(what, x, y, json!({ "button": "left", "clickCount": 1 }));
        }
    }

    pub fn screenshot(&mut self, to: &Path) {
        let answer = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        std::fs::write(to, STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Everything that went wrong or outside: errors, warnings, refusals, and whatever was asked of any place but the
    /// file itself.
    pub fn complaints(&self) -> Vec<&Value> {
        let is_own = |event: &&Value| {
            event["method"] == "Network.requestWillBeSent"
                && event["params"]["request"]["url"].as_str().is_some_and(|url| url.starts_with("file://"))
                && event["params"]["type"] == "Document"
        };
        let spoke = |event: &&Value| {
            let method = event["method"].as_str().unwrap_or_default();
            matches!(
                method,
                "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded" | "Network.requestWillBeSent"
            )
        };
        self.events.iter().filter(spoke).filter(|event| !is_own(event)).collect()
    }
}

/// The protocol goes over descriptors 3 and 4, which the shell lays there and is then replaced.
fn command(profile: &Path) -> Command {
    let program = PROGRAMS.iter().find(|program| is_installed(program));
    let program = program.expect("no browser is installed: `make browser` installs one");
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", program]);
    // Who runs as root, as in a container, has no sandbox to build.
    command.args(["--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars"]);
    command.args(["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// It takes its own processes with it.
impl Drop for Browser {
    fn drop(&mut self) {
        let close = json!({ "id": i32::MAX, "method": "Browser.close" }).to_string();
        let asked = self.to.write_all(close.as_bytes()).and_then(|()| self.to.write_all(&[0]));
        let ends = || loop {
            match self.from.recv_timeout(Duration::from_secs(10)) {
                Ok(_) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return false,
            }
        };
        if asked.is_err() || !ends() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
