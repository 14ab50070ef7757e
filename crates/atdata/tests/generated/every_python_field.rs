use atdata::Packable;

/// Every schema field kind.
#[derive(Clone, Debug, Packable)]
#[packable(name = "EveryField", version = "1.2.3")]
pub struct EveryField {
    pub a_str: String,
    pub a_int: i64,
    pub a_float: f64,
    pub a_bool: bool,
    pub a_bytes: atdata::Bytes,
    pub a_arr: atdata::TypedArray<f32>,
    pub a_arr_f64: atdata::TypedArray<f64>,
    pub a_arr_u8: atdata::TypedArray<u8>,
    pub l_str: Vec<String>,
    pub l_int: Vec<i64>,
    pub l_ll: Vec<Vec<f64>>,
    pub o_str: Option<String>,
    pub o_arr: Option<atdata::TypedArray<f32>>,
    pub o_list: Option<Vec<i64>>,
}
