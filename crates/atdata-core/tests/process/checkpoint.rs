use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use atdata_core::process::{LocalQueue, ProcessOptions, Processed, ShardQueue, process_shards};
use atdata_core::{ErrorKind, Result};
use tempfile::TempDir;

use crate::common::{counts, dataset, names};

fn results_of(checkpoint: &Path) -> PathBuf {
    PathBuf::from(format!("{}.results", checkpoint.display()))
}

/// Counts the samples of all shards but those that are to fail. Gives the report, and which shards were worked on.
async fn run(
    checkpoint: &Path,
    shards: usize,
    failing: &[&str],
) -> Result<(Processed<u64>, BTreeSet<String>)> {
    let calls = Arc::new(Mutex::new(BTreeSet::new()));
    let failing: Vec<String> = failing.iter().map(|&shard| shard.to_owned()).collect();
    let (queue, options) =
        (LocalQueue::with_checkpoint(checkpoint), ProcessOptions::default().with_parallelism(2));
    let called = calls.clone();
    let report = process_shards(&dataset(shards), &queue, &options, move |job| {
        assert!(called.lock().unwrap().insert(job.shard().to_owned()), "once only");
        let fails = failing.contains(&job.shard().to_owned());
        async move {
            if fails { Err("bad".to_owned()) } else { job.dataset().count().await.map_err(|e| e.to_string()) }
        }
    });
    let report = report.await?;
    let calls = calls.lock().unwrap().clone();
    Ok((report, calls))
}

/// A run that leaves something to do.
async fn first_run(checkpoint: &Path, shards: usize, failing: &[&str]) {
    let (report, _) = run(checkpoint, shards, failing).await.unwrap();
    assert_eq!(report.failures().len(), failing.len());
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("progress.txt");
    (directory, path)
}

fn entries(directory: &TempDir) -> usize {
    std::fs::read_dir(directory.path()).unwrap().count()
}

#[tokio::test]
async fn a_resumed_run_does_the_rest_and_gives_all_results() {
    let (directory, path) = place();
    let (report, calls) = run(&path, 5, &["s-001.tar", "s-003.tar"]).await.unwrap();
    assert_eq!((report.results().len(), calls.len()), (3, 5));
    let lines = std::fs::read_to_string(&path).unwrap();
    assert!(lines.ends_with('\n'), "Python appends to it");
    assert_eq!(
        lines.lines().collect::<BTreeSet<_>>(),
        BTreeSet::from(["s-000.tar", "s-002.tar", "s-004.tar"])
    );

    let (report, calls) = run(&path, 5, &["s-003.tar"]).await.unwrap();
    assert_eq!((report.results().len(), calls.len()), (4, 2));
    let (report, calls) = run(&path, 5, &[]).await.unwrap();
    assert_eq!((report.into_results().unwrap(), calls.len()), (counts(5), 1));
    assert_eq!(entries(&directory), 0, "all is done: both files are gone");
}

#[tokio::test]
async fn a_run_in_which_all_fails_leaves_no_file() {
    let (directory, path) = place();
    let (report, _) = run(&path, 2, &["s-000.tar", "s-001.tar"]).await.unwrap();
    assert_eq!((report.failures().len(), entries(&directory)), (2, 0));
}

#[tokio::test]
async fn what_python_has_finished_is_not_done_again_and_said_to_have_no_result() {
    let (directory, path) = place();
    std::fs::write(&path, "s-000.tar\ns-002.tar\r\n").unwrap();
    let (report, calls) = run(&path, 3, &[]).await.unwrap();
    assert_eq!(calls, BTreeSet::from(["s-001.tar".to_owned()]));
    assert_eq!(report.without_result(), ["s-000.tar", "s-002.tar"]);
    assert_eq!(report.into_results().unwrap(), [("s-001.tar".to_owned(), 2)]);
    assert_eq!(entries(&directory), 0);
}

#[tokio::test]
async fn python_may_go_on_in_between() {
    let (_directory, path) = place();
    first_run(&path, 4, &["s-001.tar", "s-003.tar"]).await;
    // As Python appends.
    let lines = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, lines + "s-001.tar\n").unwrap();
    let (report, calls) = run(&path, 4, &[]).await.unwrap();
    assert_eq!((calls.len(), report.without_result()), (1, ["s-001.tar".to_owned()].as_slice()));
    assert_eq!(report.results().len(), 3);
}

