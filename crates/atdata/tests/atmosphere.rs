//! The example on the AT Protocol, on a server of our own.
#![cfg(all(feature = "atmosphere", feature = "local"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use atdata_testkit::servers::pds::PdsAccount;

/// What an example prints that has to succeed. Examples are built with tests, beside their directory.
fn run_example(name: &str, account: &PdsAccount) -> String {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let output = Command::new(&example)
        .env_clear()
        .env("ATDATA_HANDLE", account.handle())
        .env("ATDATA_PASSWORD", account.password())
        .env("ATDATA_PDS_URL", account.url())
        .env("ATDATA_PLC_URL", account.plc_url())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(account.password()), "{said}");
    said
}

#[test]
fn the_example_migrates_and_reads_again() {
    let Some(account) = PdsAccount::for_test("the example migrate") else { return };
    for run in ["first", "second"] {
        let said = run_example("migrate", &account);
        for line in ["migrated   3 shards", "at://did:", "1 datasets here, 1 there", "100 samples"] {
            assert!(said.contains(line), "{run}: no {line}: {said}");
        }
    }
}

#[test]
fn the_example_publishes_and_reads_again() {
    let Some(account) = PdsAccount::for_test("the example atmosphere") else { return };
    for run in ["first", "second"] {
        let said = run_example("atmosphere", &account);
        for line in ["logged in", "counted", "schema", "published", "by name", "by URI", "proved"] {
            assert!(said.contains(line), "{run}: no {line}: {said}");
        }
        assert!(said.contains("1797 digits"), "{run}: {said}");
        let counted = if run == "first" { "1 datasets here, 0 in" } else { "1 datasets here, 1 in" };
        assert!(said.contains(counted), "{run}: {said}");
    }
    let sums = account.xrpc().get(&format!("com.atproto.sync.listBlobs?did={}", account.did())).unwrap();
    assert_eq!(sums.success().unwrap()["cids"].as_array().unwrap().len(), 9);
}
