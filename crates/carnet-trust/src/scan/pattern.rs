//! Subjects with wildcards.

use super::{Severity, Wide};

/// What a pattern admits beyond one workspace and one phase: its first and widest opening.
pub(super) fn examine(at: &str, pattern: &str) -> Option<Wide> {
    let wide = |rule, severity| Wide::new(rule, severity, at).says(format!("the subject may be {pattern:?}"));
    let narrow = narrower(pattern);
    if !pattern.is_empty() && pattern.chars().all(|character| matches!(character, '*' | '?')) {
        return Some(
            wide("subject-any", Severity::High)
                .because("every token of the issuer is let in, whatever organization and workspace it is of")
                .narrower(narrow),
        );
    }
    let star = pattern.find(['*', '?'])?;
    let before = &pattern[..star];
    let is_whole =
        |name: &str| before.find(name).is_some_and(|start| before[start + name.len()..].contains(':'));
    let cut = |name: &str| before.find(name).is_some_and(|start| start + name.len() < before.len());
    let (rule, severity, why) = if !is_whole("organization:") {
        if cut("organization:") {
            ("no-end-mark", Severity::High, "every organization whose name begins so is let in")
        } else {
            (
                "organization-not-pinned",
                Severity::High,
                "workspaces of every organization of the issuer are let in",
            )
        }
    } else if !is_whole(":project:") {
        match cut(":project:") {
            true => ("no-end-mark", Severity::High, "every project whose name begins so is let in"),
            false => (
                "project-wildcard",
                Severity::Medium,
                "workspaces of every project of the organization are let in",
            ),
        }
    } else if !is_whole(":workspace:") {
        match cut(":workspace:") {
            true => (
                "no-end-mark",
                Severity::High,
                "every workspace whose name begins so is let in: a colon ends the name",
            ),
            false => (
                "workspace-wildcard",
                Severity::Medium,
                "every workspace of the project is let in, also one made tomorrow",
            ),
        }
    } else {
        ("phase-wildcard", Severity::Medium, "a plan, which runs without approval, gets what the apply gets")
    };
    Some(wide(rule, severity).because(why).narrower(narrow))
}

/// Exact subjects instead of a pattern, as far as the pattern says what they are.
pub(super) fn narrower(pattern: &str) -> String {
    let part = |name: &str, unknown: &str| {
        let found = pattern.find(name).map(|start| &pattern[start + name.len()..]);
        let value = found.map(|rest| rest.split(':').next().unwrap_or_default().trim_end_matches('*'));
        value.filter(|value| !value.is_empty() && !value.contains(['*', '?'])).unwrap_or(unknown).to_owned()
    };
    let subject = format!(
        "organization:{}:project:{}:workspace:{}:run_phase:",
        part("organization:", "ORGANIZATION"),
        part(":project:", "PROJECT"),
        part(":workspace:", "WORKSPACE")
    );
    match part(":run_phase:", "").as_str() {
        "" => format!("compare exactly with {subject}plan in one role and with {subject}apply in another"),
        phase => format!("compare exactly with {subject}{phase}"),
    }
}

/// Both phases of one workspace in one list.
pub(super) fn both_phases(at: &str, subjects: &[&str]) -> Option<Wide> {
    let plan = subjects.iter().find(|subject| {
        let other = subject.strip_suffix(":run_phase:plan").map(|start| format!("{start}:run_phase:apply"));
        other.is_some_and(|other| subjects.contains(&other.as_str()))
    })?;
    Some(
        Wide::new("plan-and-apply-identical", Severity::Medium, at)
            .says(format!("{plan:?} and the same for the apply are both let in"))
            .because("a plan, which runs without approval, gets what the apply gets")
            .narrower("one role for each phase, the plan's with rights to read"),
    )
}
