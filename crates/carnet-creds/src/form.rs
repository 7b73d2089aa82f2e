//! Filling in one configuration: looks values up, checks them, and collects everything that is wrong.

use carnet_model::Phase;

use crate::{
    family::{FamilyName, Tag},
    lexicon::{Values, variable_name},
    notice::Notice,
    problem::{MissingValue, Problem},
    setting::{Phased, Setting, SettingKind},
    switches::flags_on,
};

/// The longest value that a message repeats.
const SHOWN_VALUE: usize = 64;

/// A value and the variable that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) variable: String,
    pub(crate) value: String,
}

/// Proof that a problem was recorded; only a form makes one, so a configuration cannot fail silently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incomplete(());

/// The values of one configuration in one phase.
pub(crate) struct Form<'a> {
    family: FamilyName,
    tag: Option<&'a Tag>,
    phase: Phase,
    values: &'a Values<'a>,
    missing: Vec<MissingValue>,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

impl<'a> Form<'a> {
    pub(crate) fn new(
        family: FamilyName,
        tag: Option<&'a Tag>,
        phase: Phase,
        values: &'a Values<'a>,
    ) -> Self {
        Self { family, tag, phase, values, missing: Vec::new(), problems: Vec::new(), notices: Vec::new() }
    }

    /// A value that may be absent.
    pub(crate) fn optional(&mut self, setting: &Setting<'_>) -> Result<Option<Found>, Incomplete> {
        let found = self.explicit(setting).or_else(|| self.shared(setting));
        found.map(|found| self.without_control_characters(found)).transpose()
    }

    /// A value that may span lines, such as a certificate.
    pub(crate) fn optional_lines(&mut self, setting: &Setting<'_>) -> Option<Found> {
        self.explicit(setting).or_else(|| self.shared(setting))
    }

    /// A value that has a default.
    pub(crate) fn or_default(&mut self, setting: &Setting<'_>) -> Result<String, Incomplete> {
        let found = self.optional(setting)?.map(|found| found.value);
        Ok(found.unwrap_or_else(|| setting.default.unwrap_or_default().to_owned()))
    }

    /// A value that must be there.
    pub(crate) fn required(&mut self, setting: &Setting<'_>) -> Result<Found, Incomplete> {
        if let Some(found) = self.optional(setting)? {
            return Ok(found);
        }
        let variables = self.names(setting).into();
        self.missing.push(MissingValue { label: setting.label.to_owned(), variables });
        Err(Incomplete(()))
    }

    /// A value that must be there for the phase: the phase's own first, explicit before shared.
    pub(crate) fn phased(&mut self, phased: &Phased<'_>) -> Result<Found, Incomplete> {
        if let Some(found) = self.optional_phased(phased)? {
            return Ok(found);
        }
        let own = self.own(phased);
        let variables = [self.names(own), self.names(phased.run)].concat();
        self.missing.push(MissingValue { label: phased.run.label.to_owned(), variables });
        Err(Incomplete(()))
    }

    /// A value for the phase that may be absent.
    pub(crate) fn optional_phased(&mut self, phased: &Phased<'_>) -> Result<Option<Found>, Incomplete> {
        let own = self.own(phased);
        if let Some(found) = self.explicit(own) {
            return self.without_control_characters(found).map(Some);
        }
        if let Some(found) = self.shared(own) {
            if let Some(passed) = self.explicit(phased.run) {
                let chosen = found.variable.clone();
                self.notices.push(Notice::DefaultChosen { chosen, passed: passed.variable });
            }
            return self.without_control_characters(found).map(Some);
        }
        let found = self.explicit(phased.run).or_else(|| self.shared(phased.run));
        found.map(|found| self.without_control_characters(found)).transpose()
    }

    fn own<'s>(&self, phased: &Phased<'s>) -> &'s Setting<'s> {
        match self.phase {
            Phase::Plan => phased.plan,
            Phase::Apply => phased.apply,
        }
    }

    /// What the workspace sets for Terraform's own providers.
    pub(crate) fn workspace(&self, name: &str) -> Option<Found> {
        let value = self.values.workspace(name)?.to_owned();
        Some(Found { variable: name.to_owned(), value })
    }

    /// A value that must be one of a few.
    pub(crate) fn one_of(
        &mut self,
        setting: &Setting<'_>,
        found: Found,
        choices: &[&str],
    ) -> Result<String, Incomplete> {
        if choices.contains(&found.value.as_str()) {
            return Ok(found.value);
        }
        let rule = if setting.kind == SettingKind::Value && found.value.len() <= SHOWN_VALUE {
            format!("must be one of: {} (got \"{}\")", choices.join(", "), found.value)
        } else {
            format!("must be one of: {}", choices.join(", "))
        };
        Err(self.malformed("E3", &found, rule))
    }

    /// Whether this is the only configuration that these flags switch on, and has no tag.
    pub(crate) fn is_single(&self, flags: &[&str]) -> bool {
        let mut others = flags.iter().flat_map(|flag| flags_on(self.values, flag, &mut Vec::new()));
        self.tag.is_none() && others.all(|tag| tag.is_none())
    }

    /// Records that a value has the wrong form, under the rule's identifier.
    pub(crate) fn malformed(
        &mut self,
        id: &'static str,
        found: &Found,
        rule: impl Into<String>,
    ) -> Incomplete {
        self.problems.push(Problem::Malformed {
            id,
            family: self.family,
            tag: self.tag.cloned(),
            variable: found.variable.clone(),
            rule: rule.into(),
        });
        Incomplete(())
    }

    /// Records that the configuration cannot be used as a whole.
    pub(crate) fn unusable(&mut self, id: &'static str, rule: String) -> Incomplete {
        let (family, tag) = (self.family, self.tag.cloned());
        self.problems.push(Problem::Unusable { id, family, tag, rule });
        Incomplete(())
    }

    /// Records a remark in words of the family.
    pub(crate) fn remark(&mut self, text: String) {
        self.notices.push(Notice::Provider { family: self.family, tag: self.tag.cloned(), text });
    }

    /// Records a remark.
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Everything that was recorded: the missing values as one problem, then the malformed ones.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Notice>) {
        let mut problems = self.problems;
        if !self.missing.is_empty() {
            let (family, tag) = (self.family, self.tag.cloned());
            problems.insert(0, Problem::Missing { family, tag, values: self.missing });
        }
        (problems, self.notices)
    }

    fn explicit(&self, setting: &Setting<'_>) -> Option<Found> {
        let tag = self.tag.map(Tag::as_str);
        let value = self.values.explicit(setting.name, tag)?.to_owned();
        Some(Found { variable: variable_name(setting.name, tag), value })
    }

    fn shared(&self, setting: &Setting<'_>) -> Option<Found> {
        let value = self.values.shared(setting.name)?.to_owned();
        Some(Found { variable: setting.default_form(), value })
    }

    fn names(&self, setting: &Setting<'_>) -> [String; 2] {
        [variable_name(setting.name, self.tag.map(Tag::as_str)), setting.default_form()]
    }

    // A line break would end an INI key or a header, and Terraform's parser knows few of JSON's escapes.
    fn without_control_characters(&mut self, found: Found) -> Result<Found, Incomplete> {
        if found.value.chars().any(char::is_control) {
            return Err(self.malformed(
                "E16",
                &found,
                "must not contain line breaks or other control characters",
            ));
        }
        Ok(found)
    }
}
