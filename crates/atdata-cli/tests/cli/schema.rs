use serde_json::json;

use crate::common::Cli;

fn record(version: &str, primitive: &str) -> String {
    json!({"name": "Thing", "version": version, "description": "A thing.", "fields": [
        {"name": "a", "fieldType": {"$type": "local#primitive", "primitive": primitive}, "optional": false},
        {"name": "v", "fieldType": {"$type": "local#ndarray", "dtype": "float32"}, "optional": true},
    ]})
    .to_string()
}

#[test]
fn schemas_are_published_listed_and_shown() {
    let cli = Cli::new();
    let file = cli.file("s.json", record("1.0.0", "int"));
    assert_eq!(cli.ok(&["schema", "publish", &file]), "atdata://local/sampleSchema/Thing@1.0.0\n");
    assert_eq!(
        cli.json(&["schema", "publish", &file])["reference"],
        "atdata://local/sampleSchema/Thing@1.0.0"
    );
    let changed = cli.file("t.json", record("1.0.0", "str"));
    let stderr = cli.fails(&["schema", "publish", &changed]);
    assert!(stderr.contains("conflict") && stderr.contains("hint: raise the version"), "{stderr}");
    cli.ok(&["schema", "publish", &cli.file("u.json", record("1.1.0", "str"))]);

    let listed = cli.json(&["schema", "ls"]);
    assert_eq!(listed["schemas"].as_array().unwrap().len(), 2);
    assert!(cli.ok(&["schema", "ls", "Th"]).contains("a: int, v: ndarray<float32>?"));
    // Without a version the latest is meant.
    for (reference, version) in
        [("Thing", "1.1.0"), ("Thing@1.0.0", "1.0.0"), ("atdata://local/schema/Thing@1.0.0", "1.0.0")]
    {
        let shown = cli.json(&["schema", "show", reference]);
        assert_eq!(shown["schema"]["version"], version, "{reference}");
    }
    let text = cli.ok(&["schema", "show", "Thing@1.0.0"]);
    assert!(text.contains("A thing.\nThing 1.0.0 {\n    a: int,"), "{text}");
}

#[test]
fn differences_are_told_by_exit_code() {
    let cli = Cli::new();
    let one = cli.file("one.json", record("1.0.0", "int"));
    let two = cli.file("two.json", record("1.0.1", "str"));
    assert_eq!(cli.ok(&["schema", "diff", &one, &one]), "The fields are the same.\n");
    let run = cli.run(&["schema", "diff", &one, &two]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains('a') && run.stdout.contains("cannot read data of Thing 1.0.0"), "{run:?}");
    assert_eq!(run.stderr, "");
    let run = cli.run(&["schema", "diff", &one, &two, "--json"]);
    let difference: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &difference["identical"], &difference["new_reads_old"]),
        (1, &json!(false), &json!(false))
    );
    assert!(!difference["changes"].as_array().unwrap().is_empty());
    // References, files and datasets mix.
    let input = cli.file("a.csv", "a\n1\n");
    cli.ok(&["import", &input, "data"]);
    assert_eq!(cli.run(&["schema", "diff", "data", "Data@1.0.0"]).code, 0);
    assert_eq!(cli.run(&["schema", "diff", "data", &one]).code, 1);
}

#[test]
fn codegen_prints_rust() {
    let cli = Cli::new();
    let file = cli.file("s.json", record("1.2.3", "int"));
    let code = cli.ok(&["schema", "codegen", &file]);
    assert!(code.contains("pub struct Thing {") && code.contains("pub a: i64,"), "{code}");
    assert!(code.contains("version = \"1.2.3\""), "{code}");
    assert_eq!(cli.json(&["schema", "codegen", &file])["rust"].as_str().unwrap().trim_end(), code.trim_end());
}

#[test]
fn what_is_not_there_or_malformed_is_named() {
    let cli = Cli::new();
    cli.ok(&["schema", "publish", &cli.file("s.json", record("1.0.0", "int"))]);
    let stderr = cli.fails(&["schema", "show", "Thnig"]);
    assert!(stderr.contains("did you mean Thing?"), "{stderr}");
    assert!(cli.fails(&["schema", "show", "nowhere.json"]).contains("nowhere.json"));
    for (name, text) in [
        ("a.json", "not json"),
        ("b.json", r#"{"name": "S", "fields": []}"#),
        (
            "c.json",
            r#"{"name": "S", "fields": [{"name": "class", "fieldType": {"$type": "local#primitive", "primitive": "int"}}]}"#,
        ),
        ("d.json", r#"{"name": "S", "fields": [{"name": "a", "fieldType": {"$type": "local#nonsense"}}]}"#),
    ] {
        let stderr = cli.fails(&["schema", "publish", &cli.file(name, text)]);
        assert!(stderr.contains(name), "{stderr}");
    }
}
