//! Lenses: a way to see one type as another, and to put changes back.

use std::fmt;
use std::sync::Arc;

use crate::msgpack::{UnpackOptions, UnpackPolicy};
use crate::schema::{SampleSchema, diff};
use crate::{DictSample, Error, Result, Sample};

type Get<S, V> = Arc<dyn Fn(&S) -> Result<V> + Send + Sync>;
type Put<S, V> = Arc<dyn Fn(&V, &S) -> Result<S> + Send + Sync>;

/// A view `V` of a source `S`: `get` makes it, `put` brings a changed view back into a source.
///
/// A lens is well-behaved if what is put is what is got (`get(put(v, s)) == v`), putting back what was got changes
/// nothing (`put(get(s), s) == s`), and of two puts only the second counts.
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
}

impl<S, V> Clone for Lens<S, V> {
    fn clone(&self) -> Self {
        Self { get: self.get.clone(), put: self.put.clone() }
    }
}

impl<S, V> fmt::Debug for Lens<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lens<{}, {}>", std::any::type_name::<S>(), std::any::type_name::<V>())
    }
}

impl<S: 'static, V: 'static> Lens<S, V> {
    /// A lens of two functions that cannot fail.
    pub fn new(
        get: impl Fn(&S) -> V + Send + Sync + 'static,
        put: impl Fn(&V, &S) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::fallible(move |source| Ok(get(source)), move |view, source| Ok(put(view, source)))
    }

    /// A lens of two functions that can fail.
    pub fn fallible(
        get: impl Fn(&S) -> Result<V> + Send + Sync + 'static,
        put: impl Fn(&V, &S) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        Self { get: Arc::new(get), put: Arc::new(put) }
    }

    /// A lens that only looks: putting anything back leaves the source as it is, as in Python.
    pub fn getter(get: impl Fn(&S) -> V + Send + Sync + 'static) -> Self
    where
        S: Clone,
    {
        Self::new(get, |_, source| source.clone())
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

    /// This lens, and another one on what it sees.
    #[must_use]
    pub fn then<W: 'static>(&self, next: &Lens<V, W>) -> Lens<S, W> {
        let (first, second) = (self.clone(), next.clone());
        let (get_first, get_second) = (first.clone(), second.clone());
        Lens::fallible(
            move |source| get_second.get(&get_first.get(source)?),
            move |view, source| first.put(&second.put(view, &first.get(source)?)?, source),
        )
    }
}

impl<S: Clone + 'static> Lens<S, S> {
    /// The lens that changes nothing.
    pub fn identity() -> Self {
        Self::new(S::clone, |view, _| view.clone())
    }
}

impl<S: Sample, V: Sample> Lens<S, V> {
    /// The lens by structure: the view has the source's fields of the same names. Its other fields are `None` or
    /// their default; putting a view back replaces the fields that both have and keeps the others.
    ///
    /// ```
    /// use atdata_core::{DictSample, Lens};
    ///
    /// let lens = Lens::<DictSample, DictSample>::structural();
    /// let source = DictSample::from_iter([("a", 1i64), ("b", 2)]);
    /// let changed = lens.put(&DictSample::from_iter([("a", 9i64), ("c", 7)]), &source)?;
    /// assert_eq!(changed, DictSample::from_iter([("a", 9i64), ("b", 2)]));
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn structural() -> Self {
        Self::fallible(
            |source| convert(source),
            |view, source| {
                let view: DictSample = convert(view)?;
                let mut merged: DictSample = convert(source)?;
                for (field, value) in view.into_fields() {
                    if let Some(place) = merged.fields_mut().get_mut(&field) {
                        *place = value;
                    }
                }
                convert(&merged)
            },
        )
    }
}

impl Lens<DictSample, DictSample> {
    /// The lens by structure between two schemas, for samples without a compile-time type: the view has exactly the fields
    /// of `view`, each from the source or, where that has none, `None` or its default. Putting a view back replaces the
    /// fields that both have and keeps the others; the result is held against `source`.
    ///
    /// ```
    /// use atdata_core::schema::{Field, Primitive, SampleSchema};
    /// use atdata_core::{DictSample, Lens};
    ///
    /// let wide = SampleSchema::new("Wide").field(Field::new("a", Primitive::Int)).field(Field::new("b", Primitive::Int));
    /// let narrow = SampleSchema::new("Narrow").field(Field::new("b", Primitive::Int));
    /// let lens = Lens::between(&wide, &narrow)?;
    /// let source = DictSample::from_iter([("a", 1i64), ("b", 2)]);
    /// assert_eq!(lens.get(&source)?, DictSample::from_iter([("b", 2i64)]));
    /// assert_eq!(lens.put(&DictSample::from_iter([("b", 9i64)]), &source)?, DictSample::from_iter([("a", 1i64), ("b", 9)]));
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the difference if data of `source` cannot be read as `view`.
    pub fn between(source: &SampleSchema, view: &SampleSchema) -> Result<Self> {
        let difference = diff(source, view);
        if !difference.can_read_old_data() {
            return Err(Error::invalid(format!("no lens leads from one schema to the other:\n{difference}"))
                .with("schema", &view.name));
        }
        let (source_schema, view_schema) = (Arc::new(source.clone()), Arc::new(view.clone()));
        Ok(Self::fallible(
            move |source| {
                let mut fields = fitted(source, &view_schema)?.into_fields();
                let names = view_schema.fields.iter().map(|field| field.name.as_str());
                Ok(names.filter_map(|name| Some((name, fields.take(name)?))).collect())
            },
            move |view, source| {
                let mut merged = source.clone();
                for (field, value) in
                    view.fields().iter().filter(|(name, _)| source_schema.get(name).is_some())
                {
                    merged.insert(field, value.clone());
                }
                fitted(&merged, &source_schema)
            },
        ))
    }
}

/// A sample as a schema says that it is, with what it lacks filled in.
fn fitted(sample: &DictSample, schema: &Arc<SampleSchema>) -> Result<DictSample> {
    let options = UnpackOptions::default().with_policy(UnpackPolicy::Lenient).with_schema(schema.clone());
    DictSample::unpack(&sample.pack()?, &options)
}

/// One sample type to another by way of its stored form.
fn convert<A: Sample, B: Sample>(sample: &A) -> Result<B> {
    B::unpack(&sample.pack()?, &UnpackOptions::default().with_policy(UnpackPolicy::Lenient))
}
