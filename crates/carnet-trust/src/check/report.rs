//! A judgement as people and as machines read it.

use serde_json::{Value, json};

use super::{Claims, Family, Finding, Judgement, Question, visible::visible};

/// What was presented, of the claims that every relying party looks at.
const SHOWN: [&str; 3] = ["iss", "aud", "sub"];

impl Judgement {
    /// The judgement as lines of text, the verdict first.
    pub fn lines(&self, family: Family, question: &Question) -> Vec<String> {
        let service = family.service();
        let mut lines = Vec::new();
        match self.first() {
            None => lines.push(format!("accepted: {service} would take this token")),
            Some(first) => {
                lines.push(format!("refused: {service} would not take this token: {}", first.says));
            }
        }
        let mut row = |heading: &str, text: &str| {
            for (position, line) in text.lines().enumerate() {
                let heading = if position == 0 { heading } else { "" };
                lines.push(format!("  {heading:<11} {line}").trim_end().to_owned());
            }
        };
        for (position, claim) in SHOWN.into_iter().enumerate() {
            row(
                if position == 0 { "presented:" } else { "" },
                &format!("{claim} = {}", shown(&question.claims, claim)),
            );
        }
        if let Some((first, rest)) = self.findings.split_first() {
            row("at:", &first.at);
            if let Some(difference) = &first.difference {
                row("differs:", &difference.lines().join("\n"));
            }
            row("cause:", &first.cause.name());
            for next in rest {
                row("then:", &format!("{}: {}", next.at, next.says));
            }
            for (position, way) in self.ways_out(first).iter().enumerate() {
                row(if position == 0 { "fix:" } else { "" }, way);
            }
        }
        for note in &self.notes {
            row("note:", note);
        }
        if let Some(patch) = &self.patch {
            if patch.trust.policy != question.trust.policy {
                row("policy:", &pretty(&patch.trust.policy));
            }
            if let Some(beside) =
                patch.trust.beside.as_ref().filter(|one| question.trust.beside.as_ref() != Some(one))
            {
                row("beside:", &pretty(beside));
            }
        }
        lines
    }

    /// What to do, line by line.
    fn ways_out(&self, first: &Finding) -> Vec<String> {
        let edits = self.patch.iter().flat_map(|patch| patch.edits.iter().map(ToString::to_string));
        let mut ways: Vec<String> = edits.collect();
        if self.patch.as_ref().is_some_and(|patch| patch.is_pinned) {
            ways.push("(pinned to this subject, since a smaller change would let others in)".to_owned());
        }
        ways.extend(self.patch.iter().filter_map(|patch| patch.note).map(|note| format!("({note})")));
        ways.extend(first.remedy.iter().cloned());
        ways
    }

    /// The judgement as JSON.
    pub fn to_json(&self, family: Family) -> Value {
        json!({
            "family": family.as_str(),
            "verdict": if self.is_accepted() { "accepted" } else { "refused" },
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "notes": self.notes,
            "patch": self.patch.as_ref().map(|patch| json!({
                "edits": patch.edits.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "policy": patch.trust.policy,
                "beside": patch.trust.beside,
                "pinned": patch.is_pinned,
                "note": patch.note,
            })),
        })
    }
}

fn finding(one: &Finding) -> Value {
    let difference = one.difference.as_ref().map(|difference| {
        json!({
            "presented": difference.presented(),
            "expected": difference.expected(),
            "offset": difference.offset(),
            "found": difference.found(),
            "wanted": difference.wanted(),
        })
    });
    json!({ "at": one.at, "cause": one.cause, "says": one.says, "difference": difference, "remedy": one.remedy })
}

fn shown(claims: &Claims, name: &str) -> String {
    match claims.as_map().get(name) {
        None => "(absent)".to_owned(),
        Some(Value::Null) => "null, which is as if it were absent".to_owned(),
        Some(Value::String(text)) => visible(text),
        Some(other) => other.to_string(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
