//! What an apply did, learned from its output.

use serde::Deserialize;

use crate::plan_json::PlanSummary;

/// Reads the output of an apply.
#[derive(Debug, Default)]
pub(crate) struct ApplySummary {
    rest: Vec<u8>,
    counts: PlanSummary,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    changes: Changes,
}

#[derive(Default, Deserialize)]
struct Changes {
    #[serde(default)]
    add: u32,
    #[serde(default)]
    change: u32,
    #[serde(default)]
    remove: u32,
    #[serde(default)]
    import: u32,
    #[serde(default)]
    operation: String,
}

impl ApplySummary {
    /// Takes the next piece of output.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.read_line(&String::from_utf8_lossy(&line));
        }
    }

    /// The last summary that was seen.
    pub(crate) fn counts(self) -> PlanSummary {
        self.counts
    }

    fn read_line(&mut self, line: &str) {
        if line.starts_with('{') {
            match serde_json::from_str::<Line>(line) {
                Ok(Line { kind, changes }) if kind == "change_summary" && changes.operation != "plan" => {
                    self.counts.additions = changes.add;
                    self.counts.changes = changes.change;
                    self.counts.destructions = changes.remove;
                    self.counts.imports = changes.import;
                }
                _ => {}
            }
        } else if let Some((_, counts)) = line
            .split_once("complete! Resources: ")
            .filter(|(before, _)| before.contains("Apply") || before.contains("Destroy"))
        {
            self.read_counts(counts);
        }
    }

    /// Reads `1 imported, 2 added, 0 changed, 3 destroyed.`
    fn read_counts(&mut self, text: &str) {
        for part in text.split(['.', ',']) {
            let mut words = part.split_whitespace();
            let (Some(Ok(number)), Some(what)) = (words.next().map(str::parse), words.next()) else {
                continue;
            };
            match what {
                "added" => self.counts.additions = number,
                "changed" => self.counts.changes = number,
                "destroyed" => self.counts.destructions = number,
                "imported" => self.counts.imports = number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: (u32, u32, u32, u32)) {
        for cut in [0, 5, output.len() / 2] {
            let mut summary = ApplySummary::default();
            summary.read(&output.as_bytes()[..cut]);
            summary.read(&output.as_bytes()[cut..]);
            let counts = summary.counts();
            assert_eq!((counts.additions, counts.changes, counts.destructions, counts.imports), expected);
        }
    }

    #[test]
    fn json_lines_are_read() {
        check(
            concat!(
                r#"{"type":"change_summary","changes":{"add":9,"change":9,"import":9,"remove":9,"operation":"plan"}}"#,
                "\n",
                r#"{"type":"change_summary","changes":{"add":2,"change":1,"import":4,"remove":3,"operation":"apply"}}"#,
                "\n",
            ),
            (2, 1, 3, 4),
        );
    }

    #[test]
    fn text_is_read() {
        check(
            "\u{1b}[0m\nApply complete! Resources: 1 imported, 2 added, 3 changed, 4 destroyed.\n\u{1b}[0m",
            (2, 3, 4, 1),
        );
        check("Destroy complete! Resources: 2 destroyed.\n", (0, 0, 2, 0));
        check("Plan: 2 to add, 0 to change, 0 to destroy.\n", (0, 0, 0, 0));
    }
}
