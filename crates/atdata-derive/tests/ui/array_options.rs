use atdata_core::NdArray;
use atdata_derive::Packable;

#[derive(Packable)]
struct Sample {
    #[packable(dtype = "float", shape = "28, x", dims = "y, ")]
    a: NdArray,
    #[packable(shape = "1, 2", dims = "y")]
    b: NdArray,
    #[packable(kind = "picture")]
    c: Vec<u8>,
    #[packable(kind = "sparse", shape = "1")]
    d: Vec<u8>,
    #[packable(shape = 3)]
    e: NdArray,
}

fn main() {}
