//! The processes of this machine, as the kernel shows them.

use std::path::{Path, PathBuf};

/// A process.
pub(crate) struct Process {
    pub(crate) id: u32,
    folder: PathBuf,
}

/// Every process that can be seen.
pub(crate) fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let process = |entry: std::fs::DirEntry| {
        Some(Process { id: entry.file_name().to_str()?.parse().ok()?, folder: entry.path() })
    };
    entries.filter_map(process).collect()
}

impl Process {
    /// The argument list; empty when the process has just ended.
    pub(crate) fn arguments(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("cmdline")).unwrap_or_default()
    }

    /// The environment it was started with; empty when the process has just ended.
    pub(crate) fn environment(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("environ")).unwrap_or_default()
    }

    /// One variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let environment = self.environment();
        let mut entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        entries.find_map(|entry| entry.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    }

    /// The process that started it.
    pub(crate) fn parent(&self) -> Option<u32> {
        let status = std::fs::read_to_string(self.folder.join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    }

    /// Whether it executes this file.
    pub(crate) fn executes(&self, program: &Path) -> bool {
        std::fs::read_link(self.folder.join("exe")).is_ok_and(|executed| executed == program)
    }

    /// Whether it was started in this folder, or for it: by its environment, its arguments or its working directory.
    pub(crate) fn belongs_to(&self, folder: &Path) -> bool {
        let name = folder.display().to_string();
        let is_inside =
            std::fs::read_link(self.folder.join("cwd")).is_ok_and(|place| place.starts_with(folder));
        is_inside
            || contains(&self.environment(), name.as_bytes())
            || contains(&self.arguments(), name.as_bytes())
    }
}

/// Whether some bytes stand anywhere in others.
pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && bytes.windows(wanted.len()).any(|window| window == wanted)
}
