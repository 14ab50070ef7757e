use atdata_derive::Packable;

#[derive(Packable)]
struct Sample {
    good: i64,
    bad: std::time::Duration,
}

fn main() {}
