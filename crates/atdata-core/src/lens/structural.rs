//! Lenses that follow from structure: fields of the same names.

use std::sync::Arc;

use super::typed::{Laws, Lens};
use crate::msgpack::{UnpackOptions, UnpackPolicy};
use crate::schema::{Field, SampleSchema, diff};
use crate::{DictSample, Error, Result, Sample, Value};

impl<S: Sample, V: Sample> Lens<S, V> {
    /// The lens by structure: the view has the source's fields of the same names. Its other fields are `None` or
    /// their default; putting a view back replaces the fields that both have and keeps the others. If both types have a
    /// schema and the view has fields that the source does not have, it is a [getter](Laws::GetOnly): those are lost.
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
        let loses = match (S::static_schema(), V::static_schema()) {
            (Some(source), Some(view)) => view.fields.iter().any(|field| source.get(&field.name).is_none()),
            _ => false,
        };
        let laws = if loses { Laws::GetOnly } else { Laws::VeryWellBehaved };
        let lens = Self::fallible(
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
        );
        lens.with_laws(laws)
    }
}

impl Lens<DictSample, DictSample> {
    /// The lens by structure between two schemas, for samples without a compile-time type: the view has exactly the fields
    /// of `view`, each from the source or, where that has none, `None` or its default. Putting a view back replaces the
    /// fields that both have and keeps the others; the result is held against `source`. A view in which one of the other
    /// fields was changed is refused: the source has no place for it.
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
        let put_schema = view_schema.clone();
        Ok(Self::fallible(
            move |source| {
                let mut fields = fitted(source, &view_schema)?.into_fields();
                let names = view_schema.fields.iter().map(|field| field.name.as_str());
                Ok(names.filter_map(|name| Some((name, fields.take(name)?))).collect())
            },
            move |view, source| {
                let mut merged = source.clone();
                for (name, value) in view.fields().iter() {
                    if source_schema.get(name).is_some() {
                        merged.insert(name, value.clone());
                    } else if put_schema.get(name).is_none_or(|field| *value != filled_in(field)) {
                        return Err(Error::invalid("the source has no place for what was changed")
                            .with("field", name)
                            .with("schema", &source_schema.name));
                    }
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

/// What a sample has where the data have nothing.
fn filled_in(field: &Field) -> Value {
    field.default.clone().unwrap_or_default()
}

/// One sample type to another by way of its stored form.
pub(super) fn convert<A: Sample, B: Sample>(sample: &A) -> Result<B> {
    B::unpack(&sample.pack()?, &UnpackOptions::default().with_policy(UnpackPolicy::Lenient))
}
