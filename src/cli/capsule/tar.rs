//! The container of a capsule: a plain tar (ustar) of regular files, which any `tar` unpacks.

use std::io::{self, Write};

const BLOCK: usize = 512;

/// Appends a file to the archive.
pub fn append(archive: &mut impl Write, name: &str, made_s: u64, content: &[u8]) -> io::Result<()> {
    let mut head = [0_u8; BLOCK];
    let too_long = || io::Error::other(format!("{name} has no room in a tar's header"));
    let mut put = |at: usize, text: &str, room: usize| -> io::Result<()> {
        let field = head.get_mut(at..at + room).filter(|_| text.len() <= room).ok_or_else(too_long)?;
        field[..text.len()].copy_from_slice(text.as_bytes());
        Ok(())
    };
    put(0, name, 100)?;
    put(100, "0000600\0", 8)?;
    put(108, "0000000\0", 8)?;
    put(116, "0000000\0", 8)?;
    put(124, &format!("{:011o}\0", content.len()), 12)?;
    put(136, &format!("{made_s:011o}\0"), 12)?;
    // While it is summed, the sum's own field is blanks.
    put(148, "        ", 8)?;
    put(156, "0", 1)?;
    put(257, "ustar\x0000", 8)?;
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(sum_field(sum).as_bytes());
    archive.write_all(&head)?;
    archive.write_all(content)?;
    archive.write_all(&vec![0; content.len().next_multiple_of(BLOCK) - content.len()])
}

/// A sum as a head holds it.
fn sum_field(sum: u32) -> String {
    format!("{sum:06o}\0 ")
}

/// The end of the archive.
pub fn finish(archive: &mut impl Write) -> io::Result<()> {
    archive.write_all(&[0; 2 * BLOCK])
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub name: String,
    /// Where its content begins.
    pub offset: u64,
    pub content: &'a [u8],
}

/// A place at which an archive is not as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub offset: u64,
    pub what: String,
}

/// What is left of an archive that was made here.
#[derive(Debug, Default)]
pub struct Contents<'a> {
    /// In order; the last one may have lost its end.
    pub files: Vec<Entry<'a>>,
    pub damage: Vec<Damage>,
}

/// Reads on behind whatever is damaged: with the next file whose head is whole. Nothing in it is a file of an archive, if it
/// has none.
pub fn read(archive: &[u8]) -> Contents<'_> {
    let (mut contents, mut at) = (Contents::default(), 0);
    while let Some(next) = contents.take(archive, at) {
        at = next;
    }
    contents
}

impl<'a> Contents<'a> {
    /// Takes what stands at `at`, and says where to go on; none at the end.
    fn take(&mut self, archive: &'a [u8], at: usize) -> Option<usize> {
        let Some(head) = archive.get(at..at + BLOCK) else {
            self.damaged(archive.len(), "it ends here, without the two empty blocks that end it".to_owned());
            return None;
        };
        if is_zero(head) {
            let next = next_head(archive, at);
            if next.is_some() {
                self.damaged(at, "an empty block, where the head of a file was".to_owned());
            } else if archive.len() < at + 2 * BLOCK || !is_zero(&archive[at..]) {
                self.damaged(at + BLOCK, "its end is not two empty blocks".to_owned());
            }
            return next;
        }
        let from = at + BLOCK;
        let whole = sum_is_right(head);
        let known = fields(head).filter(|(_, bytes)| whole || goes_on(archive, from.saturating_add(*bytes)));
        if !whole {
            self.damaged(at, "the head of a file is another one than was written".to_owned());
        }
        let Some((name, bytes)) = known else { return next_head(archive, at) };
        let content = from.checked_add(bytes).and_then(|to| archive.get(from..to));
        let cut = || archive.get(from..).unwrap_or_default();
        self.files.push(Entry { offset: from as u64, content: content.unwrap_or_else(cut), name: name.clone() });
        let Some(content) = content else {
            let left = cut().len();
            self.damaged(archive.len(), format!("it ends here, with {left} of the {bytes} bytes of {name}"));
            return None;
        };
        let (end, next) = (from + content.len(), from + bytes.next_multiple_of(BLOCK));
        if !is_zero(archive.get(end..next.min(archive.len())).unwrap_or_default()) {
            self.damaged(end, format!("the bytes behind {name} are not empty"));
        }
        Some(next)
    }

