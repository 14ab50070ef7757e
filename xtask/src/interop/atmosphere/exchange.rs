//! What one side publishes, the other reads.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Network, anywhere, list, named, printed, text};
use crate::interop::Bench;
use crate::interop::tagged::compare;
use crate::{peer::Generation, process};

/// What Rust says of its datasets.
const ABOUT: [&str; 8] =
    ["--description", "Birds and cats: é.", "--tag", "birds", "--tag", "漢字", "--license", "CC-BY-4.0"];

/// Rust lists, shows, streams and verifies all that a version of the package publishes.
pub(crate) fn python_to_rust(bench: &Bench, generation: Generation) -> Result<()> {
    let network = Network::start(bench)?;
    let (published, shards) = network.publish(generation)?;
    let index = format!("at://{}", network.author.did);
    let listed = network.json(&["ls", "--index", &index])?;
    let (datasets, entries) = (list(&published, "datasets")?, list(&listed, "datasets")?);
    ensure!(entries.len() == datasets.len(), "{} datasets are listed: {listed}", entries.len());
    ensure!(list(&listed, "malformed")?.is_empty(), "{listed}");
    for dataset in datasets {
        let uri = text(dataset, "uri")?;
        let entry = entries.iter().find(|entry| entry.get("uri") == dataset.get("uri"));
        same_dataset(dataset, entry.with_context(|| format!("{uri} is not listed"))?, None)?;
        let shown = network.json(&["show", &uri])?;
        let (entry, record) = (shown.get("entry").context("no entry")?, shown.get("record"));
        same_dataset(dataset, entry, record)?;
        ensure!(shown.get("schema").is_some_and(|schema| !schema.is_null()), "{uri} has no schema: {shown}");
    }
    same_schemas(&network, generation, &published)?;
    if generation == Generation::Latest {
        for (label, name) in [("release", "blobs"), ("release@1.0.0", "urls"), ("plain", "urls")] {
            let shown = network.json(&["show", &format!("@{}/{label}", network.author.handle)])?;
            let found = shown.get("entry").context("no entry")?;
            ensure!(found.get("uri") == named(datasets, name)?.get("uri"), "{label} leads to {found}");
        }
    }

    let expected = anywhere(&bench.read_tagged(generation, &shards, &["arr"])?)?;
    let readable: &[&str] = match generation {
        Generation::Latest => &["urls", "braces", "blobs", "whole", "sums"],
        Generation::Seed => &["urls", "braces", "blobs", "whole"],
    };
    for name in readable {
        let uri = text(named(datasets, name)?, "uri")?;
        for source in [uri, format!("@{}/{name}", network.author.handle)] {
            let samples = anywhere(&network.atdata(&["cat", &source, "--format", "tagged"])?)?;
            compare((name, &samples), ("Python's shards", &expected)).with_context(|| source.clone())?;
            let verified = network.json(&["verify", &source])?;
            let proved = list(&verified, "origin")?.len();
            ensure!(verified.get("ok") == Some(&true.into()) && proved == 2, "{source}: {verified}");
        }
    }
    Ok(())
}

/// An entry, and what else its record says, are what was published.
fn same_dataset(published: &Value, entry: &Value, record: Option<&Value>) -> Result<()> {
    let is_same = |here: Option<&Value>, there: &str| {
        let there = published.get(there).filter(|value| !value.is_null());
        there.is_none() || here == there
    };
    ensure!(is_same(entry.get("name"), "name"), "{published} is {entry}");
    ensure!(is_same(entry.get("schema_ref"), "schema"), "{published} is {entry}");
    if let Some(record) = record {
        for name in ["description", "tags", "license"] {
            ensure!(is_same(record.get(name), name), "{published} is {record}");
        }
    }
    let mut metadata = entry.get("metadata").cloned().unwrap_or_default();
    let sums = metadata.as_object_mut().and_then(|metadata| metadata.remove("checksums"));
    ensure!(is_same(Some(&metadata), "metadata"), "{published} is {entry}");
    // The blobs' CIDs are their checksums, in the order of the shards.
    if published.get("storage").is_some_and(|kind| kind == "blobs") && published.get("sha256").is_some() {
        let sums = sums.context("blobs have no checksums")?;
        let sums = list(entry, "data_urls")?.iter().map(|url| sums.get(url.as_str()?).cloned());
        ensure!(
            sums.collect::<Option<Vec<_>>>().map(Value::from).as_ref() == published.get("sha256"),
            "{entry}"
        );
    }
    Ok(())
}

