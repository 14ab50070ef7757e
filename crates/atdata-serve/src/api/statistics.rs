//! `statistics`: what was found out about a dataset before.

use atdata_core::Error;

use crate::answer::{Answer, Document, Failure};
use crate::opened::State;
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 1] = ["name"];

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let entry = state.index.get_dataset(params.required("name")?).await?;
    let found = match &state.options.statistics {
        Some(statistics) => statistics.statistics(&*entry).await?,
        None => None,
    };
    found.map(Document).ok_or_else(|| {
        Failure::from(Error::not_found("there are no statistics of the dataset").with("name", entry.name()))
            .with_hint(format!("atdata stats {}", entry.name()))
    })
}
