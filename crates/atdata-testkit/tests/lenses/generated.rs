//! Lenses that nobody thought of: any steps that can be done, between schemas that they fit. All obey what they promise.

use atdata_core::lens::{DataLens, Laws};
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::{DictSample, Map, NdArray, Value};
use atdata_testkit::lens_laws::check_cases;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

/// Values that each law is tried with, for each lens.
const CASES: u32 = 12;

/// A field of the source, or what has become of it.
#[derive(Clone, Debug)]
struct Known {
    path: Vec<String>,
    field_type: FieldType,
    optional: bool,
    constant: bool,
}

/// Numbers from which a step is made up, whatever fields there are then.
type Dice = (u8, u16, u16, bool);

fn source() -> SampleSchema {
    let camera = vec![Field::new("fov", Primitive::Int), Field::new("on", Primitive::Bool)];
    let meta = vec![
        Field::new("camera", FieldType::Object(camera)),
        Field::new("rate", Primitive::Int).optional(),
        Field::new("tags", FieldType::list(Primitive::Int)),
    ];
    [
        Field::new("n", Primitive::Int),
        Field::new("flag", Primitive::Bool),
        Field::new("note", Primitive::Str).optional(),
        Field::new("meta", FieldType::Object(meta)),
        Field::new("image", FieldType::ndarray("uint8")),
        Field::new("maybe", FieldType::ndarray("int16")).optional(),
    ]
    .into_iter()
    .fold(SampleSchema::new("S"), SampleSchema::field)
}

fn any_value(field_type: &FieldType) -> BoxedStrategy<Value> {
    match field_type {
        FieldType::Primitive(Primitive::Int) => (-100i64..100).prop_map(Value::from).boxed(),
        FieldType::Primitive(Primitive::Bool) => any::<bool>().prop_map(Value::from).boxed(),
        FieldType::Primitive(_) => "[a-c]{0,2}".prop_map(Value::from).boxed(),
        FieldType::Array(item) => {
            proptest::collection::vec(any_value(item), 0..3).prop_map(Value::from).boxed()
        }
        FieldType::Object(fields) => any_fields(fields).prop_map(Value::from).boxed(),
        FieldType::NdArray(array) if array.dtype.as_deref() == Some("uint8") => {
            proptest::collection::vec(any::<u8>(), 0..5)
                .prop_map(|v| NdArray::from_vec(&[v.len()], v).unwrap().into())
                .boxed()
        }
        FieldType::NdArray(_) => proptest::collection::vec(any::<i16>(), 0..5)
            .prop_map(|v| NdArray::from_vec(&[v.len()], v).unwrap().into())
            .boxed(),
        other => panic!("{other}"),
    }
}

fn any_fields(fields: &[Field]) -> BoxedStrategy<Map> {
    let each: Vec<BoxedStrategy<(String, Value)>> = fields
        .iter()
        .map(|field| {
            let name = field.name.clone();
            let value = any_value(&field.field_type);
            let value = match field.optional {
                true => prop_oneof![Just(Value::Nil), value].boxed(),
                false => value,
            };
            value.prop_map(move |value| (name.clone(), value)).boxed()
        })
        .collect();
    each.prop_map(Map::from_iter).boxed()
}

fn leaves(prefix: &[String], fields: &[Field], known: &mut Vec<Known>) {
    for field in fields {
        let path: Vec<String> = prefix.iter().cloned().chain([field.name.clone()]).collect();
        match &field.field_type {
            FieldType::Object(inner) => leaves(&path, inner, known),
            other => known.push(Known {
                path,
                field_type: other.clone(),
                optional: field.optional,
                constant: false,
            }),
        }
    }
}

/// What a type is cast to, if it is.
fn cast_of(field_type: &FieldType, dice: u16) -> Option<FieldType> {
    let pick = |choices: &[FieldType]| choices.get(usize::from(dice) % choices.len()).cloned();
    match field_type {
        FieldType::Primitive(Primitive::Int) => pick(&[Primitive::Float.into(), Primitive::Str.into()]),
        FieldType::Primitive(Primitive::Bool | Primitive::Float) => Some(Primitive::Int.into()),
        FieldType::Primitive(_) => None,
        FieldType::Array(item) => cast_of(item, dice).map(FieldType::list),
        FieldType::NdArray(_) => pick(&["int16", "int64", "float32", "float64"].map(FieldType::ndarray))
            .filter(|to| to != field_type),
        _ => None,
    }
}

