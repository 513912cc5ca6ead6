//! The window: the screens over Tauri's IPC, the tray that stays when it is closed, and a window onto a station that
//! another process runs.

#![expect(clippy::let_underscore_must_use, reason = "`tauri::command` writes it")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use penstock_api::{ApiError, Code, Request};
use penstock_station::instance::{Running, Turn};
use penstock_station::notices::RecentLog;
use penstock_station::settings::Loaded;
use penstock_station::{Caller, Feed, Follower, Origin, Station, Step, Waiting};
use tauri::ipc::{Channel, InvokeResponseBody};
use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager as _, RunEvent, State, WebviewUrl, WebviewWindowBuilder, WindowEvent, Wry};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::host::{Hosted, Interrupted};

/// Label of the one window.
const MAIN: &str = "main";
/// What a page is asked over its channel, as JSON; frames are raw. Its script answers with the command [`here`], which
/// neither a page that hangs nor one whose process is gone can do.
const ARE_YOU_THERE: &str = "\"are you there\"";

/// The context with the embedded screens; the one place that makes it.
pub(crate) fn context() -> tauri::Context<Wry> {
    tauri::generate_context!()
}

/// How far the station's start has come.
#[derive(Clone)]
enum Progress {
    Starting,
    Ready(Station),
    Failed(String),
}

/// What the commands work with.
struct Shell {
    progress: watch::Receiver<Progress>,
    /// What the start waits for.
    waiting: watch::Receiver<Option<Waiting>>,
    /// The page that follows.
    page: Mutex<Page>,
}

/// A page that follows the live feed.
#[derive(Clone, Default)]
struct Page {
    /// Ends its feed once another has taken its place.
    stop: CancellationToken,
    /// It has said that it is there.
    is_here: Arc<Notify>,
}

impl Shell {
    /// The station, once it runs; while its start has to wait for something, that.
    async fn station(&self) -> Result<Station, ApiError> {
        tokio::select! {
            biased;
            settled = settled(self.progress.clone()) => settled,
            Some(waiting) = waited_for(self.waiting.clone()) => Err(waiting.told()),
        }
    }
}

/// The station, or why there is none, once it is known.
async fn settled(mut progress: watch::Receiver<Progress>) -> Result<Station, ApiError> {
    let settled = progress.wait_for(|progress| !matches!(progress, Progress::Starting)).await;
    match settled.as_deref() {
        Ok(Progress::Ready(station)) => Ok(station.clone()),
        Ok(Progress::Failed(problem)) => Err(ApiError::new(Code::Failed, problem.clone())),
        _ => Err(ApiError::new(Code::Away, "the station is stopping")),
    }
}

/// What the start waits for, as soon as it does; none once it is over.
async fn waited_for(mut waiting: watch::Receiver<Option<Waiting>>) -> Option<Waiting> {
    let waits = waiting.wait_for(Option::is_some).await.ok()?;
    (*waits).clone()
}

/// One call of the page: see `penstock_api`.
#[tauri::command]
async fn call(shell: State<'_, Shell>, name: String, body: String, token: Option<String>) -> Result<String, ApiError> {
    let request = Request::parse(&name, &body)?;
    shell.station().await?.call(&Caller { token, origin: Origin::Window }, request).await
}

/// The live feed of a session into `channel`, until the page asks for another or the session ends, which an empty
/// message tells.
#[tauri::command]
async fn live(shell: State<'_, Shell>, token: String, channel: Channel<InvokeResponseBody>) -> Result<(), ApiError> {
    let station = shell.station().await?;
    let feed = station.follow(&token)?;
    let page = Page::default();
    let before = std::mem::replace(&mut *shell.page.lock().unwrap_or_else(PoisonError::into_inner), page.clone());
    before.stop.cancel();
    tauri::async_runtime::spawn(async move {
        tokio::select! {
            () = page.stop.cancelled() => {}
            () = serve(&station, &token, feed, &page.is_here, &channel) => {}
        }
    });
    Ok(())
}

/// The page says that it is there still.
#[tauri::command]
fn here(shell: State<'_, Shell>) {
    shell.page.lock().unwrap_or_else(PoisonError::into_inner).is_here.notify_one();
}

/// Serves the page at the other end of `channel` until its session has ended or it cannot be reached. While it does not
/// answer it follows nothing: its desk is unattended, and nothing is sent that would pile up before it.
async fn serve(
    station: &Station,
    token: &str,
    mut feed: Feed,
    is_here: &Notify,
    channel: &Channel<InvokeResponseBody>,
) {
    while follow(station, token, feed, is_here, channel).await == Left::Silent {
        tracing::warn!("the page of the window does not answer: its positions are unattended");
        is_here.notified().await;
        tracing::info!("the page of the window answers again");
        feed = match station.follow(token) {
            Ok(feed) => feed,
            Err(_ended) => return tell_ended(channel),
        };
    }
}

/// Why a page follows no longer.
#[derive(PartialEq, Eq)]
enum Left {
    /// It does not answer, and may again.
    Silent,
    /// For good.
    Over,
}

