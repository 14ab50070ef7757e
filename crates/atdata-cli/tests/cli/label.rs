//! Labels, and names of several indexes at once.

use serde_json::json;

use crate::common::Cli;

/// Two versions of a dataset.
fn digits() -> Cli {
    let cli = Cli::new();
    for (version, contents) in [("1.0.0", "n\n1\n"), ("2.0.0", "n\n1\n2\n")] {
        let input = cli.file("in.csv", contents);
        cli.ok(&["import", &input, "digits", "--version", version, "--replace"]);
    }
    cli
}

#[test]
fn labels_are_set_shown_listed_and_removed() {
    let cli = digits();
    cli.ok(&["label", "set", "best@paper", "digits@1.0.0", "--description", "as in table 2"]);
    assert_eq!(cli.ok(&["cat", "best@paper"]).lines().count(), 1);
    assert_eq!(cli.ok(&["cat", "best"]).lines().count(), 1);
    let shown = cli.json(&["label", "show", "best"])["labels"][0].clone();
    assert_eq!((&shown["name"], &shown["version"]), (&json!("best"), &json!("paper")));
    assert_eq!(shown["description"], "as in table 2");

    let listed = cli.json(&["label", "ls"]);
    let labels: Vec<_> =
        listed["labels"].as_array().unwrap().iter().map(|it| (&it["name"], &it["version"])).collect();
    let (best, digits) = (json!("best"), json!("digits"));
    let versions = [json!("paper"), json!(null), json!("1.0.0"), json!("2.0.0")];
    assert_eq!(
        labels,
        [(&best, &versions[0]), (&digits, &versions[1]), (&digits, &versions[2]), (&digits, &versions[3])]
    );
    assert!(cli.ok(&["label", "ls", "b"]).contains("best@paper"));

    assert_eq!(cli.json(&["label", "rm", "best@paper"])["removed"]["version"], "paper");
    let error = cli.fails(&["cat", "best@paper"]);
    assert!(error.contains("not found"), "{error}");
    let error = cli.fails(&["label", "rm", "best@paper"]);
    assert!(error.contains("best") && error.contains("hint: `atdata label history best`"), "{error}");
    // A name with an @ in it.
    cli.ok(&["label", "set", "a@b", "digits", "--version", "1"]);
    assert_eq!(cli.json(&["label", "show", "a@b@1"])["labels"][0]["name"], "a@b");
}

#[test]
fn the_history_of_a_name_says_what_it_stands_for() {
    let cli = digits();
    let versions = |cli: &Cli| -> Vec<serde_json::Value> {
        let history = cli.json(&["label", "history", "digits"]);
        let labels = history["labels"].as_array().unwrap();
        assert!(
            labels.iter().all(|label| label["set_at"].as_str().is_some_and(|time| time.starts_with("20"))),
            "{labels:?}"
        );
        labels.iter().map(|label| label["version"].clone()).collect()
    };
    assert_eq!(versions(&cli), [json!(null), json!("2.0.0"), json!("1.0.0")]);
    cli.ok(&["label", "set", "digits@1.0.0", "digits@1.0.0"]);
    assert_eq!(versions(&cli), [json!("1.0.0"), json!(null), json!("2.0.0")]);
    assert_eq!(cli.ok(&["cat", "digits"]).lines().count(), 1);
    cli.ok(&["label", "rm", "digits@1.0.0"]);
    assert_eq!(cli.ok(&["cat", "digits"]).lines().count(), 2);
    let text = cli.ok(&["label", "history", "digits"]);
    let first = text.lines().nth(1).unwrap();
    assert!(first.trim().starts_with("digits "), "{text}");
    assert_eq!(cli.json(&["label", "history", "nothing"])["labels"], json!([]));
}

#[test]
fn a_label_needs_a_dataset_and_a_legal_name() {
    let cli = digits();
    let error = cli.fails(&["label", "set", "best", "digist"]);
    assert!(error.contains("digist") && error.contains("hint: "), "{error}");
    for name in ["@alice/best", "best@a b"] {
        let error = cli.fails(&["label", "set", name, "digits"]);
        assert!(error.contains("invalid") || error.contains("permission"), "{name}: {error}");
    }
}

#[test]
fn datasets_of_mounted_indexes_are_named_by_their_mount() {
    let cli = digits();
    let input = cli.file("team.csv", "n\n7\n8\n9\n");
    let team = format!("sqlite:{}", cli.path("team.db").display());
    cli.ok(&["import", &input, "digits", "--version", "3", "--index", &team]);
    let mount = format!("team={team}");
    let with = |args: &[&str]| cli.ok(&[args, &["--mount", &mount]].concat());
    for name in ["team/digits", "@team/digits", "atdata://team/dataset/digits", "team/digits@3"] {
        assert_eq!(with(&["cat", name]).lines().count(), 3, "{name}");
    }
    assert_eq!(with(&["cat", "digits"]).lines().count(), 2);
    let listed = with(&["ls"]);
    assert!(listed.contains("digits ") && listed.contains("team/digits "), "{listed}");
    assert!(with(&["schema", "show", "team/digits"]).contains("n: int"));
    // They are written through the mount, too.
    with(&["label", "set", "team/best", "team/digits"]);
    with(&["import", &input, "team/more"]);
    assert!(cli.ok(&["label", "ls", "--index", &team]).contains("best"));
    assert_eq!(cli.ok(&["cat", "more", "--index", &team]).lines().count(), 3);

    let error = cli.fails(&["cat", "team/digits"]);
    assert!(error.contains("not found"), "{error}");
    let error = cli.fails(&["ls", "--mount", "team"]);
    assert!(error.contains("NAME=ADDRESS"), "{error}");
    // Without an index of one's own there is still the team's.
    assert_eq!(
        cli.ok(&["cat", "team/digits", "--mount", &mount, "--index", "sqlite:none.db"]).lines().count(),
        3
    );
    assert!(!cli.path("none.db").exists());
}
