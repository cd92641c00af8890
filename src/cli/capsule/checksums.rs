//! What each file of a capsule was when it was packed: a list as `b3sum --check` reads it, which is the last file of all.

use std::collections::BTreeMap;

use super::tar::{Damage, Entry};

/// Of the file.
pub const NAME: &str = "checksums.b3";

/// A line a file.
#[derive(Debug, Default)]
pub struct Checksums(String);

impl Checksums {
    pub fn note(&mut self, name: &str, content: &[u8]) {
        self.0 += &format!("{}  {name}\n", blake3::hash(content));
    }

    pub fn written(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What of `files` is not as it was packed; none if there is no list to tell by.
pub fn differing(files: &[Entry<'_>]) -> Option<Vec<Damage>> {
    let list = files.iter().find(|it| it.name == NAME)?;
    let damaged = |entry: &Entry<'_>, what: String| Damage { offset: entry.offset, what };
    let text = std::str::from_utf8(list.content).ok();
    let lines = text.map(|text| text.lines().map(|line| line.split_once("  ")).collect::<Option<BTreeMap<_, _>>>());
    let Some(Some(lines)) = lines else {
        return Some(vec![damaged(list, format!("{NAME} is no list of checksums"))]);
    };
    let packed = |entry: &&Entry<'_>| {
        let hash = blake3::hash(entry.content).to_string();
        lines.iter().any(|(known, name)| *known == hash && *name == entry.name)
    };
    let others = files.iter().filter(|it| it.name != NAME);
    let changed = others.filter(|it| !packed(it)).map(|it| damaged(it, format!("{} is not as it was packed", it.name)));
    let missing = lines.values().filter(|name| files.iter().all(|it| it.name != **name));
    let missing = missing.map(|name| damaged(list, format!("{name} is missing")));
    Some(changed.chain(missing).collect())
}
