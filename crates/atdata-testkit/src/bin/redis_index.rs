//! Works with an index on a Redis server, and prints what is in it: what `python/redis_work.py` and
//! `python/redis_dump.py` do, so that all of them can be started together and compared.
//!
//! usage: redis-index work URL N PREFIX
//!        redis-index dump URL

use std::process::ExitCode;

use atdata_core::schema::{Field, Primitive, Profile, SampleSchema, Version};
use atdata_core::{Error, IfExists, Index, Label, NewDataset, Result};
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::suite::block_on;
use futures::TryStreamExt;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "atdata://local/schema/Worked@1.0.0";

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["work", url, count, prefix] => block_on(work(url, count, prefix)).map(|()| None),
        ["dump", url] => block_on(dump(url)).map(Some),
        _ => {
            eprintln!("usage: redis-index work URL N PREFIX | dump URL");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(text) => {
            println!("{}", text.map_or("done".to_owned(), |value| value.to_string()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn open(url: &str) -> Result<LocalIndex> {
    // The profile of the newer Python package that writes there too.
    LocalIndexOptions::default().with_profile(Profile::Latest).redis(url).await
}

#[allow(clippy::print_stdout)]
async fn work(url: &str, count: &str, prefix: &str) -> Result<()> {
    let count: u64 = count.parse().map_err(|error| Error::invalid("N is not a number").with_source(error))?;
    let index = open(url).await?;
    let mut schema = SampleSchema::new("Worked")
        .field(Field::new("name", Primitive::Str))
        .field(Field::new("number", Primitive::Int));
    println!("ready");
    // At the end of the input nobody is to be waited for.
    std::io::stdin().read_line(&mut String::new())?;
    let mut last = String::new();
    for n in 0..count {
        let name = format!("{prefix}-{n:05}");
        let urls = vec![format!("/data/{name}.tar")];
        match n % 5 {
            0 => {
                let metadata = [("n", i64::try_from(n).unwrap_or_default())].into_iter().collect();
                let new = NewDataset::new(name, SCHEMA, urls).with_metadata(metadata);
                last = index.insert_dataset(new).await?.cid().unwrap_or_default().to_owned();
            }
            1 => {
                let new = NewDataset::new(format!("shared-{}", n % 50), SCHEMA, urls);
                index.insert_dataset(new.with_if_exists(IfExists::Replace)).await?;
            }
            2 => {
                let label =
                    Label::new(format!("best-{}", n % 20), &last).with_version(format!("{}.0.0", n % 3));
                index.set_label(&label).await?;
            }
            3 => {
                let first = prefix.bytes().next().unwrap_or_default();
                schema.version = Version::new(n, 0, first.into()).into();
                index.publish_schema(&schema).await?;
            }
            _ => {
                let name = format!("{prefix}-{:05}", n - 4);
                let found = index.get_dataset(&name).await?;
                if found.name() != name {
                    return Err(Error::unexpected("another dataset is found").with("name", name));
                }
            }
        }
    }
    Ok(())
}

async fn dump(url: &str) -> Result<Value> {
    let index = open(url).await?;
    let (mut datasets, mut urls, mut metadata) = (Map::new(), Map::new(), Map::new());
    let mut entries = index.list_datasets("");
    while let Some(entry) = entries.try_next().await? {
        // A listing and a look-up find the same.
        let found = index.get_dataset(entry.name()).await?;
        let cid = found.cid().unwrap_or_default().to_owned();
        if entry.cid() != found.cid() {
            return Err(Error::unexpected("it is listed otherwise than found").with("name", entry.name()));
        }
        datasets.insert(entry.name().to_owned(), cid.clone().into());
        urls.insert(cid.clone(), entry.data_urls().into());
        let number = entry.metadata().and_then(|map| map.get("n")).and_then(atdata_core::Value::as_u64);
        metadata.insert(cid, number.map_or(Value::Null, |n| json!({ "n": n })));
    }
    let mut labels = Map::new();
    let mut all = index.list_labels("");
    while let Some(label) = all.try_next().await? {
        labels.insert(format!("{}@{}", label.name, label.version), label.cid.into());
    }
    let mut schemas = Vec::new();
    let mut all = index.list_schemas("");
    while let Some(stored) = all.try_next().await? {
        schemas.push(format!("{}@{}", stored.schema.name, stored.schema.version));
    }
    schemas.sort();
    Ok(
        json!({"datasets": datasets, "labels": labels, "schemas": schemas, "urls": urls, "metadata": metadata}),
    )
}
