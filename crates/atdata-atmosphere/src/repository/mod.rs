//! A repository: what is known of it, and how it is changed.
//!
//! A server lists records by key and finds them by key; an index finds them by name. So the records of a kind are read when
//! they are first needed, and what is known is used as long as the repository stays at the same commit, which is one
//! short question. What this program changes itself is taken over and not read again.

mod change;
mod head;
mod load;
mod spool;
mod table;
mod view;

use std::sync::Arc;

use atdata_core::{ErrorKind, Result};
use tokio::sync::Mutex;

use crate::records::RecordKind;
use crate::{Atmosphere, Did};
pub(crate) use change::{MAX_BYTES, MAX_WRITES, Plan, Write};
pub(crate) use head::microseconds;
pub(crate) use table::Row;
pub use view::MalformedRecord;
pub(crate) use view::View;

/// How often a repository is read again because it changed meanwhile.
const READINGS: u32 = 5;

/// The repository of an account.
#[derive(Debug)]
pub(crate) struct Repository {
    did: Did,
    state: Mutex<Option<Arc<View>>>,
    /// Held by the one that changes it: two of this program are not to be in each other's way.
    writing: Mutex<()>,
}

impl Repository {
    pub(crate) fn new(did: Did) -> Self {
        Self { did, state: Mutex::default(), writing: Mutex::default() }
    }

    /// The repository as it is now, with the records of these kinds.
    pub(crate) async fn view(&self, atmosphere: &Atmosphere, kinds: &[RecordKind]) -> Result<Arc<View>> {
        let seen = self.read(atmosphere, kinds).await;
        if let Err(error) = &seen
            && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable)
        {
            // It may live elsewhere by now.
            atmosphere.forget_identity(&self.did);
        }
        seen
    }

    async fn read(&self, atmosphere: &Atmosphere, kinds: &[RecordKind]) -> Result<Arc<View>> {
        let service = atmosphere.service_of(&self.did).await?;
        let mut state = self.state.lock().await;
        let mut head = load::head(&service, &self.did).await?;
        for reading in 1..=READINGS {
            let known = state.clone().filter(|view| view.commit == head);
            let missing: Vec<RecordKind> = kinds
                .iter()
                .copied()
                .filter(|kind| known.as_ref().is_none_or(|view| !view.has(*kind)))
                .collect();
            if let (Some(view), true) = (&known, missing.is_empty()) {
                return Ok(view.clone());
            }
            let mut view = match known {
                Some(view) => (*view).clone(),
                None => View::new(self.did.clone(), head.clone()),
            };
            for kind in missing {
                load::table(&service, &mut view, kind).await?;
            }
            // Pages of different commits are no state; but under a stream of changes it has to be good enough: what was
            // there all the time is in it, and the next question will find another commit and read again.
            let after = load::head(&service, &self.did).await?;
            if after == head || reading == READINGS {
                let view = Arc::new(view);
                *state = Some(view.clone());
                return Ok(view);
            }
            head = after;
        }
        Err(atdata_core::Error::unavailable("the repository changes faster than it can be read"))
    }
}
