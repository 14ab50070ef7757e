//! WebDataset tars: each suffix becomes a field, and the samples of `atdata` shards are taken as they are.

use std::io::{self, Read};
use std::path::Path;

use atdata::schema::{Field, SampleSchema};
use atdata::source::{FileSource, UrlSource};
use atdata::tar::{RawSample, SUFFIX, read_tar};
use atdata::{DataSource, Error, Map, NdArray, Result, ResultExt, ShardBody, Value, array, msgpack};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::runtime::Handle;

use super::conform::{Conformer, Misfit};
use super::infer::Struct;
use super::pump::pump;
use super::report::Skip;
use super::suffix::Rule;
use super::{Context, Item, Plan, WINDOW_BYTES, WINDOW_SAMPLES};
use crate::names;

/// How the members of a sample become fields.
enum Reading {
    /// The payload of `atdata` shards.
    Payload {
        /// Fields of bytes that are arrays in all samples of the window.
        arrays: Vec<String>,
    },
    /// One field for each suffix: suffix, field, rule.
    Members(Vec<(String, String, Rule)>),
}

/// Looks at the first samples and prepares to read all of them.
pub(super) async fn plan(context: &Context<'_>) -> Result<Plan> {
    let input = &context.args.input;
    let source: Box<dyn DataSource> = if Path::new(input).is_dir() {
        Box::new(FileSource::directory(input)?)
    } else {
        Box::new(UrlSource::new(input, &context.registry)?)
    };
    let shards = source.list_shards().await?;
    if shards.is_empty() {
        return Err(Error::not_found("there are no tar files").with("path", input));
    }
    let mut samples =
        RawSamples { source, shards: shards.into_iter(), open: None, runtime: Handle::current() };
    let (window, samples) = tokio::task::spawn_blocking(move || {
        let (mut window, mut found, mut bytes) = (Vec::new(), 0, 0);
        while found < WINDOW_SAMPLES && bytes < WINDOW_BYTES {
            let Some(item) = samples.next() else { break };
            let item = item?;
            if let Ok((_, raw)) = &item {
                bytes += raw.members().map(|member| member.data.len()).sum::<usize>();
                found += 1;
            }
            window.push(item);
        }
        Ok::<_, Error>((window, samples))
    })
    .await
    .map_err(|error| Error::unexpected("the tars could not be read").with_source(error))??;
    let mut notes = Vec::new();
    let first: Vec<&RawSample> =
        window.iter().filter_map(|item| item.as_ref().ok().map(|(_, raw)| raw)).collect();
    if first.is_empty() {
        let damage = window.iter().find_map(|item| item.as_ref().err());
        let why = damage.map_or_else(String::new, |skip| format!("; {}: {}", skip.item, skip.detail));
        return Err(Error::invalid(format!("the tars hold no samples{why}")).with("path", input));
    }
    let (schema, reading) = infer(context, &first, &mut notes)?;
    let conformer = Conformer::new(schema.clone());
    let items = window.into_iter().map(Ok).chain(samples).map(move |item| {
        let (shard, raw) = match item? {
            Ok(found) => found,
            Err(skip) => return Ok(Item::Skipped(skip)),
        };
        let place = || format!("{} in {shard}", raw.key());
        let fields = reading.fields(&raw).and_then(|fields| conformer.conform(fields));
        Ok(match fields {
            Ok(fields) => Item::pack(Some(raw.key().to_owned()), &fields, place),
            Err(misfit) => Item::Skipped(Skip::new(place(), misfit.reason, misfit.detail)),
        })
    });
    Ok(Plan { schema, items: pump(items, Item::weight), notes })
}

fn infer(
    context: &Context<'_>,
    window: &[&RawSample],
    notes: &mut Vec<String>,
) -> Result<(SampleSchema, Reading)> {
    if window.iter().all(|raw| raw.members().all(|member| member.suffix == SUFFIX)) {
        return Ok(infer_payloads(context, window));
    }
    let mut suffixes: Vec<String> = Vec::new();
    for member in window.iter().flat_map(|raw| raw.members()) {
        if !suffixes.iter().any(|suffix| *suffix == member.suffix) {
            suffixes.push(member.suffix.to_string());
        }
    }
    let fields = names::identifiers(&suffixes, "suffixes")?;
    let mut schema = context.new_schema();
    let mut members = Vec::new();
    for (suffix, name) in suffixes.into_iter().zip(fields) {
        if suffix != name {
            notes.push(format!("the suffix {suffix} is stored as {name}"));
        }
        let (rule, field_type) = Rule::infer(&suffix, window.iter().filter_map(|raw| raw.get(&suffix)));
        let field = Field::new(&name, field_type);
        let everywhere = window.iter().all(|raw| raw.get(&suffix).is_some());
        let nothing = matches!(field.field_type, atdata::schema::FieldType::Any);
        schema = schema.field(if everywhere && !nothing { field } else { field.optional() });
        members.push((suffix, name, rule));
    }
    let schema = context.given.clone().unwrap_or(schema);
    Ok((schema, Reading::Members(members)))
}

