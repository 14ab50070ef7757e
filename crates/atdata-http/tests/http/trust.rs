//! Attacks: on what may be contacted, and on secrets.

use atdata_core::remote::AddressPolicy;
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{DataSource, Error, ErrorKind};
use atdata_http::HttpOptions;
use atdata_testkit::data::noise;
use atdata_testkit::proxy::Fault;
use atdata_testkit::servers::nginx::{CERTIFICATE, Nginx, TOKEN};

use crate::common::{Behind, opener, options, read};

/// What becomes of an address that a stranger's entry has.
async fn from_a_stranger(url: &str, options: HttpOptions) -> Result<bytes::Bytes, Error> {
    let mut registry = Registry::default();
    atdata_http::register_with(&mut registry, options);
    let source = UrlSource::new(url, &registry.untrusted())?;
    let id = source.list_shards().await?.remove(0);
    source.open_shard(&id).await?.into_bytes().await
}

#[tokio::test]
async fn a_stranger_s_entry_reaches_neither_this_machine_nor_files() {
    let Some(nginx) = Nginx::for_test("a_stranger_s_entry_reaches_neither_this_machine_nor_files") else {
        return;
    };
    nginx.put("a.tar", &noise(1, 100));
    let by_name = nginx.url("a.tar").replace("127.0.0.1", "localhost");
    for url in [
        nginx.url("a.tar"),
        by_name.clone(),
        by_name.replace("localhost", "LOCALHOST"),
        nginx.url("a.tar").replace("127.0.0.1", "127.1"),
        nginx.url("a.tar").replace("127.0.0.1", "0x7f000001"),
        nginx.url("a.tar").replace("127.0.0.1", "[::ffff:127.0.0.1]"),
        nginx.url("a.tar").replace("127.0.0.1", "user@127.0.0.1"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://10.0.0.1/a.tar".to_owned(),
    ] {
        let error = from_a_stranger(&url, options()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{url}: {error}");
        // What the user writes is read.
        if url.contains(&nginx.port().to_string()) {
            assert!(read(&url, options()).await.unwrap() == noise(1, 100), "{url}");
        }
    }
    for url in ["/etc/passwd", "file:///etc/passwd", "-", "pipe:id"] {
        assert_eq!(
            from_a_stranger(url, options()).await.unwrap_err().kind(),
            ErrorKind::Unsupported,
            "{url}"
        );
    }
    let allowing = options().with_foreign(AddressPolicy::public_only().allowing("localhost"));
    assert!(from_a_stranger(&by_name, allowing.clone()).await.unwrap() == noise(1, 100));
    assert!(from_a_stranger(&nginx.url("a.tar"), allowing).await.is_err());
}

#[tokio::test]
async fn redirects_are_held_to_the_same_rule() {
    let Some(nginx) = Nginx::for_test("redirects_are_held_to_the_same_rule") else { return };
    nginx.put("a.tar", &noise(1, 100));
    let redirect = nginx.url("redirect").replace("127.0.0.1", "localhost");
    let to = |target: &str| format!("{redirect}?to={target}");
    let allowing = || options().with_foreign(AddressPolicy::public_only().allowing("localhost"));
    // The host is allowed; where it leads is not.
    let error = from_a_stranger(&to(&nginx.url("a.tar")), allowing()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    // What is in the user's own network may lead around there.
    assert!(read(&to(&nginx.url("a.tar")), options()).await.unwrap() == noise(1, 100));
}

#[tokio::test]
async fn redirects_lead_to_web_addresses_only() {
    let Some(behind) = Behind::new("redirects_lead_to_web_addresses_only") else { return };
    for (target, kind) in [
        ("file:///etc/passwd", ErrorKind::PermissionDenied),
        ("ftp://h.test/a.tar", ErrorKind::PermissionDenied),
        ("data:,x", ErrorKind::PermissionDenied),
        ("http://", ErrorKind::Invalid),
    ] {
        behind.proxy.set(|_| Fault::Redirect(target.to_owned()));
        let error = read(&behind.url("a.tar"), options()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{target}: {error}");
    }
}

#[tokio::test]
async fn https_does_not_become_http() {
    let Some(nginx) = Nginx::for_test("https_does_not_become_http") else { return };
    nginx.put("a.tar", &noise(1, 100));
    let trusting = options().with_root_certificate(CERTIFICATE);
    let url = format!("{}?to={}", nginx.tls_url("redirect"), nginx.url("a.tar"));
    let error = read(&url, trusting.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let url = format!("{}?to={}", nginx.url("redirect"), nginx.tls_url("a.tar"));
    assert!(read(&url, trusting).await.unwrap() == noise(1, 100));
}

#[tokio::test]
async fn circles_of_redirects_end() {
    let Some(behind) = Behind::new("circles_of_redirects_end") else { return };
    behind.proxy.set(|request| Fault::Redirect(request.path.clone()));
    let error = read(&behind.url("a.tar"), options()).await.unwrap_err();
    assert_eq!((error.kind(), behind.proxy.requests()), (ErrorKind::Invalid, 11), "{error}");
}

#[tokio::test]
async fn secrets_stay_with_their_origin() {
    let Some(behind) = Behind::new("secrets_stay_with_their_origin") else { return };
    let plain = options;
    let origin = |url: &str| url.trim_end_matches('/').to_owned();
    let (nginx, proxy) = (origin(&behind.nginx.url("")), origin(&behind.url("")));
    let options = || {
        let options = options().with_bearer(&nginx, TOKEN).unwrap();
        options.with_header(&nginx, "X-Secret", "hidden").unwrap()
    };
    let told = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(told(read(&format!("{nginx}/headers"), options()).await.unwrap()), "Bearer sesame hidden");
    assert_eq!(told(read(&format!("{proxy}/headers"), options()).await.unwrap()), " ");
    // Led from its own origin to another, and back.
    let away = format!("{nginx}/redirect?to={proxy}/headers");
    assert_eq!(told(read(&away, options()).await.unwrap()), " ");
    assert!(behind.proxy.seen().iter().all(|request| request.header("authorization").is_none()));
    let back = format!("{proxy}/redirect?to={nginx}/headers");
    assert_eq!(told(read(&back, options()).await.unwrap()), "Bearer sesame hidden");
    // The user and password of an address are for its own origin too.
    let with_user = nginx.replace("http://", "http://user:password@");
    assert!(told(read(&format!("{with_user}/headers"), plain()).await.unwrap()).starts_with("Basic"));
    let away = format!("{with_user}/redirect?to={proxy}/headers");
    assert_eq!(told(read(&away, plain()).await.unwrap()), " ");
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    let Some(behind) = Behind::new("secrets_are_in_no_error") else { return };
    let secret = |text: &str| ["sesame", "pass-word", "s1gnature", "hidden"].iter().any(|s| text.contains(s));
    let origin = behind.url("");
    let options = || {
        let options = options().with_bearer(&origin, "sesame").unwrap();
        options.with_header(&origin, "x-secret", "hidden").unwrap()
    };
    let url = behind.url("a.tar").replace("http://", "http://user:pass-word@") + "?X-Amz-Signature=s1gnature";
    let leads_to = format!("{}?token=s1gnature", behind.url("b.tar"));
    for fault in [
        Fault::None,
        Fault::Status { code: 403, retry_after: None },
        Fault::Status { code: 503, retry_after: None },
        Fault::NoAnswer,
        Fault::Silence,
        Fault::Garbage,
        Fault::EndlessHeaders,
        Fault::Redirect(leads_to),
        Fault::Redirect("ftp://user:pass-word@h.test/?token=s1gnature".to_owned()),
    ] {
        let of_all = fault.clone();
        behind.proxy.set(move |_| of_all.clone());
        let error = read(&url, options()).await.unwrap_err();
        assert!(!secret(&error.to_string()) && !secret(&format!("{error:?}")), "{fault:?}: {error:?}");
        assert!(error.to_string().contains("a.tar"), "{error}");
        let opener = opener(options());
        assert!(!secret(&format!("{opener:?}")), "{opener:?}");
    }
}
