//! The awake clock and the name of this boot, for processes beside the daemon.

use std::fs;
use std::sync::LazyLock;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds this boot has been awake: stands still while the machine sleeps (C50a).
pub fn awake_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

/// This start of the machine: the first eight bytes of the kernel's boot id. Zero where the kernel names none; then
/// every boot looks the same and a session of an earlier one is found gone by its process.
pub fn boot() -> u64 {
    static BOOT: LazyLock<u64> = LazyLock::new(|| {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        first_eight_bytes(&text).unwrap_or(0)
    });
    *BOOT
}

fn first_eight_bytes(boot_id: &str) -> Option<u64> {
    let digits: String = boot_id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_is_named_by_the_first_eight_bytes_of_its_id() {
        let id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\n";
        assert_eq!(first_eight_bytes(id), Some(0x0a1b_2c3d_4e5f_6071));
        assert_ne!(boot(), 0, "this kernel names its boots");
    }
}
