//! The registry: which lens leads from one type or schema to another.

use atdata_core::lens::{DataLens, Laws, Lens, LensBody, LensIndexExt, LensRecord, LensRegistry};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{DictSample, Error, ErrorKind, Index, MemoryIndex};
use atdata_derive::Packable;
use atdata_testkit::lens_laws::assert_lawful;
use proptest::prelude::*;

use super::schema;

macro_rules! types {
    ($($name:ident $field:ident)*) => {$(
        #[derive(Clone, Debug, PartialEq, Packable)]
        struct $name {
            $field: i64,
        }
    )*};
}
types!(A a  B b  C c  D d  E a);

/// A lens between two of the types that adds a number, so that one can see which way was taken.
macro_rules! adding {
    ($from:ident $x:ident, $to:ident $y:ident, $n:expr) => {
        Lens::new(
            |from: &$from| $to { $y: from.$x.wrapping_add($n) },
            |to: &$to, _: &$from| $from { $x: to.$y.wrapping_sub($n) },
        )
    };
}

fn a() -> impl Strategy<Value = A> {
    any::<i64>().prop_map(|a| A { a })
}

fn of(error: Error) -> (ErrorKind, String) {
    (error.kind(), error.to_string())
}

#[test]
fn the_same_type_is_the_identity() {
    let mut registry = LensRegistry::new();
    registry.register("ab", adding!(A a, B b, 1)).unwrap();
    registry.register("ba", adding!(B b, A a, 1)).unwrap();
    let identity = registry.find::<A, A>().unwrap();
    assert_eq!(identity.get(&A { a: 3 }).unwrap(), A { a: 3 });
    assert_lawful(&identity, a(), a());
}

#[test]
fn a_registered_lens_comes_before_structure() {
    let mut registry = LensRegistry::new();
    // A and E have the same field.
    assert_eq!(registry.find::<A, E>().unwrap().get(&A { a: 3 }).unwrap(), E { a: 3 });
    registry.register("ae", adding!(A a, E a, 1)).unwrap();
    let lens = registry.find::<A, E>().unwrap();
    assert_eq!(lens.get(&A { a: 3 }).unwrap(), E { a: 4 });
    assert_lawful(&lens, a(), any::<i64>().prop_map(|a| E { a }));
}

#[test]
fn the_shortest_path_is_composed() {
    let mut registry = LensRegistry::new();
    registry.register("ab", adding!(A a, B b, 1)).unwrap();
    registry.register("bc", adding!(B b, C c, 10)).unwrap();
    registry.register("cd", adding!(C c, D d, 100)).unwrap();
    registry.register("ca", adding!(C c, A a, 7)).unwrap();
    let lens = registry.find::<A, D>().unwrap();
    assert_eq!(lens.get(&A { a: 0 }).unwrap(), D { d: 111 });
    assert_eq!(lens.put(&D { d: 112 }, &A { a: 0 }).unwrap(), A { a: 1 });
    assert_lawful(&lens, a(), any::<i64>().prop_map(|d| D { d }));
    registry.register("ac", adding!(A a, C c, 50)).unwrap();
    assert_eq!(registry.find::<A, D>().unwrap().get(&A { a: 0 }).unwrap(), D { d: 150 });
    // A getter in the middle makes all of it one.
    registry.register("ad", Lens::getter(|a: &A| D { d: a.a })).unwrap();
    assert_eq!(registry.find::<B, D>().unwrap().laws(), Laws::VeryWellBehaved);
    assert_eq!(registry.find::<A, D>().unwrap().laws(), Laws::GetOnly);
}

