//! Repositories on a Personal Data Server that Python and Rust write and read.

mod exchange;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Bench;
use super::tagged::{Sample, compare, parse};
use crate::{peer::Generation, process, services};
pub(super) use exchange::{python_to_rust, rust_to_python};

/// A Personal Data Server, a web server, and two people: an author, who publishes, and a reader.
pub(super) struct Network<'a> {
    bench: &'a Bench<'a>,
    servers: services::Running,
    pub(super) author: Account,
    pub(super) reader: Account,
}

/// Somebody on the server.
pub(super) struct Account {
    pub(super) did: String,
    pub(super) handle: String,
    password: String,
}

impl Account {
    fn parse(line: &str) -> Result<Self> {
        let account: Value = serde_json::from_str(line)?;
        let [did, handle, password] = ["did", "handle", "password"].map(|name| text(&account, name));
        Ok(Self { did: did?, handle: handle?, password: password? })
    }
}

impl<'a> Network<'a> {
    pub(super) fn start(bench: &'a Bench<'a>) -> Result<Self> {
        let servers = services::for_interop(&["pds", "nginx"])?;
        let mut command = bench.python(Generation::Latest, "pds_account.py");
        let accounts = process::output(give(&servers, &mut command)?.arg("2"))?;
        let mut accounts = accounts.lines().map(Account::parse);
        let mut next = || accounts.next().context("an account is missing")?;
        let (author, reader) = (next()?, next()?);
        Ok(Self { bench, servers, author, reader })
    }

    /// A command of Python's on the server, run by somebody.
    pub(super) fn python(&self, generation: Generation, script: &str, who: &Account) -> Result<Command> {
        let mut command = self.bench.python(generation, script);
        give(&self.servers, &mut command)?;
        command.env("ATDATA_HANDLE", &who.handle).env("ATDATA_PASSWORD", &who.password);
        Ok(command)
    }

    /// One of our programs on the server, run by nobody in particular. The web server is on this machine, to which
    /// strangers may not lead.
    fn rust(&self, program: &str) -> Result<Command> {
        let web = self.servers.variable("TEST_NGINX_URL")?;
        let host =
            web.split("//").nth(1).and_then(|rest| rest.split([':', '/']).next()).context("no host")?;
        let mut command = self.bench.rust(program);
        command.env("ATDATA_PDS_URL", self.servers.variable("TEST_PDS_URL")?);
        command.env("ATDATA_PLC_URL", self.servers.variable("TEST_PLC_URL")?);
        command.env("ATDATA_ALLOW_HOSTS", host);
        Ok(command)
    }

    /// The same, run by the author.
    fn rust_of_author(&self, program: &str, generation: Generation) -> Result<Command> {
        let mut command = self.rust(program)?;
        command.env("ATDATA_HANDLE", &self.author.handle).env("ATDATA_PASSWORD", &self.author.password);
        command.env("ATDATA_PROFILE", if generation == Generation::Latest { "latest" } else { "seed" });
        Ok(command)
    }

    /// What `atdata` prints for a stranger.
    fn atdata(&self, arguments: &[&str]) -> Result<String> {
        process::output(self.rust("atdata")?.args(arguments))
    }

    /// The JSON that it prints.
    fn json(&self, arguments: &[&str]) -> Result<Value> {
        printed(self.rust("atdata")?.args(arguments).arg("--json"))
    }

    /// Has shards written to a directory of the web server by a command that is given it. Gives the directory, the shards
    /// and the address.
    fn shards(&self, mut writer: Command) -> Result<(PathBuf, Vec<PathBuf>, String)> {
        let name = format!("interop-{}", self.author.did.replace(':', "-"));
        let directory = PathBuf::from(self.servers.variable("TEST_NGINX_ROOT")?).join(&name);
        process::output(writer.arg(&directory))?;
        let url = format!("{}{name}", self.servers.variable("TEST_NGINX_URL")?);
        let shards = (0..3).map(|n| directory.join(format!("sharded-{n:06}.tar"))).collect();
        Ok((directory, shards, url))
    }

