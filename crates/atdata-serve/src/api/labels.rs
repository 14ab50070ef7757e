//! `labels`: a page of the list.

use atdata_core::{DatedLabel, Label};
use futures::StreamExt;
use serde_json::{Value as Json, json};
use time::format_description::well_known::Rfc3339;

use super::scan::{Search, limit, scan};
use crate::answer::{Answer, Document};
use crate::bounded::cut;
use crate::opened::State;
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 4] = ["prefix", "search", "start", "limit"];

/// The most characters of a description.
const DESCRIPTION: usize = 2000;

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let search = Search::new(params);
    let start: u64 = params.number("start")?.unwrap_or_default();
    let skipped = usize::try_from(start).unwrap_or(usize::MAX);
    let listed = state.index.list_labels(params.text("prefix").unwrap_or_default()).skip(skipped).boxed();
    let found = scan(listed, limit(params)?, |label| {
        let texts = [Some(label.name.as_str()), Some(&label.version), label.description.as_deref()];
        search.hits(texts).then(|| to_json(&label))
    })
    .await?;
    let next = (!found.complete).then_some(start.saturating_add(found.scanned));
    Ok(Document(json!({
        "index": state.options.label, "labels": found.items, "scanned": found.scanned, "next": next,
    })))
}

/// A label as the command line writes it.
fn to_json(label: &Label) -> Json {
    let some = |text: &str| if text.is_empty() { Json::Null } else { text.into() };
    json!({
        "name": some(&label.name),
        "version": some(&label.version),
        "cid": some(&label.cid),
        "description": label.description.as_deref().map(|text| cut(text, DESCRIPTION)),
    })
}

/// A label, and when it was set.
pub(super) fn dated(dated: &DatedLabel) -> Json {
    let mut json = to_json(&dated.label);
    if let Some(members) = json.as_object_mut() {
        let set_at = dated.set_at.and_then(|time| time.format(&Rfc3339).ok());
        members.insert("set_at".to_owned(), set_at.into());
    }
    json
}
