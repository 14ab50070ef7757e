use std::io::Read;
use std::process::Stdio;

use serde_json::json;

use crate::common::{Cli, fixture, lines};

fn numbers(cli: &Cli, name: &str, count: usize) {
    let rows: String = (0..count).map(|n| format!("{n}\n")).collect();
    let input = cli.file(&format!("{name}.csv"), format!("n\n{rows}"));
    cli.ok(&["import", &input, name, "--max-count", "7", "--schema-name", "Number"]);
}

#[test]
fn datasets_are_listed_by_prefix() {
    let cli = Cli::new();
    assert_eq!(cli.json(&["ls"])["datasets"], json!([]));
    assert!(!cli.path(".atdata").exists(), "reading makes no index");
    numbers(&cli, "team-b", 3);
    numbers(&cli, "team-a", 3);
    numbers(&cli, "other", 3);
    let listed = cli.json(&["ls", "team"]);
    let names: Vec<_> =
        listed["datasets"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(names, ["team-a", "team-b"]);
    let entry = &listed["datasets"][0];
    let keys: Vec<_> = entry.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "cid", "uri", "schema_ref", "data_urls", "metadata"]);
    assert!(listed["index"].as_str().unwrap().ends_with("/.atdata/index.db"));
    let text = cli.ok(&["ls"]);
    assert!(text.lines().next().unwrap().contains("NAME") && text.contains("team-a"), "{text}");
    assert!(cli.run(&["ls", "zzz"]).stderr.contains("begins with"));
}

#[test]
fn show_knows_entry_schema_and_shards() {
    let cli = Cli::new();
    numbers(&cli, "a", 10);
    let shown = cli.json(&["show", "a"]);
    let keys: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["source", "entry", "record", "schema", "samples", "shards"]);
    assert_eq!((&shown["samples"], &shown["schema"]["name"]), (&json!(10), &json!("Number")));
    let shards = shown["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    assert!(shards[0]["size"].as_u64().unwrap() > 1024 && shards[0]["sha256"].as_str().unwrap().len() == 64);
    let text = cli.ok(&["show", "a"]);
    assert!(
        text.contains("n: int") && text.contains("samples   10") && text.contains("000001.tar"),
        "{text}"
    );
    // Shards without an entry.
    let path = fixture("python-0.7/scalars.tar");
    let shown = cli.json(&["show", &path, "--count"]);
    assert_eq!((&shown["entry"], &shown["samples"]), (&json!(null), &json!(59)));
}

#[test]
fn a_source_is_a_name_a_path_a_pattern_or_a_directory() {
    let cli = Cli::new();
    numbers(&cli, "a", 10);
    let dir = cli.path(".atdata/data/a");
    let dir = dir.to_str().unwrap();
    let expected: Vec<_> = (0..10).map(|n| json!({"n": n})).collect();
    assert_eq!(cli.cat("a"), expected);
    assert_eq!(cli.cat(dir), expected);
    assert_eq!(cli.cat(&format!("{dir}/*.tar")), expected);
    assert_eq!(cli.cat(&format!("file://{dir}/*.tar")), expected);
    let shards = cli.shards();
    let first = shards.iter().find(|path| path.to_str().unwrap().ends_with("000000.tar")).unwrap();
    let first = first.to_str().unwrap();
    assert_eq!(cli.cat(first).len(), 7);
    assert_eq!(cli.cat(&first.replace("000000.tar", "00000{0..1}.tar")), expected);
    // A name that is a path too means the dataset, and a note says so.
    std::fs::create_dir(cli.path("a")).unwrap();
    let run = cli.run(&["cat", "a"]);
    assert!(
        lines(&run.stdout) == expected && run.stderr.contains("note: a is a dataset and a path"),
        "{run:?}"
    );
    assert!(cli.fails(&["cat", "./a"]).contains("no .tar files"));
}

