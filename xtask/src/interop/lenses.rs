//! Lenses in one index that both sides write and read.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Bench;
use crate::{peer::Generation, process, services};

/// In one file.
pub(super) fn in_sqlite(bench: &Bench) -> Result<()> {
    let path = bench.path("index.db").display().to_string();
    exchanged(bench, &path, &format!("sqlite:{path}"))
}

/// On one server.
pub(super) fn in_redis(bench: &Bench) -> Result<()> {
    let redis = services::for_interop(&["redis"])?;
    let url = redis.variable("TEST_REDIS_URL")?;
    // A server that is given may have something in its other databases.
    let url = format!("{}/210", url.trim_end_matches('/'));
    exchanged(bench, &url, &url)
}

fn exchanged(bench: &Bench, python: &str, rust: &str) -> Result<()> {
    process::output(bench.python(Generation::Latest, "lenses.py").args(["store", python]))?;
    let atdata = |arguments: &[&str]| bench.atdata(&[arguments, &["--index", rust]].concat());
    published(bench, &atdata)?;
    read_by_python(bench, python)?;
    read_by_rust(bench, rust, &atdata)
}

/// Publishes two lenses: one that renames and leaves out, and one that does what Python cannot know.
fn published(bench: &Bench, atdata: &dyn Fn(&[&str]) -> Result<String>) -> Result<()> {
    let rename =
        json!([{"step": "rename", "from": "label", "to": "class_id"}, {"step": "drop", "fields": ["name"]}]);
    let cast =
        json!([{"step": "keep", "fields": ["label"]}, {"step": "cast", "field": "label", "to": "str"}]);
    // Of this one Python would take the names of the fields for all that it does.
    let constant = json!([
        {"step": "drop", "fields": ["label", "name"]},
        {"step": "constant", "field": "label", "value": 0},
    ]);
    for (name, view, steps) in
        [("rs-renamed", "Narrow", rename), ("rs-text", "Text", cast), ("rs-constant", "Scored", constant)]
    {
        let file = bench.path(&format!("{name}.json"));
        let lens = json!({"name": name, "source_schema": "Wide@1.0.0", "view_schema": view, "steps": steps});
        std::fs::write(&file, lens.to_string())?;
        let reference = atdata(&["lens", "publish", &file.to_string_lossy()])?;
        ensure!(
            reference.trim_end() == format!("atdata://local/lens/{name}@1.0.0"),
            "published as {reference}"
        );
    }
    Ok(())
}

/// Python lists all lenses, uses the one that it can express, and refuses the others.
fn read_by_python(bench: &Bench, target: &str) -> Result<()> {
    let printed = process::output(bench.python(Generation::Latest, "lenses.py").args(["print", target]))?;
    let printed: Value = serde_json::from_str(&printed)?;
    let lenses = array(&printed, "lenses")?;
    ensure!(lenses.len() == 9, "Python lists {lenses:?}");
    let get = |name: &str| {
        let found = lenses.iter().find(|lens| text(lens, "name").is_ok_and(|found| found == name));
        found.with_context(|| format!("Python does not list {name}"))
    };
    let renamed = get("rs-renamed")?;
    ensure!(
        text(renamed, "getter")? == "field_mapping" && text(renamed, "source_schema")? == "Wide",
        "{renamed}"
    );
    let made = json!({
        "get": {"class_id": 3, "score": 0.5},
        "put": {"label": 9, "score": 0.25, "name": "ada"},
    });
    ensure!(renamed.get("made") == Some(&made), "Python makes of our lens {renamed}");
    for name in ["rs-text", "rs-constant"] {
        let lens = get(name)?;
        ensure!(text(lens, "getter")? == "opaque", "{lens}");
        ensure!(lens.get("made").is_none() && text(lens, "error")? == "ValueError", "Python takes {lens}");
    }
    // What Python does with its own: the one that shouts has become silent.
    let shouted = get("py-shouted")?;
    let made = shouted.get("made").and_then(|made| made.get("get"));
    ensure!(made == Some(&json!({"name": "ada"})), "Python stores lenses truly now: {shouted}");
    let expected = ["py-hidden", "py-renamed", "rs-renamed"].map(Value::from);
    ensure!(array(&printed, "wide_to_narrow")? == expected, "Python finds {printed}");
    Ok(())
}

/// We list all lenses, and use those of Python only if we are told that they do nothing else.
fn read_by_rust(bench: &Bench, rust: &str, atdata: &dyn Fn(&[&str]) -> Result<String>) -> Result<()> {
    let listed: Value = serde_json::from_str(&atdata(&["lens", "ls", "--json"])?)?;
    let lenses: Vec<(&str, &str)> = array(&listed, "lenses")?
        .iter()
        .map(|lens| Ok((text(lens, "reference")?, text(lens, "trust")?)))
        .collect::<Result<_>>()?;
    let expected = [
        ("py-hidden@1.0.0", "opaque"),
        ("py-renamed@1.0.0", "code"),
        ("py-scored@1.0.0", "unverified"),
        ("py-shouted@1.0.0", "unverified"),
        ("py-text@1.0.0", "unverified"),
        ("py-text@1.0.1", "unverified"),
        ("rs-constant@1.0.0", "steps"),
        ("rs-renamed@1.0.0", "steps"),
        ("rs-text@1.0.0", "steps"),
    ];
    for (found, (name, trust)) in lenses.iter().zip(expected) {
        ensure!(
            *found == (&*format!("atdata://local/lens/{name}"), trust),
            "{found:?} is not {name}, {trust}"
        );
    }
    ensure!(lenses.len() == expected.len(), "atdata lists {lenses:?}");

    let file = bench.path("wide.jsonl");
    std::fs::write(&file, "{\"label\": 3, \"score\": 0.5, \"name\": \"ada\"}\n")?;
    let store = format!("file:{}", bench.path("store").display());
    atdata(&["import", &file.to_string_lossy(), "wide", "--store", &store])?;
    let apply = |arguments: &[&str]| -> Result<Value> {
        let printed = atdata(&[&["lens", "apply"], arguments].concat())?;
        serde_json::from_str(&printed).with_context(|| format!("atdata lens apply printed {printed}"))
    };
    ensure!(apply(&["rs-text", "wide"])? == json!({"label": "3"}), "rs-text");
    ensure!(apply(&["py-scored", "wide", "--unverified"])? == json!({"label": 3, "score": 0.5}), "py-scored");
    for refused in [&["py-scored", "wide"][..], &["py-renamed", "wide", "--unverified"]] {
        let mut command = bench.rust("atdata");
        command.args(["lens", "apply"]).args(refused).args(["--index", rust]);
        let output = command.output()?;
        ensure!(!output.status.success(), "{refused:?} is used");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(stderr.contains("unsupported"), "{refused:?}: {stderr}");
    }
    Ok(())
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("no {key} in {value}"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    let found = value.get(key).and_then(Value::as_array).map(Vec::as_slice);
    found.with_context(|| format!("no {key} in {value}"))
}
