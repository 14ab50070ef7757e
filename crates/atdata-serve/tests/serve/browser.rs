//! The page in a real browser.

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{DictSample, Map, NewDataset, Value};
use atdata_serve::{ServeOptions, Token};
use atdata_testkit::data;

use crate::demo::{self, Million};
use crate::devtools::Page;
use crate::setting::Setting;

/// How many rows of samples are in the document.
const ROWS: &str = "document.querySelectorAll('.layer .row').length";

/// Whether a canvas has something on it, and not one colour alone.
const DRAWN: &str = "(canvas => { if (!canvas || canvas.width < 2) return false; \
     const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; \
     const seen = new Set(); for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 4).join()); \
     return seen.size > 3; })";

async fn demo() -> Setting {
    let setting = Setting::new();
    demo::weather(&setting).await;
    for i in 0..130 {
        setting.dataset(&format!("numbers-{i:03}"), &data::samples(3), true).await;
    }
    setting
}

fn options() -> ServeOptions {
    ServeOptions::default().with_label("sqlite:index.db").with_statistics(demo::OfWeather)
}

#[tokio::test]
async fn lists_are_searched_and_continued() {
    let Some(mut page) = Page::open("lists_are_searched_and_continued").await else { return };
    let serving = demo().await.serve_with(options()).await;
    page.go(&serving.url).await;
    page.until("document.querySelectorAll('tbody tr').length === 50").await;
    assert_eq!(page.text("document.querySelector('#index').textContent").await, "sqlite:index.db");
    page.eval("document.querySelector('#more').click()").await;
    page.until("document.querySelectorAll('tbody tr').length === 100").await;
    page.eval("document.querySelector('#more').click()").await;
    page.until(
        "document.querySelectorAll('tbody tr').length === 131 && document.querySelector('#more').hidden",
    )
    .await;
    page.eval("(input => { input.value = 'OBSERVATION'; input.dispatchEvent(new Event('input')); })(document.querySelector('#search'))").await;
    page.until("document.querySelectorAll('tbody tr').length === 1").await;
    page.picture("list").await;
    page.eval("document.querySelector('tbody a').click()").await;
    page.until("document.querySelector('h1').textContent === 'weather/hourly'").await;
    page.hash("#/schemas").await;
    page.until("document.querySelector('tbody').textContent.includes('temperature')").await;
    page.eval("document.querySelector('summary').click()").await;
    page.picture("schemas").await;
    page.hash("#/labels").await;
    page.until("document.querySelector('tbody').textContent.includes('numbers-000')").await;
    page.hash("#/nowhere").await;
    page.until("document.querySelector('main').textContent.includes('no such view')").await;
    page.is_content().await;
    serving.end().await;
}