#[test]
fn cat_skips_limits_and_shuffles() {
    let cli = Cli::new();
    numbers(&cli, "a", 20);
    let get = |args: &[&str]| -> Vec<i64> {
        lines(&cli.ok(&[&["cat", "a"], args].concat()))
            .iter()
            .map(|sample| sample["n"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(get(&["--skip", "5", "--limit", "3"]), [5, 6, 7]);
    assert_eq!(get(&["--skip", "30"]), Vec::<i64>::new());
    assert_eq!(get(&["--limit", "0"]), Vec::<i64>::new());
    let shuffled = get(&["--shuffle", "42"]);
    assert_eq!(shuffled, get(&["--shuffle", "42"]));
    assert_ne!(shuffled, (0..20).collect::<Vec<_>>());
    let mut sorted = shuffled.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..20).collect::<Vec<_>>());
    assert_eq!(get(&["--shuffle", "42", "--skip", "2", "--limit", "4"]), shuffled[2..6]);
}

#[test]
fn cat_writes_csv_that_import_reads() {
    let cli = Cli::new();
    let input = cli.file("a.jsonl", "{\"s\": \"x,\\\"y\\\"\", \"f\": 1.0, \"l\": [1], \"n\": null}\n{\"s\": \"\", \"f\": 2.5, \"l\": [], \"n\": 1}\n");
    cli.ok(&["import", &input, "a"]);
    let csv = cli.ok(&["cat", "a", "--format", "csv"]);
    assert_eq!(csv, "s,f,l,n\n\"x,\"\"y\"\"\",1.0,[1],\n,2.5,[],1\n");
    let schema = cli.file("s.json", cli.json(&["schema", "show", "a"])["schema"].to_string());
    let again = cli.file("b.csv", csv);
    cli.ok(&["import", &again, "b", "--schema", &schema]);
    assert_eq!(cli.cat("b"), cli.cat("a"));
}

#[test]
fn head_summarises_and_decodes_arrays_on_demand() {
    let cli = Cli::new();
    let shard = fixture("python-0.7/dtypes.tar");
    let text = cli.ok(&["head", &shard, "-n", "1"]);
    assert!(text.contains("<") && text.contains("bytes>"), "{text}");
    let text = cli.ok(&["head", &shard, "-n", "1", "--array", "arr"]);
    assert!(text.contains("<b1 (2, 3)> [false, false, true"), "{text}");
    let json = cli.json(&["head", &shard, "-n", "2"]);
    assert_eq!(json["samples"].as_array().unwrap().len(), 2);
    let keys: Vec<_> = json["samples"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["key", "shard", "fields"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let cli = Cli::new();
    numbers(&cli, "a", 20);
    let mut child = cli
        .command(&["cat", "a", "--format", "tagged"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn mistyped_names_are_corrected() {
    let cli = Cli::new();
    assert!(cli.fails(&["cat", "mnist"]).contains("there is no index at"));
    numbers(&cli, "mnist-train", 2);
    let stderr = cli.fails(&["cat", "mnist-trian"]);
    assert!(
        stderr.starts_with("error: not found:") && stderr.contains("hint: did you mean mnist-train?"),
        "{stderr}"
    );
    assert!(cli.fails(&["show", "zebra"]).contains("hint: `atdata ls`"));
    let run = cli.run(&["head", "zebra", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(
        (run.code, &error["error"]["kind"], &error["error"]["context"]["name"]),
        (1, &json!("not found"), &json!("zebra"))
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn addresses_that_are_not_supported_are_named() {
    let cli = Cli::new();
    let stderr = cli.fails(&["ls", "--index", "mysql://user:secret@localhost/"]);
    assert!(stderr.contains("an index is") && !stderr.contains("secret"), "{stderr}");
    let input = cli.file("a.csv", "a\n1\n");
    assert!(cli.fails(&["import", &input, "a", "--store", "ftp://localhost"]).contains("a store is"));
    assert!(cli.fails(&["cat", "pipe:ls"]).contains("never executed"));
    assert!(cli.fails(&["cat", "gopher://x/a.tar"]).contains("gopher"));
    assert_eq!(cli.run(&["cat"]).code, 2);
    assert_eq!(cli.run(&["import", &input, "a", "--max-size", "0"]).code, 2);
    assert_eq!(cli.run(&["--version"]).code, 0);
}

#[test]
fn index_and_store_can_be_elsewhere() {
    let cli = Cli::new();
    let input = cli.file("a.csv", "a\n1\n");
    let index = format!("sqlite:{}", cli.path("x/i.db").display());
    let store = format!("file:{}", cli.path("y").display());
    std::fs::create_dir(cli.path("x")).unwrap();
    cli.ok(&["import", &input, "a", "--index", &index, "--store", &store]);
    assert!(!cli.path(".atdata").exists());
    let out = cli.command(&["ls", "--json"]).env("ATDATA_INDEX", &index).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let url = listed["datasets"][0]["data_urls"][0].as_str().unwrap().to_owned();
    assert!(url.contains(cli.path("y").to_str().unwrap()), "{url}");
}
