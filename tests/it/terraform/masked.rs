//! Hides what differs from one execution to the next.

use carnet_tests::TerraformOutput;

/// Letters and digits of an id behind its prefix.
const ID_LENGTH: usize = 16;

/// What the CLI says while it waits, which depends on the load of the machine.
const WAITING: [&str; 4] = [
    "Waiting for the plan to start",
    "Waiting for the apply to start",
    "Acquiring state lock. This may take",
    "Releasing state lock. This may take",
];

/// The steps of `terraform init`, and what it says when a step was nothing to do.
const STEPS: [&str; 4] = [
    "Initializing HCP Terraform...",
    "Initializing modules...",
    "Initializing provider plugins",
    "- terraform.io/builtin/terraform is built in to Terraform",
];

/// What stands behind these in the description of a lock belongs to this machine and moment.
const LABELS: [&str; 2] = ["  Who:", "  Created:"];

/// What the CLI says about Ctrl-C.
const PLAN_GOES_ON: &str = "will stop streaming the logs, but will not stop the plan running remotely.";
const APPLY_GOES_ON: &str = "will cancel the remote apply if it's still pending. If the apply started it\n\
                             will stop streaming the logs, but will not stop the apply running remotely.";

/// What the CLI says when there was no `-out`.
const NOT_SAVED: &str = "
─────────────────────────────────────────────────────────────────────────────

Note: You didn't use the -out option to save this plan, so Terraform can't
guarantee to take exactly these actions if you run \"terraform apply\" now.
";

/// The exit code and the output of a command as a person sees it.
pub(super) fn masked(output: &TerraformOutput) -> String {
    let mut text = match output.code {
        Some(code) => format!("exit code {code}\n"),
        None => "ended by a signal\n".to_owned(),
    };
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !stream.trim().is_empty() {
            text.push_str(&format!("----- {name}\n{}\n", stable(stream).trim_matches('\n')));
        }
    }
    text
}

/// What a person sees of `terraform init`, whose steps have other names and another order in other versions.
pub(super) fn masked_init(output: &TerraformOutput) -> String {
    let mut lines: Vec<&str> = output
        .stdout
        .lines()
        .filter(|line| !STEPS.iter().any(|step| line.starts_with(step)))
        .map(str::trim_end)
        .collect();
    lines.dedup_by(|next, line| next.is_empty() && line.is_empty());
    masked(&TerraformOutput { stdout: lines.join("\n"), ..output.clone() })
}

/// A text without what every remote run starts with and every plan ends with, as long as it is exactly that.
pub(super) fn without_ceremony(text: &str) -> String {
    let workspace =
        text.split("/app/acme/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let opening = |promise: &str, kind: &str| {
        format!(
            "Running {kind} in HCP Terraform. Output will stream here. Pressing Ctrl-C\n{promise}\n\nPreparing the remote \
             {kind}...\n\nTo view this run in a browser, visit:\nhttps://localhost:PORT/app/acme/{workspace}/runs/run-ID\n\n\
             Terraform VERSION\non PLATFORM\nCarnet agent embedded, run-ID\nInitializing plugins and modules...\n"
        )
    };
    text.replace(&opening(PLAN_GOES_ON, "plan"), "(a remote plan starts)\n")
        .replace(&opening(APPLY_GOES_ON, "apply"), "(a remote apply starts)\n")
        .replace(NOT_SAVED, "\n(the plan is not saved)\n")
}

/// A text without ids, ports, durations and versions.
pub(super) fn stable(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut source = text.lines().peekable();
    while let Some(line) = source.next() {
        if is_still_working(line) {
            continue;
        }
        if WAITING.iter().any(|waiting| line.starts_with(waiting)) {
            source.next_if(|next| next.is_empty());
            continue;
        }
        let line = match LABELS.iter().find(|label| line.contains(**label)) {
            Some(label) => line.split(label).next().unwrap_or_default().to_owned() + label + " …",
            None => stable_line(line),
        };
        lines.push(line.trim_end().to_owned());
    }
    sort_outputs(&mut lines);
    lines.join("\n")
}