#[test]
fn of_two_shortest_paths_one_must_be_preferred() {
    let make = |order: bool| {
        let mut registry = LensRegistry::new();
        let first = |registry: &mut LensRegistry| {
            registry.register("ab", adding!(A a, B b, 1)).unwrap();
            registry.register("bd", adding!(B b, D d, 1)).unwrap();
        };
        if order {
            first(&mut registry);
        }
        registry.register("ac", adding!(A a, C c, 10)).unwrap();
        registry.register("cd", adding!(C c, D d, 10)).unwrap();
        if !order {
            first(&mut registry);
        }
        registry
    };
    for order in [true, false] {
        let mut registry = make(order);
        let (kind, text) = of(registry.find::<A, D>().unwrap_err());
        assert_eq!(kind, ErrorKind::Conflict);
        assert!(text.contains("ab then bd") && text.contains("ac then cd"), "{text}");
        registry.prefer("cd");
        assert_eq!(registry.find::<A, D>().unwrap().get(&A { a: 0 }).unwrap(), D { d: 20 });
    }
    // Two lenses between the same types are two paths, too.
    let mut registry = make(true);
    registry.register("other", adding!(A a, B b, 5)).unwrap();
    assert_eq!(of(registry.find::<A, B>().unwrap_err()).0, ErrorKind::Conflict);
    registry.prefer("other");
    assert_eq!(registry.find::<A, B>().unwrap().get(&A { a: 0 }).unwrap(), B { b: 5 });
    let error = registry.register("other", adding!(A a, B b, 6)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn what_was_tried_is_told() {
    let mut registry = LensRegistry::new();
    let (kind, text) = of(registry.find::<A, B>().unwrap_err());
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(text.contains("no lenses are registered") && text.contains("b: is required"), "{text}");
    registry.register("ac", adding!(A a, C c, 1)).unwrap();
    let (_, text) = of(registry.find::<A, B>().unwrap_err());
    assert!(text.contains("lead from there to lenses::registry::C only"), "{text}");
    let (_, text) = of(registry.find::<B, C>().unwrap_err());
    assert!(text.contains("none of the 1 registered lenses begins there"), "{text}");
}

fn data(name: &str, from: &str, to: &str, x: &str, y: &str) -> DataLens {
    DataLens::new(name, format!("{from}@1.0.0"), format!("{to}@1.0.0")).rename(x, y)
}

fn int(name: &str, field: &str) -> SampleSchema {
    schema(name, [Field::new(field, Primitive::Int)])
}

#[test]
fn data_lenses_are_found_between_schemas_and_types() {
    let mut registry = LensRegistry::new();
    registry.register_data(&data("ab", "A", "B", "a", "b"), &int("A", "a"), &int("B", "b")).unwrap();
    registry.register_data(&data("bc", "B", "C", "b", "c"), &int("B", "b"), &int("C", "c")).unwrap();
    registry.register_data(&data("ca", "C", "A", "c", "a"), &int("C", "c"), &int("A", "a")).unwrap();
    let lens = registry.find_data(&int("A", "a"), &int("C", "c")).unwrap();
    assert_eq!(
        lens.get(&DictSample::from_iter([("a", 1i64)])).unwrap(),
        DictSample::from_iter([("c", 1i64)])
    );
    let samples = |field: &'static str| any::<i64>().prop_map(move |n| DictSample::from_iter([(field, n)]));
    assert_lawful(&lens, samples("a"), samples("c"));
    assert_lawful(&registry.find_data(&int("A", "a"), &int("A", "a")).unwrap(), samples("a"), samples("a"));
    // Types have schemas.
    let typed = registry.find::<A, C>().unwrap();
    assert_eq!(typed.get(&A { a: 5 }).unwrap(), C { c: 5 });
    assert_lawful(&typed, a(), any::<i64>().prop_map(|c| C { c }));
    // Lenses between types come first.
    registry.register("typed", adding!(A a, C c, 1)).unwrap();
    assert_eq!(registry.find::<A, C>().unwrap().get(&A { a: 5 }).unwrap(), C { c: 6 });
    // Structure comes last; another schema of the same name is another schema.
    let wider = schema("W", [Field::new("a", Primitive::Int), Field::new("n", Primitive::Int).optional()]);
    registry.find_data(&int("A", "a"), &wider).unwrap();
    assert!(registry.find_data(&int("A", "z"), &int("C", "c")).unwrap_err().is_not_found());
    let error =
        registry.register_data(&data("zb", "A", "B", "z", "b"), &int("A", "z"), &int("B", "b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn ambiguous_data_lenses_are_preferred_by_name_or_by_name_and_version() {
    let mut registry = LensRegistry::new();
    let (a, b) = (int("A", "a"), int("B", "b"));
    registry.register_data(&data("one", "A", "B", "a", "b"), &a, &b).unwrap();
    let round = data("two", "A", "B", "a", "t").rename("t", "b");
    registry.register_data(&round, &a, &b).unwrap();
    assert_eq!(registry.register_data(&round, &a, &b).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let (kind, text) = of(registry.find_data(&a, &b).unwrap_err());
    assert_eq!(kind, ErrorKind::Conflict);
    assert!(text.contains("one@1.0.0, or two@1.0.0"), "{text}");
    for preferred in ["two", "two@1.0.0"] {
        let mut registry = registry.clone();
        registry.prefer(preferred);
        registry.find_data(&a, &b).unwrap();
    }
}

#[tokio::test]
async fn a_registry_is_filled_from_an_index() {
    let index = MemoryIndex::new();
    for schema in [int("A", "a"), int("B", "b"), int("C", "c")] {
        index.publish_schema(&schema).await.unwrap();
    }
    index.publish_data_lens(&data("ab", "A", "B", "a", "b")).await.unwrap();
    index
        .publish_data_lens(
            &data("ab", "A", "B", "a", "b").with_version("1.0.1").rename("b", "t").rename("t", "b"),
        )
        .await
        .unwrap();
    index.publish_data_lens(&data("bc", "B", "C", "b", "c")).await.unwrap();
    index.publish_lens(&LensRecord::new("opaque", "1.0.0", "A", "B", LensBody::Opaque)).await.unwrap();
    let lost = LensRecord::of(&data("lost", "X", "A", "x", "a"), &int("X", "x"), &int("A", "a")).unwrap();
    index.publish_lens(&lost).await.unwrap();

    let mut registry = LensRegistry::new();
    let loaded = registry.load(&index).await.unwrap();
    // The latest version counts.
    assert_eq!(loaded.lenses, ["atdata://local/lens/ab@1.0.1", "atdata://local/lens/bc@1.0.0"]);
    let skipped: Vec<_> =
        loaded.skipped.iter().map(|(reference, error)| (reference.as_str(), error.kind())).collect();
    assert_eq!(
        skipped,
        [
            ("atdata://local/lens/lost@1.0.0", ErrorKind::NotFound),
            ("atdata://local/lens/opaque@1.0.0", ErrorKind::Unsupported)
        ]
    );
    registry.find_data(&int("A", "a"), &int("C", "c")).unwrap();
    // Once more is no change.
    let again = registry.load(&index).await.unwrap();
    assert!(again.lenses.is_empty());
}
