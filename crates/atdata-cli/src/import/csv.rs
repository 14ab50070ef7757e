//! Comma-separated values with a header.
//!
//! The first rows tell the types: all cells integers, else all numbers, else all `true` or `false`, else text. A column
//! with an empty cell is optional. Numbers with leading zeros (`007`) are text.

use std::path::Path;

use atdata::{Error, Map, Result, ResultExt, Value};
use csv::{ByteRecord, Reader, ReaderBuilder};

use super::columns::{self, Column, Columns};
use super::conform::Misfit;
use super::pump::pump;
use super::reader::{self, Allowance, Decompressed, Limited};
use super::report::Skip;
use super::{Context, Item, Plan, WINDOW_BYTES, WINDOW_SAMPLES};

/// Infers types from the first rows, or takes the given schema, and reads all of them.
pub(super) fn plan(context: &Context<'_>) -> Result<Plan> {
    let path = Path::new(&context.args.input);
    let mut rows = Rows::open(path, delimiter(context))?;
    let header = rows.header()?;
    let mut window = Vec::new();
    let mut bytes = 0;
    while window.len() < WINDOW_SAMPLES && bytes < WINDOW_BYTES {
        let Some(row) = rows.next().transpose()? else { break };
        bytes += row.as_slice().len();
        window.push(row);
    }
    let mut notes = Vec::new();
    let arrays = &context.args.csv.arrays;
    let columns = match &context.given {
        Some(schema) => Columns::given(schema, &header, arrays, &mut notes),
        None => Columns::inferred(context.new_schema(), &header, &window, arrays, &mut notes),
    };
    let columns = columns.context("path", path.display())?;
    let schema = columns.schema.clone();
    let width = header.len();
    let items = window.into_iter().map(Ok).chain(rows).map(move |row| {
        let row = row?;
        let place = || format!("line {}", row.position().map_or(0, csv::Position::line));
        Ok(match fields(&columns, width, &row) {
            Ok(fields) => Item::pack(None, &fields, place),
            Err(misfit) => Item::Skipped(Skip::new(place(), misfit.reason, misfit.detail)),
        })
    });
    Ok(Plan { schema, items: pump(items, Item::weight), notes })
}

fn delimiter(context: &Context<'_>) -> u8 {
    let tabs = context.args.input.to_ascii_lowercase().contains(".tsv");
    context.args.csv.delimiter.unwrap_or(if tabs { b'\t' } else { b',' })
}

fn fields(columns: &Columns, width: usize, row: &ByteRecord) -> std::result::Result<Map, Misfit> {
    if row.len() != width {
        let detail = format!("{} cells where the header has {width}", row.len());
        return Err(Misfit { reason: "a row has the wrong number of cells", detail });
    }
    let mut map = Map::with_capacity(columns.columns.len());
    for column in &columns.columns {
        let value = match column {
            Column::Absent { .. } => Value::Nil,
            Column::Scalar { at, field } => columns::cell(row, *at, field)?,
            Column::Array { first, count, shape, dtype, name } => {
                columns::array(row, *first, *count, shape, dtype)
                    .map_err(|misfit| Misfit { detail: format!("{name}: {}", misfit.detail), ..misfit })?
            }
        };
        map.insert(column.name(), value);
    }
    Ok(map)
}

/// The rows after the header.
struct Rows {
    reader: Reader<Limited<Decompressed>>,
    allowance: Allowance,
    path: String,
}

impl Rows {
    fn open(path: &Path, delimiter: u8) -> Result<Self> {
        let allowance = Allowance::default();
        let file = Limited::new(reader::open(path)?, allowance.clone());
        let reader =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(file);
        Ok(Self { reader, allowance, path: path.display().to_string() })
    }

    /// The names of the columns; none twice.
    fn header(&mut self) -> Result<Vec<String>> {
        let wrong = |message: String| Error::invalid(message);
        let row = self.next().transpose()?.ok_or_else(|| wrong("the file is empty".to_owned()));
        let names = row.and_then(|row| {
            let mut names: Vec<String> = Vec::with_capacity(row.len());
            for (at, cell) in row.iter().enumerate() {
                let cell = if at == 0 { cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell) } else { cell };
                let name = std::str::from_utf8(cell)
                    .map_err(|_| wrong(format!("the header of column {} is not UTF-8", at + 1)))?;
                if let Some(before) = names.iter().position(|other| other == name) {
                    return Err(wrong(format!(
                        "the columns {} and {} are both called {name:?}; give each a name of its own",
                        before + 1,
                        at + 1
                    )));
                }
                names.push(name.to_owned());
            }
            Ok(names)
        });
        names.context("path", &self.path)
    }
}

impl Iterator for Rows {
    type Item = Result<ByteRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = ByteRecord::new();
        self.allowance.renew();
        match self.reader.read_byte_record(&mut row) {
            Ok(true) => Some(Ok(row)),
            Ok(false) => None,
            Err(error) => {
                let line = self.reader.position().line();
                let error = match error.into_kind() {
                    csv::ErrorKind::Io(error) => Error::from_io(error),
                    other => Error::invalid(format!("the rows cannot be read: {other:?}")),
                };
                Some(Err(error.with("line", line).with("path", &self.path)))
            }
        }
    }
}
