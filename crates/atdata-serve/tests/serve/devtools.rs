//! A browser's page, driven over the DevTools protocol.

use std::path::PathBuf;
use std::time::Duration;

use atdata_testkit::servers::chromium::Chromium;
use data_encoding::BASE64;
use futures::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Collects what the policy forbids, before anything of the page runs.
const WATCH: &str = "window.violations = []; document.addEventListener('securitypolicyviolation', event => \
                     violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));";

/// A page, and what it complained about.
#[derive(Debug)]
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    next: u64,
    complaints: Vec<String>,
    _browser: Chromium,
}

impl Page {
    /// Starts a browser with one page; none, said on standard error, if there is no browser.
    pub(crate) async fn open(case: &str) -> Option<Self> {
        let browser = Chromium::for_test(case)?;
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let connected = tokio_tungstenite::connect_async_with_config(browser.websocket(), Some(config), true);
        let (socket, _) = connected.await.expect("the browser listens");
        let mut page =
            Self { socket, session: String::new(), next: 0, complaints: Vec::new(), _browser: browser };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", attach).await;
        page.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH})).await;
        page.size(1280, 860, false).await;
        Some(page)
    }

    async fn call(&mut self, method: &str, parameters: Json) -> Json {
        self.next += 1;
        let id = self.next;
        let mut request = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.answer(id)).await;
        let answer = answer
            .unwrap_or_else(|_| panic!("{method} is not answered: {parameters}; {:?}", self.complaints));
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn answer(&mut self, id: u64) -> Json {
        loop {
            let message = self.socket.next().await.expect("the browser runs").unwrap();
            let Ok(text) = message.to_text() else { continue };
            let Ok(message) = serde_json::from_str::<Json>(text) else { continue };
            if message["id"] == id {
                return message;
            }
            self.note(&message);
        }
    }

    /// Remembers what the page complains about.
    fn note(&mut self, event: &Json) {
        let params = &event["params"];
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => params["args"].to_string(),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => params["entry"].to_string(),
            Some("Page.javascriptDialogOpening") => "a dialog opened".to_owned(),
            _ => return,
        };
        self.complaints.push(complaint);
    }

    /// Goes to an address.
    pub(crate) async fn go(&mut self, url: &str) {
        let went = self.call("Page.navigate", json!({"url": url})).await;
        assert!(went.get("errorText").is_none(), "{url}: {went}");
    }

    /// Goes to another part of the page.
    pub(crate) async fn hash(&mut self, hash: &str) {
        self.eval(&format!("location.hash = {}", json!(hash))).await;
    }

    /// What an expression is; a promise is waited for.
    pub(crate) async fn eval(&mut self, expression: &str) -> Json {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let result = self.call("Runtime.evaluate", parameters).await;
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&mut self, condition: &str) {
        let holds = self
            .eval(&format!(
                "new Promise(done => {{ const end = performance.now() + {}; const look = () => {{ let holds = false; \
                 try {{ holds = {condition}; }} catch {{}} if (holds) done(true); \
                 else if (performance.now() > end) done(false); else requestAnimationFrame(look); }}; look(); }})",
                PATIENCE.as_millis() / 2
            ))
            .await;
        if holds != true {
            self.picture("failed").await;
            let text = self.text("document.body.innerText").await;
            panic!("this does not hold: {condition}\n{:#?}\n{text}", self.complaints().await);
        }
    }

    /// The number that an expression is.
    pub(crate) async fn number(&mut self, expression: &str) -> f64 {
        self.eval(expression).await.as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    /// The text that an expression is.
    pub(crate) async fn text(&mut self, expression: &str) -> String {
        self.eval(expression).await.as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Presses a key.
    pub(crate) async fn press(&mut self, key: &str) {
        // Without its number the browser itself does nothing with a key.
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "Tab" => 9,
            other => panic!("the key {other} is not known"),
        };
        // A button is pressed by what the key types.
        let typed = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let parameters =
                json!({"type": kind, "key": key, "code": key, "text": typed, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", parameters).await;
        }
    }

    /// Turns the wheel over the middle of an element.
    pub(crate) async fn wheel(&mut self, selector: &str, by: i64) {
        let place = self
            .eval(&format!(
                "(box => ({{x: box.x + box.width / 2, y: box.y + box.height / 2}}))\
                 (document.querySelector({}).getBoundingClientRect())",
                json!(selector)
            ))
            .await;
        let parameters =
            json!({"type": "mouseWheel", "x": place["x"], "y": place["y"], "deltaX": 0, "deltaY": by});
        self.call("Input.dispatchMouseEvent", parameters).await;
    }

    /// Sets the size of the window.
    pub(crate) async fn size(&mut self, width: u32, height: u32, is_phone: bool) {
        let parameters =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.call("Emulation.setDeviceMetricsOverride", parameters).await;
    }

    /// Says whether the user likes it dark.
    pub(crate) async fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// Keeps a picture of the page where the build keeps temporary files.
    pub(crate) async fn picture(&mut self, name: &str) {
        let taken = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let png = BASE64.decode(taken["data"].as_str().expect("a picture").as_bytes()).unwrap();
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("serve-{name}.png"));
        std::fs::write(path, png).unwrap();
    }

    /// What the page complained about so far, and what its policy forbade.
    pub(crate) async fn complaints(&mut self) -> Vec<String> {
        let violations = self.eval("window.violations").await;
        let violations = violations.as_array().cloned().unwrap_or_default();
        let mut all = std::mem::take(&mut self.complaints);
        all.extend(violations.iter().map(Json::to_string));
        all
    }

    /// Fails if the page complained about anything.
    pub(crate) async fn is_content(&mut self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
