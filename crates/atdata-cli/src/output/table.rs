//! Tables for people.

use std::io::IsTerminal;

use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use comfy_table::{ContentArrangement, Table};

use super::printable;

/// A table with these column heads. On a terminal it is ruled and wrapped to the width; in a pipe it is plain text of
/// one line a row.
pub(crate) fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() {
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_preset(NOTHING);
    }
    table.set_header(heads);
    table
}

/// Adds a row of texts that may come from anywhere.
pub(crate) fn row<const N: usize>(table: &mut Table, cells: [String; N]) {
    table.add_row(cells.map(|cell| printable(&cell).replace(['\n', '\t'], " ")));
}
