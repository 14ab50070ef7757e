//! What an input is, by its name.

use std::path::Path;

use atdata::Error;

use super::reader::STDIN;
use crate::args::InputFormat;
use crate::output::{CliResult, Hint};

const COMPRESSION: [&str; 5] = ["gz", "bz2", "xz", "zst", "zstd"];

/// The format of an input: `chosen`, or what its name says.
///
/// # Errors
/// There is no such path, or its name says nothing.
pub(super) fn format(input: &str, chosen: Option<InputFormat>) -> CliResult<InputFormat> {
    if let Some(format) = chosen {
        return Ok(format);
    }
    let path = Path::new(input);
    if path.is_dir() {
        return Ok(if has_tars(path) { InputFormat::Webdataset } else { InputFormat::Images });
    }
    let lower = input.to_ascii_lowercase();
    let mut parts = lower.rsplit('/').next().unwrap_or_default().rsplit('.');
    let last = parts.next().unwrap_or_default();
    let extension = if COMPRESSION.contains(&last) { parts.next().unwrap_or_default() } else { last };
    let pattern = input.contains(['{', '*', '?', '[']) || input.contains("://");
    if input == STDIN {
        let error = Error::invalid("standard input has no name that tells what it is");
        return Err(error).hint(|| "--format csv or --format jsonl says it".to_owned());
    }
    if !pattern && !path.exists() {
        return Err(Error::not_found("no such file or folder").with("path", input).into());
    }
    match extension {
        "csv" | "tsv" => Ok(InputFormat::Csv),
        "jsonl" | "ndjson" => Ok(InputFormat::Jsonl),
        "npy" | "npz" => Ok(InputFormat::Numpy),
        "tar" | "tgz" => Ok(InputFormat::Webdataset),
        _ if lower.contains(".tar") => Ok(InputFormat::Webdataset),
        _ => Err(Error::unsupported("the name does not tell what the input is").with("path", input))
            .hint(|| "--format says it: images, csv, jsonl, numpy or webdataset".to_owned()),
    }
}

fn has_tars(folder: &Path) -> bool {
    let is_tar = |name: &str| name.ends_with(".tar") && !name.starts_with('.');
    std::fs::read_dir(folder)
        .is_ok_and(|items| items.flatten().any(|item| is_tar(&item.file_name().to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        let dir = tempfile::tempdir().unwrap();
        for (name, expected) in [
            ("a.csv", InputFormat::Csv),
            ("a.TSV", InputFormat::Csv),
            ("a.csv.gz", InputFormat::Csv),
            ("a.ndjson.zst", InputFormat::Jsonl),
            ("a.npz", InputFormat::Numpy),
            ("a.tar.gz", InputFormat::Webdataset),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, "").unwrap();
            assert_eq!(format(path.to_str().unwrap(), None).unwrap(), expected, "{name}");
        }
        assert_eq!(format("a-{0..3}.tar", None).unwrap(), InputFormat::Webdataset);
        assert!(format("/nowhere/a.csv", None).is_err());
        std::fs::remove_file(dir.path().join("a.tar.gz")).unwrap();
        assert_eq!(format(dir.path().to_str().unwrap(), None).unwrap(), InputFormat::Images);
    }
}
