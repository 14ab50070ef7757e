//! `media`: the bytes of a field as they are.

use atdata_core::{Error, Value};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use super::field;
use crate::answer::Answer;
use crate::kind;
use crate::opened::State;
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 4] = ["name", "index", "field", "lens"];

pub(super) async fn get(state: &State, params: &Params) -> Answer<Response> {
    let bytes: Bytes = match field::read(state, params).await? {
        Value::Bytes(bytes) => bytes,
        Value::Str(text) => text.into(),
        Value::Array(array) => {
            let mut npy = Vec::new();
            atdata_core::array::encode(&array, atdata_core::array::ArrayFormat::Npy, &mut npy)?;
            npy.into()
        }
        other => {
            let what = format!("the field holds {}, which has no bytes", other.type_name());
            return Err(Error::unsupported(what).into());
        }
    };
    // Only what a browser draws without running anything is shown; the rest, SVG and HTML too, is for the disk. Where it
    // lies there is for the user to say: no name of a stranger's choice.
    let (media_type, disposition) = match kind::picture(&bytes) {
        Some(media_type) => (media_type, "inline"),
        None => ("application/octet-stream", "attachment"),
    };
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    Ok(response)
}
