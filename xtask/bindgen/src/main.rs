//! Turns the compiled screens (`.wasm`) into what a browser loads: script, module, and the theme as CSS.
//!
//! A tool of its own, beside xtask, because wasm-bindgen's library takes minutes to compile and xtask must be ready in
//! seconds. Must not know what the screens are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use penstock_theme::{Mode, css_constants, css_variables};
use wasm_bindgen_cli_support::Bindgen;

/// `penstock-bindgen INPUT.wasm OUT_DIR NAME` writes `NAME.js`, `NAME_bg.wasm` and `theme.css` into `OUT_DIR`.
fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(out_dir), Some(name)) = (args.next(), args.next(), args.next()) else {
        anyhow::bail!("usage: penstock-bindgen INPUT.wasm OUT_DIR NAME");
    };
    let name = name.to_str().context("the name must be plain text")?;
    bind(&input, &out_dir, name)?;

    let theme = out_dir.join("theme.css");
    std::fs::write(&theme, theme_css()?).with_context(|| format!("cannot write {}", theme.display()))
}

fn bind(input: &Path, out_dir: &Path, name: &str) -> anyhow::Result<()> {
    Bindgen::new()
        .input_path(input)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The page says where the module lies; a default would be `import.meta.url`, which no test can set.
        .omit_default_module_path(true)
        .generate(out_dir)
        .with_context(|| format!("cannot bind {} to the browser", input.display()))
}

/// Both themes: as `data-theme` on the root says, else as the system prefers.
fn theme_css() -> Result<String, std::fmt::Error> {
    let [dark, light] = [Mode::Dark, Mode::Light].map(css_variables);
    let mut css = String::from("/* Generated from assets/theme/tokens.json. */\n");
    writeln!(css, ":root {{\n  color-scheme: dark;\n{}{dark}}}", css_constants())?;
    writeln!(css, "@media (prefers-color-scheme: light) {{\n:root {{\n  color-scheme: light;\n{light}}}\n}}")?;
    writeln!(css, ":root[data-theme=\"dark\"] {{\n  color-scheme: dark;\n{dark}}}")?;
    writeln!(css, ":root[data-theme=\"light\"] {{\n  color-scheme: light;\n{light}}}")?;
    Ok(css)
}
