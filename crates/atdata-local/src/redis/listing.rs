//! Listings, a page at a time: memory is bounded, and the server is not held up.

use std::future::ready;
use std::sync::Arc;

use atdata_core::schema::{Profile, SchemaRef, SchemaVersion};
use atdata_core::{IndexEntry, Label, Result, StoredLens, StoredSchema};
use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};

use super::RedisIndex;
use super::change::repeat;
use super::find::under;
use super::keys;
use super::names::{adopt, record};
use super::row::Row;
use super::schemas::{self, Member};
use super::server::{Command, Server, utf8};
use super::survey::{Need, is_refused};
use super::{find, labels, lenses};

/// Members of a list that are asked for at once.
const PAGE: usize = 256;

/// Entries that are asked for at once, and wait to be taken.
const AHEAD: usize = 32;

/// The members of a list that begin so, in order.
fn members<'a>(
    server: &'a dyn Server,
    list: &'static str,
    prefix: &str,
) -> impl Stream<Item = Result<Bytes>> + Send + 'a {
    let prefix = Bytes::copy_from_slice(prefix.as_bytes());
    let start = [b"[", &prefix[..]].concat();
    stream::try_unfold((Some(start), prefix), move |(start, prefix)| async move {
        let Some(start) = start else { return Ok::<_, atdata_core::Error>(None) };
        let range = Command::new("ZRANGEBYLEX", list).arg(start).arg("+").arg("LIMIT").arg("0");
        let page = server.call(range.arg(PAGE.to_string())).await?.list()?;
        let is_full = page.len() == PAGE;
        let page: Vec<Bytes> =
            page.into_iter().filter_map(|m| m.bytes().transpose()).collect::<Result<_>>()?;
        let count = page.len();
        let last = page.last().cloned();
        let found: Vec<Bytes> = page.into_iter().take_while(|member| member.starts_with(&prefix)).collect();
        let is_last = !is_full || found.len() < count;
        let next = last.filter(|_| !is_last).map(|last| [b"(", &last[..]].concat());
        Ok(Some((stream::iter(found.into_iter().map(Ok)), (next, prefix))))
    })
    .try_flatten()
}

/// Datasets by name.
pub(super) fn datasets<'a>(
    index: &'a RedisIndex,
    prefix: &str,
) -> BoxStream<'a, Result<Arc<dyn IndexEntry>>> {
    let names = members(index.server(), keys::NAMES, prefix);
    surveyed(index, names)
        .map(move |name| async move { dataset(index, utf8(name?)?).await })
        .buffered(AHEAD)
        .filter_map(|entry| ready(entry.transpose()))
        .boxed()
}

/// The items, after a survey if one is due; an error of that comes first.
fn surveyed<'a, T: Send + 'a>(
    index: &'a RedisIndex,
    items: impl Stream<Item = Result<T>> + Send + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a {
    let survey = stream::once(async { index.survey_if_due(Need::Anything).await });
    survey.filter_map(|survey| ready(survey.err().map(Err))).chain(items)
}

/// The entry that is listed for a name: that of the latest label that leads to an entry of this very name, or any of the
/// name if no label does. Another name's entry is listed under its own name, whatever labels say.
async fn dataset(index: &RedisIndex, name: String) -> Result<Option<Arc<dyn IndexEntry>>> {
    let server = index.server();
    let found = find::by_name(server, &name).await?;
    let mut row = found.row.filter(|row| row.name == name);
    if found.has_changed || row.is_none() {
        match repeat(|| adopt(server, &name, &[])).await {
            Err(error) if !is_refused(&error) => return Err(error),
            // Where nothing can be written what is there is listed.
            _ => {}
        }
        row = None;
        let record = record(server, &name).await?;
        let labelled: Vec<&str> = record.by_age().into_iter().map(|(_, cid)| cid).collect();
        let others = record.entry.as_deref().into_iter().chain(record.entries.keys().map(String::as_str));
        for cid in labelled.into_iter().chain(others) {
            let found = Row::read(server.call(Command::new("HGETALL", keys::entry(cid))).await?)?;
            let found = under(found, &name, record.entries.get(cid).cloned())?;
            row = found.filter(|row| row.name == name);
            if row.is_some() {
                break;
            }
        }
    }
    Ok(row.map(|row| row.entry()).transpose()?.map(|entry| Arc::new(entry) as Arc<dyn IndexEntry>))
}

/// Schemas by name and version.
pub(super) fn schemas<'a>(
    index: &'a RedisIndex,
    prefix: &str,
    profile: Profile,
) -> BoxStream<'a, Result<StoredSchema>> {
    let server = index.server();
    surveyed(index, versioned(server, keys::SCHEMAS, prefix))
        .map(move |pair: Result<(String, SchemaVersion)>| async move {
            let (name, version) = pair?;
            let schema = schemas::find(server, &name, &version.to_string()).await?;
            Ok(schema
                .map(|schema| StoredSchema::new(SchemaRef::local(name, version).to_text(profile), schema)))
        })
        .buffered(AHEAD)
        .filter_map(|schema| ready(schema.transpose()))
        .boxed()
}

/// Lenses by name and version.
pub(super) fn lenses<'a>(index: &'a RedisIndex, prefix: &str) -> BoxStream<'a, Result<StoredLens>> {
    let server = index.server();
    surveyed(index, versioned(server, keys::LENSES, prefix))
        .map(move |pair: Result<(String, SchemaVersion)>| async move {
            let (name, version) = pair?;
            lenses::find(server, &name, &version).await
        })
        .buffered(AHEAD)
        .filter_map(|lens| ready(lens.transpose()))
        .boxed()
}

/// The names and versions in a list.
fn versioned<'a>(
    server: &'a dyn Server,
    list: &'static str,
    prefix: &str,
) -> impl Stream<Item = Result<(String, SchemaVersion)>> + Send + 'a {
    let members = members(server, list, prefix).map(|member| Member::parse(member?));
    // The versions of a name follow each other, but in the order of their texts.
    let names = stream::unfold((members.boxed(), None::<String>), |(mut members, last)| async move {
        loop {
            match members.next().await? {
                Ok(member) if last.as_deref() == Some(&*member.name) => {}
                Ok(member) => {
                    let name = member.name;
                    return Some((Ok(name.clone()), (members, Some(name))));
                }
                Err(error) => return Some((Err(error), (members, last))),
            }
        }
    });
    let pairs = names.then(move |name| async move {
        let name = name?;
        let versions = schemas::versions(server, list, &name).await?;
        let pairs = versions.into_iter().map(move |version| Ok((name.clone(), version)));
        Ok::<_, atdata_core::Error>(stream::iter(pairs))
    });
    let pairs = pairs.map(|pairs| match pairs {
        Ok(pairs) => pairs.left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    });
    pairs.flatten()
}

/// Labels by name and version.
pub(super) fn labels<'a>(index: &'a RedisIndex, prefix: &str) -> BoxStream<'a, Result<Label>> {
    let server = index.server();
    surveyed(index, members(server, keys::LABELS, prefix))
        .map(move |member| async move {
            let member = utf8(member?)?;
            let Some((name, version)) = member.rsplit_once('\0') else { return Ok(None) };
            labels::read(server, name, version).await
        })
        .buffered(AHEAD)
        .filter_map(|label| ready(label.transpose()))
        .boxed()
}
