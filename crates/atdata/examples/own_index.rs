//! An index of one's own: any other one, with a diary of what was changed.
//!
//! ```sh
//! cargo run -p atdata --example own_index -- INDEX.DB DIARY.TXT
//! ```

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use atdata::prelude::*;
use atdata::schema::SampleSchema;
use atdata::{Error, Label, StoredSchema};
use futures::stream::BoxStream;

/// An index, and the file in which its changes are written down.
#[derive(Debug)]
pub struct Diary<I>(pub I, pub File);

#[async_trait]
impl<I: Index> Index for Diary<I> {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        let entry = self.0.insert_dataset(new).await?;
        writeln!(&self.1, "dataset {} is {}", entry.name(), entry.cid().unwrap_or("-"))?;
        Ok(entry)
    }
    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        self.0.get_dataset(reference).await
    }
    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        self.0.list_datasets(prefix)
    }
    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        writeln!(&self.1, "schema {} {}", schema.name, schema.version)?;
        self.0.publish_schema(schema).await
    }
    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        self.0.get_schema(reference).await
    }
    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        self.0.list_schemas(prefix)
    }
    async fn set_label(&self, label: &Label) -> Result<()> {
        writeln!(&self.1, "label {}@{} is {}", label.name, label.version, label.cid)?;
        self.0.set_label(label).await
    }
    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.0.get_label(name, version).await
    }
    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        self.0.list_labels(prefix)
    }
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(index), Some(diary)) = (arguments.next(), arguments.next()) else {
        return Err(Error::invalid("say the file of an index, and that of the diary"));
    };
    futures::executor::block_on(async {
        let diary = File::options().append(true).create(true).open(diary)?;
        let index = Diary(LocalIndex::open(index).await?, diary);
        index.insert_dataset(NewDataset::new("numbers", "Number@1.0.0", vec!["numbers.tar".into()])).await?;
        println!("{} datasets", index.count_datasets().await?);
        Ok(())
    })
}
