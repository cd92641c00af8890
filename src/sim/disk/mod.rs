//! A disk that forgets what was not synced.

mod content;
pub mod fault;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::journal::{Journal, LockOutcome, OpenError, Options, Recovered, Storage, StorageFile};
use crate::model::record::Record;

use content::{Content, SECTOR};
pub use fault::{Failure, Op};

#[derive(Default)]
struct Disk {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    locked: bool,
    /// Calls that change something.
    ops: usize,
    /// Each of them and of the others.
    calls: Vec<Op>,
    /// Every changing call from this one on fails: the process is dead.
    ops_max: Option<usize>,
    /// The next call of this sort fails, once.
    fault: Option<(Op, io::ErrorKind)>,
    /// Calls by number that fail.
    plan: BTreeMap<usize, Failure>,
    /// One of them has.
    has_failed: bool,
    /// Advice to drop the cache is not taken.
    keeps_cache: bool,
    /// There is no room for another file.
    full: bool,
    /// A short write ends where a sector does, as the system's do, which copies by the page.
    cuts_at_sectors: bool,
}

impl Disk {
    /// Counts a call. How it is to fail, if it is.
    fn call(&mut self, op: Op) -> io::Result<Option<Failure>> {
        if op != Op::Look {
            if self.ops_max.is_some_and(|max| self.ops >= max) {
                return Err(io::Error::other("the process is dead"));
            }
            self.ops += 1;
        }
        self.calls.push(op);
        match self.fault.take_if(|(kind, _)| *kind == op) {
            Some((_, error)) => Err(error.into()),
            None => {
                let failure = self.plan.remove(&(self.calls.len() - 1));
                self.has_failed |= failure.is_some();
                Ok(failure)
            }
        }
    }

    /// What no name leads to any more, not even after a power cut, takes no room. Who has it open reads on no longer: nobody
    /// does who syncs the folder, but an opening that follows.
    fn forget_nameless(&mut self) {
        let named: BTreeSet<usize> = self.names.values().chain(self.durable_names.values()).copied().collect();
        let nameless = |(id, _): &(usize, &mut Content)| !named.contains(id);
        self.files.iter_mut().enumerate().filter(nameless).for_each(|(_, file)| *file = Content::default());
    }

    /// A call that is done whole or not at all.
    fn change<T>(&mut self, op: Op, done: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let failure = self.call(op)?;
        if let Some(Failure::Refused(errno)) = failure {
            return Err(errno.into());
        }
        let done = done(self)?;
        failure.and_then(Failure::error).map_or(Ok(done), Err)
    }
}

/// Clones share the disk.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Disk>>);

pub struct SimFile(SimDisk, usize);

impl std::fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let disk = self.disk();
        f.debug_struct("SimDisk").field("names", &disk.names).field("ops", &disk.ops).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SimFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SimFile").field(&self.1).finish()
    }
}

impl SimDisk {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is no room for another file, or there is again.
    pub fn set_full(&self, full: bool) {
        self.disk().full = full;
    }

    /// The process has died: a later one finds what the cache shows, and no lock.
    pub fn process_died(&self) {
        let mut disk = self.disk();
        disk.locked = false;
        disk.ops_max = None;
        disk.plan.clear();
        disk.has_failed = false;
        disk.calls.clear();
        disk.ops = 0;
        disk.fault = None;
    }

    /// Whether the process died at one of its calls.
    pub fn is_dead(&self) -> bool {
        let disk = self.disk();
        disk.ops_max.is_some_and(|max| disk.ops >= max)
    }

    /// Whether a call of the process that is at work has failed.
    pub fn has_failed(&self) -> bool {
        self.disk().has_failed
    }

    /// Calls so far.
    pub fn call_count(&self) -> usize {
        self.disk().calls.len()
    }

    /// Operations so far.
    pub fn ops(&self) -> usize {
        self.disk().ops
    }

    /// The process dies after `ops` operations.
    pub fn die_after(&self, ops: usize) {
        self.disk().ops_max = Some(ops);
    }

