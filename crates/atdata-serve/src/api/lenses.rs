//! Lenses, wherever they come from.

use atdata_core::{Dataset, DictSample, Error, Map, Result};
use serde_json::{Value as Json, json};

use crate::opened::{Opened, State};

/// The lenses that fit a dataset.
///
/// # Errors
/// They cannot be found out.
pub(super) async fn list(state: &State, opened: &Opened) -> Result<Vec<Json>> {
    let Some(lenses) = &state.options.lenses else { return Ok(Vec::new()) };
    let found = lenses.lenses(&*opened.entry).await?;
    Ok(found.into_iter().map(|lens| json!({"name": lens.name, "description": lens.description})).collect())
}

/// The samples seen through a lens; as they are if none is said.
///
/// # Errors
/// There is no such lens.
pub(super) async fn view(state: &State, opened: &Opened, lens: Option<&str>) -> Result<Dataset<DictSample>> {
    let dataset = opened.dataset.clone();
    match (lens, &state.options.lenses) {
        (None, _) => Ok(dataset),
        (Some(lens), Some(lenses)) => lenses.view(&*opened.entry, lens, dataset).await,
        (Some(lens), None) => Err(Error::not_found("the dataset has no lenses").with("lens", lens)),
    }
}

/// The samples with these fields only; with all if none is said.
///
/// # Errors
/// The schema has no such field.
pub(super) fn projected(
    view: Dataset<DictSample>,
    lens: Option<&str>,
    fields: &[&str],
) -> Result<Dataset<DictSample>> {
    match (fields, lens) {
        ([], _) => Ok(view),
        (fields, None) => view.project(fields),
        // What a lens makes has other fields than the schema.
        (fields, Some(_)) => {
            let wanted: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            Ok(view.map(move |sample| {
                let fields = sample.into_fields().into_iter().filter(|(name, _)| wanted.contains(name));
                DictSample::from(fields.collect::<Map>())
            }))
        }
    }
}
