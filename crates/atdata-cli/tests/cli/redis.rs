//! Indexes on Redis servers.

use atdata_testkit::servers::daemon::free_port;
use atdata_testkit::servers::redis::{CERTIFICATE_FILE, Database, Redis, RedisOptions};
use serde_json::json;

use crate::common::Cli;

#[test]
fn a_dataset_is_imported_shown_listed_and_read_by_name() {
    let Some(database) = Database::for_test("cli redis") else { return };
    let cli = Cli::new();
    let input = cli.file("in.csv", "n,word\n1,one\n2,two\n3,three\n");
    let index = ["--index", database.url()];
    cli.ok(&[&["import", &input, "words"], &index[..]].concat());
    let shown = cli.json(&[&["show", "words"], &index[..]].concat());
    assert_eq!(shown["entry"]["name"], "words");
    let listed = cli.json(&[&["ls"], &index[..]].concat());
    assert_eq!(listed["index"], database.url());
    assert_eq!(listed["datasets"].as_array().unwrap().len(), 1);
    assert_eq!(cli.ok(&[&["cat", "words"], &index[..]].concat()).lines().count(), 3);
    let schema = cli.json(&[&["schema", "ls"], &index[..]].concat());
    assert_eq!(schema["schemas"].as_array().unwrap().len(), 1);
    // Nothing was made in the home directory but the data.
    assert!(!cli.path(".atdata/index.db").exists());
    let text = cli.fails(&[&["import", &input, "words"], &index[..]].concat());
    assert!(text.contains("already exists"), "{text}");
}

#[test]
fn an_empty_index_lists_nothing() {
    let Some(database) = Database::for_test("cli redis") else { return };
    let cli = Cli::new();
    let listed = cli.json(&["ls", "--index", database.url()]);
    assert_eq!(listed["datasets"], json!([]));
    let text = cli.fails(&["show", "digits", "--index", database.url()]);
    assert!(text.contains("not found"), "{text}");
}

#[test]
fn an_index_is_reached_by_tls_if_the_certificate_is_trusted() {
    let port = free_port().unwrap();
    let options = RedisOptions::default().with_tls(port);
    let Some(_redis) = Redis::for_test("cli redis by TLS", options) else { return };
    let cli = Cli::new();
    for host in ["localhost", "127.0.0.1"] {
        let index = format!("rediss://{host}:{port}");
        let text = cli.fails(&["ls", "--index", &index]);
        assert!(text.contains("certificate"), "{text}");
        let mut trusting = cli.command(&["ls", "--json", "--index", &index]);
        let output = trusting.env("SSL_CERT_FILE", CERTIFICATE_FILE).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn what_fails_is_said_without_the_password() {
    let cli = Cli::new();
    for address in [
        "redis://ann:hunter2@127.0.0.1:1/0",
        "redis://:hunter2@127.0.0.1:1",
        "redis://ann:hun/ter2@127.0.0.1:1",
        "redis-sentinel://127.0.0.1:1/0?service=m&sentinel_password=hunter2",
        "redis://127.0.0.1/x?password=hunter2",
    ] {
        for more in [&[][..], &["-vv"], &["--json"]] {
            let run = cli.run(&[&["ls", "--index", address], more].concat());
            assert_eq!(run.code, 1, "{address}: {run:?}");
            let all = format!("{} {}", run.stdout, run.stderr);
            assert!(!all.contains("hunter2") && !all.contains("ter2"), "{address}: {all}");
        }
    }
}
