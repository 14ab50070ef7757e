//! The Rust struct for a schema.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use crate::Value;

/// Widest content of an attribute that rustfmt leaves on one line.
const ATTRIBUTE_WIDTH: usize = 70;

/// Prints the Rust struct whose schema is `schema`, formatted as rustfmt does it.
///
/// Names that are no Rust identifiers, and fields that are not in snake case, are adapted and renamed by attribute, so that any
/// schema gives a struct that compiles; whatever a schema says ends up inside of literals and comments only. Nested
/// structs become structs of their own.
///
/// ```
/// use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema, to_rust};
///
/// let schema = SampleSchema::new("Digit")
///     .with_description("A handwritten digit.")
///     .field(Field::new("image", FieldType::ndarray("uint8")))
///     .field(Field::new("label", Primitive::Int).optional());
/// assert_eq!(
///     to_rust(&schema),
///     r#"use atdata::Packable;
///
/// /// A handwritten digit.
/// #[derive(Clone, Debug, Packable)]
/// #[packable(name = "Digit", version = "1.0.0")]
/// pub struct Digit {
///     pub image: atdata::TypedArray<u8>,
///     pub label: Option<i64>,
/// }
/// "#
/// );
/// ```
pub fn to_rust(schema: &SampleSchema) -> String {
    let mut generator = Generator::default();
    let name = generator.type_name(&schema.name);
    let mut head = vec![format!("name = {}", quoted(&schema.name))];
    // The derive takes versions of three numbers only.
    if schema.version.release().is_some() {
        head.push(format!("version = {}", quoted(&schema.version.to_string())));
    }
    generator.write_struct(&name, schema.description.as_deref(), &head, &schema.fields);
    let body = generator.structs.join("\n");
    let maps = if body.contains("BTreeMap<") { "use std::collections::BTreeMap;\n\n" } else { "" };
    format!("{maps}use atdata::Packable;\n\n{body}")
}

#[derive(Default)]
struct Generator {
    structs: Vec<String>,
    type_names: HashMap<String, u64>,
}

/// Names of types that a struct must not hide.
const TAKEN: [&str; 8] = ["BTreeMap", "Option", "Packable", "Self", "String", "Vec", "Clone", "Debug"];

impl Generator {
    fn write_struct(&mut self, name: &str, description: Option<&str>, head: &[String], fields: &[Field]) {
        // The place is taken first: nested structs come after the one that holds them.
        let place = self.structs.len();
        self.structs.push(String::new());
        let mut out = doc_comment(description);
        out.push_str("#[derive(Clone, Debug, Packable)]\n");
        out.push_str(&attribute(head, ""));
        if fields.is_empty() {
            let _ = writeln!(out, "pub struct {name} {{}}");
        } else {
            let _ = writeln!(out, "pub struct {name} {{");
            let mut names = HashMap::new();
            for field in fields {
                self.write_field(&mut out, name, field, &mut names);
            }
            out.push_str("}\n");
        }
        if let Some(text) = self.structs.get_mut(place) {
            *text = out;
        }
    }

    fn write_field(
        &mut self,
        out: &mut String,
        parent: &str,
        field: &Field,
        names: &mut HashMap<String, u64>,
    ) {
        let name = unique(snake_case(&field.name), names);
        let mut attributes = Vec::new();
        if name.trim_start_matches("r#") != field.name {
            attributes.push(format!("rename = {}", quoted(&field.name)));
        }
        if let Some(description) = &field.description {
            attributes.push(format!("description = {}", quoted(description)));
        }
        let (inner, optional) = match &field.field_type {
            FieldType::Nullable(inner) => (&**inner, true),
            other => (other, field.optional),
        };
        type_attributes(inner, &mut attributes);
        if let Some(default) = &field.default {
            match literal(default, inner, optional) {
                Some(literal) => attributes.push(format!("default = {literal}")),
                None => {
                    let shown = one_line(&default.to_string());
                    let _ = writeln!(out, "    // The schema's default, {shown}, cannot be written here.");
                }
            }
        }
        if let FieldType::Ref(target) = inner {
            let _ = writeln!(out, "    // A value of the schema {}.", one_line(target));
        }
        out.push_str(&attribute(&attributes, "    "));
        let rust = self.rust_type(inner, &format!("{parent}{}", camel_case(&field.name)));
        let rust = if optional { format!("Option<{rust}>") } else { rust };
        let _ = writeln!(out, "    pub {name}: {rust},");
    }

