//! What a field's attributes say about an array or about the content of bytes.

use proc_macro2::Span;
use syn::{Error, LitStr, Result};

use crate::errors::Errors;
use crate::options::Options;

/// The dtypes that Python's schemas know.
const DTYPES: [&str; 14] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
];

/// What a field holds, beyond what its type says.
pub(crate) enum Hint {
    Array(ArrayHint),
    Bytes(BytesKind, Span),
}

/// A documented array.
pub(crate) struct ArrayHint {
    /// The text of `kind`, if the array is structured.
    pub(crate) structured: Option<Span>,
    pub(crate) dtype: Option<LitStr>,
    pub(crate) shape: Option<Vec<Option<u64>>>,
    pub(crate) dims: Option<Vec<String>>,
    /// Where the number of dimensions was said, and how many they are.
    pub(crate) rank: Option<(Span, usize)>,
    pub(crate) span: Span,
}

/// What bytes contain; the names are those of schemas.
#[derive(Clone, Copy)]
pub(crate) enum BytesKind {
    Bytes,
    Sparse,
    ArrowTensor,
    Safetensors,
    DataFrame,
}

impl Hint {
    pub(crate) fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let [kind, dtype, shape, dims] =
            ["kind", "dtype", "shape", "dims"].map(|name| options.text(name, errors));
        let given = [&dtype, &shape, &dims].into_iter().flatten().map(LitStr::span).next();
        let mut structured = None;
        if let Some(kind) = kind {
            let bytes = match kind.value().as_str() {
                "structured" => {
                    structured = Some(kind.span());
                    None
                }
                "bytes" => Some(BytesKind::Bytes),
                "sparse" => Some(BytesKind::Sparse),
                "arrow_tensor" => Some(BytesKind::ArrowTensor),
                "safetensors" => Some(BytesKind::Safetensors),
                "dataframe" => Some(BytesKind::DataFrame),
                other => {
                    errors.at(
                        kind.span(),
                        format!(
                            "unknown kind `{other}`; there are `bytes`, `structured`, `sparse`, `arrow_tensor`, \
                             `safetensors` and `dataframe`"
                        ),
                    );
                    return None;
                }
            };
            if let Some(bytes) = bytes {
                if let Some(span) = given {
                    errors.at(
                        span,
                        format!("an array's dtype, shape or dims, but the kind is `{}`", kind.value()),
                    );
                }
                return Some(Hint::Bytes(bytes, kind.span()));
            }
        }
        let span = structured.or(given)?;
        if let (Some(dtype), None) = (&dtype, structured) {
            errors.keep(check_dtype(dtype));
        }
        let rank_span = shape.as_ref().or(dims.as_ref()).map(LitStr::span);
        let dims_span = dims.as_ref().map(LitStr::span);
        let shape = shape.and_then(|text| errors.keep(parse_shape(&text)));
        let dims = dims.and_then(|text| errors.keep(parse_dims(&text)));
        if let (Some(shape), Some(dims), Some(span)) = (&shape, &dims, dims_span)
            && shape.len() != dims.len()
        {
            errors.at(span, format!("{} names for the {} dimensions of `shape`", dims.len(), shape.len()));
        }
        let rank = shape.as_ref().map(Vec::len).or(dims.as_ref().map(Vec::len));
        Some(Hint::Array(ArrayHint { structured, dtype, shape, dims, rank: rank_span.zip(rank), span }))
    }
}

fn check_dtype(dtype: &LitStr) -> Result<()> {
    if DTYPES.contains(&dtype.value().as_str()) {
        return Ok(());
    }
    let message = format!("unknown dtype `{}`; there are `{}`", dtype.value(), DTYPES.join("`, `"));
    Err(Error::new(dtype.span(), message))
}

/// `28, _`: lengths, `_` for one that varies; nothing for an array without dimensions.
fn parse_shape(text: &LitStr) -> Result<Vec<Option<u64>>> {
    let length = |part: &str| match part.trim() {
        "_" => Ok(None),
        number => number.parse().map(Some).map_err(|_| {
            let message = format!(
                "`{number}` is no length: a shape is as in \"28, 28\", with `_` for a length that varies"
            );
            Error::new(text.span(), message)
        }),
    };
    parts(&text.value()).map(length).collect()
}

/// `y, x`: names.
fn parse_dims(text: &LitStr) -> Result<Vec<String>> {
    let name = |part: &str| match part.trim() {
        "" => Err(Error::new(text.span(), "a dimension without a name: dims are as in \"y, x\"")),
        name => Ok(name.to_owned()),
    };
    parts(&text.value()).map(name).collect()
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| !text.trim().is_empty())
}
