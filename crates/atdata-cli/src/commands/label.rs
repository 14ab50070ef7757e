//! `atdata label …`.

use std::sync::Arc;

use atdata::{DatedLabel, Error, Index, Label, Result};
use futures::TryStreamExt;
use serde_json::{Map, Value as Json, json};
use time::format_description::well_known::Rfc3339;

use crate::address::Backends;
use crate::args::{Label as Command, LabelName, Ls};
use crate::output::table::{row, table};
use crate::output::{CliResult, Hint, Out, Status, note};
use crate::source_arg;

type Object = Map<String, Json>;

/// Runs one of the commands on labels.
pub(super) async fn run(command: &Command, backends: &Backends, out: &mut Out) -> CliResult {
    match command {
        Command::Ls(args) => list(args, backends, out).await,
        Command::Show(label) => {
            let (name, version) = split(label);
            let index = reading(name, backends).await?;
            let found = index.get_label(&backends.label_name(name)?, version).await;
            let found = found.hint(|| history_hint(name))?;
            print(&[DatedLabel::new(found, None)], None, false, out)
        }
        Command::Set { label, target, description } => {
            set(label, target, description.as_deref(), backends, out).await
        }
        Command::History { name } => {
            let index = reading(name, backends).await?;
            let history = index.label_history(&backends.label_name(name)?).await?;
            if history.is_empty() && !out.is_json() {
                note(format_args!("{name} has no labels"));
                return Ok(Status::Done);
            }
            print(&history, Some(("name", name)), true, out)
        }
        Command::Rm(label) => {
            let (name, version) = split(label);
            let index = backends.index().await?;
            let (inside, version) = (own_name(name, backends)?, version.unwrap_or_default());
            index.as_index().delete_label(&inside, version).await.hint(|| history_hint(name))?;
            if out.is_json() {
                out.document(&json!({"removed": to_json(&Label::new(name, "").with_version(version))}))?;
            }
            Ok(Status::Done)
        }
    }
}

async fn list(args: &Ls, backends: &Backends, out: &mut Out) -> CliResult {
    let mut labels = Vec::new();
    if let Some(index) = backends.existing_index().await? {
        labels = index
            .list_labels(&args.prefix)
            .map_ok(|label| DatedLabel::new(label, None))
            .try_collect()
            .await?;
    }
    let address = backends.index_address()?;
    if labels.is_empty() && !out.is_json() {
        note(format_args!("no labels in {address}"));
        return Ok(Status::Done);
    }
    print(&labels, Some(("index", &address)), false, out)
}

async fn set(
    label: &LabelName,
    target: &str,
    description: Option<&str>,
    backends: &Backends,
    out: &mut Out,
) -> CliResult {
    let index = backends.index().await?;
    let index = index.as_index();
    let entry = index.get_dataset(target).await.hint(|| "`atdata ls` lists the datasets".to_owned())?;
    let cid = entry.cid().ok_or_else(|| {
        Error::unsupported("the index gives its entries no identifiers, to which a label could lead")
            .with("name", target)
    })?;
    let (name, version) = split(label);
    let mut label = Label::new(own_name(name, backends)?, cid).with_version(version.unwrap_or_default());
    label.description = description.map(str::to_owned);
    index.set_label(&label).await?;
    print(&[DatedLabel::new(label, None)], None, false, out)
}

/// The index that knows the labels of a name.
async fn reading(name: &str, backends: &Backends) -> Result<Arc<dyn Index>> {
    let index = source_arg::index_of(name, backends).await?;
    index.ok_or_else(|| Error::not_found("there is no index, and so no label").with("name", name))
}

/// Name and version: behind the last `@`, unless the version is said apart.
fn split(label: &LabelName) -> (&str, Option<&str>) {
    match (&label.version, label.name.rsplit_once('@')) {
        (Some(version), _) => (&label.name, Some(version)),
        (None, Some((name, version))) if !name.is_empty() && !version.contains('/') => (name, Some(version)),
        _ => (&label.name, None),
    }
}

/// What a label that is to be changed is called in the index that was asked for.
fn own_name(name: &str, backends: &Backends) -> CliResult<String> {
    let owner = backends.owner(name);
    match owner {
        Some(owner) => Err(Error::invalid("the label is one of an account's own index").with("name", name))
            .hint(|| format!("say --index at://{owner}, and the name alone")),
        None => Ok(backends.label_name(name)?),
    }
}

fn history_hint(name: &str) -> String {
    format!("`atdata label history {name}` shows the labels of this name")
}

/// Prints labels; `around` is a member that a JSON document has beside them.
fn print(labels: &[DatedLabel], around: Option<(&str, &str)>, with_times: bool, out: &mut Out) -> CliResult {
    let time = |dated: &DatedLabel| dated.set_at.and_then(|time| time.format(&Rfc3339).ok());
    if out.is_json() {
        let labels = labels.iter().map(|dated| {
            let mut label = to_json(&dated.label);
            if with_times {
                label.insert("set_at".to_owned(), time(dated).into());
            }
            Json::Object(label)
        });
        let mut document = around
            .map_or_else(Object::new, |(name, value)| Object::from_iter([(name.to_owned(), value.into())]));
        document.insert("labels".to_owned(), labels.collect());
        out.document(&Json::Object(document))?;
        return Ok(Status::Done);
    }
    let text = |dated: &DatedLabel| {
        let label = &dated.label;
        let name = if label.version.is_empty() {
            label.name.clone()
        } else {
            format!("{}@{}", label.name, label.version)
        };
        [name, label.cid.clone(), label.description.clone().unwrap_or_default()]
    };
    if with_times {
        let mut list = table(["LABEL", "SET", "ENTRY", "DESCRIPTION"]);
        for dated in labels {
            let [name, cid, description] = text(dated);
            row(&mut list, [name, time(dated).unwrap_or_else(|| "?".to_owned()), cid, description]);
        }
        out.line(list.trim_fmt())?;
    } else {
        let mut list = table(["LABEL", "ENTRY", "DESCRIPTION"]);
        labels.iter().for_each(|dated| row(&mut list, text(dated)));
        out.line(list.trim_fmt())?;
    }
    Ok(Status::Done)
}

/// `{"name", "version", "cid", "description"}`; what there is not is null.
fn to_json(label: &Label) -> Object {
    let some = |text: &str| if text.is_empty() { Json::Null } else { text.into() };
    Object::from_iter([
        ("name".to_owned(), some(&label.name)),
        ("version".to_owned(), some(&label.version)),
        ("cid".to_owned(), some(&label.cid)),
        ("description".to_owned(), label.description.as_deref().map_or(Json::Null, Json::from)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_at_sign_begins_the_version() {
        for (text, expected) in [
            ("digits", ("digits", None)),
            ("digits@1.0.0", ("digits", Some("1.0.0"))),
            ("a@b@1", ("a@b", Some("1"))),
            ("@alice.test/digits", ("@alice.test/digits", None)),
            ("@alice.test/digits@1", ("@alice.test/digits", Some("1"))),
            ("team@x/digits", ("team@x/digits", None)),
        ] {
            assert_eq!(split(&LabelName { name: text.to_owned(), version: None }), expected, "{text}");
        }
        let apart = LabelName { name: "a@b".to_owned(), version: Some("1".to_owned()) };
        assert_eq!(split(&apart), ("a@b", Some("1")));
    }
}
