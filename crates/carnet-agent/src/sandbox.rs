//! Keeps Terraform, its providers and everything they start from the files and processes of the agent and the server.
//!
//! A stage of the agent's own program runs between the agent and Terraform: it gives up every right that the run does
//! not need and then becomes Terraform. Landlock knows only what is allowed, so the stage walks from the root along
//! the protected paths and allows everything beside them. A restricted process can also not trace or signal a
//! process outside, which protects the agent's memory.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::{
    io::Errno,
    thread::{CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities},
};
use serde::{Deserialize, Serialize};

use crate::{config::SandboxMode, workdir};

/// The newest set of kernel features that is used where it is there.
const ABI_WANTED: ABI = ABI::V6;

/// Devices that programs write to.
const WRITABLE_DEVICES: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/fd",
];

/// Where tools keep the credentials of the person, or the machine, that the agent runs as.
const PERSONAL: [&str; 14] = [
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/hcp",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".netrc",
    ".oci",
    ".ssh",
    ".terraform.d",
    ".terraformrc",
    ".vault-token",
];

/// The argument that stands for the stage, as the command line knows it.
pub(crate) const STAGE: &str = "sandbox-exec";

/// What a run may do. Only paths are in it, so it may stand in an argument list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SandboxPlan {
    /// Nothing may be done here.
    pub(crate) protected: Vec<PathBuf>,
    /// Home directories of runs are here; those of other runs are protected.
    pub(crate) work_root: PathBuf,
    /// Everything may be done here.
    pub(crate) writable: Vec<PathBuf>,
    /// Whether to go on where the kernel cannot restrict.
    pub(crate) is_required: bool,
}

impl SandboxPlan {
    /// What stands before a command so that it runs in the sandbox.
    pub(crate) fn prefix(&self, stage: &Path) -> Vec<OsString> {
        let plan = serde_json::to_string(self).unwrap_or_default();
        vec![stage.into(), STAGE.into(), plan.into()]
    }
}

/// The paths below a home directory that hold credentials of their own.
pub(crate) fn personal(home: &Path) -> Vec<PathBuf> {
    PERSONAL.iter().map(|name| home.join(name)).filter(|path| path.exists()).collect()
}

/// Whether the kernel of this machine can restrict processes.
pub(crate) fn is_available() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}

/// Whether the sandbox is used: an error is a sentence for people, as is a remark.
pub(crate) fn decide(mode: SandboxMode, is_available: bool) -> Result<(bool, Option<&'static str>), String> {
    match (mode, is_available) {
        (SandboxMode::Off, _) => Ok((false, None)),
        (_, true) => Ok((true, None)),
        (SandboxMode::Auto, false) => {
            Ok((false, Some("this machine's kernel has no Landlock: Terraform runs without a sandbox")))
        }
        (SandboxMode::Required, false) => {
            Err("a sandbox is required and this machine's kernel has no Landlock".to_owned())
        }
    }
}

/// The hidden command `sandbox-exec PLAN PROGRAM ARGUMENTS…`: restricts itself and becomes the program.
pub fn sandbox_main() -> ! {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != STAGE).skip(1);
    let failure = match (arguments.next(), arguments.next()) {
        (Some(plan), Some(program)) => become_program(&plan, &program, arguments.collect()),
        _ => "the sandbox needs a plan and a program".to_owned(),
    };
    report(&failure);
    std::process::exit(126)
}

#[expect(
    clippy::print_stderr,
    reason = "the stage has no log but the one of the run, which reads this stream"
)]
fn report(failure: &str) {
    eprintln!("Terraform cannot be started in the sandbox: {failure}");
}

fn become_program(plan: &OsStr, program: &OsStr, arguments: Vec<OsString>) -> String {
    let plan: SandboxPlan = match serde_json::from_slice(plan.as_bytes()) {
        Ok(plan) => plan,
        Err(error) => return error.to_string(),
    };
    match restrict(&plan) {
        Err(error) => return error.to_string(),
        Ok(RulesetStatus::NotEnforced) if plan.is_required => return "the kernel has no Landlock".to_owned(),
        Ok(_) => {}
    }
    if let Err(error) = drop_capabilities() {
        return format!("the capabilities cannot be given up: {error}");
    }
    Command::new(program).args(arguments).exec().to_string()
}

fn restrict(plan: &SandboxPlan) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(ABI_WANTED);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?
        .add_rules(path_beneath_rules(readable(plan), AccessFs::from_read(ABI_WANTED)))?
        .add_rules(path_beneath_rules(WRITABLE_DEVICES, all))?
        .add_rules(path_beneath_rules(&plan.writable, all))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Gives up every capability for good: an agent that runs as root would otherwise pass on rights that Landlock does not
/// take away, such as reading the memory of any process (CAP_PERFMON, CAP_SYS_PTRACE).
fn drop_capabilities() -> io::Result<()> {
    // Removing from the bounding set needs a right that only root has; others have nothing to remove.
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// The largest set of paths that has nothing protected below it.
fn readable(plan: &SandboxPlan) -> Vec<PathBuf> {
    let canonical = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let walk = Walk {
        protected: plan.protected.iter().map(canonical).collect(),
        work_root: canonical(&plan.work_root),
    };
    let mut allowed = Vec::new();
    walk.allow(Path::new("/"), &mut allowed);
    allowed
}

struct Walk {
    protected: BTreeSet<PathBuf>,
    work_root: PathBuf,
}

impl Walk {
    fn allow(&self, path: &Path, allowed: &mut Vec<PathBuf>) {
        if self.protected.contains(path) {
            return;
        }
        let hides_something =
            self.protected.iter().any(|inner| inner.starts_with(path)) || self.work_root.starts_with(path);
        if !hides_something {
            allowed.push(path.to_owned());
            return;
        }
        for entry in entries(path) {
            let is_home = path == self.work_root
                && entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with(workdir::PREFIX));
            if !is_home {
                self.allow(&entry, allowed);
            }
        }
    }
}

/// The entries of a folder. Links are left out: where they lead is allowed by itself, or protected.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let is_no_link = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| !kind.is_symlink());
    let listed = std::fs::read_dir(folder).and_then(|list| list.collect::<io::Result<Vec<_>>>());
    listed.unwrap_or_default().iter().filter(|entry| is_no_link(entry)).map(std::fs::DirEntry::path).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn everything_but_the_protected_paths_is_readable() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        for folder in ["a/secret/deep", "a/open", "work/carnet-run-1", "work/other"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(base.join("a/secret"), base.join("a/link")).unwrap();
        let plan = SandboxPlan {
            protected: vec![base.join("a/link")],
            work_root: base.join("work"),
            writable: Vec::new(),
            is_required: true,
        };
        let allowed = readable(&plan);
        let has = |path: &str| allowed.iter().any(|granted| base.join(path).starts_with(granted));
        assert!(has("a/open") && has("work/other"));
        assert!(!has("a/secret/deep") && !has("a/link") && !has("work/carnet-run-1"));
        assert!(allowed.iter().any(|path| path == Path::new("/usr")));
        assert!(!allowed.iter().any(|path| base.starts_with(path)));
    }

    #[test]
    fn a_required_sandbox_is_not_left_out() {
        assert!(decide(SandboxMode::Required, false).is_err());
        assert!(matches!(decide(SandboxMode::Auto, false), Ok((false, Some(_)))));
        assert!(matches!(decide(SandboxMode::Auto, true), Ok((true, None))));
        assert!(matches!(decide(SandboxMode::Off, true), Ok((false, None))));
    }
}
