//! The "newc" form of a cpio archive, which the kernel unpacks at its start. Always the same bytes
//! for the same content: no times, no owners, inodes counted from 1.

/// An archive under construction.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
}

/// Kind and permissions, as `st_mode` has them.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
/// Ends an archive.
const TRAILER: &str = "TRAILER!!!";

impl Archive {
    pub(super) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, &[]);
    }

    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, PROGRAM, content);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        // The kernel reads whole blocks.
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.inodes += 1;
        let links = if mode == FOLDER { 2 } else { 1 };
        let (name_size, size) = (path.len() + 1, content.len());
        // Inode, mode, user, group, links, time, size, device, its device, name's size, sum.
        let fields = [self.inodes as usize, mode as usize, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_begin_at_multiples_of_four_and_the_archive_ends_with_its_trailer() {
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("init", b"12345");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 512, 0);
        let starts: Vec<_> =
            bytes.windows(6).enumerate().filter(|(_, w)| w == b"070701").map(|(at, _)| at).collect();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|at| at % 4 == 0));
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("init\0\0"));
        assert!(text.contains("TRAILER!!!"));
        // The size of `init` is the seventh field of its header.
        assert_eq!(&bytes[starts[1] + 6 + 6 * 8..starts[1] + 6 + 7 * 8], b"00000005");
    }

    #[test]
    fn the_same_content_is_the_same_archive() {
        let make = || {
            let mut archive = Archive::default();
            archive.file("init", b"x");
            archive.finish()
        };
        assert_eq!(make(), make());
    }
}
