//! From any index to any other: one dataset, all of them, or what is missing.
//!
//! [`migrate_dataset`] carries one dataset, [`backup_all`] everything, [`sync`] what is missing or has changed; to count
//! is [`count_datasets`](crate::IndexExt::count_datasets). They know nothing of backends: whatever implements
//! [`Index`](crate::Index), [`DataStore`](crate::DataStore) and [`DataSource`](crate::DataSource) takes part.
//!
//! - The schema is published in the target, or found there; the new entry has the target's own reference.
//! - Shards stay where they are, or are copied byte for byte. Copies are held against the checksums of the source's
//!   entry as they pass, and walked, so that what is damaged is noticed and nothing is published; the new entry has
//!   checksums, under the new addresses, and the store writes the sample index anew.
//! - What can be checked is checked before anything moves: the name, the schema, what must not become public, the
//!   lengths of shards.
//! - With a [journal](ExchangeOptions::with_journal), an interrupted copy goes on where it ended.
//!
//! ```
//! use std::sync::Arc;
//! use atdata_core::exchange::{ExchangeOptions, migrate_dataset};
//! use atdata_core::{IndexExt, MemoryIndex, MemoryStore, WriteOptions, publish, source::Registry};
//! # use atdata_core::msgpack::{Packer, Unpacker};
//! # use atdata_core::schema::{Field, Primitive, SampleSchema};
//! # struct Point { x: i64 }
//! # impl atdata_core::Packable for Point {
//! #     fn schema() -> SampleSchema { SampleSchema::new("Point").field(Field::new("x", Primitive::Int)) }
//! #     fn pack_fields(&self, packer: &mut Packer<'_>) -> atdata_core::Result<()> {
//! #         packer.map(1)?;
//! #         packer.str("x")?;
//! #         packer.int(self.x);
//! #         Ok(())
//! #     }
//! #     fn unpack_fields(_: &mut Unpacker<'_>) -> atdata_core::Result<Self> { Ok(Point { x: 0 }) }
//! # }
//! use futures::StreamExt;
//!
//! # futures::executor::block_on(async {
//! let (laptop, disk) = (MemoryIndex::new(), MemoryStore::new());
//! let points = futures::stream::iter((0..10).map(|x| Ok(Point { x }))).boxed();
//! publish(&laptop, &disk, "points", points, &WriteOptions::default(), |new| new).await?;
//!
//! let (team, bucket) = (MemoryIndex::new(), MemoryStore::new());
//! let mut registry = Registry::default();
//! registry.register("mem", Arc::new(disk));
//! let migrated = migrate_dataset("points", &laptop, &team, &ExchangeOptions::copy_to(&bucket, &registry)).await?;
//! assert_eq!((migrated.shards, team.count_datasets().await?), (1, 1));
//! # Ok::<(), atdata_core::Error>(())
//! # }).unwrap();
//! ```

mod all;
mod carry;
mod dataset;
mod guard;
mod journal;
mod labels;
mod options;
mod plan;
mod provenance;
mod report;
mod shards;

pub(crate) use guard::check_store;

pub use all::{backup_all, sync};
pub use dataset::migrate_dataset;
pub use options::{ExchangeOptions, Existing, Observer, Versions};
pub use provenance::PROVENANCE_KEY;
pub use report::{Event, ExchangeFailure, ExchangeReport, Migrated, Outcome};
