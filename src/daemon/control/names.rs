//! What the system calls users and programs. To ask for it takes longer than all the rest of a call.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::text::visible;

/// For so long the name of a user is what it was.
const USER_HOLDS: Duration = Duration::from_secs(60);
/// Files of programs that are kept open.
const PROGRAMS_KEPT: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Names {
    /// By uid, with the time at which the system said so.
    users: Mutex<BTreeMap<u32, (String, Instant)>>,
    /// By pid, the latest caller's first.
    programs: Mutex<VecDeque<(u32, File)>>,
}

impl Names {
    /// The user's name; without one, the number.
    pub fn user(&self, uid: u32) -> String {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        match users.get(&uid) {
            Some((name, at)) if at.elapsed() < USER_HOLDS => name.clone(),
            _ => {
                let Some(name) = ask_user(uid) else { return uid.to_string() };
                users.insert(uid, (name.clone(), Instant::now()));
                name
            }
        }
    }

    /// What the process calls itself now: for the journal's reader, not for any rule, for it may call itself what it
    /// likes, or be gone.
    ///
    /// A file that is read again costs a seventh of one that is opened. It belongs to its process: once that has ended it
    /// says nothing, whoever has the pid by then.
    pub fn program(&self, pid: u32) -> String {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = programs.iter().position(|(of, _)| *of == pid).and_then(|at| programs.remove(at));
        let again = known.and_then(|(_, file)| read(file));
        let Some((name, file)) = again.or_else(|| read(File::open(format!("/proc/{pid}/comm")).ok()?)) else {
            return "unknown".to_owned();
        };
        programs.push_front((pid, file));
        programs.truncate(PROGRAMS_KEPT);
        name
    }
}

fn ask_user(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name)
}

fn read(file: File) -> Option<(String, File)> {
    // The kernel keeps 16 bytes of a program's name, and 64 of its own threads'.
    let mut bytes = [0; 64];
    let length = file.read_at(&mut bytes, 0).ok()?;
    let name = String::from_utf8_lossy(&bytes[..length]);
    let name = visible(name.trim_end()).text.into_owned();
    (!name.is_empty()).then_some((name, file))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// C58: as of the moment of the call, and of nobody that is gone.
    #[test]
    fn c58_a_program_is_called_what_it_calls_itself_and_nothing_once_it_has_ended() {
        let names = Names::default();
        let mut children: Vec<Child> = (0..PROGRAMS_KEPT + 2).map(|_| cat()).collect();
        for child in children.iter().chain(&children) {
            // The name of the program that starts it stands there until the child runs its own.
            let mut name = names.program(child.id());
            while name != "cat" {
                name = names.program(child.id());
            }
        }
        assert_eq!(names.programs.lock().unwrap().len(), PROGRAMS_KEPT);
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(names.program(child.id()), "unknown");
        }
        assert_eq!(names.programs.lock().unwrap().len(), 0);
    }

    #[test]
    fn a_user_without_a_name_is_a_number() {
        let names = Names::default();
        let own = rustix::process::geteuid().as_raw();
        for _ in 0..2 {
            assert_eq!(Some(names.user(own)), ask_user(own));
            assert_eq!(names.user(4_000_000_001), "4000000001");
        }
    }
}
