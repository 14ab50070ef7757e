//! What servers answer when nothing is wrong with the network.

use atdata_core::{DataSource, ErrorKind};
use atdata_http::HttpSource;
use atdata_testkit::data::noise;
use atdata_testkit::proxy::Fault;
use atdata_testkit::servers::nginx::{CERTIFICATE, Nginx, TOKEN};

use crate::common::{Behind, opener, options, parallel, parts, read};

#[tokio::test]
async fn braces_stand_for_shards() {
    let Some(nginx) = Nginx::for_test("braces_stand_for_shards") else { return };
    for n in 0..3 {
        nginx.put(&format!("d-{n}.tar"), &noise(n, 100));
    }
    let source = HttpSource::from_urls([format!("{}d-{{0..2}}.tar", nginx.url(""))], options()).unwrap();
    let ids = source.list_shards().await.unwrap();
    assert_eq!(ids.len(), 3);
    assert_eq!(source.open_shard(&ids[2]).await.unwrap().into_bytes().await.unwrap(), noise(2, 100));
}

#[tokio::test]
async fn a_server_without_parts_or_versions_is_read_whole() {
    let Some(nginx) = Nginx::for_test("a_server_without_parts_or_versions_is_read_whole") else { return };
    nginx.put("a.tar", &noise(1, 300_000));
    for location in ["norange", "unversioned", "gzip"] {
        let url = nginx.url(&format!("{location}/a.tar"));
        for options in [options(), parallel(parts(10_000))] {
            assert!(read(&url, options).await.unwrap() == noise(1, 300_000), "{location}");
        }
        let part = opener(options()).read_range(&url, 1000..2000).await.unwrap();
        assert!(part == noise(1, 300_000).slice(1000..2000), "{location}");
    }
}

#[tokio::test]
async fn sizes_and_versions_are_known_without_reading() {
    let Some(behind) = Behind::new("sizes_and_versions_are_known_without_reading") else { return };
    behind.nginx.put("a.tar", &noise(1, 300_000));
    let opener = opener(options());
    let url = behind.url("a.tar");
    assert_eq!(opener.size(&url).await.unwrap(), Some(300_000));
    let version = opener.version(&url).await.unwrap();
    let body = opener.open(&url).await.unwrap();
    assert_eq!(body.version(), version.as_deref());
    body.into_bytes().await.unwrap();
    assert!(version.is_some());
    // A server that does not know HEAD.
    behind.proxy.set(|request| match request.method.as_str() {
        "HEAD" => Fault::Status { code: 403, retry_after: None },
        _ => Fault::None,
    });
    behind.proxy.reset_counts();
    assert_eq!(opener.size(&url).await.unwrap(), Some(300_000));
    assert_eq!((behind.proxy.requests(), behind.proxy.moved()), (2, 1));
    assert!(opener.size(&behind.url("b.tar")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_range_beyond_the_end_is_corrupt() {
    let Some(nginx) = Nginx::for_test("a_range_beyond_the_end_is_corrupt") else { return };
    nginx.put("a.tar", &noise(1, 1000));
    for range in [0..1001, 999..1001, 1000..1001] {
        let error = opener(options()).read_range(&nginx.url("a.tar"), range).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[tokio::test]
async fn tls_is_checked() {
    let Some(nginx) = Nginx::for_test("tls_is_checked") else { return };
    nginx.put("a.tar", &noise(1, 100_000));
    let url = nginx.tls_url("a.tar");
    let error = read(&url, options()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    assert!(error.to_string().contains("certificate") && error.to_string().contains(&url), "{error}");
    let trusting = options().with_root_certificate(CERTIFICATE);
    assert!(read(&url, trusting).await.unwrap() == noise(1, 100_000));
    // A server that speaks no TLS.
    let error = read(&nginx.url("a.tar").replace("http:", "https:"), options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn errors_say_what_to_check() {
    let Some(nginx) = Nginx::for_test("errors_say_what_to_check") else { return };
    nginx.put("a.tar", &noise(1, 100));
    let closed = "http://127.0.0.1:1/a.tar".to_owned();
    let nowhere = "http://no-such-host.invalid/a.tar".to_owned();
    for (url, kind, says) in [
        (nginx.url("b.tar"), ErrorKind::NotFound, "404"),
        (nginx.url("auth/a.tar"), ErrorKind::PermissionDenied, "token"),
        (closed, ErrorKind::Unavailable, "running"),
        (nowhere, ErrorKind::Unavailable, "no-such-host.invalid"),
    ] {
        let error = read(&url, options()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains(&url), "{error}");
    }
    let origin = nginx.url("");
    let allowed = options().with_bearer(&origin, TOKEN).unwrap();
    assert!(read(&nginx.url("auth/a.tar"), allowed).await.unwrap() == noise(1, 100));
    for address in ["ftp://h/a.tar", "a.tar", "s3://b/a.tar"] {
        assert_eq!(HttpSource::new(address).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
