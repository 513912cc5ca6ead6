//! Photographs every screen of a running station: `shots ADDRESS OUT_DIR`. `cargo xtask shots` calls it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use penstock_testkit::webdriver::{Screen, Size};

/// Path and name of each screen behind the sign-in.
const SCREENS: &[(&str, &str)] = &[
    ("", "overview"),
    ("map", "map"),
    ("trends", "trends"),
    ("alarms", "alarms"),
    ("alarms?tab=kept", "alarms-kept"),
    ("alarms?tab=journal", "alarms-journal"),
    ("alarms?tab=analysis", "alarms-analysis"),
    ("alarms?tab=rules", "alarms-rules"),
    ("points", "points"),
    ("health", "health"),
    ("settings", "settings"),
];

/// What charts and maps may take to draw what they have loaded.
const SETTLE: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().context("usage: shots ADDRESS OUT_DIR")?;
    let folder = PathBuf::from(args.next().context("usage: shots ADDRESS OUT_DIR")?);

    let screen = Screen::chromium(Size::WORKSTATION).await?;
    for is_dark in [true, false] {
        let theme = if is_dark { "dark" } else { "light" };
        screen.prefer_dark(is_dark).await?;
        screen.goto(&address).await?;
        screen.wait_for("[data-testid=sign-in]").await?;
        tokio::time::sleep(SETTLE).await;
        screen.screenshot(&folder.join(format!("sign-in-{theme}.png"))).await?;
        // The last of the demo's people may see every screen.
        screen.click("tr:last-child [data-testid^='use-']").await?;
        if screen.wait_for_within("[data-testid=overview]", SETTLE).await.is_err() {
            screen.click("[data-testid=submit]").await?;
        }
        screen.wait_for("[data-testid=overview]").await?;
        for (path, name) in SCREENS {
            screen.goto(&format!("{address}{path}")).await?;
            screen.wait_for("main.screen").await?;
            tokio::time::sleep(SETTLE).await;
            screen.screenshot(&folder.join(format!("{name}-{theme}.png"))).await?;
        }
        screen.resize(Size::WALL).await?;
        screen.goto(&address).await?;
        screen.wait_for("[data-testid=overview]").await?;
        tokio::time::sleep(SETTLE).await;
        screen.screenshot(&folder.join(format!("overview-{theme}-wall.png"))).await?;
        screen.resize(Size::WORKSTATION).await?;
        // The session is kept for this tab: without it the next theme begins at the sign-in again.
        screen.script("sessionStorage.clear()").await?;
    }
    let complaints: Vec<String> =
        screen.console().await?.into_iter().filter(|line| line.starts_with("SEVERE")).collect();
    screen.close().await?;
    anyhow::ensure!(complaints.is_empty(), "the page complains:\n{}", complaints.join("\n"));
    Ok(())
}
