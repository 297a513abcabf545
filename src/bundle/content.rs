//! Archives inside of archives, told by their first bytes: a suffix can be anything.

/// Where the mark stands, the mark, and what it is a mark of.
const MARKS: &[(usize, &[u8], &str)] = &[
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"PK\x07\x08", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x1f\x9d", "compress"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"!<arch>\n", "ar"),
    (0, b"MSCF", "cabinet"),
    (257, b"ustar", "tar"),
];

/// The format of the archive that `bytes` are, where they are one.
pub(super) fn archive_format(bytes: &[u8]) -> Option<&'static str> {
    let here = |at: usize, mark: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(mark));
    MARKS.iter().find(|(at, mark, _)| here(*at, mark)).map(|(_, _, format)| *format)
}