/// Sends the page what has changed for as long as it answers.
async fn follow(
    station: &Station,
    token: &str,
    feed: Feed,
    is_here: &Notify,
    channel: &Channel<InvokeResponseBody>,
) -> Left {
    let mut follower = Follower::new(feed, || station.touch(token));
    loop {
        let step = tokio::select! {
            // What the page has said counts before it is asked why it says nothing.
            biased;
            () = is_here.notified() => {
                follower.answered();
                continue;
            }
            step = follower.next() => step,
        };
        let message = match step {
            Step::Send(frame) => match frame.to_bytes() {
                Ok(bytes) => InvokeResponseBody::Raw(bytes),
                Err(error) => {
                    tracing::error!(%error, "a frame could not be encoded");
                    return Left::Over;
                }
            },
            Step::Ask => InvokeResponseBody::Json(ARE_YOU_THERE.to_owned()),
            Step::Silent => return Left::Silent,
            Step::Ended(_) => {
                tell_ended(channel);
                return Left::Over;
            }
        };
        if channel.send(message).is_err() {
            return Left::Over;
        }
    }
}

/// Tells the page that its session has ended; one that cannot be reached need not know.
fn tell_ended(channel: &Channel<InvokeResponseBody>) {
    drop(channel.send(InvokeResponseBody::Raw(Vec::new())));
}

/// Saves what the page made into the person's downloads; says where.
#[tauri::command]
async fn save_file(app: AppHandle, name: String, bytes: Vec<u8>) -> Result<String, ApiError> {
    let path = free_path(&app, &name)?;
    std::fs::write(&path, bytes).map_err(|error| not_saved(&name, &error))?;
    Ok(path.display().to_string())
}

/// Saves a file that the station made ready into the person's downloads; says where. What breaks off leaves no part.
#[tauri::command]
async fn save_export(app: AppHandle, shell: State<'_, Shell>, ticket: String) -> Result<String, ApiError> {
    let taken = shell.station().await?.take_export(&ticket)?;
    let path = free_path(&app, taken.file_name())?;
    let written = path.clone();
    let work = tauri::async_runtime::spawn_blocking(move || {
        let part = written.with_extension(format!("{}.part", ticket.get(..8).unwrap_or_default()));
        let file = std::fs::File::create_new(&part).map_err(|error| not_saved(&part.display().to_string(), &error))?;
        let outcome = taken.write(std::io::BufWriter::new(file)).and_then(|()| {
            std::fs::rename(&part, &written).map_err(|error| not_saved(&written.display().to_string(), &error))
        });
        if outcome.is_err() {
            // The first error tells more than a second one about clearing up.
            drop(std::fs::remove_file(&part));
        }
        outcome
    });
    work.await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))??;
    Ok(path.display().to_string())
}

fn not_saved(name: &str, error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(Code::Failed, format!("{name} could not be saved: {error}"))
}

/// Where a file of this name goes in the person's downloads; nothing that is there is written over.
fn free_path(app: &AppHandle, name: &str) -> Result<PathBuf, ApiError> {
    let plain = Path::new(name).file_name().filter(|plain| plain.to_str() == Some(name));
    let Some(plain) = plain else {
        return Err(ApiError::invalid(format!("{name:?} is no file name")));
    };
    let folder =
        app.path().download_dir().or_else(|_| app.path().home_dir()).map_err(|error| not_saved(name, &error))?;
    std::fs::create_dir_all(&folder).map_err(|error| not_saved(name, &error))?;
    (0..1_000)
        .map(|count| folder.join(numbered(plain.as_ref(), count)))
        .find(|path| !path.exists())
        .ok_or_else(|| not_saved(name, &"there are a thousand files of that name"))
}

fn numbered(name: &Path, count: u32) -> PathBuf {
    if count == 0 {
        return name.to_owned();
    }
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let extension = name.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    format!("{stem} ({count}){extension}").into()
}

