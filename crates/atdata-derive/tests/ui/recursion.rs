use atdata_derive::Packable;

#[derive(Packable)]
struct Tree {
    children: Vec<Tree>,
    parent: Option<Self>,
}

fn main() {}
