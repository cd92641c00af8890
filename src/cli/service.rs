mod environment;
mod managed;
mod unit;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::json;

use super::context::Context;
use super::doctor::missing_in;
use super::error::{CliError, warn};
use crate::protocol::Problem;
use managed::NotDone;
use unit::{Manager, OURS, Service};

/// Have the daemon started at login and kept running
///
/// Writes a systemd user unit, or a launchd agent on macOS, and starts it. Sessions outlive the daemon: a restart of the
/// service ends none. A file of that name that somebody else wrote is left alone.
#[derive(Debug, clap::Args)]
pub struct ServiceVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write the unit, enable it and start it
    Install(Install),
    /// Stop it, disable it and remove the unit; sessions go on
    Uninstall(Uninstall),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// Print what would be written, and change nothing
    #[arg(long)]
    print: bool,
    /// Write it, and leave it to you to enable it
    #[arg(long)]
    no_start: bool,
    /// Whom it is for [default: the one of this system]
    #[arg(long, value_enum, value_name = "NAME")]
    manager: Option<Manager>,
}

#[derive(Debug, clap::Args)]
struct Uninstall {
    /// Whom it was for [default: the one of this system]
    #[arg(long, value_enum, value_name = "NAME")]
    manager: Option<Manager>,
}

impl ServiceVerb {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        match self.what {
            What::Install(verb) => verb.run(context),
            What::Uninstall(verb) => verb.run(context),
        }
    }
}

impl Install {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let place = Place::of(context, self.manager)?;
        let path = good_path()?;
        let left_out = environment::secrets(context);
        let text = place.service(context, path.clone(), &left_out)?.text(place.manager);
        say_missing(context, &path);
        say_left_out(&place, &left_out, context.output.json);
        if self.print {
            return context.output.print(&json!({ "file": place.file, "text": text }), || text.trim_end().to_owned());
        }
        let was = place.read()?;
        let written = was.as_deref() != Some(text.as_str());
        if written {
            let failed = |source: io::Error| Problem::failed(format!("cannot write {}: {source}", place.shown()));
            fs::create_dir_all(place.folder()).and_then(|()| fs::write(&place.file, &text)).map_err(failed)?;
        }
        if !self.no_start {
            place.start().map_err(|why| not_started(&place, written, &why))?;
        }
        let did = if written { "wrote" } else { "left as it was:" };
        let hint = place.linger_hint();
        let said = json!({
            "file": place.file,
            "name": place.name,
            "written": written,
            "started": !self.no_start,
            "left_out": left_out,
            "hint": hint,
        });
        let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        context.output.print(&said, || format!("{did} {}{hint}", place.shown()))
    }
}

impl Uninstall {
    fn run(self, context: &Context) -> Result<(), CliError> {
        let place = Place::of(context, self.manager)?;
        if place.read()?.is_none() {
            let said = json!({ "file": place.file, "name": place.name, "removed": false, "stopped": false });
            return context.output.print(&said, || format!("there was no {}", place.shown()));
        }
        let stopped = place.stop();
        // Whatever came of that: a file that stays starts the daemon at the next login.
        let failed = |source: io::Error| Problem::failed(format!("cannot remove {}: {source}", place.shown()));
        fs::remove_file(&place.file).map_err(failed)?;
        // What enabled it, where the manager did not take it away; a link to nothing would be all that is left of it.
        let _ = place.wanted().map(fs::remove_file);
        let stopped = stopped.and_then(|()| place.reload());
        match &stopped {
            Err(why) if why.is_absent => {
                let hint =
                    "a daemon that somebody else started goes on until it gets a SIGTERM, and its sessions beyond that";
                warn(&format!("{why}; nothing was stopped"), hint, context.output.json);
            }
            Err(why) => {
                let problem = Problem::failed(format!("removed {}, but {why}", place.shown()));
                return Err(problem.hint(format!("`{}` ends what still runs", place.stop_by_hand())).into());
            }
            Ok(()) => {}
        }
        let said = json!({ "file": place.file, "name": place.name, "removed": true, "stopped": stopped.is_ok() });
        context.output.print(&said, || format!("removed {}", place.shown()))
    }
}

fn not_started(place: &Place, written: bool, why: &NotDone) -> CliError {
    let file = place.shown();
    let did = if written { format!("wrote {file}") } else { format!("{file} is there as it was") };
    let hint = "`dormouse service install` again, in a login session of yours, where there is a user manager; \
                `--no-start` only writes the file";
    Problem::failed(format!("{did}, but {why}")).hint(hint).into()
}

