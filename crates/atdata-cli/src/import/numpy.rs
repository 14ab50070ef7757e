//! `.npy` files and `.npz` archives: the first axis counts samples.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use atdata::schema::SampleSchema;
use atdata::{Error, Map, Result, ResultExt};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::conform::Conformer;
use super::npy::RowReader;
use super::pump::pump;
use super::report::Skip;
use super::{Context, Item, Plan};
use crate::names;

/// The field of a `.npy` file, which has no names.
const ONLY_FIELD: &str = "data";
/// How many arrays an archive may hold: each keeps a file open.
const MAX_ARRAYS: usize = 256;

/// Reads headers and prepares to read rows.
pub(super) fn plan(context: &Context<'_>) -> Result<Plan> {
    let path = Path::new(&context.args.input);
    let mut notes = Vec::new();
    let mut columns = open(path, &mut notes).context("path", path.display())?;
    let inferred = columns
        .iter()
        .fold(context.new_schema(), |schema: SampleSchema, (name, rows)| schema.field(rows.field(name)));
    let schema = context.given.clone().unwrap_or(inferred);
    let conformer = Conformer::new(schema.clone());
    let rows = columns.first().map_or(0, |(_, rows)| rows.rows());
    let shown = path.display().to_string();
    let items = (0..rows).map(move |row| {
        let place = || format!("row {row}");
        let mut fields = Map::with_capacity(columns.len());
        for (name, rows) in &mut columns {
            let value = rows.next_row().context("member", name.as_str()).context("path", &shown)?;
            fields.insert(name.as_str(), value.unwrap_or_default());
        }
        if row + 1 == rows {
            for (name, rows) in &mut columns {
                rows.finish().context("member", name.as_str()).context("path", &shown)?;
            }
        }
        Ok(match conformer.conform(fields) {
            Ok(fields) => Item::pack(None, &fields, place),
            Err(misfit) => Item::Skipped(Skip::new(place(), misfit.reason, misfit.detail)),
        })
    });
    Ok(Plan { schema, items: pump(items, Item::weight), notes })
}

fn open(path: &Path, notes: &mut Vec<String>) -> Result<Vec<(String, RowReader)>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let is_zip = file.read_exact(&mut magic).is_ok() && (magic == *b"PK\x03\x04" || magic == *b"PK\x05\x06");
    file.seek(SeekFrom::Start(0))?;
    if !is_zip {
        return Ok(vec![(ONLY_FIELD.to_owned(), RowReader::new(file)?)]);
    }
    let members = members(file)?;
    let found: Vec<String> =
        members.iter().map(|member| member.name.trim_end_matches(".npy").to_owned()).collect();
    let fields = names::identifiers(&found, "arrays")?;
    for (from, to) in found.iter().zip(&fields).filter(|(from, to)| from != to) {
        notes.push(format!("the array {from:?} is stored as {to}"));
    }
    let mut columns = Vec::with_capacity(members.len());
    for (member, field) in members.into_iter().zip(fields) {
        let name = member.name.clone();
        columns.push((field, RowReader::new(member.open(path)?).context("member", name)?));
    }
    let rows = |columns: &[(String, RowReader)]| -> Vec<String> {
        columns.iter().map(|(name, rows)| format!("{name} has {}", rows.rows())).collect()
    };
    let first = columns.first().map(|(_, rows)| rows.rows());
    match first {
        None => Err(Error::invalid("the archive holds no arrays")),
        Some(first) if columns.iter().any(|(_, rows)| rows.rows() != first) => Err(Error::invalid(format!(
            "the first axes of the arrays must be of one length, that is the number of samples; {}",
            rows(&columns).join(", ")
        ))),
        Some(_) => Ok(columns),
    }
}

/// Where an array lies in an archive.
struct Member {
    name: String,
    start: u64,
    stored: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

fn members(file: File) -> Result<Vec<Member>> {
    let zip_error = |error: zip::result::ZipError| {
        Error::corrupt("not a zip archive that can be read").with_source(error)
    };
    let mut archive = ZipArchive::new(file).map_err(zip_error)?;
    if archive.len() > MAX_ARRAYS {
        return Err(Error::unsupported(format!(
            "an archive of {} members; at most {MAX_ARRAYS} are read",
            archive.len()
        )));
    }
    let mut members = Vec::with_capacity(archive.len());
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(zip_error)?;
        let name = member.name().map_err(zip_error)?.into_owned();
        if member.is_dir() {
            continue;
        }
        let wrong = |what: &str| Error::unsupported(what.to_owned()).with("member", &name);
        if !name.ends_with(".npy") {
            return Err(wrong("a member of the archive is no .npy array"));
        }
        if member.encrypted() {
            return Err(wrong("the archive is encrypted"));
        }
        let deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(wrong(&format!("the compression {other} of a zip archive is not supported")));
            }
        };
        let start =
            member.data_start().ok_or_else(|| wrong("the archive does not say where a member begins"))?;
        members.push(Member {
            start,
            stored: member.compressed_size(),
            size: member.size(),
            crc: member.crc32(),
            deflated,
            name,
        });
    }
    Ok(members)
}

impl Member {
    /// Opens the file once more, for this member alone.
    fn open(self, path: &Path) -> Result<Checked> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.start))?;
        let stored = io::BufReader::new(file).take(self.stored);
        let inner: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(stored)) } else { Box::new(stored) };
        Ok(Checked { inner, crc: Crc::new(), size: self.size, expected: self.crc, name: self.name })
    }
}

/// A member whose length and CRC are checked at its end.
struct Checked {
    inner: Box<dyn Read + Send>,
    crc: Crc,
    size: u64,
    expected: u32,
    name: String,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        // Of the length the CRC only keeps the lower half.
        let amount = u64::from(self.crc.amount());
        if read == 0
            && !buffer.is_empty()
            && (self.crc.sum() != self.expected || amount != self.size & 0xffff_ffff)
        {
            let error =
                Error::corrupt("the CRC of a member of the archive is wrong").with("member", &self.name);
            return Err(error.into_io());
        }
        Ok(read)
    }
}
