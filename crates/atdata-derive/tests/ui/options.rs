use atdata_derive::Packable;

/// All mistakes of one struct are reported together.
#[derive(Packable)]
#[packable(title = "x", version = "1.0", version = "1.0.0", name = 3)]
struct First {
    #[packable(renamed = "x")]
    a: i64,
    #[packable(rename)]
    b: i64,
    #[packable(default = )]
    c: i64,
    #[packable]
    d: i64,
}

#[derive(Packable)]
#[packable(version = "01.0.0", crate = "not a path")]
struct Second {
    a: i64,
}

fn main() {}