    fn damaged(&mut self, offset: usize, what: String) {
        self.damage.push(Damage { offset: offset as u64, what });
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn number(head: &[u8], from: usize, room: usize) -> Option<usize> {
    let text = std::str::from_utf8(&head[from..from + room]).ok()?;
    usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn sum_is_right(head: &[u8]) -> bool {
    let blank = |place: usize| if (148..156).contains(&place) { b' ' } else { head[place] };
    let sum: u32 = (0..BLOCK).map(|place| u32::from(blank(place))).sum();
    head[148..156] == *sum_field(sum).as_bytes()
}

/// Name and bytes of a file, as its head says them, whether that is whole or not.
fn fields(head: &[u8]) -> Option<(String, usize)> {
    let name = head[..100].split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok())?;
    Some((name.to_owned(), number(head, 124, 12)?))
}

/// A file whose content ends at `end` is followed by another one, or by the end of all: its size is not what was damaged.
fn goes_on(archive: &[u8], end: usize) -> bool {
    let next = end.checked_next_multiple_of(BLOCK).and_then(|at| archive.get(at..at.checked_add(BLOCK)?));
    next.is_some_and(|head| is_zero(head) || sum_is_right(head))
}

/// The next head behind the one at `at` that is whole.
fn next_head(archive: &[u8], at: usize) -> Option<usize> {
    let places = (at + BLOCK..archive.len()).step_by(BLOCK);
    places.filter(|at| archive.len() - at >= BLOCK).find(|at| {
        let head = &archive[*at..at + BLOCK];
        !is_zero(head) && sum_is_right(head) && fields(head).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut archive = Vec::new();
        append(&mut archive, "manifest.json", 1_800_000_000, b"{}").unwrap();
        append(&mut archive, "journal/1.jnl", 1_800_000_000, &[7; BLOCK]).unwrap();
        append(&mut archive, "empty", 0, b"").unwrap();
        finish(&mut archive).unwrap();
        archive
    }

    fn names(archive: &[u8]) -> Vec<(String, usize)> {
        read(archive).files.into_iter().map(|it| (it.name, it.content.len())).collect()
    }

    fn of(names: &[(&str, usize)]) -> Vec<(String, usize)> {
        names.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect()
    }

    #[test]
    fn what_was_appended_is_read_again() {
        let archive = archive();
        let contents = read(&archive);
        assert_eq!(names(&archive), of(&[("manifest.json", 2), ("journal/1.jnl", BLOCK), ("empty", 0)]));
        assert_eq!((contents.files[1].offset, contents.files[1].content), (1536, &[7; BLOCK][..]));
        assert_eq!(contents.damage, []);
        assert!(append(&mut Vec::new(), &"n".repeat(101), 0, b"").is_err());
    }

    /// What has come before is whole, and what was being written keeps what is there of it.
    #[test]
    fn what_was_cut_short_keeps_what_is_there() {
        let whole = archive();
        for (cut, kept) in [
            (0, &[][..]),
            (511, &[]),
            (512, &[("manifest.json", 0)]),
            (513, &[("manifest.json", 1)]),
            (600, &[("manifest.json", 2)]),
            (1024, &[("manifest.json", 2)]),
            (1600, &[("manifest.json", 2), ("journal/1.jnl", 64)]),
            (2048, &[("manifest.json", 2), ("journal/1.jnl", BLOCK)]),
            (2560, &[("manifest.json", 2), ("journal/1.jnl", BLOCK), ("empty", 0)]),
            (3072, &[("manifest.json", 2), ("journal/1.jnl", BLOCK), ("empty", 0)]),
        ] {
            assert_eq!(names(&whole[..cut]), of(kept), "cut at {cut}");
            let damage = read(&whole[..cut]).damage;
            assert_eq!(damage.len(), 1, "cut at {cut}: {damage:?}");
        }
    }

    /// No bit of an archive beyond its files' contents changes unseen, and none costs another file.
    #[test]
    fn one_flipped_bit_outside_of_contents_is_seen() {
        let whole = archive();
        let contents = [512..514, 1536..2048];
        for at in (0..whole.len()).filter(|at| !contents.iter().any(|it| it.contains(at))) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            assert!(!read(&flipped).damage.is_empty(), "byte {at}");
            let kept = names(&flipped);
            let kept = kept.iter().filter(|it| ["manifest.json", "journal/1.jnl", "empty"].contains(&&*it.0)).count();
            assert!(kept >= 2, "byte {at}: {kept}");
        }
        // Where only the name or a time is another one, the file is there all the same.
        let mut flipped = whole;
        flipped[1024 + 140] ^= 1;
        assert_eq!(names(&flipped).len(), 3);
    }

    #[test]
    fn what_is_no_archive_has_no_files() {
        assert_eq!(read(&b"no capsule ".repeat(500)).files, []);
    }

    /// Whoever gets one may have no dormouse at hand.
    #[test]
    fn any_tar_unpacks_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tar");
        std::fs::write(&file, archive()).unwrap();
        let run = std::process::Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(dir.path()).output().unwrap();
        assert!(run.status.success(), "{run:?}");
        assert_eq!(std::fs::read(dir.path().join("journal/1.jnl")).unwrap(), [7; BLOCK]);
    }
}
