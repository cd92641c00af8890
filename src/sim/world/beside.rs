//! What programs do beside their turns, in worlds with helpers: work in the background, helpers that speak, a status file.

use super::agent::Act;
use super::life::Stage;
use super::{What, World};
use crate::model::effect::SessionName;
use crate::model::event::{TurnObserved, TurnSeen};
use crate::model::session::Source;

impl World {
    /// Its turn is paused: its box is open, and something goes on that will wake it up.
    pub(super) fn goes_on_behind(&mut self, name: &SessionName) {
        let (now, after) = (self.now, self.new_turn());
        let Some(life) = self.lives.get_mut(name) else { return };
        life.stage = Stage::Rest;
        life.screen_moved_ms = now;
        life.record_moved_ms = now;
        let ms = life.chance.spread(60_000, 7_200_000);
        let heard = self.tell(name, TurnSeen::Background { on: "1 task".to_owned() });
        if let Some(life) = self.lives.get_mut(name) {
            life.behind = heard;
            life.goes_on(after);
        }
        self.touch(name);
        self.later(ms / 3, What::Act(name.clone(), after, Act::Helper));
        self.later(ms, What::Act(name.clone(), after, Act::Return));
    }

    pub(super) fn comes_back(&mut self, name: &SessionName) {
        let turn = self.new_turn();
        let Some(life) = self.lives.get_mut(name) else { return };
        life.goes_on(turn);
        (life.behind, life.turn_told) = (false, false);
        life.stage = Stage::Turn;
        life.screen_moved_ms = self.now;
        let ms = life.chance.spread(1_000, 60_000);
        self.tell(name, TurnSeen::Running);
        self.touch(name);
        self.later(ms, What::Act(name.clone(), turn, Act::Rest));
    }

    /// Its status file knows whether it does something, and not how that ended.
    pub(super) fn write_status(&mut self, name: &SessionName, turn: &TurnSeen) {
        let turn = match turn {
            TurnSeen::Ended | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => TurnSeen::Idle,
            TurnSeen::Running | TurnSeen::Idle | TurnSeen::Waiting { .. } | TurnSeen::Alive => return,
        };
        if self.faults.has_helpers() {
            let said_at = Some(self.timestamp());
            let observed = TurnObserved { turn, source: Source::StatusFile, turn_id: None, said_at };
            self.report(name, None, observed);
        }
    }
}
