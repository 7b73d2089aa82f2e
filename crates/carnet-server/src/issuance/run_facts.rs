//! What policies ask about a run.

use carnet_model::{
    Approval, IssuanceActor, IssuancePolicy, IssuanceRun, IssuanceStatement, OrgId, Phase, PolicyLevel, Run,
    UserId,
};
use carnet_store::Tx;

use crate::error::ApiError;

/// The facts of a run; who is behind it is looked up only where a statement asks for people.
pub(super) async fn run_facts(
    tx: &mut Tx,
    run: &Run,
    phase: Phase,
    policies: &[(PolicyLevel, IssuancePolicy)],
) -> Result<IssuanceRun, ApiError> {
    let mut facts = IssuanceRun {
        source: run.source,
        is_speculative: run.options.plan_only,
        // No run comes from version control yet.
        branch: None,
        creator: None,
        approval: if phase == Phase::Plan { Approval::None } else { Approval::Automatic },
    };
    if !policies.iter().flat_map(|(_, policy)| &policy.statements).any(asks_for_people) {
        return Ok(facts);
    }
    if let Some(creator) = &run.created_by {
        facts.creator = Some(actor(tx, &run.organization_id, creator).await?);
    }
    if let (Phase::Apply, Some(approver)) = (phase, &run.confirmed_by) {
        facts.approval = Approval::By(actor(tx, &run.organization_id, approver).await?);
    }
    Ok(facts)
}

fn asks_for_people(statement: &IssuanceStatement) -> bool {
    statement.actors.is_some() || statement.approval.is_some() || statement.approvers.is_some()
}

/// Who a user is at this moment: membership of teams counts as it stands when the token is asked for.
async fn actor(tx: &mut Tx, organization: &OrgId, id: &UserId) -> Result<IssuanceActor, ApiError> {
    let Some(user) = tx.user(id).await? else {
        // Somebody who is no more is nobody whose approval counts.
        return Ok(IssuanceActor { username: id.to_string(), is_person: false, teams: Vec::new() });
    };
    let username = user.username.to_string();
    let teams = match &user.service_of {
        None => tx.teams_of_user(organization, id).await?,
        Some(of) => match of.parse() {
            Ok(team) => tx.team(&team).await?.into_iter().collect(),
            // It stands for the organization.
            Err(_) => Vec::new(),
        },
    };
    Ok(IssuanceActor {
        username,
        is_person: user.service_of.is_none(),
        teams: teams.into_iter().map(|team| team.name).collect(),
    })
}
