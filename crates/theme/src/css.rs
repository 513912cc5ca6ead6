//! The table as CSS custom properties.

use serde_json::Value;

use crate::Mode;
use crate::table::TABLE;

/// The colours of a theme as declarations, one a line: `--surface-panel: #1C2024;`, `--alarm-1-fill`, `--pen-3`,
/// `--map-land`, `--scrim`, `--shadow` … for a rule such as `:root[data-theme="dark"]`.
pub fn css_variables(mode: Mode) -> String {
    let mut css = String::new();
    if let Some(theme) = table().get("themes").and_then(|themes| themes.get(mode.name())) {
        declare(&mut css, "-", theme, "");
    }
    css
}

/// What both themes share as declarations: `--space-3: 8px;`, `--radius-control: 4px;`, `--size-banner-height: 64px;`,
/// `--type-body: 400 13px/20px var(--type-sans);`, `--motion-fast: 90ms;` … for `:root`.
pub fn css_constants() -> String {
    let mut css = String::new();
    let table = table();
    for group in ["space", "radius", "size"] {
        if let Some(lengths) = table.get(group) {
            declare(&mut css, &format!("--{group}"), lengths, "px");
        }
    }
    for name in ["instant", "fast", "max", "blinkPeriod"] {
        if let Some(length) = table.pointer(&format!("/motion/{name}")) {
            declare(&mut css, &format!("--motion-{}", kebab(name)), length, "ms");
        }
    }
    for name in ["easing", "blinkTo"] {
        if let Some(value) = table.pointer(&format!("/motion/{name}")) {
            declare(&mut css, &format!("--motion-{}", kebab(name)), value, "");
        }
    }
    if let Some(sans) = table.pointer("/type/sans") {
        declare(&mut css, "--type-sans", sans, "");
    }
    for (name, style) in table.pointer("/type/scale").and_then(Value::as_object).into_iter().flatten() {
        let part = |key: &str| style.get(key).and_then(Value::as_f64).unwrap_or_default();
        let (weight, size, line) = (part("weight"), part("px"), part("line"));
        css.push_str(&format!("  --type-{name}: {weight} {size}px/{line}px var(--type-sans);\n"));
    }
    css
}

fn table() -> Value {
    // The table is checked where it is read into types; a value that cannot be read there never gets here.
    serde_json::from_str(TABLE).unwrap_or_default()
}

/// Declares `value` under `name`, and what it holds under names behind it. Members of a list count from 1 and drop the
/// list's plural: `--pen-1`.
fn declare(css: &mut String, name: &str, value: &Value, unit: &str) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                declare(css, &format!("{name}-{}", kebab(key)), member, unit);
            }
        }
        Value::Array(members) => {
            let singular = name.strip_suffix('s').unwrap_or(name);
            for (at, member) in members.iter().enumerate() {
                declare(css, &format!("{singular}-{}", at + 1), member, unit);
            }
        }
        Value::String(text) => css.push_str(&format!("  {name}: {text};\n")),
        Value::Number(number) => css.push_str(&format!("  {name}: {number}{unit};\n")),
        Value::Null | Value::Bool(_) => {}
    }
}

fn kebab(key: &str) -> String {
    let mut out = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_declares_the_same_names() {
        let names = |mode| -> Vec<String> {
            css_variables(mode).lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
        };
        assert_eq!(names(Mode::Dark), names(Mode::Light));
        assert!(names(Mode::Dark).len() > 60);
    }

    #[test]
    fn names_are_the_tables_in_kebab_case() {
        let css = css_variables(Mode::Dark) + &css_constants();
        for line in [
            "  --surface-panel: #1C2024;",
            "  --text-on-accent: #FFFFFF;",
            "  --alarm-1-tint: #3B2127;",
            "  --pen-8: #CEFFCA;",
            "  --anomaly-band-alpha: 0.16;",
            "  --scrim: #0A0C0E99;",
            "  --shadow: 0 8px 24px #00000080;",
            "  --space-3: 8px;",
            "  --size-banner-height: 64px;",
            "  --size-badge-row: 20px;",
            "  --type-body: 400 13px/20px var(--type-sans);",
            "  --motion-blink-period: 1250ms;",
            "  --motion-blink-to: 0.35;",
        ] {
            assert!(css.lines().any(|given| given == line), "{line} is missing in\n{css}");
        }
    }
}
