//! Data lenses: every step, in both directions, and everything that is refused.

use std::collections::BTreeMap;

use atdata_core::lens::{DataLens, Laws, Step};
use atdata_core::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata_core::{DictSample, Error, ErrorKind, Lens, Map, NdArray, Result, Value};
use atdata_derive::Packable;
use atdata_testkit::lens_laws::assert_lawful;
use proptest::prelude::*;

use super::schema;

fn lens() -> DataLens {
    DataLens::new("test", "S@1.0.0", "V@1.0.0")
}

fn of(field: &str, field_type: impl Into<FieldType>) -> SampleSchema {
    schema("S", [Field::new(field, field_type)])
}

fn one(field: &str, value: impl Into<Value>) -> DictSample {
    [(field, value.into())].into_iter().collect()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().collect())
}

fn casting(from: impl Into<FieldType>, to: impl Into<FieldType>) -> Result<Lens<DictSample, DictSample>> {
    let to = to.into();
    lens().cast("a", to.clone()).lens(&of("a", from), &of("a", to))
}

/// Field and step that an error names.
fn refused<T: std::fmt::Debug>(result: Result<T>) -> (String, Option<String>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let field = error.context_value("field").unwrap_or_else(|| panic!("no field: {error}"));
    (field.to_owned(), error.context_value("step").map(str::to_owned))
}

const INT: Primitive = Primitive::Int;

#[test]
fn fields_are_renamed_kept_and_dropped() {
    let source = schema("S", ["a", "b", "c", "d"].map(|name| Field::new(name, INT)));
    let view = schema("V", ["x", "b"].map(|name| Field::new(name, INT)));
    let sample = |values: [i64; 4]| ["a", "b", "c", "d"].into_iter().zip(values).collect::<DictSample>();
    let seen = |values: [i64; 2]| ["x", "b"].into_iter().zip(values).collect::<DictSample>();
    for data in [
        lens().rename("a", "x").drop(["c", "d"]),
        lens().keep(["b", "a"]).rename("a", "x"),
        lens().drop(["c"]).rename("a", "y").rename("y", "x").keep(["x", "b"]),
    ] {
        let lens = data.lens(&source, &view).unwrap();
        assert_eq!(lens.get(&sample([1, 2, 3, 4])).unwrap(), seen([1, 2]));
        assert_eq!(lens.put(&seen([8, 9]), &sample([1, 2, 3, 4])).unwrap(), sample([8, 9, 3, 4]));
        assert_eq!(lens.laws(), Laws::VeryWellBehaved);
        assert_lawful(&lens, any::<[i64; 4]>().prop_map(sample), any::<[i64; 2]>().prop_map(seen));
        assert_eq!(data.source_fields(&source, &view).unwrap(), ["a", "b"]);
    }
}

#[test]
fn names_can_be_exchanged() {
    let source = schema("S", ["a", "b"].map(|name| Field::new(name, INT)));
    let exchange = lens().rename("a", "t").rename("b", "a").rename("t", "b").lens(&source, &source).unwrap();
    let sample = DictSample::from_iter([("a", 1i64), ("b", 2)]);
    assert_eq!(exchange.get(&sample).unwrap(), DictSample::from_iter([("a", 2i64), ("b", 1)]));
    assert_eq!(exchange.put(&exchange.get(&sample).unwrap(), &sample).unwrap(), sample);
}

/// meta { camera { fov: int, name: str }?, rate: float }
fn nested() -> SampleSchema {
    let camera = FieldType::Object(vec![Field::new("fov", INT), Field::new("name", Primitive::Str)]);
    let meta = vec![Field::new("camera", camera).optional(), Field::new("rate", Primitive::Float)];
    schema("S", [Field::new("meta", FieldType::Object(meta)), Field::new("n", INT)])
}

fn nested_sample(camera: Option<(i64, &str)>, rate: f64, n: i64) -> DictSample {
    let camera = camera.map(|(fov, name)| map([("fov", fov.into()), ("name", name.into())]));
    let meta = map([("camera", camera.into()), ("rate", rate.into())]);
    DictSample::from_iter([("meta", meta), ("n", n.into())])
}

fn any_nested() -> impl Strategy<Value = DictSample> {
    let camera = proptest::option::of((any::<i64>(), "[a-z]{0,3}"));
    (camera, -9.0..9.0, any::<i64>()).prop_map(|(camera, rate, n)| {
        nested_sample(camera.as_ref().map(|(fov, name)| (*fov, name.as_str())), rate, n)
    })
}

