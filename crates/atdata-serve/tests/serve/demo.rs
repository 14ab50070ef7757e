//! Datasets to be looked at.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::shard_index::{BuildOptions, ShardIndex};
use atdata_core::source::ShardOpener;
use atdata_core::{DictSample, IndexEntry, Map, NdArray, NewDataset, Result, ShardBody, Value};
use atdata_serve::StatisticsProvider;
use atdata_testkit::data;
use bytes::Bytes;
use serde_json::json;

use crate::images::disk;
use crate::setting::Setting;

/// A dataset of pictures, arrays, texts and numbers, with everything that the page can show.
pub(crate) async fn weather(setting: &Setting) {
    let places = ["Porto", "Turku", "Aarhus", "Graz", "Gdańsk", "Ghent"];
    let samples: Vec<DictSample> = (0..240u32)
        .map(|n| {
            let t = f64::from(n);
            let field: Vec<f32> = (0..32 * 48)
                .map(|i| {
                    let (y, x) = (f64::from(i / 48), f64::from(i % 48));
                    let bump = |cx: f64, cy: f64, w: f64| (-((x - cx).powi(2) + (y - cy).powi(2)) / w).exp();
                    (14.0 + 9.0 * bump(24.0 + 16.0 * (t * 0.7).sin(), 16.0 + 9.0 * (t * 0.4).cos(), 90.0)
                        - 6.0 * bump(24.0 - 14.0 * (t * 0.3).cos(), 18.0, 50.0)) as f32
                })
                .collect();
            let wind: Vec<f32> = (0..96)
                .map(|i| {
                    let i = f64::from(i);
                    (6.0 + 3.0 * (i / 9.0 + t).sin() + 1.5 * (i / 2.3 + 2.0 * t).cos()) as f32
                })
                .collect();
            let place = places[n as usize % places.len()];
            DictSample::from_iter([
                ("sky", Value::Bytes(disk(64, n))),
                ("temperature", Value::Array(NdArray::from_vec(&[32, 48], field).unwrap())),
                ("wind", Value::Array(NdArray::from_vec(&[96], wind).unwrap())),
                ("place", Value::from(place)),
                ("note", Value::from(format!("Observed at {place}, {:02}:00: a ball in the sky", n % 24))),
                ("humidity", Value::from(f64::from((n * 37) % 100) / 100.0)),
            ])
        })
        .collect();
    let schema = SampleSchema::new("Observation")
        .with_description("What one station saw in one hour")
        .field(Field::new("sky", Primitive::Bytes).with_description("a picture, PNG"))
        .field(Field::new("temperature", FieldType::ndarray("float32")).with_description("°C on a grid"))
        .field(Field::new("wind", FieldType::ndarray("float32")).with_description("m/s, every 15 minutes"))
        .field(Field::new("place", Primitive::Str))
        .field(Field::new("note", Primitive::Str).optional())
        .field(Field::new("humidity", Primitive::Float).with_description("0 to 1"));
    let mut urls = Vec::new();
    for (i, part) in samples.chunks(120).enumerate() {
        let url = format!("held://weather-{i:06}.tar");
        setting.shards.put(&url, data::shard(part), true).await;
        urls.push(url);
    }
    let metadata: Map = [
        ("description", Value::from("Hourly observations of six stations, with pictures of the sky")),
        ("num_samples", Value::from(240i64)),
        ("license", Value::from("CC-BY-4.0")),
    ]
    .into_iter()
    .collect();
    let new = NewDataset::new("weather/hourly", schema, urls).with_metadata(metadata).with_version("1.2.0");
    setting.insert(new).await;
}

/// Statistics of that dataset.
#[derive(Debug)]
pub(crate) struct OfWeather;

