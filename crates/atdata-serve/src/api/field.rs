//! One field of one sample.

use atdata_core::{DictSample, Error, Result, Value};
use futures::StreamExt;

use super::{lenses, samples};
use crate::opened::{Access, State};
use crate::params::Params;

/// Reads the field that `name`, `index`, `field` and `lens` say.
///
/// # Errors
/// There is no such dataset, sample or field.
pub(super) async fn read(state: &State, params: &Params) -> Result<Value> {
    let field = params.required("field")?;
    let position: u64 = params
        .number("index")?
        .ok_or_else(|| Error::invalid("a parameter is missing").with("parameter", "index"))?;
    let opened = state.dataset(params.required("name")?).await?;
    let lens = params.text("lens");
    let view = lenses::view(state, &opened, lens).await?;
    let one = lenses::projected(view, lens, &[field])?;
    let _permit = state.may_read().await?;
    let nothing = || Error::not_found("there is no such sample").with("index", position);
    let sample: DictSample = match state.access(&opened).await? {
        Access::Indexed(indexed) => {
            if position >= indexed.len() {
                return Err(nothing());
            }
            indexed.with_recipe(|_| Ok(one))?.get(position).await?.ok_or_else(nothing)?
        }
        Access::FromStart(reason) => {
            if position >= samples::FROM_START {
                let what =
                    format!("without an index only the first {} samples are read", samples::FROM_START);
                return Err(Error::unsupported(what).with("reason", reason.message()));
            }
            one.skip(position).take(1).next().await.transpose()?.ok_or_else(nothing)?
        }
    };
    let found = sample.into_fields().remove(field);
    found.ok_or_else(|| Error::not_found("the sample has no such field").with("field", field))
}
