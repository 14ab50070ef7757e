//! Bytes that are what their content identifier says, or an error.
//!
//! The last byte that is not zero, and all that follow it, are held back until everything has come and was found to be
//! right. A tar archive ends with zeros, so that its last sample is complete only with that byte: it is never delivered
//! from wrong bytes.

use std::collections::VecDeque;

use atdata_core::cid::ContentId;
use atdata_core::{Fault, Result};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use sha2::{Digest, Sha256};

/// Zeros, of which there may be many.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

struct Check {
    /// None when all has come.
    chunks: Option<BoxStream<'static, Result<Bytes>>>,
    hasher: Sha256,
    /// The chunk with the last byte that is not zero.
    last: Bytes,
    /// The zeros behind it.
    zeros: u64,
    ready: VecDeque<Bytes>,
    cid: ContentId,
}

/// Passes bytes on that are checked against a content identifier.
pub(super) fn verified(
    cid: ContentId,
    chunks: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes>> {
    let check = Check {
        chunks: Some(chunks),
        hasher: Sha256::new(),
        last: Bytes::new(),
        zeros: 0,
        ready: VecDeque::new(),
        cid,
    };
    stream::unfold(Some(check), |check| async {
        let mut check = check?;
        match check.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(check))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl Check {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.chunks.is_none() && self.zeros > 0 {
                return Ok(Some(self.some_zeros()));
            }
            let Some(chunks) = &mut self.chunks else { return Ok(None) };
            match chunks.next().await {
                Some(chunk) => self.take(chunk?),
                None => self.end()?,
            }
        }
    }

    fn take(&mut self, chunk: Bytes) {
        // Chunks are as small as the network's, so that this does not keep the reactor.
        self.hasher.update(&chunk);
        let behind = chunk.iter().rev().take_while(|byte| **byte == 0).count();
        if behind == chunk.len() {
            self.zeros += behind as u64;
            return;
        }
        let before = std::mem::replace(&mut self.last, chunk);
        if !before.is_empty() {
            self.ready.push_back(before);
        }
        while self.zeros > 0 {
            let zeros = self.some_zeros();
            self.ready.push_back(zeros);
        }
    }

    fn some_zeros(&mut self) -> Bytes {
        let zeros = Bytes::from_static(&ZEROS);
        let length = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(zeros.len());
        self.zeros -= length as u64;
        zeros.slice(..length)
    }

    fn end(&mut self) -> Result<()> {
        self.chunks = None;
        let found = std::mem::take(&mut self.hasher).finalize().into();
        self.cid.verify_sha256(found).map_err(|error| error.with_fault(Fault::Checksum))?;
        let last = std::mem::take(&mut self.last);
        if !last.is_empty() {
            self.ready.push_back(last);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::cid::blob_cid;
    use atdata_core::{ErrorKind, Result};
    use futures::TryStreamExt;
    use futures::executor::block_on;
    use proptest::prelude::*;

    use super::*;

    fn pieces(bytes: &[u8], length: usize) -> BoxStream<'static, Result<Bytes>> {
        let pieces: Vec<_> =
            bytes.chunks(length.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        stream::iter(pieces).boxed()
    }

    proptest! {
        #[test]
        fn right_bytes_come_through_and_wrong_ones_never_end(
            mut bytes in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 0..4000),
            zeros in 0usize..200_000,
            length in 1usize..1500,
            wrong in any::<prop::sample::Index>(),
        ) {
            bytes.resize(bytes.len() + zeros, 0);
            let cid = blob_cid(&bytes);
            let all: Vec<Bytes> = block_on(verified(cid, pieces(&bytes, length)).try_collect()).unwrap();
            prop_assert_eq!(all.concat(), bytes.clone());
            if bytes.is_empty() {
                return Ok(());
            }
            let mut other = bytes.clone();
            let place = wrong.index(other.len());
            other[place] ^= 0x40;
            let last = other.iter().rposition(|byte| *byte != 0);
            let mut delivered = 0;
            let mut stream = verified(cid, pieces(&other, length));
            let error = loop {
                match block_on(stream.next()) {
                    Some(Ok(chunk)) => delivered += chunk.len(),
                    Some(Err(error)) => break error,
                    None => panic!("wrong bytes came to an end"),
                }
            };
            prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
            prop_assert!(last.is_none_or(|last| delivered <= last));
        }
    }
}
