//! A disk that forgets what was not synced, for the journal's tests; and records to put on it.

#![allow(dead_code, reason = "every test file takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use dormouse::journal::{Journal, LockOutcome, OpenError, Options, Recovered, Storage, StorageFile};
use dormouse::model::actor::Actor;
use dormouse::model::event::DaemonStopped;
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};

const SECTOR: usize = 512;

/// What an operation of the disk does; the unit in which it can be made to fail or to be the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Write,
    Sync,
    Rename,
    SyncFolder,
    Other,
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    current: Vec<u8>,
}

#[derive(Default)]
struct Disk {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    locked: bool,
    ops: usize,
    /// Every operation from this one on fails: the process is dead.
    ops_max: Option<usize>,
    /// The next operation of this sort fails, once.
    fault: Option<(Op, io::ErrorKind)>,
}

impl Disk {
    fn op(&mut self, op: Op) -> io::Result<()> {
        if self.ops_max.is_some_and(|max| self.ops >= max) {
            return Err(io::Error::other("the process is dead"));
        }
        self.ops += 1;
        match self.fault.take_if(|(kind, _)| *kind == op) {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// Clones share the disk.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Disk>>);

pub struct SimFile(SimDisk, usize);

impl SimDisk {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
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

    /// Sectors that a power cut now may or may not have written: (file, sector).
    pub fn dirty(&self) -> Vec<(usize, usize)> {
        let disk = self.disk();
        let mut dirty = Vec::new();
        for (id, file) in disk.files.iter().enumerate() {
            let sectors = file.current.len().div_ceil(SECTOR);
            dirty.extend(
                (0..sectors).filter(|&s| sector(&file.current, s) != sector(&file.durable, s)).map(|s| (id, s)),
            );
        }
        dirty
    }

    /// What a power cut leaves: of the dirty sectors exactly `written`, and names as last synced or as last given.
    pub fn after_crash(&self, written: &BTreeSet<(usize, usize)>, new_names: bool) -> SimDisk {
        let disk = self.disk();
        let mut files = disk.files.clone();
        for (id, file) in files.iter_mut().enumerate() {
            // The size is settled with the first sync of the file.
            file.durable.resize(file.current.len(), 0);
            for s in (0..file.current.len().div_ceil(SECTOR)).filter(|&s| written.contains(&(id, s))) {
                let range = s * SECTOR..((s + 1) * SECTOR).min(file.current.len());
                file.durable[range.clone()].copy_from_slice(&file.current[range]);
            }
            file.current = file.durable.clone();
        }
        let names = if new_names { disk.names.clone() } else { disk.durable_names.clone() };
        SimDisk(Arc::new(Mutex::new(Disk { files, durable_names: names.clone(), names, ..Disk::default() })))
    }

    /// Names and bytes of the segments, in order.
    pub fn segments(&self) -> Vec<(String, Vec<u8>)> {
        let disk = self.disk();
        let named = disk.names.iter().filter(|(name, _)| name.ends_with(".jnl"));
        named.map(|(name, &id)| (name.clone(), disk.files[id].current.clone())).collect()
    }

    /// A disk with these files on it, all durable.
    pub fn with_files(files: &[(String, Vec<u8>)]) -> Self {
        let names: BTreeMap<_, _> = files.iter().enumerate().map(|(id, (name, _))| (name.clone(), id)).collect();
        let files = files.iter().map(|(_, bytes)| Content { durable: bytes.clone(), current: bytes.clone() }).collect();
        SimDisk(Arc::new(Mutex::new(Disk { files, durable_names: names.clone(), names, ..Disk::default() })))
    }

    /// Opens the journal on this disk and returns it with every record in it.
    pub fn open(&self, segment_bytes: u64) -> Result<(Journal<SimDisk>, Recovered, Vec<Record>), OpenError> {
        let mut records = Vec::new();
        let options = Options { segment_bytes, ..Options::default() };
        let (journal, recovered) =
            Journal::open(self.clone(), options, 1_000_000, salts(), |record| records.push(record))?;
        Ok((journal, recovered, records))
    }
}

fn sector(bytes: &[u8], index: usize) -> &[u8] {
    let end = bytes.len();
    &bytes[(index * SECTOR).min(end)..((index + 1) * SECTOR).min(end)]
}

/// The same "random" bytes in each run.
pub fn salts() -> impl FnMut() -> [u8; 16] + Send + 'static {
    let mut count = 0u8;
    move || {
        count += 1;
        [count.wrapping_mul(37); 16]
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
        Ok(self.disk().names.keys().filter(|name| !name.contains('/')).cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let id = *self.disk().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile(self.clone(), id))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<SimFile> {
        let mut disk = self.disk();
        disk.op(Op::Create)?;
        let (id, zeros) = (disk.files.len(), vec![0; bytes as usize]);
        disk.files.push(Content { durable: zeros.clone(), current: zeros });
        disk.names.insert(name.to_owned(), id);
        Ok(SimFile(self.clone(), id))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.op(Op::Rename)?;
        let id = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.op(Op::Other)?;
        disk.names.remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.op(Op::SyncFolder)?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }

    fn quarantine(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        disk.op(Op::Other)?;
        let id = disk.files.len();
        disk.files.push(Content { durable: bytes.to_vec(), current: bytes.to_vec() });
        let name = format!("quarantine/{name}");
        disk.names.insert(name.clone(), id);
        disk.durable_names.insert(name, id);
        Ok(())
    }
}

impl StorageFile for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.disk().files[self.1].current.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let disk = self.0.disk();
        let bytes = disk.files[self.1].current.get(offset as usize..offset as usize + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.op(Op::Write)?;
        disk.files[self.1].current[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.op(Op::Sync)?;
        let file = &mut disk.files[self.1];
        file.durable = file.current.clone();
        Ok(())
    }

    fn forget_cache(&self) {}

    fn release(&self, from: u64, to: u64) {
        let disk = self.0.disk();
        let bytes = &disk.files[self.1].current[from as usize..to.max(from) as usize];
        assert!(bytes.iter().all(|&byte| byte == 0), "only zeros are given back");
    }
}

/// Record `lsn`: says `text`.
pub fn record(lsn: u64, text: &str) -> Record {
    Record {
        lsn: Lsn(lsn),
        at: Timestamp { wall_us: 1_700_000_000_000_000 + lsn, awake_ms: lsn * 10, boot: BootId(3) },
        subject: Subject::NONE,
        cause: (lsn > 1).then(|| Lsn(lsn - 1)),
        actor: Actor::Dormouse,
        event: DaemonStopped { why: text.to_owned() }.into(),
    }
}

/// Groups of `sizes` records each, from `first` on; texts have different lengths, some longer than a sector or two.
pub fn groups(first: u64, sizes: &[usize]) -> Vec<Vec<Record>> {
    let mut lsn = first - 1;
    let mut group = |size: usize| {
        let record = |_| {
            lsn += 1;
            let length = [3, 40, 700, 1500][(lsn % 4) as usize];
            record(lsn, &format!("{lsn:0length$}"))
        };
        (0..size).map(record).collect()
    };
    sizes.iter().map(|&size| group(size)).collect()
}
