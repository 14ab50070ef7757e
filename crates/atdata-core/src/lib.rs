#![doc = include_str!("../README.md")]

pub mod array;
pub mod cid;
mod dataset;
mod error;
pub mod exchange;
mod federation;
pub mod lens;
mod load;
mod memory;
pub mod msgpack;
mod offload;
pub mod process;
mod protocol;
mod publish;
pub mod remote;
mod sample;
pub mod schema;
pub mod shard;
pub mod shard_index;
pub mod source;
pub mod tar;
pub mod url;
mod value;

pub use array::{NdArray, TypedArray};
pub use dataset::{
    Batches, Blocking, Dataset, Description, ErrorPolicies, ErrorPolicy, Fault, Keyed, Lengths, MissingIndex,
    Mix, MixState, Mixed, MixedBatches, MixedPart, RandomAccess, RandomAccessOptions, ReadOptions, ReadState,
    Reader, Report, Samples, Stage, Stats, StatsSnapshot,
};
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use federation::{Federation, Network};
pub use lens::Lens;
pub use load::{DatasetDict, LoadDataset, load_dataset};
pub use memory::{MemoryIndex, MemorySource, MemoryStore};
pub use protocol::{
    CHECKSUMS_KEY, DataSource, DataSourceExt, DataStore, DataStoreExt, DatasetRef, DatedLabel, Entry,
    IfExists, Index, IndexEntry, IndexExt, Label, NewDataset, SchemaSpec, ShardBody, ShardStream, StoredLens,
    StoredSchema, StoredShard, WriteOptions,
};
pub use publish::{ensure_free, prefix, publish};
pub use sample::{
    AnyDtypeField, ArrayField, BytesField, Collate, Column, DictBatch, DictSample, FieldReader, FieldValue,
    Packable, Sample,
};
pub use shard::{PackedSample, ShardCopy, ShardInput, ShardWriter};
pub use shard_index::ShardIndex;
pub use value::{Map, Value};
