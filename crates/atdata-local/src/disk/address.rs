//! Which addresses are the store's, and how they are spelled.

use std::io::ErrorKind as Io;
use std::path::{Component, Path, PathBuf};

use atdata_core::{Error, Result, shard};

use crate::error::at_path;

/// Checks that paths under the root can be addresses.
pub(super) fn check_root(root: &Path) -> Result<()> {
    let text = of_path(root)?;
    if text.contains(['{', '}', '\\']) {
        return Err(Error::invalid(
            "paths with braces or backslashes cannot be addresses of shards, they would be expanded",
        )
        .with("path", text));
    }
    Ok(())
}

/// The longest name of a directory that common file systems take, in bytes.
const MAX_NAME: usize = 255;

/// Checks that a prefix can be a directory, relative to the root.
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    shard::validate_prefix(prefix)?;
    if prefix.split('/').any(|part| part.len() > MAX_NAME) {
        return Err(Error::invalid(format!("a part of the prefix is longer than {MAX_NAME} bytes"))
            .with("prefix", prefix));
    }
    Ok(())
}

/// A path as an address.
pub(super) fn of_path(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::invalid("the path is not UTF-8").with("path", path.display())),
    }
}

/// Checks that an address is of this store: an absolute path under its root, which neither `..` nor a symbolic link
/// leads out of. Whether the file is there does not matter.
pub(super) fn check(root: &Path, url: &str) -> Result<PathBuf> {
    let foreign = || {
        Error::invalid("the address is not one of this store").with("url", url).with("path", root.display())
    };
    let path = PathBuf::from(url);
    let inner = path.strip_prefix(root).map_err(|_| foreign())?;
    let mut parts = inner.components().peekable();
    let is_hidden = |part: &Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    if parts.peek().is_none() || !parts.all(|part| matches!(part, Component::Normal(_)) && !is_hidden(&part))
    {
        return Err(foreign());
    }
    if leads_out(root, &path)? {
        return Err(foreign());
    }
    Ok(path)
}

/// Whether a path under the root leads out of it through a symbolic link.
pub(super) fn leads_out(root: &Path, path: &Path) -> Result<bool> {
    let mut existing = path;
    loop {
        match existing.canonicalize() {
            Ok(real) => {
                let root = root.canonicalize().map_err(|error| at_path(error, root))?;
                return Ok(!real.starts_with(root));
            }
            // A link to nowhere: who knows where it will lead.
            Err(error) if error.kind() == Io::NotFound && existing.is_symlink() => return Ok(true),
            Err(error) if error.kind() == Io::NotFound => match existing.parent() {
                Some(parent) if existing != root => existing = parent,
                _ => return Ok(false),
            },
            Err(error) => return Err(at_path(error, existing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;

    use super::*;

    #[test]
    fn addresses_outside_of_the_root_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let text = root.to_str().unwrap();
        for inner in ["a.tar", "deep/er/a.tar", "with space/a.tar"] {
            assert_eq!(check(&root, &format!("{text}/{inner}")).unwrap(), root.join(inner));
        }
        let outside = ["", "/../b.tar", "/a/../../b.tar", "/a/../b.tar", "/.staging/1/000000.tar", "2/a.tar"];
        let foreign = ["a.tar", "/etc/passwd", "file:///etc/passwd", "s3://bucket/a.tar", ""];
        for url in outside.iter().map(|end| format!("{text}{end}")).chain(foreign.map(str::to_owned)) {
            assert_eq!(check(&root, &url).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_refused_and_others_are_not() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let (root, elsewhere) = (directory.path().join("root"), directory.path().join("elsewhere"));
        std::fs::create_dir_all(root.join("real")).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, root.join("out")).unwrap();
        symlink("/nowhere/at/all", root.join("dangling")).unwrap();
        symlink(root.join("real"), root.join("in")).unwrap();
        // The root itself may be reached through a link.
        let link = directory.path().join("link");
        symlink(&root, &link).unwrap();
        for root in [&root, &link] {
            let url = |inner: &str| format!("{}/{inner}", root.display());
            assert!(check(root, &url("out/a.tar")).is_err());
            assert!(check(root, &url("dangling/a.tar")).is_err());
            assert!(check(root, &url("in/a.tar")).is_ok());
            assert!(check(root, &url("real/a.tar")).is_ok());
        }
    }
}