    pub fn fail_next(&self, op: Op, error: io::ErrorKind) {
        self.disk().fault = Some((op, error));
    }

    /// What was called so far, in order.
    pub fn calls(&self) -> Vec<Op> {
        self.disk().calls.clone()
    }

    /// Call `call`, counted from 0, fails.
    pub fn fail_at(&self, call: usize, failure: Failure) {
        self.disk().plan.insert(call, failure);
    }

    /// Failures that are yet to come.
    pub fn failures_left(&self) -> usize {
        self.disk().plan.len()
    }

    /// From now on no advice drops the cache.
    pub fn keep_cache(&self) {
        self.disk().keeps_cache = true;
    }

    /// From now on no write ends in the middle of a sector.
    pub fn cut_at_sectors(&self) {
        self.disk().cuts_at_sectors = true;
    }

    /// Sectors that a power cut now may or may not have written: (file, sector).
    pub fn dirty(&self) -> Vec<(usize, usize)> {
        let disk = self.disk();
        let mut dirty = Vec::new();
        for (id, file) in disk.files.iter().enumerate() {
            let differs = |&&index: &&usize| file.cache[file.sector(index)] != file.device[file.sector(index)];
            dirty.extend(file.waiting.iter().filter(differs).map(|&index| (id, index)));
        }
        dirty
    }

    /// A power cut now takes no name back.
    pub fn names_are_durable(&self) -> bool {
        let disk = self.disk();
        disk.names == disk.durable_names
    }

    /// What a power cut leaves: of the dirty sectors exactly `written`, and names as last synced or as last given.
    pub fn after_crash(&self, written: &BTreeSet<(usize, usize)>, new_names: bool) -> SimDisk {
        let disk = self.disk();
        let left = |(id, file): (usize, &Content)| {
            let mut device = file.device.clone();
            for &(_, index) in written.range((id, 0)..(id + 1, 0)) {
                device[file.sector(index)].copy_from_slice(&file.cache[file.sector(index)]);
            }
            Content::durable(device)
        };
        let files = disk.files.iter().enumerate().map(left).collect();
        let names = if new_names { disk.names.clone() } else { disk.durable_names.clone() };
        let Disk { cuts_at_sectors, .. } = *disk;
        let durable_names = names.clone();
        SimDisk(Arc::new(Mutex::new(Disk { files, durable_names, names, cuts_at_sectors, ..Disk::default() })))
    }

    /// Opens the journal on this disk and returns it with every record in it.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`].
    pub fn open(&self, segment_bytes: u64) -> Result<(Journal<SimDisk>, Recovered, Vec<Record>), OpenError> {
        let mut records = Vec::new();
        let options = Options { segment_bytes, ..Options::default() };
        let (journal, recovered) =
            Journal::open(self.clone(), options, 1_000_000, salts(), |record| records.push(record))?;
        Ok((journal, recovered, records))
    }

    /// Names and bytes of the segments, in order.
    pub fn segments(&self) -> Vec<(String, Vec<u8>)> {
        let disk = self.disk();
        let named = disk.names.iter().filter(|(name, _)| name.ends_with(".jnl"));
        named.map(|(name, &id)| (name.clone(), disk.files[id].cache.clone())).collect()
    }

    /// A disk with these files on it, all durable.
    pub fn with_files(files: &[(String, Vec<u8>)]) -> Self {
        let names: BTreeMap<_, _> = files.iter().enumerate().map(|(id, (name, _))| (name.clone(), id)).collect();
        let files = files.iter().map(|(_, bytes)| Content::durable(bytes.clone())).collect();
        SimDisk(Arc::new(Mutex::new(Disk { files, durable_names: names.clone(), names, ..Disk::default() })))
    }
}

/// The same "random" bytes in each run.
pub fn salts() -> impl FnMut() -> [u8; 16] + Send + 'static {
    let mut count = 0u64;
    move || {
        count += 1;
        let [low, high @ ..] = count.to_le_bytes();
        let mut salt = [low.wrapping_mul(37); 16];
        // A writer that is quick makes more than 255 segments.
        salt.iter_mut().zip(high).for_each(|(byte, high)| *byte ^= high);
        salt
    }
}

