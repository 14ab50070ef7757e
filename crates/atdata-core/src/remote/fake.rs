//! A server for tests, with faults by script.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::client::{Get, ObjectBody, ObjectClient, ObjectInfo, Validator};
use crate::{Error, Result};

/// What goes wrong with one answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// No answer, but an error that may be repeated.
    Busy(Option<Duration>),
    /// An error that is final.
    Denied,
    /// No answer at all.
    Silent,
    /// The connection is lost after so many bytes.
    Cut(usize),
    /// The answer ends, as if it were complete, after so many bytes.
    Short(usize),
    /// Nothing comes after so many bytes.
    Stall(usize),
    /// The answer is the whole object.
    Whole,
    /// The answer begins behind the byte that was asked for.
    Late,
    /// The object is another one from here on: the validator too, if the first is true, and the length, if the second
    /// is.
    Change(bool, bool),
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub(in crate::remote) state: Mutex<State>,
    /// Whether there is a validator.
    pub(crate) versioned: bool,
    /// Whether the length is said.
    pub(crate) sized: bool,
    pub(crate) chunk: usize,
    pub(crate) requests: AtomicU64,
    pub(crate) moved: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(in crate::remote) struct State {
    pub(in crate::remote) object: Bytes,
    pub(in crate::remote) version: u32,
    faults: VecDeque<Fault>,
}

impl Fake {
    pub(crate) fn new(object: Bytes, faults: impl IntoIterator<Item = Fault>) -> Self {
        let faults = faults.into_iter().collect();
        Self {
            state: Mutex::new(State { object, version: 1, faults }),
            versioned: true,
            sized: true,
            chunk: 1000,
            requests: AtomicU64::new(0),
            moved: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.moved.load(Ordering::Relaxed))
    }

    fn info(&self, state: &State) -> ObjectInfo {
        ObjectInfo {
            size: self.sized.then_some(state.object.len() as u64),
            validator: self.versioned.then(|| Validator::ETag(format!("\"{}\"", state.version))),
        }
    }
}

#[async_trait]
impl ObjectClient for Fake {
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (mut object, info, fault) = {
            let mut state = self.state.lock().unwrap();
            let fault = state.faults.pop_front().unwrap_or(Fault::None);
            if let Fault::Change(noticed, other_size) = fault {
                let mut bytes = state.object.to_vec();
                bytes.iter_mut().for_each(|byte| *byte ^= 1);
                bytes.truncate(bytes.len() - usize::from(other_size));
                state.object = bytes.into();
                state.version += u32::from(noticed);
            }
            (state.object.clone(), self.info(&state), fault)
        };
        match fault {
            Fault::Busy(wait) => {
                let error = Error::unavailable("busy");
                return Err(wait.into_iter().fold(error, Error::with_retry_after));
            }
            Fault::Denied => return Err(Error::permission_denied("denied")),
            Fault::Silent => return std::future::pending().await,
            _ => {}
        }
        if get.if_match.is_some_and(|wanted| Some(wanted) != info.validator.as_ref()) {
            return Err(Error::conflict("412"));
        }
        let (mut start, mut is_part) = (0, false);
        if let Some(range) = get.range.filter(|_| !matches!(fault, Fault::Whole)) {
            let size = object.len() as u64;
            start = range.start + u64::from(matches!(fault, Fault::Late));
            if range.start >= size {
                return Err(Error::corrupt("416"));
            }
            let end = range.end.unwrap_or(size).min(size);
            object = object.slice(start.min(end) as usize..end as usize);
            is_part = true;
        }
        let (sent, ending) = match fault {
            Fault::Cut(n) => (n, stream::iter([Err(Error::unavailable("reset"))]).boxed()),
            Fault::Stall(n) => (n, stream::pending().boxed()),
            Fault::Short(n) => (n, stream::empty().boxed()),
            _ => (usize::MAX, stream::empty().boxed()),
        };
        let sent = object.slice(..sent.min(object.len()));
        let chunks: Vec<Bytes> = sent.chunks(self.chunk).map(|chunk| sent.slice_ref(chunk)).collect();
        let moved = self.moved.clone();
        let chunks = stream::iter(chunks).map(move |chunk| {
            moved.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            Ok(chunk)
        });
        Ok(ObjectBody { info, start, is_part, chunks: chunks.chain(ending).boxed() })
    }

    async fn head(&self, _url: &str) -> Result<ObjectInfo> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(self.info(&self.state.lock().unwrap()))
    }
}