    /// The type's name; `path` names the struct that a nested one becomes.
    fn rust_type(&mut self, field_type: &FieldType, path: &str) -> String {
        match field_type {
            FieldType::Primitive(Primitive::Str) => "String".into(),
            FieldType::Primitive(Primitive::Int) => "i64".into(),
            FieldType::Primitive(Primitive::Float) => "f64".into(),
            FieldType::Primitive(Primitive::Bool) => "bool".into(),
            FieldType::Primitive(Primitive::Bytes)
            | FieldType::Sparse
            | FieldType::ArrowTensor
            | FieldType::Safetensors
            | FieldType::DataFrame => "atdata::Bytes".into(),
            FieldType::NdArray(array) => match element(array) {
                Some(element) => format!("atdata::TypedArray<{element}>"),
                None => "atdata::NdArray".into(),
            },
            FieldType::Structured(_) => "atdata::NdArray".into(),
            FieldType::Array(inner) => format!("Vec<{}>", self.rust_type(inner, path)),
            FieldType::Map(inner) => format!("BTreeMap<String, {}>", self.rust_type(inner, path)),
            FieldType::Nullable(inner) => format!("Option<{}>", self.rust_type(inner, path)),
            FieldType::Object(fields) => {
                let name = self.type_name(path);
                self.write_struct(&name, None, &[], fields);
                name
            }
            FieldType::Any | FieldType::Ref(_) => "atdata::Value".into(),
        }
    }

    fn type_name(&mut self, name: &str) -> String {
        let name = camel_case(name);
        let name = if TAKEN.contains(&name.as_str()) { format!("{name}Sample") } else { name };
        unique(name, &mut self.type_names)
    }
}

/// The Rust type of an array's elements, where `TypedArray` has one.
fn element(array: &ArrayType) -> Option<&'static str> {
    Some(match array.dtype.as_deref()? {
        "bool" => "bool",
        "int8" => "i8",
        "int16" => "i16",
        "int32" => "i32",
        "int64" => "i64",
        "uint8" => "u8",
        "uint16" => "u16",
        "uint32" => "u32",
        "uint64" => "u64",
        "float32" => "f32",
        "float64" => "f64",
        _ => return None,
    })
}

/// Dtypes that the derive knows, but for which the facade has no element type at hand.
const DTYPES_WITHOUT_TYPE: [&str; 3] = ["float16", "complex64", "complex128"];

/// What the Rust type does not say by itself.
fn type_attributes(field_type: &FieldType, attributes: &mut Vec<String>) {
    let kind = match field_type {
        FieldType::Structured(_) => "structured",
        FieldType::Sparse => "sparse",
        FieldType::ArrowTensor => "arrow_tensor",
        FieldType::Safetensors => "safetensors",
        FieldType::DataFrame => "dataframe",
        _ => "",
    };
    if !kind.is_empty() {
        attributes.push(format!("kind = {}", quoted(kind)));
    }
    let (FieldType::NdArray(array) | FieldType::Structured(array)) = field_type else { return };
    let typed = matches!(field_type, FieldType::NdArray(_)) && element(array).is_some();
    let structured = matches!(field_type, FieldType::Structured(_));
    let said = |dtype: &&String| !typed && (structured || DTYPES_WITHOUT_TYPE.contains(&dtype.as_str()));
    if let Some(dtype) = array.dtype.as_ref().filter(said) {
        attributes.push(format!("dtype = {}", quoted(dtype)));
    }
    if let Some(shape) = &array.shape {
        let lengths: Vec<_> =
            shape.iter().map(|length| length.map_or("_".to_owned(), |length| length.to_string())).collect();
        attributes.push(format!("shape = {}", quoted(&lengths.join(", "))));
    }
    if let Some(names) = &array.dimension_names {
        attributes.push(format!("dims = {}", quoted(&names.join(", "))));
    }
}

