//! Datasets carried from one index to another, over all pairs of backends that are there.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use atdata_testkit::proxy::{Fault, FaultProxy, Gate};
use atdata_testkit::servers::nginx::Nginx;
#[cfg(feature = "redis")]
use atdata_testkit::servers::redis::Database;
use serde_json::Value as Json;

use crate::common::Cli;

const WORDS: &str = "n,word\n1,one\n2,two\n3,three\n4,four\n5,five\n";

/// A home with the dataset `words` of five shards, in an index.
fn published(index: &str) -> Cli {
    let cli = Cli::new();
    let input = cli.file("in.csv", WORDS);
    let args = ["import", &input, "words", "--max-count", "1", "--version", "1.0.0", "--index", index];
    cli.ok(&args);
    cli
}

/// The checksums of a dataset's shards, in order.
fn checksums(entry: &Json) -> Vec<String> {
    let urls = entry["data_urls"].as_array().unwrap();
    let sums = &entry["metadata"]["checksums"];
    urls.iter().map(|url| sums[url.as_str().unwrap()].as_str().unwrap().to_owned()).collect()
}

fn entry(cli: &Cli, name: &str, index: &str) -> Json {
    cli.json(&["show", name, "--index", index])["entry"].take()
}

#[test]
fn every_index_and_every_other() {
    let mut indexes = vec![("sqlite:one.db".to_owned(), "sqlite:two.db".to_owned())];
    #[cfg(feature = "redis")]
    let databases = [Database::for_test("cli migrate"), Database::for_test("cli migrate")];
    #[cfg(feature = "redis")]
    if let [Some(one), Some(two)] = &databases {
        indexes.push(("sqlite:one.db".to_owned(), one.url().to_owned()));
        indexes.push((two.url().to_owned(), "sqlite:two.db".to_owned()));
    }
    for (from, to) in &indexes {
        let cli = published(from);
        let between = ["--from", from.as_str(), "--to", to.as_str()];
        let old = entry(&cli, "words", from);

        let planned = cli.json(&[&["migrate", "words", "--dry-run", "--copy"], &between[..]].concat());
        assert_eq!(
            (&planned["datasets"][0]["outcome"], planned["bytes"].as_u64()),
            (&"carried".into(), Some(5 * 2048))
        );
        assert!(!cli.path("two.db").exists() || to != "sqlite:two.db");
        assert_eq!(cli.shards().len(), 5);

        let store = ["--store", "file:copies"];
        let done = cli.json(&[&["migrate", "words"], &between[..], &store].concat());
        assert_eq!((done["datasets"][0]["shards"].as_u64(), done["labels"].as_u64()), (Some(5), Some(1)));
        let new = entry(&cli, "words", to);
        assert_eq!(checksums(&new), checksums(&old));
        assert!(new["data_urls"][0].as_str().unwrap().contains("/copies/words/"));
        assert_eq!(new["metadata"]["migrated_from"]["cid"], old["cid"]);
        let cat = |name, index| cli.ok(&["cat", name, "--index", index]);
        assert_eq!(cat("words@1.0.0", to), cat("words", from));

        let again = cli.json(&[&["sync"], &between[..], &store].concat());
        assert_eq!((&again["datasets"][0]["outcome"], &again["bytes"]), (&"equal".into(), &0.into()));
        let kept = cli.ok(&[&["migrate", "words", "--name", "same"], &between[..]].concat());
        assert!(kept.contains("words as same"), "{kept}");
        assert_eq!(entry(&cli, "same", to)["data_urls"], old["data_urls"]);
        assert_eq!(fs::read_dir(cli.path(".atdata/migrations")).unwrap().count(), 0);
    }
}

#[test]
fn what_fails_is_said_and_the_rest_is_backed_up() {
    let cli = published("sqlite:one.db");
    cli.ok(&["migrate", "words", "--from", "sqlite:one.db", "--to", "sqlite:one.db", "--name", "again"]);
    let input = cli.file("other.csv", "n,word\n9,nine\n");
    cli.ok(&["import", &input, "words", "--index", "sqlite:two.db"]);
    let between = ["--from", "sqlite:one.db", "--to", "sqlite:two.db", "--store", "file:copies"];
    let run = cli.run(&[&["backup"], &between[..]].concat());
    assert!(
        run.code == 1 && run.stderr.contains("words") && run.stderr.contains("already exists"),
        "{run:?}"
    );
    assert!(run.stdout.contains("carried  again"), "{run:?}");
    cli.ok(&[&["backup", "--if-exists", "replace"], &between[..]].concat());
    assert_eq!(cli.ok(&["cat", "words", "--index", "sqlite:two.db"]).lines().count(), 5);
    let text = cli.fails(&["migrate", "words", "--from", "sqlite:none.db", "--to", "sqlite:two.db"]);
    assert!(text.contains("none.db") && !cli.path("none.db").exists(), "{text}");
}

/// Killed while the fourth shard is on its way: the three before it are not asked for again.
#[test]
#[cfg(feature = "http")]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let Some(nginx) = Nginx::for_test("cli migrate") else { return };
    let cli = published("sqlite:files.db");
    let proxy = FaultProxy::start(([127, 0, 0, 1], nginx.port()).into());
    let old = entry(&cli, "words", "sqlite:files.db");
    let mut urls = Vec::new();
    for (number, url) in old["data_urls"].as_array().unwrap().iter().enumerate() {
        let path = url.as_str().unwrap().trim_start_matches("file://");
        nginx.put(&format!("{number}.tar"), &fs::read(path).unwrap());
        urls.push(format!("http://127.0.0.1:{}/{number}.tar", proxy.port()));
    }
    let path = cli.path("web.db");
    atdata_testkit::suite::block_on(async {
        use atdata::Index;
        let index = atdata::LocalIndex::open(&path).await.unwrap();
        let schema = atdata::LocalIndex::open(cli.path("files.db")).await.unwrap();
        let schema = schema.get_schema(old["schema_ref"].as_str().unwrap()).await.unwrap().schema;
        index.insert_dataset(atdata::NewDataset::new("words", schema, urls)).await.unwrap();
    });

    proxy.set(|request| match request.method == "GET" && request.path == "/3.tar" {
        true => Fault::Wait(Gate::closed()),
        false => Fault::None,
    });
    let args = ["migrate", "words", "--from", "sqlite:web.db", "--to", "sqlite:two.db", "--copy"];
    let args = [&args[..], &["--parallel", "1", "--journal", "journal"]].concat();
    let mut child = cli.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let journal = || fs::read_to_string(cli.path("journal")).unwrap_or_default();
    while journal().lines().count() < 4 {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "{}", journal());
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !cli.path("two.db").exists() || cli.run(&["show", "words", "--index", "sqlite:two.db"]).code == 1
    );

    proxy.set(|_| Fault::None);
    proxy.reset_counts();
    let done = cli.json(&args);
    assert_eq!(done["datasets"][0]["resumed"], 3);
    let seen = proxy.seen();
    let read: Vec<&str> =
        seen.iter().filter(|one| one.method == "GET").map(|one| one.path.as_str()).collect();
    assert!(["/0.tar", "/1.tar", "/2.tar"].iter().all(|path| !read.contains(path)), "{read:?}");
    assert!(!cli.path("journal").exists());
    assert_eq!(checksums(&entry(&cli, "words", "sqlite:two.db")), checksums(&old));
}
