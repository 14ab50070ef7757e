//! The Redis index when its server, or the way to it, fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "redis")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use atdata_core::{Error, ErrorKind, IfExists, Index, IndexExt, NewDataset, Result};
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::proxy::{Line, LineProxy};
use atdata_testkit::servers::redis::{Database, RO, Redis, RedisCluster, RedisOptions, Sentinel};
use atdata_testkit::suite::block_on;

fn new(name: &str, url: &str) -> NewDataset {
    NewDataset::new(name, "atdata://local/schema/Plain@1.0.0", vec![url.to_owned()])
}

async fn insert(index: &LocalIndex, name: &str) -> Result<()> {
    index.insert_dataset(new(name, &format!("{name}.tar"))).await.map(drop)
}

async fn impatient(url: &str) -> LocalIndex {
    LocalIndexOptions::default().with_timeout(Duration::from_millis(300)).redis(url).await.unwrap()
}

/// Repeats what failed in a way that asks for it, until it succeeds or the test times out.
async fn until_done<T>(mut call: impl AsyncFnMut() -> Result<T>) -> T {
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[track_caller]
fn is(error: &Error, kind: ErrorKind, retryable: bool) {
    assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error}");
}

#[test]
fn a_restart_is_waited_for_and_nothing_is_lost() {
    let Some(mut redis) = Redis::for_test("a restart", RedisOptions::default().durable()) else { return };
    block_on(async {
        // The script cache of the server goes with it, too.
        let index = LocalIndex::redis(&redis.url()).await.unwrap();
        insert(&index, "before").await.unwrap();
        redis.stop();
        let (during, ()) = tokio::join!(insert(&index, "during"), async {
            tokio::task::block_in_place(|| redis.restart().unwrap());
        });
        during.unwrap();
        redis.kill();
        redis.restart().unwrap();
        insert(&index, "after").await.unwrap();
        for name in ["before", "during", "after"] {
            assert_eq!(index.get_dataset(name).await.unwrap().name(), name);
        }
        assert_eq!(index.count_datasets().await.unwrap(), 3);
    });
}

#[test]
fn a_server_that_is_gone_is_unavailable_and_found_again() {
    let Some(mut redis) = Redis::for_test("a server that is gone", RedisOptions::default().durable()) else {
        return;
    };
    block_on(async {
        let index = impatient(&redis.url()).await;
        insert(&index, "a").await.unwrap();
        redis.kill();
        let error = index.get_dataset("a").await.unwrap_err();
        is(&error, ErrorKind::Unavailable, true);
        is(&insert(&index, "b").await.unwrap_err(), ErrorKind::Unavailable, true);
        redis.restart().unwrap();
        until_done(async || insert(&index, "b").await).await;
        assert_eq!(index.count_datasets().await.unwrap(), 2);
    });
}

#[test]
fn writes_whose_answers_are_lost_are_safe_to_repeat() {
    let Some(database) = Database::for_test("lost answers") else { return };
    block_on(async {
        let (address, number) = address_of(database.url());
        let proxy = LineProxy::start(address);
        let url = format!("redis://127.0.0.1:{}/{number}", proxy.port());
        let index = LocalIndex::redis(&url).await.unwrap();
        for n in 0..20 {
            proxy.set(Line::Cut(n % 4));
            let name = format!("{n:02}");
            until_done(async || index.insert_dataset(new(&name, "a.tar").with_version("1")).await).await;
            proxy.set(Line::Cut(n % 3));
            let replaced = new(&name, &format!("{n}.tar")).with_if_exists(IfExists::Replace);
            until_done(async || index.insert_dataset(replaced.clone()).await).await;
        }
        proxy.set(Line::Open);
        assert_eq!(index.count_datasets().await.unwrap(), 20);
        for n in 0..20 {
            assert_eq!(
                index.get_dataset(&format!("{n:02}")).await.unwrap().data_urls(),
                [format!("{n}.tar")]
            );
            assert_eq!(index.get_dataset(&format!("{n:02}@1")).await.unwrap().data_urls(), ["a.tar"]);
        }
    });
}

