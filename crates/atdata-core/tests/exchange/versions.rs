use atdata_core::exchange::{ExchangeOptions, Outcome, Versions, migrate_dataset};
use atdata_core::{Index, IndexEntry, Label};

use crate::support::{Side, numbers};

async fn two_versions() -> Side {
    let from = Side::new();
    from.publish_as("a", 0..3, Some("1.0.0")).await;
    let new = from.publish_as("a", 0..5, Some("2.0.0")).await;
    let label = Label::new("a", new.cid().unwrap()).with_version("stable").with_description("the best");
    from.index.set_label(&label).await.unwrap();
    from
}

#[tokio::test]
async fn the_latest_comes_with_the_labels_that_lead_to_it() {
    let (from, to) = (two_versions().await, Side::new());
    let options = ExchangeOptions::copy_to(&to.store, &from.registry).with_name("b");
    let done = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap();
    assert_eq!(done.labels, 2);
    for reference in ["b", "b@2.0.0", "b@stable"] {
        assert_eq!(numbers(&to.index, reference, &to.registry).await.len(), 5);
    }
    let label = to.index.get_label("b", Some("stable")).await.unwrap();
    assert_eq!(label.description.as_deref(), Some("the best"));
    assert!(to.index.get_dataset("b@1.0.0").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn an_older_version_can_be_migrated_by_its_reference() {
    let (from, to) = (two_versions().await, Side::new());
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    migrate_dataset("a@1.0.0", &from.index, &to.index, &options).await.unwrap();
    assert_eq!(numbers(&to.index, "a", &to.registry).await.len(), 3);
    assert_eq!(numbers(&to.index, "a@1.0.0", &to.registry).await.len(), 3);
}

#[tokio::test]
async fn all_versions_come_and_the_name_stands_for_the_latest() {
    let (from, to) = (two_versions().await, Side::new());
    let options = ExchangeOptions::copy_to(&to.store, &from.registry).with_versions(Versions::All);
    // The older one is missing in the target, and comes later than the latest.
    let latest = options.clone().with_versions(Versions::Latest);
    migrate_dataset("a", &from.index, &to.index, &latest).await.unwrap();
    for outcome in [Outcome::Carried, Outcome::Equal] {
        let done = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap();
        assert_eq!(done.outcome, outcome);
        assert_eq!(to.store.urls().len(), 2);
        for (reference, count) in [("a", 5), ("a@1.0.0", 3), ("a@2.0.0", 5), ("a@stable", 5)] {
            assert_eq!(numbers(&to.index, reference, &to.registry).await.len(), count, "{reference}");
        }
    }
}
