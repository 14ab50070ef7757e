use atdata_core::exchange::{ExchangeOptions, backup_all, sync};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{DataStore, ErrorKind, Index, IndexEntry, IndexExt, Label};

use crate::support::{Side, numbers};

#[tokio::test]
async fn a_backup_has_everything_and_can_be_repeated() {
    let (from, to) = (Side::new(), Side::new());
    let one = from.publish_as("one", 0..3, Some("1.0.0")).await;
    from.publish_as("one", 0..4, Some("2.0.0")).await;
    let two = from.publish("two", 0..25).await;
    from.index
        .publish_schema(&SampleSchema::new("Unused").field(Field::new("x", Primitive::Int)))
        .await
        .unwrap();
    for (name, version, cid) in [("alias", "", &two), ("alias", "old", &one)] {
        let label = Label::new(name, cid.cid().unwrap()).with_version(version);
        from.index.set_label(&label).await.unwrap();
    }
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    let report = backup_all(&from.index, &to.index, &options).await.unwrap();
    report.ok().unwrap();
    assert_eq!((report.carried, report.equal, report.kept, report.schemas), (2, 0, 0, 1));
    assert!(to.index.get_schema("Unused").await.is_ok());
    for (name, count) in [("one", 4), ("one@1.0.0", 3), ("two", 25), ("alias@old", 3)] {
        assert_eq!(numbers(&to.index, name, &to.registry).await.len(), count, "{name}");
    }
    let alias = numbers(&from.index, "alias", &from.registry).await;
    assert_eq!(numbers(&to.index, "alias", &to.registry).await, alias);

    let shards = to.store.urls();
    let again = backup_all(&from.index, &to.index, &options).await.unwrap();
    assert_eq!((again.carried, again.equal, again.schemas, again.labels), (0, 2, 0, 0));
    assert_eq!(to.store.urls(), shards);
}

#[tokio::test]
async fn what_fails_does_not_stop_the_rest() {
    let (from, to) = (Side::new(), Side::new());
    let lost = from.publish("lost", 0..3).await;
    from.publish("there", 0..3).await;
    from.store.remove_shards(lost.data_urls()).await.unwrap();
    to.publish("taken", 0..9).await;
    from.publish("taken", 0..3).await;
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    let report = backup_all(&from.index, &to.index, &options).await.unwrap();
    let failed: Vec<_> =
        report.failed.iter().map(|failure| (failure.name.as_str(), failure.error.kind())).collect();
    assert_eq!(failed, [("lost", ErrorKind::NotFound), ("taken", ErrorKind::AlreadyExists)]);
    assert_eq!(report.carried, 1);
    let error = report.ok().unwrap_err();
    assert!(error.to_string().contains('2') && error.to_string().contains("lost"), "{error}");
}

#[tokio::test]
async fn a_sync_brings_what_is_missing_or_different() {
    let (from, to) = (Side::new(), Side::new());
    for name in ["equal", "changed", "missing"] {
        from.publish(name, 0..3).await;
    }
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    sync(&from.index, &to.index, &options).await.unwrap().ok().unwrap();
    from.publish("changed", 0..7).await;
    from.publish("new", 0..1).await;
    to.publish("own", 0..2).await;
    let dry = sync(&from.index, &to.index, &options.clone().with_dry_run(true)).await.unwrap();
    let report = sync(&from.index, &to.index, &options).await.unwrap();
    assert_eq!((report.carried, report.equal), (2, 2));
    assert_eq!((dry.carried, dry.equal), (2, 2));
    assert_eq!(numbers(&to.index, "changed", &to.registry).await.len(), 7);
    assert_eq!(to.index.count_datasets().await.unwrap(), 5);
}
