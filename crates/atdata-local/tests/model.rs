//! The SQLite index against the index in memory, which is the reference: any sequence of calls has the same results.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(feature = "sqlite")]

use std::sync::Arc;

use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::{ErrorKind, IfExists, Index, IndexEntry, Label, MemoryIndex, NewDataset, Result, cid};
use atdata_local::LocalIndex;
use futures::TryStreamExt;
use proptest::prelude::*;
use proptest::sample::select;

const NAMES: [&str; 4] = ["a", "ab", "é%_*", "a@1.0.0"];
const URLS: [&str; 3] = ["/x.tar", "/y.tar", "/z.tar"];
const VERSIONS: [&str; 3] = ["", "1.0.0", "2.0.0"];
const REFERENCE: &str = "A@1.0.0";

#[derive(Clone, Debug)]
enum Call {
    Insert(NewDataset),
    SetLabel(Label),
    Publish(SampleSchema),
}

fn schema(version: &'static str, primitive: Primitive) -> SampleSchema {
    SampleSchema::new("A").with_version(version).field(Field::new("n", FieldType::from(primitive)))
}

fn any_schema() -> impl Strategy<Value = SampleSchema> {
    (select(vec!["1.0.0", "1.2.0", "1.10.0"]), select(vec![Primitive::Int, Primitive::Str]))
        .prop_map(|(version, primitive)| schema(version, primitive))
}

fn any_insert() -> impl Strategy<Value = NewDataset> {
    let metadata = prop::option::of(0..2i64);
    let if_exists = select(vec![IfExists::Fail, IfExists::Replace]);
    let schema = prop::option::weighted(0.2, any_schema());
    let version = select(VERSIONS.to_vec());
    (select(NAMES.to_vec()), select(URLS.to_vec()), metadata, version, if_exists, schema).prop_map(
        |(name, url, metadata, version, if_exists, schema)| {
            let mut new = NewDataset::new(name, REFERENCE, vec![url.to_owned()]).with_if_exists(if_exists);
            if let Some(schema) = schema {
                new.schema = schema.into();
            }
            new.metadata = metadata.map(|n| [("n", n)].into_iter().collect());
            new.version = Some(version.to_owned()).filter(|version| !version.is_empty());
            new
        },
    )
}

fn any_call() -> impl Strategy<Value = Call> {
    let label = (select(NAMES.to_vec()), select(VERSIONS.to_vec()), select(URLS.to_vec())).prop_map(
        |(name, version, url)| {
            let cid = cid::entry_cid(REFERENCE, &[url]).unwrap().to_string();
            Label::new(name, cid).with_version(version).with_description("set by hand")
        },
    );
    prop_oneof![
        6 => any_insert().prop_map(Call::Insert),
        3 => label.prop_map(Call::SetLabel),
        1 => any_schema().prop_map(Call::Publish),
    ]
}

async fn run(index: &dyn Index, call: Call) -> Result<String, ErrorKind> {
    let done = match call {
        Call::Insert(new) => index.insert_dataset(new).await.map(|entry| shown(&entry, true)),
        Call::SetLabel(label) => index.set_label(&label).await.map(|()| String::new()),
        Call::Publish(schema) => index.publish_schema(&schema).await,
    };
    done.map_err(|error| error.kind())
}

fn shown(entry: &Arc<dyn IndexEntry>, with_name: bool) -> String {
    let own = with_name.then(|| (entry.name(), entry.metadata()));
    format!("{:?} {} {:?} {own:?}", entry.cid(), entry.schema_ref(), entry.data_urls())
}

/// Everything that can be asked. Which of several names of one identifier is found where none is asked for by name is
/// left open.
async fn all(index: &dyn Index) -> Vec<String> {
    let mut all = Vec::new();
    let named = NAMES.iter().map(|name| ((*name).to_owned(), *name));
    let versioned = NAMES
        .iter()
        .flat_map(|name| VERSIONS.iter().map(move |version| (format!("{name}@{version}"), *name)))
        .filter(|(reference, _)| !NAMES.contains(&reference.as_str()));
    let by_cid = URLS.iter().map(|url| (cid::entry_cid(REFERENCE, &[url]).unwrap().to_string(), "none"));
    for (reference, name) in named.chain(versioned).chain(by_cid) {
        let found = index.get_dataset(&reference).await;
        let found = found.map(|entry| shown(&entry, entry.name() == name)).map_err(|error| error.kind());
        all.push(format!("{reference}: {found:?}"));
    }
    for prefix in ["", "a", "é%", "%", "b"] {
        let entries: Vec<_> = index.list_datasets(prefix).try_collect().await.unwrap();
        let labels: Vec<_> = index.list_labels(prefix).try_collect().await.unwrap();
        for entry in &entries {
            // Which of several entries is listed that no label of their name leads to is left open.
            let leads_to =
                |label: &Label| label.name == entry.name() && Some(label.cid.as_str()) == entry.cid();
            let content = labels.iter().any(leads_to).then(|| shown(entry, true));
            all.push(format!("{prefix}: {} {content:?}", entry.name()));
        }
        all.extend(labels.iter().map(|label| format!("{prefix}: {label:?}")));
    }
    for name in NAMES {
        for version in [None, Some(""), Some("1.0.0")] {
            let label = index.get_label(name, version).await;
            all.push(format!("{name} {version:?}: {:?}", label.map_err(|error| error.kind())));
        }
    }
    let schemas: Vec<_> = index.list_schemas("").try_collect().await.unwrap();
    all.extend(schemas.iter().map(|schema| format!("{schema:?}")));
    all.push(format!("{:?}", index.get_schema("A").await.map_err(|error| error.kind())));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_have_the_same_results_in_sqlite_as_in_memory(calls in prop::collection::vec(any_call(), 1..25)) {
        futures::executor::block_on(async {
            let (sqlite, memory) = (LocalIndex::in_memory().unwrap(), MemoryIndex::new());
            for call in calls {
                let (sqlite_says, memory_says) = (run(&sqlite, call.clone()).await, run(&memory, call.clone()).await);
                prop_assert_eq!(sqlite_says, memory_says, "{:?}", call);
                prop_assert_eq!(all(&sqlite).await.len(), all(&memory).await.len(), "{:?}", call);
                for (sqlite, memory) in all(&sqlite).await.into_iter().zip(all(&memory).await) {
                    prop_assert_eq!(sqlite, memory, "{:?}", call);
                }
            }
            Ok(())
        })?;
    }
}
