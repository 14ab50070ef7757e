//! A canary for every channel through which a secret comes in, looked for in everything that goes out: what is printed, at every level of
//! logging, and every file that is left behind.

use std::path::Path;
use std::process::Command;

use atdata_testkit::servers::nginx::{Nginx, TOKEN};
use atdata_testkit::servers::pds::PdsAccount;
use atdata_testkit::servers::redis::{Redis, RedisOptions};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};

use crate::common::Cli;

const REDIS: &str = "canary-redis-5f1c!#";
const S3_KEY: &str = "canary-s3-secret-9a7b";
const S3_SESSION: &str = "canary-s3-session-3d2e";
const QUERY: &str = "canary-query-77aa";
const USER: &str = "canary-userinfo-18cd";
const SERVER_SIDE: &str = "canary-mount-40be";

struct World {
    cli: Cli,
    account: PdsAccount,
    s3: String,
    canaries: Vec<String>,
}

impl World {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.cli.command(args);
        command
            .env("ATDATA_PASSWORD", self.account.password())
            .env("ATDATA_PDS_URL", self.account.url())
            .env("ATDATA_PLC_URL", self.account.plc_url())
            .env("AWS_ENDPOINT", &self.s3)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "somebody")
            .env("AWS_SECRET_ACCESS_KEY", S3_KEY)
            .env("AWS_SESSION_TOKEN", S3_SESSION)
            .env("RUST_BACKTRACE", "1");
        command
    }

    /// Runs a command three times: quietly, with all that can be logged, and as JSON. Whether it succeeds does not matter.
    fn try_out(&self, args: &[&str]) -> i32 {
        let mut code = 0;
        for more in ["", "-vvvv", "--json"] {
            let more: &[&str] = if more.is_empty() { &[] } else { &[more] };
            let output = self.command(&[args, more].concat()).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            self.assert_clean(&text, &format!("the output of {args:?} {more:?}"));
            code = output.status.code().unwrap_or(-1);
        }
        code
    }

    fn assert_clean(&self, bytes: &[u8], place: &str) {
        for canary in &self.canaries {
            let found = bytes.windows(canary.len()).position(|window| window == canary.as_bytes());
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(200)..(at + canary.len() + 50).min(bytes.len())];
                panic!("{canary:?} is in {place}: …{}…", String::from_utf8_lossy(around));
            }
        }
    }

    /// Looks at every file, but those that are meant to keep a secret.
    fn assert_clean_files(&self, directory: &Path, kept: &[&str]) -> usize {
        let mut files = 0;
        for item in std::fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            if kept.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                files += self.assert_clean_files(&path, kept);
            } else {
                self.assert_clean(&std::fs::read(&path).unwrap(), &path.display().to_string());
                files += 1;
            }
        }
        files
    }
}

/// A secret as it may be written: as it is, in base64 and hex, and percent-encoded.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let percent = secret.replace('!', "%21").replace('#', "%23");
    let mut all = vec![secret.to_owned(), percent, HEXLOWER.encode(bytes)];
    // At each of the three places that it may have in a longer text: without the characters that depend on what is around.
    for before in ["", "x", "xx"] {
        for encoded in [
            BASE64.encode(&[before.as_bytes(), bytes].concat()),
            BASE64URL_NOPAD.encode(&[before.as_bytes(), bytes].concat()),
        ] {
            let inner = encoded.get(4..encoded.len() - 4).unwrap_or_default();
            // A few letters are in any text.
            all.extend((inner.len() >= 8).then(|| inner.to_owned()));
        }
    }
    all
}

