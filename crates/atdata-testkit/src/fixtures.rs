//! The files that the Python library wrote, and what it says is in them.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// A file of the fixtures, by its path below them: `python-0.7/dtypes.tar`.
///
/// ```
/// assert!(atdata_testkit::fixtures::path("python-0.7/dtypes.tar").is_file());
/// ```
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The bytes of a file of the fixtures.
///
/// # Panics
/// It is not there.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A JSON file of the fixtures.
///
/// # Panics
/// It is not there, or is no JSON.
pub fn json(name: &str) -> Json {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All files of the fixtures whose names end in `suffix`, sorted, as paths below them.
///
/// ```
/// assert!(atdata_testkit::fixtures::all(".tar").contains(&"python-0.2/scalars.tar".to_owned()));
/// ```
///
/// # Panics
/// A directory cannot be read.
pub fn all(suffix: &str) -> Vec<String> {
    let root = path("");
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for item in std::fs::read_dir(directory).expect("a readable directory") {
            let item = item.expect("a readable directory").path();
            if item.is_dir() {
                directories.push(item);
            } else if item.to_string_lossy().ends_with(suffix) {
                let below = item.strip_prefix(&root).expect("a path below the root");
                found.push(below.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}
