//! `atdata schema …`.

use std::path::Path;

use atdata::schema::{SampleSchema, diff, to_rust};
use atdata::{Error, Index, Result, ResultExt};
use futures::TryStreamExt;
use serde_json::{Value as Json, json};

use crate::address::Backends;
use crate::args::{Ls, Schema};
use crate::output::table::{row, table};
use crate::output::{CliResult, Hint, Out, Status, json, note, printable};
use crate::source_arg::{self, optional};

/// The largest schema file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// Runs one of the commands on schemas.
pub(super) async fn run(command: &Schema, backends: &Backends, out: &mut Out) -> CliResult {
    match command {
        Schema::Ls(args) => list(args, backends, out).await,
        Schema::Show { schema } => {
            let found = find(schema, backends).await?;
            if out.is_json() {
                out.document(&json!({"reference": found.reference, "schema": json::schema(&found.schema)?}))?;
            } else {
                if let Some(reference) = &found.reference {
                    out.line(printable(reference))?;
                }
                if let Some(description) = &found.schema.description {
                    out.line(printable(description))?;
                }
                out.line(printable(&found.schema.to_string()))?;
            }
            Ok(Status::Done)
        }
        Schema::Diff { old, new } => compare(old, new, backends, out).await,
        Schema::Publish { file } => publish(file, backends, out).await,
        Schema::Codegen { schema } => {
            let code = to_rust(&find(schema, backends).await?.schema);
            if out.is_json() {
                out.document(&json!({"rust": code}))?;
            } else {
                out.line(code.trim_end())?;
            }
            Ok(Status::Done)
        }
    }
}

async fn list(args: &Ls, backends: &Backends, out: &mut Out) -> CliResult {
    let mut schemas = Vec::new();
    if let Some(index) = backends.existing_index().await? {
        schemas = index.list_schemas(&args.prefix).try_collect().await?;
    }
    if out.is_json() {
        let schemas = schemas
            .iter()
            .map(|stored| Ok(json!({"reference": stored.reference, "schema": json::schema(&stored.schema)?})))
            .collect::<Result<Vec<Json>>>()?;
        out.document(&json!({"index": backends.index_address()?, "schemas": schemas}))?;
        return Ok(Status::Done);
    }
    if schemas.is_empty() {
        note(format_args!("no schemas in {}", backends.index_address()?));
        return Ok(Status::Done);
    }
    let mut list = table(["NAME", "VERSION", "FIELDS"]);
    for stored in &schemas {
        let fields: Vec<String> = stored.schema.fields.iter().map(ToString::to_string).collect();
        row(&mut list, [stored.schema.name.clone(), stored.schema.version.to_string(), fields.join(", ")]);
    }
    out.line(list.trim_fmt())?;
    Ok(Status::Done)
}

async fn compare(old: &str, new: &str, backends: &Backends, out: &mut Out) -> CliResult {
    let (old, new) = (find(old, backends).await?.schema, find(new, backends).await?.schema);
    let difference = diff(&old, &new);
    let same = difference.is_identical();
    if out.is_json() {
        let changes: Vec<String> = difference.to_string().lines().map(str::to_owned).collect();
        out.document(&json!({
            "identical": same,
            "new_reads_old": difference.can_read_old_data(),
            "changes": if same { Vec::new() } else { changes },
        }))?;
    } else if same {
        out.line("The fields are the same.")?;
    } else {
        out.line(printable(&difference.to_string()))?;
        let can = if difference.can_read_old_data() { "can" } else { "cannot" };
        out.line(format_args!(
            "{} {} {can} read data of {} {}.",
            new.name, new.version, old.name, old.version
        ))?;
    }
    Ok(if same { Status::Done } else { Status::Differs })
}

async fn publish(file: &Path, backends: &Backends, out: &mut Out) -> CliResult {
    let schema = read_file(file)?;
    let index = backends.index().await?;
    let reference = index
        .as_index()
        .publish_schema(&schema)
        .await
        .hint(|| format!("raise the version in {} to publish changed fields", file.display()))?;
    if out.is_json() {
        out.document(&json!({"reference": reference}))?;
    } else {
        out.line(printable(&reference))?;
    }
    Ok(Status::Done)
}

/// Reads a schema from a JSON file and checks it.
///
/// # Errors
/// The file cannot be read, is not a schema record or is larger than 16 MiB; the schema is malformed.
pub(crate) fn read_file(path: &Path) -> Result<SampleSchema> {
    let read = || {
        let size = std::fs::metadata(path)?.len();
        if size > MAX_FILE {
            return Err(Error::invalid(format!(
                "a schema file of {size} bytes; at most {MAX_FILE} are read"
            )));
        }
        let schema = SampleSchema::from_json(&std::fs::read_to_string(path)?)?;
        schema.validate()?;
        Ok(schema)
    };
    read().context("path", path.display())
}

struct Found {
    reference: Option<String>,
    schema: SampleSchema,
}

impl Found {
    fn file(path: &Path) -> Result<Self> {
        Ok(Self { reference: None, schema: read_file(path)? })
    }
}

/// Finds a schema by file name (ending in `.json`, or with a slash and existing), by reference, or by the name of a
/// dataset.
async fn find(argument: &str, backends: &Backends) -> CliResult<Found> {
    let path = Path::new(argument);
    if argument.ends_with(".json") || (path.is_file() && argument.contains('/')) {
        return Ok(Found::file(path)?);
    }
    let index = source_arg::index_of(argument, backends).await?;
    if let Some(index) = &index {
        if let Some(found) = by_reference(&**index, argument).await? {
            return Ok(found);
        }
        if let Some(entry) = optional(index.get_dataset(argument).await)? {
            let found = by_reference(&**index, entry.schema_ref()).await?;
            return found
                .ok_or_else(|| {
                    Error::not_found("the index does not have the schema of the dataset")
                        .with("name", entry.name())
                        .with("schema", entry.schema_ref())
                })
                .hint(|| "`atdata schema publish` adds it, from a JSON file".to_owned());
        }
    }
    if path.is_file() {
        return Ok(Found::file(path)?);
    }
    let error = Error::not_found("no schema, dataset or file of this name").with("schema", argument);
    let mut names = Vec::new();
    if let Some(index) = &index {
        names = index.list_schemas("").map_ok(|stored| stored.schema.name).try_collect().await?;
        names.dedup();
    }
    Err(error).hint(|| match source_arg::suggestion(argument, names) {
        Some(suggestion) => suggestion,
        None => "`atdata schema ls` lists the schemas".to_owned(),
    })
}

async fn by_reference(index: &dyn Index, reference: &str) -> Result<Option<Found>> {
    match index.get_schema(reference).await {
        Ok(stored) => Ok(Some(Found { reference: Some(stored.reference), schema: stored.schema })),
        // A dataset may have a name that no schema can have.
        Err(error) if error.is_not_found() || error.kind() == atdata::ErrorKind::Invalid => Ok(None),
        Err(error) => Err(error),
    }
}
