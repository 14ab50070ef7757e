//! A lens of two functions.

use std::fmt;
use std::sync::Arc;

use crate::Result;

type Get<S, V> = Arc<dyn Fn(&S) -> Result<V> + Send + Sync>;
type Put<S, V> = Arc<dyn Fn(&V, &S) -> Result<S> + Send + Sync>;

/// Which laws a lens promises to obey, the more the greater. For values that a function refuses nothing is promised.
///
/// - *PutGet*: what is put is what is got, `get(put(v, s)) == v`.
/// - *GetPut*: putting back what was got changes nothing, `put(get(s), s) == s`.
/// - *PutPut*: of two puts only the second counts, `put(w, put(v, s)) == put(w, s)`.
///
/// ```
/// use atdata_core::lens::{Laws, Lens};
///
/// let length = Lens::getter(|text: &String| text.len());
/// assert_eq!(length.laws(), Laws::GetOnly);
/// assert!(!length.laws().is_lawful());
/// assert!(Laws::WellBehaved < Laws::VeryWellBehaved);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Laws {
    /// It only looks: putting anything back leaves the source as it is, as in Python. PutGet does not hold.
    GetOnly,
    /// PutGet and GetPut.
    WellBehaved,
    /// PutGet, GetPut and PutPut.
    VeryWellBehaved,
}

impl Laws {
    /// Whether what is put is what is got, and putting back what was got changes nothing.
    pub fn is_lawful(self) -> bool {
        self >= Laws::WellBehaved
    }
}

/// In words.
impl fmt::Display for Laws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Laws::GetOnly => "a getter, which puts nothing back",
            Laws::WellBehaved => "well-behaved: PutGet and GetPut",
            Laws::VeryWellBehaved => "very well-behaved: PutGet, GetPut and PutPut",
        })
    }
}

/// A view `V` of a source `S`: `get` makes it, `put` brings a changed view back into a source.
///
/// Who makes a lens of functions promises that they obey the [`Laws`]; `atdata_testkit::lens_laws` checks it.
///
/// ```
/// use atdata_core::Lens;
///
/// #[derive(Clone, PartialEq, Debug)]
/// struct Person { name: String, age: u32 }
///
/// let name = Lens::new(
///     |person: &Person| person.name.clone(),
///     |name: &String, person: &Person| Person { name: name.clone(), ..person.clone() },
/// );
/// let ada = Person { name: "Ada".into(), age: 36 };
/// assert_eq!(name.get(&ada)?, "Ada");
/// assert_eq!(name.put(&"Eva".to_owned(), &ada)?, Person { name: "Eva".into(), age: 36 });
///
/// let length = Lens::getter(|name: &String| name.len());
/// assert_eq!(name.then(&length).get(&ada)?, 3);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub struct Lens<S, V> {
    get: Get<S, V>,
    put: Put<S, V>,
    laws: Laws,
}

impl<S, V> Clone for Lens<S, V> {
    fn clone(&self) -> Self {
        Self { get: self.get.clone(), put: self.put.clone(), laws: self.laws }
    }
}

impl<S, V> fmt::Debug for Lens<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lens<{}, {}>", std::any::type_name::<S>(), std::any::type_name::<V>())
    }
}

impl<S: 'static, V: 'static> Lens<S, V> {
    /// A lens of two functions that cannot fail, and promise all laws.
    pub fn new(
        get: impl Fn(&S) -> V + Send + Sync + 'static,
        put: impl Fn(&V, &S) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::fallible(move |source| Ok(get(source)), move |view, source| Ok(put(view, source)))
    }

    /// A lens of two functions that can fail, and promise all laws.
    pub fn fallible(
        get: impl Fn(&S) -> Result<V> + Send + Sync + 'static,
        put: impl Fn(&V, &S) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        Self { get: Arc::new(get), put: Arc::new(put), laws: Laws::VeryWellBehaved }
    }

    /// A lens that only looks: putting anything back leaves the source as it is, as in Python.
    pub fn getter(get: impl Fn(&S) -> V + Send + Sync + 'static) -> Self
    where
        S: Clone,
    {
        Self::new(get, |_, source| source.clone()).with_laws(Laws::GetOnly)
    }

    /// Sets which laws it promises to obey.
    #[must_use]
    pub fn with_laws(mut self, laws: Laws) -> Self {
        self.laws = laws;
        self
    }

    /// Which laws it promises to obey.
    pub fn laws(&self) -> Laws {
        self.laws
    }

    /// The view of a source.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn get(&self, source: &S) -> Result<V> {
        (self.get)(source)
    }

    /// The source with a changed view put back.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn put(&self, view: &V, source: &S) -> Result<S> {
        (self.put)(view, source)
    }

    /// This lens, and another one on what it sees. It obeys the laws that both obey.
    #[must_use]
    pub fn then<W: 'static>(&self, next: &Lens<V, W>) -> Lens<S, W> {
        let laws = self.laws.min(next.laws);
        let (first, second) = (self.clone(), next.clone());
        let (get_first, get_second) = (first.clone(), second.clone());
        Lens::fallible(
            move |source| get_second.get(&get_first.get(source)?),
            move |view, source| first.put(&second.put(view, &first.get(source)?)?, source),
        )
        .with_laws(laws)
    }
}

impl<S: Clone + 'static> Lens<S, S> {
    /// The lens that changes nothing.
    pub fn identity() -> Self {
        Self::new(S::clone, |view, _| view.clone())
    }
}
