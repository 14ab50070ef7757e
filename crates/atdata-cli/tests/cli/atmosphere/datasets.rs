//! Datasets as records and blobs, written by one account and read by nobody in particular.

use serde_json::{Value as Json, json};

use super::Somebody;
use crate::common::{Cli, lines};

const WORDS: &str = "n,word\n1,one\n2,two\n3,three\n";

/// An account with the dataset `words` of two shards, and somebody who has none.
fn published(case: &str, more: &[&str]) -> Option<(Somebody, Cli)> {
    let alice = Somebody::logged_in(case)?;
    let input = alice.cli.file("in.csv", WORDS);
    let address = alice.address();
    alice.ok(&[&["import", &input, "words", "--max-count", "2", "--index", &address], more].concat());
    Some((alice, Cli::new()))
}

#[test]
fn what_one_publishes_everybody_reads_by_name_address_and_blob() {
    let details =
        ["--description", "Numbers and words: é", "--tag", "words", "--tag", "漢字", "--license", "CC0-1.0"];
    for profile in ["seed", "latest"] {
        let more = [&details[..], &["--profile", profile, "--version", "1.0.0"]].concat();
        let Some((alice, nobody)) = published("cli publish", &more) else { return };
        let index = alice.address();
        let (handle, did) = (alice.account.handle(), alice.account.did());

        let listed: Json =
            serde_json::from_str(&alice.shown_to(&nobody, &["ls", "--json", "--index", &index])).unwrap();
        assert_eq!(listed["index"], index);
        let entry = &listed["datasets"][0];
        assert_eq!(
            (entry["name"].as_str(), entry["metadata"]["num_samples"].as_u64()),
            (Some("words"), Some(3))
        );
        let uri = entry["uri"].as_str().unwrap();
        let urls: Vec<&str> =
            entry["data_urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
        assert_eq!(urls.len(), 2);
        assert!(urls[0].starts_with(&format!("at://{did}/blob/")), "{urls:?}");

        let expected = lines(&alice.shown_to(&nobody, &["cat", "words", "--index", &index]));
        assert_eq!(expected.len(), 3);
        assert_eq!(expected[2], json!({"n": 3, "word": "three"}));
        // Wherever the index is: here, there is none at all.
        for source in [
            uri,
            &format!("@{handle}/words"),
            &format!("@{did}/words@1.0.0"),
            &format!("atdata://{handle}/dataset/words"),
        ] {
            assert_eq!(alice.cat(&nobody, source), expected, "{source}");
        }
        assert_eq!(alice.cat(&nobody, urls[1]), expected[2..]);

        let shown: Json =
            serde_json::from_str(&alice.shown_to(&nobody, &["show", uri, "--count", "--json"])).unwrap();
        assert_eq!(shown["record"]["tags"], json!(["words", "漢字"]), "{shown}");
        assert_eq!(shown["record"]["description"], "Numbers and words: é");
        assert_eq!(
            (shown["record"]["license"].as_str(), shown["samples"].as_u64()),
            (Some("CC0-1.0"), Some(3))
        );
        assert_eq!(shown["schema"]["name"], "Words");
        let text = alice.shown_to(&nobody, &["show", "words", "--index", &index]);
        assert!(text.contains("Numbers and words: é") && text.contains("CC0-1.0"), "{text}");
        assert!(alice.shown_to(&nobody, &["head", uri]).contains("three"));
        assert!(!nobody.path(".atdata").exists());
    }
}

#[test]
fn verify_says_who_signed_what() {
    let Some((alice, nobody)) = published("cli origin", &[]) else { return };
    let name = format!("@{}/words", alice.account.handle());
    let text = alice.shown_to(&nobody, &["verify", &name]);
    let signed = format!("signed by {}, {}", alice.account.did(), alice.account.handle());
    assert_eq!(text.matches(&signed).count(), 2, "{text}");
    let checked: Json = serde_json::from_str(&alice.shown_to(&nobody, &["verify", &name, "--json"])).unwrap();
    assert_eq!((checked["ok"].as_bool(), checked["samples"].as_u64()), (Some(true), Some(3)));
    assert_eq!(checked["shards"][0]["checksum"], "ok");
    for (origin, what) in checked["origin"].as_array().unwrap().iter().zip(["record", "schema"]) {
        assert_eq!(
            (origin["what"].as_str(), origin["verdict"].as_str()),
            (Some(what), Some("PASS")),
            "{origin}"
        );
        assert_eq!(origin["signer"].as_str(), Some(alice.account.did()));
    }
    assert_eq!(checked["origin"].as_array().unwrap().len(), 2);
}

#[test]
fn schemas_are_published_listed_compared_and_generated() {
    let Some((alice, nobody)) = published("cli schemas", &[]) else { return };
    let index = alice.address();
    let shown = alice.json(&["schema", "show", "words", "--index", &index]);
    let reference = shown["reference"].as_str().unwrap().to_owned();
    assert!(reference.starts_with("at://did:plc:"), "{reference}");
    let mut schema = shown["schema"].clone();
    schema["version"] = "2.0.0".into();
    schema["fields"][1]["optional"] = true.into();
    let file = alice.cli.file("schema.json", schema.to_string());
    let published = alice.json(&["schema", "publish", &file, "--index", &index]);
    let newer = published["reference"].as_str().unwrap();

    let listed = alice.shown_to(&nobody, &["schema", "ls", "--index", &index]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    // By address or name, whatever the index is.
    let by_name = format!("@{}/Words@2.0.0", alice.account.handle());
    for argument in [newer, &by_name] {
        let shown = alice.shown_to(&nobody, &["schema", "show", argument]);
        assert!(shown.contains("2.0.0"), "{argument}: {shown}");
    }
    let code = alice.shown_to(&nobody, &["schema", "codegen", &format!("@{}/words", alice.account.handle())]);
    assert!(code.contains("pub struct Words"), "{code}");
    let run = alice.run(alice.command_of(&nobody, &["schema", "diff", &reference, newer]));
    assert!(run.code == 1 && run.stdout.contains("word"), "{run:?}");
}

#[test]
fn malformed_records_of_strangers_disturb_nobody() {
    let Some((alice, nobody)) = published("cli malformed", &[]) else { return };
    for (collection, record) in [
        ("ac.foundation.dataset.record", json!({"name": 7})),
        ("ac.foundation.dataset.record", json!({"name": "odd", "storage": {"$type": "x"}, "schemaRef": []})),
        ("science.alt.dataset.entry", json!({})),
        ("science.alt.dataset.label", json!({"name": "words", "datasetUri": "\u{1b}[31mno address"})),
        ("science.alt.dataset.schema", json!({"name": "Words", "version": 3})),
    ] {
        let body = json!({"repo": alice.account.did(), "collection": collection, "record": record, "validate": false});
        alice.account.xrpc().post("com.atproto.repo.createRecord", &body).unwrap().success().unwrap();
    }
    let index = alice.address();
    let run = alice.run(alice.command_of(&nobody, &["ls", "--json", "--index", &index]));
    let listed: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, listed["datasets"].as_array().unwrap().len()), (0, 1), "{run:?}");
    assert_eq!((listed["malformed"].as_array().unwrap().len(), run.stderr.as_str()), (4, ""), "{run:?}");
    let run = alice.run(alice.command_of(&nobody, &["ls", "-v", "--index", &index]));
    assert!(run.stderr.contains("note: 4 records") && !run.stderr.contains('\u{1b}'), "{run:?}");
    assert_eq!(lines(&alice.shown_to(&nobody, &["cat", "words", "--index", &index])).len(), 3);
    // The record by its address is an error of its own.
    alice.shown_to(&nobody, &["schema", "ls", "--index", &index]);
}

