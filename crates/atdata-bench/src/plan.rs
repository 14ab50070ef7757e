//! How much there is of what, and where.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::samples::Kind;

/// How large the data sets are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Scale {
    /// A hundredth to a tenth of it, to see that everything runs.
    Quick,
    /// What the tables are made of.
    Full,
}

/// Who has written the shards.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Origin {
    /// This crate's [`write`](crate::ways) way: ustar headers, numbered keys, an index beside each shard.
    Ours,
    /// Python's `atdata`: a PAX header for every sample, UUIDs as keys, no index.
    Python,
}

/// The sizes of one data set.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) samples: u64,
    pub(crate) per_shard: u64,
    /// How many different arrays there are: sample *i* has number *i* mod this. So that neither making nor holding
    /// them counts when they are written.
    pub(crate) arrays: u64,
    /// How many positions of random access there are.
    pub(crate) positions: u64,
}

/// The sizes of all data sets, in `plan.json`, for Python too.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    small: Spec,
    medium: Spec,
    large: Spec,
}

impl Plan {
    pub(crate) fn new(scale: Scale) -> Self {
        let spec = |samples, arrays, positions| Spec { samples, per_shard: samples / 10, arrays, positions };
        match scale {
            Scale::Full => Self {
                small: spec(200_000, 1021, 2000),
                medium: spec(10_000, 37, 1000),
                large: spec(200, 7, 100),
            },
            Scale::Quick => {
                Self { small: spec(20_000, 1021, 200), medium: spec(1000, 37, 100), large: spec(20, 7, 20) }
            }
        }
    }

    pub(crate) fn read(data: &Path) -> Result<Self> {
        let path = path(data);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    pub(crate) fn write(&self, data: &Path) -> Result<()> {
        std::fs::write(path(data), serde_json::to_string_pretty(self)?)?;
        Ok(())
    }

    pub(crate) fn of(&self, kind: Kind) -> Spec {
        match kind {
            Kind::Small => self.small,
            Kind::Medium => self.medium,
            Kind::Large => self.large,
        }
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("plan.json")
}

/// What one run has to do.
#[derive(Debug)]
pub(crate) struct Job {
    /// The directory of all data.
    pub(crate) data: PathBuf,
    pub(crate) origin: Origin,
    pub(crate) spec: Spec,
    pub(crate) samples: u64,
    pub(crate) out: Option<PathBuf>,
}

impl Job {
    /// The shards that hold the samples of this run, in order.
    pub(crate) fn shards(&self, kind: Kind) -> Result<Vec<PathBuf>> {
        let count = self.samples / self.spec.per_shard;
        ensure!(
            count * self.spec.per_shard == self.samples,
            "{} samples are not whole shards of {}",
            self.samples,
            self.spec.per_shard
        );
        let mut shards = self.all_shards(kind)?;
        shards.truncate(usize::try_from(count)?);
        Ok(shards)
    }

    /// All shards of the data set, in order.
    pub(crate) fn all_shards(&self, kind: Kind) -> Result<Vec<PathBuf>> {
        let writer = match self.origin {
            Origin::Ours => "ours",
            Origin::Python => "python",
        };
        let directory = self.data.join(writer).join(kind.name());
        let entries = std::fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
        let mut shards: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .filter(|path: &Result<PathBuf>| {
                path.as_ref()
                    .map_or(true, |path| path.extension().is_some_and(|extension| extension == "tar"))
            })
            .collect::<Result<_>>()?;
        shards.sort();
        ensure!(!shards.is_empty(), "no shards in {}", directory.display());
        Ok(shards)
    }

    /// Where this run writes.
    pub(crate) fn out(&self) -> Result<&Path> {
        self.out.as_deref().context("a way that writes needs --out")
    }
}
