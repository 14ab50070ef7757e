//! One SQLite index that both sides write and read.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Bench;
use crate::{peer::Generation, process};

/// Entries that each side inserts while the other does.
const ENTRIES: usize = 1000;

/// The index of a case.
pub(super) struct Database<'a> {
    bench: &'a Bench<'a>,
    path: PathBuf,
}

impl<'a> Database<'a> {
    pub(super) fn new(bench: &'a Bench<'a>) -> Self {
        Self { bench, path: bench.path("index.db") }
    }

    /// An index with what `index_publish.py` writes.
    fn published_by_python(bench: &'a Bench<'a>) -> Result<Self> {
        let database = Self::new(bench);
        process::output(bench.python(Generation::Latest, "index_publish.py").arg(&database.path))?;
        Ok(database)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What `atdata` prints when it uses this index.
    pub(super) fn atdata(&self, arguments: &[&str]) -> Result<String> {
        let index = format!("sqlite:{}", self.path.display());
        self.bench.atdata(&[arguments, &["--index", &index]].concat())
    }

    /// The entry that `atdata show` finds by a name.
    pub(super) fn show(&self, name: &str) -> Result<Value> {
        self.printed(&["show", name, "--json"], "entry")
    }

    /// A member of the JSON that `atdata` prints.
    fn printed(&self, arguments: &[&str], member: &str) -> Result<Value> {
        let text = self.atdata(arguments)?;
        let mut printed: Value = serde_json::from_str(&text)
            .with_context(|| format!("atdata {} printed something that is not JSON", arguments.join(" ")))?;
        let member = printed.get_mut(member).map(Value::take);
        member.with_context(|| format!("atdata {} printed {printed}", arguments.join(" ")))
    }

    /// The entries that `atdata ls` lists.
    fn list(&self) -> Result<Vec<Value>> {
        match self.printed(&["ls", "--json"], "datasets")? {
            Value::Array(datasets) => Ok(datasets),
            other => bail!("atdata ls printed {other}"),
        }
    }

    /// What Python sees.
    fn dump(&self) -> Result<Value> {
        let text = process::output(self.bench.python(Generation::Latest, "index_dump.py").arg(&self.path))?;
        let dump: Value = serde_json::from_str(&text)?;
        ensure!(
            dump.get("integrity") == Some(&"ok".into()),
            "PRAGMA integrity_check: {:?}",
            dump.get("integrity")
        );
        Ok(dump)
    }
}

/// `atdata ls` and `atdata show` give the names, CIDs, references and URLs that Python stored.
pub(super) fn entries_from_python(bench: &Bench) -> Result<()> {
    let database = Database::published_by_python(bench)?;
    let python = database.dump()?;
    let rust = database.list()?;
    let entries = array(&python, "entries")?;
    ensure!(rust.len() == entries.len(), "Python has {} entries, atdata ls {}", entries.len(), rust.len());
    for entry in entries {
        let name = text(entry, "name")?;
        let listed = rust.iter().find(|other| text(other, "name").is_ok_and(|other| other == name));
        let listed = listed.with_context(|| format!("atdata ls has no {name}"))?;
        let shown = database.show(name)?;
        for key in ["cid", "schema_ref"] {
            ensure!(text(listed, key)? == text(entry, key)?, "atdata ls: {name} has another {key}: {listed}");
        }
        for key in ["name", "cid", "schema_ref", "data_urls", "metadata"] {
            let stored = entry.get(key).filter(|value| !value.is_null());
            let shown = shown.get(key).filter(|value| !value.is_null());
            ensure!(shown == stored, "atdata show {name}: {key} is {shown:?}, Python stored {stored:?}");
        }
    }
    Ok(())
}

/// A label that is not the entry's name leads to the entry, the newest version first.
pub(super) fn labels_from_python(bench: &Bench) -> Result<()> {
    let database = Database::published_by_python(bench)?;
    let name = database.show("release")?;
    ensure!(text(&name, "name")? == "second", "the label release leads to {name}, Python's newest is second");
    Ok(())
}

/// `atdata schema show` gives the schemas that Python published, the highest version where none is named.
pub(super) fn schemas_from_python(bench: &Bench) -> Result<()> {
    let database = Database::published_by_python(bench)?;
    let python = database.dump()?;
    let mut schemas: Vec<(String, &Value)> = Vec::new();
    for schema in array(&python, "schemas")? {
        let (name, version) = (text(schema, "name")?, text(schema, "version")?);
        schemas.push((format!("{name}@{version}"), schema));
        if version == "1.10.0" {
            schemas.push((name.to_owned(), schema));
        }
    }
    ensure!(schemas.len() == 4, "Python published {} schemas", schemas.len());
    for (reference, schema) in schemas {
        let shown = database.printed(&["schema", "show", &reference, "--json"], "schema")?;
        for key in ["name", "version", "description", "fields"] {
            let (shown, stored) = (shown.get(key), schema.get(key));
            ensure!(shown == stored, "schema {reference}: {key} is {shown:?}, Python published {stored:?}");
        }
    }
    Ok(())
}

/// An import leaves a label that Python resolves.
pub(super) fn labels_from_rust(bench: &Bench) -> Result<()> {
    let database = Database::new(bench);
    let file = bench.path("rows.jsonl");
    std::fs::write(&file, "{\"n\": 1}\n{\"n\": 2}\n")?;
    let store = format!("file:{}", bench.path("store").display());
    database.atdata(&["import", &file.to_string_lossy(), "labelled", "--store", &store, "--json"])?;
    let dump = database.dump()?;
    let labels = array(&dump, "by_label")?;
    let found = labels.iter().any(|label| text(label, "name").is_ok_and(|name| name == "labelled"));
    ensure!(found, "Python sees the labels {labels:?}, none is labelled");
    ensure!(
        labels.iter().all(|label| text(label, "entry").is_ok_and(|name| name == "labelled")),
        "Python resolves the labels to {labels:?}"
    );
    Ok(())
}

/// Two processes insert at the same time; nothing is lost and both see everything.
pub(super) fn written_by_both(bench: &Bench) -> Result<()> {
    let database = Database::new(bench);
    let count = ENTRIES.to_string();
    // The tables are made first: this is about inserting.
    let mut create =
        Writer::open(bench.python(Generation::Latest, "index_insert.py"), &database, "0", "none")?;
    create.insert()?;
    create.finish()?;

    let mut python =
        Writer::open(bench.python(Generation::Latest, "index_insert.py"), &database, &count, "python")?;
    let mut rust = Writer::open(bench.rust("index-insert"), &database, &count, "rust")?;
    python.insert()?;
    rust.insert()?;
    python.finish().context("the Python writer")?;
    rust.finish().context("the Rust writer")?;

    let expected: BTreeSet<String> = ["python", "rust"]
        .iter()
        .flat_map(|side| (0..ENTRIES).map(move |n| format!("{side}-{n:05}")))
        .collect();
    let dump = database.dump()?;
    let seen = [("Python", array(&dump, "entries")?), ("Rust", &database.list()?)];
    for (side, entries) in seen {
        let names: BTreeSet<String> =
            entries.iter().map(|entry| text(entry, "name").map(str::to_owned)).collect::<Result<_>>()?;
        ensure!(
            entries.len() == expected.len() && names == expected,
            "{side} sees {} entries of {}; missing: {:?}",
            entries.len(),
            expected.len(),
            expected.difference(&names).take(5).collect::<Vec<_>>()
        );
    }
    // The first and the last of each side, by name.
    for n in [0, ENTRIES - 1] {
        for side in ["python", "rust"] {
            let name = format!("{side}-{n:05}");
            let cid = dump.get("by_name").and_then(|names| names.get(&name)).and_then(Value::as_str);
            let shown = database.show(&name)?;
            ensure!(cid == Some(text(&shown, "cid")?), "{name}: Python finds {cid:?}, Rust {shown}");
        }
    }
    Ok(())
}

/// A process that inserts when it is told to.
pub(super) struct Writer {
    child: Child,
    /// Kept open, for what the process prints at its end.
    stdout: BufReader<ChildStdout>,
}

impl Writer {
    /// Starts the process and waits until it has opened the index.
    fn open(mut command: Command, database: &Database, count: &str, prefix: &str) -> Result<Self> {
        command.arg(&database.path).args([count, prefix]);
        Self::start(command)
    }

    /// Starts a process and waits until it is ready.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", process::shown(&command)))?;
        let mut stdout = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        if line.trim_end() != "ready" {
            child.kill()?;
            child.wait()?;
            bail!("{} printed {line:?} in place of ready", process::shown(&command));
        }
        Ok(Self { child, stdout })
    }

    pub(super) fn insert(&mut self) -> Result<()> {
        let mut stdin = self.child.stdin.take().context("it was told already")?;
        Ok(stdin.write_all(b"insert\n")?)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        io::copy(&mut self.stdout, &mut io::sink())?;
        let status = self.child.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("no {key} in {value}"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .with_context(|| format!("no {key} in {value}"))
}

/// The texts in an array.
pub(super) fn strings(value: &Value, key: &str) -> Result<Vec<String>> {
    array(value, key)?
        .iter()
        .map(|item| item.as_str().map(str::to_owned).with_context(|| format!("{key}: {item} is not a text")))
        .collect()
}
