//! `atdata lens …`.

use std::path::Path;

use atdata::lens::{DataLens, LensIndexExt, LensRecord, LensTrust, OpenLens};
use atdata::schema::diff;
use atdata::{Dataset, DictSample, Error, Index, Result, ResultExt, StoredLens};
use futures::TryStreamExt;
use serde_json::{Value as Json, json};

use super::{cat, head};
use crate::address::Backends;
use crate::args::{Apply, Draw, Lens, Ls};
use crate::draw::Pen;
use crate::output::table::{row, table};
use crate::output::{CliResult, Hint, Out, Status, note, printable};
use crate::progress::Progress;
use crate::source_arg;

/// The largest lens file that is read, in bytes.
const MAX_FILE: u64 = atdata::lens::MAX_JSON as u64;

/// Runs one of the commands on lenses.
pub(super) async fn run(command: &Lens, backends: &Backends, out: &mut Out) -> CliResult {
    match command {
        Lens::Ls(args) => list(args, backends, out).await,
        Lens::Show { lens } => show(lens, backends, out).await,
        Lens::Publish { file, next } => publish(file, *next, backends, out).await,
        Lens::Apply(args) => apply(args, backends, out).await,
    }
}

/// A lens as JSON: what is known of it, and the lens as data if that is everything.
fn to_json(stored: &StoredLens) -> Result<Json> {
    let data = stored.record.data().ok().map(|data| data.to_json_value()).transpose()?;
    Ok(json!({
        "reference": stored.reference,
        "trust": stored.record.trust().name(),
        "record": stored.record.to_json_value()?,
        "lens": data,
    }))
}

/// The name of a schema without the rest of its reference, if it has one.
fn short(reference: &str) -> String {
    match reference.parse::<atdata::schema::SchemaRef>() {
        Ok(parsed) => match (parsed.name(), parsed.version()) {
            (Some(name), Some(version)) => format!("{name}@{version}"),
            (Some(name), None) => name.to_owned(),
            _ => reference.to_owned(),
        },
        Err(_) => reference.to_owned(),
    }
}

async fn list(args: &Ls, backends: &Backends, out: &mut Out) -> CliResult {
    let mut lenses = Vec::new();
    if let Some(index) = backends.existing_index().await? {
        lenses = index.list_lenses(&args.prefix).try_collect().await?;
    }
    if out.is_json() {
        let lenses = lenses.iter().map(to_json).collect::<Result<Vec<Json>>>()?;
        out.document(&json!({"index": backends.index_address()?, "lenses": lenses}))?;
        return Ok(Status::Done);
    }
    if lenses.is_empty() {
        note(format_args!("no lenses in {}", backends.index_address()?));
        return Ok(Status::Done);
    }
    let mut list = table(["NAME", "VERSION", "SOURCE", "VIEW", "DOES"]);
    for StoredLens { record, .. } in &lenses {
        let LensRecord { name, version, source_schema, view_schema, body, .. } = record;
        let schemas = [short(source_schema), short(view_schema)];
        let [source, view] = schemas;
        row(&mut list, [name.clone(), version.to_string(), source, view, body.to_string()]);
    }
    out.line(list.trim_fmt())?;
    Ok(Status::Done)
}

async fn show(reference: &str, backends: &Backends, out: &mut Out) -> CliResult {
    let index = source_arg::index_of(reference, backends).await?;
    let stored = find(reference, index.as_deref(), backends).await?;
    if out.is_json() {
        out.document(&to_json(&stored)?)?;
        return Ok(Status::Done);
    }
    let record = &stored.record;
    out.line(printable(&stored.reference))?;
    if let Some(description) = &record.description {
        out.line(printable(description))?;
    }
    let (source, view) = (&record.source_schema, &record.view_schema);
    out.line(printable(&format!("{source}\n  to {view}")))?;
    match (record.trust(), record.data()) {
        (_, Ok(data)) => {
            for (number, step) in (1..).zip(&data.steps) {
                out.line(format_args!("{number:>3}. {}", printable(&step.to_string())))?;
            }
            if data.steps.is_empty() {
                out.line("  nothing is changed")?;
            }
        }
        (LensTrust::Unverified, _) => {
            out.line(printable(&format!("  {}", record.body)))?;
            out.line("Python stores the names of the fields only: what the lens does to them is not known.")?;
        }
        _ => out.line(printable(&format!("  {}", record.body)))?,
    }
    Ok(Status::Done)
}

