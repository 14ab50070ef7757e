//! One write: parts on their way, and what becomes of them if it is not published.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atdata_core::{Error, Result};
use aws_sdk_s3::Client;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::background::Background;
use super::object::Object;
use super::parts::PartCutter;
use super::publication::Publication;
use crate::address::Address;

/// How a write uploads.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// The bytes of a part.
    pub(super) part_size: usize,
    /// How many parts are on their way at once.
    pub(super) in_flight: usize,
}

/// A write that is going on. If it is dropped before it is published, everything of it is taken away again.
pub(super) struct Writing {
    client: Client,
    runtime: Handle,
    background: Background,
    pace: Pace,
    permits: Arc<Semaphore>,
    parts: JoinSet<Result<()>>,
    cancelled: Arc<AtomicBool>,
    /// None once it is handed over.
    publication: Option<Publication>,
}

impl Writing {
    pub(super) fn new(
        publication: Publication,
        client: Client,
        runtime: Handle,
        background: Background,
        pace: Pace,
    ) -> Self {
        Self {
            client,
            runtime,
            background,
            permits: Arc::new(Semaphore::new(pace.in_flight)),
            pace,
            parts: JoinSet::new(),
            cancelled: Arc::default(),
            publication: Some(publication),
        }
    }

    /// Begins a shard.
    pub(super) fn begin_shard(&mut self, address: Address) -> Result<Upload> {
        let object = self.publication()?.add_shard(address);
        Ok(self.upload(object))
    }

    /// Writes the index of a shard, which is at `address`.
    pub(super) async fn write_index(&mut self, address: Address, index: Bytes) -> Result<()> {
        let Some(object) = self.publication()?.add_index(address, &index) else { return Ok(()) };
        let mut upload = self.upload(object);
        self.write(&mut upload, index).await?;
        self.finish(upload).await
    }

    fn publication(&mut self) -> Result<&mut Publication> {
        self.publication.as_mut().ok_or_else(|| Error::unexpected("the write has ended already"))
    }

    fn upload(&self, object: Arc<Object>) -> Upload {
        Upload { object, cutter: PartCutter::new(self.pace.part_size) }
    }

    /// Takes a chunk of an object. Waits while as many parts as may be are on their way.
    pub(super) async fn write(&mut self, upload: &mut Upload, chunk: Bytes) -> Result<()> {
        upload.cutter.push(chunk);
        while let Some((number, part)) = upload.cutter.full_part() {
            self.send(&upload.object, number, part).await?;
        }
        Ok(())
    }

    /// Takes the end of an object.
    pub(super) async fn finish(&mut self, mut upload: Upload) -> Result<()> {
        match upload.cutter.last_part() {
            Some((number, part)) => self.send(&upload.object, number, part).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, object: &Arc<Object>, number: i32, part: Bytes) -> Result<()> {
        // The semaphore is never closed.
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| ended())?;
        // A part that failed leaves a permit, so its error is seen before the next part is begun.
        while let Some(done) = self.parts.try_join_next() {
            joined(done)?;
        }
        let (client, object, cancelled) = (self.client.clone(), object.clone(), self.cancelled.clone());
        let put = async move {
            let _permit = permit;
            if cancelled.load(Ordering::Relaxed) {
                return Ok(());
            }
            object.put_part(&client, number, part).await
        };
        self.parts.spawn_on(put, &self.runtime);
        Ok(())
    }

    /// Makes all shards visible, once all of their parts have arrived; after a failure nothing is left. From the moment that this begins to, it goes on
    /// to its end even if the caller drops it.
    pub(super) async fn publish(mut self) -> Result<()> {
        while let Some(done) = self.parts.join_next().await {
            if let Err(error) = joined(done) {
                self.discard().await;
                return Err(error);
            }
        }
        let Some(publication) = self.publication.take() else { return Ok(()) };
        let client = self.client.clone();
        let publishing =
            self.background.spawn(&self.runtime, async move { publication.publish(&client).await });
        publishing.await.map_err(|_| ended())?
    }

    /// Takes everything away again, and returns when that is done.
    pub(super) async fn discard(mut self) {
        if let Some(discarding) = self.start_discarding() {
            // If the runtime ends nobody can do it.
            let _ = discarding.await;
        }
    }

    fn start_discarding(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let publication = self.publication.take()?;
        self.cancelled.store(true, Ordering::Relaxed);
        let (client, mut parts) = (self.client.clone(), std::mem::take(&mut self.parts));
        Some(self.background.spawn(&self.runtime, async move {
            // Requests are not cut off: a server may still be taking a part when the upload is aborted, and keep it.
            while parts.join_next().await.is_some() {}
            publication.discard(&client).await;
        }))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.start_discarding();
    }
}

/// One object of a [`Writing`] on its way.
pub(super) struct Upload {
    object: Arc<Object>,
    cutter: PartCutter,
}

fn joined(done: Result<Result<()>, JoinError>) -> Result<()> {
    done.map_err(|_| ended())?
}

fn ended() -> Error {
    Error::unexpected("the runtime ended while shards were written")
}
