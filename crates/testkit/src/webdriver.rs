//! The screens as a person sees them, in headless Chromium or in the desktop window under Xvfb, over WebDriver.
//!
//! Whatever a screen needs (display, bus, keyring, driver, browser) is started with it and gone with it, also when the
//! test is killed. Must not know what the screens show.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::leash::Leash;

/// How long something may take to appear before a test fails; generous, as machines that build are busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(50);

/// How often an element may go away between being found and being named.
const STALE_LOOKS: u32 = 20;

/// What Chromium is told: no sandbox (root has none), no calls to its maker, WebGL drawn by software.
const CHROMIUM_FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
];

/// What lets WebKitGTK be driven, and draw without a graphics card.
const WINDOW_ENVIRONMENT: &[(&str, &str)] = &[
    ("TAURI_AUTOMATION", "true"),
    ("TAURI_WEBVIEW_AUTOMATION", "true"),
    ("LIBGL_ALWAYS_SOFTWARE", "1"),
    ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    ("GDK_BACKEND", "x11"),
    ("NO_AT_BRIDGE", "1"),
];

/// WebKitGTK takes its picture with the next frame, and a page at rest has none: a dot in the corner that all but does
/// not show changes for a second.
const NUDGE: &str = "
    const dot = document.createElement('i');
    dot.style.cssText = 'position: fixed; left: 0; top: 0; width: 1px; height: 1px; opacity: 0.01';
    document.documentElement.append(dot);
    let turn = 0;
    const timer = setInterval(() => {
        dot.style.background = turn++ % 2 ? '#000' : '#fff';
        if (turn > 60) { clearInterval(timer); dot.remove(); }
    }, 16);";

/// WebKitWebDriver tells nothing of the console: the page keeps what it complains of from here on.
const LISTEN: &str = "
    if (window.complaints) return;
    const kept = window.complaints = [];
    const keep = text => { if (kept.length < 100) kept.push('SEVERE ' + text); };
    const error = console.error;
    console.error = (...said) => { keep(said.join(' ')); error.apply(console, said); };
    addEventListener('error', event => keep(event.message));
    addEventListener('unhandledrejection', event => keep(event.reason));
    addEventListener('securitypolicyviolation', event => keep(event.violatedDirective + ' ' + event.blockedURI));";

/// Width and height of a page, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

impl Size {
    /// The smallest workstation.
    pub const WORKSTATION: Self = Self { width: 1280, height: 800 };
    /// A wall display.
    pub const WALL: Self = Self { width: 2560, height: 1440 };
}

/// A program with a window that is built on WebKitGTK.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, beyond what this process has.
    pub environment: Vec<(String, String)>,
    /// Whether a Secret Service is on its bus, as on a desktop.
    pub has_keyring: bool,
}

/// A page that can be looked at and acted on. Every call waits for what it needs, within bounds.
#[derive(Debug)]
pub struct Screen {
    client: Client,
    is_chromium: bool,
    // Dropped in this order: the driver with its browser, then the display they drew on, then their files.
    _driver: Leash,
    _display: Option<Display>,
    scratch: TempDir,
}

