//! One inotify instance for all folders that are watched.
//!
//! A user has 128 instances by default, and a team may have more sessions than that; watches there are plenty of. One
//! thread waits for the kernel and hands out what it says, so that no runtime has to drive another one's watch.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Which folder of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    Session,
    Spool,
    /// A program's own, of which every change counts.
    Program,
}

impl Folder {
    fn told(self) -> WatchFlags {
        match self {
            Folder::Session | Folder::Spool => TOLD,
            Folder::Program => CHANGED,
        }
    }
}

/// What happened in one of its folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Born,
    Status,
    Terminal,
    Spool,
    Program,
    /// The session's folder is there no more.
    Gone,
    /// The kernel had more to say than room to say it.
    Overflow,
}

/// Changes are made by renaming into place; a folder that goes away ends its watch.
const TOLD: WatchFlags = WatchFlags::MOVED_TO.union(WatchFlags::DELETE_SELF).union(WatchFlags::ONLYDIR);

/// Programs write as they like: in place, or beside and over it.
const CHANGED: WatchFlags =
    TOLD.union(WatchFlags::CREATE).union(WatchFlags::MODIFY).union(WatchFlags::CLOSE_WRITE).union(WatchFlags::DELETE);

/// What happens in some folders, for one listener.
#[derive(Debug)]
pub(super) struct Changes {
    reader: Arc<Reader>,
    watches: Vec<i32>,
    id: u64,
    heard: UnboundedReceiver<Change>,
}

#[derive(Debug)]
struct Reader {
    inotify: OwnedFd,
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    next_id: u64,
    /// By watch: the kernel gives one number to all who watch the same folder.
    by_watch: BTreeMap<i32, Vec<Listener>>,
}

#[derive(Debug)]
struct Listener {
    id: u64,
    folder: Folder,
    ear: UnboundedSender<Change>,
}

static READER: Mutex<Option<Arc<Reader>>> = Mutex::new(None);

/// What a panic elsewhere left is still whole: nothing here panics between two changes.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Changes {
    /// From now on, every change in these folders.
    pub fn of(folders: &[(&Path, Folder)]) -> io::Result<Self> {
        let reader = Reader::get()?;
        let (ear, heard) = unbounded_channel();
        // Held over the kernel's call: what it tells at once finds its listener.
        let mut listeners = locked(&reader.listeners);
        let id = listeners.next_id;
        listeners.next_id += 1;
        let mut changes = Self { reader: Arc::clone(&reader), watches: Vec::new(), id, heard };
        for (path, folder) in folders {
            let watch = match inotify::add_watch(&reader.inotify, *path, folder.told()) {
                Ok(watch) => watch,
                Err(error) => {
                    // Its drop needs the lock.
                    drop(listeners);
                    return Err(error.into());
                }
            };
            changes.watches.push(watch);
            let listener = Listener { id, folder: *folder, ear: ear.clone() };
            listeners.by_watch.entry(watch).or_default().push(listener);
        }
        drop(listeners);
        Ok(changes)
    }

    /// The next change. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> io::Result<Change> {
        self.heard.recv().await.ok_or_else(|| io::Error::other("nobody reads the kernel's words any more"))
    }

    /// `first` and all that has come since.
    pub fn all_with(&mut self, first: Change) -> Vec<Change> {
        let mut all = vec![first];
        while let Ok(change) = self.heard.try_recv() {
            all.push(change);
        }
        all
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let mut listeners = locked(&self.reader.listeners);
        for watch in &self.watches {
            let Some(others) = listeners.by_watch.get_mut(watch) else { continue };
            others.retain(|listener| listener.id != self.id);
            if others.is_empty() {
                listeners.by_watch.remove(watch);
                // Gone by itself if the folder is.
                let _ = inotify::remove_watch(&self.reader.inotify, *watch);
            }
        }
    }
}

impl Reader {
    /// The one of this process, begun when first asked for.
    fn get() -> io::Result<Arc<Self>> {
        let mut current = locked(&READER);
        if let Some(reader) = &*current {
            return Ok(Arc::clone(reader));
        }
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let reader = Arc::new(Self { inotify, listeners: Mutex::default() });
        let own = Arc::clone(&reader);
        thread::Builder::new().name("observe-folders".to_owned()).spawn(move || own.read())?;
        *current = Some(Arc::clone(&reader));
        Ok(reader)
    }

    /// Hands out what the kernel says, for as long as it speaks.
    fn read(&self) {
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => self.tell(&event),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        // Who listens learns that nothing comes any more; who begins to gets another reader.
        *locked(&READER) = None;
        locked(&self.listeners).by_watch.clear();
    }

    fn tell(&self, event: &inotify::Event<'_>) {
        let mut listeners = locked(&self.listeners);
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            for listener in listeners.by_watch.values().flatten() {
                let _ = listener.ear.send(Change::Overflow);
            }
            return;
        }
        for listener in listeners.by_watch.get(&event.wd()).into_iter().flatten() {
            if let Some(change) = meaning(event, listener.folder) {
                // It may be just going.
                let _ = listener.ear.send(change);
            }
        }
        if event.events().contains(ReadFlags::IGNORED) {
            listeners.by_watch.remove(&event.wd());
        }
    }
}

fn meaning(event: &inotify::Event<'_>, folder: Folder) -> Option<Change> {
    let flags = event.events();
    let moved_to = flags.contains(ReadFlags::MOVED_TO);
    match (folder, event.file_name().map(|name| name.to_bytes())) {
        (Folder::Session, _) if flags.contains(ReadFlags::DELETE_SELF) => Some(Change::Gone),
        (Folder::Session, Some(b"born.json")) if moved_to => Some(Change::Born),
        (Folder::Session, Some(b"status.json")) if moved_to => Some(Change::Status),
        (Folder::Session, Some(b"terminal.json")) if moved_to => Some(Change::Terminal),
        (Folder::Spool, Some(_)) if moved_to => Some(Change::Spool),
        (Folder::Program, _) => Some(Change::Program),
        _ => None,
    }
}
