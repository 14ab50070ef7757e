//! Sources and stores in S3, on Ceph's gateway.

use std::process::Command;

use atdata::{S3Config, S3Source};
use atdata_testkit::servers::given::S3Server;
use atdata_testkit::suite::{block_on, skip};

use crate::common::{Cli, lines};

/// A bucket of the server, with this process's own prefix in it.
struct Place {
    cli: Cli,
    server: S3Server,
    prefix: String,
}

impl Place {
    fn new(test: &str) -> Option<Self> {
        let Some(server) = S3Server::given("TEST_S3") else {
            skip(test, "TEST_S3_ENDPOINT is not set");
            return None;
        };
        server.make_bucket("atdata-cli-tests");
        let prefix = format!("s3://atdata-cli-tests/{test}-{}", std::process::id());
        Some(Self { cli: Cli::new(), server, prefix })
    }

    fn command(&self, args: &[&str], secret_key: &str) -> Command {
        let mut command = self.cli.command(args);
        command
            .env("AWS_ENDPOINT", &self.server.endpoint)
            .env("AWS_REGION", &self.server.region)
            .env("AWS_ACCESS_KEY_ID", &self.server.access_key)
            .env("AWS_SECRET_ACCESS_KEY", secret_key);
        command
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args, &self.server.secret_key).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that has to fail.
    fn fails(&self, args: &[&str], secret_key: &str) -> String {
        let output = self.command(args, secret_key).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn a_dataset_is_imported_into_a_bucket_and_read_by_name_by_address_and_by_prefix() {
    let Some(place) = Place::new("import") else { return };
    let input = place.cli.file("in.csv", "n,word\n1,one\n2,two\n3,three\n");
    place.ok(&["import", &input, "words", "--max-count", "2", "--store", &place.prefix]);
    let by_name = lines(&place.ok(&["cat", "words"]));
    assert_eq!(by_name.len(), 3);

    let shown: serde_json::Value = serde_json::from_str(&place.ok(&["show", "words", "--json"])).unwrap();
    let urls: Vec<&str> =
        shown["shards"].as_array().unwrap().iter().map(|s| s["url"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 2);
    assert!(urls[0].starts_with(&format!("{}/words/data--", place.prefix)), "{urls:?}");
    assert_eq!(lines(&place.ok(&["cat", urls[1]])), by_name[2..]);
    assert_eq!(lines(&place.ok(&["cat", &format!("{}/words/", place.prefix)])), by_name);
    place.ok(&["verify", "words"]);

    let empty = place.fails(&["cat", &format!("{}/nothing/", place.prefix)], &place.server.secret_key);
    assert!(empty.contains("nothing/"), "{empty}");
}

#[test]
fn a_failed_import_leaves_nothing_in_the_bucket() {
    let Some(place) = Place::new("failed") else { return };
    let input = place.cli.file("in.jsonl", "{\"n\": 1}\n{\"n\": 2}\nno json\n");
    let args = ["import", &input, "numbers", "--strict", "--max-count", "1", "--store", &place.prefix];
    place.fails(&args, &place.server.secret_key);
    let (bucket, prefix) = place.prefix.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let config = S3Config::with_keys(&place.server.access_key, &place.server.secret_key);
    let config = config.with_endpoint(&place.server.endpoint).unwrap();
    let left = block_on(async {
        use atdata::DataSource;
        S3Source::from_prefix(config, bucket, prefix).await.unwrap().list_shards().await.unwrap()
    });
    assert_eq!(left, [""; 0]);
}

#[test]
fn wrong_credentials_are_told_without_them() {
    let Some(place) = Place::new("credentials") else { return };
    let input = place.cli.file("in.csv", "n\n1\n");
    for args in [
        &["import", &input, "numbers", "--store", &place.prefix][..],
        &["cat", &format!("{}/a.tar", place.prefix)],
    ] {
        let told = place.fails(args, "hunter2");
        assert!(told.contains("AWS_SECRET_ACCESS_KEY") && told.contains(&place.prefix), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