#[test]
fn a_server_that_says_nothing_is_unavailable() {
    let Some(database) = Database::for_test("silence") else { return };
    block_on(async {
        let (address, number) = address_of(database.url());
        let proxy = LineProxy::start(address);
        let url = format!("redis://127.0.0.1:{}/{number}", proxy.port());
        let index = impatient(&url).await;
        insert(&index, "a").await.unwrap();
        proxy.set(Line::Silent);
        let error = index.get_dataset("a").await.unwrap_err();
        is(&error, ErrorKind::Unavailable, true);
        assert!(error.to_string().contains("did not answer"), "{error}");
        is(&index.count_datasets().await.unwrap_err(), ErrorKind::Unavailable, true);
        proxy.set(Line::Closed);
        is(&insert(&index, "b").await.unwrap_err(), ErrorKind::Unavailable, true);
        proxy.set(Line::Open);
        until_done(async || insert(&index, "b").await).await;
        proxy.set(Line::Silent);
        let options = LocalIndexOptions::default().with_timeout(Duration::from_millis(100));
        is(&options.redis(&url).await.unwrap_err(), ErrorKind::Unavailable, true);
    });
}

#[test]
fn a_full_server_is_told_and_can_be_read() {
    let options = RedisOptions::default().with_max_memory(3 << 20);
    let Some(redis) = Redis::for_test("a full server", options) else { return };
    block_on(async {
        let index = LocalIndex::redis(&redis.url()).await.unwrap();
        insert(&index, "first").await.unwrap();
        let error = async {
            for n in 0..10_000 {
                let urls = (0..50).map(|m| format!("{n}-{m}.tar")).collect();
                let new = NewDataset::new(format!("{n}"), "Plain@1.0.0", urls);
                if let Err(error) = index.insert_dataset(new).await {
                    return error;
                }
            }
            panic!("it was never full");
        };
        let error = error.await;
        is(&error, ErrorKind::Unavailable, false);
        assert_eq!(error.context_value("code"), Some("OOM"), "{error}");
        assert_eq!(index.get_dataset("first").await.unwrap().name(), "first");
        let count = index.count_datasets().await.unwrap();
        assert!(count > 1);
        // Python has deleted something, of which no note can be taken.
        redis.command(&["DEL", "Label:0@"]).unwrap();
        assert_eq!(index.get_dataset("first").await.unwrap().name(), "first");
        assert_eq!(index.get_dataset("0").await.unwrap().name(), "0");
        assert_eq!(index.count_datasets().await.unwrap(), count);
        redis.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
        insert(&index, "last").await.unwrap();
        assert_eq!(index.count_datasets().await.unwrap(), count + 1);
    });
}

#[test]
fn a_busy_server_is_unavailable() {
    let options = RedisOptions::default().with_directive("busy-reply-threshold 10");
    let Some(redis) = Redis::for_test("a busy server", options) else { return };
    block_on(async {
        let index = LocalIndex::redis(&redis.url()).await.unwrap();
        insert(&index, "a").await.unwrap();
        let mut busy = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        busy.write_all(b"EVAL \"while true do end\" 0\r\n").unwrap();
        let error = loop {
            // Before the threshold the server only does not answer.
            match index.get_dataset("a").await {
                Err(error) => break error,
                Ok(_) => tokio::task::yield_now().await,
            }
        };
        is(&error, ErrorKind::Unavailable, true);
        assert_eq!(error.context_value("code"), Some("BUSY"), "{error}");
        redis.command(&["SCRIPT", "KILL"]).unwrap();
        assert!(busy.read(&mut [0; 1]).unwrap() > 0);
        assert_eq!(index.get_dataset("a").await.unwrap().name(), "a");
    });
}

