//! Inserts N datasets named PREFIX-00000 … into a SQLite index, each in a call of its own, with the address
//! `/data/NAME.tar`. It prints `ready` when the index is open, reads a line from standard input, inserts, and prints
//! `done N`: what `python/index_insert.py` does, so that the two can be started together.
//!
//! usage: index-insert DB N PREFIX

use std::process::ExitCode;

use atdata_core::schema::{Field, Primitive, Profile, SampleSchema};
use atdata_core::{Error, Index, NewDataset, Result};
use atdata_local::LocalIndexOptions;
use atdata_testkit::suite::block_on;

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, count, prefix] = arguments.as_slice() else {
        eprintln!("usage: index-insert DB N PREFIX");
        return ExitCode::from(2);
    };
    match block_on(insert(database, count, prefix)) {
        Ok(count) => {
            println!("done {count}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)]
async fn insert(database: &str, count: &str, prefix: &str) -> Result<u32> {
    let count: u32 = count.parse().map_err(|error| Error::invalid("N is not a number").with_source(error))?;
    // The profile of the Python package that writes this file too.
    let index = LocalIndexOptions::default().with_profile(Profile::Latest).open(database).await?;
    let schema = SampleSchema::new("Inserted")
        .field(Field::new("name", Primitive::Str))
        .field(Field::new("number", Primitive::Int));
    println!("ready");
    // At the end of the input nobody is to be waited for.
    std::io::stdin().read_line(&mut String::new())?;
    for n in 0..count {
        let name = format!("{prefix}-{n:05}");
        let urls = vec![format!("/data/{name}.tar")];
        let metadata = [("n", i64::from(n))].into_iter().collect();
        index.insert_dataset(NewDataset::new(name, schema.clone(), urls).with_metadata(metadata)).await?;
    }
    Ok(count)
}
