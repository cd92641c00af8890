//! Whether the input surface is there: what a boot waits for, and what every delivery asks again (C27).

use crate::executor::hand::Hand;
use crate::executor::tmux::Look;
use crate::executor::tty::Tty;
use crate::model::event::RuntimeKind;
use crate::runtime::screen::Reading;
use crate::runtime::spec::Spec;
use crate::shim::files::Terminal;

/// The input surface, as far as screen and terminal tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Surface {
    Open,
    /// The box is not on the screen.
    NoBox,
    /// The program has not asked for bracketed paste.
    PasteModeOff,
}

/// Judges the input surface. `reading` is what the screen shows, for a runtime whose file names patterns.
pub(in crate::executor) fn surface(
    spec: &Spec,
    reading: Option<&Reading<'_>>,
    look: Option<&Look>,
    terminal: &Terminal,
) -> Surface {
    if spec.kind == RuntimeKind::Router {
        return Surface::Open;
    }
    if reading.and_then(|reading| reading.box_open) == Some(false) {
        return Surface::NoBox;
    }
    let bracketed = look.and_then(|look| look.bracketed_paste).unwrap_or(terminal.bracketed_paste);
    if spec.input.bracketed_paste && !bracketed {
        return Surface::PasteModeOff;
    }
    Surface::Open
}

/// Whether this runtime's file says anything about the screen. If not, nobody needs to look at it.
pub(in crate::executor) fn reads_screen(spec: &Spec) -> bool {
    spec.input.screen.is_some()
        || spec.input.empty.is_some()
        || spec.turn.waiting.is_some()
        || spec.turn.working.is_some()
        || !spec.dialogs.is_empty()
        || !spec.fatal.is_empty()
}

/// For a program without box and bracketed paste: whether it waits for input. A terminal that cannot be asked is left
/// to the paste's own guard.
pub(super) async fn reads_its_terminal(hand: &Hand) -> bool {
    let Ok(pane) = hand.pane(None).await else { return false };
    match (Tty::open(pane.tty()), hand.born()) {
        (Ok(tty), Ok(Some(born))) => tty.is_read_by(born.program_pid),
        _ => false,
    }
}
