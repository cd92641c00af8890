//! What is fuzzed: one body for each surface that takes bytes from outside. `fuzz/` runs them with inputs that libFuzzer
//! thinks up; `tests/fuzzed` runs them with seeds and with every input that was ever found.

pub mod envelope;
pub mod frame;
pub mod history;
pub mod payload;
pub mod protocol;
pub mod recovery;
pub mod reducer;
pub mod runtime_file;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dormouse::journal::Reader;
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

/// One target: its name is that of its binary and of its folders of inputs.
pub struct Target {
    pub name: &'static str,
    /// Panics if the input shows a fault. Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs to begin from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident)*) => {
        /// Every target.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds }),*];
    };
}

targets! { frame recovery payload reducer history protocol runtime_file envelope }

/// An input read from its front; what is missing reads as zero, so that every input means something.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn number<const BYTES: usize>(&mut self) -> u64 {
        let mut wide = [0; 8];
        for (to, from) in wide.iter_mut().zip(self.bytes(BYTES)) {
            *to = *from;
        }
        u64::from_le_bytes(wide)
    }

    pub fn u8(&mut self) -> u8 {
        self.number::<1>() as u8
    }

    pub fn u16(&mut self) -> u16 {
        self.number::<2>() as u16
    }

    /// A length in two bytes and as many bytes, as text.
    pub fn text(&mut self) -> String {
        let length = usize::from(self.u16());
        String::from_utf8_lossy(self.bytes(length)).into_owned()
    }
}

/// Written as [`Input::text`] reads it.
pub fn text_seed(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("seeds are short");
    [&length.to_le_bytes(), text.as_bytes()].concat()
}

/// The repository, for the golden journals and the shipped runtime files. Both packages stand in it.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    if own.join("journal-format.md").is_file() { own } else { own.parent().expect("fuzz/ stands in the repository") }
}

pub fn golden_journals() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/golden")).expect("the golden journals");
    let mut journals: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    journals.retain(|path| Reader::open(path).is_ok_and(|reader| reader.last_lsn() > Lsn::ZERO));
    journals.sort();
    journals
}

/// Every record of every golden journal.
pub fn golden_records() -> Vec<Record> {
    let mut records = Vec::new();
    for journal in golden_journals() {
        let reader = Reader::open(&journal).expect("a golden journal");
        records.extend(reader.records(Lsn(1)).map(|record| record.expect("a golden record")));
    }
    records
}

/// A folder of this process for the files of one input, emptied before each.
pub fn fresh_folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path();
    for entry in std::fs::read_dir(folder).expect("the temporary folder") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("it holds files only");
    }
    folder
}
