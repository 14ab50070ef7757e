use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

use atdata_core::ErrorKind;

use super::*;

const SHARDS: usize = 3;

/// What a write leaves if its process ends after some shards, and all of them without a journal.
fn staged_shards(root: &Path, shards: usize) -> Staging {
    let mut staging = Staging::create(root.to_owned()).unwrap();
    for number in 0..shards {
        let (path, _) = staging.next_shard().unwrap();
        fs::write(path, format!("shard {number}")).unwrap();
        // The last one has none, as a write of an older release.
        if number + 1 < SHARDS {
            staging.write_index(format!("index {number}").as_bytes()).unwrap();
        }
    }
    staging
}

/// The process ends: the lock goes, the directory stays.
fn crash(staging: Staging) -> PathBuf {
    let staging = ManuallyDrop::new(staging);
    staging._lock.unlock().unwrap();
    staging.directory.clone()
}

/// All files of the store, by path under its root.
fn files(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
        for item in fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found.remove(".staging/lock");
    found
}

fn journal(id: &str) -> Journal {
    Journal { directory: "team/digits".to_owned(), id: id.to_owned(), shards: SHARDS }
}

fn whole(id: &str) -> BTreeMap<String, String> {
    let shard = |n| (format!("team/digits/data--{id}--{n:06}.tar"), format!("shard {n}"));
    let index = |n| (format!("team/digits/data--{id}--{n:06}.tar.idx"), format!("index {n}"));
    (0..SHARDS).map(shard).chain((0..SHARDS - 1).map(index)).collect()
}

#[test]
fn a_commit_publishes_all_shards_and_leaves_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let paths = staged_shards(root.path(), SHARDS).commit("team/digits").unwrap();
    assert_eq!(paths.len(), SHARDS);
    let name = paths[0].file_name().unwrap().to_str().unwrap();
    let id = name.strip_prefix("data--").unwrap().strip_suffix("--000000.tar").unwrap();
    assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert_eq!(files(root.path()), whole(id));
    assert_eq!(fs::read_dir(root.path().join(STAGING)).unwrap().count(), 1, "only the lock is left");
}

#[test]
fn what_was_not_committed_is_removed() {
    let root = tempfile::tempdir().unwrap();
    drop(staged_shards(root.path(), SHARDS));
    assert!(files(root.path()).is_empty());

    let shards = [0, 1, SHARDS];
    for shards in shards {
        crash(staged_shards(root.path(), shards));
    }
    // A process that ended before it had its lock, and one that ended while it wrote the journal.
    fs::create_dir(root.path().join(STAGING).join(Uuid::new_v4().simple().to_string())).unwrap();
    let half = crash(staged_shards(root.path(), SHARDS));
    fs::write(half.join("commit.new"), "atdata com").unwrap();

    let recovered = recover(root.path()).unwrap();
    assert_eq!(recovered.removed, shards.len() + 2);
    assert!(recovered.published.is_empty());
    assert!(files(root.path()).is_empty());
    assert_eq!(recover(root.path()).unwrap(), Recovered::default());
}

#[test]
fn a_crash_at_any_point_after_the_journal_ends_with_all_shards() {
    for published in 0..=SHARDS {
        let root = tempfile::tempdir().unwrap();
        let staging = staged_shards(root.path(), SHARDS);
        let target = durable::create_directory(root.path(), "team/digits").unwrap();
        let journal = journal("0123abcd");
        journal.write(&staging.directory).unwrap();
        for number in 0..published {
            durable::publish(&staged(&staging.directory, number), &journal.target(&target, number)).unwrap();
        }
        crash(staging);
        let recovered = recover(root.path()).unwrap();
        assert_eq!((recovered.published.len(), recovered.removed), (SHARDS, 0), "after {published}");
        assert_eq!(files(root.path()), whole("0123abcd"), "after {published}");
        assert_eq!(recover(root.path()).unwrap(), Recovered::default());
    }
}

#[test]
fn a_crash_where_files_have_one_name_only_ends_with_all_shards() {
    for renamed in 0..=SHARDS {
        let root = tempfile::tempdir().unwrap();
        let staging = staged_shards(root.path(), SHARDS);
        let target = durable::create_directory(root.path(), "team/digits").unwrap();
        let journal = journal("0123abcd");
        journal.write(&staging.directory).unwrap();
        for number in 0..renamed {
            fs::rename(staged(&staging.directory, number), journal.target(&target, number)).unwrap();
        }
        crash(staging);
        assert_eq!(recover(root.path()).unwrap().published.len(), SHARDS);
        assert_eq!(files(root.path()), whole("0123abcd"));
    }
}

