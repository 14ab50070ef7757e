//! Sources on a web server.

use atdata_testkit::proxy::FaultProxy;
use atdata_testkit::servers::nginx::{Nginx, TOKEN, url_on};

use crate::common::Cli;

/// A server with the shards of a dataset that was imported here.
pub(crate) fn served(test: &str) -> Option<(Cli, Nginx)> {
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

#[test]
fn a_token_from_a_file_is_sent_to_its_own_server_and_shown_nowhere() {
    let Some((cli, nginx)) = served("a_token_from_a_file_is_sent_to_its_own_server") else { return };
    let elsewhere = FaultProxy::start(([127, 0, 0, 1], nginx.port()).into());
    let (url, other) = (nginx.url("auth/words-0.tar"), url_on(elsewhere.port(), "auth/words-0.tar"));
    assert!(cli.fails(&["head", &url]).contains("permission denied"));

    let file = cli.file(
        "headers",
        format!("# ours\n{} Authorization: Bearer {TOKEN}\n", nginx.url("").trim_end_matches('/')),
    );
    let named = ["--http-headers", &file];
    let run = cli.run(&[&["head", &url, "-vvv"][..], &named].concat());
    assert!(run.code == 0 && run.stdout.contains("word"), "{run:?}");
    assert!(!run.stderr.contains(TOKEN) && !run.stdout.contains(TOKEN), "{run:?}");
    let by_variable = cli.command(&["head", &url]).env("ATDATA_HTTP_HEADERS", &file).output().unwrap();
    assert!(by_variable.status.success(), "{by_variable:?}");

    // Another server does not get it: neither when it is asked, nor when the first one leads there.
    let led = format!("{}?to={other}", nginx.url("redirect"));
    for url in [&other, &led] {
        let run = cli.run(&[&["head", url, "-vvv"][..], &named].concat());
        assert!(run.code == 1 && run.stderr.contains("permission denied"), "{run:?}");
        assert!(!run.stderr.contains(TOKEN), "{run:?}");
    }
    assert!(elsewhere.requests() > 0);
    assert!(elsewhere.seen().iter().all(|request| request.header("authorization").is_none()));
}

/// Sets who may read a file.
fn permit(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_file_with_tokens_is_found_by_itself_and_what_is_wrong_with_it_is_told_without_them() {
    let Some((cli, nginx)) = served("the_file_with_tokens_is_found_by_itself") else { return };
    let url = nginx.url("auth/words-0.tar");
    let origin = nginx.url("").trim_end_matches('/').to_owned();
    let file = cli.file(".atdata/http-headers", format!("{origin} Authorization: Bearer {TOKEN}\n"));
    permit(&file, 0o600);
    let run = cli.run(&["head", &url]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    permit(&file, 0o644);
    let run = cli.run(&["head", &url]);
    assert!(run.code == 0 && run.stderr.contains("chmod 600"), "{run:?}");

    cli.file(".atdata/http-headers", format!("Authorization: Bearer {TOKEN}\n"));
    let told = cli.fails(&["head", &url]);
    assert!(told.contains("http-headers") && told.contains("line: 1"), "{told}");
    assert!(!told.contains(TOKEN), "{told}");
    let missing = cli.fails(&["head", &url, "--http-headers", "nowhere"]);
    assert!(missing.contains("nowhere"), "{missing}");
}

#[test]
fn where_standard_error_is_no_terminal_there_is_no_progress() {
    let Some((cli, nginx)) = served("where_standard_error_is_no_terminal_there_is_no_progress") else {
        return;
    };
    let url = nginx.url("words-0.tar");
    for command in ["cat", "head", "verify", "show"] {
        let run = cli.run(&[command, &url]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{command}: {run:?}");
    }
}
