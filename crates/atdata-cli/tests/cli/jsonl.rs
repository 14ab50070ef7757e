use serde_json::json;

use crate::common::{Cli, lines};

#[test]
fn objects_become_samples_of_an_inferred_schema() {
    let cli = Cli::new();
    let input = cli.file(
        "a.jsonl",
        concat!(
            r#"{"id": 1, "x": 1, "tags": ["a"], "meta": {"w": 2, "who": "me"}, "any": 1, "raw": {"$bytes": "AP8="}}"#,
            "\n\n",
            r#"{"id": 2, "x": 1.5, "tags": [], "meta": {"w": 3}, "any": "s", "raw": {"$bytes": ""}, "late": null}"#,
            "\n"
        ),
    );
    cli.ok(&["import", &input, "a"]);
    assert_eq!(
        cli.ok(&["schema", "show", "a"]),
        "atdata://local/sampleSchema/A@1.0.0\nA 1.0.0 {\n    id: int,\n    x: float,\n    tags: list<str>,\n    \
         meta: {\n        w: int,\n        who: str?,\n    },\n    any: any,\n    raw: bytes,\n    late: any?,\n}\n"
    );
    assert_eq!(
        cli.cat("a"),
        [
            json!({"id": 1, "x": 1.0, "tags": ["a"], "meta": {"w": 2, "who": "me"}, "any": 1, "raw": {"$bytes": "AP8="}, "late": null}),
            json!({"id": 2, "x": 1.5, "tags": [], "meta": {"w": 3, "who": null}, "any": "s", "raw": {"$bytes": ""}, "late": null}),
        ]
    );
    cli.ok(&["verify", "a"]);
}

#[test]
fn what_cat_prints_import_reads_back() {
    let cli = Cli::new();
    let input = cli.file(
        "a.ndjson",
        concat!(
            r#"{"f": {"$float": "nan"}, "a": {"$ndarray": {"dtype": "<f4", "shape": [1, 2], "data": "AACAPwAAAEA="}}, "m": {"a-b": 1}, "u": 18446744073709551615}"#,
            "\n"
        ),
    );
    cli.ok(&["import", &input, "one"]);
    let printed = cli.ok(&["cat", "one"]);
    let again = cli.file("again.jsonl", &printed);
    cli.ok(&["import", &again, "two"]);
    assert_eq!(cli.ok(&["cat", "two"]), printed);
    assert_eq!(cli.types("two"), ["f: float", "a: ndarray<float32>", "m: map<int>", "u: int"]);
}

#[test]
fn broken_lines_are_skipped_and_reported() {
    let cli = Cli::new();
    let input = cli.file("a.jsonl", "{\"a\": 1}\n{\"a\": \nnull\n{\"a\": 2, \"b\": 3}\n[]\n{\"a\": 3}");
    let report = cli.json(&["import", &input, "a"]);
    let items: Vec<_> =
        report["skipped"]["items"].as_array().unwrap().iter().map(|item| item["item"].clone()).collect();
    assert_eq!(
        (report["samples"].as_u64(), items),
        (Some(3), vec![json!("line 2"), json!("line 3"), json!("line 5")])
    );
}

#[test]
fn keys_that_cannot_be_fields_are_renamed() {
    let cli = Cli::new();
    let input = cli.file("a.jsonl", "{\"first-name\": \"a\", \"class\": 1}\n");
    let report = cli.json(&["import", &input, "a"]);
    assert_eq!(
        report["notes"],
        json!(["\"first-name\" is stored as first_name", "\"class\" is stored as class_"])
    );
    assert_eq!(cli.cat("a"), [json!({"first_name": "a", "class_": 1})]);
}

#[test]
fn a_schema_makes_arrays_of_lists() {
    let cli = Cli::new();
    let schema = cli.file(
        "s.json",
        json!({"name": "S", "fields": [
            {"name": "v", "fieldType": {"$type": "local#ndarray", "dtype": "float32"}, "optional": false}
        ]})
        .to_string(),
    );
    let input =
        cli.file("a.jsonl", "{\"v\": [[1, 2], [3, 4]]}\n{\"v\": [[1], [3, 4]]}\n{\"v\": [], \"w\": 1}\n");
    let report = cli.json(&["import", &input, "a", "--schema", &schema]);
    assert_eq!(report["skipped"]["total"], 2);
    assert!(cli.ok(&["head", "a"]).contains("<f4 (2, 2)> [1.0, 2.0, 3.0, 4.0]"));
}

#[test]
fn an_input_without_a_single_object_is_an_error() {
    let cli = Cli::new();
    let input = cli.file("a.jsonl", "nonsense\n");
    assert!(cli.fails(&["import", &input, "a"]).contains("no line is a JSON object"));
    assert!(lines(&cli.ok(&["ls", "--json"]).replace('\n', "")).len() == 1);
    assert!(cli.shards().is_empty());
}
