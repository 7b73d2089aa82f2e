//! The subjects of identity tokens: which template counts, which names are kept for a while, which claims were asked for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use carnet_issuer::{Presentation, TokenDraft};
use carnet_model::{
    ClaimFacts, ClaimValue, KeptName, MAX_EXTRA_CLAIM_BYTES, OptInClaim, OrgId, Phase, ProjectId, Run,
    SubjectFacts, SubjectPart, SubjectSetting, SubjectTemplate, Tag, Timestamp, UserId, WorkloadIdentity,
    Workspace, WorkspaceId, claims_that_apply, presented, refuse_subject, template_that_applies,
};
use carnet_store::{SubjectSources, Tx};

use crate::error::ApiError;

/// The claims that every token has take less.
const OWN_CLAIM_BYTES: usize = 2 * 1024;

/// Everything that decides about the subjects of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Subjects {
    pub(crate) sources: SubjectSources,
    now: Timestamp,
}

impl Subjects {
    /// Those of a workspace, as they are now.
    pub(crate) async fn of(tx: &mut Tx, workspace: &WorkspaceId, now: Timestamp) -> Result<Self, ApiError> {
        let sources = tx.subject_sources(workspace).await?.ok_or(ApiError::NotFound)?;
        Ok(Self { sources, now })
    }

    /// The template that counts for a configuration, and whose word it is; `None` for HCP Terraform's form.
    pub(crate) fn template(&self, tag: Option<&str>) -> (Cow<'_, SubjectTemplate>, Option<&SubjectSetting>) {
        match template_that_applies(&self.sources.settings, tag) {
            Some((template, said)) => (Cow::Borrowed(template), Some(said)),
            None => (Cow::Owned(SubjectTemplate::hcp()), None),
        }
    }

    /// The claims that were asked for.
    pub(crate) fn claims(&self, tag: Option<&str>) -> &[OptInClaim] {
        claims_that_apply(&self.sources.settings, tag)
    }

    /// What tokens say at present.
    pub(crate) fn presented(&self) -> SubjectFacts {
        presented(&self.sources.facts, &self.sources.kept, self.now)
    }

    /// The claim `sub` at present.
    pub(crate) fn subject(&self, phase: Phase, tag: Option<&str>) -> String {
        self.template(tag).0.render(&self.presented(), phase, tag)
    }

    /// The claim `sub` once nothing is kept any more.
    pub(crate) fn later_subject(&self, phase: Phase, tag: Option<&str>) -> String {
        self.template(tag).0.render(&self.sources.facts, phase, tag)
    }

    /// What is kept at present.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &KeptName> {
        self.sources.kept.iter().filter(|kept| kept.until > self.now)
    }

    /// When the subject changes by itself, because what is kept ends; `None` while nothing would change.
    pub(crate) fn changes_at(&self, tag: Option<&str>) -> Option<Timestamp> {
        let differs = self.subject(Phase::Plan, tag) != self.later_subject(Phase::Plan, tag);
        if differs { self.kept().map(|kept| kept.until).min() } else { None }
    }

    /// The tags for which the workspace says something of their own.
    pub(crate) fn tags(&self) -> BTreeSet<String> {
        self.sources.settings.iter().filter_map(|setting| setting.tag.clone()).collect()
    }

    /// Whether some subject would be another one if a part still had its old name.
    fn follows_name(&self, part: SubjectPart, old_name: &str) -> bool {
        let mut before = self.sources.facts.clone();
        old_name.clone_into(&mut before.part_mut(part).name);
        let tags = self.tags();
        std::iter::once(None).chain(tags.iter().map(|tag| Some(tag.as_str()))).any(|tag| {
            self.template(tag).0.render(&before, Phase::Apply, tag) != self.later_subject(Phase::Apply, tag)
        })
    }

    /// What a run's log says while an old subject is presented.
    pub(crate) fn remark(&self, phase: Phase) -> Option<String> {
        let until = self.changes_at(None)?;
        Some(format!(
            "identity tokens present the old subject {} until {until}; from then on it is {}: let providers trust that one, too",
            self.subject(phase, None),
            self.later_subject(phase, None)
        ))
    }
}

/// The claim `sub` of a workspace's tokens in a phase; `tag` is that of the configuration.
pub(crate) async fn subject_of(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    (phase, tag): (Phase, Option<&str>),
    now: Timestamp,
) -> Result<String, ApiError> {
    Ok(Subjects::of(tx, workspace, now).await?.subject(phase, tag))
}

