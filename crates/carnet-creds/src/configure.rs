//! From the values of one family to its checked configurations.

use carnet_model::Phase;

use crate::{
    family::Tag,
    form::Form,
    lexicon::Values,
    notice::Notice,
    problem::Problem,
    provider::{Configuration, Provider},
    resolve::Configured,
    setting::{Setting, SettingKind},
    switches::{flags_absent, switched_on},
};

/// What came of one family.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) configured: Vec<Configured>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Notice>,
}

/// Checks every configuration of a family that is switched on.
pub(crate) fn configure_family(provider: &dyn Provider, values: &Values<'_>, phase: Phase) -> Outcome {
    let mut family = Configuring { provider, values, phase, found: Outcome::default() };
    family.configure_all();
    family.found
}

/// The work on one family.
struct Configuring<'a> {
    provider: &'a dyn Provider,
    values: &'a Values<'a>,
    phase: Phase,
    found: Outcome,
}

impl Configuring<'_> {
    fn configure_all(&mut self) {
        let settings = self.provider.settings();
        let Some(switch) = settings.first() else { return };
        let tags = self.tags(*switch);
        for tag in &tags {
            self.configure(tag.as_ref());
        }
        self.found.warnings.extend(flags_absent(self.values, switch, &settings));
    }

    /// The configurations that are on; a tag that cannot be one is a problem.
    fn tags(&mut self, switch: Setting<'_>) -> Vec<Option<Tag>> {
        let family = self.provider.family();
        let mut tags: Vec<Option<Tag>> = Vec::new();
        for text in switched_on(self.values, &switch, &mut self.found.warnings) {
            let Ok(tag) = text.map(str::parse::<Tag>).transpose() else {
                let tag = text.unwrap_or_default().to_owned();
                self.found.problems.push(Problem::Tag { family, tag });
                continue;
            };
            let twin = tags.iter().flatten().find(|other| is_twin(tag.as_ref(), other));
            if let (Some(second), Some(first), SettingKind::Enable) = (&tag, twin, switch.kind) {
                let (first, second) = (first.clone(), second.clone());
                self.found.problems.push(Problem::TagCase { family, first, second });
            }
            tags.push(tag);
        }
        tags
    }

    fn configure(&mut self, tag: Option<&Tag>) {
        let family = self.provider.family();
        let (result, problems, notices) = self.fill(tag, self.phase);
        self.found.warnings.extend(notices);
        let Ok(configuration) = result else {
            self.found.problems.extend(problems);
            return;
        };
        if !problems.is_empty() {
            self.found.problems.extend(problems);
            return;
        }
        if self.phase == Phase::Plan {
            let (apply, problems, _) = self.fill(tag, Phase::Apply);
            let failures =
                problems.iter().map(|problem| Notice::ApplyWillFail { problem: problem.to_string() });
            self.found.warnings.extend(failures);
            if let (Some((attribute, own)), Ok(apply)) = (configuration.frozen(), &apply)
                && apply.frozen().is_some_and(|(_, other)| other != own)
            {
                let tag = tag.cloned();
                self.found.warnings.push(Notice::FrozenByPlan { family, tag, attribute });
            }
        }
        let variable = self.provider.variable().map(str::to_owned);
        self.found.configured.push(Configured {
            family,
            tag: tag.cloned(),
            variable,
            request: None,
            configuration,
        });
    }

    fn fill(&self, tag: Option<&Tag>, phase: Phase) -> Filled {
        let mut form = Form::new(self.provider.family(), tag, phase, self.values);
        let result = self.provider.configure(&mut form).map_err(drop);
        let (problems, notices) = form.finish();
        (result, problems, notices)
    }
}

type Filled = (Result<Box<dyn Configuration>, ()>, Vec<Problem>, Vec<Notice>);

// The files of both would be one file where names ignore case.
fn is_twin(tag: Option<&Tag>, other: &Tag) -> bool {
    tag.is_some_and(|tag| tag.as_str().eq_ignore_ascii_case(other.as_str()))
}
