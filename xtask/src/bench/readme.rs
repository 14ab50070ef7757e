//! The table in README.md: the targets of docs/benchmarks.md, in fewer columns.

use std::fs;

use anyhow::{Context, Result};

use super::document::replaced;
use crate::workspace;

const MARK: &str = "benchmarks";

/// Which columns of the targets the README has: what, target, measured, met.
const COLUMNS: [usize; 4] = [0, 1, 2, 5];

/// Brings the table up to date.
pub(crate) fn write() -> Result<()> {
    let path = workspace::root().join("README.md");
    fs::write(&path, current()?.1).with_context(|| path.display().to_string())
}

/// Whether the table is that of docs/benchmarks.md.
pub(crate) fn is_current() -> Result<bool> {
    let (readme, current) = current()?;
    Ok(readme == current)
}

/// The README as it is, and as it should be.
fn current() -> Result<(String, String)> {
    let read = |path: &str| fs::read_to_string(workspace::root().join(path)).with_context(|| path.to_owned());
    let (readme, document) = (read("README.md")?, read("docs/benchmarks.md")?);
    let current = replaced(&readme, MARK, &table(&document));
    let current =
        current.with_context(|| format!("README.md has no marks <!-- {MARK} --> and <!-- /{MARK} -->"))?;
    Ok((readme, current))
}

fn table(document: &str) -> String {
    let targets = document.split_once("### Targets\n\n").map_or("", |(_, after)| after);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        COLUMNS
            .iter()
            .filter_map(|column| cells.get(*column))
            .fold("|".to_owned(), |row, cell| row + cell + "|")
    };
    let rows: Vec<String> = targets.lines().take_while(|line| line.starts_with('|')).map(row).collect();
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_columns_are_taken_of_the_targets_only() {
        let document = "### Targets\n\n| A | B | C | D | E | F |\n|---|---|--:|--:|--:|---|\n| a | b | c | d | e | f |\n\n| x |\n";
        assert_eq!(table(document), "| A | B | C | F |\n|---|---|--:|---|\n| a | b | c | f |");
        assert_eq!(table("nothing"), "");
    }
}
