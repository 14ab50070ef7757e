//! Decompression between two streams of chunks.

use std::io::{self, Read};
use std::thread;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use crate::tar::{Compression, Decoder};
use crate::{Error, Result};

/// How many chunks wait on either side of the decoder.
const WAITING: usize = 2;

/// Undoes the compression of a shard, if it has one. Plain shards pass through untouched, compressed ones go through a
/// thread of their own, which ends when the stream is dropped.
pub(super) fn decompressed(chunks: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    // A short shard ends here and is asked for more below.
    let mut chunks = chunks.fuse();
    async move {
        // The first chunks may be shorter than what tells a compression.
        let mut head: Vec<Bytes> = Vec::new();
        let mut bytes = Vec::with_capacity(Compression::DETECT_LEN);
        while bytes.len() < Compression::DETECT_LEN {
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    bytes.extend(chunk.iter().take(Compression::DETECT_LEN - bytes.len()));
                    head.push(chunk);
                }
                Some(Err(error)) => return stream::iter([Err(error)]).boxed(),
                None => break,
            }
        }
        let whole = stream::iter(head.into_iter().map(Ok)).chain(chunks).boxed();
        if Compression::detect(&bytes).is_some() { decode(whole) } else { whole }
    }
    .flatten_stream()
    .boxed()
}

fn decode(mut chunks: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let (input, compressed) = mpsc::channel(WAITING);
    let (output, decoded) = mpsc::channel(WAITING);
    let worker = thread::Builder::new().name("atdata-decompress".to_owned()).spawn(move || {
        let reader = ChunkReader { chunks: compressed, current: Bytes::new() };
        let mut decoder = match Decoder::new(reader) {
            Ok(decoder) => decoder,
            Err(error) => return drop(output.blocking_send(Err(error))),
        };
        while let Some(item) = decoder.next_chunk().transpose() {
            let failed = item.is_err();
            // A closed channel means that the stream was dropped.
            if output.blocking_send(item).is_err() || failed {
                break;
            }
        }
    });
    if let Err(error) = worker {
        return stream::iter([Err(Error::from_io(error))]).boxed();
    }
    let feed = async move {
        while let Some(chunk) = chunks.next().await {
            if input.send(chunk).await.is_err() {
                break;
            }
        }
    };
    let feed = feed.into_stream().filter_map(|()| async { None });
    let decoded =
        stream::unfold(decoded, |mut decoded| async { decoded.recv().await.map(|item| (item, decoded)) });
    stream::select(decoded, feed).boxed()
}

/// Chunks from a channel as a blocking reader.
struct ChunkReader {
    chunks: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => return Err(error.into_io()),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        let taken = self.current.split_to(count);
        if let Some(room) = buffer.get_mut(..count) {
            room.copy_from_slice(&taken);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_shorter_than_a_magic_ends_without_being_asked_again() {
        for len in 0..Compression::DETECT_LEN {
            // Like the body of a shard, this stream panics if it is asked for more after its end.
            let chunks = stream::unfold(0, move |at| async move {
                (at < len).then(|| (Ok(Bytes::from_static(b"x")), at + 1))
            });
            let out = futures::executor::block_on(decompressed(chunks.boxed()).collect::<Vec<_>>());
            assert_eq!((out.len(), out.iter().all(Result::is_ok)), (len, true));
        }
    }
}
