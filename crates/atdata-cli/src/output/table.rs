//! Tables for people.

use std::io::IsTerminal;

use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};

use super::printable;

/// A table with these column heads. On a terminal it is ruled; in a pipe it is plain text of one line a row.
pub(crate) fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(if std::io::stdout().is_terminal() { UTF8_HORIZONTAL_ONLY } else { NOTHING });
    table.set_header(heads);
    table
}

/// Adds a row of texts that may come from anywhere.
pub(crate) fn row<const N: usize>(table: &mut Table, cells: [String; N]) {
    table.add_row(cells.map(|cell| printable(&cell).replace(['\n', '\t'], " ")));
}
