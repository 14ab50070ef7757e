//! Shards as bytes.

use atdata_core::{DataSource, DataSourceExt, ErrorKind, Result};
use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};

use super::{SourceHarness, named};
use crate::data::{noise, sha256};
use crate::suite::{refused, skip};

fn three() -> Vec<(String, Bytes)> {
    named(&[noise(1, 5000), noise(2, 100), noise(3, 70_000)])
}

async fn bytes(source: &dyn DataSource, id: &str) -> Result<Bytes> {
    source.open_shard(id).await?.into_bytes().await
}

pub(crate) async fn no_shards_are_an_empty_list(harness: &dyn SourceHarness) {
    let source = harness.source(Vec::new()).await;
    assert!(source.list_shards().await.unwrap().is_empty());
    assert!(source.shards().next().await.is_none());
}

pub(crate) async fn the_list_keeps_its_order(harness: &dyn SourceHarness) {
    let shards: Vec<(String, Bytes)> = ["b.tar", "a.tar", "10.tar", "9.tar", "c/a.tar"]
        .map(|name| (name.to_owned(), Bytes::from(name)))
        .into();
    let source = harness.source(shards).await;
    let ids = source.list_shards().await.unwrap();
    assert_eq!(source.list_shards().await.unwrap(), ids);
    let mut contents = Vec::new();
    for id in &ids {
        contents.push(bytes(&*source, id).await.unwrap());
    }
    assert_eq!(contents, ["b.tar", "a.tar", "10.tar", "9.tar", "c/a.tar"]);
}

pub(crate) async fn the_list_opens_nothing(harness: &dyn SourceHarness) {
    if !harness.limits().shards_disappear {
        return skip("the_list_opens_nothing", "shards cannot disappear");
    }
    let source = harness.source(three()).await;
    harness.remove("shard-001.tar").await;
    assert_eq!(source.list_shards().await.unwrap().len(), 3);
}

pub(crate) async fn an_unknown_shard_is_not_found_by_its_name(harness: &dyn SourceHarness) {
    let source = harness.source(three()).await;
    for id in ["nowhere.tar", "", "../shard-000.tar", "shard-000"] {
        refused(source.open_shard(id).await, ErrorKind::NotFound, id);
    }
    let known = source.list_shards().await.unwrap().remove(0);
    refused(source.open_shard(&format!("{known}x")).await, ErrorKind::NotFound, &format!("{known}x"));
}

pub(crate) async fn the_bytes_are_those_of_the_shard(harness: &dyn SourceHarness) {
    let source = harness.source(three()).await;
    for (id, (_, expected)) in source.list_shards().await.unwrap().iter().zip(three()) {
        let body = source.open_shard(id).await.unwrap();
        if let Some(size) = body.size() {
            assert_eq!(size, expected.len() as u64);
        }
        assert!(body.into_bytes().await.unwrap() == expected, "{id}");
    }
}

pub(crate) async fn the_stream_of_shards_is_the_list_opened(harness: &dyn SourceHarness) {
    let source = harness.source(three()).await;
    let ids = source.list_shards().await.unwrap();
    let shards: Vec<_> = source.shards().try_collect().await.unwrap();
    assert_eq!(shards.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ids);
    for ((_, body), (_, expected)) in shards.into_iter().zip(three()) {
        assert!(body.into_bytes().await.unwrap() == expected);
    }
}

pub(crate) async fn a_missing_shard_is_an_error_of_its_own_in_the_stream(harness: &dyn SourceHarness) {
    if !harness.limits().shards_disappear {
        return skip("a_missing_shard_is_an_error_of_its_own_in_the_stream", "shards cannot disappear");
    }
    let source = harness.source(three()).await;
    let ids = source.list_shards().await.unwrap();
    harness.remove("shard-001.tar").await;
    let mut shards: Vec<_> = source.shards().collect().await;
    assert_eq!(shards.len(), 3);
    let last = shards.remove(2).unwrap();
    let error = refused(shards.remove(1), ErrorKind::NotFound, &ids[1]);
    assert_eq!(error.context_value("shard"), Some(ids[1].as_str()));
    assert_eq!(last.0, ids[2]);
    assert!(last.1.into_bytes().await.unwrap() == three()[2].1);
}

