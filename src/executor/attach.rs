//! Joining a session in one's own terminal (C57).

use std::path::Path;
use std::process::Command;

use crate::home::Home;
use crate::model::effect::SessionName;

/// The tmux client that joins `name` in this terminal, to be `exec`ed. Leaving it leaves the session running; the window
/// follows this terminal meanwhile and goes back. Works from inside tmux too: it is another server's session.
pub fn attach_command(program: &Path, home: &Home, name: &SessionName) -> Command {
    let mut command = Command::new(program);
    command.args(["-u", "-f", "/dev/null", "-S"]).arg(home.tmux_socket(name));
    command.args(["attach-session", "-t", &format!("={}", name.peer)]);
    command.env_remove("TMUX").env_remove("TMUX_PANE");
    command
}
