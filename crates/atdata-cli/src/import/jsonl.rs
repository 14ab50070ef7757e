//! JSON lines: one object a line.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use atdata::{Error, Map, Result, ResultExt};

use super::conform::Conformer;
use super::infer::Struct;
use super::pump::pump;
use super::report::Skip;
use super::{Context, Item, MAX_ITEM, Plan, WINDOW_BYTES, WINDOW_SAMPLES, reader};
use crate::{jsonl, names};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Infers a schema from the first lines, or takes the given one, and reads all of them.
pub(super) fn plan(context: &Context<'_>) -> Result<Plan> {
    let path = Path::new(&context.args.input);
    let shown = path.display().to_string();
    let mut lines = Lines::new(BufReader::new(reader::open(path)?));
    // Lines are kept as text, which takes less memory than what they mean, and are parsed again.
    let mut window = Vec::new();
    let (mut bytes, mut objects) = (0, 0);
    let mut seen = Struct::default();
    while window.len() < WINDOW_SAMPLES && bytes < WINDOW_BYTES {
        let Some(line) = lines.next().transpose().context("path", &shown)? else { break };
        bytes += line.text.as_ref().map_or(0, Vec::len);
        if context.given.is_none()
            && let Ok(fields) = line.parse()
        {
            seen.observe(&fields);
            objects += 1;
        }
        window.push(line);
    }
    let mut notes = Vec::new();
    let schema = match &context.given {
        Some(schema) => schema.clone(),
        None if objects == 0 => {
            return Err(Error::invalid("no line is a JSON object, so there is no schema to infer")
                .with("path", shown));
        }
        None => {
            let found = seen.names();
            let renamed = names::identifiers(&found, "keys")?;
            for (from, to) in found.iter().zip(&renamed).filter(|(from, to)| from != to) {
                notes.push(format!("{from:?} is stored as {to}"));
            }
            seen.schema(context.new_schema(), &renamed)
        }
    };
    let renames = context.given.is_none();
    let conformer = Conformer::new(schema.clone());
    let items = window.into_iter().map(Ok).chain(lines).map(move |line| {
        let line = line.map_err(|error| error.with("path", &shown))?;
        let fields = match line.parse() {
            Ok(fields) => fields,
            Err(skip) => return Ok(Item::Skipped(skip)),
        };
        Ok(match conformer.conform(if renames { rename(fields) } else { fields }) {
            Ok(fields) => Item::pack(None, &fields, || line.place()),
            Err(misfit) => Item::Skipped(Skip::new(line.place(), misfit.reason, misfit.detail)),
        })
    });
    Ok(Plan { schema, items: pump(items, Item::weight), notes })
}

/// Gives the keys of one object the names that the schema has. A key of a later line may collide; then the last one
/// would win, so such an object keeps its names and is found not to fit.
fn rename(fields: Map) -> Map {
    if fields.keys().all(|name| names::identifier(name) == name) {
        return fields;
    }
    let renamed: Map = fields.iter().map(|(name, value)| (names::identifier(name), value.clone())).collect();
    if renamed.len() == fields.len() { renamed } else { fields }
}

/// A line that is not blank; its text, unless it is too long to be kept.
struct Line {
    number: u64,
    text: Option<Vec<u8>>,
}

impl Line {
    fn place(&self) -> String {
        format!("line {}", self.number)
    }

    fn parse(&self) -> std::result::Result<Map, Skip> {
        let skip = |reason, detail: String| Skip::new(self.place(), reason, detail);
        let Some(text) = &self.text else {
            return Err(skip("a line is too long", format!("more than {} MiB", MAX_ITEM >> 20)));
        };
        let json =
            serde_json::from_slice(text).map_err(|error| skip("a line is not JSON", json_error(&error)))?;
        match jsonl::fields_from_json(json) {
            Ok(fields) if fields.is_empty() => Err(skip("an object has no fields", String::new())),
            Ok(fields) => Ok(fields),
            Err(error) => Err(skip("a line is not an object that can be read", error.to_string())),
        }
    }
}

/// The lines that are not blank.
struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// Reads to the end of a line that is too long to be kept.
    fn skip_rest(&mut self) -> Result<()> {
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Ok(());
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.reader).take(MAX_ITEM as u64).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read == MAX_ITEM && line.last() != Some(&b'\n') {
                self.skip_rest()?;
                return Ok(Some(Line { number: self.number, text: None }));
            }
            if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number: self.number, text: Some(line) }));
            }
        }
    }
}

/// The error without the line number, which is always 1: only one line was parsed.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("{what} at column {}", error.column())
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_told_by_number_and_the_rest_is_read() {
        let text = b"\xef\xbb\xbf{\"a\": 1}\n\n{\"a\": \n[1]\n{}\n{\"a\": 2}";
        let lines: Vec<_> = Lines::new(&text[..]).map(|line| line.unwrap()).collect();
        let shown: Vec<String> = lines
            .iter()
            .map(|line| match line.parse() {
                Ok(fields) => format!("{} {fields}", line.place()),
                Err(skip) => format!("{} {}", skip.item, skip.reason),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "line 1 {\"a\": 1}",
                "line 3 a line is not JSON",
                "line 4 a line is not an object that can be read",
                "line 5 an object has no fields",
                "line 6 {\"a\": 2}"
            ]
        );
    }
}
