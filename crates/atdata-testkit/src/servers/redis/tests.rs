use super::*;

#[test]
fn a_server_answers_by_both_ways() {
    let Some(redis) = Redis::for_test("a_server_answers_by_both_ways", RedisOptions::default()) else {
        return;
    };
    assert_eq!(redis.command(&["SET", "key", "a b\r\nc"]).unwrap(), "OK");
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), "a b\r\nc");
    assert_eq!(redis.command(&["GET", "other"]).unwrap(), "");
    assert_eq!(redis.command(&["MGET", "key", "other", "key"]).unwrap(), "a b\r\nc\n\na b\r\nc");
    let error = redis.command(&["LPUSH", "key", "value"]).unwrap_err();
    assert!(error.to_string().starts_with("WRONGTYPE"), "{error}");
    assert!(redis.unix_socket().exists());
}

#[test]
fn a_durable_server_keeps_its_data_when_it_is_killed() {
    let case = "a_durable_server_keeps_its_data_when_it_is_killed";
    let Some(mut redis) = Redis::for_test(case, RedisOptions::default().durable()) else { return };
    let port = redis.port();
    redis.command(&["SET", "key", "value"]).unwrap();
    redis.kill();
    assert!(redis.command(&["PING"]).is_err());
    redis.restart().unwrap();
    assert_eq!((redis.port(), redis.command(&["GET", "key"]).unwrap().as_str()), (port, "value"));
}

#[test]
fn a_password_is_asked_for() {
    let options = RedisOptions::default().with_password("s3cret");
    let Some(redis) = Redis::for_test("a_password_is_asked_for", options) else { return };
    let refused = |url: &str| Connection::open(url).and_then(|mut it| it.command(&["PING"])).unwrap_err();
    assert!(refused(&format!("redis://127.0.0.1:{}", redis.port())).to_string().starts_with("NOAUTH"));
    assert!(refused(&redis.url_for("", "wrong")).to_string().starts_with("WRONGPASS"));
    assert_eq!(Connection::open(&redis.url()).unwrap().command(&["PING"]).unwrap(), "PONG");
}

#[test]
fn users_may_do_what_they_need() {
    let options = RedisOptions::default().with_users();
    let Some(redis) = Redis::for_test("users_may_do_what_they_need", options) else { return };
    let mut app = Connection::open(&redis.url()).unwrap();
    app.command(&["HSET", "LocalSchema:a", "field", "value"]).unwrap();
    for refused in [["SET", "other", "1"].as_slice(), &["KEYS", "*"], &["FLUSHDB"]] {
        assert!(app.command(refused).unwrap_err().to_string().starts_with("NOPERM"), "{refused:?}");
    }
    let mut ro = Connection::open(&redis.url_for(RO.0, RO.1)).unwrap();
    assert_eq!(ro.command(&["HGET", "LocalSchema:a", "field"]).unwrap(), "value");
    assert!(ro.command(&["DEL", "LocalSchema:a"]).unwrap_err().to_string().starts_with("NOPERM"));
}

#[test]
fn a_server_may_be_full() {
    let options = RedisOptions::default().with_max_memory(4 << 20);
    let Some(redis) = Redis::for_test("a_server_may_be_full", options) else { return };
    let value = "x".repeat(1 << 20);
    let mut errors = (0..8).filter_map(|i| redis.command(&["SET", &format!("key{i}"), &value]).err());
    let error = errors.next().expect("a refusal").to_string();
    assert!(error.starts_with("OOM"), "{error}");
}

#[test]
fn a_replica_follows_and_becomes_the_master() {
    let case = "a_replica_follows_and_becomes_the_master";
    let Some(mut master) = Redis::for_test(case, RedisOptions::default()) else { return };
    let mut replica = Redis::start(RedisOptions::default().replica_of(master.port())).unwrap();
    master.command(&["SET", "key", "value"]).unwrap();
    replica.wait_until(|it| it.command(&["GET", "key"]).is_ok_and(|value| value == "value")).unwrap();
    let error = replica.command(&["SET", "key", "other"]).unwrap_err();
    assert!(error.to_string().starts_with("READONLY"), "{error}");

    let sentinel = Sentinel::start(&master).unwrap();
    let main = || sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).unwrap();
    assert_eq!(main(), format!("127.0.0.1\n{}", master.port()));
    let knows_it =
        || sentinel.command(&["SENTINEL", "REPLICAS", "main"]).unwrap().contains("master-link-status\nok");
    replica.wait_until(|_| knows_it()).unwrap();
    master.kill();
    let next = format!("127.0.0.1\n{}", replica.port());
    replica.wait_until(|it| main() == next && it.command(&["SET", "key", "other"]).is_ok()).unwrap();
}

#[test]
fn databases_are_fresh() {
    let (Some(first), Some(second)) = (Database::for_test("databases"), Database::for_test("databases"))
    else {
        return;
    };
    assert!(first.url() != second.url());
    first.command(&["SET", "key", "value"]).unwrap();
    assert_eq!(second.command(&["GET", "key"]).unwrap(), "");
    let users = Database::with_users_for_test("databases").unwrap();
    users.command(&["SET", "atdata:key", "value"]).unwrap();
    assert_eq!(users.command(&["DBSIZE"]).unwrap(), "1");
}

#[test]
fn a_cluster_shares_the_keys_and_survives_the_loss_of_a_master() {
    let case = "a_cluster_shares_the_keys_and_survives_the_loss_of_a_master";
    let Some(mut cluster) = RedisCluster::for_test(case) else { return };
    // The slot of `foo` is 12182, that of `bar` 5061: the third server and the first.
    let set = ["SET", "foo", "1"];
    assert!(cluster.masters()[0].command(&set).unwrap_err().to_string().starts_with("MOVED"));
    cluster.masters()[2].command(&set).unwrap();
    cluster.master(2).kill();
    let is_down = |it: &mut Connection| {
        it.command(&["SET", "bar", "1"]).is_err_and(|error| error.to_string().starts_with("CLUSTERDOWN"))
    };
    cluster.master(0).wait_until(is_down).unwrap();
    cluster.master(2).restart().unwrap();
    cluster.wait_until_ready().unwrap();
    assert_eq!(cluster.masters()[2].command(&["GET", "foo"]).unwrap(), "1");
}

#[test]
fn a_turn_at_the_cluster_begins_without_keys() {
    let Some(cluster) = RedisCluster::for_test("a_turn_at_the_cluster_begins_without_keys") else { return };
    let master = &cluster.masters()[2];
    master.command(&["SET", "foo", "1"]).unwrap();
    let turn = shared::take_turn(&cluster.url()).unwrap();
    assert_eq!(master.command(&["GET", "foo"]).unwrap(), "");
    master.command(&["SET", "foo", "2"]).unwrap();
    let (url, (sender, receiver)) = (cluster.url(), std::sync::mpsc::channel());
    let next = std::thread::spawn(move || {
        sender.send(()).unwrap();
        shared::take_turn(&url).unwrap()
    });
    receiver.recv().unwrap();
    assert_eq!(master.command(&["GET", "foo"]).unwrap(), "2");
    drop(turn);
    drop(next.join().unwrap());
    assert_eq!(master.command(&["GET", "foo"]).unwrap(), "");
}
