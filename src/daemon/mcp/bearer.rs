//! Whose secret a call carries, as the files of this home tell: the journal need not be open for that.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::spools;
use crate::home::Home;
use crate::model::effect::SessionName;

/// From one look at all secret files to the next: a flood of guesses costs no more than this.
const LOOKS_APART: Duration = Duration::from_millis(50);

/// Sessions by their secrets. One that was once seen is known for ever: it is told apart from a wrong one.
pub(super) struct Bearers {
    home: Home,
    known: Mutex<BTreeMap<String, SessionName>>,
    /// When the last look began.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// Who holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Session(SessionName),
    /// It was a session's, and that has ended.
    Ended(SessionName),
    Nobody,
}

impl Bearers {
    pub(super) fn new(home: Home) -> Self {
        Self { home, known: Mutex::default(), looked: tokio::sync::Mutex::default() }
    }

    pub(super) async fn holder(&self, secret: &str) -> Holder {
        let asked = Instant::now();
        if let Some(session) = self.known(secret) {
            return self.told(session);
        }
        let mut looked = self.looked.lock().await;
        // Whoever looked meanwhile has seen all there was when this was asked.
        if looked.is_none_or(|began| began < asked) {
            if let Some(rest) = looked.and_then(|began| LOOKS_APART.checked_sub(began.elapsed())) {
                tokio::time::sleep(rest).await;
            }
            *looked = Some(Instant::now());
            self.look();
        }
        self.known(secret).map_or(Holder::Nobody, |session| self.told(session))
    }

    fn known(&self, secret: &str) -> Option<SessionName> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned()
    }

    fn told(&self, session: SessionName) -> Holder {
        let files = self.home.session(&session);
        let lives = files.secret().exists() && !files.status().exists();
        if lives { Holder::Session(session) } else { Holder::Ended(session) }
    }

    fn look(&self) {
        let found = spools::sessions(&self.home).into_iter().filter_map(|session| {
            let secret = fs::read_to_string(self.home.session(&session).secret()).ok()?;
            let secret = secret.trim();
            (!secret.is_empty()).then(|| (secret.to_owned(), session))
        });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}
