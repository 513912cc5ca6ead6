//! Programs that never outlive the test that started them. Must not know what they do.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A program with all its descendants, ended when this is dropped or when this process dies, however it dies.
///
/// They share a process group with a shell that reads from a pipe whose other end this process holds: its end is the
/// signal. The group is asked to end, given time (a station writes down what it holds), then killed.
#[derive(Debug)]
pub struct Leash {
    shell: Child,
    hold: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

const LEASH: &str = r#"
"$@" &
read -r _
trap '' TERM
kill -TERM 0
tries=0
while [ $tries -lt 200 ]; do
    alive=
    for stat in /proc/[0-9]*/stat; do
        read -r line 2>/dev/null <"$stat" || continue
        set -- ${line##*) }
        if [ "$3" = "$$" ] && [ "$1" != Z ] && [ "${line%% *}" != "$$" ]; then alive=1; break; fi
    done
    [ -z "$alive" ] && exit 0
    sleep 0.1
    tries=$((tries + 1))
done
kill -KILL 0
"#;

impl Leash {
    /// Starts a program, with its complaints unread.
    ///
    /// # Errors
    /// Where it is not installed or cannot be started.
    pub fn start(command: Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let is_there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(&program).is_file());
        if !is_there {
            bail!("{program} is not installed");
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", LEASH, "sh"]).arg(&program).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn()?;
        let hold = shell.stdin.take();
        let output = shell.stdout.take().map(BufReader::new);
        Ok(Self { shell, hold, output })
    }

    /// Reads what the program prints until `meaning` finds something in a line.
    ///
    /// # Errors
    /// Where it ends before.
    pub fn read_line<T>(&mut self, meaning: impl Fn(&str) -> Option<T>) -> Result<T> {
        let output = self.output.as_mut().context("the program's output was read already")?;
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                bail!("the program ended, having said: {said}");
            }
            if let Some(found) = meaning(&line) {
                return Ok(found);
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.hold.take());
        // The shell ends last; it kills what does not end by itself.
        let has_ended = self.shell.wait().is_ok();
        if !has_ended && let Ok(group) = i32::try_from(self.shell.id()) {
            // Gone already is well; nothing else can go wrong with processes of our own.
            killpg(Pid::from_raw(group), Signal::SIGKILL).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leash_ends_descendants_too() -> Result<()> {
        let mut command = Command::new("sh");
        // The grandchild outlives its parent, as a browser its driver.
        command.args(["-c", "sleep 1000 & echo $!; exit 0"]);
        let mut leash = Leash::start(command)?;
        let pid = leash.read_line(|line| line.trim().parse::<i32>().ok())?;
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
        };
        assert!(is_alive());
        drop(leash);
        assert!(!is_alive());
        Ok(())
    }
}
