//! Indexes and stores on the AT Protocol, on a Personal Data Server.

mod datasets;
mod exchange;
mod sessions;

use std::io::Write;
use std::process::{Command, Stdio};

use atdata_testkit::servers::pds::PdsAccount;
use serde_json::Value as Json;

use crate::common::{Cli, Run, lines};

/// An account, and a home directory in which it may log in.
struct Somebody {
    cli: Cli,
    account: PdsAccount,
}

impl Somebody {
    fn new(case: &str) -> Option<Self> {
        Some(Self { account: PdsAccount::for_test(case)?, cli: Cli::new() })
    }

    /// The same, logged in.
    fn logged_in(case: &str) -> Option<Self> {
        let somebody = Self::new(case)?;
        somebody.finish(somebody.login());
        Some(somebody)
    }

    fn login(&self) -> Command {
        let mut command = self.command(&["login", self.account.handle()]);
        command.env("ATDATA_PASSWORD", self.account.password());
        command
    }

    /// The address of the account's index and store.
    fn address(&self) -> String {
        format!("at://{}", self.account.handle())
    }

    /// A command that knows where the servers are.
    fn command(&self, args: &[&str]) -> Command {
        self.command_of(&self.cli, args)
    }

    /// The same at home with somebody else.
    fn command_of(&self, cli: &Cli, args: &[&str]) -> Command {
        let mut command = cli.command(args);
        command.env("ATDATA_PDS_URL", self.account.url()).env("ATDATA_PLC_URL", self.account.plc_url());
        command
    }

    fn run(&self, mut command: Command) -> Run {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        let run = Run { code, stdout: text(output.stdout), stderr: text(output.stderr) };
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains("panicked"), "{run:?}");
        self.assert_no_secrets(&all);
        run
    }

    /// What a command prints that has to succeed.
    fn finish(&self, command: Command) -> String {
        let run = self.run(command);
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout
    }

    fn ok(&self, args: &[&str]) -> String {
        self.finish(self.command(args))
    }

    fn json(&self, args: &[&str]) -> Json {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    fn fails(&self, args: &[&str]) -> String {
        let run = self.run(self.command(args));
        assert_eq!(run.code, 1, "{args:?}: {run:?}");
        run.stderr
    }

    /// What somebody without an account is shown.
    fn shown_to(&self, stranger: &Cli, args: &[&str]) -> String {
        self.finish(self.command_of(stranger, args))
    }

    fn cat(&self, stranger: &Cli, source: &str) -> Vec<Json> {
        lines(&self.shown_to(stranger, &["cat", source]))
    }

    /// With a line of standard input.
    fn with_input(&self, args: &[&str], input: &str) -> Run {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Run { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The file with the session, while there is one.
    fn session_file(&self) -> Option<std::path::PathBuf> {
        let path = self.cli.path(&format!(".atdata/sessions/{}.json", self.account.did().replace(':', "+")));
        path.exists().then_some(path)
    }

    fn session(&self) -> Option<Json> {
        Some(serde_json::from_slice(&std::fs::read(self.session_file()?).unwrap()).unwrap())
    }

    fn assert_no_secrets(&self, text: &str) {
        let mut secrets = vec![self.account.password().to_owned()];
        if let Some(session) = self.session() {
            secrets.extend(["access", "refresh"].map(|name| session[name].as_str().unwrap().to_owned()));
        }
        for secret in secrets {
            assert!(!text.contains(&secret), "a secret was shown");
        }
    }
}