async fn publish(file: &Path, next: bool, backends: &Backends, out: &mut Out) -> CliResult {
    let lens = read_file(file)?;
    let index = backends.index().await?;
    let index = index.as_index();
    let published = match next {
        true => index.publish_next_lens(&lens).await,
        false => index.publish_data_lens(&lens).await,
    };
    let file = file.display();
    let is_conflict = published.as_ref().is_err_and(|error| error.kind() == atdata::ErrorKind::Conflict);
    let reference = published.hint(|| match is_conflict {
        true => format!("raise the version in {file}, or let `--next` do it"),
        false => format!("correct {file}; `atdata schema ls` lists the schemas that the index has"),
    })?;
    if out.is_json() {
        out.document(&json!({"reference": reference}))?;
    } else {
        out.line(printable(&reference))?;
    }
    Ok(Status::Done)
}

async fn apply(args: &Apply, backends: &Backends, out: &mut Out) -> CliResult {
    let open = open(args, backends).await?;
    let progress = if args.count.is_some() { Progress::beside(out) } else { Progress::instead_of(out) };
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    if let Some(stored) = &source.schema {
        let difference = diff(stored, &open.source);
        if !difference.can_read_old_data() {
            let reasons = difference.backward().join("\n  ");
            let message = format!("the lens looks at {}, which this is not:\n  {reasons}", open.source.name);
            return Err(Error::invalid(message).with("name", &source.label).into());
        }
    }
    let dataset = Dataset::<DictSample>::from_source(source.shards.clone()).with_schema(open.source.clone());
    let seen = dataset.through(&open.data, &open.view)?.keyed();
    if let Some(count) = args.count {
        return head::print(seen.take(count), &source.label, Pen::new(Draw::Auto), &progress, out).await;
    }
    let samples = seen.ordered();
    let samples = if args.skip > 0 { samples.skip(args.skip) } else { samples };
    let samples = match args.limit {
        Some(limit) => samples.take(limit),
        None => samples,
    };
    cat::print(samples, args.format, out).await
}

/// Finds a lens by reference, or reads it from a JSON file, and holds it against its schemas.
async fn open(args: &Apply, backends: &Backends) -> CliResult<OpenLens> {
    let path = Path::new(&args.lens);
    let is_file = path.extension().is_some_and(|extension| extension == "json") && path.is_file();
    let index = match is_file {
        true => backends.existing_index().await?,
        false => source_arg::index_of(&args.lens, backends).await?,
    };
    let (stored, data) = if is_file {
        let data = read_file(path)?;
        let Some(index) = &index else { return no_index(&args.lens, backends) };
        let record = index.lens_record(&data).await?;
        (StoredLens::new(path.display().to_string(), record), data)
    } else {
        let stored = find(&args.lens, index.as_deref(), backends).await?;
        let data = match args.unverified {
            true => stored.record.as_unverified()?,
            false => stored.record.data().hint(|| {
                let name = printable(&args.lens);
                match stored.record.trust() {
                    LensTrust::Unverified => {
                        "`--unverified` uses it as the names of its fields suggest".to_owned()
                    }
                    _ => format!("`atdata lens show {name}` shows what is known of it"),
                }
            })?,
        };
        (stored, data)
    };
    let Some(index) = &index else { return no_index(&args.lens, backends) };
    index.open_data_lens(&stored, data).await.hint(|| "the index must have both schemas".to_owned())
}

fn no_index<T>(lens: &str, backends: &Backends) -> CliResult<T> {
    let error = Error::not_found("there is no index, and so no lens").with("lens", lens);
    Err(error.with("index", backends.index_address()?).into())
}

async fn find(reference: &str, index: Option<&dyn Index>, backends: &Backends) -> CliResult<StoredLens> {
    let Some(index) = index else { return no_index(reference, backends) };
    match index.get_lens(reference).await {
        Err(error) if error.is_not_found() => {
            let lenses = index.list_lenses("").map_ok(|stored| stored.record.name);
            let mut names: Vec<String> = lenses.try_collect().await?;
            names.dedup();
            Err(error).hint(|| match source_arg::suggestion(reference, names) {
                Some(suggestion) => suggestion,
                None => "`atdata lens ls` lists the lenses".to_owned(),
            })
        }
        found => Ok(found?),
    }
}

fn read_file(path: &Path) -> Result<DataLens> {
    let read = || {
        let size = std::fs::metadata(path)?.len();
        if size > MAX_FILE {
            return Err(Error::invalid(format!("a lens file of {size} bytes; at most {MAX_FILE} are read")));
        }
        DataLens::from_json(&std::fs::read_to_string(path)?)
    };
    read().context("path", path.display())
}
