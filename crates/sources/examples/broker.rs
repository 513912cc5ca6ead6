//! A private broker in the given folder until it is killed or stopped by Ctrl-C: prints how to publish on it.
//!
//! Passwords come from `STATION_PASSWORD` and `DEVICE_PASSWORD`, else they are new at each start.

use std::io::Write as _;

use anyhow::Context as _;
use penstock_model::Clock;
use penstock_sources::Secret;
use penstock_sources::broker::{Credentials, PrivateBroker};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("usage: broker FOLDER")?;
    let given = |name| std::env::var(name).map(Secret::new);
    let credentials = match (given("STATION_PASSWORD"), given("DEVICE_PASSWORD")) {
        (Ok(station), Ok(device)) => Credentials { station, device },
        _ => Credentials::generate()?,
    };
    let (broker, keeper) = PrivateBroker::start(folder, credentials, Clock::System).await?;
    writeln!(std::io::stdout(), "{}", broker.publish_example())?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let (_, stopped) = tokio::join!(keeper.run(shutdown), async move {
        let stopped = tokio::signal::ctrl_c().await;
        stop.cancel();
        stopped
    });
    Ok(stopped?)
}
