use std::fs;

use crate::common::{Cli, tar};

fn shard(n: u8) -> Vec<u8> {
    tar(&[("a.msgpack", b"\x80"), ("b.msgpack", &[0x81, 0xa1, b'n', n])])
}

#[test]
fn indexes_are_written_beside_shards_once() {
    let cli = Cli::new();
    let pattern = format!("{}/{{0..1}}.tar", cli.path("shards").display());
    for n in 0..2 {
        cli.file(&format!("shards/{n}.tar"), shard(n));
    }
    let run = cli.run(&["index", &pattern, "--check"]);
    assert_eq!((run.code, run.stdout.matches("missing ").count()), (1, 2), "{run:?}");
    assert!(!cli.path("shards/0.tar.idx").exists());

    let written = cli.json(&["index", &pattern]);
    let shards = written["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    for shard in shards {
        assert_eq!((&shard["verdict"], &shard["samples"]), (&"written".into(), &2.into()));
        let index = fs::metadata(shard["index"].as_str().unwrap()).unwrap();
        assert_eq!(index.len(), shard["bytes"].as_u64().unwrap());
    }
    assert_eq!(cli.ok(&["index", &pattern, "--check"]).matches("current ").count(), 2);

    fs::write(cli.path("shards/1.tar"), shard(9)).unwrap();
    let run = cli.run(&["index", &pattern, "--check"]);
    assert_eq!((run.code, run.stdout.matches("stale ").count()), (1, 1), "{run:?}");
    assert_eq!(cli.ok(&["index", &pattern]).matches("replaced ").count(), 1);
    assert_eq!(cli.ok(&["index", &pattern]).matches("current ").count(), 2);
    assert_eq!(fs::read_dir(cli.path("shards")).unwrap().count(), 4, "something else was left");
}

#[test]
fn indexes_of_datasets_are_current_and_may_go_elsewhere() {
    let cli = Cli::new();
    let input = cli.file("a.csv", "n\n1\n2\n3\n");
    cli.ok(&["import", &input, "a", "--max-count", "2"]);
    assert_eq!(cli.ok(&["index", "a", "--check"]).matches("current ").count(), 2);
    let elsewhere = cli.path("elsewhere");
    let text = cli.ok(&["index", "a", "--output", elsewhere.to_str().unwrap()]);
    assert_eq!(text.matches("written ").count(), 2, "{text}");
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 2);
}

#[test]
fn compressed_and_damaged_shards_are_refused_by_name() {
    let cli = Cli::new();
    let path = cli.file("a.tar", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]);
    let error = cli.fails(&["index", &path]);
    assert!(error.contains("compressed") && error.contains("a.tar"), "{error}");
    let mut damaged = shard(1);
    damaged[3] ^= 1;
    let error = cli.fails(&["index", &cli.file("b.tar", damaged)]);
    assert!(error.contains("b.tar"), "{error}");
    assert!(!cli.path("b.tar.idx").exists());
}
