//! The runtimes: whether each file can be read, and whether its program is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::finding::Finding;
use super::hooks;
use super::service::Service;
use crate::cli::error::CliError;
use crate::home::Home;
use crate::model::name::Runtime;
use crate::model::state::State;
use crate::runtime::placeholders::{Values, expand};
use crate::runtime::sign_in::{Provider, provider};
use crate::runtime::spec::{ConfigFile, SignIn};
use crate::runtime::{Loaded, Runtimes, Spec};

/// Longest for a program to say its version; node takes a second on a busy machine.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// Every runtime whose file is in order.
pub type Known = BTreeMap<Runtime, Arc<Spec>>;

/// Every runtime whose file is in order, and nothing said of those whose is not.
pub fn known(home: &Home) -> Known {
    let each = Runtimes::each(&home.runtimes()).unwrap_or_default();
    each.into_iter().filter_map(|(_, loaded)| loaded.ok()).map(|it| (it.name, it.spec)).collect()
}

/// Each runtime's file and program.
pub fn examine(home: &Home, service: &Service, state: &State) -> (Vec<Finding>, Known) {
    let (mut findings, mut known) = (Vec::new(), Known::new());
    let each = match Runtimes::each(&home.runtimes()) {
        Ok(each) => each,
        Err(error) => {
            let says = CliError::Runtime(error).sentence();
            return (vec![Finding::fail("runtimes", says, "make the folder readable")], known);
        }
    };
    for (file, loaded) in each {
        match loaded {
            Ok(Loaded { name, spec, .. }) => {
                findings.push(program(&spec, file.is_some(), home, service, state));
                if is_used(&spec, state) {
                    findings.extend(used(&spec, home, service));
                    findings.extend(hooks::examine(&spec, &values(home, service), state));
                }
                known.insert(name, spec);
            }
            Err(error) => {
                let name = file.and_then(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
                let check = format!("runtime {}", name.unwrap_or_default());
                let remedy =
                    "correct it; until then no daemon starts, and one that runs keeps the form in which it had it";
                findings.push(Finding::fail(check, CliError::Runtime(error).sentence(), remedy));
            }
        }
    }
    (findings, known)
}

/// A program that is missing matters as much as its runtime does.
fn program(spec: &Spec, is_users: bool, home: &Home, service: &Service, state: &State) -> Finding {
    let check = format!("runtime {}", spec.name);
    let argv0 = spec.argv.first().map_or("", String::as_str);
    if ["{cwd}", "{identity}", "{personality}", "{session_uuid}"].iter().any(|part| argv0.contains(part)) {
        return Finding::ok(check, format!("{argv0} differs from peer to peer"));
    }
    let values = values(home, service);
    let filled = |text: &str| expand(text, &values).ok();
    let path = spec.env.get("PATH").and_then(|path| filled(path));
    let Some(program) = filled(argv0) else {
        return Finding::ok(check, format!("{argv0} differs from session to session"));
    };
    if let Some(found) = service.find(&program, path.as_deref()) {
        return Finding::ok(check, found.display().to_string());
    }
    let says = format!("its program {program} is not there, or not in the daemon's PATH");
    let remedy = format!("install it, or give its whole path in {}", home.runtime_file(&spec.name).display());
    let profiles = || state.peers.values().map(|peer| &peer.registration.profile);
    if profiles().any(|profile| profile.default_runtime == spec.name) {
        Finding::fail(check, says, remedy)
    } else if is_users || profiles().any(|profile| profile.runtimes.contains(&spec.name)) {
        Finding::warn(check, says, remedy)
    } else {
        Finding::ok(check, format!("{program} is not there; no peer uses it"))
    }
}

fn is_used(spec: &Spec, state: &State) -> bool {
    state.peers.values().any(|peer| peer.registration.profile.runtimes.contains(&spec.name))
}

fn values(home: &Home, service: &Service) -> Values {
    let folder = |name: &str| service.variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = folder("HOME").unwrap_or_default();
    Values {
        claude_config_dir: folder("CLAUDE_CONFIG_DIR").unwrap_or_else(|| of_user.join(".claude")),
        codex_home: folder("CODEX_HOME").unwrap_or_else(|| of_user.join(".codex")),
        home: of_user,
        dormouse_home: home.config.clone(),
        dormouse: service.dormouse.clone(),
        ..Values::default()
    }
}

/// What is worth knowing of a program that peers run.
fn used(spec: &Spec, home: &Home, service: &Service) -> Vec<Finding> {
    let values = values(home, service);
    let check = || format!("runtime {}", spec.name);
    let mut findings: Vec<Finding> = version(spec, &values, service).into_iter().collect();
    findings.extend(spec.sign_in.as_ref().map(|sign_in| signed_in(sign_in, spec, &values, service)));
    findings.extend(spec.notes.iter().map(|note| Finding::ok(check(), note)));
    findings
}

/// Patterns are those of one version's screens.
fn version(spec: &Spec, values: &Values, service: &Service) -> Option<Finding> {
    let (seen_on, argv) = (spec.seen_on.as_ref()?, spec.version_argv.as_ref()?);
    let check = format!("runtime {}", spec.name);
    let argv: Vec<String> = argv.iter().filter_map(|text| expand(text, values).ok()).collect();
    let program = service.find(argv.first()?, None)?;
    let asked = argv.join(" ");
    let remedy =
        format!("`dormouse runtime check {} --screen FILE` says what its patterns make of a screen", spec.name);
    Some(match printed(&program, &argv[1..], service) {
        Err(why) => Finding::warn(check, format!("`{asked}` does not say its version: {why}"), remedy),
        Ok(said) if said.split_whitespace().any(|word| word.trim_start_matches('v') == seen_on) => {
            Finding::ok(check, format!("version {seen_on}, on which its patterns were recorded"))
        }
        Ok(said) => {
            let first = said.lines().next().unwrap_or_default();
            let says = format!("`{asked}` says `{first}`; its patterns were recorded on {seen_on}");
            Finding::warn(check, says, remedy)
        }
    })
}

/// The first line that the program of `spec` prints when it is asked for its version; none if it cannot be asked.
pub fn version_of(spec: &Spec, home: &Home, service: &Service) -> Option<String> {
    let values = values(home, service);
    let argv: Vec<String> = spec.version_argv.iter().flatten().filter_map(|text| expand(text, &values).ok()).collect();
    let program = service.find(argv.first()?, None)?;
    let said = printed(&program, &argv[1..], service).ok()?;
    said.lines().next().map(str::to_owned)
}

/// What it prints within its time, run as the daemon would.
fn printed(program: &Path, args: &[String], service: &Service) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(service.environment()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    let mut stdout = child.stdout.take().ok_or("it has no output")?;
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        // Who has stopped waiting needs no answer.
        let _ = tell.send(stdout.read_to_string(&mut text).map(|_| text));
    });
    let said = told.recv_timeout(VERSION_PATIENCE);
    // It has said what it had to say, or will not.
    let _ = child.kill();
    let _ = child.wait();
    match said {
        Ok(Ok(text)) if !text.trim().is_empty() => Ok(text),
        Ok(Ok(_)) => Err("it prints nothing".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {} s", VERSION_PATIENCE.as_secs())),
    }
}