#[test]
fn a_field_comes_out_of_structs() {
    let view = schema("V", [Field::new("fov", INT).optional(), Field::new("n", INT)]);
    let data = lens().rename("meta.camera.fov", "fov").drop(["meta"]);
    let lens = data.lens(&nested(), &view).unwrap();
    let sample = nested_sample(Some((60, "left")), 0.5, 1);
    let seen = lens.get(&sample).unwrap();
    assert_eq!(seen, DictSample::from_iter([("fov", 60i64), ("n", 1)]));
    let changed = DictSample::from_iter([("fov", 70i64), ("n", 2)]);
    assert_eq!(lens.put(&changed, &sample).unwrap(), nested_sample(Some((70, "left")), 0.5, 2));
    assert_eq!(data.source_fields(&nested(), &view).unwrap(), ["meta", "n"]);

    // Where the struct is nil there is nothing to see, and nothing to put it into.
    let without = nested_sample(None, 0.5, 1);
    let nothing = DictSample::from_iter([("fov", Value::Nil), ("n", 1i64.into())]);
    assert_eq!(lens.get(&without).unwrap(), nothing);
    assert_eq!(lens.put(&nothing, &without).unwrap(), without);
    assert_eq!(refused(lens.put(&changed, &without)).0, "fov");
    assert_eq!(refused(lens.put(&nothing, &sample)).0, "fov");
    let views = (any::<Option<i64>>(), any::<i64>())
        .prop_map(|(fov, n)| DictSample::from_iter([("fov", Value::from(fov)), ("n", n.into())]));
    assert_lawful(&lens, any_nested(), views);

    let required = schema("V", [Field::new("fov", INT), Field::new("n", INT)]);
    assert_eq!(refused(data.lens(&nested(), &required)), ("fov".to_owned(), None));
}

#[test]
fn structs_are_changed_in_their_place_and_made() {
    // In another struct, under another name; what is left of the old one stays.
    let optics = FieldType::Object(vec![Field::new("angle", INT).optional(), Field::new("n", INT)]);
    let camera = FieldType::Object(vec![Field::new("label", Primitive::Str)]);
    let view = schema(
        "V",
        [
            Field::new("optics", optics),
            Field::new("meta", FieldType::Object(vec![Field::new("camera", camera).optional()])),
        ],
    );
    let data = lens()
        .rename("meta.camera.fov", "optics.angle")
        .rename("n", "optics.n")
        .rename("meta.camera.name", "meta.camera.label")
        .drop(["meta.rate"]);
    let lens = data.lens(&nested(), &view).unwrap();
    let sample = nested_sample(Some((60, "left")), 0.5, 1);
    let seen = lens.get(&sample).unwrap();
    let expected = |angle: i64, label: &str| {
        DictSample::from_iter([
            ("optics", map([("angle", angle.into()), ("n", 1i64.into())])),
            ("meta", map([("camera", map([("label", label.into())]))])),
        ])
    };
    assert_eq!(seen, expected(60, "left"));
    assert_eq!(
        lens.put(&expected(61, "right"), &sample).unwrap(),
        nested_sample(Some((61, "right")), 0.5, 1)
    );
    let views = any_nested().prop_map({
        let lens = lens.clone();
        move |sample| lens.get(&sample).unwrap()
    });
    assert_lawful(&lens, any_nested(), views);
    // A struct that the source has in part out of view can neither be taken away nor made.
    let without = nested_sample(None, 0.5, 1);
    assert_eq!(refused(lens.put(&lens.get(&without).unwrap(), &sample)).0, "angle");
    // Nothing of a struct is passed over.
    let mut more = seen.clone();
    more.insert("optics", map([("angle", 1i64.into()), ("n", 1i64.into()), ("odd", 1i64.into())]));
    assert_eq!(refused(lens.put(&more, &sample)).0, "odd");
}

#[test]
fn an_empty_struct_goes_and_one_that_is_kept_in_part_stays() {
    let flat = schema("V", [Field::new("rate", Primitive::Float)]);
    lens().drop(["meta.camera", "n"]).rename("meta.rate", "rate").lens(&nested(), &flat).unwrap();
    let part =
        schema("V", [Field::new("meta", FieldType::Object(vec![Field::new("rate", Primitive::Float)]))]);
    let lens = lens().keep(["meta.rate"]).lens(&nested(), &part).unwrap();
    let seen = lens.get(&nested_sample(None, 0.5, 1)).unwrap();
    assert_eq!(seen, one("meta", map([("rate", 0.5.into())])));
}

