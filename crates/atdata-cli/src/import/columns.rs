//! From the columns of a table to the fields of samples.

use atdata::array::DType;
use atdata::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata::{Error, Result, ResultExt, Value};
use csv::ByteRecord;

use super::arrays;
use super::conform::{Misfit, conform_value};
use crate::{jsonl, names};

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    /// One cell.
    Scalar { at: usize, field: Field },
    /// The cells of several columns.
    Array { name: String, first: usize, count: usize, dtype: DType, shape: Vec<usize> },
    /// No column: an optional field of a given schema.
    Absent { name: String },
}

impl Column {
    /// The field's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Column::Scalar { field, .. } => &field.name,
            Column::Array { name, .. } | Column::Absent { name } => name,
        }
    }
}

/// The fields of a table's samples, in order.
#[derive(Debug)]
pub(super) struct Columns {
    /// The schema.
    pub(super) schema: SampleSchema,
    /// Where each of its fields comes from.
    pub(super) columns: Vec<Column>,
}

impl Columns {
    /// Infers the types from rows.
    pub(super) fn inferred(
        mut schema: SampleSchema,
        header: &[String],
        rows: &[ByteRecord],
        arrays: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let gathered = gather(header, rows, arrays)?;
        let alone = |at: &usize| !gathered.iter().any(|array| array.covers(*at));
        let single: Vec<String> =
            (0..header.len()).filter(alone).filter_map(|at| header.get(at).cloned()).collect();
        let renamed = names::identifiers(&single, "columns")?;
        for (from, to) in single.iter().zip(&renamed).filter(|(from, to)| from != to) {
            notes.push(format!("the column {from:?} is stored as {to}"));
        }
        let mut renamed = renamed.into_iter();
        let mut columns = Vec::new();
        for at in 0..header.len() {
            if let Some(array) = gathered.iter().find(|array| array.covers(at)) {
                // The array takes the place of its first column.
                if array.first == at {
                    columns.push(array.column());
                }
            } else if let Some(name) = renamed.next() {
                let guess = Guess::of(
                    rows.iter().filter(|row| row.len() == header.len()).filter_map(|row| row.get(at)),
                );
                let field = Field::new(name, guess.primitive());
                columns
                    .push(Column::Scalar { at, field: if guess.empty { field.optional() } else { field } });
            }
        }
        for column in &columns {
            schema = schema.field(match column {
                Column::Scalar { field, .. } => field.clone(),
                Column::Array { name, dtype, shape, .. } => {
                    Field::new(name.clone(), array_type(dtype, shape))
                }
                Column::Absent { name } => Field::new(name.clone(), FieldType::Any).optional(),
            });
        }
        Ok(Self { schema, columns })
    }

    /// Finds the columns of a given schema. Columns that it does not have are left out, with a note.
    pub(super) fn given(
        schema: &SampleSchema,
        header: &[String],
        arrays: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let gathered = gather(header, &[], arrays)?;
        let mut columns = Vec::new();
        for field in &schema.fields {
            let place =
                header.iter().position(|name| *name == field.name || names::identifier(name) == field.name);
            let column = match (gathered.iter().find(|array| array.name == field.name), place) {
                (Some(array), _) => array.column(),
                (None, Some(at)) => Column::Scalar { at, field: field.clone() },
                (None, None) if field.optional => Column::Absent { name: field.name.clone() },
                (None, None) => {
                    return Err(Error::invalid(format!(
                        "no column for a field of the schema; there are {}",
                        header.join(", ")
                    ))
                    .with("field", &field.name));
                }
            };
            columns.push(column);
        }
        let used = |at: usize| {
            columns.iter().any(|column| match column {
                Column::Scalar { at: own, .. } => *own == at,
                Column::Array { first, count, .. } => (*first..first + count).contains(&at),
                Column::Absent { .. } => false,
            })
        };
        for (at, name) in header.iter().enumerate().filter(|(at, _)| !used(*at)) {
            notes.push(format!("the column {} ({name:?}) is left out: the schema does not have it", at + 1));
        }
        Ok(Self { schema: schema.clone(), columns })
    }
}

fn array_type(dtype: &DType, shape: &[usize]) -> ArrayType {
    ArrayType {
        dtype: Some(dtype.name()),
        shape: Some(shape.iter().map(|dim| Some(*dim as u64)).collect()),
        ..ArrayType::default()
    }
}

/// What the cells of a column have in common.
struct Guess {
    int: bool,
    float: bool,
    bool: bool,
    empty: bool,
    filled: bool,
}

