//! The crash-loop guard (C48).

use super::Case;
use crate::model::event::{QuarantineLifted, Quarantined};
use crate::model::id::Lsn;
use crate::model::record::Draft;
use crate::model::time::Timestamp;

/// Too many deaths in the window: no wakes until the oldest leaves it. And back, once it has.
pub(super) fn check(case: &Case) -> Vec<Draft> {
    match &case.presence.quarantine {
        Some(quarantine) if has_passed(case.now(), quarantine.until) => {
            vec![case.about_peer(QuarantineLifted { by_operator: false })]
        }
        Some(_) => Vec::new(),
        None if case.presence.deaths.is_empty() => Vec::new(),
        None => trip(case).into_iter().collect(),
    }
}

fn trip(case: &Case) -> Option<Draft> {
    let settings = &case.state.settings;
    let window_ms = settings.crashloop_window_ms;
    let recent: Vec<(Lsn, Timestamp)> =
        case.presence.deaths.iter().filter(|(_, at)| case.now().since(*at) < window_ms).copied().collect();
    let (_, oldest) = recent.first()?;
    (recent.len() >= settings.crashloop_deaths_max as usize).then(|| {
        // Counted in awake time from now, so that it ends in this boot even if the deaths were in another.
        let left_ms = window_ms.saturating_sub(case.now().since(*oldest));
        let deaths = recent.iter().map(|(lsn, _)| *lsn).collect();
        case.about_peer(Quarantined { deaths, window_ms, until: case.now().plus_ms(left_ms) })
    })
}

/// Whether `moment` is not in the future of `now`.
pub(super) fn has_passed(now: Timestamp, moment: Timestamp) -> bool {
    if now.boot == moment.boot { now.awake_ms >= moment.awake_ms } else { now.wall_us >= moment.wall_us }
}