#[test]
fn entries_come_out_of_maps() {
    let source = of("meta", FieldType::map(FieldType::map(INT)));
    let view = schema("V", [Field::new("fov", INT).optional(), Field::new("v", INT).optional()]);
    let data = lens().rename("meta.camera.fov", "fov").rename(["meta", "camera", "v1.2"], "v");
    let lens = data.lens(&source, &view).unwrap();
    let camera = map([("a", 1i64.into()), ("fov", 60i64.into()), ("z", 2i64.into())]);
    let sample = one("meta", map([("camera", camera), ("other", map([]))]));
    let seen = lens.get(&sample).unwrap();
    assert_eq!(seen, DictSample::from_iter([("fov", Value::from(60i64)), ("v", Value::Nil)]));
    assert_eq!(lens.put(&seen, &sample).unwrap(), sample, "in the same order");
    let changed = DictSample::from_iter([("fov", Value::Nil), ("v", 3i64.into())]);
    let camera = map([("a", 1i64.into()), ("z", 2i64.into()), ("v1.2", 3i64.into())]);
    assert_eq!(
        lens.put(&changed, &sample).unwrap(),
        one("meta", map([("camera", camera), ("other", map([]))]))
    );
    assert_eq!(lens.laws(), Laws::WellBehaved);

    let entries = proptest::collection::btree_map("fov|v1\\.2|x", any::<i64>(), 0..3);
    let sources = proptest::option::of(entries).prop_map(|camera| {
        let as_map = |entries: BTreeMap<String, i64>| Value::Map(entries.into_iter().collect());
        one("meta", camera.map_or(map([]), |camera| map([("camera", as_map(camera))])))
    });
    let views =
        any::<[Option<i64>; 2]>().prop_map(|v| ["fov", "v"].into_iter().zip(v).collect::<DictSample>());
    assert_lawful(&lens, sources, views);

    // The other entries are not seen, and maps whose values may be nil are not taken apart.
    let both = schema(
        "V",
        [Field::new("fov", INT).optional(), Field::new("meta", FieldType::map(FieldType::map(INT)))],
    );
    let rename = || DataLens::new("test", "S", "V").rename("meta.camera.fov", "fov");
    assert_eq!(refused(rename().lens(&source, &both)).0, "meta");
    let nullable = of("meta", FieldType::map(FieldType::nullable(INT)));
    let (field, step) = refused(DataLens::new("test", "S", "V").rename("meta.x", "x").lens(&nullable, &both));
    assert_eq!((field.as_str(), step.as_deref()), ("meta.x", Some("1, rename")));
    assert_eq!(refused(DataLens::new("test", "S", "V").drop(["meta.x"]).lens(&source, &both)).0, "meta.x");
}

#[test]
fn a_default_stands_for_nil_and_becomes_nil_again() {
    let source = schema("S", [Field::new("a", Primitive::Str).optional()]);
    let lens = lens().with_default("a", "?").lens(&source, &of("a", Primitive::Str)).unwrap();
    let nil = one("a", Value::Nil);
    assert_eq!(lens.get(&nil).unwrap(), one("a", "?"));
    assert_eq!(lens.put(&one("a", "?"), &nil).unwrap(), nil);
    assert_eq!(lens.put(&one("a", "?"), &one("a", "x")).unwrap(), one("a", "?"));
    assert_eq!(lens.put(&one("a", "x"), &nil).unwrap(), one("a", "x"));
    assert_eq!(lens.laws(), Laws::WellBehaved);
    let sources = proptest::option::of("[?x]").prop_map(|text| one("a", text));
    assert_lawful(&lens, sources.clone(), "[?x]".prop_map(|text| one("a", text)));
    // It does not promise PutPut, and rightly so.
    let all = lens.clone().with_laws(Laws::VeryWellBehaved);
    let views = "[?x]".prop_map(|text| one("a", text));
    let broken = atdata_testkit::lens_laws::check(&all, sources, views).unwrap_err();
    assert_eq!(broken.law(), atdata_testkit::lens_laws::Law::PutPut);
    // What is missing is nil.
    assert_eq!(lens.get(&DictSample::new()).unwrap(), one("a", "?"));
}

