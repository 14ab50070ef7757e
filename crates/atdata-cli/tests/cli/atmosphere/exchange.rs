//! From this machine to an account, and back.

use serde_json::Value as Json;

use super::Somebody;
use crate::common::Cli;

#[test]
fn a_dataset_is_migrated_to_an_account_and_back() {
    let Some(alice) = Somebody::logged_in("cli migrate") else { return };
    let input = alice.cli.file("in.csv", "n,word\n1,one\n2,two\n3,three\n");
    alice.ok(&["import", &input, "words", "--max-count", "2", "--version", "1.0.0"]);
    let address = alice.address();

    // Files of this machine are nothing for others.
    let text = alice.fails(&["migrate", "words", "--to", &address]);
    assert!(text.contains("public") && text.contains("--copy"), "{text}");
    let planned = alice.json(&["migrate", "words", "--to", &address, "--copy", "--dry-run"]);
    assert_eq!(planned["datasets"][0]["outcome"], "carried");
    assert_eq!(alice.json(&["ls", "--index", &address])["datasets"].as_array().unwrap().len(), 0);

    let done = alice.json(&["migrate", "words", "--to", &address, "--copy"]);
    assert!(done["datasets"][0]["uri"].as_str().unwrap().starts_with("at://did:"), "{done}");
    let again = alice.json(&["migrate", "words", "--to", &address, "--copy"]);
    assert_eq!(again["datasets"][0]["outcome"], "equal");

    let nobody = Cli::new();
    let expected = alice.ok(&["cat", "words"]);
    let reference = format!("@{}/words", alice.account.handle());
    assert_eq!(alice.shown_to(&nobody, &["cat", &reference]), expected);
    let entry: Json =
        serde_json::from_str(&alice.shown_to(&nobody, &["show", &reference, "--json"])).unwrap();
    let said = entry["entry"]["metadata"]["migrated_from"].clone();
    assert!(said["cid"].is_string() && said["index"].is_null(), "{entry}");

    // Anybody may take a copy home.
    let back =
        alice.shown_to(&nobody, &["migrate", "words", "--from", &address, "--to", "sqlite:i.db", "--copy"]);
    assert!(back.starts_with("carried"), "{back}");
    assert_eq!(nobody.ok(&["cat", "words", "--index", "sqlite:i.db"]), expected);
}
