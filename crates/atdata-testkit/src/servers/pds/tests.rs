use std::io::Read;
use std::net::TcpStream;
use std::process::Command;

use super::*;
use crate::process::Running;

/// Says to the child that it holds a server.
const HOLDER: &str = "ATDATA_TEST_PDS_HOLDER";

#[test]
fn a_server_keeps_its_data_when_it_is_killed_and_when_it_is_stopped() {
    let case = "a_server_keeps_its_data_when_it_is_killed_and_when_it_is_stopped";
    let Some(mut pds) = Pds::for_test(case, PdsOptions::default()) else { return };
    let (url, plc_url) = (pds.url(), pds.plc_url());
    let account = pds.create_account("alice.test").unwrap();
    let taken = pds.create_account("alice.test").unwrap_err();
    assert!(taken.to_string().contains("Handle already taken"), "{taken}");

    let server = Xrpc::new(&url).with_token(&account.access_token);
    let blob = server.upload("com.atproto.repo.uploadBlob", "application/x-tar", &[7; 3_000_000]).unwrap();
    let blob = blob.success().unwrap()["blob"].clone();
    let record = serde_json::json!({
        "repo": account.did,
        "collection": "com.example.record",
        "rkey": "one",
        "record": { "$type": "com.example.record", "data": blob },
    });
    server.post("com.atproto.repo.putRecord", &record).unwrap().success().unwrap();
    let of_record = format!("repo={}&collection=com.example.record&rkey=one", account.did);
    let of_blob = format!("did={}&cid={}", account.did, blob["ref"]["$link"].as_str().unwrap());
    let is_as_it_was = |pds: &Pds| {
        assert_eq!((pds.url(), pds.plc_url()), (url.clone(), plc_url.clone()));
        let found = server.get(&format!("com.atproto.repo.getRecord?{of_record}")).unwrap();
        assert_eq!(found.success().unwrap()["value"]["data"], blob);
        let found = server.get(&format!("com.atproto.sync.getBlob?{of_blob}")).unwrap();
        assert_eq!((found.status, found.body.len()), (200, 3_000_000));
        let document = Xrpc::new(&plc_url).fetch(&format!("/{}", account.did)).unwrap().success().unwrap();
        assert_eq!(document["service"][0]["serviceEndpoint"], url.as_str());
        let session = serde_json::json!({ "identifier": account.handle, "password": account.password });
        server.post("com.atproto.server.createSession", &session).unwrap().success().unwrap();
    };
    is_as_it_was(&pds);
    pds.kill();
    assert!(server.get("com.atproto.server.describeServer").is_err());
    pds.restart().unwrap();
    is_as_it_was(&pds);
    pds.stop();
    pds.restart().unwrap();
    is_as_it_was(&pds);
    pds.create_account("bob.test").unwrap();
}

#[test]
fn options_are_followed() {
    let options = PdsOptions::default().with_access_seconds(1).with_rate_limits().with_blob_limit(1000);
    let Some(pds) = Pds::for_test("options_are_followed", options) else { return };
    let account = pds.create_account("alice.test").unwrap();
    let server = Xrpc::new(&pds.url()).with_token(&account.access_token);
    let large = server.upload("com.atproto.repo.uploadBlob", "text/plain", &[0; 2000]);
    // The server may hang up before it has read all.
    assert!(large.is_err() || large.is_ok_and(|answer| matches!(answer.status, 400 | 413)));
    // The time of the server and of this test is the same.
    let expired = |answer: Answer| answer.json().is_ok_and(|json| json["error"] == "ExpiredToken");
    let mut calls = 0;
    while !expired(server.get("com.atproto.server.getSession").unwrap()) {
        calls += 1;
        assert!(calls < 3000, "the token does not expire");
    }
    let refreshed = Xrpc::new(&pds.url()).with_token(&account.refresh_token);
    let refreshed = refreshed.upload("com.atproto.server.refreshSession", "text/plain", b"");
    assert!(refreshed.unwrap().json().unwrap()["accessJwt"].is_string());
    let limited = Xrpc::new(&pds.url()).get("com.atproto.server.describeServer").unwrap();
    assert!(limited.header("ratelimit-remaining").is_some(), "{limited:?}");
}

#[test]
fn accounts_are_fresh() {
    let Some(first) = PdsAccount::for_test("accounts_are_fresh") else { return };
    let second = first.neighbour().unwrap();
    assert!(first.did() != second.did && first.handle() != second.handle);
    let repository = format!("com.atproto.repo.describeRepo?repo={}", first.did());
    let repository = first.xrpc().get(&repository).unwrap().success().unwrap();
    assert_eq!(repository["collections"], serde_json::json!([]));
    assert_eq!(repository["handle"], first.handle());
}

#[test]
fn a_server_ends_with_the_process_that_holds_it() {
    let case = "a_server_ends_with_the_process_that_holds_it";
    if std::env::var_os(HOLDER).is_some() {
        let pds = Pds::start(PdsOptions::default()).unwrap();
        println!("listens on {}", pds.port());
        // Until it is killed.
        std::thread::park();
    }
    if unless_missing("PDS", case, files::installed()).is_none() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("servers::pds::tests::{case}"), "--nocapture"]);
    let mut holder = Running::start(command.env(HOLDER, "1"));
    let line = holder.wait_for("listens on ");
    let address = format!("127.0.0.1:{}", line.rsplit(' ').next().unwrap());
    holder.kill();
    // It sends nothing to whoever asks nothing, so that what is read is the end of a connection.
    let has_ended = || match TcpStream::connect(&address) {
        Ok(mut connection) => {
            let _ = connection.read(&mut [0]);
            false
        }
        Err(_) => true,
    };
    assert!((0..100).any(|_| has_ended()), "the server goes on");
}
