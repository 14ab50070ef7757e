//! `array`: a plane of an array as a picture.

use atdata_core::{Error, NdArray, Value};
use data_encoding::BASE64;
use serde_json::json;

use super::field;
use crate::answer::{Answer, Document};
use crate::bounded::cut;
use crate::opened::State;
use crate::params::Params;
use crate::plane::Plane;

pub(super) const PARAMETERS: [&str; 6] = ["name", "index", "field", "slice", "side", "lens"];

/// The pixels along a side if nothing is said.
const SIDE: usize = 256;

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let side = params.number("side")?.unwrap_or(SIDE);
    let slice = params.text("slice").map(str::to_owned);
    let array: NdArray = match field::read(state, params).await? {
        Value::Array(array) => array,
        // No schema said that they are one.
        Value::Bytes(bytes) => atdata_core::array::decode(bytes)
            .map_err(|error| Error::unsupported("the bytes are no array").with_source(error))?,
        other => {
            let what = format!("the field holds {}, and no array", other.type_name());
            return Err(Error::unsupported(what).into());
        }
    };
    let (dtype, shape) = (cut(&array.dtype().to_string(), 200), array.shape().to_owned());
    let work = move || Plane::of(&array, slice.as_deref(), side);
    let plane = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::unavailable("the picture was not finished").with_source(error))??;
    Ok(Document(json!({
        "dtype": dtype,
        "shape": shape,
        "slice": plane.slice,
        "height": plane.height,
        "width": plane.width,
        "channels": plane.channels,
        "min": plane.range.map(|(min, _)| min),
        "max": plane.range.map(|(_, max)| max),
        "exact": plane.exact,
        "pixels": BASE64.encode(&plane.pixels),
    })))
}
