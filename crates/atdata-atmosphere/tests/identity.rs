//! Handles, DIDs and their documents, and where they may lead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
use atdata_core::{ErrorKind, Index};
use atdata_testkit::proxy::{Fault, FaultProxy};
use atdata_testkit::servers::nginx::Nginx;
use atdata_testkit::servers::pds::PdsAccount;
use atdata_transport::HttpOptions;
use common::options;
use serde_json::{Value, json};

fn anonymous(account: &PdsAccount) -> Atmosphere {
    Atmosphere::anonymous(options(account.url(), account.plc_url(), HttpOptions::default()))
}

fn localhost(port: u16) -> String {
    format!("http://localhost:{port}")
}

fn address(url: &str) -> std::net::SocketAddr {
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    ([127, 0, 0, 1], port).into()
}

#[tokio::test]
async fn an_account_is_found_by_its_handle_and_its_did() {
    let Some(alice) = PdsAccount::for_test("an_account_is_found_by_its_handle_and_its_did") else { return };
    let atmosphere = anonymous(&alice);
    for name in [alice.did(), alice.handle(), &format!("@{}", alice.handle()), &alice.handle().to_uppercase()]
    {
        let identity = atmosphere.resolve(name).await.unwrap();
        assert_eq!(identity.did.as_str(), alice.did(), "{name}");
        assert_eq!(identity.handle.as_deref(), Some(alice.handle()));
        assert_eq!(identity.pds, alice.url());
        assert!(identity.signing_key.as_ref().unwrap().multibase.starts_with('z'));
    }
}

