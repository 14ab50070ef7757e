use atdata_derive::Packable;

#[derive(Packable)]
struct Sample {
    #[packable(default = 1.5)]
    b: i64,
    #[packable(default = reader.next_name())]
    c: i64,
}

fn main() {}
