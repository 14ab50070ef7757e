//! Repairing damaged shards from another copy.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::common::Cli;

/// A dataset of three shards, and a backup of it.
fn with_backup() -> (Cli, String) {
    let cli = Cli::new();
    let input = cli.file("in.csv", "n\n1\n2\n3\n4\n5\n6\n");
    cli.ok(&["import", &input, "numbers", "--max-count", "2"]);
    cli.ok(&["backup", "--to", "sqlite:backup.db", "--store", "file:backup"]);
    (cli, "copy=sqlite:backup.db".to_owned())
}

/// The files of the dataset, in the order of the entry.
fn sorted(cli: &Cli) -> Vec<PathBuf> {
    let mut shards = cli.shards();
    shards.sort();
    shards
}

fn verdicts(report: &Json) -> Vec<(String, bool)> {
    let shards = report["shards"].as_array().unwrap();
    shards
        .iter()
        .map(|it| (it["verdict"].as_str().unwrap().to_owned(), it["repaired"].as_bool().unwrap()))
        .collect()
}

#[test]
fn damaged_cut_and_missing_shards_are_replaced_by_their_copies() {
    let (cli, mount) = with_backup();
    let shards = sorted(&cli);
    let whole: Vec<Vec<u8>> = shards.iter().map(|shard| fs::read(shard).unwrap()).collect();
    let mut damaged = whole[0].clone();
    damaged[700] ^= 1;
    fs::write(&shards[0], damaged).unwrap();
    fs::write(&shards[1], &whole[1][..1000]).unwrap();
    fs::remove_file(&shards[2]).unwrap();
    let run = cli.run(&["verify", "numbers"]);
    assert_eq!((run.code, run.stdout.matches("FAIL").count() >= 3), (1, true), "{run:?}");

    let report = cli.json(&["verify", "numbers", "--repair", "copy/numbers", "--mount", &mount]);
    assert_eq!(verdicts(&report), vec![("PASS".to_owned(), true); 3]);
    for (shard, bytes) in shards.iter().zip(&whole) {
        assert_eq!(&fs::read(shard).unwrap(), bytes);
    }
    let again = cli.json(&["verify", "numbers", "--repair", "copy/numbers", "--mount", &mount]);
    assert_eq!(verdicts(&again), vec![("PASS".to_owned(), false); 3]);
    assert_eq!(cli.cat("numbers").len(), 6);
}

#[test]
fn a_copy_that_is_damaged_too_replaces_nothing() {
    let (cli, mount) = with_backup();
    let shard = sorted(&cli).remove(0);
    let mut damaged = fs::read(&shard).unwrap();
    damaged[700] ^= 1;
    fs::write(&shard, &damaged).unwrap();
    // Whatever the copy is: damaged, or something else altogether.
    let backup = cli.ok(&["show", "numbers", "--index", "sqlite:backup.db", "--json"]);
    let backup: Json = serde_json::from_str(&backup).unwrap();
    let url = backup["entry"]["data_urls"][0].as_str().unwrap();
    fs::write(url.strip_prefix("file://").unwrap_or(url), &damaged).unwrap();
    let other = cli.file("other.csv", "n\n9\n");
    cli.ok(&["import", &other, "other"]);
    for copy in ["copy/numbers", "other"] {
        let run = cli.run(&["verify", "numbers", "--repair", copy, "--mount", &mount]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stdout.contains("not repaired") && run.stdout.contains("another checksum"), "{run:?}");
        assert_eq!(fs::read(&shard).unwrap(), damaged);
    }
    let left: Vec<_> =
        fs::read_dir(shard.parent().unwrap()).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("repair")), "{left:?}");
}

#[test]
fn without_a_checksum_nothing_is_replaced() {
    let (cli, mount) = with_backup();
    let bytes = fs::read(sorted(&cli).remove(0)).unwrap();
    let cut = cli.file("cut.tar", &bytes[..1000]);
    let run = cli.run(&["verify", &cut, "--repair", "copy/numbers", "--mount", &mount]);
    assert!(run.code == 1 && run.stdout.contains("no checksum is known"), "{run:?}");
    assert_eq!(fs::read(&cut).unwrap().len(), 1000);
}
