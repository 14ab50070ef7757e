//! Looking datasets up.

use atdata_core::{DatasetRef, Entry, Result};
use bytes::Bytes;

use super::keys;
use super::row::Row;
use super::server::{Command, Reply, Server, script};

script!(
    /// All of a look-up in one exchange with the server.
    FIND = "find.lua"
);

/// What a look-up finds.
#[derive(Debug)]
pub(super) struct Found {
    /// What the server says of all keys; nothing in a cluster, where nobody knows.
    pub(super) state: Option<State>,
    pub(super) name: Named,
    /// An entry that has the reference for its content identifier, or that name and version lead to.
    other: Option<Row>,
}

/// What the server says of all keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// How many keys there are, less those that are known of.
    pub(super) unknown: Option<i64>,
    /// For how many seconds nobody has looked at all keys.
    pub(super) age: Option<i64>,
    /// How often somebody has.
    pub(super) surveys: i64,
}

impl State {
    /// Reads the number of keys; what is known of it; when and how often all were looked at; and the time.
    pub(super) fn read(parts: [Reply; 5]) -> Result<Self> {
        let [keys, known, scanned, surveys, now] = parts;
        let difference = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a.saturating_sub(b));
        Ok(Self {
            unknown: difference(keys.int()?, known.int()?),
            age: difference(now.int()?, scanned.int()?),
            surveys: surveys.int()?.unwrap_or_default(),
        })
    }
}

/// What is found by a name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// The row that the latest label leads to, or the one that is noted for the name; as it is under the name.
    pub(super) row: Option<Row>,
    /// Whether Python, or somebody by hand, has changed what we noted.
    pub(super) has_changed: bool,
    /// The revision of the name's record, which was read before anything else.
    pub(super) revision: Option<u64>,
}

impl Found {
    /// The entry, by name before anything else.
    pub(super) fn entry(&self) -> Result<Option<Entry>> {
        self.name.row.as_ref().or(self.other.as_ref()).map(Row::entry).transpose()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.name.row.is_none() && self.other.is_none()
    }
}

/// Looks a reference up.
pub(super) async fn find(server: &dyn Server, reference: &DatasetRef) -> Result<Found> {
    if server.is_cluster() {
        find_in_cluster(server, reference).await
    } else {
        find_at_once(server, reference).await
    }
}

async fn find_at_once(server: &dyn Server, reference: &DatasetRef) -> Result<Found> {
    let version = reference.split_version();
    let arguments = [Some(reference.name.as_str()), version.map(|it| it.0), version.map(|it| it.1)];
    let arguments = arguments.into_iter().flatten().map(|text| Bytes::copy_from_slice(text.as_bytes()));
    let state = Bytes::from_static(keys::STATE.as_bytes());
    let reply = server.script(&FIND, vec![state], arguments.collect()).await?;
    let [keys, known, scanned, surveys, now, name, any, labelled] = reply.array()?;
    let other = match Row::read(any)? {
        None if labelled != Reply::Nil => {
            let [row, kept] = labelled.array()?;
            under(Row::read(row)?, version.map_or("", |it| it.0), kept.bytes()?)?
        }
        any => any,
    };
    Ok(Found {
        state: Some(State::read([keys, known, scanned, surveys, now])?),
        name: named(&reference.name, name)?,
        other,
    })
}

/// The same with several exchanges: keys of a cluster live on several nodes.
async fn find_in_cluster(server: &dyn Server, reference: &DatasetRef) -> Result<Found> {
    let mut found = Found { state: None, name: find_name(server, &reference.name).await?, other: None };
    if found.name.row.is_none() {
        found.other = Row::read(server.call(Command::new("HGETALL", keys::entry(&reference.name))).await?)?;
    }
    if found.is_empty()
        && let Some((name, version)) = reference.split_version()
        && let Some(cid) = server.call(cid_of(name, version)).await?.text()?
    {
        let (row, kept) = row_and_kept(server, name, &cid).await?;
        found.other = under(Row::read(row)?, name, kept.bytes()?)?;
    }
    Ok(found)
}

