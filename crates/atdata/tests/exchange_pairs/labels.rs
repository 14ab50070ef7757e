//! Labels of names that stand for datasets of other names, and what a name stands for meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atdata::exchange::{ExchangeOptions, backup_all, sync};
use atdata::{IfExists, Index, IndexEntry, Label, LocalIndex, MemoryIndex, NewDataset, Packable};
use atdata_testkit::suite::block_on;
use futures::TryStreamExt;

use crate::places::{IndexKind, Place};
use crate::samples::Measured;

fn new(name: &str, file: &str, version: Option<&str>) -> NewDataset {
    let urls = vec![format!("https://shards.example.org/{file}.tar")];
    let mut new = NewDataset::new(name, Measured::schema(), urls).with_if_exists(IfExists::Replace);
    new.version = version.map(str::to_owned);
    new
}

async fn insert(index: &dyn Index, name: &str, file: &str, version: Option<&str>) -> String {
    index.insert_dataset(new(name, file, version)).await.unwrap().cid().unwrap().to_owned()
}

async fn label(index: &dyn Index, name: &str, version: &str, cid: &str) {
    let label = Label::new(name, cid).with_version(version).with_description(format!("{name} at {version}"));
    index.set_label(&label).await.unwrap();
}

/// What names, and names with versions, stand for.
async fn standing(index: &dyn Index) -> BTreeMap<String, (String, String)> {
    let labels: Vec<Label> = index.list_labels("").try_collect().await.unwrap();
    let mut standing = BTreeMap::new();
    for label in labels {
        for reference in [label.name.clone(), format!("{}@{}", label.name, label.version)] {
            let reference = reference.trim_end_matches('@').to_owned();
            let entry = index.get_dataset(&reference).await.unwrap();
            standing.insert(reference, (entry.name().to_owned(), entry.data_urls()[0].clone()));
        }
    }
    standing
}

async fn descriptions(index: &dyn Index) -> BTreeMap<(String, String), Option<String>> {
    let labels: Vec<Label> = index.list_labels("").try_collect().await.unwrap();
    let versioned = labels.into_iter().filter(|label| !label.version.is_empty());
    versioned.map(|label| ((label.name, label.version), label.description)).collect()
}

async fn rows(source: IndexKind, target: IndexKind) {
    let case = format!("labels, {source:?} to {target:?}");
    let Some(from) = Place::new(source, &case, false).await else { return };
    let Some(to) = Place::new(target, &case, false).await else { return };
    let (from, to) = (&*from.index, &*to.index);
    let old = insert(from, "one", "one-1", Some("1.0.0")).await;
    let one = insert(from, "one", "one-2", Some("2.0.0")).await;
    let two = insert(from, "two", "two", None).await;
    insert(from, "three", "three", None).await;
    // A name with no dataset of its own, whose latest label is neither the first nor the last by version.
    label(from, "best", "1", &old).await;
    label(from, "best", "3", &one).await;
    label(from, "best", "2", &two).await;
    // A name with a dataset of its own, of which one version leads elsewhere, and one that stands for another dataset.
    label(from, "one", "other", &two).await;
    label(from, "one", "2.0.0", &one).await;
    label(from, "three", "now", &two).await;

    let options = ExchangeOptions::keep_addresses();
    for round in 0..2 {
        let report = backup_all(from, to, &options).await.unwrap();
        report.ok().unwrap();
        assert_eq!((report.carried, report.equal), if round == 0 { (3, 0) } else { (0, 3) });
        let wanted = standing(from).await;
        assert_eq!(wanted["best"].1, "https://shards.example.org/two.tar");
        assert_eq!(wanted["three"].0, "two");
        assert_eq!(standing(to).await, wanted, "round {round}");
        assert_eq!(descriptions(to).await, descriptions(from).await);
        let listed: Vec<_> = to.list_datasets("").try_collect().await.unwrap();
        assert_eq!(listed.iter().map(|entry| entry.name()).collect::<Vec<_>>(), ["one", "three", "two"]);
        assert!(round == 0 || report.labels == 0, "{report:?}");
    }

    label(from, "best", "2", &old).await;
    label(from, "best", "3", &one).await;
    assert_eq!(sync(from, to, &options).await.unwrap().labels, 2);
    assert_eq!(standing(to).await, standing(from).await);
}

crate::places::for_each_pair!(rows);

/// Another handle on the same file looks all the time.
#[test]
fn readers_of_a_file_see_the_old_or_the_new_latest_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..12_u32 {
        let path = directory.path().join(format!("{round}.db"));
        let name = "digits";
        let (seen, before, wanted) = block_on(async {
            let (from, to) = (MemoryIndex::new(), LocalIndex::open(&path).await.unwrap());
            for version in 0..20 + round {
                insert(&from, name, &format!("new-{version}"), Some(&format!("{version}.0.0"))).await;
            }
            let middle = from.get_dataset(&format!("{name}@{round}.0.0")).await.unwrap();
            label(&from, name, "stable", middle.cid().unwrap()).await;
            let before = match round % 3 {
                0 => None,
                // One of the source's, or something else.
                1 => Some(insert(&to, name, "new-5", Some("5.0.0")).await),
                _ => Some(insert(&to, name, "old", Some("0.0.1")).await),
            };
            let done = Arc::new(AtomicBool::new(false));
            let reader = std::thread::spawn({
                let (path, done) = (path.clone(), done.clone());
                move || {
                    block_on(async {
                        let index = LocalIndex::open(&path).await.unwrap();
                        let mut seen = Vec::new();
                        loop {
                            let is_last = done.load(Ordering::SeqCst);
                            let found = index.get_dataset(name).await.ok();
                            let found = found.map(|entry| entry.cid().unwrap().to_owned());
                            if seen.last() != Some(&found) {
                                seen.push(found);
                            }
                            if is_last {
                                return seen;
                            }
                        }
                    })
                }
            });
            let options = ExchangeOptions::keep_addresses();
            let report = sync(&from, &to, &options).await.unwrap();
            done.store(true, Ordering::SeqCst);
            report.ok().unwrap();
            (reader.join().unwrap(), before, middle.cid().map(str::to_owned))
        });
        // The reader may have come late.
        assert!(
            seen == [before.clone(), wanted.clone()] || seen == [wanted.clone()] || before == wanted,
            "{seen:?}"
        );
    }
}