fn infer_payloads(context: &Context<'_>, window: &[&RawSample]) -> (SampleSchema, Reading) {
    if let Some(schema) = &context.given {
        // The schema says which bytes are arrays.
        return (schema.clone(), Reading::Payload { arrays: Vec::new() });
    }
    let samples: Vec<Map> = window.iter().filter_map(|raw| payload(raw).ok()).collect();
    let arrays = array_fields(&samples);
    let mut seen = Struct::default();
    for mut fields in samples {
        // All of them were decoded once already.
        if decode_arrays(&mut fields, &arrays).is_ok() {
            seen.observe(&fields);
        }
    }
    let names = seen.names();
    (seen.schema(context.new_schema(), &names), Reading::Payload { arrays })
}

/// Fields that hold `.npy` arrays wherever they hold anything.
fn array_fields(samples: &[Map]) -> Vec<String> {
    let mut candidates: Vec<(String, bool)> = Vec::new();
    for (name, value) in samples.iter().flat_map(Map::iter) {
        let is_array = value.as_bytes().map(|bytes| npy(bytes).is_some());
        let at = candidates.iter().position(|(known, _)| known == name);
        match (at.and_then(|at| candidates.get_mut(at)), is_array) {
            (Some((_, all)), Some(is_array)) => *all &= is_array,
            (Some((_, all)), None) => *all &= value.is_nil(),
            (None, Some(is_array)) => candidates.push((name.to_owned(), is_array)),
            (None, None) if !value.is_nil() => candidates.push((name.to_owned(), false)),
            (None, None) => {}
        }
    }
    candidates.into_iter().filter(|(_, all)| *all).map(|(name, _)| name).collect()
}

fn npy(bytes: &Bytes) -> Option<NdArray> {
    bytes.starts_with(b"\x93NUMPY").then(|| array::decode(bytes.clone()).ok()).flatten()
}

fn payload(raw: &RawSample) -> std::result::Result<Map, Misfit> {
    let misfit = |detail: String| Misfit { reason: "a sample cannot be decoded", detail };
    let data = raw.get(SUFFIX).ok_or_else(|| misfit(format!("no {SUFFIX} member")))?;
    match msgpack::from_bytes(data) {
        Ok(Value::Map(fields)) => Ok(fields),
        Ok(other) => Err(misfit(format!("the payload is {}, not a map", other.type_name()))),
        Err(error) => Err(misfit(error.message().to_owned())),
    }
}

fn decode_arrays(fields: &mut Map, arrays: &[String]) -> std::result::Result<(), Misfit> {
    for name in arrays {
        if let Some(value) = fields.get_mut(name)
            && let Some(bytes) = value.as_bytes()
        {
            let array = array::decode(bytes.clone()).map_err(|error| Misfit {
                reason: "a sample cannot be decoded",
                detail: format!("{name}: {}", error.message()),
            })?;
            *value = Value::Array(array);
        }
    }
    Ok(())
}

impl Reading {
    fn fields(&self, raw: &RawSample) -> std::result::Result<Map, Misfit> {
        let members = match self {
            Reading::Payload { arrays } => {
                let mut fields = payload(raw)?;
                decode_arrays(&mut fields, arrays)?;
                return Ok(fields);
            }
            Reading::Members(members) => members,
        };
        let mut fields = Map::new();
        for member in raw.members() {
            let Some((_, name, rule)) = members.iter().find(|(suffix, ..)| *suffix == member.suffix) else {
                return Err(Misfit {
                    reason: "a suffix that the first samples do not have",
                    detail: member.suffix.to_string(),
                });
            };
            let value = rule.read(&member.data).map_err(|error| Misfit {
                reason: "a member does not fit its suffix",
                detail: format!("{}: {}", member.suffix, error.message()),
            })?;
            fields.insert(name.as_str(), value);
        }
        Ok(fields)
    }
}

/// The raw samples of all shards, one after the other. A damaged shard gives its samples up to the damage, and then
/// what is wrong.
struct RawSamples {
    source: Box<dyn DataSource>,
    shards: std::vec::IntoIter<String>,
    open: Option<(String, atdata::tar::TarReader<Chunks>)>,
    runtime: Handle,
}

type Found = std::result::Result<(String, RawSample), Skip>;

impl Iterator for RawSamples {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((shard, samples)) = &mut self.open {
                match samples.next() {
                    Some(Ok(raw)) => return Some(Ok(Ok((shard.clone(), raw)))),
                    Some(Err(error)) => {
                        let skip = Skip::new(shard.clone(), "the rest of a damaged shard", error.to_string());
                        self.open = None;
                        return Some(Ok(Err(skip)));
                    }
                    None => self.open = None,
                }
            }
            let shard = self.shards.next()?;
            match self.runtime.block_on(self.source.open_shard(&shard)).context("shard", &shard) {
                Ok(body) => {
                    let reader = Chunks::new(body, self.runtime.clone());
                    self.open = Some((shard, read_tar(reader)));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A shard's chunks as a blocking reader.
struct Chunks {
    chunks: BoxStream<'static, Result<Bytes>>,
    current: Bytes,
    runtime: Handle,
}

impl Chunks {
    fn new(body: ShardBody, runtime: Handle) -> Self {
        Self { chunks: body.into_chunks(), current: Bytes::new(), runtime }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.runtime.block_on(self.chunks.next()) {
                Some(chunk) => self.current = chunk.map_err(Error::into_io)?,
                None => return Ok(0),
            }
        }
        let taken = self.current.split_to(buffer.len().min(self.current.len()));
        buffer.get_mut(..taken.len()).unwrap_or_default().copy_from_slice(&taken);
        Ok(taken.len())
    }
}
