//! The tutorials, as a newcomer follows them: every command of a page is run, and prints what the page shows.
//!
//! A block of `sh` is run by bash in the page's own home directory; variables that it exports stay for the next ones. A block of
//! `text` behind it is what it prints, where a line `…` stands for any lines, and `…` within a line for any text. Blocks marked
//! `notest` are not run. The pages name servers that everybody can imagine; here they are those of the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod page;

#[cfg(feature = "atmosphere")]
use atdata_testkit::servers::pds::PdsAccount;

use crate::page::Page;

#[test]
fn quick_start() {
    Page::new("quickstart.md", include_str!("../../../../docs/quickstart.md")).follow();
}

#[test]
fn on_one_machine() {
    Page::new("tutorial-local.md", include_str!("../../../../docs/tutorial-local.md")).follow();
}

#[cfg(all(feature = "redis", feature = "s3"))]
#[test]
fn in_a_team() {
    use atdata_testkit::servers::given::S3Server;
    use atdata_testkit::servers::redis::Database;
    use atdata_testkit::suite::skip;

    let Some(database) = Database::for_test("tutorial") else { return };
    let Some(server) = S3Server::given("TEST_S3") else {
        return skip("tutorial", "TEST_S3_ENDPOINT is not set");
    };
    server.make_bucket("atdata-tutorial");
    Page::new("tutorial-team.md", include_str!("../../../../docs/tutorial-team.md"))
        .with("redis://redis.example.org/0", database.url())
        .with("s3://team-bucket/datasets", &format!("s3://atdata-tutorial/{}", std::process::id()))
        .variable("AWS_ENDPOINT", &server.endpoint)
        .variable("AWS_REGION", &server.region)
        .variable("AWS_ACCESS_KEY_ID", &server.access_key)
        .variable("AWS_SECRET_ACCESS_KEY", &server.secret_key)
        .follow();
}

#[cfg(feature = "http")]
#[test]
fn from_a_web_server() {
    use atdata_testkit::servers::nginx::{Nginx, TOKEN};

    let Some(nginx) = Nginx::for_test("tutorial") else { return };
    let page = Page::new("tutorial-web.md", include_str!("../../../../docs/tutorial-web.md"));
    page.run("printf 'n,word\\n1,one\\n2,two\\n3,three\\n' > words.csv && atdata import words.csv served --max-count 2");
    for (number, shard) in page.shards("served").iter().enumerate() {
        nginx.put(&format!("words-{number}.tar"), &std::fs::read(shard).unwrap());
    }
    page.with("https://data.example.org/", &nginx.url(""))
        .with("https://data.example.org", nginx.url("").trim_end_matches('/'))
        .with("team-token", TOKEN)
        .follow();
}

#[cfg(feature = "atmosphere")]
#[test]
fn on_the_network() {
    let Some(account) = PdsAccount::for_test("tutorial") else { return };
    Page::new("tutorial-network.md", include_str!("../../../../docs/tutorial-network.md"))
        .with("alice.example.org", account.handle())
        .variable("ATDATA_PASSWORD", account.password())
        .variable("ATDATA_PDS_URL", account.url())
        .variable("ATDATA_PLC_URL", account.plc_url())
        .follow();
}
