//! Hostile archives: each is refused with the error that names what is wrong.

use std::io::{Cursor, Write as _};

use portcullis::bundle::{self, BundleError, Rules, pack};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const SMALL: Rules = Rules {
    suffixes: &[".json", ".py"],
    most_entries: 5,
    most_file_bytes: 1000,
    most_bytes: 1500,
    most_archive_bytes: 64 * 1024,
};

/// One entry as raw bytes, so that its headers can lie.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    /// What the local header says, where it says something else.
    local_name: Option<Vec<u8>>,
    flags: u16,
    method: u16,
    attributes: u32,
    content: Vec<u8>,
    declared: Option<u32>,
    crc: Option<u32>,
    /// Where the directory says that it begins, where that is not where it is.
    at: Option<u32>,
}

fn entry(name: &str, content: &[u8]) -> Entry {
    Entry {
        name: name.into(),
        local_name: None,
        flags: 1 << 11,
        method: 0,
        attributes: 0o100_644 << 16,
        content: content.to_vec(),
        declared: None,
        crc: None,
        at: None,
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
        crc
    })
}

/// The fields that both headers share, from the flags to the lengths of the name and the extras.
fn common(entry: &Entry, name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for short in [entry.flags, entry.method, 0, 0x21] {
        out.extend(short.to_le_bytes());
    }
    let length = entry.content.len() as u32;
    for long in [entry.crc.unwrap_or_else(|| crc32(&entry.content)), length, entry.declared.unwrap_or(length)]
    {
        out.extend(long.to_le_bytes());
    }
    out.extend((name.len() as u16).to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out
}

fn raw(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.at.unwrap_or(out.len() as u32);
        let local = entry.local_name.as_ref().unwrap_or(&entry.name);
        out.extend(b"PK\x03\x04\x14\x00");
        out.extend(common(entry, local));
        out.extend(local);
        out.extend(&entry.content);
        directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
        directory.extend(common(entry, &entry.name));
        directory.extend([0; 6]);
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = (entries.len() as u16).to_le_bytes();
    out.extend([count, count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn deflated(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(*name, options).expect("an entry");
        writer.write_all(content).expect("written");
    }
    writer.finish().expect("an archive").into_inner()
}

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    match bundle::read(bytes, &SMALL) {
        Ok(bundle) => panic!("taken: {bundle:?}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

#[test]
fn an_honest_archive_is_read_whole() {
    let folder = Entry { attributes: 0o040_755 << 16, ..entry("lib/", b"") };
    let bytes = raw(&[entry("a.json", b"{}"), folder, entry("lib/b.py", b"x = 1\n"), entry("é.json", b"[]")]);
    let bundle = bundle::read(&bytes, &SMALL).expect("an archive");
    let names: Vec<&str> = bundle.files().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.json", "lib/b.py", "é.json"]);
    assert_eq!(bundle.get("lib/b.py"), Some(&b"x = 1\n"[..]));
    let small = deflated(&[("a.json", vec![b' '; 900])]);
    assert_eq!(bundle::read(&small, &SMALL).expect("deflated").get("a.json").map(<[u8]>::len), Some(900));
}

#[test]
fn what_is_packed_is_read_back() {
    let files = [("a/b.json", &b"{}"[..]), ("c.py", b"")];
    let bytes = pack(files).expect("packed");
    assert_eq!(bytes, pack(files).expect("packed"), "the same files make the same bytes");
    let bundle = bundle::read(&bytes, &SMALL).expect("an archive");
    assert_eq!(bundle.files().collect::<Vec<_>>(), files);
}

#[test]
fn names_that_leave_their_folder_are_refused() {
    let named = |name: &str| raw(&[entry(name, b"{}")]);
    refused(&named("../x.json"), "the entry `../x.json` has `.` or `..` in its path");
    refused(&named("/x.json"), "the entry `/x.json` has an absolute path");
    refused(
        &named("a\\x.json"),
        "the entry `a\\\\x.json` has a backslash in its name, which divides folders elsewhere",
    );
    refused(
        &named("C:x.json"),
        "the entry `C:x.json` has a colon in its name, which names a drive or a stream elsewhere",
    );
    refused(&named("x\n.json"), "the entry `x\\n.json` has a control or invisible character in its name");
    let latin = Entry { name: b"\xe9.json".to_vec(), flags: 0, ..entry("", b"") };
    refused(&raw(&[latin]), "the entry `\u{fffd}.json` has a name that is not UTF-8");
    let unmarked = Entry { flags: 0, ..entry("é.json", b"") };
    refused(&raw(&[unmarked]), "the entry `é.json` has a name beyond ASCII that is not marked as UTF-8");
}

#[test]
fn two_names_that_are_one_somewhere_are_refused() {
    let pair = |one: &str, other: &str| raw(&[entry(one, b"1"), entry(other, b"2")]);
    let same = "are the same name on some systems";
    refused(&pair("a.json", "a.json"), &format!("the entries `a.json` and `a.json` {same}"));
    refused(&pair("a.json", "A.json"), &format!("the entries `a.json` and `A.json` {same}"));
    refused(&pair("é.json", "e\u{301}.json"), &format!("the entries `é.json` and `e\\u{{301}}.json` {same}"));
    refused(&pair("a.json", "a.json/b.py"), "the entry `a.json/b.py` is both a file and a folder");
    refused(
        &pair("x/A.JSON.json", "x/a.json.json/b.py"),
        "the entry `x/a.json.json/b.py` is both a file and a folder",
    );
}

#[test]
fn only_plain_files_are_taken() {
    let moded = |mode: u32| raw(&[Entry { attributes: mode << 16, ..entry("a.json", b"/etc/passwd") }]);
    let special =
        |mode: &str| format!("the entry `a.json` is neither a plain file nor a folder (mode {mode})");
    refused(&moded(0o120_777), &special("120777"));
    refused(&moded(0o010_644), &special("10644"));
    refused(&moded(0o020_644), &special("20644"));
    refused(&moded(0o060_644), &special("60644"));
    refused(&moded(0o140_644), &special("140644"));
    refused(&moded(0o040_755), &special("40755"));
    let folder = Entry { attributes: 0o040_755 << 16, ..entry("a/", b"hidden") };
    refused(&raw(&[folder]), "the folder `a/` has content");
    let encrypted = Entry { flags: (1 << 11) | 1, ..entry("a.json", b"0123456789abcdef") };
    refused(&raw(&[encrypted]), "the entry `a.json` is encrypted");
    let method = Entry { method: 12, ..entry("a.json", b"") };
    refused(
        &raw(&[method]),
        "the entry `a.json` is compressed in a way that is not taken; use deflate or none",
    );
    refused(
        &raw(&[entry("a.so", b"")]),
        "the file `a.so` has a suffix that is not taken here; taken are .json .py",
    );
    refused(
        &raw(&[entry("a.JSON", b"")]),
        "the file `a.JSON` has a suffix that is not taken here; taken are .json .py",
    );
}

#[test]
fn archives_in_archives_are_refused_whatever_they_are_called() {
    let inner = pack([("x.json", &b"{}"[..])]).expect("packed");
    refused(&raw(&[entry("a.json", &inner)]), "the file `a.json` is an archive itself (ZIP)");
    refused(&raw(&[entry("a.py", b"\x1f\x8b\x08")]), "the file `a.py` is an archive itself (gzip)");
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    refused(&raw(&[entry("a.py", &tar)]), "the file `a.py` is an archive itself (tar)");
}

#[test]
fn sizes_are_counted_and_not_believed() {
    let bomb = deflated(&[("a.json", vec![b' '; 30 << 20])]);
    assert!(bomb.len() < 64 * 1024, "it is small while it is packed");
    refused(&bomb, "the file `a.json` is larger than 1000 bytes");
    refused(
        &raw(&[entry("a.json", &[b' '; 800]), entry("b.json", &[b' '; 800])]),
        "the files are larger than 1500 bytes together; `b.json` is one too much",
    );
    let many: Vec<Entry> = (0..6).map(|number| entry(&format!("{number}.json"), b"")).collect();
    refused(&raw(&many), "the archive has 6 entries, and 5 are the most");
    refused(&vec![b' '; 65 * 1024], "the archive is larger than 65536 bytes");
    let short = Entry { declared: Some(3), ..entry("a.json", b"12345") };
    let long = Entry { declared: Some(30), ..entry("a.json", b"12345") };
    for lie in [short, long] {
        assert!(bundle::read(&raw(&[lie]), &SMALL).is_err(), "the header's size is not the file's");
    }
    // The same bomb whose header claims to be small.
    let mut lying = bomb;
    let size = (30_u32 << 20).to_le_bytes();
    let places: Vec<usize> =
        lying.windows(4).enumerate().filter(|(_, bytes)| *bytes == size).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the size stands in the headers");
    for at in places {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    assert!(bundle::read(&lying, &SMALL).is_err());
}

#[test]
fn headers_that_disagree_are_refused() {
    let inconsistent = |bytes: &[u8]| match bundle::read(bytes, &SMALL) {
        Err(BundleError::Inconsistent(_) | BundleError::HiddenBytes | BundleError::NotAnArchive(_)) => {}
        other => panic!("{other:?}"),
    };
    let cloaked = Entry { local_name: Some(b"b.json".to_vec()), ..entry("a.json", b"{}") };
    inconsistent(&raw(&[cloaked]));
    // Two entries over one content, and one that begins inside of another.
    let shared = Entry { at: Some(0), ..entry("a.json", b"{}") };
    inconsistent(&raw(&[shared.clone(), shared].map({
        let mut number = 0;
        move |entry| {
            number += 1;
            Entry {
                name: format!("{number}.json").into_bytes(),
                local_name: Some(b"1.json".to_vec()),
                ..entry
            }
        }
    })));
    // An entry that the directory does not name.
    let mut hidden = raw(&[entry("a.json", b"{}"), entry("b.json", b"{}")]);
    let directory = hidden.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    let one = 46 + "a.json".len();
    hidden.drain(directory..directory + one);
    let end = hidden.len() - 22;
    hidden[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    hidden[end + 12..end + 16].copy_from_slice(&(one as u32).to_le_bytes());
    inconsistent(&hidden);
    // Something in front, as a self-extracting archive has it, and another archive behind.
    let honest = raw(&[entry("a.json", b"{}")]);
    refused(&[b"#!/bin/sh\n", &honest[..]].concat(), "this is not a ZIP archive: it does not begin as one");
    let two = [honest, raw(&[entry("b.json", b"{}")])].concat();
    assert!(bundle::read(&two, &SMALL).is_err(), "which of the two is meant?");
    let wrong_sum = Entry { crc: Some(1), ..entry("a.json", b"{}") };
    assert!(matches!(bundle::read(&raw(&[wrong_sum]), &SMALL), Err(BundleError::Broken { .. })));
}

#[test]
fn what_is_no_archive_is_refused() {
    refused(b"", "this is not a ZIP archive: it does not begin as one");
    refused(b"print('hello')\n", "this is not a ZIP archive: it does not begin as one");
    refused(&raw(&[]), "the archive holds no file");
    let folder = Entry { attributes: 0o040_755 << 16, ..entry("a/", b"") };
    refused(&raw(&[folder]), "the archive holds no file");
    let honest = raw(&[entry("a.json", b"{}")]);
    for end in 0..honest.len() {
        assert!(bundle::read(&honest[..end], &SMALL).is_err(), "cut at {end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = bundle::read(&[b"PK\x03\x04", &bytes[..]].concat(), &SMALL);
    }

    /// However an honest archive is bent, what is read keeps the promises.
    #[test]
    fn a_bent_archive_keeps_the_promises(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        is_deflated in any::<bool>(),
    ) {
        let mut bytes = if is_deflated {
            deflated(&[("a.json", vec![b'x'; 400]), ("d/b.py", vec![b'y'; 30])])
        } else {
            raw(&[entry("a.json", b"{}"), entry("d/b.py", b"x = 1\n")])
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(bundle) = bundle::read(&bytes, &SMALL) {
            let total: usize = bundle.files().map(|(_, content)| content.len()).sum();
            prop_assert!(total as u64 <= SMALL.most_bytes);
            for (name, content) in bundle.files() {
                prop_assert!(content.len() as u64 <= SMALL.most_file_bytes);
                prop_assert!(!name.starts_with('/') && !name.contains(['\\', ':']));
                prop_assert!(!name.split('/').any(|part| matches!(part, "" | "." | "..")), "{}", name);
                prop_assert!(SMALL.suffixes.iter().any(|suffix| name.ends_with(suffix)));
            }
        }
    }
}
