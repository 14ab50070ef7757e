//! Logging in and out.

use atdata_testkit::servers::pds::Account;

use super::Somebody;
use crate::common::Cli;

/// What must not be seen anywhere.
const CANARY: &str = "canary-that-sings";

#[test]
fn a_login_is_kept_where_only_its_owner_reads_it_until_the_logout() {
    let Some(alice) = Somebody::new("cli login") else { return };
    let said = alice.finish(alice.login());
    assert!(said.contains(alice.account.handle()) && said.contains(alice.account.did()), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = alice.session_file().unwrap();
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
    let me = alice.json(&["whoami"]);
    assert_eq!(
        (me["did"].as_str(), me["handle"].as_str(), me["session"].as_str(), me["active"].as_bool()),
        (Some(alice.account.did()), Some(alice.account.handle()), Some("saved"), Some(true))
    );
    assert!(alice.ok(&["whoami"]).contains(alice.account.url()));

    let refresh = alice.session().unwrap()["refresh"].as_str().unwrap().to_owned();
    let ended = alice.json(&["logout"]);
    assert_eq!(
        (ended["did"].as_str(), ended["ended_on_server"].as_bool()),
        (Some(alice.account.did()), Some(true))
    );
    assert_eq!(alice.session_file(), None);
    // The server has ended it too.
    let renewed = atdata_testkit::servers::pds::Xrpc::new(alice.account.url())
        .with_token(&refresh)
        .upload("com.atproto.server.refreshSession", "", b"")
        .unwrap();
    assert_ne!(renewed.status, 200);
    for command in ["whoami", "logout"] {
        assert!(alice.fails(&[command]).contains("hint: "), "{command}");
    }
    assert!(alice.fails(&["whoami"]).contains("atdata login"));
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Some(alice) = Somebody::new("cli wrong password") else { return };
    for more in [&[][..], &["--json"], &["-vvv"]] {
        let mut command = alice.command(&[&["login", alice.account.handle()], more].concat());
        command.env("ATDATA_PASSWORD", CANARY);
        let run = alice.run(command);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("password are wrong"), "{run:?}");
        assert!(!format!("{run:?}").contains(CANARY), "{run:?}");
    }
    assert!(!alice.cli.path(".atdata").exists());
    // Without a terminal nobody is asked.
    let told = alice.fails(&["login", alice.account.handle()]);
    assert!(told.contains("ATDATA_PASSWORD") && told.contains("--password-stdin"), "{told}");
    let nobody = alice.run({
        let mut command = alice.command(&["login", "nobody.test"]);
        command.env("ATDATA_PASSWORD", CANARY);
        command
    });
    assert!(nobody.code == 1 && !format!("{nobody:?}").contains(CANARY), "{nobody:?}");
}

#[test]
fn the_password_may_come_by_standard_input_and_the_server_by_an_option() {
    let Some(alice) = Somebody::new("cli password") else { return };
    let line = format!("{}\n", alice.account.password());
    let run = alice.with_input(&["login", alice.account.did(), "--password-stdin"], &line);
    assert_eq!(run.code, 0, "{run:?}");
    alice.assert_no_secrets(&format!("{run:?}"));

    // No public directory knows the account: its server does.
    let elsewhere = Cli::new();
    let mut command = elsewhere.command(&["login", alice.account.handle(), "--pds", alice.account.url()]);
    command.env("ATDATA_PASSWORD", alice.account.password());
    let said = alice.finish(command);
    assert!(said.contains(alice.account.url()), "{said}");
    // And later commands know it from there.
    let me = alice.finish(elsewhere.command(&["whoami"]));
    assert!(me.contains(alice.account.did()), "{me}");
}

#[test]
fn the_last_login_is_the_default_and_others_are_named() {
    let Some(alice) = Somebody::logged_in("cli accounts") else { return };
    let bob: Account = alice.account.neighbour().unwrap();
    let mut command = alice.command(&["login", &bob.handle]);
    command.env("ATDATA_PASSWORD", &bob.password);
    alice.finish(command);
    assert_eq!(alice.json(&["whoami"])["did"].as_str(), Some(&*bob.did));
    alice.ok(&["logout", &bob.handle]);
    assert_eq!(alice.json(&["whoami"])["did"].as_str(), Some(alice.account.did()));
    assert!(alice.fails(&["logout", &bob.did]).contains(&bob.did));
}

#[test]
fn the_environment_is_an_account_of_one_command() {
    let Some(alice) = Somebody::new("cli environment") else { return };
    let input = alice.cli.file("in.csv", "n\n1\n");
    let with_variables = |args: &[&str]| {
        let mut command = alice.command(args);
        command.env("ATDATA_HANDLE", alice.account.handle()).env("ATDATA_PASSWORD", alice.account.password());
        command
    };
    let me = alice.finish(with_variables(&["whoami", "--json"]));
    assert!(me.contains("\"environment\""), "{me}");
    alice.finish(with_variables(&["import", &input, "numbers", "--index", &alice.address()]));
    // By its DID it is the same one.
    let by_did = format!("at://{}", alice.account.did());
    alice.finish(with_variables(&["import", &input, "numbers2", "--index", &by_did]));
    assert!(!alice.cli.path(".atdata").exists());
    // Another account is not written with it.
    let bob = alice.account.neighbour().unwrap();
    let args = ["import", &input, "numbers", "--index", &format!("at://{}", bob.handle)];
    let run = alice.run(with_variables(&args));
    assert!(run.code == 1 && run.stderr.contains(&format!("atdata login {}", bob.handle)), "{run:?}");
}

#[test]
fn nothing_says_a_secret_however_much_is_asked_for() {
    let Some(alice) = Somebody::logged_in("cli secrets") else { return };
    let input = alice.cli.file("in.csv", "n\n1\n");
    let address = alice.address();
    // Every run is searched for the password and the tokens.
    for args in [
        &["import", &input, "numbers", "--index", &address][..],
        &["ls", "--index", &address],
        &["verify", "numbers", "--index", &address],
        &["whoami"],
        &["import", &input, "numbers", "--index", &address],
    ] {
        for more in ["-vvv", "--json"] {
            alice.run(alice.command(&[args, &[more]].concat()));
        }
    }
    alice.run(alice.command(&["logout", "-vvv"]));
}

#[cfg(unix)]
#[test]
fn a_terminal_is_asked_and_shows_nothing() {
    use std::fs::{File, OpenOptions};
    use std::io::{Read, Write};
    use std::process::Stdio;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};

    let Some(alice) = Somebody::new("cli terminal") else { return };
    for (keys, code) in [(format!("{}\r", alice.account.password()), 0), ("half\u{3}".to_owned(), 130)] {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut master = File::from(master);

        let mut command = alice.command(&["login", alice.account.handle()]);
        command.stdin(terminal.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = child.stderr.take().unwrap();
        let mut prompt = Vec::new();
        // The terminal is silent before it asks.
        while !prompt.ends_with(b": ") {
            let mut byte = [0];
            assert_eq!(said.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&prompt));
            prompt.push(byte[0]);
        }
        assert!(String::from_utf8(prompt).unwrap().contains(alice.account.handle()));
        master.write_all(keys.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ISIG));
        // What a terminal shows comes back to whoever holds its other end: here, what is written now and nothing else.
        master.write_all(b"x").unwrap();
        let mut shown = [0; 1];
        master.read_exact(&mut shown).unwrap();
        assert_eq!(&shown, b"x");
    }
    assert!(alice.session_file().is_some());
}