/// The CLI shows the outputs of a remote apply in any order.
fn sort_outputs(lines: &mut [String]) {
    let Some(title) = lines.iter().position(|line| line == "Outputs:") else { return };
    let (_, outputs) = lines.split_at_mut(title + 1);
    if outputs.iter().all(|line| line.contains(" = ")) {
        outputs.sort();
    }
}

/// Terraform says this after some seconds, and again and again.
fn is_still_working(line: &str) -> bool {
    line.contains(": Still ") && line.ends_with(" elapsed]")
}

fn stable_line(line: &str) -> String {
    let is_platform = line.strip_prefix("on ").is_some_and(|name| name.contains('_') && !name.contains(' '));
    if is_platform {
        return "on PLATFORM".to_owned();
    }
    let mut stable = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|character: char| !is_of_word(character)).unwrap_or(rest.len());
        if length == 0 {
            stable.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        stable.push_str(&stable_word(word, &stable));
        rest = after;
    }
    stable
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.')
}

fn stable_word(word: &str, before: &str) -> String {
    if word.starts_with(".tmp") {
        return "DIRECTORY".to_owned();
    }
    if is_uuid(word) {
        return "UUID".to_owned();
    }
    if let Some((prefix, id)) = word.split_once('-')
        && id.len() == ID_LENGTH
        && prefix.chars().all(|character| character.is_ascii_lowercase())
        && id.chars().any(|character| character.is_ascii_digit() || character.is_ascii_uppercase())
    {
        return format!("{prefix}-ID");
    }
    if before.ends_with("localhost:") || before.ends_with("127.0.0.1:") {
        return "PORT".to_owned();
    }
    if is_seconds(word) && (before.ends_with("after ") || before.ends_with('[')) {
        return "0s".to_owned();
    }
    if is_version(word) {
        return "VERSION".to_owned();
    }
    word.to_owned()
}

fn is_uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && word.chars().all(|character| character.is_ascii_hexdigit() || character == '-')
}

fn is_seconds(word: &str) -> bool {
    word.strip_suffix('s')
        .is_some_and(|digits| digits.chars().all(|character| matches!(character, '0'..='9' | 'm')))
}

fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or(word);
    let parts: Vec<&str> = digits.trim_end_matches('.').split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.chars().all(|digit| digit.is_ascii_digit()))
}

#[test]
fn ids_ports_durations_and_versions_are_hidden() {
    assert_eq!(
        stable(
            "https://localhost:4711/app/acme/net/runs/run-8fKzQw3NpYtR2mXa\nTerraform v1.11.4.\non linux_amd64"
        ),
        "https://localhost:PORT/app/acme/net/runs/run-ID\nTerraform VERSION\non PLATFORM"
    );
    assert_eq!(
        stable("t: Creation complete after 1m2s [id=0b39f1a4-5bd3-7f6b-6e55-0a2d2f1c9f10]  \nx"),
        "t: Creation complete after 0s [id=UUID]\nx"
    );
    assert_eq!(
        stable("the security-configuration of 3 networks"),
        "the security-configuration of 3 networks"
    );
}

#[test]
fn the_steps_of_init_are_hidden_whatever_their_names_and_order() {
    let shown = |stdout: &str| {
        let (code, stdout, stderr) = (Some(0), stdout.to_owned(), String::new());
        masked_init(&TerraformOutput { code, stdout, stderr })
    };
    let expected = "exit code 0\n----- stdout\n- net in ./net\n\nDone!\n";
    assert_eq!(
        shown(
            "Initializing HCP Terraform...\nInitializing modules...\n- net in ./net\nInitializing provider plugins...\n\
             - terraform.io/builtin/terraform is built in to Terraform\n\nDone!\n"
        ),
        expected
    );
    assert_eq!(
        shown(
            "Initializing modules...\n- net in ./net\nInitializing provider plugins found in the configuration...\n\
             - terraform.io/builtin/terraform is built in to Terraform\n\nInitializing HCP Terraform...\n\n\n\nDone!\n"
        ),
        expected
    );
    assert_eq!(shown("Initializing HCP Terraform...\n"), "exit code 0\n");
}
