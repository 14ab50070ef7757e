//! Statistics and descriptions.

use serde_json::json;

use crate::common::Cli;

const CSV: &str = "n,word,score\n3,one,0.5\n1,two,nan\n2,two,1.5\n2,two,2.5\n";

#[test]
fn statistics_are_collected_once_and_kept_beside_the_shards() {
    let cli = Cli::new();
    cli.ok(&["import", &cli.file("in.csv", CSV), "words"]);
    let found = cli.json(&["stats", "words"]);
    let fields = &found["statistics"]["fields"];
    assert_eq!(found["statistics"]["samples"], 4);
    assert_eq!(
        (&fields[0]["min"], &fields[0]["max"], &fields[0]["quantiles"]["0.5"]),
        (&json!(1.0), &json!(3.0), &json!(2.0))
    );
    assert_eq!(fields[1]["top"][0], json!({"value": "two", "count": 3}));
    assert_eq!(fields[1]["distinct"], json!({"estimate": 2, "exact": true}));
    assert_eq!((&fields[2]["nan"], &fields[2]["values"]), (&json!(1), &json!(3)));
    let stored = found["stored"].as_str().unwrap();
    assert!(stored.contains("/data/words/") && stored.ends_with(".statistics.json"), "{stored}");

    // What is kept is shown, as long as it is true.
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(stored).unwrap()).unwrap();
    kept["samples"] = json!(77);
    std::fs::write(stored, kept.to_string()).unwrap();
    assert_eq!(cli.json(&["stats", "words"])["statistics"]["samples"], 77);
    assert_eq!(cli.json(&["stats", "words", "--refresh"])["statistics"]["samples"], 4);
    kept["content"] = json!("sha256:other");
    std::fs::write(stored, kept.to_string()).unwrap();
    assert_eq!(cli.json(&["stats", "words"])["statistics"]["samples"], 4);
    std::fs::write(stored, "nonsense").unwrap();
    assert_eq!(cli.json(&["stats", "words"])["statistics"]["samples"], 4);
    // It is no shard.
    assert_eq!(cli.cat("words").len(), 4);
}

#[test]
fn statistics_are_shown_as_a_table() {
    let cli = Cli::new();
    cli.ok(&["import", &cli.file("in.csv", CSV), "words"]);
    let output = cli.path("out.json");
    let text = cli.ok(&["stats", "words", "--no-store", "--output", output.to_str().unwrap()]);
    for part in ["words: 4 samples", "NaN 25.00%", "two ×3, one ×1", "DISTINCT"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(std::fs::read_to_string(output).unwrap().contains("atdata-statistics/1"));
    let shown = cli.json(&["stats", "words", "--no-store"]);
    assert_eq!(shown["stored"], json!(null));
}

#[test]
fn where_nothing_can_be_written_beside_the_shards_the_home_directory_keeps_it() {
    let cli = Cli::new();
    let path = cli.file("shards/a.tar", crate::common::tar(&[("a.msgpack", b"\x81\xa1n\x01")]));
    // Something that cannot be replaced by a file.
    std::fs::create_dir(cli.path("shards/a.statistics.json")).unwrap();
    let found = cli.json(&["stats", &path]);
    assert_eq!(found["statistics"]["fields"][0]["max"], 1.0);
    assert!(found["stored"].as_str().unwrap().contains("/.atdata/statistics/"), "{found}");
}

#[test]
fn a_dataset_is_described_for_catalogues() {
    let cli = Cli::new();
    cli.ok(&["import", &cli.file("in.csv", CSV), "words"]);
    let document = cli.json(&["croissant", "words", "--license", "CC0-1.0", "--published", "2026-11-24"]);
    assert_eq!((&document["name"], &document["license"]), (&json!("words"), &json!("CC0-1.0")));
    assert_eq!(document["datePublished"], "2026-11-24");
    let shard = &document["distribution"][0];
    assert_eq!(shard["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(document["recordSet"][0]["field"][2]["dataType"], "sc:Float");
    // Shards without a schema have no fields that could be described.
    let path = cli.file("a.tar", crate::common::tar(&[("a.msgpack", b"\x80")]));
    let error = cli.fails(&["croissant", &path]);
    assert!(error.contains("schema") && error.contains("hint"), "{error}");
    assert_eq!(cli.run(&["croissant", "words", "--published", "soon"]).code, 2);
}
