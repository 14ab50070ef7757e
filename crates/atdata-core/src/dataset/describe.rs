//! What a dataset is, in numbers.

use std::fmt;

use futures::TryStreamExt;

use super::Dataset;
use crate::Result;
use crate::schema::SampleSchema;

/// What [`Dataset::describe`] finds out.
///
/// ```
/// let description = atdata_core::Description::default();
/// assert_eq!(description.samples, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The name, if the dataset was opened by one.
    pub name: Option<String>,
    /// The number of shards.
    pub shards: usize,
    /// The number of stored samples; filters do not count here.
    pub samples: u64,
    /// The bytes of all payloads.
    pub payload_bytes: u64,
    /// The schema, where it is known.
    pub schema: Option<SampleSchema>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "{name}")?;
        }
        write!(
            f,
            "{} samples in {} shards, {} bytes of payload",
            self.samples, self.shards, self.payload_bytes
        )?;
        if let Some(schema) = &self.schema {
            write!(f, "\n{schema}")?;
        }
        Ok(())
    }
}

impl<T: Send + 'static> Dataset<T> {
    /// Counts shards, samples and bytes. Reads everything, decodes nothing.
    ///
    /// # Errors
    /// Reading fails.
    pub async fn describe(&self) -> Result<Description> {
        let sizes: Dataset<u64> = self.with_stage(std::sync::Arc::new(|framed, _| {
            framed.payload().map(|payload| Some(payload.len() as u64))
        }));
        let (samples, payload_bytes) = sizes
            .ordered()
            .try_fold((0, 0), |(n, total), size| async move { Ok((n + 1, total + size)) })
            .await?;
        Ok(Description {
            name: self.name().map(str::to_owned),
            shards: self.shards().await?.len(),
            samples,
            payload_bytes,
            schema: self.schema().cloned(),
        })
    }
}