#[async_trait]
impl StatisticsProvider for OfWeather {
    async fn statistics(&self, entry: &dyn IndexEntry) -> Result<Option<serde_json::Value>> {
        if entry.name() != "weather/hourly" {
            return Ok(None);
        }
        let counts: Vec<u64> =
            (0..30).map(|i: i64| (240.0 * (-((i - 14) as f64).powi(2) / 60.0).exp()) as u64).collect();
        let edges: Vec<f64> = (0..=30).map(|i| f64::from(i) / 30.0).collect();
        Ok(Some(json!({
            "format": "atdata-statistics/1", "samples": 240, "bytes": 3_456_789,
            "fields": [
                {"name": "humidity", "type": "float", "kind": "number", "count": 240, "null": 0, "nan": 2,
                 "min": 0.0, "max": 0.99, "mean": 0.4912, "std": 0.2817,
                 "quantiles": {"0.05": 0.04, "0.5": 0.49, "0.95": 0.95},
                 "histogram": {"edges": edges, "counts": counts}, "distinct": {"estimate": 100, "exact": true}},
                {"name": "place", "type": "str", "kind": "text", "count": 240, "null": 0,
                 "distinct": {"estimate": 6, "exact": true},
                 "top": [{"value": "Porto", "count": 40}, {"value": "Turku", "count": 40},
                         {"value": "<img src=x onerror=alert(1)>", "count": 1}]},
                {"name": "temperature", "type": "ndarray<float32>", "kind": "array", "count": 240, "null": 0,
                 "min": 6.1, "max": 24.9, "mean": 14.2, "std": 3.1,
                 "shapes": [{"dtype": "<f4", "shape": [32, 48], "count": 240}]},
                {"name": "broken", "histogram": {"edges": "no", "counts": null}, "top": 3, "quantiles": null},
            ],
        })))
    }
}

/// How many samples each shard of [`Million`] has. Its index is too large to be checked when it is opened, as
/// that of a real dataset of this size.
const EACH: u64 = 25_000;
/// How many shards it has.
const SHARDS: u64 = 40;
/// What stands in the place of a sample's number.
const MARK: &[u8] = b"#########";

/// A million samples that are made when they are read: all shards have the bytes of one, but for the number.
#[derive(Debug)]
pub(crate) struct Million {
    shard: Bytes,
    index: Bytes,
    /// The length of a sample, and where the number stands in it.
    slot: u64,
    mark: u64,
}

impl Million {
    /// Registers the dataset `million`.
    pub(crate) async fn register(setting: &mut Setting) {
        let array = NdArray::from_vec(&[8, 8], (0..64).map(|i| i as f32).collect()).unwrap();
        let sample = DictSample::from_iter([
            ("number", Value::from(std::str::from_utf8(MARK).unwrap())),
            ("grid", Value::Array(array)),
            ("picture", Value::Bytes(bitmap())),
        ]);
        let shard = data::shard(&vec![sample; EACH as usize]);
        let options = BuildOptions::default().with_sha256(false);
        let index = ShardIndex::build(ShardBody::resident(shard.clone()), &options).await.unwrap();
        let slot = index.get(1).unwrap().sample.offset;
        let mark = shard.windows(MARK.len()).position(|window| window == MARK).unwrap() as u64;
        let million = Self { shard, index: index.to_bytes(), slot, mark };
        setting.registry.register("million", Arc::new(million));
        let urls = (0..SHARDS).map(|i| format!("million://{i:03}.tar")).collect();
        setting.insert(NewDataset::new("million", "Missing@1.0.0", urls)).await;
    }
}

#[async_trait]
impl ShardOpener for Million {
    async fn open(&self, _: &str) -> Result<ShardBody> {
        panic!("a shard is never read from end to end")
    }

    async fn size(&self, _: &str) -> Result<Option<u64>> {
        Ok(Some(self.shard.len() as u64))
    }

    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        let shard: u64 = url.trim_start_matches("million://").trim_end_matches(".tar").parse().unwrap();
        let mut bytes = self.shard[range.start as usize..range.end as usize].to_vec();
        for slot in range.start / self.slot..=range.end / self.slot {
            let at = slot * self.slot + self.mark;
            if at >= range.start && at + MARK.len() as u64 <= range.end {
                let place = (at - range.start) as usize;
                let number = format!("{:09}", shard * EACH + slot);
                bytes[place..place + MARK.len()].copy_from_slice(number.as_bytes());
            }
        }
        Ok(bytes.into())
    }

    async fn open_index(&self, _: &str) -> Result<Option<Bytes>> {
        Ok(Some(self.index.clone()))
    }
}

/// A picture of four pixels.
fn bitmap() -> Bytes {
    let mut bytes = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0".to_vec();
    bytes.extend_from_slice(&[0; 24]);
    bytes.extend_from_slice(&[255, 128, 0, 0, 128, 255, 0, 0, 40, 200, 40, 200, 40, 40, 0, 0]);
    bytes.into()
}
