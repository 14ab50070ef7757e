//! Logging in, on a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use atdata_atmosphere::{Atmosphere, AuthFault, Credentials, SessionFile, SessionStore};
use atdata_core::{ErrorKind, Index, IndexExt};
use atdata_testkit::proxy::{Fault, FaultProxy};
use atdata_testkit::servers::pds::{FORWARDED, PdsAccount, fresh_address};
use atdata_transport::HttpOptions;
use common::options;
use std::sync::Arc;
use std::time::Duration;

fn shown(error: &atdata_core::Error) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        shown += &format!("{cause} {cause:?}");
        source = cause.source();
    }
    shown
}

#[tokio::test]
async fn by_handle_and_by_did_with_the_session_kept_in_a_file() {
    let case = "by_handle_and_by_did_with_the_session_kept_in_a_file";
    let Some(alice) = PdsAccount::for_test(case) else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = Arc::new(SessionFile::new(directory.path().join("session.json")));
    let options = options(alice.url(), alice.plc_url(), HttpOptions::default());
    for name in [alice.handle(), alice.did(), &format!("@{}", alice.handle())] {
        let credentials = Credentials::new(name, alice.password());
        let atmosphere = Atmosphere::login(&credentials, options.clone(), Some(file.clone())).await.unwrap();
        assert_eq!(atmosphere.did().unwrap().as_str(), alice.did());
        assert_eq!(file.load().await.unwrap(), Some(atmosphere.session().unwrap()));
    }
    let saved = file.load().await.unwrap().unwrap();
    let resumed = Atmosphere::resume(saved, options.clone(), Some(file.clone())).unwrap();
    assert_eq!(resumed.index().unwrap().count_datasets().await.unwrap(), 0);
    resumed.logout().await.unwrap();
    assert_eq!(file.load().await.unwrap(), None);
    let error = resumed.session().unwrap_err();
    assert_eq!(AuthFault::of(&error), Some(AuthFault::NoSession));
}

#[tokio::test]
async fn the_server_is_found_by_the_identity() {
    let Some(alice) = PdsAccount::for_test("the_server_is_found_by_the_identity") else { return };
    let mut options = options(alice.url(), alice.plc_url(), HttpOptions::default());
    options.pds = None;
    let credentials = Credentials::new(alice.did(), alice.password());
    let atmosphere = Atmosphere::login(&credentials, options, None).await.unwrap();
    assert_eq!(atmosphere.session().unwrap().pds, alice.url());
}

#[tokio::test]
async fn wrong_credentials_are_said_to_be_so_and_repeat_no_secret() {
    let case = "wrong_credentials_are_said_to_be_so_and_repeat_no_secret";
    let Some(alice) = PdsAccount::for_test(case) else { return };
    let options = options(alice.url(), alice.plc_url(), HttpOptions::default());
    for name in [alice.handle(), alice.did(), "nobody-at-all.test"] {
        let credentials = Credentials::new(name, "not-the-password");
        let error = Atmosphere::login(&credentials, options.clone(), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(AuthFault::of(&error), Some(AuthFault::WrongCredentials));
        assert!(!shown(&error).contains("not-the-password") && error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn nobody_can_read_but_not_write() {
    let Some(alice) = PdsAccount::for_test("nobody_can_read_but_not_write") else { return };
    let options = options(alice.url(), alice.plc_url(), HttpOptions::default());
    let nobody = Atmosphere::anonymous(options.clone());
    let index = nobody.index_of(alice.handle()).await.unwrap();
    assert_eq!(index.count_datasets().await.unwrap(), 0);
    let new =
        || atdata_core::NewDataset::new("d", "at://did:plc:a/b.c.d/e", vec!["https://h.test/a.tar".into()]);
    let error = index.insert_dataset(new()).await.unwrap_err();
    assert_eq!(AuthFault::of(&error), Some(AuthFault::NoSession));
    // Nor can somebody else.
    let bob = alice.neighbour().unwrap();
    let bob = Atmosphere::resume(common::session(alice.url(), &bob), options, None).unwrap();
    let error = bob.index_of(alice.did()).await.unwrap().insert_dataset(new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains(alice.did()), "{error}");
}

#[tokio::test]
async fn a_limit_that_is_reached_is_waited_for() {
    let Some(alice) = PdsAccount::for_test("a_limit_that_is_reached_is_waited_for") else { return };
    let proxy = FaultProxy::start(alice.address());
    proxy.set(|request| match request.number % 2 {
        0 => Fault::Status { code: 429, retry_after: Some("1".into()) },
        _ => Fault::None,
    });
    let url = format!("http://localhost:{}", proxy.port());
    let options = options(&url, alice.plc_url(), HttpOptions::default());
    let credentials = Credentials::new(alice.handle(), alice.password());
    let atmosphere = Atmosphere::login(&credentials, options, None).await.unwrap();
    assert_eq!(atmosphere.session().unwrap().did, alice.did());
    assert!(proxy.requests() >= 2);
}

#[tokio::test]
async fn a_limit_that_lasts_too_long_is_said_with_its_end() {
    let case = "a_limit_that_lasts_too_long_is_said_with_its_end";
    let Some(alice) = PdsAccount::strict_for_test(case) else { return };
    let http = HttpOptions::default().with_header(alice.url(), FORWARDED, &fresh_address()).unwrap();
    let mut options = options(alice.url(), alice.plc_url(), http);
    options.retry.max_retry_after = Duration::from_secs(2);
    let credentials = Credentials::new(alice.handle(), "wrong");
    // The server takes thirty attempts in five minutes.
    for attempt in 0..40 {
        let error = Atmosphere::login(&credentials, options.clone(), None).await.unwrap_err();
        if error.kind() == ErrorKind::Unavailable {
            assert!(attempt >= 20 && error.retry_after().unwrap() > Duration::from_secs(2), "{error}");
            assert!(!error.is_retryable(), "to ask again at once is in vain: {error}");
            return;
        }
        assert_eq!(AuthFault::of(&error), Some(AuthFault::WrongCredentials), "{error}");
    }
    panic!("the server has no limit");
}
