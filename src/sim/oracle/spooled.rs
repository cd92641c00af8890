//! What a session said while no daemon listened is taken up by the next one.

use super::Broken;
use crate::supervisor::Turn;

/// `spooled` words lay there, and this turn took them up behind what a start says of itself.
pub fn spooled_is_taken_up(spooled: usize, turn: &Turn) -> Result<(), Broken> {
    if turn.outcomes.len() > spooled {
        return Ok(());
    }
    let what = format!("{spooled} words lay in spools, and {} things were taken up", turn.outcomes.len());
    Err(Broken { oracle: "what was said is heard", rule: "C61a", what })
}
