//! Reading a repository.

use atdata_core::{Error, Result, ResultExt};
use serde::Deserialize;
use serde_json::Value as Json;

use super::table::Row;
use super::view::View;
use crate::Did;
use crate::records::{Collection, RecordKind};
use crate::xrpc::Service;

/// Records that a server gives at once; more are refused.
const PAGE: &str = "100";

#[derive(Debug, Deserialize)]
struct Commit {
    cid: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    cursor: Option<String>,
    records: Vec<Json>,
}

/// The content identifier of the newest commit.
pub(super) async fn head(service: &Service, did: &Did) -> Result<String> {
    let json = service.query("com.atproto.sync.getLatestCommit", &[("did", did.as_str())]).await?;
    let commit: Commit = serde_json::from_value(json)
        .map_err(|error| Error::corrupt("the server's answer names no commit").with_source(error))?;
    Ok(commit.cid)
}

/// Reads all records of a kind, in all collections that had them.
pub(super) async fn table(service: &Service, view: &mut View, kind: RecordKind) -> Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    for collection in Collection::read(kind) {
        let did = view.did.clone();
        let mut pages = Pages::new(service, &did, collection.nsid());
        while let Some(records) = pages.next().await? {
            for record in records {
                match fields(&record) {
                    Some((rkey, cid, value)) => rows.extend(view.row(collection, rkey, cid, value)?),
                    None => {
                        let uri = format!("at://{did}/{}", collection.nsid());
                        view.note(
                            uri,
                            &Error::corrupt("a listed record lacks its address, its CID or itself"),
                        );
                    }
                }
            }
        }
    }
    view.put_table(kind, rows);
    Ok(())
}

fn fields(record: &Json) -> Option<(&str, &str, &Json)> {
    let uri = record.get("uri")?.as_str()?;
    let rkey = uri.rsplit('/').next().filter(|rkey| !rkey.is_empty())?;
    Some((rkey, record.get("cid")?.as_str()?, record.get("value")?))
}

/// The records of a collection, page by page.
struct Pages<'a> {
    service: &'a Service,
    did: &'a Did,
    collection: &'a str,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(service: &'a Service, did: &'a Did, collection: &'a str) -> Self {
        Self { service, did, collection, cursor: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<Json>>> {
        if self.ended {
            return Ok(None);
        }
        let mut parameters =
            vec![("repo", self.did.as_str()), ("collection", self.collection), ("limit", PAGE)];
        if let Some(cursor) = &self.cursor {
            parameters.push(("cursor", cursor));
        }
        let json = self.service.query("com.atproto.repo.listRecords", &parameters).await;
        let json = json.context("collection", self.collection)?;
        let page: Page = serde_json::from_value(json).map_err(|error| {
            Error::corrupt("the server's answer is no list of records").with_source(error)
        })?;
        // A cursor that does not move would lead round and round.
        self.ended = page.cursor.is_none() || page.cursor == self.cursor || page.records.is_empty();
        self.cursor = page.cursor;
        Ok(Some(page.records))
    }
}
