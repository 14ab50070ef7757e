//! A source of one's own: shards that a text file lists, one path a line, relative to the file.
//!
//! ```sh
//! cargo run -p atdata --example own_source -- shards.txt
//! ```

use std::path::PathBuf;

use async_trait::async_trait;
use atdata::prelude::*;
use atdata::{Error, ResultExt, ShardBody};

/// The shards of a list.
#[derive(Debug)]
pub struct ListedSource(pub PathBuf);

#[async_trait]
impl DataSource for ListedSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        let list = std::fs::read_to_string(&self.0).context("path", self.0.display())?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        if !self.list_shards().await?.iter().any(|shard| shard == id) {
            return Err(Error::not_found("the list does not have this shard").with("shard", id));
        }
        let bytes = std::fs::read(self.0.with_file_name(id)).context("shard", id)?;
        Ok(ShardBody::resident(bytes))
    }
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> Result<()> {
    let list = std::env::args().nth(1).ok_or_else(|| Error::invalid("say the file with the list"))?;
    let samples = Dataset::<DictSample>::from_source(ListedSource(list.into()));
    println!("{} samples", futures::executor::block_on(samples.count())?);
    Ok(())
}
