//! Workers in processes of their own, which are killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use atdata_core::process::{LocalQueue, ProcessOptions, ShardQueue, process_shards};
use atdata_core::source::FileSource;
use atdata_core::{Dataset, DictSample, Error, Result};
use atdata_local::RedisQueueOptions;
use atdata_testkit::servers::redis::Database;
use atdata_testkit::suite::block_on;

use crate::common::{NAME, names, shard};

const SHARDS: usize = 60;
const WORKERS: usize = 8;
/// How many workers are to be killed, if they come to it.
const KILLS: usize = 16;

/// What a worker finds in its environment: the address of the queue, the directory of the shards, and after how many shards
/// it hangs, if it is to be killed.
const QUEUE: &str = "ATDATA_TEST_QUEUE";
const DIRECTORY: &str = "ATDATA_TEST_DIRECTORY";
const HANGS: &str = "ATDATA_TEST_HANGS";

/// The result of a shard: its samples, and the lease that they were counted under.
type Counted = (u64, u64);

/// Counts the samples of all shards but so many, on which it hangs.
async fn work<Q: ShardQueue + Clone>(
    directory: &Path,
    queue: &Q,
    hangs_after: usize,
) -> Result<Vec<(String, Counted)>> {
    let paths = names(SHARDS).into_iter().map(|name| directory.join(name));
    let dataset = Dataset::<DictSample>::from_source(FileSource::new(paths.collect::<Vec<_>>()));
    let (options, begun) = (ProcessOptions::default().with_parallelism(2), AtomicUsize::new(0));
    let report = process_shards(&dataset, queue, &options, move |job| {
        let hangs = begun.fetch_add(1, Ordering::SeqCst) >= hangs_after;
        async move {
            if hangs {
                println!("\nhangs");
                std::future::pending::<()>().await;
            }
            Ok::<_, Error>((job.dataset().count().await?, job.token()))
        }
    });
    Ok(report.await?.into_results()?)
}

fn short() -> RedisQueueOptions {
    RedisQueueOptions::default().with_lease(Duration::from_millis(400)).with_tries(1000)
}

/// Does nothing unless it is started as a worker.
#[test]
fn as_a_worker() {
    let (Ok(url), Some(directory)) = (std::env::var(QUEUE), std::env::var_os(DIRECTORY)) else { return };
    let hangs_after = std::env::var(HANGS).map_or(usize::MAX, |count| count.parse().unwrap());
    block_on(async {
        let queue = short().open(&url, NAME).await.unwrap();
        let results = work(Path::new(&directory), &queue, hangs_after).await.unwrap();
        println!("\nresults {}", serde_json::to_string(&results).unwrap());
    });
}

/// Runs a worker until it ends; kills it if it hangs, after so many shards. Gives its results, if it has any.
fn worker(url: &str, directory: &Path, hangs_after: Option<usize>) -> Option<Vec<(String, Counted)>> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::as_a_worker", "--nocapture", "--test-threads=1"]);
    command.env(QUEUE, url).env(DIRECTORY, directory).stdout(Stdio::piped());
    command.envs(hangs_after.map(|count| (HANGS, count.to_string())));
    let mut child = command.spawn().unwrap();
    let mut results = None;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(text) = line.strip_prefix("results ") {
            results = Some(serde_json::from_str(text).unwrap());
        }
        if line == "hangs" {
            // SIGKILL: it says good-bye to nobody.
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(results.is_some(), "it ended without results");
    results
}

/// A number that looks random, the same in every run.
fn mixed(seed: usize) -> usize {
    (seed.wrapping_mul(0x9e37_79b9).wrapping_add(0x7f4a_7c15) >> 7) % 5
}

#[test]
fn eight_processes_that_are_killed_at_random_record_every_result_once() {
    let case = "eight_processes_that_are_killed_at_random_record_every_result_once";
    let Some(database) = Database::for_test(case) else { return };
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = names(SHARDS).into_iter().map(|name| directory.path().join(name)).collect();
    for (path, samples) in paths.iter().zip(1..) {
        std::fs::write(path, shard(samples)).unwrap();
    }
    let kills = AtomicUsize::new(0);
    let reports: Vec<Vec<(String, Counted)>> = std::thread::scope(|scope| {
        let (kills, url, place) = (&kills, database.url(), directory.path());
        let slot = |_| {
            scope.spawn(move || {
                loop {
                    let kill = kills.fetch_add(1, Ordering::SeqCst);
                    let hangs_after = (kill < KILLS).then(|| mixed(kill));
                    if let Some(results) = worker(url, place, hangs_after) {
                        return results;
                    }
                }
            })
        };
        let slots: Vec<_> = (0..WORKERS).map(slot).collect();
        slots.into_iter().map(|slot| slot.join().unwrap()).collect()
    });
    // All who lived to the end have seen the same results, each of one lease.
    assert!(reports.iter().all(|report| *report == reports[0]));
    let counts: Vec<(PathBuf, u64)> =
        reports[0].iter().map(|(shard, (count, _))| (PathBuf::from(shard), *count)).collect();
    assert_eq!(counts, paths.into_iter().zip(1..).collect::<Vec<_>>());
    let tokens: BTreeMap<u64, &str> =
        reports[0].iter().map(|(shard, (_, token))| (*token, shard.as_str())).collect();
    assert_eq!(tokens.len(), SHARDS);
    let length = |command: &str, key: &str| {
        database.command(&[command, &format!("atdata:queue:{{run}}:{key}")]).unwrap()
    };
    assert_eq!(length("HLEN", "results"), SHARDS.to_string());
    assert_eq!((length("XLEN", "jobs"), length("XLEN", "dead")), ("0".to_owned(), "0".to_owned()));
    assert_eq!(length("EXISTS", "leases"), "0");

    let tries = database.command(&["HVALS", "atdata:queue:{run}:tries"]).unwrap();
    assert!(tries.lines().any(|tries| tries != "1"), "somebody was killed over a shard");

    // The same code with a queue in memory.
    let local = block_on(work(directory.path(), &LocalQueue::new(), usize::MAX)).unwrap();
    let counts = |results: &[(String, Counted)]| {
        results.iter().map(|(shard, (count, _))| (shard.clone(), *count)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&local), counts(&reports[0]));
}
