use serde_json::json;

use crate::common::Cli;

const PEOPLE: &str = "id,first name,score,ok,note\n1,ann,1.5,true,\n2,bob,2,False,x\n";

#[test]
fn a_table_becomes_a_dataset_with_inferred_types() {
    let cli = Cli::new();
    let input = cli.file("people.csv", PEOPLE);
    let report = cli.json(&["import", &input, "team/people"]);
    assert_eq!((&report["samples"], &report["skipped"]["total"]), (&json!(2), &json!(0)));
    assert_eq!(report["notes"], json!(["the column \"first name\" is stored as first_name"]));
    assert_eq!(report["entry"]["metadata"]["num_samples"], 2);
    assert_eq!(
        cli.types("team/people"),
        ["id: int", "first_name: str", "score: float", "ok: bool", "note: str?"]
    );
    assert_eq!(
        cli.cat("team/people"),
        [
            json!({"id": 1, "first_name": "ann", "score": 1.5, "ok": true, "note": null}),
            json!({"id": 2, "first_name": "bob", "score": 2.0, "ok": false, "note": "x"})
        ]
    );
    cli.ok(&["verify", "team/people"]);
}

#[test]
fn the_import_says_what_it_did() {
    let cli = Cli::new();
    let input = cli.file("people.csv", format!("{PEOPLE}3,c\n"));
    let run = cli.run(&["import", &input, "people"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("first_name: str"), "{run:?}");
    assert!(run.stdout.contains("1 × a row has the wrong number of cells\n      line 4: 2 cells"), "{run:?}");
    assert!(run.stdout.contains("people: 2 samples in 1 shards"), "{run:?}");
    assert_eq!(run.stderr, "note: the column \"first name\" is stored as first_name\n");
}

#[test]
fn rows_that_do_not_fit_are_skipped_with_their_line() {
    let cli = Cli::new();
    let mut rows = String::from("n,text\n");
    for n in 0..10_000 {
        rows.push_str(&format!("{n},\"two\nlines\"\n"));
    }
    // Beyond the window that tells the types.
    rows.push_str("x,late\n7,fine\n");
    let input = cli.file("n.csv", rows);
    let report = cli.json(&["import", &input, "n"]);
    assert_eq!(report["samples"], 10_001);
    assert_eq!(
        report["skipped"],
        json!({
            "total": 1,
            "reasons": [{"reason": "a cell does not fit its column", "count": 1}],
            "items": [{"item": "line 20002", "reason": "a cell does not fit its column", "detail": "n: \"x\" is not int"}],
            "items_complete": true
        })
    );
    let stderr = cli.fails(&["import", &input, "strict", "--strict"]);
    assert!(stderr.contains("line 20002"), "{stderr}");
    assert_eq!(cli.json(&["ls"])["datasets"].as_array().unwrap().len(), 1);
    assert_eq!(cli.shards().len(), 2, "the refused import leaves no shard: 10,001 samples are two");
}

#[test]
fn bytes_that_are_not_text_are_skipped() {
    let cli = Cli::new();
    let input = cli.file("a.csv", b"a,b\nx,1\n\xff,2\n");
    let report = cli.json(&["import", &input, "a"]);
    assert_eq!(report["skipped"]["reasons"], json!([{"reason": "a cell is not UTF-8", "count": 1}]));
}

#[test]
fn columns_are_gathered_in_arrays() {
    let cli = Cli::new();
    let input = cli.file("px.csv", "label,p0,p1,p2,p3\na,0,1,2,255\nb,1,1,1,256\n");
    let report = cli.json(&["import", &input, "px", "--array", "pixels=p0..p3:uint8:2x2"]);
    assert_eq!(cli.types("px"), ["label: str", "pixels: ndarray<uint8, (2, 2)>"]);
    assert_eq!(report["skipped"]["items"][0]["detail"], "pixels: 256 does not fit u8");
    assert_eq!(
        cli.cat("px"),
        [
            json!({"label": "a", "pixels": {"$ndarray": {"dtype": "|u1", "shape": [2, 2], "data": "AAEC/w=="}}})
        ]
    );
    assert!(cli.ok(&["head", "px"]).contains("<u1 (2, 2)> [0, 1, 2, 255]"));
    assert!(cli.fails(&["import", &input, "q", "--array", "pixels=p0..p9"]).contains("no column \"p9\""));
}

#[test]
fn delimiters_byte_order_marks_and_compression_are_understood() {
    let cli = Cli::new();
    let tabs = cli.file("a.tsv", "\u{feff}a\tb\n1\t2\n");
    cli.ok(&["import", &tabs, "tabs"]);
    let semicolons = cli.file("b.csv", "a;b\n1;2\n");
    cli.ok(&["import", &semicolons, "semicolons", "--delimiter", ";"]);
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a,b\n1,2\n").unwrap();
    let gzip = cli.file("c.csv.gz", gzip.finish().unwrap());
    cli.ok(&["import", &gzip, "gzip"]);
    for name in ["tabs", "semicolons", "gzip"] {
        assert_eq!(cli.cat(name), [json!({"a": 1, "b": 2})], "{name}");
    }
}

#[test]
fn standard_input_is_read_when_the_format_is_said() {
    let cli = Cli::new();
    let import = |args: &[&str]| {
        let input = std::fs::File::open(cli.file("in.csv", "a\n1\n")).unwrap();
        cli.command(args).stdin(input).output().unwrap().status.code()
    };
    assert_eq!(import(&["import", "-", "a", "--format", "csv"]), Some(0));
    assert_eq!(cli.cat("a"), [json!({"a": 1})]);
    assert_eq!(import(&["import", "-", "b"]), Some(1));
}

#[test]
fn headers_that_cannot_be_fields_are_refused() {
    let cli = Cli::new();
    let twice = cli.file("a.csv", "a,b,a\n1,2,3\n");
    assert!(cli.fails(&["import", &twice, "x"]).contains("columns 1 and 3 are both called \"a\""));
    let alike = cli.file("b.csv", "a b,a-b\n1,2\n");
    assert!(cli.fails(&["import", &alike, "x"]).contains("a_b"));
    let empty = cli.file("c.csv", "");
    assert!(cli.fails(&["import", &empty, "x"]).contains("empty"));
    let header_only = cli.file("d.csv", "a,b\n");
    assert!(cli.fails(&["import", &header_only, "x"]).contains("no samples"));
}

#[test]
fn a_schema_file_overrides_what_is_inferred() {
    let cli = Cli::new();
    let schema = cli.file(
        "schema.json",
        json!({"name": "Person", "version": "2.0.0", "fields": [
            {"name": "score", "fieldType": {"$type": "local#primitive", "primitive": "float"}, "optional": false},
            {"name": "id", "fieldType": {"$type": "local#primitive", "primitive": "str"}, "optional": false},
            {"name": "extra", "fieldType": {"$type": "local#primitive", "primitive": "int"}, "optional": true},
            {"name": "tags", "fieldType": {"$type": "local#array", "items": {"$type": "local#primitive", "primitive": "int"}}, "optional": false},
        ]})
        .to_string(),
    );
    let input = cli.file("a.csv", "id,score,unused,tags\n007,1,x,\"[1, 2]\"\n8,bad,x,[]\n");
    let report = cli.json(&["import", &input, "a", "--schema", &schema]);
    assert_eq!(report["entry"]["schema_ref"], "atdata://local/sampleSchema/Person@2.0.0");
    assert_eq!(report["skipped"]["total"], 1);
    assert!(report["notes"][0].as_str().unwrap().contains("unused"));
    assert_eq!(cli.cat("a"), [json!({"score": 1.0, "id": "007", "extra": null, "tags": [1, 2]})]);
    let missing = cli.file("b.csv", "id\n1\n");
    assert!(cli.fails(&["import", &missing, "b", "--schema", &schema]).contains("field: score"));
}

#[test]
fn a_taken_name_is_refused_before_any_work_and_replaced_on_demand() {
    let cli = Cli::new();
    let input = cli.file("a.csv", "a\n1\n");
    cli.ok(&["import", &input, "a", "--version", "1.0"]);
    let stderr = cli.fails(&["import", "/nowhere.csv", "a"]);
    assert!(stderr.contains("already exists") && stderr.contains("hint: --replace"), "{stderr}");
    let other = cli.file("b.csv", "a,b\n1,x\n");
    cli.ok(&["import", &other, "a", "--replace", "--schema-name", "A"]);
    assert_eq!(cli.cat("a"), [json!({"a": 1, "b": "x"})]);
    assert_eq!(cli.cat("a@1.0"), [json!({"a": 1})]);
    // The fields differ, so the schema got the next version.
    assert!(cli.ok(&["schema", "ls"]).contains("1.0.1"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let cli = Cli::new();
    let input = cli.file("a.csv", "a\n1\nx,y\n");
    let report = cli.json(&["import", &input, "a", "--dry-run"]);
    assert_eq!(
        (&report["dry_run"], &report["samples"], &report["entry"]),
        (&json!(true), &json!(1), &json!(null))
    );
    assert_eq!(report["skipped"]["total"], 1);
    assert!(!cli.path(".atdata").exists());
}

#[test]
fn shards_are_cut_by_count_and_size() {
    let cli = Cli::new();
    let input = cli.file("a.csv", format!("a\n{}", "1\n".repeat(10)));
    cli.ok(&["import", &input, "count", "--max-count", "4"]);
    assert_eq!(cli.json(&["show", "count"])["shards"].as_array().unwrap().len(), 3);
    cli.ok(&["import", &input, "size", "--max-size", "4KiB"]);
    let shards = cli.json(&["show", "size"])["shards"].clone();
    assert!(
        shards.as_array().unwrap().iter().all(|shard| shard["size"].as_u64().unwrap() <= 4096),
        "{shards}"
    );
    assert_eq!(cli.cat("size").len(), 10);
}

#[test]
fn names_of_datasets_may_hold_anything_that_patterns_use() {
    let cli = Cli::new();
    let input = cli.file("a.csv", "a\n1\n");
    for name in ["a{1,2}", "star*", "[x]?", "100%", "ünï/cødé", "sp ace", "...", "a/../b"] {
        cli.ok(&["import", &input, name]);
        cli.ok(&["verify", name]);
        assert_eq!(cli.json(&["show", name])["samples"], 1, "{name}");
    }
    assert!(!cli.path(".atdata/data/b").exists());
    for name in ["..", "../up", "/abs", "s3://bucket/x", "", "a\nb"] {
        cli.fails(&["import", &input, name]);
    }
}