#[test]
fn defaults_that_make_no_sense_are_refused() {
    let optional = schema("S", [Field::new("a", INT).optional()]);
    let view = of("a", INT);
    for (data, source) in [
        (lens().with_default("a", 1i64), &view),
        (lens().with_default("a", "text"), &optional),
        (lens().with_default("a", Value::Nil), &optional),
        (lens().with_default("b", 1i64), &optional),
    ] {
        assert_eq!(refused(data.lens(source, &view)).1.as_deref(), Some("1, default"), "{data:?}");
    }
    assert_eq!(refused(lens().lens(&optional, &view)), ("a".to_owned(), None));
}

#[test]
fn a_constant_is_there_and_stays() {
    let view =
        schema("V", [Field::new("a", INT), Field::new("k", Primitive::Str), Field::new("o", INT).optional()]);
    let lens = lens().constant("k", "K").constant("o", Value::Nil).lens(&of("a", INT), &view).unwrap();
    let seen =
        |a: i64, k: &str| DictSample::from_iter([("a", Value::from(a)), ("k", k.into()), ("o", Value::Nil)]);
    assert_eq!(lens.get(&one("a", 1i64)).unwrap(), seen(1, "K"));
    assert_eq!(lens.put(&seen(2, "K"), &one("a", 1i64)).unwrap(), one("a", 2i64));
    assert_eq!(refused(lens.put(&seen(2, "L"), &one("a", 1i64))).0, "k");
    assert_eq!(lens.laws(), Laws::VeryWellBehaved);
    let views = (any::<i64>(), "K|L").prop_map(move |(a, k)| seen(a, &k));
    assert_lawful(&lens, any::<i64>().prop_map(|a| one("a", a)), views);
}

#[test]
fn a_copy_must_stay_equal() {
    let view = schema("V", [Field::new("a", INT), Field::new("b", Primitive::Str)]);
    let data = lens().copy("a", "b").cast("b", Primitive::Str);
    let lens = data.lens(&of("a", INT), &view).unwrap();
    let seen = |a: i64, b: &str| DictSample::from_iter([("a", Value::from(a)), ("b", b.into())]);
    assert_eq!(lens.get(&one("a", 7i64)).unwrap(), seen(7, "7"));
    assert_eq!(lens.put(&seen(8, "8"), &one("a", 7i64)).unwrap(), one("a", 8i64));
    assert_eq!(refused(lens.put(&seen(8, "7"), &one("a", 7i64))).0, "b");
    let views = (0i64..3, 0i64..3).prop_map(move |(a, b)| seen(a, &b.to_string()));
    assert_lawful(&lens, (0i64..3).prop_map(|a| one("a", a)), views);
    // What is seen as a whole and in part could not be compared.
    let both = schema(
        "V",
        [
            Field::new("meta", nested().fields[0].field_type.clone()),
            Field::new("n", INT),
            Field::new("rate", Primitive::Float),
        ],
    );
    let overlap = DataLens::new("test", "S", "V").copy("meta", "m").rename("m.rate", "rate").drop(["m"]);
    assert_eq!(refused(overlap.lens(&nested(), &both)).0, "meta.rate");
}

/// Values of one type that a cast takes, and what they become; and values that it refuses.
fn check_cast(
    from: impl Into<FieldType>,
    to: impl Into<FieldType>,
    pairs: Vec<(Value, Value)>,
    refuses: Vec<Value>,
    refuses_back: Vec<Value>,
) {
    let (from, to) = (from.into(), to.into());
    let lens = casting(from.clone(), to.clone()).unwrap();
    let back = casting(to.clone(), from.clone()).unwrap();
    assert_eq!(lens.laws(), Laws::VeryWellBehaved);
    let a = |value: &Value| one("a", value.clone());
    for (value, cast) in &pairs {
        assert_eq!(lens.get(&a(value)).unwrap(), a(cast), "{from} to {to}");
        assert_eq!(back.get(&a(cast)).unwrap(), a(value), "{to} to {from}");
        for (old, _) in &pairs {
            assert_eq!(lens.put(&a(cast), &a(old)).unwrap(), a(value), "{to} back to {from}");
        }
    }
    for value in refuses {
        assert_eq!(refused(lens.get(&a(&value))).0, "a", "{from} to {to}: {value}");
        assert_eq!(refused(back.put(&a(&value), &a(&pairs[0].1))).0, "a", "{value}");
    }
    for value in refuses_back {
        assert_eq!(refused(back.get(&a(&value))).0, "a", "{to} to {from}: {value}");
        assert_eq!(refused(lens.put(&a(&value), &a(&pairs[0].0))).0, "a", "{value}");
    }
    let (sources, views) =
        (pairs.iter().map(|it| a(&it.0)).collect(), pairs.iter().map(|it| a(&it.1)).collect());
    let pick = |from: Vec<DictSample>| proptest::sample::select(from);
    assert_lawful(&lens, pick(sources), pick(views));
}

