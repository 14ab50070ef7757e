//! Joining samples into batches.

use std::fmt;

use crate::array::{self, BatchMemory, NdArray};
use crate::{DictSample, Error, Result, ResultExt, Value};

/// A type of which several values make a batch.
///
/// `#[derive(Packable)]` implements it with a struct of columns (`DigitBatch` for `Digit`). Numbers, text and tuples
/// have it too, so that a mapped dataset can be batched.
///
/// ```
/// use atdata_core::Collate;
///
/// let (numbers, words) = <(i64, String)>::collate(vec![(1, "a".into()), (2, "b".into())])?;
/// assert_eq!(numbers, [1, 2]);
/// assert_eq!(words, ["a", "b"]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub trait Collate: Sized + Send + 'static {
    /// What several samples become.
    type Batch: Send + 'static;

    /// Joins samples, of which there is at least one. Arrays are made in `memory`.
    ///
    /// # Errors
    /// Arrays of one field differ in shape or dtype; the error names the field.
    fn collate_in(samples: Vec<Self>, memory: &BatchMemory) -> Result<Self::Batch>;

    /// Joins samples, of which there is at least one, in new memory.
    ///
    /// # Errors
    /// As [`collate_in`](Self::collate_in).
    fn collate(samples: Vec<Self>) -> Result<Self::Batch> {
        Self::collate_in(samples, &BatchMemory::default())
    }
}

macro_rules! plain {
    ($($t:ty),*) => {$(
        impl Collate for $t {
            type Batch = Vec<$t>;
            fn collate_in(samples: Vec<Self>, _: &BatchMemory) -> Result<Vec<$t>> {
                Ok(samples)
            }
        }
    )*};
}
plain!(bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, String, bytes::Bytes, Value);

impl Collate for NdArray {
    type Batch = NdArray;
    fn collate_in(samples: Vec<Self>, memory: &BatchMemory) -> Result<NdArray> {
        array::stack_in(&samples, memory)
    }
}

impl<A: Collate, B: Collate> Collate for (A, B) {
    type Batch = (A::Batch, B::Batch);
    fn collate_in(samples: Vec<Self>, memory: &BatchMemory) -> Result<Self::Batch> {
        let (a, b) = samples.into_iter().unzip();
        Ok((A::collate_in(a, memory)?, B::collate_in(b, memory)?))
    }
}

/// One field of a [`DictBatch`].
///
/// ```
/// use atdata_core::{Column, Value};
///
/// let column = Column::Values(vec![Value::from(1i64)]);
/// assert_eq!(column.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Arrays, stacked to shape `(n, …)`.
    Array(NdArray),
    /// Anything else, one value a sample.
    Values(Vec<Value>),
}

impl Column {
    /// The number of samples.
    pub fn len(&self) -> usize {
        match self {
            Column::Array(array) => array.shape().first().copied().unwrap_or_default(),
            Column::Values(values) => values.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A batch of [`DictSample`]s: one column a field, in the order of the first sample's fields.
///
/// ```
/// use atdata_core::{Collate, Column, DictSample, Value};
///
/// let samples: Vec<DictSample> = (0..3i64).map(|i| [("n", Value::from(i))].into_iter().collect()).collect();
/// let batch = DictSample::collate(samples)?;
/// assert_eq!(batch.len(), 3);
/// assert!(matches!(batch.get("n"), Some(Column::Values(values)) if values[2] == Value::Int(2)));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct DictBatch {
    len: usize,
    columns: Vec<(String, Column)>,
}

impl DictBatch {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The column of a field.
    pub fn get(&self, field: &str) -> Option<&Column> {
        self.columns.iter().find(|(name, _)| name == field).map(|(_, column)| column)
    }

    /// The fields and their columns.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }
}

impl fmt::Debug for DictBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.columns()).finish()
    }
}

/// Every sample must have the fields of the first one. A field whose values are all arrays is stacked.
impl Collate for DictSample {
    type Batch = DictBatch;

    fn collate_in(samples: Vec<Self>, memory: &BatchMemory) -> Result<DictBatch> {
        let len = samples.len();
        let names: Vec<String> = samples
            .first()
            .map(|first| first.fields().keys().map(str::to_owned).collect())
            .unwrap_or_default();
        let mut columns: Vec<(String, Vec<Value>)> =
            names.into_iter().map(|name| (name, Vec::with_capacity(len))).collect();
        for (index, sample) in samples.into_iter().enumerate() {
            let mut fields = sample.into_fields();
            if fields.len() != columns.len() {
                return Err(uneven(index));
            }
            for (name, values) in &mut columns {
                values.push(fields.take(name).ok_or_else(|| uneven(index).with("field", &*name))?);
            }
        }
        let columns = columns
            .into_iter()
            .map(|(name, values)| Ok((name.clone(), column(values, memory).context("field", name)?)))
            .collect::<Result<_>>()?;
        Ok(DictBatch { len, columns })
    }
}

fn uneven(index: usize) -> Error {
    Error::invalid(format!("sample {index} of the batch does not have the fields of the first one"))
}

fn column(values: Vec<Value>, memory: &BatchMemory) -> Result<Column> {
    let arrays: Option<Vec<NdArray>> = values.iter().map(|value| value.as_array().cloned()).collect();
    Ok(match arrays {
        Some(arrays) if !arrays.is_empty() => Column::Array(array::stack_in(&arrays, memory)?),
        _ => Column::Values(values),
    })
}
