//! Lenses without their types, so that those between types that only they know can be joined.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use crate::lens::{Laws, Lens};
use crate::{Error, Result};

type Get = dyn Fn(&dyn Any) -> Result<Box<dyn Any>> + Send + Sync;
type Put = dyn Fn(&dyn Any, &dyn Any) -> Result<Box<dyn Any>> + Send + Sync;

/// A lens without its types.
#[derive(Clone)]
pub(super) struct Erased {
    get: Arc<Get>,
    put: Arc<Put>,
    laws: Laws,
}

impl Erased {
    pub(super) fn new<S: 'static, V: 'static>(lens: &Lens<S, V>) -> Self {
        let (get, put) = (lens.clone(), lens.clone());
        Self {
            get: Arc::new(move |source| Ok(Box::new(get.get(typed::<S>(source)?)?))),
            put: Arc::new(move |view, source| Ok(Box::new(put.put(typed::<V>(view)?, typed::<S>(source)?)?))),
            laws: lens.laws(),
        }
    }

    /// This lens and another one on what it sees.
    pub(super) fn then(&self, next: &Self) -> Self {
        let (get_first, get_next) = (self.get.clone(), next.get.clone());
        let (first, put_first, put_next) = (self.get.clone(), self.put.clone(), next.put.clone());
        Self {
            get: Arc::new(move |source| get_next(&*get_first(source)?)),
            put: Arc::new(move |view, source| put_first(&*put_next(view, &*first(source)?)?, source)),
            laws: self.laws.min(next.laws),
        }
    }

    /// The lens with its types.
    pub(super) fn into_lens<S: 'static, V: 'static>(self) -> Lens<S, V> {
        let (get, put) = (self.get, self.put);
        let lens = Lens::fallible(
            move |source: &S| owned(get(source)?),
            move |view: &V, source: &S| owned(put(view, source)?),
        );
        lens.with_laws(self.laws)
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Erased").field("laws", &self.laws).finish_non_exhaustive()
    }
}

/// The types of neighbours in a path are the same, so this does not fail.
fn mismatch<T>() -> Error {
    Error::unexpected(format!("a lens got a value that is no {}", type_name::<T>()))
}

fn typed<T: 'static>(value: &dyn Any) -> Result<&T> {
    value.downcast_ref().ok_or_else(mismatch::<T>)
}

fn owned<T: 'static>(value: Box<dyn Any>) -> Result<T> {
    value.downcast().map(|value| *value).map_err(|_| mismatch::<T>())
}