#[test]
fn casts_of_scalars_are_exact_or_refused() {
    let int = |n: i64| Value::from(n);
    check_cast(
        INT,
        Primitive::Float,
        vec![
            (int(0), 0.0.into()),
            (int(-7), Value::from(-7.0)),
            (int(1 << 53), 9_007_199_254_740_992.0.into()),
            (int(i64::MIN), Value::from(-9_223_372_036_854_775_808.0)),
            (Value::UInt(1 << 63), 9_223_372_036_854_775_808.0.into()),
        ],
        vec![int((1 << 53) + 1), int(i64::MAX), Value::UInt(u64::MAX)],
        vec![0.5, -0.0, f64::NAN, f64::INFINITY, 1e300, 18_446_744_073_709_551_616.0]
            .into_iter()
            .map(Value::from)
            .collect(),
    );
    check_cast(
        INT,
        Primitive::Str,
        vec![
            (int(0), "0".into()),
            (int(-12), "-12".into()),
            (Value::UInt(u64::MAX), "18446744073709551615".into()),
        ],
        vec![],
        vec!["", "+1", "01", " 1", "1 ", "-0", "1.0", "a", "18446744073709551616", "-9223372036854775809"]
            .into_iter()
            .map(Value::from)
            .collect(),
    );
    check_cast(
        Primitive::Bool,
        INT,
        vec![(true.into(), int(1)), (false.into(), int(0))],
        vec![],
        vec![int(2), int(-1), Value::UInt(u64::MAX)],
    );
}

#[test]
fn an_integer_in_the_place_of_a_float_stays_one() {
    let lens = casting(Primitive::Float, INT).unwrap();
    assert_eq!(lens.get(&one("a", 3i64)).unwrap(), one("a", 3i64));
    assert_eq!(lens.put(&one("a", 4i64), &one("a", 3i64)).unwrap(), one("a", 4i64));
    assert_eq!(lens.put(&one("a", 4i64), &one("a", 3.0)).unwrap(), one("a", 4.0));
}

#[test]
fn casts_go_into_lists_and_maps() {
    let list = |items: &[i64]| Value::List(items.iter().map(|n| Value::from(*n)).collect());
    let texts = |items: &[&str]| Value::List(items.iter().map(|text| Value::from(*text)).collect());
    check_cast(
        FieldType::list(INT),
        FieldType::list(Primitive::Str),
        vec![(list(&[]), texts(&[])), (list(&[1, -2]), texts(&["1", "-2"])), (list(&[3]), texts(&["3"]))],
        vec![],
        vec![texts(&["1", "x"])],
    );
    check_cast(
        FieldType::map(FieldType::nullable(INT)),
        FieldType::map(FieldType::nullable(Primitive::Float)),
        vec![(map([("a", 1i64.into()), ("b", Value::Nil)]), map([("a", 1.0.into()), ("b", Value::Nil)]))],
        vec![map([("a", i64::MAX.into())])],
        vec![map([("a", 0.5.into())])],
    );
    // Nil stays nil.
    let optional = |field_type: Primitive| schema("S", [Field::new("a", field_type).optional()]);
    let lens = lens().cast("a", Primitive::Str).lens(&optional(INT), &optional(Primitive::Str)).unwrap();
    assert_eq!(lens.get(&one("a", Value::Nil)).unwrap(), one("a", Value::Nil));
    assert_eq!(lens.put(&one("a", Value::Nil), &one("a", 1i64)).unwrap(), one("a", Value::Nil));
}

#[test]
fn arrays_are_cast_element_by_element() {
    let array = |array: NdArray| Value::Array(array);
    let ints = |v: &[i32]| array(NdArray::from_vec(&[v.len()], v.to_vec()).unwrap());
    let floats = |v: &[f32]| array(NdArray::from_vec(&[v.len()], v.to_vec()).unwrap());
    check_cast(
        FieldType::ndarray("int32"),
        FieldType::ndarray("float32"),
        vec![
            (ints(&[]), floats(&[])),
            (ints(&[1, -5, 1 << 24]), floats(&[1.0, -5.0, 16_777_216.0])),
            (ints(&[7]), floats(&[7.0])),
        ],
        vec![ints(&[1, (1 << 24) + 1])],
        vec![floats(&[1.0, 0.5]), floats(&[f32::NAN]), floats(&[-0.0]), floats(&[3e9])],
    );
    let error = casting(FieldType::ndarray("int32"), FieldType::ndarray("int8")).unwrap();
    let error = error.get(&one("a", ints(&[1, 2, 300]))).unwrap_err();
    assert_eq!((error.context_value("field"), error.context_value("index")), (Some("a"), Some("2")));
}

