//! Lenses, from a file to the samples that are seen through them.

use serde_json::{Value as Json, json};

use crate::common::{Cli, lines};

fn schema(name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<Json> = fields
        .iter()
        .map(|(name, primitive)| {
            json!({"name": name, "fieldType": {"$type": "local#primitive", "primitive": primitive}, "optional": false})
        })
        .collect();
    json!({"name": name, "version": "1.0.0", "fields": fields}).to_string()
}

fn lens(version: &str, steps: Json) -> String {
    json!({"name": "short", "version": version, "source_schema": "People@1.0.0", "view_schema": "Person",
        "description": "Who, and how old.", "steps": steps})
    .to_string()
}

fn steps() -> Json {
    json!([
        {"step": "rename", "from": "name", "to": "who"},
        {"step": "cast", "field": "age", "to": "float"},
        {"step": "keep", "fields": ["who", "age"]},
    ])
}

/// People, and a schema to see them as.
fn people() -> Cli {
    let cli = Cli::new();
    let input = cli.file("in.csv", "name,age,town\nAda,36,London\nEva,41,Rome\n");
    cli.ok(&["import", &input, "people"]);
    cli.ok(&[
        "schema",
        "publish",
        &cli.file("person.json", schema("Person", &[("who", "str"), ("age", "float")])),
    ]);
    cli
}

#[test]
fn a_lens_is_published_listed_shown_and_applied() {
    let cli = people();
    let file = cli.file("lens.json", lens("1.0.0", steps()));
    let reference = "atdata://local/lens/short@1.0.0";
    assert_eq!(cli.ok(&["lens", "publish", &file]), format!("{reference}\n"));
    assert_eq!(cli.json(&["lens", "publish", &file]), json!({"reference": reference}));

    let listed = cli.json(&["lens", "ls"]);
    assert_eq!(listed["lenses"][0]["reference"], reference);
    assert_eq!(listed["lenses"][0]["trust"], "steps");
    assert_eq!(listed["lenses"][0]["lens"]["steps"], steps());
    let text = cli.ok(&["lens", "ls", "sh"]);
    assert!(
        text.contains("People@1.0.0") && text.contains("Person@1.0.0") && text.contains("cast age to float"),
        "{text}"
    );
    assert!(cli.ok(&["lens", "ls", "x"]).is_empty());

    for form in ["short", "short@1.0.0", reference] {
        let shown = cli.json(&["lens", "show", form]);
        assert_eq!(shown["lens"]["view_schema"], "atdata://local/sampleSchema/Person@1.0.0", "{form}");
        assert_eq!(shown["record"]["getter"], json!({"kind": "opaque"}));
    }
    let text = cli.ok(&["lens", "show", "short"]);
    assert!(text.contains("Who, and how old.") && text.contains("  1. rename name to who"), "{text}");

    let seen = json!({"who": "Ada", "age": 36.0});
    for lens in ["short", file.as_str()] {
        let printed = lines(&cli.ok(&["lens", "apply", lens, "people"]));
        assert_eq!(printed, [seen.clone(), json!({"who": "Eva", "age": 41.0})]);
    }
    let first = lines(&cli.ok(&["lens", "apply", "short", "people", "--limit", "1"]));
    assert_eq!(first, std::slice::from_ref(&seen));
    assert_eq!(lines(&cli.ok(&["lens", "apply", "short", "people", "--skip", "1"])).len(), 1);
    assert_eq!(
        cli.ok(&["lens", "apply", "short", "people", "--format", "csv"]),
        "who,age\nAda,36.0\nEva,41.0\n"
    );
    let head = cli.json(&["lens", "apply", "short", "people", "-n", "1"]);
    assert_eq!((&head["source"], &head["samples"][0]["fields"]), (&json!("people"), &seen));
    assert_eq!(head["samples"].as_array().unwrap().len(), 1);
    assert!(cli.ok(&["lens", "apply", "short", "people", "-n", "1"]).contains("who  \"Ada\""));
    // Shards of which nobody knows a schema are taken as what the lens looks at.
    let shard = cli.shards()[0].to_str().unwrap().to_owned();
    assert_eq!(lines(&cli.ok(&["lens", "apply", "short", &shard])).len(), 2);
}