#[tokio::test]
async fn who_is_nobody_is_not_found() {
    let Some(alice) = PdsAccount::for_test("who_is_nobody_is_not_found") else { return };
    let atmosphere = anonymous(&alice);
    for name in ["nobody-at-all.test", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"] {
        let error = atmosphere.resolve(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    for name in ["", "@", "alice", "a b.test", "did:key:zabc", "did:plc:../x", "http://alice.test"] {
        let error = atmosphere.resolve(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}: {error}");
    }
}

#[tokio::test]
async fn a_handle_that_the_account_does_not_claim_is_refused() {
    let Some(alice) = PdsAccount::for_test("a_handle_that_the_account_does_not_claim_is_refused") else {
        return;
    };
    let proxy = FaultProxy::start(address(alice.url()));
    let other = format!("/xrpc/com.atproto.identity.resolveHandle?handle={}", alice.handle());
    proxy.set(move |_| Fault::OtherPath(other.clone()));
    // The server says that Mallory's handle is Alice.
    let options = options(&localhost(proxy.port()), alice.plc_url(), HttpOptions::default());
    let error = Atmosphere::anonymous(options).resolve("mallory.test").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains(alice.did()) && error.to_string().contains("mallory.test"), "{error}");
}

#[tokio::test]
async fn a_directory_that_gives_another_account_is_refused() {
    let Some(alice) = PdsAccount::for_test("a_directory_that_gives_another_account_is_refused") else {
        return;
    };
    let mallory = alice.neighbour().unwrap();
    let proxy = FaultProxy::start(address(alice.plc_url()));
    proxy.set(move |_| Fault::OtherPath(format!("/{}", mallory.did)));
    let options = options(alice.url(), &localhost(proxy.port()), HttpOptions::default());
    let error = Atmosphere::anonymous(options).resolve(alice.did()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[tokio::test]
async fn what_was_found_is_asked_for_again_when_it_is_old() {
    let Some(alice) = PdsAccount::for_test("what_was_found_is_asked_for_again_when_it_is_old") else {
        return;
    };
    let proxy = FaultProxy::start(address(alice.plc_url()));
    let options = options(alice.url(), &localhost(proxy.port()), HttpOptions::default());
    let asked = async |lifetime: Duration| {
        let mut options = options.clone();
        options.identity_lifetime = lifetime;
        let atmosphere = Atmosphere::anonymous(options);
        proxy.reset_counts();
        for _ in 0..3 {
            atmosphere.resolve(alice.did()).await.unwrap();
        }
        proxy.requests()
    };
    assert_eq!(asked(Duration::from_secs(3600)).await, 1);
    assert_eq!(asked(Duration::ZERO).await, 3);
}

#[tokio::test]
async fn a_directory_that_fails_is_asked_again_and_then_named() {
    let Some(alice) = PdsAccount::for_test("a_directory_that_fails_is_asked_again_and_then_named") else {
        return;
    };
    let proxy = FaultProxy::start(address(alice.plc_url()));
    let options = options(alice.url(), &localhost(proxy.port()), HttpOptions::default());
    proxy.set(|request| match request.number {
        0 => Fault::Status { code: 503, retry_after: Some("0".into()) },
        1 => Fault::CutAfter(20),
        _ => Fault::None,
    });
    let atmosphere = Atmosphere::anonymous(options.clone());
    assert_eq!(atmosphere.resolve(alice.did()).await.unwrap().did.as_str(), alice.did());
    proxy.set(|_| Fault::NoAnswer);
    let error = Atmosphere::anonymous(options).resolve(alice.did()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&proxy.port().to_string()), "{error}");
}

/// A web server that has a document.
fn document(nginx: &Nginx, change: impl Fn(&mut Value)) -> String {
    let did = format!("did:web:localhost%3A{}", nginx.port());
    let mut document = json!({
        "id": did,
        "alsoKnownAs": ["at://nobody.test"],
        "service": [{
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": localhost(nginx.port()),
        }],
    });
    change(&mut document);
    nginx.put(".well-known/did.json", document.to_string().as_bytes());
    did
}

fn endpoint(url: &str) -> impl Fn(&mut Value) {
    let url = url.to_owned();
    move |document| document["service"][0]["serviceEndpoint"] = url.clone().into()
}

/// Nobody is on the network but this machine.
fn local_only() -> AtmosphereOptions {
    options("http://localhost:9", "http://localhost:9", HttpOptions::default())
}

#[tokio::test]
async fn an_account_of_a_domain_is_found() {
    let Some(nginx) = Nginx::for_test("an_account_of_a_domain_is_found") else { return };
    let did = document(&nginx, |_| {});
    let identity = Atmosphere::anonymous(local_only()).resolve(&did).await.unwrap();
    assert_eq!((identity.did.as_str(), identity.pds.as_str()), (&*did, &*localhost(nginx.port())));
    // The handle does not lead back.
    assert_eq!((identity.handle.as_deref(), identity.signing_key.as_ref()), (None, None));
}

#[tokio::test]
async fn a_document_leads_to_no_server_of_the_private_network() {
    let Some(nginx) = Nginx::for_test("a_document_leads_to_no_server_of_the_private_network") else { return };
    for url in ["http://127.0.0.1:80", "http://10.0.0.1", "http://data.example.org", "http://[::1]:2583"] {
        let did = document(&nginx, endpoint(url));
        let error = Atmosphere::anonymous(local_only()).resolve(&did).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{url}: {error}");
    }
    for url in ["https://127.0.0.1", "https://169.254.169.254", "https://[::1]", "https://192.168.1.1:8443"] {
        let did = document(&nginx, endpoint(url));
        let index = Atmosphere::anonymous(local_only()).index_of(&did).await.unwrap();
        let error = index.get_dataset("digits").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{url}: {error}");
    }
    for url in
        ["ftp://pds.example", "https://a:b@pds.example", "https://pds.example/path", "javascript:1", ""]
    {
        let did = document(&nginx, endpoint(url));
        let error = Atmosphere::anonymous(local_only()).resolve(&did).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}: {error}");
    }
}

#[tokio::test]
async fn without_permission_no_account_leads_to_this_machine() {
    let case = "without_permission_no_account_leads_to_this_machine";
    let Some(nginx) = Nginx::for_test(case) else { return };
    let did = document(&nginx, |_| {});
    // Nobody named a server here: localhost is as foreign as any other.
    let error = Atmosphere::anonymous(AtmosphereOptions::default()).resolve(&did).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unavailable), "{error}");
    assert_eq!(nginx.port(), did.rsplit("3A").next().unwrap().parse::<u16>().unwrap());
}

#[tokio::test]
async fn odd_documents_are_errors_that_name_them() {
    let Some(nginx) = Nginx::for_test("odd_documents_are_errors_that_name_them") else { return };
    type Change = fn(&mut Value);
    let odd: [(Change, ErrorKind); 5] = [
        (|document| document["id"] = "did:web:localhost".into(), ErrorKind::Corrupt),
        (|document| *document = json!([]), ErrorKind::Corrupt),
        (|document| *document = json!("x"), ErrorKind::Corrupt),
        (|document| document["service"] = json!([]), ErrorKind::NotFound),
        (|document| document["service"][0]["type"] = "Other".into(), ErrorKind::NotFound),
    ];
    for (change, kind) in odd {
        let did = document(&nginx, change);
        let error = Atmosphere::anonymous(local_only()).resolve(&did).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(&did), "{error}");
    }
    let did = document(&nginx, |_| {});
    nginx.put(".well-known/did.json", &vec![b' '; 2 << 20]);
    let error = Atmosphere::anonymous(local_only()).resolve(&did).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