/// Schemas have the names, versions and fields that Python finds in them.
fn same_schemas(network: &Network, generation: Generation, published: &Value) -> Result<()> {
    let python = network.read(generation, &network.reader, &[])?;
    for schema in list(published, "schemas")? {
        let uri = text(schema, "uri")?;
        let shown = network.json(&["schema", "show", &uri])?;
        let shown = shown.get("schema").context("no schema")?;
        for key in ["name", "version"] {
            ensure!(shown.get(key) == schema.get(key), "{uri}: {shown}");
        }
        let mut fields = list(shown, "fields")?.iter().map(of_python).collect::<Result<Vec<_>>>()?;
        fields.sort_unstable();
        let theirs = python.get("schemas").and_then(|all| all.get(&uri)).context("Python has no schema")?;
        let mut expected = match list(theirs, "fields") {
            Ok(fields) => fields
                .iter()
                .map(|field| match field.as_array().map(Vec::as_slice) {
                    Some([Value::String(name), Value::String(kind)]) => Ok((name.clone(), kind.clone())),
                    _ => anyhow::bail!("{field} is no field"),
                })
                .collect::<Result<Vec<_>>>()?,
            // 0.7 cannot decode what the server has sorted.
            Err(_) => EVERYTHING.iter().map(|(name, kind)| ((*name).into(), (*kind).into())).collect(),
        };
        expected.sort_unstable();
        ensure!(fields == expected, "{uri}: Rust reads {fields:?}, Python {expected:?}");
    }
    Ok(())
}

/// The fields of the schema `Everything` of `pds_publish.py`.
const EVERYTHING: [(&str, &str); 11] = [
    ("text", "str"),
    ("number", "int"),
    ("ratio", "float"),
    ("flag", "bool"),
    ("raw", "bytes"),
    ("image", "NDArray"),
    ("words", "list[str]"),
    ("numbers", "list[int]"),
    ("table", "list[list[float]]"),
    ("mask", "NDArray | None"),
    ("maybe", "str | None"),
];

/// A field of a schema as Python's author writes it.
fn of_python(field: &Value) -> Result<(String, String)> {
    let kind = type_of_python(field.get("fieldType").context("no type")?)?;
    let is_optional = field.get("optional") == Some(&true.into());
    Ok((text(field, "name")?, if is_optional { format!("{kind} | None") } else { kind }))
}

fn type_of_python(kind: &Value) -> Result<String> {
    let member = |name: &str| kind.get(name).and_then(Value::as_str);
    Ok(match (member("$type").unwrap_or_default().rsplit('#').next(), member("primitive")) {
        (_, Some(primitive)) => primitive.to_owned(),
        (Some("ndarray"), _) => "NDArray".to_owned(),
        (Some("array"), _) => format!("list[{}]", type_of_python(kind.get("items").context("no items")?)?),
        _ => anyhow::bail!("{kind} is no type of Python's"),
    })
}

/// A version of the package lists, decodes and streams what Rust publishes in its forms.
pub(crate) fn rust_to_python(bench: &Bench, generation: Generation) -> Result<()> {
    let network = Network::start(bench)?;
    let (directory, shards, web) = network.shards(bench.rust("write-samples"))?;
    let pattern = directory.join("sharded-{000000..000002}.tar").display().to_string();
    let index = format!("at://{}", network.author.handle);
    let mut import = network.rust_of_author("atdata", generation)?;
    import.args(["import", &pattern, "blobs", "--schema-name", "Labelled", "--max-count", "10"]);
    let imported = printed(import.args(["--index", &index, "--version", "2.0.0", "--json"]).args(ABOUT))?;
    let blobs = imported.get("entry").context("no entry")?;
    let schema = text(blobs, "schema_ref")?;

    let urls: Vec<String> = (0..3).map(|n| format!("{web}/sharded-{n:06}.tar")).collect();
    let mut register = network.rust_of_author("examples/register", generation)?;
    let registered = process::output(register.args(["urls", &schema, "1.0.0"]).args(&urls))?;
    let (blobs_uri, urls_uri) = (text(blobs, "uri")?, registered.trim().to_owned());

    let lens = publish_lens(bench, &network, generation, &index)?;

    let labels = ["release", "release@1.0.0", "blobs", "blobs@2.0.0", "urls"];
    let read = network.read(generation, &network.reader, &labels)?;
    lens_is_read(generation, &read, &lens, &schema)?;
    is_listed(&read, "datasets", &["blobs", "urls"])?;
    is_listed(&read, "schemas", &["Labelled"])?;
    let found = read.get("schemas").and_then(|all| all.get(&schema)).context("Python has no schema")?;
    let mut fields: Vec<&Value> = list(found, "fields")?.iter().collect();
    fields.sort_by_key(|field| field.to_string());
    let expected = json!([["arr", "NDArray"], ["count", "int"], ["label", "str"]]);
    ensure!(json!(fields) == expected && text(found, "version")? == "1.0.0", "the schema is {found}");

    let dataset = |uri: &str| read.get("datasets").and_then(|all| all.get(uri)).context("no dataset");
    let (in_blobs, on_web) = (dataset(&blobs_uri)?, dataset(&urls_uri)?);
    ensure!(in_blobs.get("description") == Some(&"Birds and cats: é.".into()), "{in_blobs}");
    ensure!(in_blobs.get("tags") == Some(&json!(["birds", "漢字"])), "{in_blobs}");
    ensure!(in_blobs.get("license") == Some(&"CC-BY-4.0".into()), "{in_blobs}");
    for (found, name, storage) in [(in_blobs, "blobs", "blobs"), (on_web, "urls", linked(generation))] {
        ensure!(text(found, "name")? == name && text(found, "schema_ref")? == schema, "{found}");
        ensure!(text(found, "storage")? == storage, "{name} is stored as {found}");
    }
    ensure!(on_web.get("urls") == Some(&json!(urls)), "{on_web}");
    let samples = imported.get("samples").context("no number of samples")?;
    if generation == Generation::Latest {
        ensure!(in_blobs.get("metadata") == Some(&json!({"num_samples": samples})), "{in_blobs}");
        ensure!(on_web.get("metadata") == Some(&json!({"split": "train"})), "{on_web}");
        ensure!(in_blobs.get("typed") == Some(&true.into()), "{in_blobs}");
        for (label, uri) in labels.into_iter().zip([&urls_uri, &urls_uri, &blobs_uri, &blobs_uri, &urls_uri])
        {
            let resolved = read.get("resolved").and_then(|all| all.get(label)).context(label)?;
            ensure!(text(resolved, "uri")? == **uri, "{label}: {resolved}");
        }
    } else {
        // Bytes in a record are no bytes for 0.2, which says so when it is asked for metadata, and not before.
        ensure!(in_blobs.get("metadata").is_some_and(|it| it.get("error").is_some()), "{in_blobs}");
    }
    samples_are_read(bench, &network, generation, &shards, [blobs_uri, urls_uri])
}

