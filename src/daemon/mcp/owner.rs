//! Whose the socket at the other end of a call is. A secret goes over the wire as it is, and while no daemon listens anybody
//! on this machine can: what a stranger hears there must be worth nothing to him.

use std::fs;
use std::net::SocketAddr;

/// What the kernel says of the caller's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    User(u32),
    /// It is closed already: nobody's any more.
    Nobody,
    /// This system keeps no such table.
    NotTold,
}

impl Owner {
    pub(super) fn uid(self) -> Option<u32> {
        match self {
            Owner::User(uid) => Some(uid),
            Owner::Nobody | Owner::NotTold => None,
        }
    }

    /// Whether what comes from there may be a session's of a daemon that runs as `own`. Root could read every secret anyway.
    pub(super) fn may_call(self, own: u32) -> bool {
        match self {
            Owner::User(uid) => uid == own || uid == 0,
            Owner::Nobody => false,
            Owner::NotTold => true,
        }
    }
}

/// A table is read in pieces, and may miss a line that others push aside meanwhile.
const LOOKS: u32 = 3;

/// Whose the socket is that calls `port` from `from`. On Linux `/proc/net/tcp` has a line for it, or `tcp6` if the caller made
/// it one of both versions.
pub(super) fn owner(from: SocketAddr, port: u16) -> Owner {
    for _ in 0..LOOKS {
        let mut is_told = false;
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let Ok(table) = fs::read_to_string(table) else { continue };
            if let Some(owner) = listed(&table, from, port) {
                return owner;
            }
            is_told = true;
        }
        if !is_told {
            return Owner::NotTold;
        }
    }
    Owner::Nobody
}

/// Columns as proc_pid_net(5) has them: number, local and remote address, state, queues, timer, retransmits, uid, timeout, inode.
fn listed(table: &str, from: SocketAddr, port: u16) -> Option<Owner> {
    let SocketAddr::V4(from) = from else { return None };
    // Four bytes as the machine has a number of them. The line of tcp6 ends with the same ones.
    let near = format!("{:08X}:{:04X}", u32::from_ne_bytes(from.ip().octets()), from.port());
    let far = format!("{:08X}:{port:04X}", u32::from_ne_bytes([127, 0, 0, 1]));
    table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>()).find_map(|columns| {
        let is_theirs = columns.get(1)?.ends_with(&near) && columns.get(2)?.ends_with(&far);
        let uid = columns.get(7).filter(|_| is_theirs)?.parse().ok()?;
        // A socket that its process has closed says uid 0.
        Some(if *columns.get(9)? == "0" { Owner::Nobody } else { Owner::User(uid) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(near: &str, far: &str, state: &str, uid: u32, inode: u32) -> String {
        format!("   1: {near} {far} {state} 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0\n")
    }

    fn address(octets: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(octets))
    }

    /// C62: the kernel's word for who calls.
    #[test]
    fn c62_a_socket_belongs_to_whom_the_kernel_says() {
        let (here, there) = (address([127, 0, 0, 1]), address([127, 0, 0, 2]));
        let from: SocketAddr = "127.0.0.1:40000".parse().unwrap();
        let (near, far) = (format!("{here}:9C40"), format!("{here}:1F90"));
        let in_table = |lines: &[String]| listed(&[HEAD.to_owned(), lines.concat()].concat(), from, 8080);
        // The daemon's own end, another connection, and one from another address with the same port.
        let others = [
            line(&far, &near, "01", 1000, 7),
            line(&near, &format!("{here}:1F91"), "01", 1000, 8),
            line(&format!("{there}:9C40"), &far, "01", 1000, 9),
        ];
        assert_eq!(in_table(&others), None);
        let with = |own: String| [&others[..], &[own]].concat();
        assert_eq!(in_table(&with(line(&near, &far, "01", 65534, 10))), Some(Owner::User(65534)));
        assert_eq!(in_table(&with(line(&near, &far, "05", 0, 0))), Some(Owner::Nobody), "closed");
        let mapped = |end: &str| format!("0000000000000000{:08X}{end}", u32::from_ne_bytes([0, 0, 255, 255]));
        assert_eq!(in_table(&[line(&mapped(&near), &mapped(&far), "01", 1001, 11)]), Some(Owner::User(1001)));
    }

    /// C62: another user's call is none of a session's, whatever it shows.
    #[test]
    fn c62_another_users_call_is_no_sessions() {
        assert!(Owner::User(1000).may_call(1000) && Owner::User(0).may_call(1000) && Owner::NotTold.may_call(1000));
        assert!(!Owner::User(1001).may_call(1000) && !Owner::Nobody.may_call(1000) && !Owner::User(1000).may_call(0));
    }
}