/// What a token says beside who its run is.
#[derive(Debug)]
pub(crate) struct TokenSubject {
    pub(crate) subject: String,
    pub(crate) extra_claims: Vec<(&'static str, ClaimValue)>,
}

impl TokenSubject {
    /// The same with who the run is.
    pub(crate) fn of<'a>(&'a self, identity: &'a WorkloadIdentity) -> Presentation<'a> {
        Presentation { identity, subject: &self.subject, extra_claims: &self.extra_claims }
    }
}

/// What a token of a run says, or why there can be none.
pub(crate) async fn token_subject(
    tx: &mut Tx,
    (run, workspace): (&Run, &Workspace),
    (phase, tag): (Phase, Option<&str>),
    now: Timestamp,
) -> Result<TokenSubject, ApiError> {
    let subjects = Subjects::of(tx, &workspace.id, now).await?;
    let subject = subjects.subject(phase, tag);
    refuse_subject(&subject).map_err(|reason| ApiError::invalid("/tag", reason))?;
    let extra_claims = extra_claims(tx, (run, workspace), phase, subjects.claims(tag)).await?;
    Ok(TokenSubject { subject, extra_claims })
}

/// Nothing is asked of the database for claims that nobody asked for.
async fn extra_claims(
    tx: &mut Tx,
    (run, workspace): (&Run, &Workspace),
    phase: Phase,
    wanted: &[OptInClaim],
) -> Result<Vec<(&'static str, ClaimValue)>, ApiError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let actor = person(tx, wanted.contains(&OptInClaim::Actor), run.created_by.as_ref()).await?;
    let approver = person(tx, wanted.contains(&OptInClaim::Approver), run.confirmed_by.as_ref()).await?;
    let needs_tags =
        wanted.contains(&OptInClaim::WorkspaceTags) || wanted.contains(&OptInClaim::AwsWorkspaceTags);
    let tags: Vec<Tag> = match needs_tags {
        true => tx.effective_tags(&workspace.id).await?.into_iter().map(|found| found.tag).collect(),
        false => Vec::new(),
    };
    let facts = ClaimFacts {
        source: run.source,
        is_speculative: run.options.plan_only,
        actor: actor.as_ref().map(|(name, id)| (name.as_str(), id.as_str())),
        approver: approver.as_ref().map(|(name, id)| (name.as_str(), id.as_str())),
        tags: &tags,
        names: [
            workspace.organization_name.as_str(),
            workspace.project_name.as_str(),
            workspace.name.as_str(),
        ],
        workspace_id: workspace.id.as_str(),
        phase,
    };
    facts.claims(wanted).map_err(|reason| {
        ApiError::invalid(
            "/data",
            format!("{reason}; change the tags, or ask for fewer claims in the subject settings"),
        )
    })
}

async fn person(
    tx: &mut Tx,
    is_wanted: bool,
    id: Option<&UserId>,
) -> Result<Option<(String, String)>, ApiError> {
    let Some(id) = id.filter(|_| is_wanted) else {
        return Ok(None);
    };
    let user = tx.user(id).await?;
    Ok(user.map(|user| (user.username.as_str().to_owned(), user.id.as_str().to_owned())))
}

/// Refuses a token that would be too long for those who carry it in a header.
pub(crate) fn check_size(draft: &TokenDraft) -> Result<(), ApiError> {
    let (bytes, most) = (draft.claims_json().len(), MAX_EXTRA_CLAIM_BYTES + OWN_CLAIM_BYTES);
    if bytes <= most {
        return Ok(());
    }
    Err(ApiError::invalid(
        "/data",
        format!(
            "the claims of the token would have {bytes} bytes, and {most} are allowed; use fewer or shorter tags, or ask for fewer \
             claims in the subject settings"
        ),
    ))
}

/// Refuses a name that something else still presents: whoever got it would get the trust that was given to that.
pub(crate) async fn refuse_kept_name(
    tx: &mut Tx,
    (part, id, name): (SubjectPart, &str, &str),
    organization: &OrgId,
    now: Timestamp,
) -> Result<(), ApiError> {
    match tx.name_kept_until((part, id, name), organization, now).await? {
        None => Ok(()),
        Some(until) => Err(ApiError::attribute(
            "name",
            format!(
                "Name is still presented by identity tokens of another {} until {until}, so that trust given to its old subject goes \
                 on; choose another name, or let whoever administers that one end it (carnet subject release)",
                part.as_str()
            ),
        )),
    }
}

/// How many workspaces are looked at for the consequences of a rename.
const LOOKED_AT: u64 = 200;

/// A project or an organization that got another name.
pub(crate) struct Renamed<'a> {
    pub(crate) part: SubjectPart,
    /// As its path names it.
    pub(crate) path_id: &'a str,
    pub(crate) old_name: &'a str,
    /// Until when the old subjects go on.
    pub(crate) kept_until: Option<&'a str>,
}

/// What is said to whoever renamed a project or an organization in which there are workspaces whose subjects that changes.
pub(crate) async fn rename_warning(
    tx: &mut Tx,
    (organization, project): (&OrgId, Option<&ProjectId>),
    renamed: &Renamed<'_>,
    now: Timestamp,
) -> Result<Option<String>, ApiError> {
    let (ids, total) = tx.workspaces_below(organization, project, (0, LOOKED_AT)).await?;
    let mut concerned = 0_u64;
    for id in &ids {
        concerned += u64::from(Subjects::of(tx, id, now).await?.follows_name(renamed.part, renamed.old_name));
    }
    if concerned == 0 {
        return Ok(None);
    }
    let (what, id, old_name) = (renamed.part.as_str(), renamed.path_id, renamed.old_name);
    let least = if total > LOOKED_AT { "at least " } else { "" };
    let begin = format!(
        "the {what} was {old_name}, which the subjects of {least}{concerned} of its {total} workspace(s) name"
    );
    let preview = format!("GET /api/carnet/v1/{what}s/{id}/subject-preview tells who is concerned");
    Ok(Some(match renamed.kept_until {
        Some(until) => format!(
            "{begin}: they go on presenting the old one until {until}, and the new one from then on; change the trust until then. \
             {preview}"
        ),
        None => format!(
            "{begin}: they present the new one at once, and whatever trusts the old subjects refuses runs; {preview}, and \
             keep-subject-days gives time to change the trust"
        ),
    }))
}
