//! Growing delays (C13).

use crate::model::settings::Settings;

/// Longest delay between two tries.
const DELAY_MS_MAX: u64 = 60_000;

/// The delay after the `tries`-th try failed: `retry_delay`, doubling, at most a minute.
pub(super) fn delay_ms(settings: &Settings, tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1).min(16);
    settings.retry_delay_ms.saturating_mul(1 << doublings).min(DELAY_MS_MAX.max(settings.retry_delay_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C13: the delay doubles up to a minute.
    #[test]
    fn c13_delays_double_up_to_a_minute() {
        let settings = Settings::default();
        let delays: Vec<u64> = (1..=8).map(|tries| delay_ms(&settings, tries)).collect();
        assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    }
}