pub(crate) async fn a_shard_is_opened_twice_at_once(harness: &dyn SourceHarness) {
    let source = harness.source(three()).await;
    let id = source.list_shards().await.unwrap().remove(2);
    let (first, second) = futures::join!(source.open_shard(&id), source.open_shard(&id));
    let (mut first, mut second) = (first.unwrap().into_chunks(), second.unwrap().into_chunks());
    let mut contents = (Vec::new(), Vec::new());
    loop {
        // Chunk by chunk in turn: neither takes bytes from the other.
        let (a, b) = (first.next().await, second.next().await);
        if a.is_none() && b.is_none() {
            break;
        }
        contents.0.extend(a.map(|chunk| chunk.unwrap().to_vec()).unwrap_or_default());
        contents.1.extend(b.map(|chunk| chunk.unwrap().to_vec()).unwrap_or_default());
    }
    assert!(contents.0 == three()[2].1);
    assert!(contents.1 == three()[2].1);
}

pub(crate) async fn all_shards_are_open_at_once(harness: &dyn SourceHarness) {
    let shards = named(&(0..24).map(|seed| noise(seed, 3000)).collect::<Vec<_>>());
    let source = harness.source(shards.clone()).await;
    let ids = source.list_shards().await.unwrap();
    let all = join_all(ids.iter().map(|id| bytes(&*source, id))).await;
    for (found, (name, expected)) in all.into_iter().zip(shards) {
        assert!(found.unwrap() == expected, "{name}");
    }
}

pub(crate) async fn a_shard_without_bytes_is_empty(harness: &dyn SourceHarness) {
    let source = harness.source(named(&[Bytes::new(), noise(1, 10)])).await;
    let ids = source.list_shards().await.unwrap();
    assert!(bytes(&*source, &ids[0]).await.unwrap().is_empty());
    assert_eq!(bytes(&*source, &ids[1]).await.unwrap().len(), 10);
}

pub(crate) async fn a_large_shard_comes_complete(harness: &dyn SourceHarness) {
    let large = noise(9, (20 << 20).min(harness.limits().max_shard) - 7);
    let source = harness.source(named(std::slice::from_ref(&large))).await;
    let id = source.list_shards().await.unwrap().remove(0);
    let mut chunks = source.open_shard(&id).await.unwrap().into_chunks();
    let mut found = Vec::new();
    while let Some(chunk) = chunks.try_next().await.unwrap() {
        found.extend_from_slice(&chunk);
    }
    assert_eq!(sha256(&found), sha256(&large));
}

pub(crate) async fn a_body_can_be_dropped_half_way(harness: &dyn SourceHarness) {
    let large = noise(9, (6 << 20).min(harness.limits().max_shard));
    let source = harness.source(named(&[large, noise(1, 100)])).await;
    let ids = source.list_shards().await.unwrap();
    for _ in 0..3 {
        let mut chunks = source.open_shard(&ids[0]).await.unwrap().into_chunks();
        assert!(chunks.next().await.unwrap().is_ok());
        drop(chunks);
        drop(source.open_shard(&ids[0]).await.unwrap());
    }
    assert_eq!(bytes(&*source, &ids[1]).await.unwrap(), noise(1, 100));
}

pub(crate) async fn strange_names_are_opened(harness: &dyn SourceHarness) {
    let names = [
        "with space.tar",
        "été.tar",
        "e\u{301}.tar",
        "数据.tar",
        "🦀.tar",
        "100%.tar",
        "%41.tar",
        "a+b.tar",
        "a&b=c.tar",
        "#hash.tar",
        "q?x=1.tar",
        "semi;colon.tar",
        "it's.tar",
        "(1).tar",
        "[set].tar",
        "{a,b}.tar",
        "star*.tar",
        "deep/er/still.tar",
        "@at.tar",
        "co:lon.tar",
        "tilde~.tar",
        "A.tar",
        "-dash.tar",
    ];
    let shards: Vec<(String, Bytes)> = names.map(|name| (name.to_owned(), Bytes::from(name))).into();
    let source = harness.source(shards).await;
    let ids = source.list_shards().await.unwrap();
    assert_eq!(ids.len(), names.len());
    for (id, name) in ids.iter().zip(names) {
        assert_eq!(bytes(&*source, id).await.unwrap(), name, "{id}");
    }
}

pub(crate) async fn through_an_arc_and_a_box_it_is_the_same_source(harness: &dyn SourceHarness) {
    async fn first<T: DataSource>(source: T) -> Bytes {
        let id = source.list_shards().await.unwrap().remove(0);
        bytes(&source, &id).await.unwrap()
    }
    let source = harness.source(three()).await;
    let boxed: Box<dyn DataSource> = Box::new(source.clone());
    assert_eq!(first(source).await, first(boxed).await);
}
