//! A canary in everything that is configured with a secret, looked for in what `Debug` says of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "atmosphere", feature = "http", feature = "local", feature = "redis", feature = "s3"))]

use std::fmt::Debug;

use atdata::atmosphere::{Secret, Session};
use atdata::source::UrlSource;
use atdata::{
    Atmosphere, AtmosphereOptions, Credentials, Dataset, DictSample, Entry, Error, ErrorKind, HttpOptions,
    LocalIndex, NewDataset, S3Config, S3DataStore,
};

const CANARY: &str = "canary-0d1f-tweet";

fn assert_silent(what: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(CANARY), "{what} says a secret: {text}");
    }
}

fn assert_error_silent(what: &str, error: &Error) {
    assert_silent(what, error);
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        assert!(!error.to_string().contains(CANARY), "{what} says a secret: {error}");
        source = error.source();
    }
}

#[tokio::test]
async fn no_secret_is_in_a_debug_text() {
    let s3 = S3Config::with_keys("id", CANARY).with_session_token(CANARY).with_region("us-east-1");
    assert_silent("S3Config", &s3);
    assert_silent("S3DataStore", &S3DataStore::from_url(s3, "s3://bucket/prefix").unwrap());

    let http = HttpOptions::default().with_bearer("https://host", CANARY).unwrap();
    let http = http.with_header("https://host", "x-key", CANARY).unwrap();
    assert_silent("HttpOptions", &http);
    let mut registry = atdata::registry();
    atdata::http::register_with(&mut registry, http);
    assert_silent("Registry", &registry);

    let address = format!("https://user:{CANARY}@host/a.tar?sig={CANARY}");
    let source = UrlSource::new(&address, &registry).unwrap();
    assert_silent("UrlSource", &source);
    let dataset = Dataset::<DictSample>::from_source(source);
    assert_silent("Dataset", &dataset);
    assert_silent("Reader", &dataset.reader());

    let credentials = Credentials::new("alice.test", CANARY);
    assert_silent("Credentials", &credentials);
    assert_silent("Secret", &Secret::new(CANARY));
    let options = AtmosphereOptions::default().with_pds("https://pds.test").unwrap();
    assert_silent("AtmosphereOptions", &options);
    let json = format!(
        r#"{{"did": "did:plc:z72i7hdynmk6r22z27h6tvur", "handle": "a.test", "pds": "https://pds.test/", "access": "{CANARY}", "refresh": "{CANARY}"}}"#
    );
    let session = Session::from_json(&json).unwrap();
    assert_silent("Session", &session);
    assert_silent("Atmosphere", &Atmosphere::resume(session, options, None).unwrap());

    // What cannot be opened.
    let redis = LocalIndex::redis(&format!("redis://user:{CANARY}@127.0.0.1:1/0")).await.unwrap_err();
    assert_eq!(redis.kind(), ErrorKind::Unavailable);
    assert_error_silent("a server that is not there", &redis);
    assert_error_silent(
        "an address that is none",
        &LocalIndex::redis(&format!("redis://u:{CANARY}@a b")).await.unwrap_err(),
    );
    assert_error_silent(
        "an unknown scheme",
        &registry.opener(&format!("ftp://u:{CANARY}@h/a.tar")).unwrap_err(),
    );
    assert_error_silent(
        "a session that is none",
        &Session::from_json(&json.replace("\"did\"", "\"dad\"")).unwrap_err(),
    );
    let error = Error::invalid("x").with("url", format!("https://u:{CANARY}@h/?token={CANARY}"));
    assert_error_silent("an error with an address", &error);
}

/// These hold addresses as they were given: an index must be able to give them back.
#[test]
fn what_keeps_addresses_keeps_them_whole() {
    let url = format!("https://host/a.tar?sig={CANARY}");
    let urls = vec![url];
    assert_eq!(NewDataset::new("a", "A@1.0.0", urls.clone()).data_urls, urls);
    assert_eq!(Entry::new("a", "A@1.0.0", urls.clone()).data_urls, urls);
}
