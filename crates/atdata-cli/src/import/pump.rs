//! From a blocking iterator to a stream.

use std::thread;

use atdata::{Error, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

/// Items travel in chunks of at most this many …
const CHUNK_ITEMS: usize = 256;
/// … and of about this weight in bytes.
const CHUNK_WEIGHT: usize = 1 << 20;
/// How many chunks wait for the consumer.
const WAITING: usize = 4;

/// Runs an iterator on a thread of its own, a few chunks ahead. The thread ends after an error, and when the stream is
/// dropped. If it dies, the stream ends in an error, never as if the input were complete.
pub(super) fn pump<T: Send + 'static>(
    items: impl Iterator<Item = Result<T>> + Send + 'static,
    weight: impl Fn(&T) -> usize + Send + 'static,
) -> BoxStream<'static, Result<T>> {
    let (sender, receiver) = mpsc::channel::<Vec<Result<T>>>(WAITING);
    let worker = thread::Builder::new().name("atdata-import".to_owned()).spawn(move || {
        let mut items = items;
        let mut ended = false;
        while !ended {
            let (mut chunk, mut total) = (Vec::new(), 0);
            while chunk.len() < CHUNK_ITEMS && total < CHUNK_WEIGHT && !ended {
                match items.next() {
                    Some(item) => {
                        ended = item.is_err();
                        total += item.as_ref().map_or(0, &weight);
                        chunk.push(item);
                    }
                    None => ended = true,
                }
            }
            if sender.blocking_send(chunk).is_err() {
                return;
            }
        }
    });
    let worker = match worker {
        Ok(worker) => worker,
        Err(error) => return stream::iter([Err(Error::from_io(error))]).boxed(),
    };
    stream::unfold(Some((receiver, worker)), |state| async {
        let (mut receiver, worker) = state?;
        match receiver.recv().await {
            Some(chunk) => Some((stream::iter(chunk), Some((receiver, worker)))),
            None => match worker.join() {
                Ok(()) => None,
                Err(_) => {
                    let error = Error::unexpected("the thread that reads the input died");
                    Some((stream::iter(vec![Err(error)]), None))
                }
            },
        }
    })
    .flatten()
    .fuse()
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn order_is_kept_and_an_error_is_the_last_item() {
        let items = (0..1000).map(|i| if i == 700 { Err(Error::invalid("x")) } else { Ok(i) });
        let out: Vec<_> = block_on(pump(items, |_| 8).collect());
        assert_eq!(out.len(), 701);
        assert!(out.last().unwrap().is_err());
        assert_eq!(
            out.iter().filter_map(|item| item.as_ref().ok()).copied().collect::<Vec<_>>(),
            (0..700).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_dying_iterator_is_an_error() {
        let items = (0..10).map(|i| if i == 5 { panic!("on purpose") } else { Ok(i) });
        let out: Vec<_> = block_on(pump(items, |_| CHUNK_WEIGHT).collect());
        assert_eq!(out.len(), 6);
        assert!(out.last().unwrap().is_err());
    }
}
