//! Sources on a web server.

use atdata_testkit::servers::nginx::Nginx;

use crate::common::Cli;

/// A server with the shards of a dataset that was imported here.
fn served(test: &str) -> Option<(Cli, Nginx)> {
    let nginx = Nginx::for_test(test)?;
    let cli = Cli::new();
    let input = cli.file("in.csv", "n,word\n1,one\n2,two\n3,three\n");
    cli.ok(&["import", &input, "words", "--max-count", "2"]);
    for (number, path) in cli.shards().iter().enumerate() {
        nginx.put(&format!("words-{number}.tar"), &std::fs::read(path).unwrap());
    }
    Some((cli, nginx))
}

#[test]
fn shards_on_a_web_server_are_read_as_files_are() {
    let Some((cli, nginx)) = served("shards_on_a_web_server_are_read_as_files_are") else { return };
    let url = format!("{}words-{{0..1}}.tar", nginx.url(""));
    let fields = |samples: Vec<serde_json::Value>| {
        samples.into_iter().map(|sample| sample["fields"].clone()).collect::<Vec<_>>()
    };
    let mut by_name = fields(cli.cat("words"));
    let mut by_url = fields(cli.cat(&url));
    by_name.sort_by_key(ToString::to_string);
    by_url.sort_by_key(ToString::to_string);
    assert_eq!((by_url.len(), &by_url), (3, &by_name));
    assert!(cli.ok(&["head", &url, "-n", "1"]).contains("word"));
    assert!(cli.ok(&["verify", &url]).contains("PASS"));
}

#[test]
fn failures_name_the_address_without_its_secrets() {
    let Some((cli, nginx)) = served("failures_name_the_address_without_its_secrets") else { return };
    let missing = cli.fails(&["cat", &nginx.url("missing.tar")]);
    assert!(missing.contains("not found") && missing.contains(&nginx.url("missing.tar")), "{missing}");
    let secret = nginx.url("auth/words-0.tar").replace("http://", "http://user:pass-word@") + "?token=t0ken";
    let denied = cli.fails(&["cat", &secret]);
    assert!(denied.contains("permission denied") && denied.contains("hint:"), "{denied}");
    assert!(!denied.contains("pass-word") && !denied.contains("t0ken"), "{denied}");
}
