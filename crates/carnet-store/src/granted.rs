//! Which workspaces a grantee may see, as a part of statements.

use crate::standing::Grantee;

/// The condition that a workspace is among those that a team, or a user's teams, were granted; an empty id stands for somebody
/// who sees all of them. `$and` narrows the grants `g`.
macro_rules! is_granted {
    ($workspace:literal, $id:literal, $and:literal) => {
        concat!(
            "(",
            $id,
            " = '' OR EXISTS (SELECT 1 FROM team_workspaces g WHERE g.workspace_id = ",
            $workspace,
            ".id ",
            $and,
            "AND (g.team_id = ",
            $id,
            " OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = ",
            $id,
            "))) OR EXISTS (SELECT 1 FROM team_projects g WHERE g.project_id = ",
            $workspace,
            ".project_id ",
            $and,
            "AND (g.team_id = ",
            $id,
            " OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = ",
            $id,
            "))))"
        )
    };
}

pub(crate) use is_granted;

/// The id of a grantee; empty for somebody who sees everything.
pub(crate) fn id_of(grantee: Option<&Grantee>) -> String {
    grantee.map(Grantee::id).unwrap_or_default().to_owned()
}
