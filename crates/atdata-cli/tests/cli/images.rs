use std::fs;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::json;

use crate::common::Cli;

fn picture(seed: u8, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(8, 6, |x, y| image::Rgb([x as u8 * 9, y as u8 * 7, seed]));
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut out, format).unwrap();
    out.into_inner()
}

#[test]
fn sub_folders_are_labels_and_files_are_kept_byte_for_byte() {
    let cli = Cli::new();
    let cat = picture(1, ImageFormat::Png);
    cli.file("pets/cat/1.png", &cat);
    cli.file("pets/cat/deep/2.png", picture(2, ImageFormat::Png));
    cli.file("pets/dog/1.JPG", picture(3, ImageFormat::Jpeg));
    let report = cli.json(&["import", cli.path("pets").to_str().unwrap(), "pets"]);
    assert_eq!((&report["samples"], &report["skipped"]["total"]), (&json!(3), &json!(0)));
    assert_eq!(
        cli.types("pets"),
        ["image: bytes", "format: str", "width: int", "height: int", "label: str", "path: str"]
    );
    let samples = cli.cat("pets");
    let column = |name: &str| samples.iter().map(|sample| sample[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("path"), ["cat/1.png", "cat/deep/2.png", "dog/1.JPG"]);
    assert_eq!(column("label"), ["cat", "cat/deep", "dog"]);
    assert_eq!(column("format"), ["png", "png", "jpeg"]);
    assert_eq!((column("width")[0].clone(), column("height")[0].clone()), (json!(8), json!(6)));
    assert_eq!(samples[0]["image"]["$bytes"], data_encoding::BASE64.encode(&cat));
}

#[test]
fn broken_images_and_other_files_are_skipped_with_reasons() {
    let cli = Cli::new();
    let whole = picture(1, ImageFormat::Jpeg);
    cli.file("in/good.jpg", &whole);
    cli.file("in/cut.jpg", &whole[..whole.len() - 20]);
    cli.file("in/empty.png", "");
    cli.file("in/notes.txt", "not an image");
    cli.file("in/lies.png", "GIF89a");
    cli.file("in/.hidden.png", picture(1, ImageFormat::Png));
    let mut damaged = picture(2, ImageFormat::Png);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    cli.file("in/damaged.png", &damaged);
    std::os::unix::fs::symlink("/nowhere", cli.path("in/broken-link.png")).unwrap();
    std::os::unix::fs::symlink(cli.path("in"), cli.path("in/loop")).unwrap();
    let input = cli.path("in");
    let report = cli.json(&["import", input.to_str().unwrap(), "a"]);
    assert_eq!(report["samples"], 1);
    let mut skipped: Vec<(String, String)> = report["skipped"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["item"].as_str().unwrap().to_owned(), item["reason"].as_str().unwrap().to_owned()))
        .collect();
    skipped.sort();
    let expected = [
        (".hidden.png", "hidden"),
        ("broken-link.png", "a file cannot be read"),
        ("cut.jpg", "a broken image"),
        ("damaged.png", "a broken image"),
        ("empty.png", "an empty file"),
        ("lies.png", "not a PNG or JPEG image"),
        ("loop", "a symbolic link to a folder that is read already"),
        ("notes.txt", "not a PNG or JPEG image"),
    ];
    assert_eq!(skipped, expected.map(|(item, reason)| (item.to_owned(), reason.to_owned())));
    // Images outside of sub-folders have no label.
    assert_eq!(cli.cat("a")[0]["label"], json!(null));
    assert!(cli.types("a").contains(&"label: str?".to_owned()));
}

#[test]
fn images_are_decoded_on_demand() {
    let cli = Cli::new();
    cli.file("in/x/1.png", picture(5, ImageFormat::Png));
    let input = cli.path("in");
    cli.ok(&["import", input.to_str().unwrap(), "a", "--decode", "--label-field", "kind"]);
    assert_eq!(cli.types("a")[0], "image: ndarray<uint8, (?, ?, ?)>");
    let sample = &cli.cat("a")[0];
    assert_eq!((&sample["image"]["$ndarray"]["shape"], &sample["kind"]), (&json!([6, 8, 3]), &json!("x")));
    cli.ok(&["verify", "a"]);
}

#[test]
fn large_images_and_folders_without_images_are_refused() {
    let cli = Cli::new();
    cli.file("in/1.png", picture(5, ImageFormat::Png));
    let input = cli.path("in");
    let stderr = cli.fails(&["import", input.to_str().unwrap(), "a", "--max-pixels", "47"]);
    assert!(stderr.contains("nothing could be imported") && stderr.contains("8 × 6 pixels"), "{stderr}");
    fs::create_dir(cli.path("none")).unwrap();
    assert!(cli.fails(&["import", cli.path("none").to_str().unwrap(), "a"]).contains("no samples"));
    assert!(cli.json(&["ls"])["datasets"].as_array().unwrap().is_empty());
    assert!(cli.shards().is_empty());
}

#[test]
fn many_images_keep_their_order() {
    let cli = Cli::new();
    for i in 0..120u8 {
        cli.file(&format!("in/{}/{i:03}.png", i % 3), picture(i, ImageFormat::Png));
    }
    let input = cli.path("in");
    cli.ok(&["import", input.to_str().unwrap(), "a", "--max-count", "50"]);
    let paths: Vec<String> =
        cli.cat("a").iter().map(|sample| sample["path"].as_str().unwrap().to_owned()).collect();
    let mut sorted = paths.clone();
    sorted.sort();
    assert_eq!((paths.len(), &paths), (120, &sorted));
}

#[test]
fn images_and_arrays_are_drawn_where_that_is_wanted() {
    let cli = Cli::new();
    let mut pixels = image::GrayImage::new(8, 8);
    pixels.pixels_mut().take(32).for_each(|pixel| pixel.0 = [255]);
    std::fs::create_dir(cli.path("photos")).unwrap();
    pixels.save(cli.path("photos/half.png")).unwrap();
    cli.ok(&["import", cli.path("photos").to_str().unwrap(), "photos"]);
    let plain = cli.ok(&["head", "photos"]);
    assert_eq!(plain, cli.ok(&["head", "photos", "--draw", "never"]));
    assert!(!plain.contains("@@@@"), "{plain}");
    let drawn = cli.ok(&["head", "photos", "--draw", "always"]);
    assert!(drawn.lines().any(|line| line.trim() == "@@@@@@@@"), "{drawn}");
    let coloured = |name: &str, value: &str| {
        let mut command = cli.command(&["head", "photos", "--draw", "always"]);
        let output = command.env("COLORTERM", "truecolor").env(name, value).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains("\x1b[38;2;255;255;255m")
    };
    assert!(coloured("X", "") && !coloured("NO_COLOR", "1"));
}
