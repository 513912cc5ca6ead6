//! Chromium and a WebKitGTK window do what a person does, and leave nothing behind.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use penstock_testkit::webdriver::{Screen, Size, Window};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PAGE: &str = r#"<!doctype html><html><head><meta charset="utf-8"><title>page</title>
<style>body { margin: 0; background: #fff } @media (prefers-color-scheme: dark) { body { background: #000 } }
#pad { width: 300px; height: 200px; background: #888 } #late { display: none }</style></head><body>
<button id="add">add</button><p id="count">0</p><input id="name"><p id="keys"></p><div id="pad"></div>
<p id="drag"></p><p id="late">here</p><script>
const $ = id => document.getElementById(id);
$('add').onclick = () => { $('count').textContent = +$('count').textContent + 1; setTimeout(() => $('late').style.display = 'block', 200) };
document.onkeydown = e => { if (e.target.id !== 'name') $('keys').textContent += (e.ctrlKey ? 'C-' : '') + e.key + ' ' };
let from; $('pad').onmousedown = e => from = e.clientX; $('pad').onmouseup = e => $('drag').textContent = e.clientX - from;
console.error('from the page');
</script></body></html>"#;

/// Serves [`PAGE`] at every path until the test ends.
async fn serve() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Browsers open connections ahead of what they ask.
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{PAGE}",
                    PAGE.len()
                );
                if stream.read(&mut request).await.is_ok() {
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    Ok(address)
}

async fn journey(screen: &Screen) -> Result<()> {
    screen.goto(&serve().await?).await?;
    screen.click("#add").await?;
    screen.click_text("button", "add").await?;
    assert_eq!(screen.wait_text("#count", |text| text == "2").await?, "2");
    screen.wait_for("#late").await?;
    screen.fill("#name", "Vihar").await?;
    assert_eq!(screen.script("return document.getElementById('name').value").await?, "Vihar");
    screen.script("document.activeElement.blur()").await?;
    screen.press("g o Control+k Escape").await?;
    screen.wait_text("#keys", |text| text == "g o C-Control C-k Escape" || text == "g o Control C-k Escape").await?;
    screen.drag("#pad", (-50.0, 0.0), (50.0, 10.0)).await?;
    assert_eq!(screen.wait_text("#drag", |text| !text.is_empty()).await?, "100");
    let webgl = "return !!document.createElement('canvas').getContext('webgl2')";
    assert_eq!(screen.script(webgl).await?, true, "WebGL must come up without a graphics card");
    Ok(())
}

/// Width and height as a PNG states them.
fn png_size(file: &std::path::Path) -> Result<(u32, u32)> {
    let bytes = std::fs::read(file)?;
    assert_eq!(bytes.get(..8), Some(b"\x89PNG\r\n\x1a\n".as_slice()), "no PNG");
    let number =
        |at: usize| -> Result<u32> { Ok(u32::from_be_bytes(bytes.get(at..at + 4).context("too short")?.try_into()?)) };
    Ok((number(16)?, number(20)?))
}

/// How many processes still refer to `word` on their command line, this one aside.
fn processes_with(word: &str) -> usize {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let own = std::process::id().to_string();
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy() != own)
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(word))
        .count()
}

#[tokio::test]
async fn chromium_is_driven() -> Result<()> {
    let screen = Screen::chromium(Size::WORKSTATION).await?;
    journey(&screen).await?;
    assert!(screen.console().await?.iter().any(|line| line.contains("from the page")));

    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("sub/page.png");
    screen.screenshot(&picture).await?;
    assert_eq!(png_size(&picture)?, (1280, 800));
    screen.resize(Size::WALL).await?;
    screen.screenshot(&picture).await?;
    assert_eq!(png_size(&picture)?, (2560, 1440));

    let background = "return getComputedStyle(document.body).backgroundColor";
    screen.prefer_dark(true).await?;
    assert_eq!(screen.script(background).await?, "rgb(0, 0, 0)");
    screen.prefer_dark(false).await?;
    assert_eq!(screen.script(background).await?, "rgb(255, 255, 255)");
    let own = screen.folder().display().to_string();
    assert!(processes_with(&own) > 0);
    screen.close().await?;
    assert_eq!(processes_with(&own), 0);
    Ok(())
}

#[tokio::test]
async fn a_window_is_driven() -> Result<()> {
    // WebKitGTK's own small browser stands for a window of ours.
    let program = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|platform| PathBuf::from(format!("/usr/lib/{platform}/webkit2gtk-4.1/MiniBrowser")))
        .into_iter()
        .find(|file| file.is_file())
        .context("libwebkit2gtk-4.1-0 brings a MiniBrowser")?;
    let window = Window { program, args: vec!["--automation".into()], has_keyring: true, ..Window::default() };
    let screen = Screen::window(&window, Size::WORKSTATION).await?;
    journey(&screen).await?;
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("window.png");
    screen.screenshot(&picture).await?;
    let (width, height) = png_size(&picture)?;
    assert!(width >= 600 && height >= 400, "{width}×{height}");
    screen.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() -> Result<()> {
    let screen = Screen::chromium(Size { width: 400, height: 300 }).await?;
    screen.goto(&serve().await?).await?;
    let error = screen.wait_for_within("#nothing", std::time::Duration::from_millis(300)).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("#nothing") && text.contains("add") && text.contains("from the page"), "{text}");
    screen.close().await
}
