//! The ways to go through a data set.

mod limits;
mod read;
mod write;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::digest::Touch;
use crate::measured::Measured;
use crate::plan::Job;
use crate::samples::{Kind, Large, Medium, Small, Workload};

/// What a way leaves to check.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Finds {
    /// The samples of its shards, in order.
    Ordered,
    /// The samples of its shards, in another order.
    Shuffled,
    /// The first sample.
    First,
    /// The samples at the positions of random access.
    Scattered,
    /// Nothing that can be checked: it moves bytes.
    Bytes,
}

/// One way.
#[derive(Debug, Serialize)]
pub(crate) struct Way {
    name: &'static str,
    about: &'static str,
    finds: Finds,
    touch: Touch,
    /// Whether it needs the keys that our own writer gives.
    own_keys: bool,
    /// Whether it needs a directory to write to.
    writes: bool,
    #[serde(skip)]
    run: fn(&Job, &mut Measured) -> Result<()>,
}

impl Way {
    const fn new(
        name: &'static str,
        about: &'static str,
        finds: Finds,
        run: fn(&Job, &mut Measured) -> Result<()>,
    ) -> Self {
        Self { name, about, finds, touch: Touch::All, own_keys: false, writes: false, run }
    }

    const fn edges(self) -> Self {
        Self { touch: Touch::Edges, ..self }
    }

    const fn own_keys(self) -> Self {
        Self { own_keys: true, ..self }
    }

    const fn writes(self) -> Self {
        Self { writes: true, ..self }
    }
}

/// To measure something new, add it here.
fn of<T: Workload>() -> Vec<Way> {
    use Finds::{Bytes, First, Ordered, Scattered, Shuffled};
    vec![
        Way::new("ordered", "`ordered().blocking()`: owned typed rows", Ordered, read::ordered::<T>),
        Way::new(
            "ordered-async",
            "`ordered()` as a stream, polled in place",
            Ordered,
            read::ordered_async::<T>,
        ),
        Way::new(
            "ordered-prepared",
            "`filter(…).ordered().blocking()`, mean and variance of the bytes",
            Ordered,
            read::ordered_prepared::<T>,
        ),
        Way::new("batched", "`batched(32).blocking()`, stacked", Ordered, read::batched::<T>),
        Way::new("batched-edges", "the same, touching two words an array", Ordered, read::batched_edges::<T>)
            .edges(),
        Way::new("shuffled", "`shuffled(42).blocking()`, buffer of 10,000", Shuffled, read::shuffled::<T>),
        Way::new("first", "open the data set and take its first sample", First, read::first::<T>),
        Way::new("random", "`indexed()`, then `get_key` one by one", Scattered, read::random_keys::<T>)
            .own_keys(),
        Way::new(
            "random-position",
            "`indexed()`, then `get` one by one",
            Scattered,
            read::random_positions::<T>,
        ),
        Way::new("write", "`publish` to a `LocalDiskStore`", Bytes, write::write::<T>).writes(),
        Way::new("cat", "`cat SHARDS > /dev/null`", Bytes, limits::cat::<T>),
        Way::new("read-sum", "read into 1 MiB, sum the words", Bytes, limits::read_sum::<T>),
        Way::new("mmap-sum", "map the files, sum the words", Bytes, limits::mmap_sum::<T>),
        Way::new("memcpy", "map the files, copy to one buffer of 32 arrays", Bytes, limits::memcpy::<T>),
        Way::new("memcpy-sum", "the same, and sum the words of the buffer", Bytes, limits::memcpy_sum::<T>),
        Way::new("copy", "copy the files and make them durable", Bytes, limits::copy::<T>).writes(),
        Way::new("copy-sha256", "the same, and find their SHA-256", Bytes, limits::copy_sha256::<T>).writes(),
    ]
}

/// The ways, which all data sets have.
pub(crate) fn all() -> Vec<Way> {
    of::<Small>()
}

/// Runs a way.
pub(crate) fn run(kind: Kind, name: &str, job: &Job) -> Result<Measured> {
    let ways = match kind {
        Kind::Small => of::<Small>(),
        Kind::Medium => of::<Medium>(),
        Kind::Large => of::<Large>(),
    };
    let way = ways.iter().find(|way| way.name == name).context("there is no such way")?;
    let mut measured = Measured::start();
    (way.run)(job, &mut measured)?;
    Ok(measured.stop())
}
