//! The guardian by itself, spoken to over its pipe.

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use crate::agent::stages;

fn start() -> Child {
    Command::new(stages()).arg("guardian").stdin(Stdio::piped()).spawn().unwrap()
}

fn tell(guardian: &mut Child, message: &serde_json::Value) {
    writeln!(guardian.stdin.as_mut().unwrap(), "{message}").unwrap();
}

fn group() -> Child {
    Command::new("sh")
        .args(["-c", "trap '' INT; sleep 600 & sleep 600"])
        .process_group(0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn when_the_pipe_ends_everything_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let (home, lock) = (folder.path().join("home"), folder.path().join("lock"));
    fs::create_dir_all(home.join("deep")).unwrap();
    let mut terraform = group();
    let mut guardian = start();
    tell(
        &mut guardian,
        &serde_json::json!({"start": {"home": home, "lock": lock, "grace_ms": 100, "allowed_hosts": []}}),
    );
    tell(&mut guardian, &serde_json::json!({"group_started": terraform.id()}));
    drop(guardian.stdin.take());
    let status = terraform.wait().unwrap();
    assert!(!status.success());
    guardian.wait().unwrap();
    assert!(!home.exists());
}

#[test]
fn after_a_farewell_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let mut terraform = group();
    let mut guardian = start();
    tell(
        &mut guardian,
        &serde_json::json!({"start": {"home": home, "lock": null, "grace_ms": 100, "allowed_hosts": []}}),
    );
    tell(&mut guardian, &serde_json::json!({"group_started": terraform.id()}));
    tell(&mut guardian, &serde_json::json!("done"));
    guardian.wait().unwrap();
    assert!(home.exists());
    assert!(terraform.try_wait().unwrap().is_none());
    let group = rustix::process::Pid::from_child(&terraform);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    terraform.wait().unwrap();
}
