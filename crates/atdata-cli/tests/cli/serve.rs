//! `atdata serve`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use atdata_testkit::process::Running;
use serde_json::Value as Json;

use crate::common::Cli;

/// What a server answers to a request with these headers: status and body.
fn get(url: &str, path: &str, headers: &str) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn imported() -> Cli {
    let cli = Cli::new();
    let people = cli.file("people.csv", "name,age\nAda,36\nGrace,85\n");
    cli.ok(&["import", &people, "people"]);
    cli
}

fn start(command: &mut Command) -> (Running, String) {
    let mut server = Running::start(command);
    let line = server.wait_for("\"url\"");
    let url = line.split('"').nth(3).unwrap().to_owned();
    (server, url)
}

#[test]
fn samples_are_served_until_it_ends() {
    let cli = imported();
    let (server, url) = start(&mut cli.command(&["serve", "--json"]));
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let (status, page) = get(&url, "/", "");
    assert!(status == 200 && page.contains("<title>atdata</title>"));
    let (status, answer) = get(&url, "/api/v1/samples?name=people", "");
    let answer: Json = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, &answer["samples"][1]["fields"]["name"]), (200, &Json::from("Grace")));
    assert_eq!(answer["access"]["kind"], "index");
    let (_, answer) = get(&url, "/api/v1/dataset?name=people", "");
    let answer: Json = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["samples"], 2);
    server.kill();
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_a_good_end() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let cli = imported();
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = cli.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.starts_with("sqlite:") && first.contains("http://127.0.0.1:"), "{first}");
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn tokens_are_made_or_taken_from_a_file() {
    let cli = imported();
    let (server, url) = start(&mut cli.command(&["serve", "--json", "--token", "--bind", "0.0.0.0"]));
    let (_, token) = url.split_once("/?token=").unwrap();
    let local = url.replace("localhost", "127.0.0.1");
    assert_eq!(get(&local, "/api/v1/datasets", "").0, 401);
    let header = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(get(&local, "/api/v1/datasets", &header).0, 200);
    server.kill();

    let file = cli.file("token", "0123456789abcdef0123\n");
    let (server, url) = start(&mut cli.command(&["serve", "--json", "--token-file", &file]));
    assert!(!url.contains("0123456789abcdef"));
    assert_eq!(get(&url, "/", "").0, 401);
    assert_eq!(get(&url, "/", "Authorization: Bearer 0123456789abcdef0123\r\n").0, 200);
    server.kill();

    let short = cli.file("short", "hunter2");
    let error = cli.fails(&["serve", "--token-file", &short]);
    assert!(error.contains("a token is 16 to 512") && !error.contains("hunter2"), "{error}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let cli = Cli::new();
    let error = cli.fails(&["serve"]);
    assert!(error.contains("no index") && error.contains("atdata import"), "{error}");
    let cli = imported();
    let error = cli.fails(&["serve", "--bind", "0.0.0.0"]);
    assert!(error.contains("a token is needed") && error.contains("--token"), "{error}");
    let error = cli.fails(&["serve", "--host-name", "a b"]);
    assert!(error.contains("no name of a host"), "{error}");
    let (server, url) = start(&mut cli.command(&["serve", "--json"]));
    let port = url.trim_end_matches('/').rsplit_once(':').unwrap().1;
    let error = cli.fails(&["serve", "--port", port]);
    assert!(error.contains(port) && error.contains("hint: --port"), "{error}");
    server.kill();
}