#[tokio::test]
async fn results_of_a_run_that_python_ended_are_not_those_of_the_next() {
    let (_directory, path) = place();
    first_run(&path, 3, &["s-000.tar"]).await;
    // Python finished, and began again from the first shard.
    std::fs::write(&path, "s-000.tar\n").unwrap();
    let (report, calls) = run(&path, 3, &[]).await.unwrap();
    assert_eq!((calls.len(), report.without_result()), (2, ["s-000.tar".to_owned()].as_slice()));
    // Python finished, and nobody has begun.
    first_run(&path, 3, &["s-000.tar"]).await;
    std::fs::remove_file(&path).unwrap();
    let (report, calls) = run(&path, 3, &[]).await.unwrap();
    assert_eq!((calls.len(), report.into_results().unwrap()), (3, counts(3)));
}

#[tokio::test]
async fn a_crash_at_any_byte_loses_one_shard_at_most() {
    let (_directory, path) = place();
    first_run(&path, 3, &["s-002.tar"]).await;
    let (lines, entries) = (std::fs::read(&path).unwrap(), std::fs::read(results_of(&path)).unwrap());
    let first = entries.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // Results are written first: while a line of them is incomplete, so is the other file.
    for cut in first..entries.len() {
        std::fs::write(&path, &lines[..lines.len() / 2]).unwrap();
        std::fs::write(results_of(&path), &entries[..cut]).unwrap();
        let (report, calls) = run(&path, 3, &[]).await.unwrap();
        assert_eq!((report.into_results().unwrap(), calls.len()), (counts(3), 2), "{cut}");
    }
    for cut in 0..lines.len() {
        std::fs::write(&path, &lines[..cut]).unwrap();
        std::fs::write(results_of(&path), &entries).unwrap();
        let (report, calls) = run(&path, 3, &[]).await.unwrap();
        let whole = lines[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((report.into_results().unwrap(), calls.len()), (counts(3), 3 - whole), "{cut}");
    }
}

#[tokio::test]
async fn damage_is_an_error_with_the_place() {
    let (_directory, path) = place();
    first_run(&path, 3, &["s-002.tar"]).await;
    let entries = std::fs::read_to_string(results_of(&path)).unwrap();
    std::fs::write(results_of(&path), entries.replacen('{', "[", 1)).unwrap();
    let error = run(&path, 3, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("line 1") && error.context_value("path").is_some(), "{error}");
    std::fs::write(&path, b"\xff\n").unwrap();
    assert_eq!(run(&path, 3, &[]).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn another_dataset_is_noticed() {
    let (_directory, path) = place();
    first_run(&path, 4, &["s-000.tar"]).await;
    let error = run(&path, 2, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.context_value("shard").is_some_and(|shard| shard.starts_with("s-00")), "{error}");
    // One that has grown is the same one.
    let (report, calls) = run(&path, 6, &[]).await.unwrap();
    assert_eq!((report.into_results().unwrap(), calls.len()), (counts(6), 3));
}

#[tokio::test]
async fn results_of_another_type_name_their_shard() {
    let (_directory, path) = place();
    first_run(&path, 2, &["s-001.tar"]).await;
    let queue = LocalQueue::with_checkpoint(&path);
    let texts = process_shards(&dataset(2), &queue, &ProcessOptions::default(), |job| async move {
        Ok::<_, String>(job.shard().to_owned())
    });
    let error = texts.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context_value("shard")),
        (ErrorKind::Invalid, Some("s-000.tar")),
        "{error}"
    );
}

#[tokio::test]
async fn one_process_at_a_time_has_a_checkpoint() {
    let (_directory, path) = place();
    let first = LocalQueue::with_checkpoint(&path);
    first.begin(&names(1)).await.unwrap();
    let error = LocalQueue::with_checkpoint(&path).begin(&names(1)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && !error.is_retryable(), "{error}");
    drop(first);
    LocalQueue::with_checkpoint(&path).begin(&names(1)).await.unwrap();
}

#[tokio::test]
async fn names_that_a_line_cannot_hold_are_refused() {
    let (_directory, path) = place();
    let shard = "a\u{2028}b.tar".to_owned();
    let error = LocalQueue::with_checkpoint(&path).begin(&[shard]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}
