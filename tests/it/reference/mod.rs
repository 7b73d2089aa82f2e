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

fn help(command: &str) -> String {
    let output = Command::new(carnet_binary().expect("carnet is built"))
        .args(command.split(' '))
        .arg("--help")
        .env_clear()
        .output()
        .expect("carnet runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

const COMMANDS: &[&str] = &[
    "server",
    "agent",
    "config check",
    "trust aws",
    "trust azure",
    "trust gcp",
    "trust vault",
    "trust kubernetes",
    "trust hcp",
    "trust tencentcloud",
    "trust vault-aws",
    "trust vault-azure",
    "trust vault-gcp",
    "trust check",
    "trust scan",
    "adapters",
    "adapters list",
    "adapters show",
    "adapters check",
    "admin agent-token",
    "admin create-user",
    "admin rotate-key",
    "admin trim-key",
    "admin wrap-master-key",
    "admin unwrap-master-key",
    "admin rewrap-master-key",
    "admin revoke-outstanding",
    "issuer keys",
    "issuer rotate",
    "issuer trim",
    "issuer revoke",
    "issuer tokens",
    "issuer list",
    "issuer create",
    "issuer preview",
    "issuer switch",
    "issuer delete",
    "issuer publish",
    "issuer verify",
    "ledger verify",
    "ledger export",
    "ledger match",
    "subject show",
    "subject preview",
    "subject keep",
    "subject release",
    "completions",
];

/// The help of a command; one whose options are those of another section does not repeat them.
fn section(command: &str) -> String {
    let text = help(command);
    let other = if command.starts_with("adapters ") { "adapters" } else { "server" };
    let shown = match text.strip_suffix(&options_of(other)) {
        Some(rest) if command != other => format!("{rest}Options: those of carnet {other}"),
        Some(_) | None => text,
    };
    format!("\n## carnet {command}\n\n```\n{shown}\n```\n")
}

fn options_of(command: &str) -> String {
    let text = help(command);
    text.find("Options:").map(|at| text[at..].to_owned()).expect("every command has options")
}

#[test]
fn the_options_of_the_server_are_documented() {
    let sections: String = COMMANDS.iter().map(|command| section(command)).collect();
    let text = format!(
        "# Configuration\n\nA flag beats the variable named beside it, which beats the file given by `--config`. The file is TOML; its keys \
         are the\nnames of the flags with underscores (`no_agent = true`, `plan_timeout = \"90m\"`). Unknown keys are refused.\n\
         `carnet config check` says what a configuration amounts to.\n\nSecrets are never flags: `CARNET_BOOTSTRAP_TOKEN` (the API token of the \
         site administrator `admin`), `CARNET_MASTER_KEY`\n(beats its file), `CARNET_TRANSIT_TOKEN`, `CARNET_PKCS11_PIN` and `CARNET_AGENT_TOKEN` are read from the environment only.\n{sections}"
    );
    compare("configuration.md", &text);
}