#[test]
fn what_an_array_says_itself_counts_and_not_what_the_schema_says() {
    // Python 0.2 writes `int8` for `uint8`.
    let lens = casting(FieldType::ndarray("int8"), FieldType::ndarray("uint8")).unwrap();
    let bytes = one("a", NdArray::from_vec(&[2], vec![200u8, 1]).unwrap());
    assert_eq!(lens.get(&bytes).unwrap(), bytes);
    assert_eq!(lens.put(&bytes, &bytes).unwrap(), bytes);
    // Stored bytes are arrays where the schema says so.
    let mut stored = Vec::new();
    atdata_core::array::encode(bytes.get("a").unwrap().as_array().unwrap(), Default::default(), &mut stored)
        .unwrap();
    assert_eq!(lens.get(&one("a", Value::Bytes(stored.into()))).unwrap(), bytes);
    // A view is what it says.
    let wide = one("a", NdArray::from_vec(&[1], vec![1u16]).unwrap());
    assert_eq!(refused(lens.put(&wide, &bytes)).0, "a");
}

#[test]
fn casts_that_there_are_not_are_refused_when_the_lens_is_made() {
    let ndarray = FieldType::ndarray;
    for (from, to) in [
        (FieldType::from(Primitive::Str), FieldType::from(Primitive::Float)),
        (Primitive::Bytes.into(), Primitive::Str.into()),
        (INT.into(), INT.into()),
        (ndarray("float32"), INT.into()),
        (ndarray("float32"), ndarray("complex64")),
        (ndarray("float32"), ndarray("float31")),
        (FieldType::list(INT), FieldType::map(INT)),
        (FieldType::Any, INT.into()),
    ] {
        let result = casting(from.clone(), to.clone());
        let error = result.unwrap_err();
        assert_eq!(error.context_value("field"), Some("a"), "{from} to {to}: {error}");
        assert_eq!(error.context_value("step"), Some("1, cast"), "{from} to {to}");
    }
}

#[test]
fn what_does_not_fit_the_schemas_names_step_and_field() {
    let source = schema("S", [Field::new("a", INT), Field::new("b", INT)]);
    let view = schema("V", [Field::new("a", INT)]);
    let steps = |data: DataLens| refused(data.lens(&source, &view));
    let at = |field: &str, step: Option<&str>| (field.to_owned(), step.map(str::to_owned));
    assert_eq!(steps(lens().drop(["b"]).rename("b", "c")), at("b", Some("2, rename")));
    assert_eq!(steps(lens().rename("a", "b")), at("b", Some("1, rename")));
    assert_eq!(steps(lens().keep(["a", "c"])), at("c", Some("1, keep")));
    assert_eq!(steps(lens().drop(["a.b"])), at("a.b", Some("1, drop")));
    assert_eq!(steps(lens().cast("c", INT)), at("c", Some("1, cast")));
    assert_eq!(steps(lens().constant("a", 1i64)), at("a", Some("1, constant")));
    assert_eq!(steps(lens().constant("c", 1i64).cast("c", Primitive::Str)), at("c", Some("2, cast")));
    assert_eq!(steps(lens()), at("b", None));
    assert_eq!(steps(lens().drop(["a", "b"])), at("a", None));
    assert_eq!(steps(lens().drop(["b"]).cast("a", Primitive::Float)), at("a", None));
    assert_eq!(steps(lens().drop(["a", "b"]).constant("a", "x")), at("a", None));
}

#[test]
fn arrays_of_other_dtypes_and_shapes_do_not_come_out_right() {
    let array = |dtype: Option<&str>, shape: Option<Vec<Option<u64>>>| {
        let dtype = dtype.map(str::to_owned);
        of("a", ArrayType { dtype, shape, dimension_names: None })
    };
    let image = array(Some("uint8"), Some(vec![None, Some(28)]));
    for (view, fits) in [
        (image.clone(), true),
        (array(None, None), true),
        (array(Some("uint8"), Some(vec![Some(3), None])), true),
        (array(Some("float32"), None), false),
        (array(Some("uint8"), Some(vec![None])), false),
        (array(Some("uint8"), Some(vec![None, Some(29)])), false),
    ] {
        assert_eq!(lens().lens(&image, &view).is_ok(), fits, "{view}");
    }
}

