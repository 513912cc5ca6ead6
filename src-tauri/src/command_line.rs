//! What the program is asked for on the command line.

use std::path::PathBuf;

use anyhow::Context as _;

const USAGE: &str = "\
penstock [station] [--data DIR]

  penstock          the control room in a window; without a display as with `station`
  penstock station  the station without a window, its screens for a browser on this machine

  --data DIR        the folder that everything is kept in (default: /var/lib/penstock for root, else
                    penstock under the user's data folder)
  --version         the version
";

/// With or without a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In a window.
    Window,
    /// Without one.
    Headless,
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    headless: bool,
    data: Option<PathBuf>,
}

impl CommandLine {
    /// Reads the arguments; none where they asked for words only, which are printed.
    ///
    /// # Errors
    /// The argument that is not known, and the usage.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut read = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "station" => read.headless = true,
                "--data" => match arguments.next() {
                    Some(folder) => read.data = Some(folder.into()),
                    None => return Err(format!("--data needs a folder\n\n{USAGE}")),
                },
                "--version" => {
                    crate::logs::say(concat!("penstock ", env!("CARGO_PKG_VERSION")));
                    return Ok(None);
                }
                "--help" | "-h" => {
                    crate::logs::say(USAGE);
                    return Ok(None);
                }
                other => return Err(format!("{other:?} is not known\n\n{USAGE}")),
            }
        }
        Ok(Some(read))
    }

    /// With a window where there is a display and none was declined.
    pub(crate) fn mode(&self) -> Mode {
        let display =
            ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
        if self.headless || (cfg!(target_os = "linux") && !display) { Mode::Headless } else { Mode::Window }
    }

    /// The folder that everything is kept in, made where it does not exist.
    ///
    /// # Errors
    /// Where there is none to be found or it cannot be made.
    pub(crate) fn data(&self) -> anyhow::Result<PathBuf> {
        let data = match &self.data {
            Some(data) => std::path::absolute(data)?,
            None => default_data()?,
        };
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the data folder {}: choose another with --data", data.display()))?;
        Ok(data)
    }
}

fn default_data() -> anyhow::Result<PathBuf> {
    if cfg!(unix) && nix::unistd::geteuid().is_root() {
        // Root's own home is closed to the database's account.
        return Ok("/var/lib/penstock".into());
    }
    let of_user = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share"));
    let base = of_user.or_else(home).context("there is no home folder: give one with --data")?;
    Ok(base.join("penstock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let read = |words: &[&str]| CommandLine::read(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(read(&[]), Ok(Some(CommandLine::default())));
        let both = read(&["station", "--data", "/x"]).expect("known").expect("to be run");
        assert_eq!(both, CommandLine { headless: true, data: Some("/x".into()) });
        assert_eq!(both.mode(), Mode::Headless);
        assert!(read(&["--data"]).is_err());
        assert!(read(&["--colour"]).is_err_and(|problem| problem.contains("--colour")));
    }
}
