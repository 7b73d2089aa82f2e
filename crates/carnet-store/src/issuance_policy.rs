//! Issuance policies of organizations and projects, and the identity tokens that a job may ask for.

use carnet_model::{JobId, OrgId, ProjectId, Timestamp};

use crate::db::{Row, StoreError, Tx, corrupt};

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIssuancePolicy {
    /// The organization that it is in.
    pub organization_id: OrgId,
    /// The project whose it is; `None` for that of the organization.
    pub project_id: Option<ProjectId>,
    /// The statements, JSON.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl StoredIssuancePolicy {
    fn scope(&self) -> &str {
        self.project_id.as_ref().map_or(self.organization_id.as_str(), |project| project.as_str())
    }
}

fn policy(row: &Row) -> Result<StoredIssuancePolicy, StoreError> {
    Ok(StoredIssuancePolicy {
        organization_id: row.parsed("organization_id")?,
        project_id: row.optional_parsed("project_id")?,
        document: row.text("document")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn grants_place(job: &JobId) -> String {
    format!("token grants {job}")
}

impl Tx {
    /// Stores a policy, or replaces the document of the one that is there.
    pub async fn put_issuance_policy(&mut self, policy: &StoredIssuancePolicy) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO issuance_policies (scope, organization_id, project_id, document, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (scope) \
             DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
            &[
                policy.scope().into(),
                (&policy.organization_id).into(),
                policy.project_id.as_ref().into(),
                (&policy.document).into(),
                policy.created_at.into(),
                policy.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The policies that hold in a project: that of the organization, then that of the project, as far as they are there.
    pub async fn issuance_policies(
        &mut self,
        organization: &OrgId,
        project: &ProjectId,
    ) -> Result<Vec<StoredIssuancePolicy>, StoreError> {
        let sql = "SELECT * FROM issuance_policies WHERE scope IN ($1, $2)";
        let rows = self.all(sql, &[organization.into(), project.into()]).await?;
        let mut found: Vec<StoredIssuancePolicy> = rows.iter().map(policy).collect::<Result<_, _>>()?;
        found.sort_by_key(|policy| policy.project_id.is_some());
        Ok(found)
    }

    /// The policy of an organization.
    pub async fn issuance_policy_of_organization(
        &mut self,
        organization: &OrgId,
    ) -> Result<Option<StoredIssuancePolicy>, StoreError> {
        self.issuance_policy(organization.as_str()).await
    }

    /// The policy of a project.
    pub async fn issuance_policy_of_project(
        &mut self,
        project: &ProjectId,
    ) -> Result<Option<StoredIssuancePolicy>, StoreError> {
        self.issuance_policy(project.as_str()).await
    }

    async fn issuance_policy(&mut self, scope: &str) -> Result<Option<StoredIssuancePolicy>, StoreError> {
        let row = self.optional("SELECT * FROM issuance_policies WHERE scope = $1", &[scope.into()]).await?;
        row.as_ref().map(policy).transpose()
    }

    /// Removes the policy of an organization, or of a project; `false` when there is none.
    pub async fn delete_issuance_policy(
        &mut self,
        policy: &StoredIssuancePolicy,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM issuance_policies WHERE scope = $1";
        Ok(self.execute(sql, &[policy.scope().into()]).await? > 0)
    }

    /// Keeps which identity tokens a job may ask for, JSON: sealed, as values of sensitive variables may be in it.
    pub async fn set_token_grants(&mut self, job: &JobId, grants: Option<String>) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET token_grants = $2 WHERE id = $1";
        let sealed =
            grants.map(|grants| self.sealer.seal(&grants_place(job), grants.as_bytes())).transpose()?;
        self.execute(sql, &[job.into(), sealed.into()]).await.map(drop)
    }

    /// Which identity tokens a job may ask for, JSON; `None` when nobody has told.
    pub async fn token_grants(&mut self, job: &JobId) -> Result<Option<String>, StoreError> {
        let row = self.optional("SELECT token_grants FROM jobs WHERE id = $1", &[job.into()]).await?;
        let Some(sealed) = row.map_or(Ok(None), |row| row.optional_text("token_grants"))? else {
            return Ok(None);
        };
        let opened = self.sealer.open(&grants_place(job), &sealed)?;
        String::from_utf8(opened.to_vec()).map(Some).map_err(|_| corrupt("token_grants"))
    }

    /// Counts a refusal of one kind to a job; tells how many there are now.
    pub async fn count_refusal(&mut self, job: &JobId, outcome: &str) -> Result<u64, StoreError> {
        let row = self
            .optional(
                "INSERT INTO ledger_refusals (job_id, outcome, count) VALUES ($1, $2, 1) \
                 ON CONFLICT (job_id, outcome) DO UPDATE SET count = ledger_refusals.count + 1 RETURNING count",
                &[job.into(), outcome.into()],
            )
            .await?;
        row.ok_or_else(|| corrupt("count"))?.count("count")
    }
}
