//! `atdata cat`: samples, one a line.

use atdata::{DictSample, Error, Keyed, Result, Samples, Value};
use futures::TryStreamExt;
use serde_json::Value as Json;

use crate::address::Backends;
use crate::args::{Cat, OutputFormat};
use crate::output::{CliResult, Out, Status};
use crate::progress::Progress;
use crate::{jsonl, source_arg, tagged};

/// Prints samples as they are read.
pub(super) async fn run(args: &Cat, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::instead_of(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let dataset = source.dataset(&args.arrays).keyed();
    let samples = match args.shuffle {
        Some(seed) => dataset.shuffled(seed),
        None => dataset.ordered(),
    };
    let samples = if args.skip > 0 { samples.skip(args.skip) } else { samples };
    let samples = match args.limit {
        Some(limit) => samples.take(limit),
        None => samples,
    };
    print(samples, args.format, out).await
}

/// Prints samples in a format.
pub(super) async fn print(
    samples: Samples<Keyed<DictSample>>,
    format: OutputFormat,
    out: &mut Out,
) -> CliResult {
    match format {
        OutputFormat::Jsonl => lines(samples, out, |keyed| Ok(plain(&keyed.sample))).await?,
        OutputFormat::Tagged => lines(samples, out, tagged::sample).await?,
        OutputFormat::Csv => csv(samples, out).await?,
    }
    Ok(Status::Done)
}

/// The fields of a sample as plain JSON.
pub(super) fn plain(sample: &DictSample) -> Json {
    sample.fields().iter().map(|(name, value)| (name.to_owned(), jsonl::to_json(value))).collect()
}

async fn lines(
    mut samples: Samples<Keyed<DictSample>>,
    out: &mut Out,
    form: impl Fn(&Keyed<DictSample>) -> Result<Json>,
) -> CliResult<()> {
    while let Some(keyed) = samples.try_next().await? {
        out.line(form(&keyed)?)?;
    }
    Ok(())
}

/// Comma-separated values. The first sample decides the columns; scalars are written as they are, everything else as
/// JSON.
async fn csv(mut samples: Samples<Keyed<DictSample>>, out: &mut Out) -> CliResult<()> {
    let mut columns: Vec<String> = Vec::new();
    let mut writer = csv::Writer::from_writer(Vec::new());
    while let Some(Keyed { key, shard, sample }) = samples.try_next().await? {
        let fields = sample.fields();
        if columns.is_empty() {
            columns = fields.keys().map(str::to_owned).collect();
            writer.write_record(&columns).map_err(csv_error)?;
        }
        if let Some(extra) = fields.keys().find(|name| !columns.iter().any(|column| column == name)) {
            return Err(Error::invalid(
                "a sample has a field that the first one does not have; use --format jsonl",
            )
            .with("field", extra)
            .with("key", key)
            .with("shard", shard)
            .into());
        }
        let cells = columns.iter().map(|column| fields.get(column).map_or_else(String::new, cell));
        writer.write_record(cells).map_err(csv_error)?;
        writer.flush().map_err(Error::from)?;
        out.bytes(writer.get_ref())?;
        writer = csv::Writer::from_writer(Vec::new());
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Str(text) => text.clone(),
        Value::Float(v) if !v.is_finite() => v.to_string().to_lowercase(),
        other => jsonl::to_json(other).to_string(),
    }
}

fn csv_error(error: csv::Error) -> Error {
    Error::unexpected("a row cannot be written").with_source(error)
}
