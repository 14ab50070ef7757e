//! Finds the lens that leads from one type or schema to another.

mod erased;
mod graph;
mod load;

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, BTreeSet};

use self::erased::Erased;
use self::graph::{Edge, Search, shortest};
pub use self::load::Loaded;
use super::data::typed;
use super::{DataLens, Lens};
use crate::schema::{SampleSchema, SchemaVersion, diff};
use crate::{DictSample, Error, Packable, Result};

/// Lenses between types, and data lenses between schemas, and the ways that they make.
///
/// The lens from one to another is, of these, the first that there is:
///
/// 1. the identity, if both are the same;
/// 2. the path with the fewest lenses; of several that are as short the one with the most lenses that are
///    [preferred](LensRegistry::prefer). If that does not decide it is an error that names two of them. Paths may run through
///    cycles of lenses without end; between types those of types come first, then those of data lenses between their schemas;
/// 3. the lens by structure, if data of the one can be read as the other.
///
/// The order in which lenses were registered does not matter.
///
/// ```
/// use atdata_core::lens::{DataLens, LensRegistry};
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
/// use atdata_core::DictSample;
///
/// let schema = |name: &str, field: &str| SampleSchema::new(name).field(Field::new(field, Primitive::Int));
/// let (a, b, c) = (schema("A", "x"), schema("B", "y"), schema("C", "z"));
/// let mut registry = LensRegistry::new();
/// registry.register_data(&DataLens::new("ab", "A@1.0.0", "B@1.0.0").rename("x", "y"), &a, &b)?;
/// registry.register_data(&DataLens::new("bc", "B@1.0.0", "C@1.0.0").rename("y", "z"), &b, &c)?;
///
/// let lens = registry.find_data(&a, &c)?;
/// assert_eq!(lens.get(&DictSample::from_iter([("x", 1i64)]))?, DictSample::from_iter([("z", 1i64)]));
/// assert!(registry.find_data(&c, &a).unwrap_err().is_not_found());
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LensRegistry {
    typed: Vec<TypedLens>,
    data: Vec<SchemaLens>,
    schemas: BTreeMap<SchemaKey, SampleSchema>,
    preferred: BTreeSet<String>,
}

/// Name and version of a schema.
type SchemaKey = (String, SchemaVersion);

