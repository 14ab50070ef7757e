//! Who is answered.

use atdata_core::ErrorKind;
use atdata_serve::{ServeOptions, Server, Token};

use crate::client::{get, refused, send};
use crate::setting::Setting;

#[tokio::test]
async fn only_own_names_are_answered() {
    let setting = Setting::new();
    let serving = setting.serve_with(ServeOptions::default().with_name("own.example")).await;
    let port = serving.address.port();
    for own in ["localhost", "127.0.0.1", "[::1]", "own.example", "OWN.example:8000"] {
        let answer = send(serving.address, &format!("GET / HTTP/1.1\nHost: {own}")).await;
        assert_eq!(answer.status, 200, "{own}");
    }
    for request in [
        format!("GET / HTTP/1.1\nHost: evil.example:{port}"),
        format!("GET /api/v1/datasets HTTP/1.1\nHost: localhost.evil.example:{port}"),
        format!("GET /api/v1/datasets HTTP/1.1\nHost: 192.168.0.1:{port}"),
        "GET /style.css HTTP/1.1\nHost: own.example.evil".to_owned(),
    ] {
        let answer = send(serving.address, &request).await;
        assert_eq!((answer.status, answer.kind().as_str()), (403, "permission denied"), "{request}");
    }
    for request in [
        "GET /api/v1/datasets HTTP/1.1".to_owned(),
        "GET /api/v1/datasets HTTP/1.1\nHost:".to_owned(),
        "GET /api/v1/datasets HTTP/1.1\nHost: localhost\nHost: evil.example".to_owned(),
        "GET http://evil.example/api/v1/datasets HTTP/1.1\nHost: localhost".to_owned(),
    ] {
        let answer = send(serving.address, &request).await;
        assert!(matches!(answer.status, 400 | 403), "{request}: {}", answer.status);
    }
    serving.end().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_not_answered() {
    let serving = Setting::new().serve().await;
    for (site, status) in [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)] {
        let request =
            format!("GET /api/v1/datasets HTTP/1.1\nHost: {}\nSec-Fetch-Site: {site}", serving.address);
        assert_eq!(send(serving.address, &request).await.status, status, "{site}");
    }
    let request = format!("GET / HTTP/1.1\nHost: {}\nOrigin: https://evil.example", serving.address);
    let answer = send(serving.address, &request).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    serving.end().await;
}

#[tokio::test]
async fn every_answer_tells_browsers_what_is_forbidden() {
    let serving = Setting::new().serve().await;
    for path in ["/", "/main.js", "/api/v1/datasets", "/api/v1/dataset?name=none", "/nothing", "/icon.svg"] {
        let answer = get(serving.address, path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    serving.end().await;
}

#[tokio::test]
async fn nothing_can_be_written() {
    let serving = Setting::new().serve().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request =
            format!("{method} /api/v1/datasets HTTP/1.1\nHost: {}\nContent-Length: 0", serving.address);
        assert_eq!(send(serving.address, &request).await.status, 405, "{method}");
    }
    let head = send(serving.address, &format!("HEAD / HTTP/1.1\nHost: {}", serving.address)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(refused(serving.address, "nothing").await, (404, "not found".to_owned()));
    serving.end().await;
}

#[tokio::test]
async fn a_token_lets_in_by_header_or_by_a_cookie() {
    let token = Token::generate();
    let serving = Setting::new().serve_with(ServeOptions::default().with_token(token.clone())).await;
    let (address, secret) = (serving.address, token.as_str());
    let ask = async |path: &str, header: &str| {
        send(address, &format!("GET {path} HTTP/1.1\nHost: {address}\n{header}")).await
    };
    for (path, header) in [
        ("/", ""),
        ("/main.js", ""),
        ("/api/v1/datasets", ""),
        ("/api/v1/datasets", "Authorization: Bearer wrong"),
        ("/api/v1/datasets", &format!("Authorization: Basic {secret}")),
        ("/api/v1/datasets", &format!("Authorization: Bearer {}", &secret[1..])),
        ("/?token=wrong", ""),
        (&format!("/api/v1/datasets?token={secret}"), ""),
        ("/", &format!("Cookie: atdata-serve-{}={secret}", address.port())),
    ] {
        let answer = ask(path, header).await;
        assert_eq!(answer.status, 401, "{path} {header}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(!String::from_utf8_lossy(&answer.body).contains(secret));
    }
    assert_eq!(ask("/api/v1/datasets", &format!("Authorization: Bearer {secret}")).await.status, 200);

    let answer = ask(&format!("/?token={secret}"), "").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(secret));
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(ask("/api/v1/datasets", &format!("Cookie: other=1; {pair}")).await.status, 200);
    assert_eq!(ask("/", &format!("Cookie: {pair}")).await.status, 200);
    let other_port = pair.replacen("atdata-serve-", "atdata-serve-1", 1);
    assert_eq!(ask("/", &format!("Cookie: {other_port}")).await.status, 401);
    serving.end().await;
}

#[tokio::test]
async fn without_a_token_nobody_else_is_listened_to() {
    let setting = Setting::new();
    let open = ServeOptions::default().with_address(([0, 0, 0, 0], 0).into());
    let error =
        Server::bind(open.clone(), setting.index.clone(), setting.registry.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let serving = setting.serve_with(open.with_token(Token::generate())).await;
    let local = ([127, 0, 0, 1], serving.address.port()).into();
    assert_eq!(get(local, "/").await.status, 401);
    serving.end().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_and_secrets_are_in_no_debug_output() {
    let setting = Setting::new();
    let token = Token::generate();
    let serving = setting.serve_with(ServeOptions::default().with_token(token.clone())).await;
    let options = ServeOptions::default().with_address(serving.address).with_token(token.clone());
    assert!(!format!("{options:?}").contains(token.as_str()));
    let error = Server::bind(options, setting.index.clone(), setting.registry.clone()).await.unwrap_err();
    assert!(error.to_string().contains(&serving.address.to_string()), "{error}");
    let server = Server::bind(
        ServeOptions::default().with_token(token.clone()),
        setting.index.clone(),
        setting.registry.clone(),
    );
    let server = server.await.unwrap();
    assert!(!format!("{server:?}").contains(token.as_str()) && !server.url().contains(token.as_str()));
    assert!(server.url_with_token().contains(token.as_str()));
    serving.end().await;
}
