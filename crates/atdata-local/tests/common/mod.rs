//! What the integration tests share: child processes that are this test binary itself, and small disks.
#![allow(dead_code)]

#[cfg(feature = "sqlite")]
pub(crate) mod index;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The variable that tells a test that it is run as a child process, and on what.
pub(crate) const CHILD: &str = "ATDATA_TEST_CHILD";

/// This test binary, set up to run one test as a child process that works on `path`.
pub(crate) fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, path);
    command
}

/// What this process is to work on, if it is a child.
pub(crate) fn child_path() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }
}

/// A file system of its own, in memory, of a certain size.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts it; none, with a word on standard error, where this process may not do that.
    pub(crate) fn mount(case: &str, size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            atdata_testkit::suite::skip(case, "a tmpfs cannot be mounted by this user");
            return None;
        }
        Some(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a connection may be about to be closed.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