#[test]
fn versions_go_on_and_conflicts_are_told() {
    let cli = people();
    cli.ok(&["lens", "publish", &cli.file("a.json", lens("1.0.0", steps()))]);
    let mut other = steps();
    other[1] = json!({"step": "drop", "fields": ["age"]});
    other.as_array_mut().unwrap().push(json!({"step": "constant", "field": "age", "value": 0.5}));
    other[2]["fields"] = json!(["who"]);
    let file = cli.file("b.json", lens("1.0.0", other));
    let error = cli.fails(&["lens", "publish", &file]);
    assert!(
        error.contains("conflict") && error.contains("hint: raise the version") && error.contains("--next"),
        "{error}"
    );
    assert_eq!(cli.ok(&["lens", "publish", &file, "--next"]), "atdata://local/lens/short@1.0.1\n");
    assert_eq!(cli.ok(&["lens", "publish", &file, "--next"]), "atdata://local/lens/short@1.0.1\n");
    assert_eq!(lines(&cli.ok(&["lens", "apply", "short", "people"]))[0], json!({"who": "Ada", "age": 0.5}));
    assert_eq!(lines(&cli.ok(&["lens", "apply", "short@1.0.0", "people"]))[0]["age"], 36.0);
}

#[test]
fn what_is_wrong_is_named() {
    let cli = people();
    let publish = |steps: Json| cli.fails(&["lens", "publish", &cli.file("bad.json", lens("1.0.0", steps))]);
    let error = publish(json!([{"step": "rename", "from": "nmae", "to": "who"}]));
    assert!(error.contains("step: 1, rename") && error.contains("field: nmae"), "{error}");
    let error = publish(json!([{"step": "rename", "from": "name"}]));
    assert!(
        error.contains("bad.json") && error.contains("step: 1") && error.contains("member: to"),
        "{error}"
    );
    let error = publish(json!([{"step": "run", "code": "rm -rf"}]));
    assert!(error.contains("unsupported"), "{error}");
    let lost = lens("1.0.0", steps()).replace("Person", "Nobody");
    assert!(cli.fails(&["lens", "publish", &cli.file("lost.json", lost)]).contains("schema: Nobody"));

    cli.ok(&["lens", "publish", &cli.file("lens.json", lens("1.0.0", steps()))]);
    assert!(cli.fails(&["lens", "show", "shrot"]).contains("did you mean short?"));
    assert!(cli.fails(&["lens", "apply", "short@2.0.0", "people"]).contains("not found"));
    let input = cli.file("other.csv", "x\n1\n");
    cli.ok(&["import", &input, "others"]);
    let error = cli.fails(&["lens", "apply", "short", "others"]);
    assert!(
        error.contains("looks at People, which this is not") && error.contains("name: is required"),
        "{error}"
    );
    // A value that does not fit names its field and sample.
    let input = cli.file("big.csv", "name,age,town\nMethuselah,9007199254740993,Eden\n");
    cli.ok(&["import", &input, "big", "--schema-name", "People"]);
    let error = cli.fails(&["lens", "apply", "short", "big"]);
    assert!(
        error.contains("field: age") && error.contains("key: ") && error.contains("9007199254740993"),
        "{error}"
    );
    // Without an index there is nothing.
    let empty = Cli::new();
    assert!(empty.fails(&["lens", "show", "short"]).contains("no index"));
    assert!(empty.run(&["lens", "ls"]).stderr.contains("no lenses"));
}

#[test]
fn a_lens_of_python_is_used_only_by_those_who_say_so() {
    let cli = Cli::new();
    let db = cli.path("python.db");
    std::fs::copy(crate::common::fixture("python-0.7/index.db"), &db).unwrap();
    let index = format!("sqlite:{}", db.display());
    let lens = |args: &[&str]| [&["lens"], args, &["--index", &index]].concat().join("\u{1}");
    let args = |joined: &str| joined.split('\u{1}').map(str::to_owned).collect::<Vec<_>>();
    let call = |list: &[&str]| {
        let list = args(&lens(list));
        cli.run(&list.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(call(&["ls"]).stdout.contains("unverified: label is label; score is score"));
    let shown = call(&["show", "add_one"]);
    assert!(shown.stdout.contains("is not known"), "{shown:?}");
    let shown: Json = serde_json::from_str(&call(&["show", "add_one", "--json"]).stdout).unwrap();
    assert_eq!((&shown["trust"], &shown["lens"]), (&json!("unverified"), &Json::Null));
    let refused = call(&["apply", "add_one", "nothing"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("--unverified"), "{refused:?}");
}