impl Guess {
    fn of<'a>(cells: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut guess = Guess { int: true, float: true, bool: true, empty: false, filled: false };
        for cell in cells {
            if cell.is_empty() {
                guess.empty = true;
                continue;
            }
            guess.filled = true;
            let text = std::str::from_utf8(cell).unwrap_or_default();
            guess.int = guess.int && int(text).is_some();
            guess.float = guess.float && float(text).is_some();
            guess.bool = guess.bool && boolean(text).is_some();
        }
        guess.empty |= !guess.filled;
        guess
    }

    fn primitive(&self) -> Primitive {
        match self {
            Guess { filled: false, .. } => Primitive::Str,
            Guess { int: true, .. } => Primitive::Int,
            Guess { float: true, .. } => Primitive::Float,
            Guess { bool: true, .. } => Primitive::Bool,
            _ => Primitive::Str,
        }
    }
}

/// Numbers whose digits would not come back: `007`, `1_000`.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

fn int(text: &str) -> Option<Value> {
    let text = text.trim();
    if is_code(text) {
        return None;
    }
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

fn float(text: &str) -> Option<Value> {
    let text = text.trim();
    (!is_code(text)).then(|| text.parse::<f64>().ok().map(Value::Float)).flatten()
}

fn boolean(text: &str) -> Option<Value> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn text(row: &ByteRecord, at: usize) -> std::result::Result<&str, Misfit> {
    let cell = row.get(at).unwrap_or_default();
    std::str::from_utf8(cell)
        .map_err(|_| Misfit { reason: "a cell is not UTF-8", detail: format!("column {}", at + 1) })
}

/// The value of one cell, in the field's type. Types that are not scalars are JSON in the cell.
pub(super) fn cell(row: &ByteRecord, at: usize, field: &Field) -> std::result::Result<Value, Misfit> {
    let text = text(row, at)?;
    if text.is_empty() && field.optional {
        return Ok(Value::Nil);
    }
    let misfit = |detail: String| Misfit { reason: "a cell does not fit its column", detail };
    let wrong = || misfit(format!("{}: {:?} is not {}", field.name, shorten(text), field.field_type));
    match &field.field_type {
        FieldType::Primitive(Primitive::Int) => int_of_any_width(text).ok_or_else(wrong),
        FieldType::Primitive(Primitive::Float) => {
            text.trim().parse().ok().map(Value::Float).ok_or_else(wrong)
        }
        FieldType::Primitive(Primitive::Bool) => match (boolean(text), text) {
            (Some(value), _) => Ok(value),
            (None, "0") => Ok(Value::Bool(false)),
            (None, "1") => Ok(Value::Bool(true)),
            (None, _) => Err(wrong()),
        },
        FieldType::Primitive(Primitive::Str) => Ok(Value::from(text)),
        other => {
            let json = serde_json::from_str(text).map_err(|_| wrong())?;
            let value = jsonl::from_json(json)
                .map_err(|error| misfit(format!("{}: {}", field.name, error.message())))?;
            conform_value(value, other)
                .map_err(|inner| Misfit { detail: format!("{}: {}", field.name, inner.detail), ..inner })
        }
    }
}

/// In a column of integers leading zeros say nothing.
fn int_of_any_width(text: &str) -> Option<Value> {
    let text = text.trim();
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

/// An array of the cells of several columns.
pub(super) fn array(
    row: &ByteRecord,
    first: usize,
    count: usize,
    shape: &[usize],
    dtype: &DType,
) -> std::result::Result<Value, Misfit> {
    let misfit = |detail: String| Misfit { reason: "a cell does not fit its column", detail };
    let mut values = Vec::with_capacity(count);
    for at in first..first + count {
        let text = text(row, at)?;
        let value = int_of_any_width(text)
            .or_else(|| text.trim().parse().ok().map(Value::Float))
            .or_else(|| boolean(text));
        values
            .push(value.ok_or_else(|| {
                misfit(format!("{:?} in column {} is not a number", shorten(text), at + 1))
            })?);
    }
    arrays::from_values(dtype, shape, &values)
        .map(Value::Array)
        .map_err(|error| misfit(error.message().to_owned()))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// `FIELD=FROM..TO[:DTYPE[:SHAPE]]`, resolved against the header.
#[derive(Debug)]
struct Gathered {
    name: String,
    first: usize,
    count: usize,
    dtype: DType,
    shape: Vec<usize>,
}

impl Gathered {
    fn covers(&self, at: usize) -> bool {
        (self.first..self.first + self.count).contains(&at)
    }

    fn column(&self) -> Column {
        Column::Array {
            name: self.name.clone(),
            first: self.first,
            count: self.count,
            dtype: self.dtype.clone(),
            shape: self.shape.clone(),
        }
    }
}

fn gather(header: &[String], rows: &[ByteRecord], arguments: &[String]) -> Result<Vec<Gathered>> {
    let mut all: Vec<Gathered> = Vec::new();
    for argument in arguments {
        let array = parse(header, rows, argument).map_err(|error| error.with("array", argument))?;
        if all.iter().any(|other| other.covers(array.first) || array.covers(other.first)) {
            return Err(Error::invalid("two arrays share a column").with("array", argument));
        }
        all.push(array);
    }
    Ok(all)
}

fn parse(header: &[String], rows: &[ByteRecord], argument: &str) -> Result<Gathered> {
    let form = || Error::invalid("an array is FIELD=FROM..TO[:DTYPE[:SHAPE]]");
    let (name, rest) = argument.split_once('=').ok_or_else(form)?;
    let mut parts = rest.split(':');
    let (from, to) = parts.next().and_then(|range| range.split_once("..")).ok_or_else(form)?;
    let (dtype, shape) = (parts.next(), parts.next());
    if parts.next().is_some() || names::identifier(name) != name {
        return Err(form());
    }
    let place = |column: &str| {
        header
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| Error::not_found(format!("there is no column {column:?}")))
    };
    let (first, last) = (place(from)?, place(to)?);
    if last < first {
        return Err(Error::invalid(format!("the column {to:?} stands before {from:?}")));
    }
    let count = last - first + 1;
    let dtype = match dtype.filter(|dtype| !dtype.is_empty()) {
        Some(dtype) => dtype.parse().context("dtype", dtype)?,
        None => {
            let cells = rows
                .iter()
                .filter(|row| row.len() == header.len())
                .flat_map(|row| row.iter().skip(first).take(count));
            let guess = Guess::of(cells);
            let name = match guess.primitive() {
                Primitive::Int => "int64",
                Primitive::Bool => "bool",
                _ => "float64",
            };
            name.parse()?
        }
    };
    let shape = match shape {
        None => vec![count],
        Some(text) => {
            let dims: std::result::Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
            dims.map_err(|_| Error::invalid("a shape is lengths joined by x, as in 8x8"))?
        }
    };
    if shape.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim)) != Some(count) {
        return Err(Error::invalid(format!("the shape does not hold the {count} columns {from}..{to}")));
    }
    Ok(Gathered { name: name.to_owned(), first, count, dtype, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<ByteRecord> {
        rows.iter().map(|row| ByteRecord::from(row.to_vec())).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn types(header: &[&str], data: &[&[&str]], arrays: &[&str]) -> Vec<String> {
        let mut notes = Vec::new();
        let columns = Columns::inferred(
            SampleSchema::new("S"),
            &names(header),
            &rows(data),
            &names(arrays),
            &mut notes,
        );
        columns.unwrap().schema.fields.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_narrowest_type_that_fits_all_cells_is_taken() {
        let header = ["i", "f", "b", "s", "o", "z", "n", "big"];
        let data: &[&[&str]] = &[
            &["1", "1", "true", "a", "", "007", "", "18446744073709551615"],
            &["-2", "1e-3", "False", "1", "5", "1", "", "1"],
        ];
        assert_eq!(
            types(&header, data, &[]),
            ["i: int", "f: float", "b: bool", "s: str", "o: int?", "z: str", "n: str?", "big: int"]
        );
    }

    #[test]
    fn columns_are_gathered_in_arrays() {
        let header = ["id", "p0", "p1", "p2", "p3"];
        let data: &[&[&str]] = &[&["a", "1", "2", "3", "4"]];
        assert_eq!(types(&header, data, &["px=p0..p3"]), ["id: str", "px: ndarray<int64, (4)>"]);
        assert_eq!(types(&header, data, &["px=p0..p3:uint8:2x2"]), ["id: str", "px: ndarray<uint8, (2, 2)>"]);
        let mut notes = Vec::new();
        for wrong in [
            "px",
            "px=p0",
            "px=p0..p9",
            "px=p3..p0",
            "px=p0..p3:uint8:3x3",
            "px=p0..p3:nonsense",
            "p x=p0..p1",
        ] {
            let columns = Columns::inferred(
                SampleSchema::new("S"),
                &names(&header),
                &rows(data),
                &names(&[wrong]),
                &mut notes,
            );
            assert!(columns.is_err(), "{wrong}");
        }
        let twice = names(&["a=p0..p1", "b=p1..p2"]);
        assert!(
            Columns::inferred(SampleSchema::new("S"), &names(&header), &rows(data), &twice, &mut notes)
                .is_err()
        );
    }

    #[test]
    fn cells_follow_the_schema() {
        let row = ByteRecord::from(vec!["007", "", "[1, 2]", "\u{e9}"]);
        let get = |at, field: Field| cell(&row, at, &field).map(|value| value.to_string());
        assert_eq!(get(0, Field::new("a", Primitive::Int)).unwrap(), "7");
        assert_eq!(get(1, Field::new("a", Primitive::Int).optional()).unwrap(), "nil");
        assert_eq!(get(1, Field::new("a", Primitive::Str)).unwrap(), "\"\"");
        assert_eq!(get(2, Field::new("a", FieldType::list(Primitive::Float))).unwrap(), "[1.0, 2.0]");
        assert!(get(3, Field::new("a", Primitive::Bool)).unwrap_err().detail.contains("not bool"));
    }
}