/// An expression for a default of a type, if there is a plain one.
fn literal(value: &Value, field_type: &FieldType, optional: bool) -> Option<String> {
    if optional {
        return match value {
            Value::Nil => Some("None".into()),
            value => literal(value, field_type, false).map(|literal| format!("Some({literal})")),
        };
    }
    Some(match (value, field_type) {
        (Value::Bool(v), FieldType::Primitive(Primitive::Bool)) => v.to_string(),
        (Value::Int(v), FieldType::Primitive(Primitive::Int)) => v.to_string(),
        #[allow(clippy::cast_precision_loss)]
        (Value::Int(v), FieldType::Primitive(Primitive::Float)) => format!("{:?}", *v as f64),
        (Value::Float(v), FieldType::Primitive(Primitive::Float)) if v.is_finite() => format!("{v:?}"),
        (Value::Str(v), FieldType::Primitive(Primitive::Str)) => format!("{}.to_owned()", quoted(v)),
        (Value::List(items), FieldType::Array(inner)) => {
            let (inner, optional) = match &**inner {
                FieldType::Nullable(inner) => (&**inner, true),
                inner => (inner, false),
            };
            let items: Vec<_> =
                items.iter().map(|item| literal(item, inner, optional)).collect::<Option<_>>()?;
            format!("vec![{}]", items.join(", "))
        }
        (Value::Map(map), FieldType::Map(_)) if map.is_empty() => "BTreeMap::new()".into(),
        _ => return None,
    })
}

fn attribute(items: &[String], indent: &str) -> String {
    let inline = items.join(", ");
    if items.is_empty() {
        String::new()
    } else if inline.chars().count() <= ATTRIBUTE_WIDTH {
        format!("{indent}#[packable({inline})]\n")
    } else {
        let separator = format!(",\n{indent}    ");
        format!("{indent}#[packable(\n{indent}    {}\n{indent})]\n", items.join(&separator))
    }
}

fn doc_comment(description: Option<&str>) -> String {
    let lines = description.unwrap_or_default().trim().lines();
    lines
        .map(|line| {
            let line = one_line(line);
            if line.is_empty() { "///\n".to_owned() } else { format!("/// {line}\n") }
        })
        .collect()
}

/// Text without what would end a comment or change its direction.
fn one_line(text: &str) -> String {
    let direction =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean: String = text
        .chars()
        .filter(|c| !direction(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    clean.trim_end().to_owned()
}

/// A string literal. `Debug` escapes everything that would end it or does not print.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Makes a name unique by a number at its end; `names` holds for each name the number to try next.
fn unique(name: String, names: &mut HashMap<String, u64>) -> String {
    let mut candidate = name.clone();
    while names.contains_key(&candidate) {
        let number = names.entry(name.clone()).or_insert(2);
        candidate = format!("{}_{number}", name.trim_start_matches("r#"));
        *number += 1;
    }
    names.insert(candidate.clone(), 2);
    candidate
}

/// The words of a name: at `_`, other separators, and where lower case meets upper case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last_lower = false;
    let mut open = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            open = false;
            continue;
        }
        if !open || (last_lower && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        open = true;
        last_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words
}

/// A field name in snake case: as it is if it is so already, a raw identifier if it is a keyword.
fn snake_case(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let snake = if plain { name.to_owned() } else { words(name).join("_").to_ascii_lowercase() };
    let snake = match snake.chars().find(|c| *c != '_') {
        None => "field".to_owned(),
        Some(_) if snake.starts_with(|c: char| c.is_ascii_digit()) => format!("_{snake}"),
        Some(_) => snake,
    };
    match snake.as_str() {
        "self" | "super" | "crate" => format!("{snake}_"),
        keyword if KEYWORDS.split(' ').any(|known| known == keyword) => format!("r#{keyword}"),
        _ => snake,
    }
}

fn camel_case(name: &str) -> String {
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    let mut camel = String::new();
    for word in words(last) {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    if camel.starts_with(|c: char| c.is_ascii_digit()) || camel.is_empty() {
        format!("Sample{camel}")
    } else {
        camel
    }
}

/// Words that are reserved in the current edition and can be raw identifiers.
const KEYWORDS: &str = "abstract as async await become box break const continue do dyn else enum extern false final \
    fn for gen if impl in let loop macro match mod move mut override priv pub ref return static struct trait true try \
    type typeof unsafe unsized use virtual where while yield";
