//! Who belongs to organizations.

use carnet_model::{Membership, MembershipId, MembershipStatus, OrgId, TeamId, User, UserId, Username};

use crate::db::{Bind, Row, StoreError, Tx};

fn membership(row: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        user_id: row.parsed("user_id")?,
        status: row.parsed("status")?,
        created_at: row.time("created_at")?,
    })
}

/// Which members are wanted.
#[derive(Debug, Clone, Default)]
pub struct MembershipFilter {
    /// Part of the username or of the address.
    pub text: Option<String>,
    /// One of these addresses; all when it is empty.
    pub emails: Vec<String>,
    /// With this status.
    pub status: Option<MembershipStatus>,
}

macro_rules! filtered {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1 AND u.service_of IS NULL ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(u.username) LIKE $2 ESCAPE '\\' OR lower(u.email) LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR $3 LIKE '%,' || lower(u.email) || ',%') ",
            "AND (CAST($4 AS TEXT) IS NULL OR m.status = $4)",
            $tail
        )
    };
}

fn binds(organization: &OrgId, filter: &MembershipFilter) -> Vec<Bind> {
    let emails = (!filter.emails.is_empty()).then(|| format!(",{},", filter.emails.join(",")).to_lowercase());
    vec![
        organization.into(),
        filter.text.as_deref().map(crate::search::contains).into(),
        emails.into(),
        filter.status.map(|status| status.as_str().to_owned()).into(),
    ]
}

impl Tx {
    /// Stores a membership; a second one of the same user is a conflict.
    pub async fn insert_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO memberships (id, organization_id, user_id, status, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&membership.id).into(),
                (&membership.organization_id).into(),
                (&membership.user_id).into(),
                membership.status.as_str().into(),
                membership.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The membership of this id.
    pub async fn membership(&mut self, id: &MembershipId) -> Result<Option<Membership>, StoreError> {
        let row = self.optional("SELECT * FROM memberships WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(membership).transpose()
    }

    /// The membership of a user in an organization.
    pub async fn membership_of(
        &mut self,
        organization: &OrgId,
        user: &UserId,
    ) -> Result<Option<Membership>, StoreError> {
        let sql = "SELECT * FROM memberships WHERE organization_id = $1 AND user_id = $2";
        let row = self.optional(sql, &[organization.into(), user.into()]).await?;
        row.as_ref().map(membership).transpose()
    }

    /// A page of the members of an organization, the oldest first, and how many there are.
    pub async fn memberships(
        &mut self,
        organization: &OrgId,
        filter: &MembershipFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Membership>, u64), StoreError> {
        let sql = filtered!("m.*", " ORDER BY m.created_at, m.id LIMIT $6 OFFSET $5");
        let mut page = binds(organization, filter);
        page.extend([offset.into(), limit.into()]);
        let rows = self.all(sql, &page).await?;
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds(organization, filter)).await?;
        Ok((rows.iter().map(membership).collect::<Result<_, _>>()?, total))
    }

    /// The memberships of a user.
    pub async fn memberships_of_user(&mut self, user: &UserId) -> Result<Vec<Membership>, StoreError> {
        let rows = self
            .all("SELECT * FROM memberships WHERE user_id = $1 ORDER BY created_at, id", &[user.into()])
            .await?;
        rows.iter().map(membership).collect()
    }

    /// Removes a membership and takes the user out of the organization's teams.
    pub async fn delete_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM team_members WHERE user_id = $1 AND team_id IN \
             (SELECT id FROM teams WHERE organization_id = $2)",
            &[(&membership.user_id).into(), (&membership.organization_id).into()],
        )
        .await?;
        self.execute("DELETE FROM memberships WHERE id = $1", &[(&membership.id).into()]).await.map(drop)
    }

    /// The person with this address.
    pub async fn user_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError> {
        let sql =
            "SELECT * FROM users WHERE email = $1 AND service_of IS NULL ORDER BY created_at, id LIMIT 1";
        let row = self.optional(sql, &[email.into()]).await?;
        row.as_ref().map(crate::account::user).transpose()
    }

    /// The service user that stands for a team or an organization.
    pub async fn service_user(&mut self, of: &str) -> Result<Option<User>, StoreError> {
        let row = self.optional("SELECT * FROM users WHERE service_of = $1", &[of.into()]).await?;
        row.as_ref().map(crate::account::user).transpose()
    }

    /// Stores a user who was invited and has no account yet.
    pub async fn insert_placeholder(&mut self, user: &User) -> Result<(), StoreError> {
        self.insert_user(user).await?;
        self.execute("UPDATE users SET is_placeholder = TRUE WHERE id = $1", &[(&user.id).into()])
            .await
            .map(drop)
    }

    /// Tells whether the user was invited and has no account yet.
    pub async fn is_placeholder(&mut self, user: &UserId) -> Result<bool, StoreError> {
        let row = self.optional("SELECT is_placeholder FROM users WHERE id = $1", &[user.into()]).await?;
        row.map_or(Ok(false), |row| row.boolean("is_placeholder"))
    }

    /// Makes an account of an invitation: every membership of the user becomes active.
    pub async fn accept_invitations(&mut self, user: &User) -> Result<(), StoreError> {
        self.refuse_former_username(user).await?;
        self.execute(
            "UPDATE users SET username = $2, is_site_admin = $3, is_placeholder = FALSE WHERE id = $1",
            &[(&user.id).into(), (&user.username).into(), user.is_site_admin.into()],
        )
        .await?;
        self.execute("UPDATE memberships SET status = 'active' WHERE user_id = $1", &[(&user.id).into()])
            .await
            .map(drop)
    }

    /// Changes the name and the address of a user; a name that somebody else has or had is a conflict.
    pub async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        self.refuse_former_username(user).await?;
        self.execute(
            "UPDATE users SET username = $2, email = $3 WHERE id = $1",
            &[(&user.id).into(), (&user.username).into(), (&user.email).into()],
        )
        .await
        .map(drop)
    }

    /// Keeps a name that a user gives up from everybody else.
    pub async fn keep_former_username(&mut self, user: &UserId, name: &Username) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO former_usernames (name, user_id) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            &[name.as_str().to_lowercase().into(), user.into()],
        )
        .await
        .map(drop)
    }

    /// The address that a user asked for and nobody has confirmed.
    pub async fn unconfirmed_email(&mut self, user: &UserId) -> Result<Option<String>, StoreError> {
        let row = self.optional("SELECT unconfirmed_email FROM users WHERE id = $1", &[user.into()]).await?;
        row.map_or(Ok(None), |row| row.optional_text("unconfirmed_email"))
    }

    /// Notes the address that a user asks for; `None` when there is nothing to confirm any more.
    pub async fn set_unconfirmed_email(
        &mut self,
        user: &UserId,
        email: Option<&str>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE users SET unconfirmed_email = $2 WHERE id = $1",
            &[user.into(), email.map(str::to_owned).into()],
        )
        .await
        .map(drop)
    }

    /// The memberships of the users in a team.
    pub async fn team_memberships(&mut self, team: &TeamId) -> Result<Vec<Membership>, StoreError> {
        let rows = self
            .all(
                "SELECT m.* FROM memberships m JOIN team_members t ON t.user_id = m.user_id JOIN teams ON teams.id = t.team_id \
                 WHERE t.team_id = $1 AND m.organization_id = teams.organization_id ORDER BY m.created_at, m.id",
                &[team.into()],
            )
            .await?;
        rows.iter().map(membership).collect()
    }
}