/// Makes steps up from dice, and says what the view has after them.
fn lens_of(dice: &[Dice]) -> (DataLens, Vec<Known>) {
    let mut known = Vec::new();
    leaves(&[], &source().fields, &mut known);
    let mut lens = DataLens::new("generated", "S@1.0.0", "V@1.0.0");
    for (i, (kind, which, extra, inside)) in dice.iter().enumerate() {
        let at = usize::from(*which) % known.len();
        let path = known[at].path.clone();
        let fresh = || match inside {
            true => vec!["made".to_owned(), format!("f{i}")],
            false => vec![format!("f{i}")],
        };
        match kind % 6 {
            0 => {
                known[at].path = fresh();
                lens = lens.rename(path, known[at].path.clone());
            }
            1 if known.len() > 3 => {
                known.remove(at);
                lens = lens.drop([path]);
            }
            2 if known.len() > 5 => {
                let left_out = usize::from(*extra) % known.len();
                known.remove(left_out);
                lens = lens.keep(known.iter().map(|it| it.path.clone()));
            }
            3 if known[at].optional && !known[at].constant => {
                let value: Value = match &known[at].field_type {
                    FieldType::Primitive(Primitive::Int) => 7i64.into(),
                    FieldType::Primitive(Primitive::Float) => 7.0.into(),
                    FieldType::Primitive(_) => "7".into(),
                    // Arrays have no JSON.
                    _ => continue,
                };
                known[at].optional = false;
                lens = lens.with_default(path, value);
            }
            4 if !known[at].constant => {
                if let Some(to) = cast_of(&known[at].field_type, *extra) {
                    // Text is an integer only where it was one.
                    known[at].field_type = to.clone();
                    lens = lens.cast(path, to);
                }
            }
            5 => {
                let field = Known {
                    path: fresh(),
                    field_type: Primitive::Int.into(),
                    optional: false,
                    constant: true,
                };
                lens = lens.constant(field.path.clone(), i64::from(*extra));
                known.push(field);
            }
            _ => {}
        }
    }
    (lens, known)
}

fn schema_of(known: &[Known]) -> SampleSchema {
    fn insert(fields: &mut Vec<Field>, path: &[String], known: &Known) {
        let [name, rest @ ..] = path else { return };
        if rest.is_empty() {
            let field = Field::new(name, known.field_type.clone());
            fields.push(if known.optional { field.optional() } else { field });
            return;
        }
        let at = fields.iter().position(|field| field.name == *name).unwrap_or_else(|| {
            fields.push(Field::new(name, FieldType::Object(Vec::new())));
            fields.len() - 1
        });
        match &mut fields[at].field_type {
            FieldType::Object(inner) => insert(inner, rest, known),
            other => panic!("{other}"),
        }
    }
    let mut schema = SampleSchema::new("V");
    known.iter().for_each(|it| insert(&mut schema.fields, &it.path, it));
    schema
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_steps_that_fit_make_a_lawful_lens(dice: [Dice; 8], count in 0usize..=8) {
        let (data, known) = lens_of(&dice[..count]);
        let (source, view) = (source(), schema_of(&known));
        let lens = data.lens(&source, &view).unwrap_or_else(|error| panic!("{data:?}\n{view}\n{error}"));
        prop_assert!(lens.laws() >= Laws::WellBehaved);

        let sources = any_fields(&source.fields).prop_map(DictSample::from);
        let seen = lens.clone();
        let views = sources.clone().prop_map(move |sample| seen.get(&sample).unwrap());
        let checked = check_cases(&lens, sources, views, CASES);
        prop_assert!(checked.is_ok(), "{data:?}\n{}", checked.unwrap_err());

        // As JSON and back it is the same lens.
        let again = DataLens::from_json(&data.to_json_value().unwrap().to_string()).unwrap();
        prop_assert_eq!(again, data);
    }
}
