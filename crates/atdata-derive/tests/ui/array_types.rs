use atdata_core::TypedArray;
use atdata_derive::Packable;
use ndarray::Array2;

#[derive(Packable)]
struct NoArray {
    #[packable(shape = "28, 28")]
    image: Vec<u8>,
}

#[derive(Packable)]
struct DtypeIsStated {
    #[packable(dtype = "float64")]
    image: TypedArray<f32>,
}

#[derive(Packable)]
struct OtherRank {
    #[packable(shape = "28, 28, 3", dims = "y, x, channel")]
    image: Array2<u8>,
}

#[derive(Packable)]
struct NoBytes {
    #[packable(kind = "dataframe")]
    table: String,
}

#[derive(Packable)]
struct NotStructured {
    #[packable(kind = "structured")]
    table: TypedArray<f32>,
}

fn main() {}
