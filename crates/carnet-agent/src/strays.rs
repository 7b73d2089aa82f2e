//! Ends what a run has started and left running outside of its process group.

use std::{
    ffi::OsStr,
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::Path,
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal},
};

/// A process that is being killed may start another: it is looked again, this often at most.
const ROUNDS: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// What every process of a run inherits. A person who looks around in the directory has none of them.
const MARKS: [&str; 3] = ["HOME=", "TMPDIR=", "TF_CLI_CONFIG_FILE="];

/// Kills every process that was started with the home directory of a run in its environment.
pub(crate) fn end_strays(home: &Path) {
    for _ in 0..ROUNDS {
        let strays = find(home);
        if strays.is_empty() {
            return;
        }
        for stray in strays {
            match pidfd_send_signal(&stray, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => tracing::warn!(error = %error, "a process of a run cannot be killed"),
            }
        }
        std::thread::sleep(PAUSE);
    }
    tracing::warn!(home = %home.display(), "processes of a run are left");
}

fn find(home: &Path) -> Vec<OwnedFd> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    ids.filter_map(|id| stray(id, home).ok().flatten()).collect()
}

fn stray(id: Pid, home: &Path) -> io::Result<Option<OwnedFd>> {
    let folder = format!("/proc/{}", id.as_raw_nonzero());
    if fs::metadata(&folder)?.uid() != geteuid().as_raw() {
        return Ok(None);
    }
    // Held before the look, so that what is killed is what was looked at, whoever has the number then.
    let process = pidfd_open(id, PidfdFlags::empty())?;
    Ok(is_marked(&fs::read(format!("{folder}/environ"))?, home).then_some(process))
}

fn is_marked(environment: &[u8], home: &Path) -> bool {
    let names_home = |entry: &[u8]| {
        let value = MARKS.iter().find_map(|mark| entry.strip_prefix(mark.as_bytes()));
        value.is_some_and(|value| Path::new(OsStr::from_bytes(value)).starts_with(home))
    };
    environment.split(|byte| *byte == 0).any(names_home)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::Command,
    };

    use super::*;

    #[test]
    fn only_processes_of_the_home_are_ended() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let other = format!("{}-other", home.display());
        let start = |name: &str, value: &str| {
            let mut command = Command::new("sleep");
            command
                .arg("60")
                .env_clear()
                .env(name, value)
                .current_dir(&home)
                .process_group(0)
                .spawn()
                .unwrap()
        };
        let mut bystander = start("HOME", &other);
        let mut strays =
            [start("HOME", home.to_str().unwrap()), start("TMPDIR", &format!("{}/tmp", home.display()))];
        end_strays(&home);
        for stray in &mut strays {
            assert_eq!(stray.wait().unwrap().signal(), Some(9));
        }
        assert!(bystander.try_wait().unwrap().is_none());
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }
}
