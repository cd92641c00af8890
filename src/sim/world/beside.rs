//! What programs do beside their turns, in worlds with helpers: work in the background, helpers that speak, a status file.

use super::agent::Act;
use super::life::Stage;
use super::{What, World};
use crate::model::effect::SessionName;
use crate::model::event::{TurnObserved, TurnSeen};
use crate::model::session::Source;
use crate::model::time::Timestamp;

/// So much later than the hook that tells the same a status file does.
const STATUS_LAG_MS: u64 = 300;

impl World {
    /// Its turn is paused: its box is open, and something goes on that will wake it up.
    pub(super) fn goes_on_behind(&mut self, name: &SessionName) {
        let (now, after) = (self.now, self.new_turn());
        let Some(life) = self.lives.get_mut(name) else { return };
        let turn = life.turn;
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
        self.later(60_000, What::Act(name.clone(), turn, Act::Idle));
        self.later(ms / 3, What::Act(name.clone(), after, Act::Helper));
        self.later(ms, What::Act(name.clone(), after, Act::Return));
    }

    pub(super) fn comes_back(&mut self, name: &SessionName) {
        let turn = self.new_turn();
        let Some(life) = self.lives.get_mut(name) else { return };
        life.begins(turn, self.now);
        let ms = life.chance.spread(1_000, 60_000);
        self.tell(name, TurnSeen::Running);
        self.touch(name);
        self.later(ms, What::Act(name.clone(), turn, Act::Rest));
    }

    /// Its status file knows whether it does something, and not how that ended.
    pub(super) fn write_status(&mut self, name: &SessionName, turn: &TurnSeen) {
        let status = match turn {
            TurnSeen::Running => TurnSeen::Running,
            TurnSeen::Waiting { .. } => TurnSeen::Waiting { on: "dialog open".to_owned() },
            TurnSeen::Ended | TurnSeen::Failed { .. } | TurnSeen::Background { .. } | TurnSeen::Idle => TurnSeen::Idle,
            TurnSeen::Alive => return,
        };
        let keeps_one = self.faults.has_helpers();
        let since = self.timestamp();
        let Some(life) = self.lives.get_mut(name).filter(|_| keeps_one) else { return };
        if life.does.as_ref() != Some(&status) {
            life.does = Some(status.clone());
            self.later(STATUS_LAG_MS, What::Status(name.clone(), status, since));
        }
    }

    pub fn status_is_written(&mut self, name: &SessionName, status: TurnSeen, since: Timestamp) {
        if let Some(life) = self.lives.get_mut(name) {
            life.status = Some((status, since));
            self.read_status(name);
        }
    }

    /// Who watches the file tells what stands there, and since when by the wall clock: when it changes, and when a daemon
    /// begins to watch.
    pub fn read_status(&mut self, name: &SessionName) {
        let status = self.lives.get(name).filter(|life| life.runs()).and_then(|life| life.status.clone());
        if let Some((turn, since)) = status {
            let said_at = Some(self.timestamp().back_at(since.wall_us));
            self.report(name, None, TurnObserved { turn, source: Source::StatusFile, turn_id: None, said_at });
        }
    }
}
