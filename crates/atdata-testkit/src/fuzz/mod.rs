//! One function for each parser: it takes any bytes, and panics if the parser's answers contradict each other.
//!
//! They are called by the `cargo-fuzz` targets in `fuzz/` and by the stable runner of this crate (`--bin fuzz`), which
//! also watches memory. Where a parser accepts its input, what it made of it is written again and read again: the two
//! must agree, and where the format is canonical the bytes must be the input's.

mod arrays;
mod content;
mod lenses;
mod schemas;
mod seeds;
mod shards;
mod texts;

pub use arrays::{array_compact, npy};
pub use content::{cid, dag_cbor, msgpack};
pub use lenses::lens_json;
pub use schemas::{schema_json, schema_record};
pub use seeds::{checksum, seeds};
pub use shards::{decompress, shard_index, tar};
pub use texts::{brace, reference};

/// A parser to be fuzzed: its name and the function that runs it.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by name.
///
/// ```
/// for (name, run) in atdata_testkit::fuzz::TARGETS {
///     for seed in atdata_testkit::fuzz::seeds(name) {
///         run(&seed);
///     }
/// }
/// ```
pub const TARGETS: &[Target] = &[
    ("tar", tar),
    ("decompress", decompress),
    ("shard_index", shard_index),
    ("msgpack", msgpack),
    ("npy", npy),
    ("array_compact", array_compact),
    ("brace", brace),
    ("reference", reference),
    ("schema_json", schema_json),
    ("schema_record", schema_record),
    ("lens_json", lens_json),
    ("cid", cid),
    ("dag_cbor", dag_cbor),
];
