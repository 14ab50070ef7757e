//! The source, on a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use atdata_atmosphere::{BlobAddress, BlobSource};
use atdata_core::DataSource;
use atdata_testkit::servers::pds::{Xrpc, fresh_address};
use atdata_testkit::source::SourceHarness;
use bytes::Bytes;
use common::Alice;
use serde_json::{Value, json};

/// Records that keep a blob each.
const COLLECTION: &str = "org.example.blob";

struct OnPds {
    alice: Alice,
    /// The key of the record that keeps the shard of a name.
    keys: Mutex<BTreeMap<String, String>>,
    login: Mutex<Option<(Xrpc, Instant)>>,
}

impl OnPds {
    /// The account, with a token that is not too old: those of a strict server live for two seconds.
    fn xrpc(&self) -> Xrpc {
        let mut login = self.login.lock().unwrap();
        let fresh = login.take().filter(|(_, since)| since.elapsed() < Duration::from_secs(1));
        let (xrpc, _) = login.insert(fresh.unwrap_or_else(|| (self.log_in(), Instant::now())));
        xrpc.clone()
    }

    fn log_in(&self) -> Xrpc {
        let account = self.alice.account.account();
        let asked = self.alice.account.xrpc().from_address(&fresh_address());
        let login = json!({"identifier": account.did, "password": account.password});
        let session = asked.post("com.atproto.server.createSession", &login);
        let session = session.and_then(|answer| answer.success()).unwrap_or_else(|error| panic!("{error}"));
        asked.with_token(session["accessJwt"].as_str().unwrap())
    }

    fn post(&self, method: &str, body: &Value) -> Value {
        self.xrpc()
            .post(method, body)
            .and_then(|answer| answer.success())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> BlobAddress {
        let sent = self.xrpc().upload("com.atproto.repo.uploadBlob", "application/x-tar", bytes);
        let blob =
            sent.and_then(|answer| answer.success()).unwrap_or_else(|error| panic!("{error}"))["blob"].take();
        let did = self.alice.account.did();
        // The name makes records of equal shards different ones.
        let record = json!({"$type": COLLECTION, "name": name, "blob": blob});
        let body = json!({"repo": did, "collection": COLLECTION, "record": record, "validate": false});
        let made = self.post("com.atproto.repo.createRecord", &body);
        let key = made["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        self.keys.lock().unwrap().insert(name.to_owned(), key);
        let cid = record["blob"]["ref"]["$link"].as_str().unwrap();
        format!("at://{did}/blob/{cid}").parse().unwrap()
    }
}

#[async_trait]
impl SourceHarness for OnPds {
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
        let blobs: Vec<BlobAddress> = shards.iter().map(|(name, bytes)| self.keep(name, bytes)).collect();
        Arc::new(BlobSource::new(&self.alice.atmosphere, blobs).unwrap())
    }

    async fn remove(&self, name: &str) {
        let key = self.keys.lock().unwrap().remove(name).expect("a shard of this name");
        let body = json!({"repo": self.alice.account.did(), "collection": COLLECTION, "rkey": key});
        self.post("com.atproto.repo.deleteRecord", &body);
    }
}

fn harness(alice: Alice) -> OnPds {
    OnPds { alice, keys: Mutex::default(), login: Mutex::default() }
}

mod on_pds {
    use super::*;

    atdata_testkit::source_suite!(async || Alice::for_test("source", |options| options).map(harness));
}

mod strict {
    use super::*;

    atdata_testkit::source_suite!(async || Alice::strict_for_test("source", |options| options).map(harness));
}

mod behind_faults {
    use super::*;

    atdata_testkit::source_suite!(
        async || Alice::behind_faults_for_test("source", |options| options).map(harness)
    );
}