#[test]
fn a_crash_while_clearing_up_leaves_what_was_published() {
    let root = tempfile::tempdir().unwrap();
    let staging = staged_shards(root.path(), SHARDS);
    let target = durable::create_directory(root.path(), "team/digits").unwrap();
    publish(&staging.directory, &target, journal("0123abcd")).unwrap();
    fs::remove_file(staged(&staging.directory, 1)).unwrap();
    let directory = crash(staging);
    fs::remove_file(directory.join(LOCK)).unwrap();
    assert_eq!(recover(root.path()).unwrap().removed, 1);
    assert_eq!(files(root.path()), whole("0123abcd"));
}

#[test]
fn a_writer_that_is_alive_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut staging = staged_shards(root.path(), 1);
    assert_eq!(recover(root.path()).unwrap(), Recovered::default());
    let (path, _) = staging.next_shard().unwrap();
    fs::write(path, "shard 1").unwrap();
    assert_eq!(staging.commit("a").unwrap().len(), 2);
}

#[test]
fn what_the_store_did_not_write_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let staging = root.path().join(STAGING);
    for directory in ["notes", "0123abcd"] {
        fs::create_dir_all(staging.join(directory)).unwrap();
        fs::write(staging.join(directory).join("commit"), "mine").unwrap();
    }
    fs::write(staging.join(Uuid::new_v4().simple().to_string()), "a file").unwrap();
    let before = files(root.path());
    assert_eq!(recover(root.path()).unwrap(), Recovered::default());
    assert_eq!(files(root.path()), before);
}

#[test]
fn shards_of_others_are_never_overwritten() {
    for taken in 0..SHARDS {
        let root = tempfile::tempdir().unwrap();
        let staging = staged_shards(root.path(), SHARDS);
        let target = durable::create_directory(root.path(), "team/digits").unwrap();
        let journal = journal("0123abcd");
        fs::write(journal.target(&target, taken), "somebody else's").unwrap();
        journal.write(&staging.directory).unwrap();
        crash(staging);

        let published = recover(root.path()).unwrap().published;
        assert_eq!(published.len(), SHARDS);
        let mut found = files(root.path());
        let other = found.remove(&format!("team/digits/data--0123abcd--{taken:06}.tar"));
        assert_eq!(other.as_deref(), Some("somebody else's"));
        assert!(found.keys().all(|name| !name.contains("0123abcd")), "{found:?}");
        let shards = ["shard 0", "index 0", "shard 1", "index 1", "shard 2"];
        assert_eq!(found.into_values().collect::<Vec<_>>(), shards);
    }
}

#[test]
fn a_journal_that_is_not_ours_is_reported_and_nothing_is_touched() {
    let journals = [
        "",
        "atdata commit 1\n",
        "atdata commit 2\na\n0123abcd\n3\n",
        "atdata commit 1\n../a\n0123abcd\n3\n",
        "atdata commit 1\n/etc\n0123abcd\n3\n",
        "atdata commit 1\na//b\n0123abcd\n3\n",
        "atdata commit 1\na\n../../xx\n3\n",
        "atdata commit 1\na\n0123abcd\n-1\n",
        "atdata commit 1\na\n0123abcd\n3\nmore\n",
        "atdata commit 1\na\n0123abcd\n3",
    ];
    for text in journals {
        let root = tempfile::tempdir().unwrap();
        let directory = crash(staged_shards(root.path(), SHARDS));
        fs::write(directory.join(JOURNAL), text).unwrap();
        crash(staged_shards(root.path(), 1));

        let error = recover(root.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{text:?}: {error}");
        assert_eq!(error.context_value("path"), Some(directory.join(JOURNAL).to_str().unwrap()));
        // The other one has been cleared all the same: what is left are shards, indexes, journal and lock of this one.
        assert_eq!(files(root.path()).len(), SHARDS + (SHARDS - 1) + 2, "{text:?}");
    }
}

#[test]
fn a_failed_commit_leaves_nothing_under_final_names() {
    let root = tempfile::tempdir().unwrap();
    let staging = staged_shards(root.path(), SHARDS);
    fs::remove_file(staged(&staging.directory, SHARDS - 1)).unwrap();
    let error = staging.commit("team/digits").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(files(root.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_refused_before_anything_is_made_behind_it() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("team")).unwrap();
    let error = staged_shards(root.path(), SHARDS).commit("team/digits").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