#[derive(Clone, Debug)]
struct TypedLens {
    from: (TypeId, &'static str),
    to: (TypeId, &'static str),
    name: String,
    lens: Erased,
}

#[derive(Clone, Debug)]
struct SchemaLens {
    from: SchemaKey,
    to: SchemaKey,
    name: String,
    version: SchemaVersion,
    lens: Lens<DictSample, DictSample>,
}

impl SchemaLens {
    fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

fn key(schema: &SampleSchema) -> SchemaKey {
    (schema.name.clone(), schema.version.clone())
}

impl LensRegistry {
    /// A registry without lenses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a lens between two types, under a name to speak of it.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if there is one of this name between them.
    ///
    /// ```
    /// use atdata_core::Lens;
    /// use atdata_core::lens::LensRegistry;
    ///
    /// let mut registry = LensRegistry::new();
    /// registry.register("length", Lens::getter(|text: &String| text.len()))?;
    /// assert!(registry.register("length", Lens::getter(|text: &String| text.len())).is_err());
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn register<S: 'static, V: 'static>(
        &mut self,
        name: impl Into<String>,
        lens: Lens<S, V>,
    ) -> Result<()> {
        let name = name.into();
        let (from, to) = ((TypeId::of::<S>(), type_name::<S>()), (TypeId::of::<V>(), type_name::<V>()));
        if self.typed.iter().any(|it| it.name == name && it.from.0 == from.0 && it.to.0 == to.0) {
            return Err(
                Error::already_exists("there is a lens of this name between these types").with("lens", name)
            );
        }
        self.typed.push(TypedLens { from, to, name, lens: Erased::new(&lens) });
        Ok(())
    }

    /// Registers a data lens between two schemas.
    ///
    /// # Errors
    /// As [`DataLens::lens`]; [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if there is one of this name and version
    /// between them; [`Conflict`](crate::ErrorKind::Conflict) if a schema of the same name and version is known that has
    /// other fields.
    pub fn register_data(
        &mut self,
        lens: &DataLens,
        source: &SampleSchema,
        view: &SampleSchema,
    ) -> Result<()> {
        let ready = lens.lens(source, view)?;
        let entry = SchemaLens {
            from: key(source),
            to: key(view),
            name: lens.name.clone(),
            version: lens.version.clone(),
            lens: ready,
        };
        let is_there = |it: &SchemaLens| {
            it.from == entry.from && it.to == entry.to && it.full_name() == entry.full_name()
        };
        if self.data.iter().any(is_there) {
            return Err(Error::already_exists("there is a lens of this name between these schemas")
                .with("lens", entry.full_name()));
        }
        for schema in [source, view] {
            if let Some(known) = self.schemas.get(&key(schema))
                && !diff(known, schema).is_identical()
            {
                return Err(Error::conflict("a schema of this name and version is known with other fields")
                    .with("schema", format!("{}@{}", schema.name, schema.version))
                    .with_retryable(false));
            }
        }
        for schema in [source, view] {
            self.schemas.entry(key(schema)).or_insert_with(|| schema.clone());
        }
        self.data.push(entry);
        Ok(())
    }

    /// Prefers a lens, by its name or of a data lens its name with the version, where paths are as short as each other.
    pub fn prefer(&mut self, name: impl Into<String>) {
        self.preferred.insert(name.into());
    }

    /// The lens from one type to another.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) with what was tried; [`Conflict`](crate::ErrorKind::Conflict) if two paths are
    /// as good as each other.
    pub fn find<S: Packable + Clone, V: Packable>(&self) -> Result<Lens<S, V>> {
        let (from, to) = (TypeId::of::<S>(), TypeId::of::<V>());
        let names = (type_name::<S>(), type_name::<V>());
        if from == to {
            let identity: Box<dyn Any> = Box::new(Lens::<S, S>::identity());
            if let Ok(identity) = identity.downcast() {
                return Ok(*identity);
            }
        }
        let edges = self.typed_edges();
        match shortest(&edges, &from, &to) {
            Search::Path(path) => {
                let mut lenses = path.iter().filter_map(|at| self.typed.get(*at)).map(|it| it.lens.clone());
                if let Some(first) = lenses.next() {
                    return Ok(lenses.fold(first, |lens, next| lens.then(&next)).into_lens());
                }
            }
            Search::Ambiguous(a, b) => return Err(ambiguous(&edges, [a, b], names.0, names.1)),
            Search::Nothing => {}
        }
        let (source, view) = (S::schema(), V::schema());
        if let Some(lens) = self.path_between(&source, &view)? {
            return Ok(typed(lens));
        }
        let difference = diff(&source, &view);
        if difference.can_read_old_data() {
            return Ok(Lens::structural());
        }
        let leading = self.typed.iter().filter(|it| it.from.0 == from).map(|it| it.to.1.to_owned());
        let tried = self.typed.len() + self.data.len();
        Err(not_found(names.0, names.1, tried, leading.collect(), difference.backward()))
    }

    /// The lens from one schema to another, for samples without a compile-time type.
    ///
    /// # Errors
    /// As [`LensRegistry::find`].
    pub fn find_data(
        &self,
        source: &SampleSchema,
        view: &SampleSchema,
    ) -> Result<Lens<DictSample, DictSample>> {
        let difference = diff(source, view);
        if key(source) == key(view) && difference.is_identical() {
            return Ok(Lens::identity());
        }
        if let Some(lens) = self.path_between(source, view)? {
            return Ok(lens);
        }
        if difference.can_read_old_data() {
            return Lens::between(source, view);
        }
        let from = key(source);
        let leading = self.data.iter().filter(|it| it.from == from).map(|it| shown(&it.to)).collect();
        let (from, to) = (shown(&from), shown(&key(view)));
        Err(not_found(&from, &to, self.data.len(), leading, difference.backward()))
    }

    /// The path of data lenses between two schemas, if they are the ones that those were made for.
    fn path_between(
        &self,
        source: &SampleSchema,
        view: &SampleSchema,
    ) -> Result<Option<Lens<DictSample, DictSample>>> {
        let is_known = |schema: &SampleSchema| {
            self.schemas.get(&key(schema)).is_some_and(|known| diff(known, schema).is_identical())
        };
        if !is_known(source) || !is_known(view) {
            return Ok(None);
        }
        let edges: Vec<Edge<SchemaKey>> = self
            .data
            .iter()
            .map(|it| {
                let name = it.full_name();
                let preferred = self.preferred.contains(&name) || self.preferred.contains(&it.name);
                Edge { from: it.from.clone(), to: it.to.clone(), name, preferred }
            })
            .collect();
        let (from, to) = (key(source), key(view));
        match shortest(&edges, &from, &to) {
            Search::Nothing => Ok(None),
            Search::Ambiguous(a, b) => Err(ambiguous(&edges, [a, b], &shown(&from), &shown(&to))),
            Search::Path(path) => {
                let lenses = path.iter().filter_map(|at| self.data.get(*at)).map(|it| it.lens.clone());
                Ok(lenses.reduce(|lens, next| lens.then(&next)))
            }
        }
    }

    fn typed_edges(&self) -> Vec<Edge<TypeId>> {
        let edge = |it: &TypedLens| {
            let preferred = self.preferred.contains(&it.name);
            Edge { from: it.from.0, to: it.to.0, name: it.name.clone(), preferred }
        };
        self.typed.iter().map(edge).collect()
    }
}

fn shown((name, version): &SchemaKey) -> String {
    format!("{name}@{version}")
}

fn ambiguous<N>(edges: &[Edge<N>], paths: [Vec<usize>; 2], from: &str, to: &str) -> Error {
    let [a, b] = paths.map(|path| {
        let names: Vec<&str> =
            path.iter().filter_map(|at| edges.get(*at)).map(|edge| edge.name.as_str()).collect();
        names.join(" then ")
    });
    let message = format!("several lenses lead there: {a}, or {b}; prefer one of them");
    Error::conflict(message).with("from", from).with("to", to).with_retryable(false)
}

fn not_found(from: &str, to: &str, tried: usize, mut leading: Vec<String>, reasons: &[String]) -> Error {
    leading.sort();
    leading.dedup();
    let paths = match (tried, leading.is_empty()) {
        (0, _) => "no lenses are registered".to_owned(),
        (tried, true) => format!("none of the {tried} registered lenses begins there"),
        (tried, false) => {
            format!("the {tried} registered lenses lead from there to {} only", leading.join(", "))
        }
    };
    let reasons = reasons.join("; ");
    Error::not_found(format!(
        "no lens leads there: they are not the same; {paths}; by structure it does not fit: {reasons}"
    ))
    .with("from", from)
    .with("to", to)
}
