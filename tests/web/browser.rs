//! A headless Chromium of our own, through its driver: the few things the tests ask of it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use reqwest::Url;
use serde_json::{Value, json};

pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// Commands of this driver beyond the standard.
#[derive(Debug)]
struct Extra {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; `scripts/chromium up` installs it");
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")
                    .map(|(_, rest)| rest.trim_end_matches('.').to_owned())
            })
            .expect("it says its port");
        // It goes on talking; a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().expect("a folder");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--window-size=1200,900".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        if nix::unistd::geteuid().is_root() {
            // Its own sandbox refuses to be started by root.
            arguments.push("--no-sandbox".to_owned());
        }
        let wishes = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore",
        });
        let Value::Object(wishes) = wishes else { panic!("an object") };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(wishes)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session");
        Self { client, driver, _profile: profile }
    }

    async fn extra(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Extra { path, body }).await.expect("it answers")
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        self.extra("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    pub(crate) async fn scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    pub(crate) async fn width(&self, width: u32) {
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What operators' pages want as a password.
    pub(crate) async fn authorization(&self, value: &str) {
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setExtraHTTPHeaders", json!({ "headers": { "authorization": value } })).await;
    }

    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
        self.client
            .wait()
            .at_most(Duration::from_secs(30))
            .for_element(Locator::Css("main h1"))
            .await
            .expect("a page with a title");
    }

    pub(crate) async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("an answer")
    }

    /// What the browser complained of since the last time: errors of scripts, of loading, of the
    /// policy.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.extra("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }

    /// Into the folder that `PORTCULLIS_SCREENSHOTS` names, for people to look at.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("PORTCULLIS_SCREENSHOTS") else { return };
        let size = self.ask("return [innerWidth, document.documentElement.scrollHeight]").await;
        let (width, height) = (size[0].as_u64().unwrap_or(1280), size[1].as_u64().unwrap_or(800).min(4000));
        let whole = |height: u64| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", whole(height)).await;
        let picture = self.client.screenshot().await.expect("a picture");
        self.devtools("Emulation.setDeviceMetricsOverride", whole(800)).await;
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, picture).expect("written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its browser goes with it: the session was closed, or the driver closes it on SIGTERM.
        let pid = nix::unistd::Pid::from_raw(self.driver.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.driver.wait();
    }
}