impl Screen {
    /// An empty page of this size in headless Chromium.
    ///
    /// # Errors
    /// Where Chromium or chromedriver are missing (Debian: `chromium chromium-driver`) or do not start.
    pub async fn chromium(size: Size) -> Result<Self> {
        let scratch = scratch("penstock-chromium-")?;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stderr(Stdio::null());
        let mut driver = Leash::start(command).context("chromedriver does not start: install chromium-driver")?;
        let port = driver.read_line(|line| {
            line.split_once("successfully on port ")
                .and_then(|(_, port)| port.trim().trim_end_matches('.').parse::<u16>().ok())
        })?;

        let profile = format!("--user-data-dir={}", scratch.path().join("profile").display());
        let window = format!("--window-size={},{}", size.width, size.height);
        let mut args: Vec<&str> = CHROMIUM_FLAGS.to_vec();
        args.extend([profile.as_str(), window.as_str()]);
        let capabilities = json!({
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let client = connect(port, capabilities).await?;
        let screen = Self { client, is_chromium: true, _driver: driver, _display: None, scratch };
        screen.resize(size).await?;
        Ok(screen)
    }

    /// The page of a program's window, on a display and a bus of its own.
    ///
    /// # Errors
    /// Where Xvfb, dbus-run-session or WebKitWebDriver are missing (Debian: `xvfb dbus-x11 webkit2gtk-driver`), or the
    /// program does not open a window.
    pub async fn window(window: &Window, size: Size) -> Result<Self> {
        let scratch = scratch("penstock-window-")?;
        let display = Display::start(size)?;
        let port = free_port()?;
        let mut command = Command::new("dbus-run-session");
        let script = if window.has_keyring {
            "printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec \"$@\""
        } else {
            "exec \"$@\""
        };
        command.args(["--", "sh", "-c", script, "sh", "WebKitWebDriver", &format!("--port={port}")]);
        command.env("DISPLAY", &display.name).env_remove("WAYLAND_DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.envs(WINDOW_ENVIRONMENT.iter().copied());
        for (name, folder) in [
            ("XDG_RUNTIME_DIR", "runtime"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
        ] {
            let folder = scratch.path().join(folder);
            std::fs::create_dir(&folder)?;
            std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            command.env(name, folder);
        }
        command.envs(window.environment.iter().map(|(name, value)| (name, value)));
        let driver =
            Leash::start(command).context("the driver of windows does not start: install webkit2gtk-driver")?;

        let capabilities = json!({ "webkitgtk:browserOptions": { "binary": window.program, "args": window.args } });
        let client = connect(port, capabilities).await.with_context(|| format!("{}", window.program.display()))?;
        let screen = Self { client, is_chromium: false, _driver: driver, _display: Some(display), scratch };
        screen.listen().await?;
        Ok(screen)
    }

    /// Ends the page, its browser or program, and all that was started for it.
    ///
    /// # Errors
    /// Where the browser does not answer any more; everything is gone nevertheless.
    pub async fn close(self) -> Result<()> {
        let Self { client, _driver: driver, _display: display, scratch, .. } = self;
        let closed = client.close().await;
        // Waiting for processes to end would hold up the test's other tasks.
        tokio::task::spawn_blocking(move || drop((driver, display, scratch))).await?;
        Ok(closed?)
    }

    /// Loads an address.
    ///
    /// # Errors
    /// Where it cannot be loaded.
    pub async fn goto(&self, address: &str) -> Result<()> {
        self.client.goto(address).await.with_context(|| format!("cannot load {address}"))?;
        self.listen().await
    }

    /// Loads the page anew.
    ///
    /// # Errors
    /// Where it cannot be loaded.
    pub async fn reload(&self) -> Result<()> {
        self.client.refresh().await?;
        self.listen().await
    }

    /// Gives the page another size: exactly in Chromium, as the window's outer size elsewhere.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub async fn resize(&self, size: Size) -> Result<()> {
        if self.is_chromium {
            let metrics = json!({
                "width": size.width, "height": size.height, "deviceScaleFactor": 1, "mobile": false,
            });
            self.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
            return Ok(());
        }
        Ok(self.client.set_window_rect(0, 0, size.width, size.height).await?)
    }

    /// Lets the page believe that the system prefers the dark theme, or the light one. In Chromium only.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub async fn prefer_dark(&self, is_dark: bool) -> Result<()> {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Waits until an element is there and visible.
    ///
    /// # Errors
    /// Where none is within 30 s; the error carries what the page shows instead.
    pub async fn wait_for(&self, css: &str) -> Result<()> {
        self.element(css).await.map(drop)
    }

    /// As [`Screen::wait_for`], with another patience.
    ///
    /// # Errors
    /// Where none is visible in that time.
    pub async fn wait_for_within(&self, css: &str, patience: Duration) -> Result<()> {
        self.until_within(css, patience, async || self.visible(css).await).await.map(drop)
    }

    /// Waits until no such element is visible.
    ///
    /// # Errors
    /// Where one still is after 30 s.
    pub async fn wait_gone(&self, css: &str) -> Result<()> {
        self.until(&format!("{css} to go"), async || Ok(self.visible(css).await?.is_none().then_some(()))).await
    }

    /// Waits until the text of an element satisfies `is_right`, and returns that text.
    ///
    /// # Errors
    /// Where it does not within 30 s.
    pub async fn wait_text(&self, css: &str, is_right: impl Fn(&str) -> bool) -> Result<String> {
        self.until(&format!("the right text in {css}"), async || {
            let Some(element) = self.visible(css).await? else { return Ok(None) };
            // The element may be replaced between being found and being read.
            let Ok(text) = element.text().await else { return Ok(None) };
            Ok(is_right(&text).then_some(text))
        })
        .await
    }

    /// Waits until `script`, a function body, returns something that is not null, false or an error; returns it.
    ///
    /// # Errors
    /// Where it does not within 30 s.
    pub async fn wait_script(&self, script: &str) -> Result<Value> {
        self.until(script, async || {
            let value = self.client.execute(script, Vec::new()).await.unwrap_or_default();
            Ok((!matches!(value, Value::Null | Value::Bool(false))).then_some(value))
        })
        .await
    }

    /// The text of the first visible match.
    ///
    /// # Errors
    /// Where none appears within 30 s.
    pub async fn text(&self, css: &str) -> Result<String> {
        Ok(self.element(css).await?.text().await?)
    }

    /// The texts of all matches, in the page's order.
    ///
    /// # Errors
    /// Where the browser does not answer.
    pub async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await? {
            texts.push(element.text().await?);
        }
        Ok(texts)
    }

    /// How many elements match, visible or not.
    ///
    /// # Errors
    /// Where the browser does not answer.
    pub async fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::Css(css)).await?.len())
    }

    /// An attribute of the first visible match, if it has it.
    ///
    /// # Errors
    /// Where no match appears within 30 s.
    pub async fn attribute(&self, css: &str, name: &str) -> Result<Option<String>> {
        Ok(self.element(css).await?.attr(name).await?)
    }

    /// Clicks the first visible match, as soon as nothing covers it.
    ///
    /// # Errors
    /// Where none can be clicked within 30 s.
    pub async fn click(&self, css: &str) -> Result<()> {
        self.until(&format!("{css} to take a click"), async || {
            let Some(element) = self.visible(css).await? else { return Ok(None) };
            Ok(element.click().await.is_ok().then_some(()))
        })
        .await
    }

    /// Clicks the first visible match whose text contains `text`.
    ///
    /// # Errors
    /// Where none can be clicked within 30 s.
    pub async fn click_text(&self, css: &str, text: &str) -> Result<()> {
        self.until(&format!("{css} with {text:?} to take a click"), async || {
            for element in self.client.find_all(Locator::Css(css)).await? {
                let is_meant = element.text().await.is_ok_and(|found| found.contains(text));
                if is_meant && element.click().await.is_ok() {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Types text into a field, in place of what it holds.
    ///
    /// # Errors
    /// Where there is no such field within 30 s.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        let field = self.element(css).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses keys, one chord after the other: `G O`, `Control+K`, `Shift+ArrowLeft`, `Escape`. Whatever has the focus
    /// gets them.
    ///
    /// # Errors
    /// Where a key has no such name.
    pub async fn press(&self, chords: &str) -> Result<()> {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for chord in chords.split_whitespace() {
            let keys = chord_keys(chord)?;
            for &value in &keys {
                actions = actions.then(KeyAction::Down { value });
            }
            for &value in keys.iter().rev() {
                actions = actions.then(KeyAction::Up { value });
            }
        }
        Ok(self.client.perform_actions(actions).await?)
    }

    /// Presses the button at `from`, moves to `to` in several steps and lets go: a pan. Both are offsets in pixels from
    /// the middle of the first visible match.
    ///
    /// # Errors
    /// Where there is no match within 30 s.
    pub async fn drag(&self, css: &str, from: (f64, f64), to: (f64, f64)) -> Result<()> {
        const STEPS: u32 = 8;
        let at = |element: Element, (x, y): (f64, f64)| PointerAction::MoveToElement { element, duration: None, x, y };
        let element = self.element(css).await?;
        let mut actions = MouseActions::new("mouse".to_owned())
            .then(at(element.clone(), from))
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
        for step in 1..=STEPS {
            let part = f64::from(step) / f64::from(STEPS);
            let point = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
            actions = actions
                .then(at(element.clone(), point))
                .then(PointerAction::Pause { duration: Duration::from_millis(16) });
        }
        Ok(self.client.perform_actions(actions.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })).await?)
    }

    /// Moves the pointer to an offset in pixels from the middle of the first visible match.
    ///
    /// # Errors
    /// Where there is no match within 30 s.
    pub async fn hover(&self, css: &str, (x, y): (f64, f64)) -> Result<()> {
        let element = self.element(css).await?;
        let action = PointerAction::MoveToElement { element, duration: None, x, y };
        Ok(self.client.perform_actions(MouseActions::new("mouse".to_owned()).then(action)).await?)
    }

    /// Turns the wheel over the first visible match; downwards where `delta_y` is positive.
    ///
    /// # Errors
    /// Where there is no match within 30 s.
    pub async fn scroll(&self, css: &str, delta_y: i32) -> Result<()> {
        // Dispatched as an event: WebKitWebDriver knows no wheel.
        let script = "const box = arguments[0].getBoundingClientRect();
            arguments[0].dispatchEvent(new WheelEvent('wheel', { deltaY: arguments[1], bubbles: true, cancelable: true,
                clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));";
        let element = serde_json::to_value(self.element(css).await?)?;
        self.client.execute(script, vec![element, json!(delta_y)]).await?;
        Ok(())
    }

    /// What a function body returns in the page.
    ///
    /// # Errors
    /// Where it throws.
    pub async fn script(&self, body: &str) -> Result<Value> {
        Ok(self.client.execute(body, Vec::new()).await?)
    }

    /// Writes a picture of the page as PNG.
    ///
    /// # Errors
    /// Where the browser gives none or the file cannot be written.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        if !self.is_chromium {
            self.client.execute(NUDGE, Vec::new()).await?;
        }
        let picture = self.client.screenshot().await?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))
    }

    /// What the page wrote to its console since the last call, errors and refused loads included. In a window only the
    /// errors since it was loaded.
    ///
    /// # Errors
    /// Where the browser does not answer.
    pub async fn console(&self) -> Result<Vec<String>> {
        if !self.is_chromium {
            let complaints = self.script("return (window.complaints || []).splice(0)").await?;
            let complaints = complaints.as_array().cloned().unwrap_or_default();
            return Ok(complaints.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect());
        }
        let log = self.client.issue_cmd(Extension { path: "se/log", body: json!({ "type": "browser" }) }).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let part = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(entries.iter().map(|entry| format!("{} {}", part(entry, "level"), part(entry, "message"))).collect())
    }

    /// The folder of the browser's own files; every process of it names that folder.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The client underneath, for what is rarely needed.
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn listen(&self) -> Result<()> {
        if !self.is_chromium {
            self.client.execute(LISTEN, Vec::new()).await?;
        }
        Ok(())
    }

    async fn element(&self, css: &str) -> Result<Element> {
        self.until(css, async || self.visible(css).await).await
    }

    async fn visible(&self, css: &str) -> Result<Option<Element>> {
        let mut looks = 0;
        let found = loop {
            match self.client.find_all(Locator::Css(css)).await {
                // WebKit's driver found one that went away before it could be named: it is looked for again.
                Err(error) if looks < STALE_LOOKS && error.to_string().contains("Stale element") => looks += 1,
                found => break found.with_context(|| format!("looking for {css}"))?,
            }
        };
        for element in found {
            // An element that went away meanwhile is not visible.
            if element.is_displayed().await.unwrap_or(false) {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        self.until_within(what, PATIENCE, look).await
    }

    async fn until_within<T>(
        &self,
        what: &str,
        patience: Duration,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("waited {} s for {what}\n{}", patience.as_secs_f32(), self.describe().await);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// What a person would tell of a page that does not do what it should.
    async fn describe(&self) -> String {
        let address = self.client.current_url().await.map(|url| url.to_string()).unwrap_or_default();
        let text = self.script("return document.body ? document.body.innerText : ''").await.unwrap_or_default();
        let text: String = text.as_str().unwrap_or_default().chars().take(2_000).collect();
        let console = self.console().await.unwrap_or_default().join("\n");
        format!("page:    {address}\nshows:   {text}\nconsole: {console}")
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        Ok(self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await?)
    }
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// The characters WebDriver knows the keys of a chord by.
fn chord_keys(chord: &str) -> Result<Vec<char>> {
    // A chord may end in the plus key itself.
    let (modifiers, key) = match chord.strip_suffix("++") {
        Some(modifiers) => (modifiers, "+"),
        None if chord == "+" => ("", "+"),
        None => chord.rsplit_once('+').unwrap_or(("", chord)),
    };
    modifiers.split('+').filter(|name| !name.is_empty()).chain([key]).map(key_named).collect()
}

fn key_named(name: &str) -> Result<char> {
    let mut chars = name.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        return Ok(only.to_ascii_lowercase());
    }
    let key = match name {
        "Alt" => Key::Alt,
        "ArrowDown" => Key::Down,
        "ArrowLeft" => Key::Left,
        "ArrowRight" => Key::Right,
        "ArrowUp" => Key::Up,
        "Backspace" => Key::Backspace,
        "Control" => Key::Control,
        "Delete" => Key::Delete,
        "End" => Key::End,
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "F6" => Key::F6,
        "F8" => Key::F8,
        "F9" => Key::F9,
        "Home" => Key::Home,
        "PageDown" => Key::PageDown,
        "PageUp" => Key::PageUp,
        "Shift" => Key::Shift,
        "Space" => return Ok(' '),
        "Tab" => Key::Tab,
        _ => bail!("no key is called {name:?}"),
    };
    Ok(key.into())
}

async fn connect(port: u16, capabilities: Value) -> Result<Client> {
    let capabilities: Capabilities = capabilities.as_object().cloned().unwrap_or_default();
    let address = format!("http://127.0.0.1:{port}");
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            bail!("the driver does not listen on {address}");
        }
        tokio::time::sleep(GLANCE).await;
    }
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    let session = builder.capabilities(capabilities).connect(&address);
    // A window without its automation switch never answers.
    tokio::time::timeout(2 * PATIENCE, session)
        .await
        .context("no session: the program opens no window that can be driven")?
        .context("no session")
}

fn scratch(prefix: &str) -> Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).tempdir().context("no scratch folder")
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A display in memory.
#[derive(Debug)]
struct Display {
    name: String,
    _server: Leash,
}

impl Display {
    fn start(size: Size) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        let screen = format!("{}x{}x24", size.width, size.height);
        // It chooses a free number itself and prints it: no two tests meet.
        command
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"])
            .stderr(Stdio::null());
        let mut server = Leash::start(command).context("Xvfb does not start: install xvfb")?;
        let number = server.read_line(|line| line.trim().parse::<u32>().ok())?;
        Ok(Self { name: format!(":{number}"), _server: server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_keys() {
        let check = |chord: &str, expected: &[char]| assert_eq!(chord_keys(chord).unwrap(), expected, "{chord}");
        check("G", &['g']);
        check("Control+K", &[Key::Control.into(), 'k']);
        check("+", &['+']);
        check("Shift++", &[Key::Shift.into(), '+']);
        check("Shift+ArrowLeft", &[Key::Shift.into(), Key::Left.into()]);
        assert!(chord_keys("Control+Nothing").is_err());
    }
}