/// Publishes a lens as data, which anybody can apply, and gives its address.
fn publish_lens(bench: &Bench, network: &Network, generation: Generation, index: &str) -> Result<String> {
    let file = bench.path("lens.json");
    let steps = json!([
        {"step": "rename", "from": "count", "to": "n"},
        {"step": "rename", "from": "n", "to": "count"},
    ]);
    let lens = json!({"name": "there and back", "source_schema": "Labelled", "view_schema": "Labelled", "steps": steps});
    std::fs::write(&file, lens.to_string())?;
    let mut publish = network.rust_of_author("atdata", generation)?;
    let uri = process::output(publish.args(["lens", "publish"]).arg(&file).args(["--index", index]))?;
    let uri = uri.trim().to_owned();
    let blobs = format!("@{}/blobs", network.author.handle);
    let seen = network.atdata(&["lens", "apply", &uri, &blobs, "--format", "tagged"])?;
    let stored = network.atdata(&["cat", &blobs, "--format", "tagged"])?;
    compare(("the lens", &anywhere(&seen)?), ("the dataset", &anywhere(&stored)?))?;
    Ok(uri)
}

/// Python takes the record for one of a lens, whose code is where the record says: in itself.
fn lens_is_read(generation: Generation, read: &Value, uri: &str, schema: &str) -> Result<()> {
    is_listed(read, "lenses", &["there and back"])?;
    let lens = read.get("lenses").and_then(|all| all.get(uri)).context("Python has no lens")?;
    ensure!(lens.get("error").is_none() && text(lens, "sourceSchema")? == schema, "{lens}");
    if generation == Generation::Latest {
        let code = lens.get("getterCode").context("no code")?;
        ensure!(text(code, "repository")? == uri && lens.get("typed") == Some(&true.into()), "{lens}");
    }
    Ok(())
}

/// What a version calls the storage of shards on a web server.
fn linked(generation: Generation) -> &'static str {
    match generation {
        Generation::Latest => "http",
        Generation::Seed => "external",
    }
}

fn samples_are_read(
    bench: &Bench,
    network: &Network,
    generation: Generation,
    shards: &[PathBuf],
    uris: [String; 2],
) -> Result<()> {
    let expected = anywhere(&bench.read_tagged(generation, shards, &["arr"])?)?;
    for uri in uris {
        let samples = network.cat(generation, std::slice::from_ref(&uri))?;
        compare(("Python", &samples), ("the shards", &expected)).with_context(|| uri.clone())?;
        let samples = anywhere(&network.atdata(&["cat", &uri, "--format", "tagged"])?)?;
        compare(("Rust", &samples), ("the shards", &expected)).with_context(|| uri.clone())?;
    }
    Ok(())
}

/// A listing of Python's has just these names.
fn is_listed(read: &Value, kind: &str, names: &[&str]) -> Result<()> {
    let listed = read.get("listed").and_then(|all| all.get(kind)).context("nothing is listed")?;
    let mut found: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    found.sort_unstable();
    ensure!(found == names, "the {kind} are listed as {listed}");
    Ok(())
}