#[test]
fn samples_that_are_not_what_the_schema_says_are_refused() {
    let source =
        schema("S", [Field::new("a", INT), Field::new("b", INT).with_default(5i64), Field::new("raw", INT)]);
    let view = schema("V", [Field::new("a", INT), Field::new("b", INT)]);
    let lens = lens().drop(["raw"]).lens(&source, &view).unwrap();
    assert_eq!(refused(lens.get(&DictSample::new())).0, "a");
    assert_eq!(refused(lens.get(&one("a", "x"))).0, "a");
    assert_eq!(refused(lens.get(&one("a", Value::Nil))).0, "a");
    // What the view does not need is not looked at; defaults of the schema are filled in.
    let seen = DictSample::from_iter([("a", 1i64), ("b", 5)]);
    assert_eq!(lens.get(&one("a", 1i64)).unwrap(), seen);
    // What is put back is whole, and what nobody knows stays.
    let mut sample = DictSample::from_iter([("odd", 9i64), ("a", 2), ("raw", 3)]);
    let put = lens.put(&seen, &sample).unwrap();
    sample.insert("a", 1i64);
    sample.insert("b", 5i64);
    assert_eq!(put, sample);
    assert_eq!(refused(lens.put(&seen, &one("a", 1i64))).0, "raw");
    for view in [one("a", 1.5), one("b", 1i64), one("a", Value::Nil)] {
        assert_eq!(refused(lens.put(&view, &sample)).0, "a", "{view:?}");
    }
    assert_eq!(refused(lens.put(&DictSample::from_iter([("a", 1i64), ("b", 1), ("c", 1)]), &sample)).0, "c");
}

#[derive(Clone, Debug, PartialEq, Packable)]
struct Reading {
    station: String,
    grid: NdArray,
    note: Option<String>,
    count: i64,
}

#[derive(Clone, Debug, PartialEq, Packable)]
struct Summary {
    place: String,
    grid: NdArray,
    note: String,
    count: f64,
}

#[test]
fn typed_samples_are_seen_through_data_lenses() {
    let data = lens().rename("station", "place").with_default("note", "").cast("count", Primitive::Float);
    let typed = data.typed::<Reading, Summary>().unwrap();
    let grid = NdArray::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
    let reading = Reading { station: "S".into(), grid: grid.clone(), note: None, count: 3 };
    let summary = typed.get(&reading).unwrap();
    assert_eq!(summary, Summary { place: "S".into(), grid: grid.clone(), note: String::new(), count: 3.0 });
    assert_eq!(typed.put(&summary, &reading).unwrap(), reading);
    let moved = Summary { place: "T".into(), note: "n".into(), ..summary };
    let expected = Reading { station: "T".into(), note: Some("n".into()), ..reading.clone() };
    assert_eq!(typed.put(&moved, &reading).unwrap(), expected);
    let readings = (".{0,5}", proptest::option::of("[a-c]{0,2}"), -99i64..99)
        .prop_map(move |(station, note, count)| Reading { station, grid: grid.clone(), note, count });
    let views = readings.clone().prop_map({
        let typed = typed.clone();
        move |reading| typed.get(&reading).unwrap()
    });
    assert_lawful(&typed, readings, views);
    assert_eq!(refused(lens().typed::<Reading, Summary>()).0, "place");
}