impl Storage for SimDisk {
    type File = SimFile;

    fn path(&self) -> &Path {
        Path::new("/sim")
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        let held = std::mem::replace(&mut self.disk().locked, true);
        Ok(if held { LockOutcome::HeldBy(None) } else { LockOutcome::Held })
    }

    fn unlock(&self) {
        self.disk().locked = false;
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = |disk: &mut Disk| disk.names.keys().filter(|name| !name.contains('/')).cloned().collect();
        self.disk().change(Op::Look, |disk| Ok(names(disk)))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let id = |disk: &mut Disk| disk.names.get(name).copied().ok_or(io::ErrorKind::NotFound.into());
        Ok(SimFile(self.clone(), self.disk().change(Op::Look, id)?))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<SimFile> {
        let mut disk = self.disk();
        let failure = match disk.full {
            true => Some(Failure::Refused(Errno::NOSPC)),
            false => disk.call(Op::Create)?,
        };
        let id = disk.files.len();
        disk.names.insert(name.to_owned(), id);
        if let Some(Failure::Refused(errno)) = failure {
            disk.files.push(Content::default());
            return Err(errno.into());
        }
        // The size is settled with the first sync of the file, or sooner.
        disk.files.push(Content::durable(vec![0; bytes as usize]));
        failure.and_then(Failure::error).map_or(Ok(SimFile(self.clone(), id)), Err)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk().change(Op::Rename, |disk| {
            let id = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            disk.names.insert(to.to_owned(), id);
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk()
            .change(Op::Other, |disk| disk.names.remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let failure = disk.call(Op::SyncFolder)?;
        if matches!(failure, None | Some(Failure::DoneAllTheSame(_))) {
            disk.durable_names = disk.names.clone();
            disk.forget_nameless();
        }
        failure.and_then(Failure::error).map_or(Ok(()), Err)
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk().change(Op::Other, |disk| {
            let id = disk.files.len();
            disk.files.push(Content::durable(bytes.to_vec()));
            let name = format!("quarantine/{name}");
            disk.names.insert(name.clone(), id);
            disk.durable_names.insert(name, id);
            Ok(())
        })
    }
}

impl StorageFile for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        self.0.disk().change(Op::Look, |disk| Ok(disk.files[self.1].cache.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.disk().change(Op::Look, |disk| {
            let bytes = disk.files[self.1].cache.get(offset as usize..offset as usize + buffer.len());
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.0.disk();
        let failure = disk.call(Op::Write)?;
        let taken = match failure {
            Some(Failure::Refused(_)) => 0,
            Some(Failure::Short(sixteenths, _)) => {
                let end = offset as usize + bytes.len() * sixteenths / 16;
                let cut = if disk.cuts_at_sectors { end / SECTOR * SECTOR } else { end };
                cut.saturating_sub(offset as usize)
            }
            _ => bytes.len(),
        };
        disk.files[self.1].write(&bytes[..taken], offset as usize);
        failure.and_then(Failure::error).map_or(Ok(()), Err)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.0.disk();
        let failure = disk.call(Op::Sync)?;
        let file = &mut disk.files[self.1];
        match failure {
            Some(Failure::Refused(_)) => {}
            Some(Failure::PagesLost(kept, _) | Failure::Lies(kept)) => file.settle(|place, all| kept.has(place, all)),
            _ => file.settle(|_, _| true),
        }
        failure.and_then(Failure::error).map_or(Ok(()), Err)
    }

    fn forget_cache(&self) {
        let mut disk = self.0.disk();
        if !disk.keeps_cache {
            disk.files[self.1].forget();
        }
    }

    fn release(&self, from: u64, to: u64) {
        let disk = self.0.disk();
        let bytes = &disk.files[self.1].cache[from as usize..to.max(from) as usize];
        assert!(bytes.iter().all(|&byte| byte == 0), "only zeros are given back");
    }
}