#[test]
fn who_is_not_logged_in_writes_nothing() {
    let Some(alice) = Somebody::new("cli nobody") else { return };
    let (input, index) = (alice.cli.file("in.csv", WORDS), alice.address());
    for args in [
        &["import", &input, "words", "--index", &index][..],
        &["schema", "publish", &input, "--index", &index],
    ] {
        let told = alice.fails(args);
        let is_about_login = told.contains(&format!("atdata login {}", alice.account.handle()));
        // What is wrong with the file is said before.
        assert!(is_about_login || args[0] == "schema", "{told}");
    }
    let did = format!("at://{}", alice.account.did());
    assert!(alice.fails(&["import", &input, "words", "--index", &did]).contains("atdata login did:"));
    let empty = alice.json(&["ls", "--index", &index]);
    assert_eq!(empty["datasets"], json!([]));
    assert_eq!(alice.json(&["import", &input, "words", "--dry-run", "--index", &index])["samples"], 3);
    let unknown = alice.fails(&["ls", "--index", "at://nobody-has-this.test"]);
    assert!(unknown.contains("nobody-has-this.test"), "{unknown}");
}

#[test]
fn shards_that_others_could_not_read_are_refused_before_they_are_written() {
    let Some(alice) = Somebody::logged_in("cli stores") else { return };
    let (input, index) = (alice.cli.file("in.csv", WORDS), alice.address());
    let store = format!("file:{}", alice.cli.path("data").display());
    let files = alice.fails(&["import", &input, "words", "--index", &index, "--store", &store]);
    assert!(files.contains("without --store"), "{files}");
    // Blobs that no record refers to would go.
    let blobs = alice.fails(&["import", &input, "words", "--store", &index]);
    assert!(blobs.contains("as index and as store"), "{blobs}");
    assert!(!alice.cli.path("data").exists() && !alice.cli.path(".atdata/index.db").exists());
    let local = alice.fails(&["import", &input, "words", "--description", "x"]);
    assert!(local.contains("at://"), "{local}");
    // Two names of one account are one account.
    let did = format!("at://{}", alice.account.did());
    alice.ok(&["import", &input, "words", "--index", &did, "--store", &index]);
}