#[test]
fn a_replica_serves_and_refuses_to_be_changed() {
    let Some(master) = Redis::for_test("a replica", RedisOptions::default()) else { return };
    let mut replica = Redis::start(RedisOptions::default().replica_of(master.port())).unwrap();
    block_on(async {
        insert(&LocalIndex::redis(&master.url()).await.unwrap(), "a").await.unwrap();
        replica.wait_until(|it| it.command(&["EXISTS", "Label:a@"]).is_ok_and(|it| it == "1")).unwrap();
        let index = LocalIndex::redis(&replica.url()).await.unwrap();
        assert_eq!(index.get_dataset("a").await.unwrap().name(), "a");
        assert_eq!(index.count_datasets().await.unwrap(), 1);
        let error = insert(&index, "b").await.unwrap_err();
        is(&error, ErrorKind::Unavailable, true);
        assert_eq!(error.context_value("code"), Some("READONLY"), "{error}");
    });
}

#[test]
fn a_user_who_may_only_read_is_served() {
    let Some(redis) = Redis::for_test("a reader", RedisOptions::default().with_users()) else { return };
    block_on(async {
        let writer = LocalIndex::redis(&redis.url()).await.unwrap();
        insert(&writer, "a").await.unwrap();
        let reader = LocalIndex::redis(&redis.url_for(RO.0, RO.1)).await.unwrap();
        assert_eq!(reader.get_dataset("a").await.unwrap().name(), "a");
        assert_eq!(reader.get_dataset("b").await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(reader.count_datasets().await.unwrap(), 1);
        is(&insert(&reader, "b").await.unwrap_err(), ErrorKind::PermissionDenied, false);
        assert_eq!(writer.count_datasets().await.unwrap(), 1);
    });
}

#[test]
fn a_changed_password_is_told_and_its_return_noticed() {
    let options = RedisOptions::default().with_password("before");
    let Some(redis) = Redis::for_test("a changed password", options) else { return };
    block_on(async {
        let index = impatient(&redis.url_for("", "before")).await;
        insert(&index, "a").await.unwrap();
        let change = |from: &str, to: &str| {
            let url = redis.url_for("", from);
            let mut connection = atdata_testkit::servers::redis::Connection::open(&url).unwrap();
            connection.command(&["CONFIG", "SET", "requirepass", to]).unwrap();
            connection.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        };
        change("before", "hunter2");
        let error = loop {
            match index.get_dataset("a").await {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => break error,
                // The connection may be lost first.
                Err(error) => is(&error, ErrorKind::Unavailable, true),
                Ok(_) => panic!("it needs another password"),
            }
        };
        assert!(!error.is_retryable());
        assert!(!format!("{error} {error:?}").contains("before:"), "{error:?}");
        change("hunter2", "before");
        loop {
            match index.get_dataset("a").await {
                Ok(entry) => break assert_eq!(entry.name(), "a"),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::PermissionDenied),
                    "{error:?}"
                ),
            }
        }
    });
}

#[test]
fn secrets_are_not_shown() {
    let options = RedisOptions::default().with_password("s3cret-canary");
    let Some(redis) = Redis::for_test("secrets", options) else { return };
    block_on(async {
        let index = LocalIndex::redis(&redis.url_for("", "s3cret-canary")).await.unwrap();
        insert(&index, "a").await.unwrap();
        let mut shown = vec![format!("{index:?} {}", index.address())];
        let not_there = format!("redis://ann:s3cret-canary@127.0.0.1:{}", 1);
        for url in [redis.url_for("", "s3cret-canary-2"), not_there, "redis://u:s3cret-canary@".into()] {
            let error = LocalIndexOptions::default().redis(&url).await.unwrap_err();
            shown.push(format!("{error} {error:?}"));
        }
        let error = index.get_dataset("nowhere").await.unwrap_err();
        shown.push(format!("{error} {error:?}"));
        for text in shown {
            assert!(!text.contains("canary"), "{text}");
        }
        let error = LocalIndex::redis(&redis.url_for("", "wrong")).await.unwrap_err();
        is(&error, ErrorKind::PermissionDenied, false);
    });
}

