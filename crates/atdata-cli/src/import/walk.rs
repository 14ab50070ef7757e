//! The files of a folder and its sub-folders, sorted.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use atdata::{Result, ResultExt};

use super::report::Skip;

/// Folders deeper than this are left out.
const MAX_DEPTH: usize = 64;

/// What a walk comes upon.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A regular file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its path inside the folder, with slashes.
        inside: String,
    },
    /// Something that is left out.
    Skipped(Skip),
}

/// Walks a folder: in each folder its files and sub-folders by name. Symbolic links are followed, and every real folder
/// is entered once, so that loops end. Memory grows with the number of names in the folders that are open.
#[derive(Debug)]
pub(super) struct Walk {
    /// What is left of the open folders, the innermost last; each in reverse order.
    open: Vec<Vec<(String, PathBuf)>>,
    entered: HashSet<PathBuf>,
}

impl Walk {
    /// Starts at a folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn new(root: &Path) -> Result<Self> {
        let mut walk = Self { open: Vec::new(), entered: HashSet::new() };
        walk.entered.insert(fs::canonicalize(root).context("path", root.display())?);
        let items = fs::read_dir(root).context("path", root.display())?;
        let items = items.collect::<std::io::Result<Vec<_>>>().context("path", root.display())?;
        walk.open.push(sorted(items, ""));
        Ok(walk)
    }

    fn enter(&mut self, path: &Path, inside: &str) -> std::result::Result<(), Skip> {
        let unreadable =
            |error: std::io::Error| Skip::new(inside, "a folder cannot be read", error.to_string());
        if self.open.len() >= MAX_DEPTH {
            return Err(Skip::new(
                inside,
                "a folder is nested too deep",
                format!("more than {MAX_DEPTH} levels"),
            ));
        }
        if !self.entered.insert(fs::canonicalize(path).map_err(unreadable)?) {
            return Err(Skip::new(inside, "a symbolic link to a folder that is read already", ""));
        }
        let items =
            fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(unreadable)?;
        self.open.push(sorted(items, inside));
        Ok(())
    }
}

/// The items of a folder in reverse order, so that the next one is the last.
fn sorted(mut items: Vec<DirEntry>, inside: &str) -> Vec<(String, PathBuf)> {
    items.sort_by_key(|item| std::cmp::Reverse(item.file_name()));
    let join = |item: DirEntry| {
        let name = item.file_name().to_string_lossy().into_owned();
        (if inside.is_empty() { name } else { format!("{inside}/{name}") }, item.path())
    };
    items.into_iter().map(join).collect()
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let Some((inside, path)) = self.open.last_mut()?.pop() else {
                self.open.pop();
                continue;
            };
            let skip =
                |reason, detail: String| Some(Step::Skipped(Skip::new(inside.clone(), reason, detail)));
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                return skip("hidden", String::new());
            }
            if path.to_str().is_none() {
                return skip("a name is not UTF-8", String::new());
            }
            // Follows links.
            match fs::metadata(&path) {
                Err(error) => return skip("a file cannot be read", error.to_string()),
                Ok(found) if found.is_dir() => {
                    if let Err(skip) = self.enter(&path, &inside) {
                        return Some(Step::Skipped(skip));
                    }
                }
                Ok(found) if found.is_file() => return Some(Step::File { path, inside }),
                Ok(_) => return skip("not a regular file", String::new()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(root: &Path) -> Vec<String> {
        Walk::new(root)
            .unwrap()
            .map(|step| match step {
                Step::File { inside, .. } => inside,
                Step::Skipped(skip) => format!("!{}: {}", skip.item, skip.reason),
            })
            .collect()
    }

    #[test]
    fn files_come_sorted_and_hidden_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["b/2.png", "b/10.png", "a.png", "c.png", "b/.x"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(walk(dir.path()), ["a.png", "!b/.x: hidden", "b/10.png", "b/2.png", "c.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_end() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/1.png"), "").unwrap();
        symlink(dir.path(), dir.path().join("a/loop")).unwrap();
        symlink(dir.path().join("a/1.png"), dir.path().join("b.png")).unwrap();
        symlink("/nowhere/x", dir.path().join("c.png")).unwrap();
        assert_eq!(
            walk(dir.path()),
            [
                "a/1.png",
                "!a/loop: a symbolic link to a folder that is read already",
                "b.png",
                "!c.png: a file cannot be read"
            ]
        );
    }
}