#[test]
fn no_secret_is_in_any_output_or_file() {
    let case = "no_secret_is_in_any_output_or_file";
    let Some(redis) = Redis::for_test(case, RedisOptions::default().with_password(REDIS)) else { return };
    let Some(nginx) = Nginx::for_test(case) else { return };
    let Some(account) = PdsAccount::for_test(case) else { return };
    let secrets = [REDIS, S3_KEY, S3_SESSION, QUERY, USER, SERVER_SIDE, TOKEN, account.password()];
    let canaries = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    // It refuses whatever credentials there are.
    let s3 = nginx.url("").trim_end_matches('/').to_owned();
    let world = World { cli: Cli::new(), account, s3, canaries };
    let cli = &world.cli;

    let input = cli.file("in.csv", "n,word\n1,one\n2,two\n");
    cli.ok(&["import", &input, "words"]);
    for (number, path) in cli.shards().iter().enumerate() {
        nginx.put(&format!("words-{number}.tar"), &std::fs::read(path).unwrap());
        nginx.put(&format!("auth/words-{number}.tar"), &std::fs::read(path).unwrap());
    }
    let password = REDIS.replace('!', "%21").replace('#', "%23");
    let (_, host) = redis
        .url()
        .rsplit_once('@')
        .map_or_else(|| ("", redis.url().replace("redis://", "")), |(a, b)| (a, b.to_owned()));
    let index = format!("redis://:{password}@{host}");
    let wrong = format!("redis://:{SERVER_SIDE}@{host}");
    let open =
        nginx.url("words-0.tar").replace("http://", &format!("http://user:{USER}@")) + "?token=" + QUERY;
    let missing = open.replace("words-0", "nothing");
    let origin = nginx.url("").trim_end_matches('/').to_owned();
    let headers = cli.file("headers", format!("{origin} Authorization: Bearer {TOKEN}\n"));
    let behind = nginx.url("auth/words-0.tar");
    let at = format!("at://{}", world.account.handle());

    // What succeeds.
    for args in [
        &["import", &input, "words", "--index", &index][..],
        &["ls", "--index", &index],
        &["verify", "words", "--index", &index],
        &["stats", "words", "--index", &index],
        &["croissant", "words", "--index", &index],
        &["label", "set", "best", "words", "--index", &index],
        &["cat", "team/words", "--mount", &format!("team={index}")],
        &["process", "words", "--queue", &index, "--name", "q", "--", "echo", "done"],
        &["migrate", "words", "--from", &index, "--to", "sqlite:other.db", "--if-exists", "replace"],
        &["backup", "--from", &index, "--to", "sqlite:backup.db", "--store", "file:backup"],
        &["import", &open, "from-the-web"],
        &["head", &open],
        &["stats", &open, "--output", "stats.json"],
        &["verify", &open],
        &["head", &behind, "--http-headers", &headers],
        &["login", world.account.handle()],
        &["import", &input, "words", "--index", &at],
        &["verify", "words", "--index", &at],
        &["migrate", "words", "--from", &index, "--to", &at, "--name", "again", "--copy"],
    ] {
        let is_repeated = matches!(args, ["process", ..] | ["import", ..] | ["migrate", ..]);
        let code = world.try_out(args);
        assert!(code == 0 || is_repeated, "{args:?} ended with {code}");
    }
    // What fails.
    for args in [
        &["ls", "--index", &wrong][..],
        &["cat", "team/words", "--mount", &format!("team={wrong}")],
        &["process", "words", "--queue", &wrong, "--", "true"],
        &["migrate", "words", "--from", &wrong, "--to", "sqlite:other.db"],
        &["head", &missing],
        &["import", &missing, "never"],
        &["head", &behind],
        &["import", &input, "never", "--store", "s3://bucket/prefix"],
        &["head", "s3://bucket/prefix/a.tar"],
        &["backup", "--to", "sqlite:never.db", "--store", "s3://bucket/prefix"],
        &["login", "nobody.test"],
        &["ls", "--index", "redis://:x@canary host/0"],
    ] {
        assert_eq!(world.try_out(args), 1, "{args:?}");
    }
    // The session file keeps tokens, and the file of headers a token: that is what they are for.
    let files = world.assert_clean_files(&cli.path(""), &["headers"]);
    assert!(files > 10, "only {files} files were left to look at");
}
