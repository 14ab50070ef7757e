use std::fs;

use serde_json::json;

use crate::common::{Cli, fixture};

fn dataset(cli: &Cli) -> Vec<std::path::PathBuf> {
    let rows: String = (0..20).map(|n| format!("{n},text number {n}\n")).collect();
    let input = cli.file("a.csv", format!("n,text\n{rows}"));
    cli.ok(&["import", &input, "a", "--max-count", "10"]);
    let mut shards = cli.shards();
    shards.sort();
    shards
}

#[test]
fn a_whole_dataset_passes() {
    let cli = Cli::new();
    dataset(&cli);
    let result = cli.json(&["verify", "a"]);
    let keys: Vec<_> = result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["source", "ok", "samples", "samples_stated", "schema_checked", "origin", "shards"]);
    assert_eq!((&result["ok"], &result["samples"]), (&json!(true), &json!(20)));
    let shard = &result["shards"][0];
    let keys: Vec<_> = shard.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["shard", "verdict", "samples", "bad_samples", "bytes", "checksum", "repaired", "reasons"]
    );
    assert_eq!((&shard["verdict"], &shard["checksum"]), (&json!("PASS"), &json!("ok")));
    let text = cli.ok(&["verify", "a"]);
    assert!(
        text.contains("PASS ") && text.ends_with("2 shards: 2 PASS, 0 FAIL, 0 SKIP; 20 samples\n"),
        "{text}"
    );
    for name in ["python-0.2/scalars.tar", "python-0.7/sharded"] {
        assert!(cli.ok(&["verify", &fixture(name)]).contains("No schema is known"));
    }
}

#[test]
fn any_changed_bit_is_found() {
    let cli = Cli::new();
    let shards = dataset(&cli);
    let whole = fs::read(&shards[1]).unwrap();
    for at in [0, 100, 512, 530, 1024, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&shards[1], &damaged).unwrap();
        let run = cli.run(&["verify", "a", "--json"]);
        let result: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((run.code, &result["ok"]), (1, &json!(false)), "byte {at}");
        assert_eq!(result["shards"][0]["verdict"], "PASS");
        assert_eq!(result["shards"][1]["verdict"], "FAIL", "byte {at}");
        assert!(!result["shards"][1]["reasons"].as_array().unwrap().is_empty());
    }
}

#[test]
fn missing_cut_and_short_shards_fail() {
    let cli = Cli::new();
    let shards = dataset(&cli);
    let whole = fs::read(&shards[1]).unwrap();
    // At the border of two members, which framing alone cannot notice.
    for length in [0, 700, 1024, whole.len() - 1024] {
        fs::write(&shards[1], &whole[..length]).unwrap();
        assert_eq!(cli.run(&["verify", "a"]).code, 1, "cut to {length}");
    }
    fs::remove_file(&shards[1]).unwrap();
    let run = cli.run(&["verify", "a"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("FAIL") && run.stdout.contains("not found"), "{run:?}");
    assert!(run.stdout.contains("the entry states 20 samples, 10 can be read"), "{run:?}");
}

#[test]
fn samples_that_do_not_fit_the_schema_fail() {
    let cli = Cli::new();
    let shards = dataset(&cli);
    // The same shard under the schema of another dataset, without a checksum.
    let input = cli.file("b.csv", "n,text\n1,2\n");
    cli.ok(&["import", &input, "b"]);
    let mut all = cli.shards();
    all.retain(|path| !shards.contains(path));
    fs::copy(&shards[0], &all[0]).unwrap();
    let run = cli.run(&["verify", "b"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.contains("10 damaged") && run.stdout.contains("expected int, found str"), "{run:?}");
}
