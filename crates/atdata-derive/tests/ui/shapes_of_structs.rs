use atdata_derive::Packable;

#[derive(Packable)]
struct Tuple(i64, String);

#[derive(Packable)]
struct Unit;

#[derive(Packable)]
enum Choice {
    One,
    Two,
}

#[derive(Packable)]
union Either {
    int: i64,
    float: f64,
}

#[derive(Packable)]
struct Borrowed<'a> {
    text: &'a str,
}

fn main() {}
