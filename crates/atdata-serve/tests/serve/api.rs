//! The interface below `/api/v1`.

use async_trait::async_trait;
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::{
    Dataset, DictSample, Error, Index, IndexEntry, Label, Map, NdArray, NewDataset, Result, Value,
};
use atdata_serve::{LensInfo, LensProvider, ServeOptions, StatisticsProvider};
use atdata_testkit::data;
use data_encoding::BASE64;
use serde_json::json;

use crate::client::{api, encoded, get, refused};
use crate::setting::Setting;

fn described(text: &str) -> Map {
    [("description", Value::from(text)), ("num_samples", Value::from(7i64))].into_iter().collect()
}

#[tokio::test]
async fn datasets_are_listed_in_pages_and_searched() {
    let setting = Setting::new();
    for i in 0..7 {
        let new = NewDataset::new(format!("set-{i}"), "Digit@1.0.0", vec!["held://x.tar".into()]);
        setting.insert(new.with_metadata(described(&format!("Äpfel {i}")))).await;
    }
    setting.insert(NewDataset::new("other", "atdata://local/schema/Birne@1.0.0", vec![])).await;
    let serving = setting.serve().await;
    let names = |page: &serde_json::Value| -> Vec<String> {
        let datasets = page["datasets"].as_array().unwrap();
        datasets.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = api(serving.address, &format!("datasets?limit=3&after={after}")).await;
        all.extend(names(&page));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(all, ["other", "set-0", "set-1", "set-2", "set-3", "set-4", "set-5", "set-6"]);
    let page = api(serving.address, "datasets?prefix=set-&search=%C3%84PFEL+3").await;
    assert_eq!(names(&page), ["set-3"]);
    assert_eq!(page["datasets"][0]["samples"], 7);
    assert_eq!((page["index"].as_str(), page["scanned"].as_u64()), (Some("memory"), Some(7)));
    assert_eq!(names(&api(serving.address, "datasets?search=birne").await), ["other"]);
    assert_eq!(names(&api(serving.address, "datasets?search=none").await), [""; 0]);
    assert_eq!(refused(serving.address, "datasets?limit=x").await, (400, "invalid".to_owned()));
    assert_eq!(refused(serving.address, "datasets?lmit=1").await, (400, "invalid".to_owned()));
    serving.end().await;
}

#[tokio::test]
async fn a_dataset_is_described() {
    let setting = Setting::new();
    let url = "held://digits.tar?token=hunter2";
    setting.shards.put(url, data::shard(&data::samples(5)), true).await;
    let schema = SampleSchema::new("Digit")
        .with_description("A digit")
        .field(Field::new("n", Primitive::Int).with_description("which one"))
        .field(Field::new("text", Primitive::Str).optional())
        .field(Field::new("raw", Primitive::Bytes));
    let new = NewDataset::new("digits", schema, vec![url.to_owned()]).with_version("1.0.0");
    setting.insert(new.with_metadata(described("all of them"))).await;
    let serving = setting.serve().await;

    let known = api(serving.address, "dataset?name=digits&access=skip").await;
    assert_eq!((&known["samples"], &known["access"]), (&json!(7), &json!(null)));
    let known = api(serving.address, "dataset?name=digits@1.0.0").await;
    assert_eq!(known["entry"]["name"], "digits");
    assert_eq!(known["entry"]["description"], "all of them");
    assert_eq!((&known["samples"], &known["access"]["kind"]), (&json!(5), &json!("index")));
    assert_eq!(known["schema"]["fields"][0]["description"], "which one");
    assert_eq!(known["schema"]["fields"][1]["optional"], true);
    assert_eq!(known["record"]["name"], "Digit");
    assert_eq!(known["shards"]["listed"][0]["url"], "held://digits.tar?token=***");
    assert_eq!(known["labels"].as_array().unwrap().len(), 2);
    assert_eq!((&known["lenses"], &known["statistics"]), (&json!([]), &json!(false)));
    assert!(!known.to_string().contains("hunter2"));

    assert_eq!(refused(serving.address, "dataset?name=none").await, (404, "not found".to_owned()));
    assert_eq!(refused(serving.address, "dataset").await, (400, "invalid".to_owned()));
    serving.end().await;
}

#[tokio::test]
async fn schemas_and_labels_are_listed() {
    let setting = Setting::new();
    for name in ["Alpha", "Beta"] {
        let schema = SampleSchema::new(name).field(Field::new("x", FieldType::ndarray("uint8")));
        setting.insert(NewDataset::new(name.to_lowercase(), schema, vec!["held://x.tar".into()])).await;
    }
    let cid = setting.index.get_dataset("alpha").await.unwrap().cid().unwrap().to_owned();
    setting
        .index
        .set_label(&Label::new("alpha", cid).with_version("gold").with_description("best"))
        .await
        .unwrap();
    let serving = setting.serve().await;
    let page = api(serving.address, "schemas?limit=1").await;
    assert_eq!((&page["schemas"][0]["name"], &page["next"]), (&json!("Alpha"), &json!(1)));
    let page = api(serving.address, "schemas?limit=5&start=1").await;
    assert_eq!(
        (&page["schemas"][0]["fields"][0]["type"], &page["next"]),
        (&json!("ndarray<uint8>"), &json!(null))
    );
    let page = api(serving.address, "labels?search=BEST").await;
    assert_eq!(page["labels"][0]["version"], "gold");
    assert_eq!(api(serving.address, "labels?prefix=beta").await["labels"].as_array().unwrap().len(), 1);
    serving.end().await;
}

#[tokio::test]
async fn samples_are_given_as_bounded_json() {
    let setting = Setting::new();
    setting.dataset("numbers", &data::samples(300), true).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=numbers&start=298&count=10").await;
    assert_eq!(page["browsable"], 300);
    let rows = page["samples"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[1]["index"], &rows[1]["key"]), (&json!(299), &json!("000000000299")));
    assert_eq!(rows[1]["fields"]["text"], "sample 299 – μ");
    assert_eq!(rows[1]["fields"]["raw"]["$bytes"]["length"], 40);
    let page = api(serving.address, "samples?name=numbers&project=n&project=text&count=1").await;
    assert_eq!(page["samples"][0]["fields"], json!({"n": 0, "text": "sample 0 – μ"}));
    let beyond = api(serving.address, "samples?name=numbers&start=18446744073709551615").await;
    assert_eq!(beyond["samples"], json!([]));
    for bad in ["count=201", "start=-1", "detail=yes", "detail=true&count=2", "lens=none"] {
        let (status, _) = refused(serving.address, &format!("samples?name=numbers&{bad}")).await;
        assert!(matches!(status, 400 | 404), "{bad}: {status}");
    }
    serving.end().await;
}

