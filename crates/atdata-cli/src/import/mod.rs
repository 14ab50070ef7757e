//! Reading foreign formats: each importer makes a [`Plan`], a schema and a stream of samples.
//!
//! Whatever the input's size, memory is bounded: a window at the beginning tells the schema, then samples pass one by
//! one. What cannot become a sample is skipped and reported, never dropped silently.

mod arrays;
mod columns;
mod conform;
mod csv;
mod detect;
mod images;
mod infer;
pub(crate) mod interrupt;
mod jsonl;
mod npy;
mod numpy;
mod pixels;
mod pump;
mod reader;
pub(crate) mod report;
mod suffix;
mod walk;
mod webdataset;

use atdata::array::ArrayFormat;
use atdata::msgpack::Packer;
use atdata::schema::SampleSchema;
use atdata::source::Registry;
use atdata::{Map, Result};
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::args::{Import, InputFormat};
use crate::commands::read_schema;
use crate::names;
use crate::output::CliResult;
use report::Skip;

/// How many samples at the beginning tell the schema …
const WINDOW_SAMPLES: usize = 10_000;
/// … or how many bytes, if those are fewer.
const WINDOW_BYTES: usize = 16 << 20;
/// The longest line or row that is read.
const MAX_ITEM: usize = 64 << 20;

/// A sample on its way into a shard.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The key that the input gives it.
    pub(crate) key: Option<String>,
    /// The fields, as msgpack.
    pub(crate) payload: Bytes,
}

/// What an importer finds.
#[derive(Debug)]
pub(crate) enum Item {
    /// A sample.
    Sample(Packed),
    /// Something that cannot become one.
    Skipped(Skip),
}

impl Item {
    /// Packs fields that fit the schema.
    fn pack(key: Option<String>, fields: &Map, place: impl Fn() -> String) -> Item {
        let mut payload = Vec::new();
        match Packer::new(&mut payload).with_array_format(ArrayFormat::Npy).fields(fields) {
            Ok(()) => Item::Sample(Packed { key, payload: payload.into() }),
            Err(error) => Item::Skipped(Skip::new(place(), "cannot be stored", error.to_string())),
        }
    }

    /// About how much memory it takes.
    fn weight(&self) -> usize {
        match self {
            Item::Sample(sample) => sample.payload.len() + 64,
            Item::Skipped(_) => 256,
        }
    }
}

/// What an importer is going to do.
pub(crate) struct Plan {
    /// The schema, inferred or given.
    pub(crate) schema: SampleSchema,
    /// Samples and what is left out, in order. An error ends the import.
    pub(crate) items: BoxStream<'static, Result<Item>>,
    /// What the user should know about the schema: renamed columns and the like.
    pub(crate) notes: Vec<String>,
}

/// What importers need to know of the command line.
struct Context<'a> {
    args: &'a Import,
    registry: Registry,
    /// The schema that the user gave.
    given: Option<SampleSchema>,
}

impl Context<'_> {
    /// An empty schema with the name that the user chose.
    fn new_schema(&self) -> SampleSchema {
        let name = self.args.schema_name.clone().unwrap_or_else(|| names::schema_name(&self.args.name));
        SampleSchema::new(name)
    }
}

/// Finds out what the input is and prepares to read it.
///
/// # Errors
/// The input is not there, is of no known format, or has nothing in it; the schema cannot be used.
pub(crate) async fn plan(args: &Import, registry: Registry) -> CliResult<Plan> {
    let given = args.schema.as_deref().map(read_schema).transpose()?;
    let format = detect::format(&args.input, args.format)?;
    let context = Context { args, registry, given };
    let plan = match format {
        InputFormat::Images => images::plan(&context)?,
        InputFormat::Csv => csv::plan(&context)?,
        InputFormat::Jsonl => jsonl::plan(&context)?,
        InputFormat::Numpy => numpy::plan(&context)?,
        InputFormat::Webdataset => webdataset::plan(&context).await?,
    };
    plan.schema.validate()?;
    Ok(plan)
}
