//! Where sessions live, for what is done to the service of the daemon that started one may reach it; and whether they still
//! reach the daemon.

use std::fs;

use super::finding::Finding;
use super::service::Service;
use crate::daemon::mcp::kept_port;
use crate::executor::tmux::service_of;
use crate::explain::phrase::count;
use crate::home::Home;
use crate::model::effect::SessionName;
use crate::model::state::State;
use crate::shim::files::{Launch, read};

/// None: no session lives in the daemon's service, or nobody can tell.
pub fn examine(service: &Service, state: &State) -> Option<Finding> {
    let daemon = groups_of(service.pid?)?;
    let pids = state.presences.values().filter_map(|presence| presence.session.as_ref()?.pid);
    within(&daemon, pids.filter_map(groups_of))
}

/// The sessions whose programs were told another port than the one where agents call now (C62).
pub fn cannot_call(home: &Home, state: &State) -> Vec<Finding> {
    let Some(port) = kept_port(home) else { return Vec::new() };
    let sessions = state.presences.iter().filter_map(|(peer, presence)| {
        let session = presence.session.as_ref().filter(|session| !session.is_ending())?;
        Some(SessionName { peer: peer.clone(), generation: session.generation })
    });
    let findings = sessions.filter_map(|session| {
        let launch: Launch = read(&home.session(&session).launch()).ok()??;
        let told = launch.argv.iter().find_map(|arg| port_in(arg)).filter(|told| *told != port)?;
        let peer = &session.peer;
        let says = format!(
            "it was started when agents called at port {told}, which something else had taken when the daemon came back: now they call at {port}, and its tools reach nobody"
        );
        Some(Finding::warn(format!("session of {peer}"), says, format!("`dormouse new {peer}` gives it a session whose tools work, and a new conversation; after `dormouse stop {peer}` and `dormouse start {peer}` the next message resumes this one")))
    });
    findings.collect()
}

/// As [`Listening::url`](crate::daemon::mcp::Listening::url) writes it.
fn port_in(arg: &str) -> Option<u16> {
    let (_, rest) = arg.split_once("http://127.0.0.1:")?;
    rest.split_once("/mcp")?.0.parse().ok()
}

fn groups_of(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()
}

fn within(daemon: &str, sessions: impl Iterator<Item = String>) -> Option<Finding> {
    let path = service_of(daemon)?;
    let unit = path.rsplit('/').next()?;
    let n = sessions.filter(|groups| service_of(groups) == Some(path)).count();
    let says = || {
        let sessions = count(n as u64, "session lives", "sessions live");
        format!(
            "{sessions} in the control group of {unit}: its limits hold for the daemon and them together, and `systemctl kill` of it reaches them"
        )
    };
    (n > 0).then(|| Finding::ok("sessions", says()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_wherever_a_program_is_told_of_it() {
        let claude = r#"--mcp-config={"mcpServers":{"dormouse":{"type":"http","url":"http://127.0.0.1:40001/mcp"}}}"#;
        assert_eq!(port_in(claude), Some(40001));
        assert_eq!(port_in("mcp_servers.dormouse.url=\"http://127.0.0.1:7/mcp\""), Some(7));
        assert_eq!(port_in("http://127.0.0.1:8080/v1"), None, "another's");
    }

    #[test]
    fn sessions_in_the_daemons_service_are_counted() {
        let unit = |unit: &str| format!("0::/user.slice/user-1.slice/user@1.service/app.slice/{unit}\n");
        let found = |daemon: &str, sessions: &[&str]| within(&unit(daemon), sessions.iter().map(|it| unit(it)));
        let says = found("d.service", &["d.service", "run-r1.scope", "d.service"]).unwrap().says;
        assert!(says.starts_with("2 sessions live in the control group of d.service: "), "{says}");
        assert_eq!(found("d.service", &["run-r1.scope", "e.service"]), None);
        assert_eq!(found("session-2.scope", &["session-2.scope"]), None, "a login's shell has no limits of its own");
    }
}
