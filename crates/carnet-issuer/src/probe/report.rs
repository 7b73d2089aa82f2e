//! What a look found.

use serde::Serialize;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works for most, or not for long.
    Warn,
    /// Some relying party refuses tokens because of it.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What was looked at, as `discovery.redirect`.
    pub check: String,
    /// How good it is.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// The relying parties that it keeps from accepting tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hurts: Vec<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
}

/// Everything that a look found, in the order in which a relying party would meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The issuer's URL.
    pub issuer: String,
    /// The worst verdict.
    pub verdict: Verdict,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), verdict: Verdict::Ok, findings: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &str, what: String) {
        self.push(check, Verdict::Ok, what, &[], "");
    }

    pub(super) fn warn(&mut self, check: &str, what: String, hurts: &[&'static str], way_out: &str) {
        self.push(check, Verdict::Warn, what, hurts, way_out);
    }

    pub(super) fn fail(&mut self, check: &str, what: String, hurts: &[&'static str], way_out: &str) {
        self.push(check, Verdict::Fail, what, hurts, way_out);
    }

    fn push(&mut self, check: &str, verdict: Verdict, what: String, hurts: &[&'static str], way_out: &str) {
        self.verdict = self.verdict.max(verdict);
        self.findings.push(Finding {
            check: check.to_owned(),
            verdict,
            what,
            hurts: hurts.to_vec(),
            way_out: (!way_out.is_empty()).then(|| way_out.to_owned()),
        });
    }

    /// Whether every relying party that can be reached would accept what was seen.
    pub fn is_accepted(&self) -> bool {
        self.verdict < Verdict::Fail
    }

    /// The finding of a check, the worst when there are several.
    pub fn finding(&self, check: &str) -> Option<&Finding> {
        self.findings.iter().filter(|finding| finding.check == check).max_by_key(|finding| finding.verdict)
    }

    /// What is wrong, in one line.
    pub fn failures(&self) -> String {
        let failed = self.findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        failed.map(|finding| format!("{}: {}", finding.check, finding.what)).collect::<Vec<_>>().join("; ")
    }
}

/// For people: one line for each finding, and what to do below it.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.findings {
            let verdict = match finding.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            writeln!(f, "{verdict}  {}: {}", finding.check, finding.what)?;
            if !finding.hurts.is_empty() {
                writeln!(f, "      concerns {}", finding.hurts.join(", "))?;
            }
            if let Some(way_out) = &finding.way_out {
                writeln!(f, "      {way_out}")?;
            }
        }
        Ok(())
    }
}
