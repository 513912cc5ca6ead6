//! Embeds the screens and allows the page exactly the commands of this shell.

use std::path::Path;

fn main() {
    let screens = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed=../ui/dist");
    if !screens.join("index.html").exists() {
        // A plain `cargo build` must work in a fresh clone; what it builds says how to get the screens.
        let page =
            "<!doctype html><title>Penstock</title><p>The screens are not built: run <code>cargo xtask ui</code>.";
        let written = std::fs::create_dir_all(screens).and_then(|()| std::fs::write(screens.join("index.html"), page));
        if let Err(error) = written {
            println!("cargo:warning=ui/dist cannot be made: {error}");
        }
    }
    let commands = tauri_build::AppManifest::new().commands(&["call", "live", "here", "save_file", "save_export"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        println!("cargo:warning={error:#}");
        std::process::exit(1);
    }
}
