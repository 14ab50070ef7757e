//! A proxy between a client and a Personal Data Server: large uploads pass, and go wrong as the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{self, Read, Write};
use std::net::TcpStream;

use atdata_testkit::proxy::{Fault, FaultProxy, Line, LineProxy};
use atdata_testkit::servers::pds::{Answer, PdsAccount, Xrpc};
use serde_json::{Value, json};

/// A client of a proxy on a port, with the rights of an account.
fn behind(port: u16, account: &PdsAccount) -> Xrpc {
    Xrpc::new(&format!("http://127.0.0.1:{port}")).with_token(&account.account().access_token)
}

fn blob() -> Vec<u8> {
    (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

fn upload(server: &Xrpc, bytes: &[u8]) -> io::Result<Answer> {
    server.upload("com.atproto.repo.uploadBlob", "application/octet-stream", bytes)
}

fn put(server: &Xrpc, account: &PdsAccount, key: &str, data: &Value) -> io::Result<Answer> {
    let record = json!({
        "repo": account.did(),
        "collection": "com.example.record",
        "rkey": key,
        "record": { "$type": "com.example.record", "data": data },
    });
    server.post("com.atproto.repo.putRecord", &record)
}

fn get(server: &Xrpc, account: &PdsAccount, key: &str) -> Answer {
    let query = format!("repo={}&collection=com.example.record&rkey={key}", account.did());
    server.get(&format!("com.atproto.repo.getRecord?{query}")).unwrap()
}

/// The path of a blob's bytes.
fn path_of(account: &PdsAccount, blob: &Value) -> String {
    let cid = blob["ref"]["$link"].as_str().unwrap();
    format!("com.atproto.sync.getBlob?did={}&cid={cid}", account.did())
}

#[test]
fn blobs_pass_and_are_cut_on_their_way_back() {
    let Some(account) = PdsAccount::for_test("blobs_pass_and_are_cut_on_their_way_back") else { return };
    let proxy = FaultProxy::start(account.address());
    let server = behind(proxy.port(), &account);
    let bytes = blob();
    let uploaded = upload(&server, &bytes).unwrap().success().unwrap()["blob"].clone();
    assert_eq!(uploaded["size"], bytes.len());
    put(&server, &account, "one", &uploaded).unwrap().success().unwrap();
    let path = path_of(&account, &uploaded);
    assert!(server.get(&path).unwrap().body == bytes);

    proxy.set(|_| Fault::CutAfter(1_000_000));
    let cut = server.get(&path).unwrap();
    assert_eq!((cut.status, cut.header("content-length")), (200, Some("5000000")));
    assert_eq!(cut.body, bytes[..1_000_000]);
}

#[test]
fn uploads_of_unknown_length_pass() {
    let Some(account) = PdsAccount::for_test("uploads_of_unknown_length_pass") else { return };
    let proxy = FaultProxy::start(account.address());
    let bytes = blob();
    let mut request = format!(
        "POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/octet-stream\r\nAuthorization: Bearer {}\r\n\r\n",
        account.account().access_token
    )
    .into_bytes();
    for chunk in bytes.chunks(100_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
    }
    request.extend(b"0\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.write_all(&request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"size\":5000000"), "{answer}");
}

#[test]
fn uploads_are_cut_on_their_way_there() {
    let Some(account) = PdsAccount::for_test("uploads_are_cut_on_their_way_there") else { return };
    let proxy = FaultProxy::start(account.address());
    let server = behind(proxy.port(), &account);
    let bytes = blob();
    for fault in [Fault::CutUploadAfter(2_000_000), Fault::ResetUploadAfter(2_000_000), Fault::NoAnswer] {
        let of_request = fault.clone();
        proxy.set(move |_| of_request.clone());
        let answer = upload(&server, &bytes);
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
    }
    proxy.set(|_| Fault::None);
    // The same upload passes afterwards: nothing of the others is left that could be in its way.
    let uploaded = upload(&server, &bytes).unwrap().success().unwrap()["blob"].clone();
    put(&server, &account, "one", &uploaded).unwrap().success().unwrap();
    assert!(server.get(&path_of(&account, &uploaded)).unwrap().body == bytes);
}

#[test]
fn a_stalled_upload_waits_until_the_line_ends() {
    let Some(account) = PdsAccount::for_test("a_stalled_upload_waits_until_the_line_ends") else { return };
    let proxy = FaultProxy::start(account.address());
    let server = behind(proxy.port(), &account);
    proxy.set(|_| Fault::StallUploadAfter(1_000_000));
    std::thread::scope(|scope| {
        let uploading = scope.spawn(|| upload(&server, &vec![0; 50_000_000]));
        while proxy.requests() == 0 {
            std::thread::yield_now();
        }
        assert!(!uploading.is_finished());
        drop(proxy);
        assert!(uploading.join().unwrap().is_err());
    });
}

#[test]
fn a_server_that_is_busy_says_so_after_the_upload() {
    let Some(account) = PdsAccount::for_test("a_server_that_is_busy_says_so_after_the_upload") else {
        return;
    };
    let proxy = FaultProxy::start(account.address());
    let server = behind(proxy.port(), &account);
    let bytes = blob();
    for retry_after in [None, Some("0".to_owned())] {
        let wait = retry_after.clone();
        proxy.set(move |_| Fault::Status { code: 503, retry_after: wait.clone() });
        let answer = upload(&server, &bytes).unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, retry_after.as_deref()));
    }
}

#[test]
fn a_record_is_written_and_the_answer_is_lost() {
    let Some(account) = PdsAccount::for_test("a_record_is_written_and_the_answer_is_lost") else { return };
    let proxy = FaultProxy::start(account.address());
    let server = behind(proxy.port(), &account);
    proxy.set(|_| Fault::LostAnswer);
    assert!(put(&server, &account, "one", &json!(1)).is_err());
    assert_eq!(get(&account.xrpc(), &account, "one").success().unwrap()["value"]["data"], 1);

    let line = LineProxy::start(account.address());
    let server = behind(line.port(), &account);
    line.set(Line::Cut(1));
    assert!(put(&server, &account, "two", &json!(2)).is_err());
    assert_eq!(get(&server, &account, "two").success().unwrap()["value"]["data"], 2);
    let bytes = blob();
    assert_eq!(upload(&server, &bytes).unwrap().success().unwrap()["blob"]["size"], bytes.len());
}
