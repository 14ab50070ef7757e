//! Several writers at once, each with a handle of its own.

use std::sync::Arc;

use atdata_core::schema::{Field, Primitive};
use atdata_core::{ErrorKind, IfExists, Index, IndexExt, Label, Map, Result, Value};
use futures::TryStreamExt;
use tokio::sync::Barrier;

use super::{IndexHarness, names, new, schema, with};

const WRITERS: usize = 8;

/// Runs `write` for each writer at the same moment and returns what became of each.
async fn race<T, F>(harness: &dyn IndexHarness, write: impl Fn(usize, Arc<dyn Index>) -> F) -> Vec<Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(WRITERS));
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let work = write(writer, harness.reopen().await);
        let start = start.clone();
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            work.await
        }));
    }
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("a writer that does not panic"));
    }
    results
}

/// Repeats an operation that asks for it: losing a race is `Conflict`, a busy server `Unavailable`.
async fn retrying<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    for _ in 0..100 {
        match attempt().await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            done => return done,
        }
    }
    attempt().await
}

pub(crate) async fn distinct_names_inserted_at_once_are_all_there(harness: &dyn IndexHarness) {
    const EACH: usize = 12;
    let results = race(harness, |writer, index| async move {
        for i in 0..EACH {
            let name = format!("{writer}-{i:02}");
            retrying(|| index.insert_dataset(new(&name, &["shared.tar"]).with_version("1"))).await?;
        }
        Ok(())
    });
    for result in results.await {
        result.unwrap();
    }
    let index = harness.reopen().await;
    let all: Vec<String> = (0..WRITERS).flat_map(|w| (0..EACH).map(move |i| format!("{w}-{i:02}"))).collect();
    assert_eq!(names(&*index, "").await, all);
    for name in &all {
        assert_eq!(index.get_dataset(&format!("{name}@1")).await.unwrap().name(), name);
    }
}

pub(crate) async fn of_equal_names_inserted_at_once_exactly_one_wins(harness: &dyn IndexHarness) {
    for round in 0..4 {
        let name = format!("contested-{round}");
        let results = race(harness, |writer, index| {
            let new = new(&name, &[&format!("{writer}.tar")]);
            async move { retrying(|| index.insert_dataset(new.clone())).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for error in lost {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        let winner = won.into_iter().next().unwrap().unwrap();
        let there = harness.reopen().await.get_dataset(&name).await.unwrap();
        assert_eq!(there.data_urls(), winner.data_urls());
    }
}

pub(crate) async fn equal_datasets_inserted_at_once_all_succeed(harness: &dyn IndexHarness) {
    let results = race(harness, |_, index| async move {
        retrying(|| index.insert_dataset(new("same", &["a.tar"]).with_version("1"))).await
    });
    for result in results.await {
        result.unwrap();
    }
    assert_eq!(harness.index().count_datasets().await.unwrap(), 1);
}

pub(crate) async fn replacing_at_once_ends_in_one_of_the_states(harness: &dyn IndexHarness) {
    for round in 0..4 {
        let results = race(harness, |writer, index| async move {
            let url = format!("{writer}.tar");
            let metadata = Map::from_iter([("writer", Value::from(writer as u64)), (&*url, Value::Nil)]);
            let new = new("contested", &[&url])
                .with_metadata(metadata)
                .with_version(format!("{round}.{writer}"))
                .with_if_exists(IfExists::Replace);
            retrying(|| index.insert_dataset(new.clone())).await
        });
        for result in results.await {
            result.unwrap();
        }
        let index = harness.reopen().await;
        let entry = index.get_dataset("contested").await.unwrap();
        let metadata = entry.metadata().unwrap();
        let writer = metadata.get("writer").and_then(Value::as_u64).unwrap();
        assert_eq!(
            super::urls(&entry),
            [format!("{writer}.tar")],
            "addresses of one writer, metadata of another"
        );
        assert_eq!(metadata.len(), 2, "metadata of two writers");
        assert_eq!(names(&*index, "").await, ["contested"]);
        for writer in 0..WRITERS {
            let version = index.get_dataset(&format!("contested@{round}.{writer}")).await.unwrap();
            assert_eq!(super::urls(&version), [format!("{writer}.tar")]);
        }
    }
}

pub(crate) async fn of_different_schemas_published_at_once_exactly_one_wins(harness: &dyn IndexHarness) {
    let results = race(harness, |writer, index| async move {
        let schema = with(Field::new(format!("field_{writer}"), Primitive::Int), schema("Contested"));
        // A conflict is the answer here, not a reason to try again.
        loop {
            match index.publish_schema(&schema).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => tokio::task::yield_now().await,
                done => return done.map(|_| schema),
            }
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = results.await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for error in lost {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    }
    let stored = harness.reopen().await.get_schema("Contested@1.0.0").await.unwrap();
    assert_eq!(stored.schema.fields, won.into_iter().next().unwrap().unwrap().fields);
}

pub(crate) async fn next_versions_published_at_once_are_all_there(harness: &dyn IndexHarness) {
    let results = race(harness, |writer, index| async move {
        let schema = with(Field::new(format!("field_{writer}"), Primitive::Int), schema("Contested"));
        let reference = retrying(|| index.publish_next_schema(&schema)).await?;
        Ok((reference, schema))
    });
    let index = harness.reopen().await;
    for result in results.await {
        let (reference, schema) = result.unwrap();
        assert_eq!(index.get_schema(&reference).await.unwrap().schema.fields, schema.fields);
    }
    let all: Vec<_> = index.list_schemas("Contested").try_collect().await.unwrap();
    assert_eq!(all.len(), WRITERS);
}

pub(crate) async fn labels_set_at_once_end_in_one_of_the_states(harness: &dyn IndexHarness) {
    let index = harness.index();
    let mut cids = Vec::new();
    for writer in 0..WRITERS {
        let entry =
            index.insert_dataset(new(&format!("{writer}"), &[&format!("{writer}.tar")])).await.unwrap();
        cids.push(entry.cid().unwrap().to_owned());
    }
    let results = race(harness, |writer, index| {
        let label = Label::new("best", &cids[writer]).with_version("1").with_description(writer.to_string());
        async move { retrying(|| index.set_label(&label)).await }
    });
    for result in results.await {
        result.unwrap();
    }
    let label = harness.reopen().await.get_label("best", Some("1")).await.unwrap();
    let writer: usize = label.description.unwrap().parse().unwrap();
    assert_eq!(label.cid, cids[writer]);
}
