//! The other libraries.

use std::path::PathBuf;

use super::cases::Workload;
use crate::workspace;

/// Everything there is.
const ALL: u64 = u64::MAX;

/// The environment that a library is installed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// That of Python's atdata 0.7.
    Atdata,
    /// One of its own, with `requirements-NAME.txt`.
    Own(&'static str),
}

/// What a library reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Our tar shards, ours and Python's.
    Tars,
    /// A format of its own, made from the same samples.
    Own,
}

/// One way of a library, and how many samples of each workload it is measured with: a slow one need not go
/// through all of them.
pub(super) struct Way {
    pub(super) name: &'static str,
    most: [u64; 3],
}

impl Way {
    pub(super) fn most(&self, workload: Workload) -> u64 {
        let [small, medium, large] = self.most;
        match workload {
            Workload::Small => small,
            Workload::Medium => medium,
            Workload::Large => large,
        }
    }
}

/// A library with its script in `crates/atdata-bench/python`.
pub(super) struct Library {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) home: Home,
    pub(super) reads: Reads,
    pub(super) ways: &'static [Way],
}

const fn way(name: &'static str, most: [u64; 3]) -> Way {
    Way { name, most }
}

pub(super) const LIBRARIES: [Library; 6] = [
    Library {
        name: "atdata",
        title: "Python atdata",
        home: Home::Atdata,
        reads: Reads::Tars,
        ways: &[
            way("ordered", [20_000, 2000, ALL]),
            way("batched", [20_000, 2000, ALL]),
            way("shuffled", [20_000, 2000, ALL]),
            way("first", [1; 3]),
            way("random", [1; 3]),
            way("write", [40_000, 2000, ALL]),
            way("consumer", [ALL; 3]),
        ],
    },
    Library {
        name: "webdataset",
        title: "webdataset",
        home: Home::Atdata,
        reads: Reads::Tars,
        ways: &[
            way("ordered", [20_000, 2000, ALL]),
            way("batched", [20_000, 2000, ALL]),
            way("shuffled", [20_000, 2000, ALL]),
            way("first", [1; 3]),
        ],
    },
    Library {
        name: "lance",
        title: "Lance",
        home: Home::Own("arrow"),
        reads: Reads::Own,
        ways: &[
            way("ordered", [ALL; 3]),
            way("batched", [ALL; 3]),
            way("first", [1; 3]),
            way("random", [ALL; 3]),
        ],
    },
    Library {
        name: "datasets",
        title: "HF datasets (Arrow)",
        home: Home::Own("arrow"),
        reads: Reads::Own,
        ways: &[
            way("ordered", [ALL; 3]),
            way("ordered-rows", [20_000, 2000, ALL]),
            way("batched", [ALL; 3]),
            way("first", [1; 3]),
            way("random", [ALL; 3]),
        ],
    },
    Library {
        name: "streaming",
        title: "mosaicml-streaming",
        home: Home::Own("torch"),
        reads: Reads::Own,
        ways: &[
            way("ordered", [20_000, ALL, ALL]),
            way("batched", [20_000, ALL, ALL]),
            way("shuffled", [ALL; 3]),
            way("first", [1; 3]),
            way("random", [ALL; 3]),
        ],
    },
    Library {
        name: "litdata",
        title: "litData",
        home: Home::Own("torch"),
        reads: Reads::Own,
        ways: &[
            way("ordered", [ALL; 3]),
            way("batched", [ALL; 3]),
            way("first", [1; 3]),
            way("random", [ALL; 3]),
        ],
    },
];

/// The scripts of the libraries, and the pins of their environments.
pub(super) fn scripts() -> PathBuf {
    workspace::root().join("crates").join("atdata-bench").join("python")
}
