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
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.write_all(&head)?;
    archive.write_all(content)?;
    archive.write_all(&vec![0; content.len().next_multiple_of(BLOCK) - content.len()])
}

/// The end of the archive.
pub fn finish(archive: &mut impl Write) -> io::Result<()> {
    archive.write_all(&[0; 2 * BLOCK])
}

/// The files of an archive that was made here, in order, each with its name.
///
/// # Errors
///
/// What is no such archive, or ends too early: by its place.
pub fn files(archive: &[u8]) -> io::Result<Vec<(String, &[u8])>> {
    let broken = |at: usize| io::Error::other(format!("it is no whole tar archive: byte {at}"));
    let (mut files, mut at) = (Vec::new(), 0);
    loop {
        let head = archive.get(at..at + BLOCK).ok_or_else(|| broken(at))?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let number = |from: usize, room: usize| {
            let text = std::str::from_utf8(&head[from..from + room]).ok()?;
            usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
        };
        let blank = |place: usize| if (148..156).contains(&place) { b' ' } else { head[place] };
        let sum: usize = (0..BLOCK).map(|place| usize::from(blank(place))).sum();
        let name = head[..100].split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
        let (Some(name), Some(bytes), true) = (name, number(124, 12), number(148, 8) == Some(sum)) else {
            return Err(broken(at));
        };
        let from = at + BLOCK;
        let content = from.checked_add(bytes).and_then(|to| archive.get(from..to)).ok_or_else(|| broken(from))?;
        files.push((name.to_owned(), content));
        at = from + bytes.next_multiple_of(BLOCK);
    }
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

    #[test]
    fn what_was_appended_is_read_again() {
        let read = archive();
        let files = files(&read).unwrap();
        assert_eq!(
            files,
            [
                ("manifest.json".to_owned(), &b"{}"[..]),
                ("journal/1.jnl".to_owned(), &[7; BLOCK][..]),
                ("empty".to_owned(), &b""[..])
            ]
        );
        assert!(append(&mut Vec::new(), &"n".repeat(101), 0, b"").is_err());
    }

    /// A file that was cut short or changed on its way is refused; nothing is read out of it.
    #[test]
    fn what_is_broken_is_refused() {
        let whole = archive();
        for cut in [0, 1, 511, 512, 513, 1024, 1600, 2048, 2560] {
            assert!(files(&whole[..cut]).is_err(), "cut at {cut}");
        }
        let mut changed = whole.clone();
        changed[124] ^= 1;
        assert!(files(&changed).is_err());
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