#[test]
fn the_json_form_is_read_back_and_its_mistakes_are_named() {
    let data = lens()
        .with_version("1.2.0")
        .with_description("everything")
        .rename(["meta", "v1.2"], "x.y")
        .copy("a", "b")
        .keep(["a", "b"])
        .drop(["b"])
        .with_default("a", vec![Value::from(0.5), Value::Bytes(vec![0u8, 255].into())])
        .cast("a", FieldType::list(FieldType::ndarray("float32")))
        .constant("k", Map::from_iter([("z", 1i64), ("a", 2)]));
    let json = data.to_json_value().unwrap();
    assert_eq!(DataLens::from_json_value(&json).unwrap(), data);
    assert_eq!(DataLens::from_json(&json.to_string()).unwrap(), data);

    let step = |step: &str| {
        let text = format!(
            r#"{{"name": "n", "source_schema": "A", "view_schema": "B", "steps": [{{"step": "drop", "fields": []}}, {step}]}}"#
        );
        DataLens::from_json(&text).unwrap_err()
    };
    let deep =
        format!(r#"{{"step": "constant", "field": "a", "value": {}{}}}"#, "[".repeat(100), "]".repeat(100));
    let long = format!(r#"{{"step": "drop", "fields": ["{}"]}}"#, ["a"; 40].join("."));
    for (text, kind) in [
        ("7", ErrorKind::Invalid),
        (r#"{"from": "a", "to": "b"}"#, ErrorKind::Invalid),
        (r#"{"step": "rename", "from": "a"}"#, ErrorKind::Invalid),
        (r#"{"step": "rename", "from": "a", "to": 7}"#, ErrorKind::Invalid),
        (r#"{"step": "rename", "from": "a", "to": ""}"#, ErrorKind::Invalid),
        (r#"{"step": "rename", "from": "a", "to": "b..c"}"#, ErrorKind::Invalid),
        (r#"{"step": "rename", "from": "a", "to": "b", "too": "c"}"#, ErrorKind::Invalid),
        (r#"{"step": "keep", "fields": "a"}"#, ErrorKind::Invalid),
        (r#"{"step": "default", "field": "a"}"#, ErrorKind::Invalid),
        (r#"{"step": "cast", "field": "a", "to": "whatever"}"#, ErrorKind::Invalid),
        (r#"{"step": "cast", "field": "a", "to": {}}"#, ErrorKind::Invalid),
        (r#"{"step": "explode", "field": "a"}"#, ErrorKind::Unsupported),
        (&deep, ErrorKind::Invalid),
        (&long, ErrorKind::Invalid),
    ] {
        let error = step(text);
        assert_eq!((error.kind(), error.context_value("step")), (kind, Some("2")), "{text}: {error}");
    }
    let whole = |text: &str| DataLens::from_json(text).unwrap_err();
    let is = |error: &Error, kind| assert_eq!(error.kind(), kind, "{error}");
    is(
        &whole(r#"{"format": 2, "name": "n", "source_schema": "A", "view_schema": "B", "steps": []}"#),
        ErrorKind::Unsupported,
    );
    for text in [
        "not JSON",
        "[]",
        r#"{"source_schema": "A", "view_schema": "B", "steps": []}"#,
        r#"{"name": "a@b", "source_schema": "A", "view_schema": "B", "steps": []}"#,
        r#"{"name": "n", "source_schema": "a b", "view_schema": "B", "steps": []}"#,
        r#"{"name": "n", "version": "1 0", "source_schema": "A", "view_schema": "B", "steps": []}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B"}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B", "steps": {}}"#,
    ] {
        is(&whole(text), ErrorKind::Invalid);
    }
    is(&whole(&" ".repeat((1 << 20) + 1)), ErrorKind::Invalid);
    let many = Step::Drop(vec!["a".into()]).to_json_value().unwrap();
    let many =
        serde_json::json!({"name": "n", "source_schema": "A", "view_schema": "B", "steps": vec![many; 1001]});
    is(&DataLens::from_json_value(&many).unwrap_err(), ErrorKind::Invalid);
    // What has no JSON form is no lens.
    let nan = lens().constant("a", f64::NAN);
    is(&nan.validate().unwrap_err(), ErrorKind::Invalid);
    is(&lens().cast("a", FieldType::Any).validate().unwrap_err(), ErrorKind::Invalid);
}

#[test]
fn copies_of_copies_are_bounded() {
    let mut data = lens().copy("a", "s0.x").copy("a", "s0.y");
    for i in 0..400 {
        let (from, to) = (format!("s{i}"), format!("s{}", i + 1));
        data = data.copy(from.clone(), format!("{to}.x")).copy(from, format!("{to}.y"));
    }
    let error = data.lens(&of("a", INT), &of("a", INT)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("more than 100000 fields"), "{error}");
    let deep = (0..400)
        .fold(lens().rename("a", "s0.x"), |data, i| data.rename(format!("s{i}"), format!("s{}.x", i + 1)));
    let error = deep.lens(&of("a", INT), &of("a", INT)).unwrap_err();
    assert!(error.message().contains("64 levels"), "{error}");
    let names = (0..6000).map(|i| format!("f{i}"));
    let many = lens().drop(names.clone()).keep(names);
    assert!(many.validate().unwrap_err().message().contains("at most 10000 fields"));
}
