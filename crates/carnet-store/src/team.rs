//! Teams and who is in them.

use carnet_model::{OrgId, OrganizationAccess, Team, TeamId, User, UserId};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::search::contains;
use crate::standing::organization_access;

fn team(row: &Row) -> Result<Team, StoreError> {
    Ok(Team {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.text("name")?,
        is_owners: row.boolean("is_owners")?,
        visibility: row.parsed("visibility")?,
        sso_team_id: row.optional_text("sso_team_id")?,
        member_token_management: row.boolean("member_token_management")?,
        access: organization_access(row)?,
        created_at: row.time("created_at")?,
    })
}

fn access_names(access: &OrganizationAccess) -> String {
    let names = OrganizationAccess::NAMES.iter().filter(|name| access.get(name) == Some(true));
    names.copied().collect::<Vec<_>>().join(" ")
}

/// Which teams are wanted.
#[derive(Debug, Clone, Default)]
pub struct TeamFilter {
    /// Part of the name.
    pub text: Option<String>,
    /// One of these names; all when it is empty.
    pub names: Vec<String>,
    /// Visible to this user, or to everybody in the organization; `None` for all teams.
    pub visible_to: Option<UserId>,
}

macro_rules! filtered {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM teams t WHERE t.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(t.name) LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR $3 LIKE '%,' || t.name || ',%') ",
            "AND (CAST($4 AS TEXT) IS NULL OR t.visibility = 'organization' OR EXISTS ",
            "(SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = $4))",
            $tail
        )
    };
}

fn binds(organization: &OrgId, filter: &TeamFilter) -> Vec<Bind> {
    let names = (!filter.names.is_empty()).then(|| format!(",{},", filter.names.join(",")));
    vec![
        organization.into(),
        filter.text.as_deref().map(contains).into(),
        names.into(),
        filter.visible_to.as_ref().into(),
    ]
}

impl Tx {
    /// Stores a new team; a taken name is a conflict.
    pub async fn insert_team(&mut self, team: &Team) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO teams (id, organization_id, name, is_owners, visibility, sso_team_id, \
             member_token_management, organization_access, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                (&team.id).into(),
                (&team.organization_id).into(),
                (&team.name).into(),
                team.is_owners.into(),
                team.visibility.as_str().into(),
                team.sso_team_id.clone().into(),
                team.member_token_management.into(),
                access_names(&team.access).into(),
                team.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves everything of a team that may change; a taken name is a conflict.
    pub async fn update_team(&mut self, team: &Team) -> Result<(), StoreError> {
        self.execute(
            "UPDATE teams SET name = $2, visibility = $3, sso_team_id = $4, member_token_management = $5, \
             organization_access = $6 WHERE id = $1",
            &[
                (&team.id).into(),
                (&team.name).into(),
                team.visibility.as_str().into(),
                team.sso_team_id.clone().into(),
                team.member_token_management.into(),
                access_names(&team.access).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes a team with everything that it was granted.
    pub async fn delete_team(&mut self, id: &TeamId) -> Result<(), StoreError> {
        self.execute("DELETE FROM users WHERE service_of = $1", &[id.into()]).await?;
        self.execute("DELETE FROM teams WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The team of this id.
    pub async fn team(&mut self, id: &TeamId) -> Result<Option<Team>, StoreError> {
        let row = self.optional("SELECT * FROM teams WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(team).transpose()
    }

    /// The team that may do everything.
    pub async fn owners_team(&mut self, organization: &OrgId) -> Result<Option<Team>, StoreError> {
        let sql = "SELECT * FROM teams WHERE organization_id = $1 AND is_owners = TRUE";
        let row = self.optional(sql, &[organization.into()]).await?;
        row.as_ref().map(team).transpose()
    }

    /// A page of the teams of an organization by name, and how many there are.
    pub async fn teams(
        &mut self,
        organization: &OrgId,
        filter: &TeamFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Team>, u64), StoreError> {
        let mut page = binds(organization, filter);
        page.extend([offset.into(), limit.into()]);
        let rows = self.all(filtered!("t.*", " ORDER BY t.name LIMIT $6 OFFSET $5"), &page).await?;
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds(organization, filter)).await?;
        Ok((rows.iter().map(team).collect::<Result<_, _>>()?, total))
    }

    /// The teams of a user in an organization, by name.
    pub async fn teams_of_user(
        &mut self,
        organization: &OrgId,
        user: &UserId,
    ) -> Result<Vec<Team>, StoreError> {
        let rows = self
            .all(
                "SELECT t.* FROM teams t JOIN team_members m ON m.team_id = t.id \
                 WHERE t.organization_id = $1 AND m.user_id = $2 ORDER BY t.name",
                &[organization.into(), user.into()],
            )
            .await?;
        rows.iter().map(team).collect()
    }

    /// Puts a user into a team; nothing changes when the user is in it.
    pub async fn add_team_member(&mut self, team: &TeamId, user: &UserId) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO team_members (team_id, user_id) VALUES ($1, $2) ON CONFLICT (team_id, user_id) DO NOTHING",
            &[team.into(), user.into()],
        )
        .await
        .map(drop)
    }

    /// Takes a user out of a team.
    pub async fn remove_team_member(&mut self, team: &TeamId, user: &UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2";
        self.execute(sql, &[team.into(), user.into()]).await.map(drop)
    }

    /// The users in a team, by name.
    pub async fn team_members(&mut self, team: &TeamId) -> Result<Vec<User>, StoreError> {
        let rows = self
            .all(
                "SELECT u.* FROM users u JOIN team_members m ON m.user_id = u.id WHERE m.team_id = $1 ORDER BY u.username",
                &[team.into()],
            )
            .await?;
        rows.iter().map(crate::account::user).collect()
    }

    /// Tells whether a user is in a team.
    pub async fn is_team_member(&mut self, team: &TeamId, user: &UserId) -> Result<bool, StoreError> {
        let sql = "SELECT user_id FROM team_members WHERE team_id = $1 AND user_id = $2";
        Ok(self.optional(sql, &[team.into(), user.into()]).await?.is_some())
    }
}