#[tokio::test]
async fn arrays_become_pictures() {
    let setting = Setting::new();
    let cube = NdArray::from_vec(&[2, 2, 2], (0..8).map(f64::from).collect()).unwrap();
    let sample = DictSample::from_iter([("x", Value::Array(cube)), ("t", Value::from("text"))]);
    setting.dataset("cubes", &[sample], true).await;
    let serving = setting.serve().await;
    let plane = api(serving.address, "array?name=cubes&index=0&field=x").await;
    assert_eq!((&plane["shape"], &plane["slice"]), (&json!([2, 2, 2]), &json!([0, null, null])));
    assert_eq!((&plane["min"], &plane["max"], &plane["dtype"]), (&json!(0.0), &json!(3.0), &json!("<f8")));
    assert_eq!(BASE64.decode(plane["pixels"].as_str().unwrap().as_bytes()).unwrap(), [1, 86, 170, 255]);
    let plane = api(serving.address, "array?name=cubes&index=0&field=x&slice=1,:,0&side=1").await;
    assert_eq!((&plane["height"], &plane["width"], &plane["max"]), (&json!(1), &json!(1), &json!(6.0)));
    for (bad, status) in [
        ("field=x&slice=5,:,:", 400),
        ("field=x&slice=:,:,:", 400),
        ("field=t", 422),
        ("field=none", 404),
        ("index=1&field=x", 404),
        ("", 400),
    ] {
        let index = if bad.contains("index") { "" } else { "index=0&" };
        let (found, _) = refused(serving.address, &format!("array?name=cubes&{index}{bad}")).await;
        assert_eq!(found, status, "{bad}");
    }
    serving.end().await;
}

#[tokio::test]
async fn media_are_shown_only_if_they_are_pictures() {
    let setting = Setting::new();
    let png = crate::images::disk(8, 3);
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let sample = DictSample::from_iter([
        ("image", Value::Bytes(png.clone())),
        ("svg", Value::from(svg)),
        ("html", Value::Bytes("<html><script>alert(1)</script>".into())),
        ("array", Value::Array(NdArray::from_vec(&[2], vec![1u8, 2]).unwrap())),
        ("number", Value::from(1i64)),
    ]);
    setting.dataset("files", &[sample], true).await;
    let serving = setting.serve().await;
    let media = async |field: &str| {
        get(serving.address, &format!("/api/v1/media?name=files&index=0&field={field}")).await
    };
    let answer = media("image").await;
    assert_eq!((answer.header("content-type"), &answer.body[..]), (Some("image/png"), &png[..]));
    for field in ["svg", "html", "array"] {
        let answer = media(field).await;
        assert_eq!(answer.status, 200, "{field}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{field}");
        assert_eq!(answer.header("content-disposition"), Some("attachment"), "{field}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{field}");
    }
    assert_eq!(media("svg").await.body, svg.as_bytes());
    assert!(media("array").await.body.starts_with(b"\x93NUMPY"));
    assert_eq!(media("number").await.status, 422);
    serving.end().await;
}

