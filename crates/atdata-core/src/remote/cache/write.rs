//! Keeping a shard while it is read.

use std::io::{Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};

use super::directory::{Directory, Part};
use super::entry::{BLOCK, Sum, footer};
use crate::offload::offload;
use crate::{Error, Result};

/// How much is written at once.
const BATCH: usize = 1 << 20;

/// A shard that is being written.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) directory: Arc<Directory>,
    pub(super) part: Part,
    pub(super) address: Sum,
    pub(super) version: Option<String>,
    /// The length that was promised.
    pub(super) length: u64,
    written: u64,
    sums: Vec<Sum>,
    hasher: Sha256,
    /// How much of the current block is hashed.
    hashed: u64,
}

impl Writer {
    pub(super) fn new(
        directory: Arc<Directory>,
        part: Part,
        address: Sum,
        version: Option<String>,
        length: u64,
    ) -> Self {
        let (written, sums, hasher, hashed) = (0, Vec::new(), Sha256::new(), 0);
        Self { directory, part, address, version, length, written, sums, hasher, hashed }
    }

    fn write(&mut self, chunks: &[Bytes]) -> std::io::Result<()> {
        for chunk in chunks {
            self.part.file.write_all(chunk)?;
            self.written += chunk.len() as u64;
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let room = usize::try_from(BLOCK - self.hashed).unwrap_or(usize::MAX).min(rest.len());
                let Some(now) = rest.split_off(..room) else { break };
                self.hasher.update(now);
                self.hashed += now.len() as u64;
                if self.hashed == BLOCK {
                    self.end_block();
                }
            }
        }
        Ok(())
    }

    fn end_block(&mut self) {
        self.sums.push(self.hasher.finalize_reset().into());
        self.hashed = 0;
    }

    fn finish(mut self) -> std::io::Result<()> {
        if self.hashed > 0 {
            self.end_block();
        }
        if self.written != self.length || self.part.file.stream_position()? != self.length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let footer = footer(&self.address, self.length, self.version.as_deref(), &self.sums);
        self.part.file.write_all(&footer)?;
        self.directory.keep(self.part, &self.address)
    }
}

type Writing = BoxFuture<'static, Result<std::io::Result<Writer>>>;

/// Passes chunks on and writes them at the same time. What cannot be written is not kept, and that is all.
pub(super) fn keeping(
    chunks: BoxStream<'static, Result<Bytes>>,
    writer: Writer,
) -> BoxStream<'static, Result<Bytes>> {
    let state =
        Keeping { chunks, batch: Vec::new(), size: 0, writer: Some(async { Ok(Ok(writer)) }.boxed()) };
    stream::unfold(Some(state), |state| async {
        let mut state = state?;
        match state.chunks.next().await {
            Some(Ok(chunk)) => {
                state.size += chunk.len();
                state.batch.push(chunk.clone());
                if state.size >= BATCH {
                    state.write().await;
                }
                Some((Ok(chunk), Some(state)))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                state.finish().await;
                None
            }
        }
    })
    .boxed()
}

struct Keeping {
    chunks: BoxStream<'static, Result<Bytes>>,
    batch: Vec<Bytes>,
    size: usize,
    /// Gone when writing has failed. At most one batch is being written while the next one comes.
    writer: Option<Writing>,
}

impl Keeping {
    async fn write(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.size = 0;
        if let Some(mut writer) = self.written().await {
            self.writer = Some(
                offload(move || {
                    writer.write(&batch)?;
                    Ok(writer)
                })
                .boxed(),
            );
        }
    }

    async fn written(&mut self) -> Option<Writer> {
        match self.writer.take()?.await.map_err(Error::into_io).flatten() {
            Ok(writer) => Some(writer),
            Err(error) => {
                not_kept(&error);
                None
            }
        }
    }

    async fn finish(mut self) {
        self.write().await;
        if let Some(writer) = self.written().await
            && let Err(error) = offload(move || writer.finish()).await.map_err(Error::into_io).flatten()
        {
            not_kept(&error);
        }
    }
}

pub(super) fn not_kept(error: &std::io::Error) {
    tracing::warn!(%error, "a shard cannot be kept in the cache");
}
