//! What stands below `/api/v1`: one module for each address.

mod array;
mod dataset;
mod datasets;
mod field;
mod labels;
mod lenses;
mod media;
mod samples;
mod scan;
mod schemas;
mod statistics;

use std::sync::Arc;

use atdata_core::Error;
use axum::Router;
use axum::extract::RawQuery;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::answer::{Answer, Failure};
use crate::opened::State;
use crate::params::{self, Params};

/// All addresses.
pub(crate) fn router(state: State) -> Router {
    let state = Arc::new(state);
    let mut router = Router::new();
    macro_rules! route {
        ($($path:literal $module:ident;)*) => {$(
            let own = state.clone();
            router = router.route(
                concat!("/api/v1/", $path),
                get(move |RawQuery(query): RawQuery| async move {
                    let params = Params::parse(query.as_deref(), &$module::PARAMETERS)?;
                    let answer: Answer<_> = $module::get(&own, &params).await;
                    answer.map(IntoResponse::into_response)
                }),
            );
        )*};
    }
    route! {
        "datasets" datasets;
        "dataset" dataset;
        "schemas" schemas;
        "labels" labels;
        "samples" samples;
        "array" array;
        "media" media;
        "statistics" statistics;
    }
    router.fallback(unknown)
}

async fn unknown(uri: Uri) -> Failure {
    Error::not_found("there is nothing at this address").with("path", params::short(uri.path())).into()
}
