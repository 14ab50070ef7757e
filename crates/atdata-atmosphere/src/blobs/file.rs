//! A shard on its way: in a file without a name, so that it can be sent again.

use std::fs::File;
use std::sync::Arc;

use atdata_core::{Error, Result};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// A file that goes when nobody holds it any more.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    file: Arc<File>,
    pub(super) length: u64,
}

/// Such a file, while it is written.
pub(super) struct Keeping {
    file: tokio::fs::File,
    length: u64,
}

impl Keeping {
    pub(super) async fn new() -> Result<Self> {
        let made = tokio::task::spawn_blocking(tempfile::tempfile).await;
        let file = made
            .map_err(|error| Error::unexpected("no temporary file was made").with_source(error))?
            .map_err(failed)?;
        Ok(Self { file: tokio::fs::File::from_std(file), length: 0 })
    }

    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<()> {
        self.length += chunk.len() as u64;
        self.file.write_all(chunk).await.map_err(failed)
    }

    pub(super) async fn finish(mut self) -> Result<Kept> {
        self.file.flush().await.map_err(failed)?;
        Ok(Kept { file: Arc::new(self.file.into_std().await), length: self.length })
    }
}

impl Kept {
    /// The bytes, from the first one on. Only one reader at a time: they share the place in the file.
    pub(super) fn read(&self) -> BoxStream<'static, Result<Bytes>> {
        let file = self.file.clone();
        stream::once(async move {
            let mut file = tokio::fs::File::from_std(file.try_clone().map_err(failed)?);
            file.rewind().await.map_err(failed)?;
            Ok::<_, Error>(stream::unfold(Some(file), |file| async {
                let mut file = file?;
                let mut piece = BytesMut::with_capacity(PIECE);
                match file.read_buf(&mut piece).await {
                    Ok(0) => None,
                    Ok(_) => Some((Ok(piece.freeze()), Some(file))),
                    Err(error) => Some((Err(failed(error)), None)),
                }
            }))
        })
        .flat_map(|pieces| match pieces {
            Ok(pieces) => pieces.boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        })
        .boxed()
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::from_io(error).with("path", std::env::temp_dir().display())
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_was_written_can_be_read_again_and_again() {
        let mut keeping = Keeping::new().await.unwrap();
        let bytes: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
        for chunk in bytes.chunks(12_345) {
            keeping.write(chunk).await.unwrap();
        }
        let kept = keeping.finish().await.unwrap();
        assert_eq!(kept.length, bytes.len() as u64);
        for _ in 0..2 {
            let read: Vec<Bytes> = kept.read().try_collect().await.unwrap();
            assert_eq!(read.concat(), bytes);
        }
    }
}
