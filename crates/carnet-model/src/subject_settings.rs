//! What organizations, projects, workspaces and configurations say about subjects and claims, and which word counts.

use crate::{OptInClaim, PartFacts, SubjectFacts, SubjectPart, SubjectTemplate, Timestamp};

/// The longest time for which an old subject is kept, counted from the moment it was asked for first.
pub const MAX_GRACE_DAYS: i64 = 90;

/// Who says something about subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectSetting {
    /// Whose word it is.
    pub scope: SubjectPart,
    /// The tag of the configuration of a workspace that it is about; `None` for all.
    pub tag: Option<String>,
    /// The template; `None` leaves the decision to whoever is above.
    pub template: Option<SubjectTemplate>,
    /// The claims that are asked for; `None` leaves the decision to whoever is above.
    pub claims: Option<Vec<OptInClaim>>,
}

impl SubjectSetting {
    /// How near it is to a configuration: the greatest counts.
    fn rank(&self) -> (bool, SubjectPart) {
        (self.tag.is_some(), self.scope)
    }

    fn is_about(&self, tag: Option<&str>) -> bool {
        self.tag.is_none() || self.tag.as_deref() == tag
    }
}

/// The template that counts for a configuration, and whose word it is; `None` for HCP Terraform's form.
pub fn template_that_applies<'a>(
    settings: &'a [SubjectSetting],
    tag: Option<&str>,
) -> Option<(&'a SubjectTemplate, &'a SubjectSetting)> {
    let said = settings.iter().filter(|setting| setting.is_about(tag));
    let nearest = said.filter(|setting| setting.template.is_some()).max_by_key(|setting| setting.rank())?;
    Some((nearest.template.as_ref()?, nearest))
}

/// The claims that are asked for, by whoever is nearest to the configuration.
pub fn claims_that_apply<'a>(settings: &'a [SubjectSetting], tag: Option<&str>) -> &'a [OptInClaim] {
    let said = settings.iter().filter(|setting| setting.is_about(tag));
    let nearest = said.filter(|setting| setting.claims.is_some()).max_by_key(|setting| setting.rank());
    nearest.and_then(|setting| setting.claims.as_deref()).unwrap_or_default()
}

/// What subjects go on saying about a part of the tree although it has another name, or another place, by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptName {
    /// For whose runs.
    pub holder: SubjectPart,
    /// About which part.
    pub part: SubjectPart,
    /// What they say.
    pub facts: PartFacts,
    /// Until when.
    pub until: Timestamp,
    /// When that was asked for first.
    pub created_at: Timestamp,
}

/// What the subjects of a workspace say: the facts, and instead of some what is kept; the word of the nearest holder counts.
#[must_use]
pub fn presented(facts: &SubjectFacts, kept: &[KeptName], now: Timestamp) -> SubjectFacts {
    let mut presented = facts.clone();
    let mut alive: Vec<&KeptName> = kept.iter().filter(|kept| kept.until > now).collect();
    alive.sort_by_key(|kept| kept.holder);
    for kept in alive {
        *presented.part_mut(kept.part) = kept.facts.clone();
    }
    presented
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(scope: SubjectPart, tag: Option<&str>, template: &str) -> SubjectSetting {
        SubjectSetting {
            scope,
            tag: tag.map(str::to_owned),
            template: Some(template.parse().expect("a template")),
            claims: Some(vec![OptInClaim::Actor]),
        }
    }

    #[test]
    fn the_nearest_word_counts() {
        let settings = [
            setting(SubjectPart::Workspace, Some("other"), "{workspace.name@id}:run_phase:{phase}:+tag"),
            setting(SubjectPart::Organization, None, "name@id"),
            SubjectSetting { claims: None, ..setting(SubjectPart::Workspace, None, "short") },
            SubjectSetting {
                template: None,
                claims: Some(Vec::new()),
                ..setting(SubjectPart::Project, None, "hcp")
            },
        ];
        let found = |tag| template_that_applies(&settings, tag).map(|(template, _)| template.as_str());
        assert_eq!(found(None), Some(SubjectTemplate::SHORT));
        assert_eq!(found(Some("third")), Some(SubjectTemplate::SHORT));
        assert!(found(Some("other")).is_some_and(|template| template.ends_with("+tag")));
        assert_eq!(
            template_that_applies(&settings[1..2], None).map(|(_, said)| said.scope),
            Some(SubjectPart::Organization)
        );
        assert_eq!(template_that_applies(&[], None), None);
        assert!(
            claims_that_apply(&settings, None).is_empty(),
            "the project takes back what the organization asks for"
        );
        assert_eq!(claims_that_apply(&settings, Some("other")), [OptInClaim::Actor]);
        assert_eq!(claims_that_apply(&settings[1..2], None), [OptInClaim::Actor]);
    }

    #[test]
    fn what_is_kept_is_said_until_its_time_is_over() {
        let part = |name: &str| PartFacts {
            name: name.to_owned(),
            first_name: name.to_owned(),
            id: name.to_owned(),
        };
        let facts = SubjectFacts { organization: part("o"), project: part("p2"), workspace: part("new") };
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let kept = |holder, part_, name| KeptName {
            holder,
            part: part_,
            facts: part(name),
            until: at(10),
            created_at: at(0),
        };
        let kept = [
            kept(SubjectPart::Workspace, SubjectPart::Project, "p1"),
            kept(SubjectPart::Project, SubjectPart::Project, "p0"),
            kept(SubjectPart::Workspace, SubjectPart::Workspace, "old"),
        ];
        let found = presented(&facts, &kept, at(9));
        assert_eq!((found.project.name.as_str(), found.workspace.name.as_str()), ("p1", "old"));
        assert_eq!(found.organization, facts.organization);
        assert_eq!(presented(&facts, &kept, at(10)), facts);
    }
}
