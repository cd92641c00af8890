//! What the sessions of a home show, for whoever looks into a failure.

use std::path::Path;
use std::process::Command;

use dormouse::home::Home;

use super::ending::list;
use super::text;

/// Size, cursor and text of every pane, cut off at the pane's last line.
const PANE: &str = "#{pane_id} #{pane_width}x#{pane_height}, cursor at #{cursor_x},#{cursor_y}, #{pane_current_command}, \
                    #{session_attached} attached";

pub(super) fn of(home: &Home) -> String {
    let sockets = list(&home.run.join("tmux"));
    let panes = sockets.iter().flat_map(|socket| {
        let panes = tmux(socket, &["list-panes", "-a", "-F", PANE]);
        let shown = panes.lines().map(|pane| {
            let id = pane.split(' ').next().unwrap_or_default();
            format!("\n--- screen {pane}\n{}", tmux(socket, &["capture-pane", "-p", "-t", id]))
        });
        shown.collect::<Vec<_>>()
    });
    panes.collect()
}

fn tmux(socket: &Path, args: &[&str]) -> String {
    let output = Command::new("tmux").arg("-u").arg("-S").arg(socket).args(args).output();
    output.map_or_else(|error| format!("tmux: {error}"), |output| text(&output.stdout))
}