fn signed_in(sign_in: &SignIn, spec: &Spec, values: &Values, service: &Service) -> Finding {
    let check = format!("runtime {}", spec.name);
    let file = sign_in.files.iter().filter_map(|file| expand(file, values).ok()).find(|file| Path::new(file).is_file());
    if let Some(file) = file {
        return Finding::ok(check, format!("signed in by {file}"));
    }
    let is_set = |name: &str| service.variable(name).is_some_and(|value| !value.is_empty());
    if let Some(name) = sign_in.env.iter().find(|name| is_set(name)) {
        return Finding::ok(check, format!("signed in by {name}"));
    }
    if let Some((file, provider)) = sign_in.config.as_ref().and_then(|config| told_whom_to_ask(config, values)) {
        let asks = format!("told by {file} to ask {}", provider.name);
        return match provider.key {
            Some(name) if !is_set(&name) && !spec.env.contains_key(&name) => {
                let says = format!("{asks}, whose key is in {name}, which the daemon's environment does not have");
                Finding::warn(check, says, format!("start the daemon with {name} set"))
            }
            Some(name) => Finding::ok(check, format!("{asks}, with the key in {name}")),
            None => Finding::ok(check, format!("{asks}, without a key")),
        };
    }
    let path = |path: &String| expand(path, values).unwrap_or_else(|_| path.clone());
    let config = sign_in.config.iter().map(|config| format!("a provider in {}", path(&config.path)));
    let files = sign_in.files.iter().map(path);
    let looked = files.chain(sign_in.env.iter().cloned()).chain(config).collect::<Vec<_>>().join(", ");
    Finding::warn(check, format!("nothing shows that it is signed in (looked for {looked})"), &sign_in.says)
}

/// The variables that hold a key of any runtime: those its file looks for, and those its program's settings name.
pub fn sign_in_variables(home: &Home, service: &Service) -> BTreeSet<String> {
    let values = values(home, service);
    let known = known(home);
    let all = known.values().filter_map(|spec| spec.sign_in.as_ref());
    let keys = |sign_in: &SignIn| {
        let told = sign_in.config.as_ref().and_then(|config| told_whom_to_ask(config, &values));
        sign_in.env.iter().cloned().chain(told.and_then(|(_, provider)| provider.key)).collect::<Vec<_>>()
    };
    all.flat_map(keys).collect()
}

fn told_whom_to_ask(config: &ConfigFile, values: &Values) -> Option<(String, Provider)> {
    let file = expand(&config.path, values).ok()?;
    let provider = provider(config.format, &fs::read_to_string(&file).ok()?)?;
    Some((file, provider))
}
