#![doc = include_str!("../README.md")]

mod croissant;
mod statistics;

pub use croissant::{CroissantShard, Description, croissant};
pub use statistics::{
    ArrayShape, Collector, Distinct, FORMAT, FieldStatistics, Frequent, Histogram, Kind, NumberStatistics,
    Statistics, collect,
};
