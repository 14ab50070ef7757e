//! The files of the page.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal $name:literal $media_type:expr;)*) => {
        /// Path, media type and content of each file.
        pub(crate) const FILES: &[(&str, &str, &str)] =
            &[$(($path, $media_type, include_str!(concat!("../page/", $name)))),*];
    };
}
files! {
    "/" "index.html" HTML;
    "/style.css" "style.css" CSS;
    "/icon.svg" "icon.svg" SVG;
    "/main.js" "main.js" SCRIPT;
    "/api.js" "api.js" SCRIPT;
    "/dom.js" "dom.js" SCRIPT;
    "/lists.js" "lists.js" SCRIPT;
    "/dataset.js" "dataset.js" SCRIPT;
    "/browser.js" "browser.js" SCRIPT;
    "/scroll.js" "scroll.js" SCRIPT;
    "/detail.js" "detail.js" SCRIPT;
    "/values.js" "values.js" SCRIPT;
    "/pictures.js" "pictures.js" SCRIPT;
    "/statistics.js" "statistics.js" SCRIPT;
}

pub(crate) fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, (path, media_type, content)| {
        router.route(path, get(move || async move { file(media_type, content) }))
    })
}

fn file(media_type: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_makes_no_markup_of_texts() {
        let size: usize = FILES.iter().map(|(.., content)| content.len()).sum();
        assert!(size < 60 << 10, "{size} bytes");
        for (path, _, content) in FILES {
            for bad in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
            {
                assert!(!content.contains(bad), "{path} has {bad}");
            }
            // The names of XML's vocabularies are no addresses that are loaded.
            let content = content.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !content.contains("http://") && !content.contains("https://"),
                "{path} loads from elsewhere"
            );
        }
    }

    #[test]
    fn the_page_has_no_scripts_and_styles_inside() {
        let html = FILES.iter().find(|(path, ..)| *path == "/").map(|(.., content)| *content).unwrap();
        assert!(!html.contains("<script>") && !html.contains("<style") && !html.contains(" style="));
        assert!(!html.contains(" onclick") && html.contains("lang=\"en\""));
    }
}