    /// Writes shards with a version of the package, puts them on the web server, and has the author publish them.
    /// Gives what was published, as `pds_publish.py` prints it, and the shards.
    pub(super) fn publish(&self, generation: Generation) -> Result<(Value, Vec<PathBuf>)> {
        let (directory, shards, url) = self.shards(self.bench.python(generation, "write_shards.py"))?;
        let mut command = self.python(generation, "pds_publish.py", &self.author)?;
        let published = printed(command.arg(&directory).arg(url))?;
        Ok((published, shards))
    }

    /// What the server has of the author, as `pds_records.py` prints it.
    pub(super) fn records(&self) -> Result<Value> {
        let mut command = self.python(Generation::Latest, "pds_records.py", &self.reader)?;
        printed(command.arg(&self.author.did))
    }

    /// What somebody reads of the author with a version of the package, as `pds_read.py` prints it.
    pub(super) fn read(&self, generation: Generation, who: &Account, labels: &[&str]) -> Result<Value> {
        let mut command = self.python(generation, "pds_read.py", who)?;
        printed(command.arg(&self.author.did).args(labels))
    }

    /// The samples of datasets, one after the other, read by the reader with a version of the package.
    pub(super) fn cat(&self, generation: Generation, uris: &[String]) -> Result<Vec<Sample>> {
        let mut command = self.python(generation, "pds_cat.py", &self.reader)?;
        anywhere(&process::output(command.args(uris))?)
    }
}

/// Tells a command where the server is.
fn give<'c>(servers: &services::Running, command: &'c mut Command) -> Result<&'c mut Command> {
    for name in ["TEST_PDS_URL", "TEST_PLC_URL"] {
        command.env(name, servers.variable(name)?);
    }
    Ok(command)
}

/// Samples without what their storage changes.
pub(super) fn anywhere(lines: &str) -> Result<Vec<Sample>> {
    Ok(parse(lines)?.into_iter().map(Sample::anywhere).collect())
}

fn printed(command: &mut Command) -> Result<Value> {
    let text = process::output(command)?;
    serde_json::from_str(&text).with_context(|| format!("{} printed {text}", process::shown(command)))
}

fn text(value: &Value, name: &str) -> Result<String> {
    let member = value.get(name).and_then(Value::as_str).map(str::to_owned);
    member.with_context(|| format!("no {name} in {value}"))
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value]> {
    let member = value.get(name).and_then(Value::as_array).map(Vec::as_slice);
    member.with_context(|| format!("no list of {name} in {value}"))
}

/// The element of a list that has a name.
fn named<'v>(list: &'v [Value], name: &str) -> Result<&'v Value> {
    let found = list.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(name));
    found.with_context(|| format!("nothing is called {name}"))
}

/// What a version of the package publishes is on the server as it says, and it reads all of that again as somebody else.
pub(super) fn published_by_python(bench: &Bench, generation: Generation) -> Result<()> {
    let network = Network::start(bench)?;
    let (published, shards) = network.publish(generation)?;
    let refused = match generation {
        // Metadata are bytes, which the client library takes for text.
        Generation::Seed => ("noted", "PydanticSerializationError"),
        // Records have no numbers with fractions.
        Generation::Latest => ("float", "BadRequestError"),
    };
    let [error] = list(&published, "refused")? else {
        anyhow::bail!("refused: {:?}", list(&published, "refused")?);
    };
    ensure!(text(error, "name")? == refused.0 && text(error, "error")?.starts_with(refused.1), "{error}");
    all_are_there(&published, &network.records()?)?;

    let labels = ["release", "release@1.0.0", "plain", "written"];
    let read = network.read(generation, &network.reader, &labels)?;
    ensure!(
        read == network.read(generation, &network.author, &labels)?,
        "author and reader see different things"
    );
    let datasets = list(&published, "datasets")?;
    all_are_read(generation, &published, &read)?;
    if generation == Generation::Latest {
        // 0.7 reads what belongs to others in another way.
        let by_author = network.read(generation, &network.author, &labels)?;
        ensure!(read == by_author, "author and reader see different things");
        for (label, name) in [("release", "blobs"), ("release@1.0.0", "urls"), ("plain", "urls")] {
            let resolved = read.get("resolved").and_then(|all| all.get(label)).context(label)?;
            ensure!(text(resolved, "uri")? == text(named(datasets, name)?, "uri")?, "{label}: {resolved}");
        }
    }

    let names = ["urls", "braces", "blobs", "whole"];
    let uris = names.map(|name| text(named(datasets, name)?, "uri"));
    let samples = network.cat(generation, &uris.into_iter().collect::<Result<Vec<_>>>()?)?;
    // All have the same.
    let expected = bench.read_tagged(generation, &shards, &["arr"])?.repeat(names.len());
    compare(("the datasets", &samples), ("their shards", &anywhere(&expected)?))
}

