//! `atdata process`: commands on every shard.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::common::{Cli, tar};

/// Shards `0.tar` to `{count - 1}.tar`; gives the pattern.
fn shards(cli: &Cli, count: usize) -> String {
    for n in 0..count {
        cli.file(&format!("shards/{n}.tar"), tar(&[("a.msgpack", b"\x80")]));
    }
    format!("{}/{{0..{}}}.tar", cli.path("shards").display(), count - 1)
}

fn sh<'a>(arguments: &[&'a str], script: &'a str) -> Vec<&'a str> {
    [&["process"], arguments, &["--", "sh", "-c", script, "sh", "{}"]].concat()
}

#[test]
fn a_command_runs_on_every_shard_and_prints_its_result() {
    let cli = Cli::new();
    let pattern = shards(&cli, 3);
    let script = "basename $1; echo $ATDATA_SHARD_URL $ATDATA_ATTEMPT; test $ATDATA_SHARD = $1";
    let report: Json = serde_json::from_str(&cli.ok(&sh(&[&pattern, "-j2", "--json"], script))).unwrap();
    let done = report["done"].as_array().unwrap();
    let shard = cli.path("shards/1.tar").display().to_string();
    assert_eq!(done[1], json!({"shard": shard, "result": format!("1.tar\nfile://{shard} 1\n")}));
    assert_eq!((done.len(), &report["failed"], &report["queue"]), (3, &json!([]), &Json::Null));
}

#[test]
fn failures_have_their_cause_and_an_exit_code() {
    let cli = Cli::new();
    let pattern = shards(&cli, 3);
    let script = "case $1 in */1.tar) echo no disk >&2; exit 3;; *) echo fine;; esac";
    let run = cli.run(&sh(&[&pattern, "--tries", "2"], script));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("0.tar  fine") && run.stdout.ends_with("2 done, 1 failed\n"), "{run:?}");
    assert!(run.stdout.contains("1.tar  it ended with exit status: 3: no disk"), "{run:?}");
    assert_eq!(run.stderr.matches("no disk").count(), 2, "what it says is shown, each time");
    let error = cli.run(&["process", &pattern, "--", "no-such-program"]);
    assert!(error.code == 1 && error.stdout.contains("cannot start no-such-program"), "{error:?}");
    assert_eq!(cli.run(&["process", &pattern]).code, 2);
}

#[test]
fn a_checkpoint_is_gone_on_from_and_then_removed() {
    let cli = Cli::new();
    let pattern = shards(&cli, 3);
    let script = "echo $1 >> calls; test -e fixed || test $(basename $1) != 1.tar && wc -c < $1";
    let arguments = sh(&[&pattern, "--checkpoint", "progress.txt"], script);
    assert_eq!(cli.run(&arguments).code, 1);
    let lines = fs::read_to_string(cli.path("progress.txt")).unwrap();
    assert_eq!(lines.lines().count(), 2);
    cli.file("fixed", "");
    let text = cli.ok(&arguments);
    assert!(text.ends_with("3 done, 0 failed\n") && text.contains("0.tar  2048"), "{text}");
    assert_eq!(fs::read_to_string(cli.path("calls")).unwrap().lines().count(), 4);
    assert!(!cli.path("progress.txt").exists() && !cli.path("progress.txt.results").exists());
}

#[test]
fn an_interruption_ends_the_commands_and_keeps_what_is_finished() {
    let cli = Cli::new();
    let pattern = shards(&cli, 2);
    // The second shard waits for ever, in a process of its own.
    let script = "case $1 in */1.tar) sleep 1000 & echo $! >&2; wait;; esac";
    let arguments = sh(&[&pattern, "--checkpoint", "progress.txt", "-j1"], script);
    let mut child = cli.command(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let sleeper = lines.next().unwrap().unwrap();
    let signal = |signal: &str, pid: &str| {
        std::process::Command::new("kill")
            .args([signal, pid])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(signal("-TERM", &child.id().to_string()));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("interrupted: what is finished")), "{rest:?}");
    // Its parent, which had to take notice of its end, is gone too.
    let state = || fs::read_to_string(format!("/proc/{sleeper}/stat")).ok();
    while state().is_some_and(|state| !state.contains(") Z ")) {
        std::thread::yield_now();
    }
    assert_eq!(fs::read_to_string(cli.path("progress.txt")).unwrap().lines().count(), 1);
}

