//! Handles by the text records of their names, with a name server of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
use atdata_core::ErrorKind;
use atdata_testkit::servers::nginx::Nginx;
use atdata_transport::HttpOptions;
use common::options;
use serde_json::json;

/// A name server (RFC 1035) that has the same texts for every name, and notes for which it was asked. It ends with the
/// process.
struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    fn start(texts: Vec<String>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = asked.clone();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let (name, end) = name(&question[..length]);
                noted.lock().unwrap().push(name);
                // The question again, as an answer that is no error, and the records behind it.
                let mut answer = question[..end].to_vec();
                answer[2..4].copy_from_slice(&[0x84, 0x00]);
                answer[4..12].copy_from_slice(&[0, 1, 0, u8::try_from(texts.len()).unwrap(), 0, 0, 0, 0]);
                for text in &texts {
                    let length = u8::try_from(text.len()).unwrap();
                    // The name of the question, TXT, IN, a minute.
                    answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
                    answer.extend(text.as_bytes());
                }
                let _ = socket.send_to(&answer, from);
            }
        });
        Self { address, asked }
    }

    fn options(&self) -> AtmosphereOptions {
        let mut options = options("http://localhost:9", "http://localhost:9", HttpOptions::default());
        options.name_servers = vec![self.address];
        options
    }
}

/// The name in a question, and where the question ends.
fn name(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..at + 1 + length]).to_lowercase());
        at += 1 + length;
    }
    (labels.join("."), at + 5)
}

/// An account of a domain of this machine, which claims a handle.
fn account(nginx: &Nginx, handle: &str) -> String {
    let did = format!("did:web:localhost%3A{}", nginx.port());
    let document = json!({
        "id": did,
        "alsoKnownAs": [format!("at://{handle}")],
        "service": [{
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": format!("http://localhost:{}", nginx.port()),
        }],
    });
    nginx.put(".well-known/did.json", document.to_string().as_bytes());
    did
}

#[tokio::test]
async fn a_handle_is_found_by_its_text_record() {
    let Some(nginx) = Nginx::for_test("a_handle_is_found_by_its_text_record") else { return };
    let did = account(&nginx, "Alice.Data-Example.org");
    let server = NameServer::start(vec!["v=spf1 -all".into(), format!("did={did}")]);
    let atmosphere = Atmosphere::anonymous(server.options());
    for name in ["alice.data-example.org", "@ALICE.data-example.org"] {
        let identity = atmosphere.resolve(name).await.unwrap();
        assert_eq!(identity.did.as_str(), did);
        assert_eq!(identity.handle.as_deref(), Some("alice.data-example.org"));
    }
    assert_eq!(*server.asked.lock().unwrap(), ["_atproto.alice.data-example.org"], "once, and then known");
    // By the DID the handle is confirmed.
    let identity = Atmosphere::anonymous(server.options()).resolve(&did).await.unwrap();
    assert_eq!(identity.handle.as_deref(), Some("alice.data-example.org"));
}

#[tokio::test]
async fn a_record_that_claims_another_account_is_refused() {
    let Some(nginx) = Nginx::for_test("a_record_that_claims_another_account_is_refused") else { return };
    let did = account(&nginx, "alice.data-example.org");
    let server = NameServer::start(vec![format!("did={did}")]);
    let error =
        Atmosphere::anonymous(server.options()).resolve("mallory.data-example.org").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn names_that_are_not_public_are_not_asked_for() {
    let server = NameServer::start(vec!["did=did:plc:abc".into()]);
    let atmosphere = Atmosphere::anonymous(server.options());
    for name in ["alice.test", "printer.local", "a.internal", "x.localhost", "y.onion"] {
        assert!(atmosphere.resolve(name).await.is_err(), "{name}");
    }
    assert!(server.asked.lock().unwrap().is_empty());
}
