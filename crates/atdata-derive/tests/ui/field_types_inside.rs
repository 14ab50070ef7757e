use atdata_derive::Packable;

#[derive(Packable)]
struct Sample {
    bad: Vec<Option<char>>,
}

fn main() {}
