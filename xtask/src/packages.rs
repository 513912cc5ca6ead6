//! The system packages Penstock needs on Debian and its relatives: which are missing, and how to install them without
//! their services starting.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::workspace::{Workspace, has_program};

/// What a package is needed for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Compiling the desktop shell.
    Build,
    /// The station's database and broker.
    Run,
    /// Driving the window and a browser.
    Test,
}

/// What a package brings, so that it also counts as there when it came another way.
enum Brings {
    /// This program.
    Program(&'static str),
    /// Libraries and headers, which only the package database knows.
    Files,
}

const PACKAGES: &[(Need, &str, Brings)] = &[
    (Need::Build, "libwebkit2gtk-4.1-dev", Brings::Files),
    (Need::Build, "libgtk-3-dev", Brings::Files),
    (Need::Build, "librsvg2-dev", Brings::Files),
    (Need::Build, "libayatana-appindicator3-dev", Brings::Files),
    (Need::Build, "libssl-dev", Brings::Files),
    (Need::Build, "pkg-config", Brings::Program("pkg-config")),
    (Need::Run, "mosquitto", Brings::Program("mosquitto")),
    (Need::Run, "mosquitto-clients", Brings::Program("mosquitto_pub")),
    (Need::Test, "xvfb", Brings::Program("Xvfb")),
    (Need::Test, "dbus-x11", Brings::Program("dbus-launch")),
    (Need::Test, "at-spi2-core", Brings::Files),
    (Need::Test, "webkit2gtk-driver", Brings::Program("WebKitWebDriver")),
    (Need::Test, "gnome-keyring", Brings::Program("gnome-keyring-daemon")),
    (Need::Test, "chromium", Brings::Program("chromium")),
    (Need::Test, "chromium-driver", Brings::Program("chromedriver")),
];

/// The oldest PostgreSQL the station's private cluster runs on.
const OLDEST_POSTGRESQL: u32 = 14;

/// The packages of these needs that are not there.
pub(crate) fn missing(needs: &[Need]) -> anyhow::Result<Vec<String>> {
    if !has_program("dpkg-query") {
        return missing_programs(needs);
    }
    let installed = installed()?;
    let mut missing: Vec<String> = PACKAGES
        .iter()
        .filter(|(need, ..)| needs.contains(need))
        .filter(|(_, package, brings)| {
            !installed.contains(*package) && !matches!(brings, Brings::Program(program) if has_program(program))
        })
        .map(|(_, package, _)| (*package).to_owned())
        .collect();
    if needs.contains(&Need::Run) && !has_postgresql() {
        let version = offered_postgresql();
        missing.push(format!("postgresql-{version}"));
        missing.push(format!("postgresql-{version}-postgis-3"));
    }
    Ok(missing)
}

/// The packages of `wanted` that are not installed.
pub(crate) fn missing_of(wanted: &[&str]) -> anyhow::Result<Vec<String>> {
    let installed = installed()?;
    Ok(wanted.iter().filter(|package| !installed.contains(**package)).map(|package| (*package).to_owned()).collect())
}

/// Installs `packages`, having asked at a terminal unless `is_agreed`; without the right to, says what to type.
pub(crate) fn install(workspace: &Workspace, packages: &[String], is_agreed: bool) -> anyhow::Result<()> {
    let list = packages.join(" ");
    println!("   missing packages: {list}");
    println!("   the command:      sudo apt-get install --no-install-recommends {list}");
    if !has_program("apt-get") {
        bail!("this system has no apt-get: install what these Debian packages bring, then come again");
    }
    if !is_agreed && std::io::stdin().is_terminal() && !ask("   install them now? [Y/n] ")? {
        bail!("the packages above are missing: install them, then come again");
    }
    let mut command =
        as_root(is_agreed).context("installing needs root, and sudo is not to be had: use the command above")?;
    let log = workspace.scratch()?.join("apt.log");
    let output = std::fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    println!("   installing {} packages; what apt says goes to {}", packages.len(), log.display());
    let status = command
        .args(["sh", "-c", INSTALL, "install"])
        .args(packages)
        .stdout(output.try_clone().context("the log cannot be shared")?)
        .stderr(output)
        .status()
        .context("apt-get cannot be started")?;
    if !status.success() {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(8).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("apt-get failed; the end of {}:\n{}", log.display(), tail.join("\n"));
    }
    Ok(())
}

/// Installs its arguments with their services kept from starting: no daemon on 1883 or 5432 that nobody asked for. A
/// trap puts everything back, also after Ctrl-C.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
restore() {
    [ -n "${made_policy:-}" ] && rm -f "$policy"
    [ -n "${changed_clusters:-}" ] && mv -f "$clusters.before-penstock" "$clusters"
    return 0
}
trap restore EXIT
trap 'exit 130' INT TERM HUP
if [ ! -e "$policy" ]; then
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt="apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300"
$apt update
case " $* " in
*" postgresql-"*)
    $apt install --no-install-recommends postgresql-common
    cp -p "$clusters" "$clusters.before-penstock"
    changed_clusters=1
    sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' "$clusters"
    grep -q '^create_main_cluster = false' "$clusters" || echo 'create_main_cluster = false' >> "$clusters"
    ;;