/// Everything that was published is a record, and the shards of blobs are there byte by byte.
fn all_are_there(published: &Value, found: &Value) -> Result<()> {
    let records = list(found, "records")?;
    for kind in ["schemas", "datasets", "labels", "lenses"] {
        for thing in list(published, kind)? {
            let record = records.iter().find(|record| record.get("uri") == thing.get("uri"));
            let value = record.and_then(|record| record.get("value"));
            let value = value.with_context(|| format!("the server does not have {thing}"))?;
            ensure!(value.get("name") == thing.get("name"), "{thing} is {value}");
            for said in ["version", "description", "tags", "license"] {
                let (said, is) = (thing.get(said), value.get(said));
                ensure!(said.is_none() || said == is, "{thing} is {value}");
            }
            if kind == "datasets" {
                storage_is_there(thing, value, found)?;
            }
        }
    }
    Ok(())
}

fn storage_is_there(dataset: &Value, record: &Value, found: &Value) -> Result<()> {
    let storage = record.get("storage").context("no storage")?;
    let kind = text(storage, "$type")?.to_ascii_lowercase();
    ensure!(kind.ends_with(&format!("storage{}", text(dataset, "storage")?)), "{dataset} is {record}");
    ensure!(record.get("schemaRef") == dataset.get("schema"), "{dataset} is {record}");
    let (Some(Value::Array(blobs)), Some(Value::Array(sums))) = (storage.get("blobs"), dataset.get("sha256"))
    else {
        return Ok(());
    };
    let sum = |entry: &Value| {
        let cid = text(entry.get("blob").unwrap_or(entry).get("ref").context("no reference")?, "$link")?;
        let blob =
            found.get("blobs").and_then(|all| all.get(&cid)).with_context(|| format!("no blob {cid}"))?;
        text(blob, "sha256").map(Value::from)
    };
    let are = blobs.iter().map(sum).collect::<Result<Vec<_>>>()?;
    ensure!(are == *sums, "{dataset} has blobs with {are:?}");
    Ok(())
}

/// Everything that was published is read, but for one fault of 0.7.
fn all_are_read(generation: Generation, published: &Value, read: &Value) -> Result<()> {
    for kind in ["schemas", "datasets", "labels", "lenses"] {
        for thing in list(published, kind)? {
            let uri = text(thing, "uri")?;
            let found =
                read.get(kind).and_then(|all| all.get(&uri)).with_context(|| format!("{uri} is not read"))?;
            let error = found.get("error").and_then(Value::as_str);
            if generation == Generation::Latest && text(thing, "name")? == "Everything" {
                // The server sorts the members of an object, and so an optional field comes before others.
                ensure!(error.is_some_and(|error| error.contains("follows default argument")), "{found}");
                continue;
            }
            ensure!(error.is_none() && found.get("name") == thing.get("name"), "{thing} is read as {found}");
            if kind == "datasets" {
                let metadata = thing.get("metadata").unwrap_or(&Value::Null);
                ensure!(found.get("metadata") == Some(metadata), "{thing} is read as {found}");
            }
        }
    }
    Ok(())
}