/// The shell that has the right `PATH` is at hand now, and not when a wake fails.
fn say_missing(context: &Context, path: &str) {
    for (program, runtimes) in missing_in(context, path) {
        let runtimes = runtimes.join(", ");
        let message = format!("the PATH of this shell, {path}, has no {program}, which runtime {runtimes} starts");
        let hint = format!(
            "`dormouse service install` in a shell that finds {program}, then restart the service; until then no peer on \
             {runtimes} wakes"
        );
        warn(&message, &hint, context.output.json);
    }
}

/// Peers that are signed in by nothing else would wake signed out.
fn say_left_out(place: &Place, names: &[String], json: bool) {
    if names.is_empty() {
        return;
    }
    let names = names.join(", ");
    let message = format!(
        "{names} of this shell are not in the service's environment: secrets are not written into a file that others may read"
    );
    let hint = format!(
        "{}; or log in once with the program itself, which then keeps its own credentials",
        place.give_by_hand()
    );
    warn(&message, &hint, json);
}

/// A service of this home's, as it was installed.
pub struct Installed {
    pub file: PathBuf,
    /// The `PATH` it runs with.
    pub path: Option<String>,
}

/// None: there is none, or none of ours.
pub fn installed(context: &Context) -> Option<Installed> {
    let place = Place::of(context, None).ok()?;
    let text = place.read().ok()??;
    Some(Installed { path: unit::path_in(&text, place.manager), file: place.file })
}

/// Where the file of this home's service lies.
struct Place {
    manager: Manager,
    name: String,
    file: PathBuf,
    /// None: the home of the XDG folders.
    home: Option<PathBuf>,
}

impl Place {
    fn of(context: &Context, manager: Option<Manager>) -> Result<Self, CliError> {
        let here = if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd };
        let manager = manager.unwrap_or(here);
        // One folder for everything is a home that was named; the XDG folders are three.
        let home = Some(context.home.config.clone()).filter(|config| *config == context.home.state);
        let name = unit::name(home.as_deref(), manager);
        let of_user =
            variable("HOME").ok_or_else(|| Problem::failed("cannot tell where its folder is: HOME is not set"))?;
        let file = match manager {
            Manager::Systemd => variable("XDG_CONFIG_HOME")
                .unwrap_or_else(|| of_user.join(".config"))
                .join("systemd/user")
                .join(format!("{name}.service")),
            Manager::Launchd => of_user.join("Library/LaunchAgents").join(format!("{name}.plist")),
        };
        Ok(Self { manager, name, file, home })
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(&self.file)
    }

    fn shown(&self) -> String {
        self.file.display().to_string()
    }

    /// The link by which systemd starts it at login.
    fn wanted(&self) -> Option<PathBuf> {
        let file = self.file.file_name()?;
        (self.manager == Manager::Systemd).then(|| self.folder().join("default.target.wants").join(file))
    }

    fn service(&self, context: &Context, path: String, left_out: &[String]) -> Result<Service, CliError> {
        let dormouse =
            env::current_exe().map_err(|error| Problem::failed(format!("cannot tell where dormouse is: {error}")))?;
        let mut environment = vec![("PATH".to_owned(), path)];
        let pinned = environment::pinned(self.manager, self.home.is_some());
        environment.extend(pinned.into_iter().filter(|(name, _)| !left_out.contains(name)));
        let log = context.home.state.join("daemon.log");
        Ok(Service { name: self.name.clone(), dormouse, home: self.home.clone(), environment, log })
    }

    /// The file, if it is there; somebody else's is refused.
    fn read(&self) -> Result<Option<String>, CliError> {
        match fs::read_to_string(&self.file) {
            Ok(text) if text.lines().take(2).any(|line| line.contains(OURS)) => Ok(Some(text)),
            Ok(_) => Err(Problem::refused(format!("{} was not written by dormouse", self.shown()))
                .hint("move it away; `dormouse service install --print` shows what would be there instead")
                .into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::failed(format!("cannot read {}: {error}", self.shown())).into()),
        }
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The `PATH` of this shell, as far as it means the same elsewhere; tmux has to be in it.
fn good_path() -> Result<String, CliError> {
    let here = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&here).filter(|folder| folder.is_absolute()).collect();
    if !folders.iter().any(|folder| folder.join("tmux").is_file()) {
        let problem = Problem::refused("tmux is not in this shell's PATH, which the service would run with");
        return Err(problem.hint("`dormouse doctor` says what else is missing").into());
    }
    let joined: OsString = env::join_paths(folders).unwrap_or_default();
    joined.into_string().map_err(|_| Problem::refused("this shell's PATH is not UTF-8").into())
}
