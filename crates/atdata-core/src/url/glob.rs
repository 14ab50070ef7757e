//! Glob patterns over the local disk: `data-*.tar`.

use std::fs;
use std::path::PathBuf;

use glob::{MatchOptions, Pattern};

use super::address::{file_url_path, path_of_file_url, percent_decoded};
use crate::{Error, Result, ResultExt};

const METACHARACTERS: [char; 3] = ['*', '?', '['];

/// The files that a bare path or `file:` URL with `*`, `?`, `[…]` or `**` stands for, sorted by path.
///
/// What exists under the very name is that file, not a pattern. Directories never match, nor do names with a leading
/// dot unless the pattern has the dot too. In a `file:` URL a percent-encoded `*` is a star and not a pattern. An
/// address without any pattern is returned as it is, whether the file exists or not.
///
/// # Errors
/// `NotFound` if nothing matches, `Invalid` for a malformed pattern, and what the operating system says if a directory
/// cannot be read.
///
/// ```
/// use atdata_core::url::expand_glob;
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("b.tar"), "")?;
/// std::fs::write(dir.path().join("a.tar"), "")?;
/// let files = expand_glob(&format!("{}/*.tar", dir.path().display()))?;
/// assert_eq!(files, [dir.path().join("a.tar"), dir.path().join("b.tar")]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn expand_glob(address: &str) -> Result<Vec<PathBuf>> {
    let (literal, pattern) = match file_url_path(address)? {
        None => (PathBuf::from(address), address.to_owned()),
        Some(path) => (path_of_file_url(address)?, decode_pattern(path).context("path", address)?),
    };
    if !pattern.contains(METACHARACTERS) || fs::symlink_metadata(&literal).is_ok() {
        return Ok(vec![literal]);
    }
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let matches = glob::glob_with(&pattern, options).map_err(|error| {
        Error::invalid("the glob pattern is malformed").with_source(error).with("path", address)
    })?;
    let mut files = Vec::new();
    for found in matches {
        let path = found.map_err(|error| {
            let path = error.path().display().to_string();
            Error::from_io(error.into()).with("path", path)
        })?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::not_found("no file matches the pattern").with("path", address));
    }
    files.sort();
    Ok(files)
}

/// The glob pattern in the path of a `file:` URL; characters that were percent-encoded stand for themselves.
fn decode_pattern(path: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(path.len());
    for (byte, encoded) in percent_decoded(path) {
        if encoded && byte.is_ascii() {
            bytes.extend(Pattern::escape(char::from(byte).encode_utf8(&mut [0; 4])).into_bytes());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid("a glob pattern must be UTF-8"))
}
