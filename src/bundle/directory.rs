//! The directory of an archive, read by ourselves as far as the names. The `zip` crate searches for
//! it, and keeps one of two entries of the same name; here it has one place, and every name counts.

use super::BundleError;

/// The record at the end, without a comment.
const END: usize = 22;
/// A header of the directory, without the name, the extra fields and the comment.
const HEADER: usize = 46;

/// The names in the order of the directory, as bytes.
pub(super) fn names(bytes: &[u8], most: usize) -> Result<Vec<&[u8]>, BundleError> {
    let broken = || BundleError::NotAnArchive("its directory is broken off or damaged".to_owned());
    let start = bytes.len().checked_sub(END).ok_or_else(broken)?;
    let (body, end) = bytes.split_at(start);
    // With a comment, or with anything behind it, there can be several ends to choose from. The same
    // holds for archives of several parts and for the second end that ZIP64 has.
    if !end.starts_with(b"PK\x05\x06") || short(end, 20) != Some(0) {
        return Err(BundleError::BytesBehind);
    }
    let (here, all) = (short(end, 10).ok_or_else(broken)?, short(end, 8).ok_or_else(broken)?);
    if short(end, 4) != Some(0) || short(end, 6) != Some(0) || here != all {
        return Err(BundleError::NotAnArchive("it is one part of several".to_owned()));
    }
    let (size, offset) = (long(end, 12).ok_or_else(broken)?, long(end, 16).ok_or_else(broken)?);
    if offset.checked_add(size) != Some(body.len()) {
        return Err(BundleError::Inconsistent("its directory does not lie where it says".to_owned()));
    }
    match here {
        0 => return Err(BundleError::Empty),
        entries if entries > most => return Err(BundleError::TooManyEntries { entries, most }),
        _ => {}
    }
    let mut rest = &body[offset..];
    let mut names = Vec::with_capacity(here);
    for _ in 0..here {
        if !rest.starts_with(b"PK\x01\x02") {
            return Err(broken());
        }
        let length = |at| short(rest, at).ok_or_else(broken);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        names.push(rest.get(HEADER..HEADER + name).ok_or_else(broken)?);
        rest = rest.get(HEADER + name + extra + comment..).ok_or_else(broken)?;
    }
    if rest.is_empty() { Ok(names) } else { Err(broken()) }
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*bytes)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}
