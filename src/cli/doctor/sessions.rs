//! Where sessions live: what is done to the service of the daemon that started one may reach it.

use std::fs;

use super::finding::Finding;
use super::service::Service;
use crate::executor::tmux::service_of;
use crate::explain::phrase::count;
use crate::model::state::State;

/// None: no session lives in the daemon's service, or nobody can tell.
pub fn examine(service: &Service, state: &State) -> Option<Finding> {
    let daemon = groups_of(service.pid?)?;
    let pids = state.presences.values().filter_map(|presence| presence.session.as_ref()?.pid);
    within(&daemon, pids.filter_map(groups_of))
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
    fn sessions_in_the_daemons_service_are_counted() {
        let unit = |unit: &str| format!("0::/user.slice/user-1.slice/user@1.service/app.slice/{unit}\n");
        let found = |daemon: &str, sessions: &[&str]| within(&unit(daemon), sessions.iter().map(|it| unit(it)));
        let says = found("d.service", &["d.service", "run-r1.scope", "d.service"]).unwrap().says;
        assert!(says.starts_with("2 sessions live in the control group of d.service: "), "{says}");
        assert_eq!(found("d.service", &["run-r1.scope", "e.service"]), None);
        assert_eq!(found("session-2.scope", &["session-2.scope"]), None, "a login's shell has no limits of its own");
    }
}
