//! A store of one's own: shards in a directory, each under the checksum of its bytes, so that equal ones are kept once.
//!
//! ```sh
//! cargo run -p atdata --example own_store -- DIRECTORY
//! ```

use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use atdata::prelude::*;
use atdata::shard::validate_prefix;
use atdata::{Error, ShardInput, StoredShard};
use futures::StreamExt;

/// Shards by their contents.
#[derive(Debug)]
pub struct ContentStore(pub PathBuf);

#[async_trait]
impl DataStore for ContentStore {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        validate_prefix(prefix)?;
        let mut written = Vec::new();
        while let Some(mut shard) = input.next_shard().await? {
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            while let Some(chunk) = shard.next_chunk().await? {
                file.write_all(&chunk)?;
            }
            file.as_file().sync_all()?;
            written.push((file, shard.stored_as("")));
        }
        // Nothing has a name before everything is there: what fails until here leaves nothing.
        for (file, shard) in &mut written {
            let name = format!("{}.tar", shard.sha256.as_deref().unwrap_or_default());
            shard.url = self.0.join(name).display().to_string();
            std::fs::hard_link(file.path(), &shard.url).or_else(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(written.into_iter().map(|(_, shard)| shard).collect())
    }

    fn read_url(&self, url: &str) -> Result<String> {
        let is_ours = std::path::Path::new(url).parent() == Some(&self.0);
        is_ours
            .then(|| url.to_owned())
            .ok_or_else(|| Error::invalid("this is another store's").with("url", url))
    }
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> Result<()> {
    let directory = std::env::args().nth(1).ok_or_else(|| Error::invalid("say a directory"))?;
    let samples = futures::stream::iter((0..10i64).map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
    let store = ContentStore(directory.into());
    let options = WriteOptions::default();
    for shard in futures::executor::block_on(store.write_samples(samples, "numbers", &options))? {
        println!("{} ({} bytes)", shard.url, shard.size);
    }
    Ok(())
}