#[test]
fn a_queue_is_for_servers_that_are_known() {
    let cli = Cli::new();
    let pattern = shards(&cli, 1);
    let text = cli.fails(&["process", &pattern, "--queue", "amqp://u:hunter2@h", "--", "true"]);
    assert!(text.contains("redis://") && !text.contains("hunter2"), "{text}");
    for wrong in [["--name", "n"], ["--lease", "5"]] {
        assert_eq!(cli.run(&[&["process", &pattern][..], &wrong, &["--", "true"]].concat()).code, 2);
    }
}

#[cfg(feature = "redis")]
mod with_a_queue {
    use atdata_testkit::servers::redis::Database;

    use super::*;

    #[test]
    fn workers_share_the_shards_and_have_the_same_report() {
        let Some(database) = Database::for_test("workers_share_the_shards") else { return };
        let cli = Cli::new();
        let pattern = shards(&cli, 12);
        let arguments = sh(
            &[&pattern, "--json", "-j2", "--queue", database.url()],
            "echo $1 >> calls; echo $ATDATA_TOKEN",
        );
        let workers: Vec<_> = (0..3)
            .map(|_| cli.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        let reports: Vec<Json> = workers
            .into_iter()
            .map(|worker| {
                let output = worker.wait_with_output().unwrap();
                assert!(output.status.success(), "{output:?}");
                let said = String::from_utf8(output.stderr).unwrap();
                assert!(said.contains("note: the queue is called "), "{said}");
                serde_json::from_slice(&output.stdout).unwrap()
            })
            .collect();
        assert_eq!(reports[0]["done"].as_array().unwrap().len(), 12);
        assert!(reports.iter().all(|report| *report == reports[0]));
        let calls = || fs::read_to_string(cli.path("calls")).unwrap().lines().count();
        assert_eq!(calls(), 12);
        // Who comes later has nothing to do.
        let late: Json = serde_json::from_str(&cli.ok(&arguments)).unwrap();
        assert_eq!((&late, calls()), (&reports[0], 12));
    }

    #[test]
    fn failed_shards_are_tried_again_when_asked() {
        let Some(database) = Database::for_test("failed_shards_are_tried_again_when_asked") else { return };
        let cli = Cli::new();
        let pattern = shards(&cli, 2);
        let start = [&pattern, "--queue", database.url(), "--name", "mine", "--tries", "2", "--lease", "600"];
        let script = "echo $1 >> calls; test -e fixed || test $(basename $1) = 0.tar";
        let run = cli.run(&sh(&start, script));
        assert!(run.code == 1 && run.stdout.ends_with("1 done, 1 failed\n"), "{run:?}");
        assert_eq!(cli.run(&sh(&start, script)).code, 1);
        cli.file("fixed", "");
        let again = [&start[..], &["--retry-failed"]].concat();
        assert!(cli.ok(&sh(&again, script)).ends_with("2 done, 0 failed\n"));
        assert_eq!(fs::read_to_string(cli.path("calls")).unwrap().lines().count(), 4);
        let other = shards(&cli, 3);
        let text = cli.fails(&sh(&[&[other.as_str()][..], &start[1..]].concat(), script));
        assert!(text.contains("another list of shards") && text.contains("queue: mine"), "{text}");
    }

    #[test]
    fn a_worker_that_is_interrupted_gives_its_shards_back() {
        let Some(database) = Database::for_test("a_worker_that_is_interrupted") else { return };
        let cli = Cli::new();
        let pattern = shards(&cli, 2);
        let start = [&pattern, "--queue", database.url(), "--name", "mine", "--lease", "600", "-j2"];
        let script = "test -e fixed || { echo begun >&2; sleep 1000; }";
        let mut child = cli.command(&sh(&start, script)).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert_eq!(lines.map(Result::unwrap).filter(|line| line == "begun").take(2).count(), 2);
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        cli.file("fixed", "");
        // Nobody waits for ten minutes.
        assert!(cli.ok(&sh(&start, script)).ends_with("2 done, 0 failed\n"));
        assert_eq!(database.command(&["HVALS", "atdata:queue:{mine}:tries"]).unwrap(), "1\n1");
    }
}
