//! `atdata index`: sample indexes beside shards, so that one sample can be read without the others.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use atdata::shard_index::{BuildOptions, INDEX_SUFFIX, ShardIndex, index_address};
use atdata::url::{ShardUrl, redact};
use atdata::{Error, Result};
use bytes::Bytes;
use serde_json::{Value as Json, json};

use crate::address::{Backends, local_path_of};
use crate::args::Index;
use crate::output::{CliResult, Out, Status, printable};
use crate::progress::Progress;
use crate::source_arg::{self, Source};

/// What there was at the place of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Current,
    Stale,
    Missing,
}

impl Found {
    /// What is said of a shard whose index is written, or only checked.
    fn verdict(self, check: bool) -> &'static str {
        match (self, check) {
            (Found::Current, _) => "current",
            (Found::Stale, true) => "stale",
            (Found::Missing, true) => "missing",
            (Found::Stale, false) => "replaced",
            (Found::Missing, false) => "written",
        }
    }
}

/// Makes or checks the index of each shard.
pub(super) async fn run(args: &Index, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    if let (Some(directory), false) = (&args.output, args.check) {
        std::fs::create_dir_all(directory)
            .map_err(|error| Error::from(error).with("path", directory.display()))?;
    }
    let (mut shards, mut differs) = (Vec::new(), false);
    for shard in source.shards.list_shards().await? {
        let place = place(&shard, args.output.as_deref())?;
        let index = build(&source, &shard).await.map_err(|error| error.with("shard", redact(&shard)))?;
        let found = look(&place, &index)?;
        differs |= found != Found::Current;
        if found != Found::Current && !args.check {
            write(&place, &index.to_bytes()).map_err(|error| error.with("path", place.display()))?;
        }
        let verdict = found.verdict(args.check);
        let (samples, bytes) = (index.len(), index.to_bytes().len());
        if !out.is_json() {
            let place = place.display().to_string();
            let line = format!("{verdict} {} ({samples} samples, {bytes} bytes)", printable(&place));
            progress.suspend(|| out.line(line).and_then(|()| out.flush()))?;
        }
        shards.push(json!({
            "shard": redact(&shard),
            "index": place,
            "verdict": verdict,
            "samples": samples,
            "bytes": bytes,
        }));
    }
    if out.is_json() {
        out.document(&json!({"source": source.label, "shards": Json::Array(shards)}))?;
    }
    Ok(if args.check && differs { Status::Differs } else { Status::Done })
}

/// Where the index of a shard is kept: beside the shard, or in a directory.
fn place(shard: &str, directory: Option<&Path>) -> Result<PathBuf> {
    let address = index_address(shard);
    let (path, shown) = (local_path_of(&address), || redact(shard));
    let Some(directory) = directory else {
        return path.ok_or_else(|| {
            Error::unsupported(
                "an index cannot be written beside a shard that is not a local file; \
                 write it to a directory with --output and upload it from there",
            )
            .with("shard", shown())
        });
    };
    let name = match &path {
        Some(path) => path.file_name().map(ToOwned::to_owned),
        None => {
            let is_web = ["http", "https"].contains(&ShardUrl::parse(&address)?.scheme());
            let end = if is_web { address.find(['?', '#']) } else { None };
            let path = address.get(..end.unwrap_or(address.len())).unwrap_or_default();
            path.rsplit('/').next().map(Into::into)
        }
    };
    let name = name.filter(|name| name != INDEX_SUFFIX).ok_or_else(|| {
        Error::invalid("the address has no file name to call the index after").with("shard", shown())
    })?;
    Ok(directory.join(name))
}

async fn build(source: &Source, shard: &str) -> Result<ShardIndex> {
    ShardIndex::build(source.shards.open_shard(shard).await?, &BuildOptions::default()).await
}

fn look(place: &Path, fresh: &ShardIndex) -> Result<Found> {
    match std::fs::read(place) {
        Ok(bytes) if bytes == fresh.to_bytes() => Ok(Found::Current),
        Ok(_) => Ok(Found::Stale),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Missing),
        Err(error) => Err(Error::from(error).with("path", place.display())),
    }
}

/// Writes a file as a whole: whoever reads it finds the old bytes or the new ones.
fn write(path: &Path, bytes: &Bytes) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut file = tempfile::Builder::new().prefix(".index-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    let mut permissions = file.as_file().metadata()?.permissions();
    allow_reading(&mut permissions);
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

/// Temporary files are for their owner only; an index is for whoever reads the shard.
#[cfg(unix)]
fn allow_reading(permissions: &mut std::fs::Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(0o644);
}

#[cfg(not(unix))]
fn allow_reading(_: &mut std::fs::Permissions) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_called_after_its_shard() {
        let elsewhere = |shard| place(shard, Some(Path::new("d"))).map(|path| path.display().to_string());
        assert_eq!(place("/data/a.tar", None).unwrap(), Path::new("/data/a.tar.idx"));
        assert_eq!(elsewhere("/data/a.tar").unwrap(), "d/a.tar.idx");
        assert_eq!(elsewhere("https://host.test/x/a.tar?token=b/c").unwrap(), "d/a.tar.idx");
        assert_eq!(elsewhere("s3://bucket/a?b.tar").unwrap(), "d/a?b.tar.idx");
        assert!(elsewhere("https://host.test/").is_err());
        assert!(place("s3://bucket/a.tar", None).unwrap_err().to_string().contains("--output"));
    }
}
