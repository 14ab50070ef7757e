use atdata_derive::Packable;

#[derive(Packable)]
#[packable(name = "pkg.class")]
struct First {
    x: i64,
    #[packable(rename = "x")]
    y: i64,
    #[packable(rename = "no name")]
    z: i64,
    from: i64,
}

#[derive(Packable)]
struct None {
    x: i64,
}

fn main() {}