async fn find_name(server: &dyn Server, name: &str) -> Result<Named> {
    let record = keys::record(name);
    let known = Command::new("HMGET", record.clone()).arg("latest").arg("entry").arg("@").arg("rev");
    let [known, plain] = both(server, known, cid_of(name, "")).await?;
    let [latest, first, noted_plain, revision] = known.array()?;
    let latest = latest.text()?;
    let (mut noted, mut target) = (Reply::Nil, Reply::Nil);
    if let Some(version) = &latest {
        let note = Command::new("HGET", record.clone()).arg(format!("@{version}"));
        [noted, target] = both(server, note, cid_of(name, version)).await?;
    }
    let (mut row, mut kept) = (Reply::Nil, Reply::Nil);
    for cid in [target.clone(), first.clone()] {
        if let Some(cid) = cid.text()?
            && matches!(&row, Reply::Nil)
        {
            (row, kept) = row_and_kept(server, name, &cid).await?;
            if row == Reply::List(Vec::new()) {
                row = Reply::Nil;
            }
        }
    }
    let latest = latest.map_or(Reply::Nil, |version| Reply::Bytes(version.into()));
    named(name, Reply::List(vec![latest, first, noted_plain, plain, noted, target, row, kept, revision]))
}

fn cid_of(name: &str, version: &str) -> Command {
    Command::new("HGET", keys::label(name, version)).arg("cid")
}

async fn row_and_kept(server: &dyn Server, name: &str, cid: &str) -> Result<(Reply, Reply)> {
    let kept = Command::new("HGET", keys::record(name)).arg(format!("={cid}"));
    let [row, kept] = both(server, Command::new("HGETALL", keys::entry(cid)), kept).await?;
    Ok((row, kept))
}

async fn both(server: &dyn Server, first: Command, second: Command) -> Result<[Reply; 2]> {
    let (first, second) = futures::future::join(server.call(first), server.call(second)).await;
    Ok([first?, second?])
}

/// Judges what was read of a name.
fn named(name: &str, reply: Reply) -> Result<Named> {
    let [latest, first, noted_plain, plain, noted, target, row, kept, revision] = reply.array()?;
    let row = Row::read(row)?;
    let mut has_changed = plain != noted_plain || (latest != Reply::Nil && noted != target);
    has_changed |= first != Reply::Nil && row.is_none();
    let target = target.text()?;
    let is_labelled = row.as_ref().is_some_and(|row| row.cid.is_some() && row.cid == target);
    let row = under(row, name, kept.bytes()?)?;
    // A label leads to whatever it says. Without one the name is the one in the row.
    let row = match row {
        Some(row) if row.name != name && !is_labelled => {
            has_changed = true;
            None
        }
        row => row,
    };
    let revision = revision.int()?.and_then(|number| u64::try_from(number).ok());
    Ok(Named { row, has_changed, revision })
}

/// A row as it is under a name.
pub(super) fn under(row: Option<Row>, name: &str, kept: Option<Bytes>) -> Result<Option<Row>> {
    match (row, kept) {
        (Some(row), Some(kept)) if row.name != name && !kept.is_empty() => row.under(name, &kept).map(Some),
        (row, _) => Ok(row),
    }
}

/// Looks only at what a name stands for.
pub(super) async fn by_name(server: &dyn Server, name: &str) -> Result<Named> {
    if server.is_cluster() {
        return find_name(server, name).await;
    }
    let reference = DatasetRef { authority: None, name: name.to_owned() };
    Ok(find_at_once(server, &reference).await?.name)
}

/// Looks only at what a version of a name leads to, as it is under the name.
pub(super) async fn by_version(server: &dyn Server, name: &str, version: &str) -> Result<Option<Row>> {
    let Some(cid) = server.call(cid_of(name, version)).await?.text()? else { return Ok(None) };
    let (row, kept) = row_and_kept(server, name, &cid).await?;
    under(Row::read(row)?, name, kept.bytes()?)
}
