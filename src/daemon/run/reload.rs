//! SIGHUP: settings and runtimes are read again. What is not in order changes nothing, and is said (C3a).

use std::sync::Arc;

use super::Starting;
use crate::config;
use crate::daemon::hands::Order;
use crate::daemon::host::Machine;
use crate::daemon::turning::Turning;
use crate::executor::tmux::in_full;
use crate::journal::{AppendError, DirStorage};
use crate::model::event::{Event, RuntimesChanged, SettingsUnreadable};
use crate::model::record::{Draft, Subject};
use crate::observe::clock;
use crate::supervisor::Asked;

impl Starting {
    /// Reads both again, and has the journal say what changed and what could not be used.
    pub(super) fn reload(&mut self, turning: &mut Turning<DirStorage, Machine>) -> Result<(), AppendError> {
        let facts = self.settings_again().into_iter().chain(self.runtimes_again());
        let asked = facts.map(|event| Asked::seen(Draft::own(Subject::NONE, None, event))).collect();
        let turn = turning.supervisor.turn(clock::now(), asked)?;
        turning.announce(&turn.into_inner().groups);
        Ok(())
    }

    fn settings_again(&mut self) -> Option<Event> {
        let loaded = config::load(&self.home.config_file(), std::env::vars_os());
        match loaded.and_then(|loaded| loaded.with_flags(&self.flags)) {
            // A value that only comes from elsewhere now is a change too: `why` names the place.
            Ok(loaded) if loaded.in_force() == self.loaded.in_force() => None,
            Ok(loaded) => {
                self.loaded = loaded;
                Some(self.loaded.in_force().into())
            }
            Err(error) => {
                let why = in_full(&error);
                tracing::warn!(why, "the settings stay as they were");
                Some(SettingsUnreadable { why }.into())
            }
        }
    }

    /// A slip in one file is the trouble of its own runtime alone (C51).
    fn runtimes_again(&mut self) -> Vec<Event> {
        let (runtimes, broken) = match self.runtimes.again(&self.home.runtimes()) {
            Ok(read) => read,
            Err(error) => {
                let why = in_full(&error);
                tracing::warn!(why, "all runtimes stay as they were");
                return vec![SettingsUnreadable { why }.into()];
            }
        };
        self.runtimes = Arc::new(runtimes);
        self.ears.renew(Arc::clone(&self.runtimes));
        let _ = self.orders.send(Order::Runtimes(Arc::clone(&self.runtimes)));
        let mut facts: Vec<Event> = Vec::with_capacity(broken.len() + 1);
        for broken in broken {
            let why = in_full(&broken.error);
            if broken.kept {
                tracing::warn!(why, "the runtime stays as it was");
            } else {
                tracing::warn!(why, "the runtime is not known until its file is in order");
            }
            facts.push(SettingsUnreadable { why }.into());
        }
        facts.push(RuntimesChanged { runtimes: self.runtimes.traits() }.into());
        facts
    }
}
