//! A machine's clock that jumps, for the station and all that it starts: a library put before the system's, since the
//! real one is not ours to move and time namespaces leave it alone. Must not know what anybody does with the time.

use std::os::unix::fs::FileExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::room::Room;

/// Adds the seconds in a file to the clock. They are read anew each time, so that all processes jump at once.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *ahead_secs;

__attribute__((constructor)) static void find_file(void) {
    const char *path = getenv("TEST_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *ahead_secs, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) ahead_secs = page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    long outcome = syscall(SYS_clock_gettime, clock, at);
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (outcome == 0 && is_wall && ahead_secs) at->tv_sec += *ahead_secs;
    return (int)outcome;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    int outcome = clock_gettime(CLOCK_REALTIME, &precise);
    if (outcome == 0) {
        at->tv_sec = precise.tv_sec;
        at->tv_usec = precise.tv_nsec / 1000;
    }
    return outcome;
}

time_t time(time_t *at) {
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return (time_t)-1;
    if (at) *at = precise.tv_sec;
    return precise.tv_sec;
}
"#;

/// The clock of a room's station, its database and its broker.
pub(crate) struct Jump {
    secs: std::fs::File,
}

impl Jump {
    /// A clock that is right, for a room whose station does not run yet.
    pub(crate) fn prepare(room: &mut Room) -> Result<Self> {
        let file = |name: &str| room.data().join(name);
        let (source, library, secs) = (file("clock.c"), file("clock.so"), file("clock"));
        std::fs::write(&source, LIBRARY)?;
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .output()
            .context("cc cannot be started: it links Rust's programs too")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr).trim());
        std::fs::write(&secs, 0_i64.to_ne_bytes())?;
        room.set("LD_PRELOAD", &library.display().to_string());
        room.set("TEST_CLOCK_FILE", &secs.display().to_string());
        Ok(Self { secs: std::fs::File::options().write(true).open(&secs)? })
    }

    /// Makes the clock wrong by so many seconds, at once.
    pub(crate) fn set(&self, secs: i64) -> Result<()> {
        Ok(self.secs.write_all_at(&secs.to_ne_bytes(), 0)?)
    }
}