esac
$apt install --no-install-recommends "$@"
"#;

/// What a command needs in front to run as root; none where that cannot be.
fn as_root(is_agreed: bool) -> Option<Command> {
    if nix::unistd::geteuid().is_root() {
        return Some(Command::new("env"));
    }
    if !has_program("sudo") {
        return None;
    }
    let mut sudo = Command::new("sudo");
    // Without a terminal, or with everything agreed beforehand, nobody is there to type a password.
    if is_agreed || !std::io::stdin().is_terminal() {
        sudo.arg("--non-interactive");
        let check = Command::new("sudo").args(["--non-interactive", "true"]).stderr(Stdio::null()).status();
        if !check.is_ok_and(|status| status.success()) {
            return None;
        }
    }
    Some(sudo)
}

/// A question with yes as its default.
fn ask(question: &str) -> anyhow::Result<bool> {
    print!("{question}");
    std::io::stdout().flush().context("the terminal cannot be written to")?;
    let mut answer = String::new();
    let bytes = std::io::stdin().read_line(&mut answer).context("the terminal cannot be read")?;
    Ok(bytes > 0 && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

fn installed() -> anyhow::Result<BTreeSet<String>> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .output()
        .context("dpkg-query cannot be started: this is no Debian system")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(" installed")).map(str::to_owned).collect())
}

/// Away from Debian only programs can be looked for; headers announce themselves when the compiler misses them.
fn missing_programs(needs: &[Need]) -> anyhow::Result<Vec<String>> {
    let mut missing: Vec<String> = PACKAGES
        .iter()
        .filter(|(need, ..)| needs.contains(need))
        .filter(|(_, _, brings)| matches!(brings, Brings::Program(program) if !has_program(program)))
        .map(|(_, package, _)| (*package).to_owned())
        .collect();
    if needs.contains(&Need::Run) && !has_postgresql() && !has_program("postgres") {
        missing.push("postgresql".to_owned());
    }
    Ok(missing)
}

fn has_postgresql() -> bool {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return false };
    versions.flatten().any(|version| {
        let name = version.file_name().to_string_lossy().into_owned();
        let has_server = version.path().join("bin/postgres").is_file();
        let has_postgis = Path::new("/usr/share/postgresql").join(&name).join("extension/postgis.control").is_file();
        name.parse::<u32>().is_ok_and(|number| number >= OLDEST_POSTGRESQL) && has_server && has_postgis
    })
}

/// The newest PostgreSQL the system's packages offer with PostGIS; Debian 12's where nothing can be asked.
fn offered_postgresql() -> u32 {
    let Ok(output) = Command::new("apt-cache").args(["pkgnames", "postgresql-"]).output() else { return 15 };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|name| name.strip_prefix("postgresql-")?.strip_suffix("-postgis-3")?.parse().ok())
        .filter(|version| *version >= OLDEST_POSTGRESQL)
        .max()
        .unwrap_or(15)
}