/// Hosts the station and shows it in a window.
pub(crate) fn host(
    runtime: &tokio::runtime::Runtime,
    data: PathBuf,
    settings: Loaded,
    log: RecentLog,
    turn: Option<Turn>,
) -> anyhow::Result<()> {
    tauri::async_runtime::set(runtime.handle().clone());
    let (progress_in, progress) = watch::channel(Progress::Starting);
    let (waiting_in, waiting) = watch::channel(None);
    let hosted = Arc::new(tokio::sync::Mutex::new(None::<Hosted>));
    // Held from here until the start is through: the end below waits for it.
    let mut slot = runtime.block_on(Arc::clone(&hosted).lock_owned());
    let interrupt = CancellationToken::new();
    let interrupted = interrupt.clone();
    let start = async move {
        match Hosted::start(data, settings, log, turn, interrupted, waiting_in).await {
            Ok(ready) => {
                tracing::info!(address = ready.address, "the station runs");
                progress_in.send_replace(Progress::Ready(ready.station.clone()));
                *slot = Some(ready);
            }
            Err(error) => {
                let problem = format!("{error:#}");
                tracing::error!(problem, "the station cannot start");
                progress_in.send_replace(Progress::Failed(problem));
            }
        }
        drop(slot);
        // Kept open: a closed channel would say that the station is stopping.
        std::future::pending::<()>().await;
    };
    let starting = runtime.spawn(start);
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| bring_forward(app)))
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(Shell { progress, waiting, page: Mutex::default() })
        .register_asynchronous_uri_scheme_protocol("tile", |context, request, responder| {
            let app = context.app_handle().clone();
            let path = request.uri().path().to_owned();
            tauri::async_runtime::spawn(async move { responder.respond(tile(&app, &path).await) });
        })
        .invoke_handler(tauri::generate_handler![call, live, here, save_file, save_export])
        .setup(|app| {
            open(app.handle(), WebviewUrl::default())?;
            tray(app.handle())?;
            Ok(())
        })
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                // Closing the window leaves the station recording; the tray, or a second start, brings it back.
                api.prevent_close();
                if let Err(error) = window.hide() {
                    tracing::warn!(%error, "the window cannot be hidden");
                }
            }
        })
        .build(context())
        .context("the window cannot be opened")
        .and_then(|app| quit_on_signal(runtime, app.handle().clone()).map(|()| app));
    let code = app.map(|app| {
        app.run_return(|_, event| {
            if let RunEvent::ExitRequested { code: None, api, .. } = event {
                api.prevent_exit(); // the last window is hidden, not gone
            }
        })
    });
    // Also without a window: what was started is stopped, and what still waits to be is not.
    interrupt.cancel();
    runtime.block_on(async {
        if let Some(hosted) = hosted.lock().await.take() {
            hosted.stop().await;
        }
        starting.abort();
    });
    let code = code?;
    if code == 0 { Ok(()) } else { Err(anyhow::anyhow!("the window ended with code {code}")) }
}

/// Shows a station that another process runs: brings its window forward where it has one, else opens one of our own.
pub(crate) fn attach(running: &Running) -> anyhow::Result<()> {
    let address = running.address.parse().with_context(|| format!("{} is no address", running.address))?;
    let app = tauri::Builder::default()
        // Where the other process has a window, that one comes forward and this process ends here.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| bring_forward(app)))
        .setup(move |app| {
            open(app.handle(), WebviewUrl::External(address))?;
            Ok(())
        })
        .build(context())
        .context("the window cannot be opened")?;
    let code = app.run_return(|_, _| {});
    if code == 0 { Ok(()) } else { Err(anyhow::anyhow!("the window ended with code {code}")) }
}

fn open(app: &AppHandle, url: WebviewUrl) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, MAIN, url)
        .title("Penstock")
        .inner_size(1_440.0, 900.0)
        .min_inner_size(360.0, 480.0)
        .build()?;
    Ok(())
}

fn bring_forward(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN) {
        for step in [window.show(), window.unminimize(), window.set_focus()] {
            if let Err(error) = step {
                tracing::warn!(%error, "the window cannot be brought forward");
            }
        }
    }
}

fn tray(app: &AppHandle) -> tauri::Result<()> {
    let open = MenuItem::with_id(app, "open", "Open the control room", true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit: stops recording and alarms", true, None::<&str>)?;
    let mut tray =
        TrayIconBuilder::with_id("penstock").tooltip("Penstock records").menu(&Menu::with_items(app, &[&open, &quit])?);
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.on_menu_event(|app, event| match event.id().as_ref() {
        "open" => bring_forward(app),
        "quit" => app.exit(0),
        _ => {}
    })
    .build(app)?;
    Ok(())
}

fn quit_on_signal(runtime: &tokio::runtime::Runtime, app: AppHandle) -> anyhow::Result<()> {
    let _inside = runtime.enter();
    let mut interrupted = Interrupted::listen()?;
    runtime.spawn(async move {
        interrupted.wait().await;
        app.exit(0);
    });
    Ok(())
}

/// A map tile over the window's own scheme: `tile://localhost/z/x/y`.
async fn tile(app: &AppHandle, path: &str) -> tauri::http::Response<Vec<u8>> {
    let respond = |status: u16, body: Vec<u8>| {
        tauri::http::Response::builder()
            .status(status)
            .header("content-type", "image/png")
            .header("access-control-allow-origin", "*")
            .body(body)
            .unwrap_or_default()
    };
    let mut parts = path.trim_matches('/').split('/').map(|part| part.trim_end_matches(".png").parse::<u32>());
    let (Some(Ok(z)), Some(Ok(x)), Some(Ok(y))) = (parts.next(), parts.next(), parts.next()) else {
        return respond(404, Vec::new());
    };
    let station = match app.state::<Shell>().station().await {
        Ok(station) => station,
        Err(_starting) => return respond(503, Vec::new()),
    };
    match station.tile(u8::try_from(z).unwrap_or(u8::MAX), x, y).await {
        Ok(png) => respond(200, png),
        Err(_none) => respond(404, Vec::new()),
    }
}
