//! Reference pages are written by the program: a stale page fails, `UPDATE_REFERENCE=1` writes it anew.

mod providers;

use std::path::PathBuf;
use std::process::Command;

use carnet_tests::carnet_binary;

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

#[expect(clippy::disallowed_methods, reason = "the switch of this test")]
fn compare(name: &str, expected: &str) {
    let path = page(name);
    if std::env::var("UPDATE_REFERENCE").is_ok() {
        std::fs::write(&path, expected).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/{name} is stale; run UPDATE_REFERENCE=1 cargo test -p carnet-tests reference"
    );
}

/// The text of every source file that may hold tests of the credentials.
fn sources() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("crates/carnet-creds"), root.join("tests/it"), root.join("tests/src")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    texts
}

#[test]
fn the_options_of_the_server_are_documented() {
    let help = |command: &[&str]| {
        let output = Command::new(carnet_binary().expect("carnet is built"))
            .args(command)
            .arg("--help")
            .env_clear()
            .output()
            .expect("carnet runs");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    let text = format!(
        "# Configuration\n\nA flag beats the variable named beside it, which beats the file given by `--config`. The file is TOML; its keys \
         are the\nnames of the flags with underscores (`no_agent = true`, `plan_timeout = \"90m\"`). Unknown keys are refused.\n\
         `carnet config check` says what a configuration amounts to.\n\nSecrets are never flags: `CARNET_BOOTSTRAP_TOKEN` (the API token of the \
         site administrator `admin`), `CARNET_MASTER_KEY`\n(beats its file) and `CARNET_AGENT_TOKEN` are read from the environment only.\n\n\
         ## carnet server\n\n```\n{}\n```\n\n## carnet agent\n\n```\n{}\n```\n\n\
         ## carnet trust vault\n\n```\n{}\n```\n\n## carnet adapters\n\n```\n{}\n```\n\n## carnet admin agent-token\n\n```\n{}\n```\n\n\
         ## carnet admin revoke-outstanding\n\n```\n{}\n```\n\n\
         ## carnet completions\n\n```\n{}\n```\n",
        help(&["server"]),
        help(&["agent"]),
        help(&["trust", "vault"]),
        help(&["adapters"]),
        help(&["admin", "agent-token"]),
        help(&["admin", "revoke-outstanding"]),
        help(&["completions"]),
    );
    compare("configuration.md", &text);
}
