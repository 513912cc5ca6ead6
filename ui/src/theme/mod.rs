//! Puts the token table on the page: both themes' colours and the shared sizes as CSS variables, so that style sheets
//! name what they mean and nothing is typed twice. Must not know any screen.

use penstock_theme::{Mode, css_constants, css_variables};

use crate::page;

/// Adds the variables to the page, once, at start.
pub(crate) fn adopt() {
    page::adopt_style(&sheet());
}

fn sheet() -> String {
    let mut css = format!(":root {{\n{}}}\n", css_constants());
    for mode in Mode::ALL {
        let (name, variables) = (mode.name(), css_variables(mode));
        css.push_str(&format!(":root[data-theme=\"{name}\"] {{\n  color-scheme: {name};\n{variables}}}\n"));
    }
    // A wall screen is read from afar; Devanagari needs room above and below.
    let wall = "@media (min-width: 2560px)";
    css.push_str(&format!(":root[lang=\"hi\"] {{\n{}}}\n", typefaces(DEVANAGARI_SIZE, DEVANAGARI_LINE)));
    css.push_str(&format!("{wall} {{ :root {{\n{}}} }}\n", typefaces(WALL_SIZE, WALL_SIZE)));
    let (size, line) = (WALL_SIZE * DEVANAGARI_SIZE, WALL_SIZE * DEVANAGARI_LINE);
    css.push_str(&format!("{wall} {{ :root[lang=\"hi\"] {{\n{}}} }}\n", typefaces(size, line)));
    css
}

const DEVANAGARI_SIZE: f64 = 1.06;
const DEVANAGARI_LINE: f64 = 1.2;
/// How much larger type is on a wall screen.
pub(crate) const WALL_SIZE: f64 = 1.5;

/// The table's typefaces, `size` times as large, with lines `line` times as high.
fn typefaces(size: f64, line: f64) -> String {
    let constants = css_constants();
    let scaled = constants.lines().filter_map(|declaration| {
        // `  --type-body: 400 13px/20px var(--type-sans);`
        let (name, value) = declaration.split_once(": ")?;
        let mut words = value.split(' ');
        let (weight, sizes, family) = (words.next()?, words.next()?, words.next()?);
        let (letters, lines) = sizes.split_once('/')?;
        let px = |text: &str, by: f64| Some(text.strip_suffix("px")?.parse::<f64>().ok()? * by);
        let (letters, lines) = (px(letters, size)?, px(lines, line)?.round());
        name.trim().starts_with("--type-").then(|| format!("{name}: {weight} {letters:.1}px/{lines}px {family}\n"))
    });
    scaled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `var(--…)` that the style sheets use is in the table or set by the sheets themselves.
    #[test]
    fn style_sheets_name_only_what_there_is() {
        let sheets = [
            include_str!("../../style/base.css"),
            include_str!("../../style/frame.css"),
            include_str!("../../style/components.css"),
            include_str!("../../style/screens.css"),
        ];
        let table = sheet();
        for css in sheets {
            for used in css.split("var(").skip(1) {
                let name = used.split([')', ',']).next().unwrap_or_default().trim();
                let declaration = format!("{name}:");
                let is_known = table.contains(&declaration) || sheets.iter().any(|css| css.contains(&declaration));
                assert!(is_known, "{name} is used and nowhere set");
            }
        }
    }

    #[test]
    fn typefaces_grow() {
        let text = typefaces(1.5, 1.5);
        assert!(text.contains("--type-body: 400 19.5px/30px var(--type-sans);"), "{text}");
        assert_eq!(text.lines().count(), css_constants().lines().filter(|line| line.contains("px/")).count());
    }

    /// Colours come from the table alone.
    #[test]
    fn style_sheets_hold_no_colours() {
        for css in [
            include_str!("../../style/base.css"),
            include_str!("../../style/frame.css"),
            include_str!("../../style/components.css"),
            include_str!("../../style/screens.css"),
        ] {
            for line in css.lines() {
                let has_hex = line.split('#').skip(1).any(|rest| {
                    let digits = rest.chars().take_while(char::is_ascii_hexdigit).count();
                    matches!(digits, 3 | 4 | 6 | 8) && line.contains(':') && !line.trim_end().ends_with('{')
                });
                assert!(!has_hex && !line.contains("rgb("), "a colour of its own: {line}");
            }
        }
    }
}
