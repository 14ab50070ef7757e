//! Lenses in an index.

use async_trait::async_trait;

use super::{DataLens, LensRecord};
use crate::protocol::StoredLens;
use crate::schema::SampleSchema;
use crate::{DictSample, Error, ErrorKind, Index, Lens, Result, ResultExt};

/// How often a version is taken that somebody else has just published.
const ATTEMPTS: usize = 16;

/// A lens of an index, held against the schemas that it is between.
///
/// ```
/// fn show(open: &atdata_core::lens::OpenLens) -> String {
///     format!("{} sees {} as {}", open.data.name, open.source.name, open.view.name)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenLens {
    /// The reference, in the index's own form.
    pub reference: String,
    /// The lens as data.
    pub data: DataLens,
    /// The schema that is looked at.
    pub source: SampleSchema,
    /// The schema that is seen.
    pub view: SampleSchema,
    /// The lens.
    pub lens: Lens<DictSample, DictSample>,
}

/// What follows from the methods of every [`Index`] that keeps lenses.
///
/// ```
/// use atdata_core::lens::{DataLens, LensIndexExt};
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
/// use atdata_core::{DictSample, Index, MemoryIndex};
///
/// # futures::executor::block_on(async {
/// let index = MemoryIndex::new();
/// index.publish_schema(&SampleSchema::new("Old").field(Field::new("n", Primitive::Int))).await?;
/// index.publish_schema(&SampleSchema::new("New").field(Field::new("count", Primitive::Int))).await?;
/// index.publish_data_lens(&DataLens::new("count", "Old", "New").rename("n", "count")).await?;
///
/// let open = index.open_lens("count").await?;
/// assert_eq!(open.data.source_schema, "atdata://local/sampleSchema/Old@1.0.0");
/// assert_eq!(open.lens.get(&DictSample::from_iter([("n", 3i64)]))?, DictSample::from_iter([("count", 3i64)]));
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait LensIndexExt: Index {
    /// Holds a data lens against the schemas that it names, which the index must have, and publishes it under its version.
    /// The record names the schemas as the index does, with their versions.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the index does not have one of the schemas; as [`DataLens::lens`] and
    /// [`Index::publish_lens`].
    async fn publish_data_lens(&self, lens: &DataLens) -> Result<String> {
        self.publish_lens(&self.lens_record(lens).await?).await
    }

    /// Publishes a data lens under the patch version that follows the latest one of its name, or gives the reference of the
    /// latest if that is the same lens.
    ///
    /// # Errors
    /// As [`LensIndexExt::publish_data_lens`]; [`Conflict`](crate::ErrorKind::Conflict) if others publish faster.
    async fn publish_next_lens(&self, lens: &DataLens) -> Result<String> {
        let mut record = self.lens_record(lens).await?;
        for _ in 0..ATTEMPTS {
            match self.get_lens(&lens.name).await {
                Ok(latest) if latest.record.check_republication(&record).is_ok() => {
                    return Ok(latest.reference);
                }
                Ok(latest) => {
                    let Some(version) = latest.record.version.release() else {
                        return Err(Error::invalid(
                            "the latest version is not three numbers: say which comes next",
                        )
                        .with("lens", latest.reference));
                    };
                    record.version = version.next_patch().into();
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
            match self.publish_lens(&record).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Error::conflict("others keep publishing versions of this lens").with("lens", &lens.name))
    }

    /// The record of a data lens, held against the schemas that it names and with their references in the index's own form.
    ///
    /// # Errors
    /// As [`LensIndexExt::publish_data_lens`].
    async fn lens_record(&self, lens: &DataLens) -> Result<LensRecord> {
        lens.validate()?;
        let source = self.get_schema(&lens.source_schema).await.context("lens", &lens.name)?;
        let view = self.get_schema(&lens.view_schema).await.context("lens", &lens.name)?;
        let pinned =
            DataLens { source_schema: source.reference, view_schema: view.reference, ..lens.clone() };
        LensRecord::of(&pinned, &source.schema, &view.schema)
    }

    /// Finds a lens and makes it ready to use, if the record says all that it does.
    ///
    /// # Errors
    /// As [`Index::get_lens`] and [`LensRecord::data`]; a schema is not found, or the lens does not fit it.
    async fn open_lens(&self, reference: &str) -> Result<OpenLens> {
        let stored = self.get_lens(reference).await?;
        let data = stored.record.data()?;
        self.open_data_lens(&stored, data).await
    }

    /// The same for a lens of which only the names of the fields are known: see [`LensRecord::as_unverified`].
    ///
    /// # Errors
    /// As [`LensIndexExt::open_lens`] and [`LensRecord::as_unverified`].
    async fn open_unverified_lens(&self, reference: &str) -> Result<OpenLens> {
        let stored = self.get_lens(reference).await?;
        let data = stored.record.as_unverified()?;
        self.open_data_lens(&stored, data).await
    }

    /// Makes a lens ready to use with the schemas that the index has.
    ///
    /// # Errors
    /// A schema is not found, or the lens does not fit it.
    async fn open_data_lens(&self, stored: &StoredLens, data: DataLens) -> Result<OpenLens> {
        let source = self.get_schema(&data.source_schema).await.context("lens", &stored.reference)?.schema;
        let view = self.get_schema(&data.view_schema).await.context("lens", &stored.reference)?.schema;
        let lens = data.lens(&source, &view)?;
        Ok(OpenLens { reference: stored.reference.clone(), data, source, view, lens })
    }
}

impl<T: Index + ?Sized> LensIndexExt for T {}