#[test]
fn a_name_that_is_taken_is_kept_or_replaced() {
    let Some((alice, nobody)) = published("cli replace", &[]) else { return };
    let index = alice.address();
    let input = alice.cli.file("other.csv", "n,word\n4,four\n");
    let told = alice.fails(&["import", &input, "words", "--index", &index]);
    assert!(told.contains("--replace"), "{told}");
    alice.ok(&["import", &input, "words", "--replace", "--index", &index]);
    assert_eq!(lines(&alice.shown_to(&nobody, &["cat", "words", "--index", &index])).len(), 1);
    let missing =
        alice.run(alice.command_of(&nobody, &["cat", &format!("@{}/wrods", alice.account.handle())]));
    assert!(missing.code == 1 && missing.stderr.contains("atdata ls --index at://"), "{missing:?}");
}

#[cfg(unix)]
#[test]
fn work_is_done_on_shards_of_the_network() {
    let Some((alice, nobody)) = published("cli process", &[]) else { return };
    let name = format!("@{}/words", alice.account.handle());
    let done = alice.shown_to(&nobody, &["process", &name, "--json", "--", "echo", "{}"]);
    let done: Json = serde_json::from_str(&done).unwrap();
    assert_eq!(done["done"].as_array().unwrap().len(), 2, "{done}");
    assert!(done["done"][0]["result"].as_str().unwrap().starts_with("at://did:plc:"), "{done}");
    alice.shown_to(&nobody, &["index", &name, "--output", "idx"]);
    assert_eq!(std::fs::read_dir(nobody.path("idx")).unwrap().count(), 2);
}

#[cfg(feature = "http")]
#[test]
fn others_lead_to_public_servers_and_to_hosts_that_were_allowed() {
    let Some(alice) = Somebody::logged_in("cli trust") else { return };
    let Some((files, nginx)) = crate::http::served("cli trust") else { return };
    let file = files.shards().remove(0);
    for (name, url) in [("web", nginx.url("words-0.tar")), ("file", format!("file://{}", file.display()))] {
        let record = json!({
            "$type": "ac.foundation.dataset.record",
            "name": name,
            "schemaRef": "atdata://local/sampleSchema/Words@1.0.0",
            "storage": {"$type": "ac.foundation.dataset.storageExternal", "urls": [url]},
            "createdAt": "2026-01-01T00:00:00+00:00",
        });
        let body = json!({"repo": alice.account.did(), "collection": "ac.foundation.dataset.record", "record": record});
        alice.account.xrpc().post("com.atproto.repo.createRecord", &body).unwrap().success().unwrap();
    }
    let (nobody, web) = (Cli::new(), format!("@{}/web", alice.account.handle()));
    let refused = alice.run(alice.command_of(&nobody, &["cat", &web]));
    assert!(refused.code == 1 && refused.stderr.contains("permission denied"), "{refused:?}");
    let host = nginx.url("").trim_start_matches("http://").split([':', '/']).next().unwrap().to_owned();
    assert!(!alice.shown_to(&nobody, &["cat", &web, "--allow-host", &host]).is_empty());
    // One's own word is good, for web servers.
    assert!(!alice.ok(&["cat", &web]).is_empty());
    let file = format!("@{}/file", alice.account.handle());
    for run in
        [alice.run(alice.command(&["cat", &file])), alice.run(alice.command_of(&nobody, &["cat", &file]))]
    {
        assert!(run.code == 1 && run.stderr.contains("permission denied"), "{run:?}");
    }
}