#[test]
fn the_new_master_is_found_when_the_old_one_is_gone() {
    let Some(mut master) = Redis::for_test("a failover", RedisOptions::default()) else { return };
    let mut replica = Redis::start(RedisOptions::default().replica_of(master.port())).unwrap();
    let sentinel = Sentinel::start(&master).unwrap();
    block_on(async {
        let index = LocalIndexOptions::default().with_timeout(Duration::from_secs(2));
        let index = index.redis(&sentinel.url()).await.unwrap();
        insert(&index, "before").await.unwrap();
        replica.wait_until(|it| it.command(&["EXISTS", "Label:before@"]).is_ok_and(|it| it == "1")).unwrap();
        replica
            .wait_until(|_| {
                sentinel.command(&["SENTINEL", "REPLICAS", "main"]).is_ok_and(|it| it.contains("127"))
            })
            .unwrap();
        master.kill();
        until_done(async || insert(&index, "after").await).await;
        assert_eq!(index.get_dataset("before").await.unwrap().name(), "before");
        assert_eq!(replica.command(&["EXISTS", "Label:after@"]).unwrap(), "1");
    });
}

#[test]
fn a_cluster_without_one_master_is_unavailable_for_its_keys_only() {
    let Some(mut cluster) = RedisCluster::for_test("a cluster without one master") else { return };
    block_on(async {
        let options = LocalIndexOptions::default().with_timeout(Duration::from_millis(500));
        let index = options.redis(&cluster.url()).await.unwrap();
        for n in 0..9 {
            until_done(async || insert(&index, &format!("{n}")).await).await;
        }
        cluster.master(2).kill();
        let mut failed = 0;
        for n in 0..9 {
            if let Err(error) = index.get_dataset(&format!("{n}")).await {
                is(&error, ErrorKind::Unavailable, true);
                failed += 1;
            }
        }
        assert!(failed > 0);
        cluster.master(2).restart().unwrap();
        cluster.wait_until_ready().unwrap();
        // Its memory is gone with it: what led there leads nowhere, which is not an error of another kind.
        for n in 0..9 {
            until_done(async || match index.get_dataset(&format!("{n}")).await {
                Err(error) if error.is_not_found() => Ok(()),
                done => done.map(drop),
            })
            .await;
        }
        for n in 0..9 {
            let new = new(&format!("{n}"), &format!("{n}.tar")).with_if_exists(IfExists::Replace);
            until_done(async || index.insert_dataset(new.clone()).await).await;
            assert_eq!(index.get_dataset(&format!("{n}")).await.unwrap().data_urls(), [format!("{n}.tar")]);
        }
    });
}

#[test]
fn sockets_and_databases_are_told_apart() {
    let Some(redis) = Redis::for_test("a socket", RedisOptions::default()) else { return };
    block_on(async {
        let socket = redis.unix_socket();
        let first = LocalIndex::redis(&format!("redis+unix://{}", socket.display())).await.unwrap();
        let second = LocalIndex::redis(&format!("unix://{}?db=2", socket.display())).await.unwrap();
        insert(&first, "a").await.unwrap();
        insert(&second, "b").await.unwrap();
        let again = LocalIndex::redis(&format!("{}/2", redis.url())).await.unwrap();
        assert_eq!(again.get_dataset("b").await.unwrap().name(), "b");
        assert_eq!(again.count_datasets().await.unwrap(), 1);
    });
}

#[test]
fn an_index_that_is_dropped_leaves_no_connection() {
    let Some(mut redis) = Redis::for_test("dropped connections", RedisOptions::default()) else { return };
    block_on(async {
        for n in 0..50 {
            let index = LocalIndex::redis(&redis.url()).await.unwrap();
            insert(&index, &format!("{n}")).await.unwrap();
        }
        let is_alone = |list: String| list.lines().filter(|line| !line.trim().is_empty()).count() == 1;
        redis.wait_until(|it| it.command(&["CLIENT", "LIST"]).is_ok_and(is_alone)).unwrap();
    });
}

/// The address of a server, and the number of the database.
fn address_of(url: &str) -> (std::net::SocketAddr, &str) {
    let (address, number) = url.trim_start_matches("redis://").split_once('/').unwrap();
    (address.parse().unwrap(), number)
}
