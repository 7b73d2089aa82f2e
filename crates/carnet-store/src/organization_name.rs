//! The names of organizations: one of them at a time has a name, and nobody else gets it afterwards.

use carnet_model::{OrgId, OrgName};

use crate::db::{StoreError, Tx};

/// Whether an organization may have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameClaim {
    /// It has it now.
    Granted,
    /// Another one has it, or one that differs in the case of its letters only.
    Taken,
    /// Another one had it.
    Retired,
}

impl Tx {
    /// Claims a name for an organization; `may_reuse` lets it have one that another organization gave up.
    pub async fn claim_organization_name(
        &mut self,
        organization: &OrgId,
        name: &OrgName,
        may_reuse: bool,
    ) -> Result<NameClaim, StoreError> {
        let name = name.as_str().to_lowercase();
        let binds = [(&name).into(), organization.into()];
        let known = self
            .optional(
                "SELECT n.organization_id, CASE WHEN o.id IS NULL THEN FALSE ELSE TRUE END AS is_held \
                 FROM organization_names n \
                 LEFT JOIN organizations o ON o.id = n.organization_id AND lower(o.name) = n.name \
                 WHERE n.name = $1",
                &[(&name).into()],
            )
            .await?;
        let sql = match known {
            None => "INSERT INTO organization_names (name, organization_id) VALUES ($1, $2)",
            Some(row) if row.parsed::<OrgId>("organization_id")? == *organization => {
                return Ok(NameClaim::Granted);
            }
            Some(row) if row.boolean("is_held")? => return Ok(NameClaim::Taken),
            Some(_) if !may_reuse => return Ok(NameClaim::Retired),
            Some(_) => "UPDATE organization_names SET organization_id = $2 WHERE name = $1",
        };
        self.execute(sql, &binds).await?;
        Ok(NameClaim::Granted)
    }
}