#[tokio::test]
async fn a_dataset_shows_its_parts() {
    let Some(mut page) = Page::open("a_dataset_shows_its_parts").await else { return };
    let serving = demo().await.serve_with(options()).await;
    page.go(&format!("{}#/dataset/weather%2Fhourly", serving.url)).await;
    page.until("document.querySelectorAll('img.thumbnail').length > 5").await;
    page.until("[...document.querySelectorAll('img.thumbnail')].every(image => image.complete && image.naturalWidth === 64)").await;
    page.until(&format!("[...document.querySelectorAll('canvas.thumbnail')].every({DRAWN})")).await;
    // A column is in the same place in every row.
    let places = "new Set([...document.querySelectorAll('.row')].map(row => row.children[6].getBoundingClientRect().x)).size";
    assert_eq!(page.number(places).await, 1.0);
    page.picture("samples").await;

    page.eval("document.querySelector('#row-3').click()").await;
    page.until(&format!("{DRAWN}(document.querySelector('.detail canvas.picture'))")).await;
    page.until("document.querySelector('.detail canvas.line') !== null").await;
    page.until("document.querySelector('.detail img.picture').naturalWidth === 64").await;
    assert!(page.text("document.querySelector('.detail').textContent").await.contains("Observed at Graz"));
    page.picture("detail").await;
    page.size(1080, 660, false).await;
    page.picture("docs").await;
    page.size(1280, 860, false).await;
    page.dark(true).await;
    let back = page.text("getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(back, "rgb(20, 23, 27)");
    page.picture("detail-dark").await;
    page.dark(false).await;

    for (part, wanted) in [
        ("statistics", "humidity"),
        ("schema", "What one station saw"),
        ("shards", "held://weather-000001.tar"),
        ("labels", "1.2.0"),
        ("metadata", "CC-BY-4.0"),
    ] {
        page.hash(&format!("#/dataset/weather%2Fhourly/{part}")).await;
        page.until(&format!("document.querySelector('main section').textContent.includes('{wanted}')")).await;
        page.picture(part).await;
    }
    page.hash("#/dataset/weather%2Fhourly/statistics").await;
    page.until("document.querySelectorAll('.histogram rect').length === 30").await;
    page.is_content().await;

    page.hash("#/dataset/none").await;
    page.until("document.querySelector('.failure') !== null").await;
    serving.end().await;
}

#[tokio::test]
async fn a_million_samples_are_a_few_rows() {
    let Some(mut page) = Page::open("a_million_samples_are_a_few_rows").await else { return };
    let mut setting = Setting::new();
    Million::register(&mut setting).await;
    let serving = setting.serve().await;
    page.go(&format!("{}#/dataset/million", serving.url)).await;
    page.until("document.querySelector('#row-0')?.textContent.includes('000000000')").await;
    assert_eq!(page.text("document.querySelector('#total').textContent").await, "1,000,000 samples");

    // To a place by its number.
    page.eval(
        "document.querySelector('#jump').value = '900000'; document.querySelector('.jump').requestSubmit()",
    )
    .await;
    page.until("document.querySelector('#row-900000')?.textContent.includes('000900000')").await;
    assert!(page.number(ROWS).await < 40.0);
    assert_eq!(page.text("document.activeElement.id").await, "grid");
    assert_eq!(
        page.text("document.querySelector('#grid').getAttribute('aria-activedescendant')").await,
        "row-900000"
    );
    page.until(&format!("{DRAWN}(document.querySelector('#row-900000 canvas'))")).await;
    page.until("document.querySelector('#row-900000 img').naturalWidth === 2").await;
    page.picture("million").await;

    // By keys, a row and a page at a time.
    page.press("ArrowDown").await;
    page.until("document.querySelector('.selected')?.id === 'row-900001'").await;
    page.press("PageDown").await;
    page.until("document.querySelector('.selected')?.id > 'row-900005'").await;
    page.press("End").await;
    page.until("document.querySelector('#row-999999')?.textContent.includes('000999999')").await;
    assert_eq!(page.text("document.querySelector('.selected').id").await, "row-999999");
    page.press("ArrowDown").await;
    assert_eq!(page.text("document.querySelector('.selected').id").await, "row-999999");
    let last = "document.querySelector('#row-999999').getBoundingClientRect().bottom <= document.querySelector('#grid').getBoundingClientRect().bottom + 1";
    assert_eq!(page.eval(last).await, true);

    // By the wheel: as far as it says, up from the end, and in the middle.
    let top = "Math.min(...[...document.querySelectorAll('.layer .row')].map(row => +row.id.slice(4)))";
    let before = page.number(top).await;
    page.wheel("#grid", -128).await;
    page.until(&format!("{top} < {before}")).await;
    assert!(page.number(top).await >= before - 3.0);
    page.eval(
        "document.querySelector('#jump').value = '500000'; document.querySelector('.jump').requestSubmit()",
    )
    .await;
    page.until("document.querySelector('#row-500000')?.textContent.includes('000500000')").await;
    let before = page.number(top).await;
    for turn in 1..=5 {
        page.wheel("#grid", 128).await;
        page.until(&format!("{top} >= {before} + {}", 2 * turn - 1)).await;
    }
    let after = page.number(top).await;
    assert!((before + 9.0..=before + 11.0).contains(&after), "{before} to {after}");

    // By the bar: a quarter of it is a quarter of the samples, more or less.
    page.eval("(grid => grid.scrollTop = (grid.scrollHeight - grid.clientHeight) / 4)(document.querySelector('#grid'))").await;
    page.until(&format!("Math.abs({top} - 250000) < 10000")).await;
    page.eval("document.querySelector('#grid').scrollTop = 0").await;
    page.until("document.querySelector('#row-0')?.textContent.includes('000000000')").await;
    assert!(page.number(ROWS).await < 40.0);

    // The address is that of the sample.
    page.hash("#/dataset/million/samples/123456").await;
    page.until("document.querySelector('#row-123456')?.textContent.includes('000123456')").await;
    page.eval("document.querySelector('#grid').focus()").await;
    page.press("Enter").await;
    page.until("document.querySelector('.detail pre')?.textContent === '000123456'").await;
    page.press("ArrowDown").await;
    page.until("document.querySelector('.detail pre')?.textContent === '000123457'").await;
    assert!(page.text("location.hash").await.ends_with("123457"));
    page.press("Escape").await;
    page.until("document.querySelector('.detail').hidden").await;
    page.is_content().await;
    serving.end().await;
}

#[tokio::test]
async fn it_fits_a_phone() {
    let Some(mut page) = Page::open("it_fits_a_phone").await else { return };
    let serving = demo().await.serve_with(options()).await;
    page.size(390, 844, true).await;
    let fits = "document.documentElement.scrollWidth <= 390";
    page.go(&serving.url).await;
    page.until("document.querySelectorAll('tbody tr').length === 50").await;
    assert_eq!(page.eval(fits).await, true);
    page.picture("phone-list").await;
    page.hash("#/dataset/weather%2Fhourly").await;
    page.until(&format!("{DRAWN}(document.querySelector('canvas.thumbnail'))")).await;
    assert_eq!(page.eval(fits).await, true);
    page.picture("phone-samples").await;
    page.eval("document.querySelector('#row-1').click()").await;
    page.until(&format!("{DRAWN}(document.querySelector('.detail canvas.picture'))")).await;
    assert_eq!(page.eval(fits).await, true);
    assert_eq!(page.text("document.activeElement.className").await, "close");
    page.picture("phone-detail").await;
    page.press("Enter").await;
    page.until("document.querySelector('.detail').hidden").await;
    for part in ["statistics", "schema", "shards", "labels", "metadata"] {
        page.hash(&format!("#/dataset/weather%2Fhourly/{part}")).await;
        page.until("document.querySelector('main section table, main section .card') !== null").await;
        assert_eq!(page.eval(fits).await, true, "{part}");
    }
    page.picture("phone-metadata").await;
    page.is_content().await;
    serving.end().await;
}

#[tokio::test]
async fn without_an_index_it_is_said_what_makes_one() {
    let Some(mut page) = Page::open("without_an_index_it_is_said_what_makes_one").await else { return };
    let setting = Setting::new();
    setting.dataset("plain", &data::samples(1000), false).await;
    setting.dataset("few", &data::samples(7), false).await;
    setting.insert(NewDataset::new("empty", "Missing@1.0.0", vec![])).await;
    let serving = setting.serve().await;
    page.go(&format!("{}#/dataset/plain", serving.url)).await;
    page.until("document.querySelector('#no-index')?.textContent.includes('atdata index plain')").await;
    assert_eq!(page.text("document.querySelector('#total').textContent").await, "first 200 samples");
    page.eval("document.querySelector('#grid').focus()").await;
    page.press("End").await;
    page.until("document.querySelector('#row-199')?.textContent.includes('sample 199')").await;
    page.picture("no-index").await;
    page.hash("#/dataset/few").await;
    page.until("document.querySelector('#total')?.textContent === '7 samples'").await;
    page.hash("#/dataset/empty").await;
    page.until("document.querySelector('main').textContent.includes('no samples')").await;
    page.is_content().await;
    serving.end().await;
}

/// Texts that would do something in a page that makes markup of them.
const HOSTILE: [&str; 4] = [
    "<img src=x onerror=\"window.owned = true\">",
    "javascript:window.owned=true",
    "\"><script>window.owned = true</script>",
    "<svg onload='window.owned = true'>",
];

#[tokio::test]
async fn hostile_texts_stay_texts_in_every_place() {
    let Some(mut page) = Page::open("hostile_texts_stay_texts_in_every_place").await else { return };
    let setting = Setting::new();
    for (i, text) in HOSTILE.into_iter().enumerate() {
        let inner: Map = [(text, Value::from(text)), ("__proto__", Value::from(text))].into_iter().collect();
        let sample = DictSample::from_iter([
            (text, Value::from(text)),
            ("html", Value::Bytes(text.into())),
            ("list", Value::List(vec![text.into(), Value::Map(inner.clone())])),
            ("long", Value::from(text.repeat(100))),
            ("constructor", Value::from(text)),
        ]);
        let url = format!("held://hostile-{i}.tar?{text}");
        let shard = {
            use atdata_core::Sample;
            let key = format!("<b onclick='owned=true'>{i}");
            let mut encoder = atdata_core::tar::TarEncoder::default();
            let mut bytes =
                encoder.append(&format!("{key}.msgpack"), sample.pack().unwrap()).unwrap().concat();
            bytes.extend_from_slice(&encoder.finish());
            bytes
        };
        setting.shards.put(&url, shard.into(), true).await;
        let mut metadata = inner;
        metadata.insert("description", text);
        // No field of a schema may be called so; its descriptions may.
        let schema = SampleSchema::new(format!("Hostile{i}"))
            .with_description(text)
            .field(Field::new("html", Primitive::Bytes).with_description(text));
        let reference = atdata_core::Index::publish_schema(&*setting.index, &schema).await.unwrap();
        setting
            .insert(
                NewDataset::new(text, format!("{reference}x").as_str(), vec![url.clone()])
                    .with_metadata(metadata.clone()),
            )
            .await;
        setting
            .insert(NewDataset::new(format!("{i}"), reference.as_str(), vec![url]).with_metadata(metadata))
            .await;
    }
    let serving = setting.serve_with(ServeOptions::default().with_label(HOSTILE[0])).await;
    page.go(&serving.url).await;
    page.until("document.querySelectorAll('tbody tr').length === 8").await;
    page.until("document.querySelector('#index').textContent.startsWith('<img')").await;
    for view in ["schemas", "labels"] {
        page.hash(&format!("#/{view}")).await;
        page.until(&format!("document.querySelector('main').textContent.includes({:?})", HOSTILE[0])).await;
    }
    for text in HOSTILE {
        let name: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        page.hash(&format!("#/dataset/{name}")).await;
        page.until("document.querySelector('#row-0 .key') !== null").await;
        page.eval("document.querySelector('#row-0').click()").await;
        page.until(&format!("document.querySelector('.detail dl.fields').textContent.includes({text:?})"))
            .await;
        for part in ["schema", "shards", "labels", "metadata"] {
            page.hash(&format!("#/dataset/{name}/{part}")).await;
            page.until("document.querySelector('main section').textContent.length > 20").await;
        }
        page.hash(&format!("#/dataset/{name}/{name}/{name}")).await;
        page.until("document.querySelector('#row-0') !== null").await;
    }
    page.hash("#/dataset/%E0%A4%A/<img src=x onerror=\"window.owned=true\">").await;
    page.until("document.querySelector('.failure') !== null").await;
    // Nothing of it became an element, a link elsewhere, or ran.
    assert_eq!(
        page.eval("window.owned === undefined && document.querySelector('img, script:not([src])') === null")
            .await,
        true
    );
    let links =
        "[...document.querySelectorAll('[href]')].every(link => /^(#|\\/)/.test(link.getAttribute('href')))";
    assert_eq!(page.eval(links).await, true);
    let complaints = page.complaints().await;
    // The address that was not found is said by the browser too.
    let others: Vec<_> = complaints.iter().filter(|text| !text.contains("404")).collect();
    assert!(others.is_empty(), "{others:#?}");
    serving.end().await;
}

#[tokio::test]
async fn a_token_is_asked_for_once() {
    let Some(mut page) = Page::open("a_token_is_asked_for_once").await else { return };
    let setting = Setting::new();
    setting.dataset("numbers", &data::samples(3), true).await;
    let token = Token::generate();
    let serving = setting.serve_with(ServeOptions::default().with_token(token.clone())).await;
    page.go(&serving.url).await;
    page.until("document.querySelector('tbody')?.textContent.includes('numbers')").await;
    assert!(!page.text("location.href").await.contains(token.as_str()));
    assert_eq!(page.text("document.cookie").await, "");
    page.is_content().await;
    serving.end().await;
}