/// Has statistics of one dataset.
#[derive(Debug)]
struct OfNumbers;

#[async_trait]
impl StatisticsProvider for OfNumbers {
    async fn statistics(&self, entry: &dyn IndexEntry) -> Result<Option<serde_json::Value>> {
        match entry.name() {
            "numbers" => Ok(Some(json!({"format": "atdata-statistics/1", "samples": 3}))),
            "broken" => Err(Error::corrupt("the statistics are no JSON")),
            _ => Ok(None),
        }
    }
}

#[tokio::test]
async fn statistics_come_from_their_provider() {
    let setting = Setting::new();
    for name in ["numbers", "broken", "other"] {
        setting.dataset(name, &data::samples(3), true).await;
    }
    let serving = setting.serve_with(ServeOptions::default().with_statistics(OfNumbers)).await;
    assert_eq!(api(serving.address, "statistics?name=numbers").await["samples"], 3);
    assert_eq!(api(serving.address, "dataset?name=numbers&access=skip").await["statistics"], true);
    assert_eq!(api(serving.address, "dataset?name=broken&access=skip").await["statistics"], false);
    assert_eq!(refused(serving.address, "statistics?name=broken").await.0, 500);
    let answer = get(serving.address, "/api/v1/statistics?name=other").await;
    assert_eq!((answer.status, answer.json()["error"]["hint"].as_str()), (404, Some("atdata stats other")));
    serving.end().await;
}

/// Shows how long texts are.
#[derive(Debug)]
struct Lengths;

#[async_trait]
impl LensProvider for Lengths {
    async fn lenses(&self, _: &dyn IndexEntry) -> Result<Vec<LensInfo>> {
        Ok(vec![LensInfo::new("lengths").with_description("how long the texts are")])
    }

    async fn view(
        &self,
        _: &dyn IndexEntry,
        lens: &str,
        samples: Dataset<DictSample>,
    ) -> Result<Dataset<DictSample>> {
        if lens != "lengths" {
            return Err(Error::not_found("there is no such lens").with("lens", lens));
        }
        let length =
            |sample: &DictSample| sample.get("text").and_then(Value::as_str).map_or(0, str::len) as i64;
        Ok(samples
            .filter(|sample| sample.get("n").and_then(Value::as_i64) != Some(1))
            .map(move |sample| DictSample::from_iter([("length", length(&sample))])))
    }
}

#[tokio::test]
async fn samples_are_seen_through_lenses() {
    let setting = Setting::new();
    for (name, with_index) in [("numbers", true), ("plain", false)] {
        setting.dataset(name, &data::samples(3), with_index).await;
    }
    let serving = setting.serve_with(ServeOptions::default().with_lenses(Lengths)).await;
    let known = api(serving.address, "dataset?name=numbers&access=skip").await;
    assert_eq!(known["lenses"][0]["name"], "lengths");
    let page = api(serving.address, "samples?name=numbers&lens=lengths").await;
    assert_eq!(page["samples"][0]["fields"], json!({"length": 15}));
    assert_eq!(page["samples"][1], json!({"index": 1, "left_out": true}));
    let page = api(serving.address, "samples?name=numbers&lens=lengths&project=length&start=2").await;
    assert_eq!(page["samples"][0]["fields"], json!({"length": 15}));
    let page = api(serving.address, "samples?name=plain&lens=lengths").await;
    assert_eq!(page["samples"].as_array().unwrap().len(), 2);
    let answer = get(serving.address, "/api/v1/media?name=numbers&index=0&field=length&lens=lengths").await;
    assert_eq!(answer.status, 422);
    assert_eq!(refused(serving.address, "samples?name=numbers&lens=no").await.0, 404);
    serving.end().await;
}

#[tokio::test]
async fn names_of_any_kind_are_found() {
    let setting = Setting::new();
    let names = ["a/b c", "ümlaut & <b>", "50%", "q?x=1#y", "a@b"];
    for name in names {
        setting.dataset(name, &data::samples(1), true).await;
    }
    let serving = setting.serve().await;
    for name in names {
        let page = api(serving.address, &format!("samples?name={}", encoded(name))).await;
        assert_eq!(page["name"], name);
    }
    serving.end().await;
}
