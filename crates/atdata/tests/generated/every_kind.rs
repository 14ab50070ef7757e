use std::collections::BTreeMap;

use atdata::Packable;

/// Every kind of field.
///
/// With "quotes" and é.
#[derive(Clone, Debug, Packable)]
#[packable(name = "EveryKind", version = "2.1.0")]
pub struct EveryKind {
    #[packable(description = "what is seen", shape = "_, 28", dims = "row, column")]
    pub image: atdata::TypedArray<u8>,
    #[packable(rename = "anyArray")]
    pub any_array: atdata::NdArray,
    #[packable(dtype = "float16")]
    pub half: atdata::NdArray,
    #[packable(default = 3)]
    pub count: i64,
    #[packable(default = None)]
    pub note: Option<String>,
    #[packable(default = vec!["a".to_owned()])]
    pub words: Vec<String>,
    pub maybes: Vec<Option<bool>>,
    pub scores: BTreeMap<String, f64>,
    pub anything: Option<atdata::Value>,
    pub place: EveryKindPlace,
    pub raw: atdata::Bytes,
    #[packable(kind = "sparse")]
    pub sparse: atdata::Bytes,
    #[packable(kind = "dataframe")]
    pub table: atdata::Bytes,
    #[packable(kind = "structured")]
    pub records: atdata::NdArray,
}

#[derive(Clone, Debug, Packable)]
pub struct EveryKindPlace {
    pub r#type: String,
    pub x: Option<f64>,
}
