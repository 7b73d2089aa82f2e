//! SSH keys. Values are sealed, and nothing reads them back yet.

use carnet_model::{OrgId, SshKey, SshKeyId, WorkspaceId};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Row, StoreError, Tx};

fn place(id: &SshKeyId) -> String {
    format!("ssh key {id}")
}

fn ssh_key(row: &Row) -> Result<SshKey, StoreError> {
    Ok(SshKey {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}

impl Tx {
    /// Stores an SSH key; a taken name is a conflict.
    pub async fn insert_ssh_key(&mut self, key: &SshKey, value: &SecretString) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(&key.id), value.expose_secret().as_bytes())?;
        self.execute(
            "INSERT INTO ssh_keys (id, organization_id, name, sealed_value, created_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&key.id).into(),
                (&key.organization_id).into(),
                (&key.name).into(),
                sealed.into(),
                key.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Saves the name of an SSH key, and its value when there is a new one; a taken name is a conflict.
    pub async fn update_ssh_key(
        &mut self,
        key: &SshKey,
        value: Option<&SecretString>,
    ) -> Result<(), StoreError> {
        if let Some(value) = value {
            let sealed = self.sealer.seal(&place(&key.id), value.expose_secret().as_bytes())?;
            let sql = "UPDATE ssh_keys SET sealed_value = $2 WHERE id = $1";
            self.execute(sql, &[(&key.id).into(), sealed.into()]).await?;
        }
        let sql = "UPDATE ssh_keys SET name = $2 WHERE id = $1";
        self.execute(sql, &[(&key.id).into(), (&key.name).into()]).await.map(drop)
    }

    /// Removes an SSH key, also from the workspaces that use it.
    pub async fn delete_ssh_key(&mut self, id: &SshKeyId) -> Result<(), StoreError> {
        self.execute("DELETE FROM ssh_keys WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The SSH key of this id.
    pub async fn ssh_key(&mut self, id: &SshKeyId) -> Result<Option<SshKey>, StoreError> {
        let row = self.optional("SELECT * FROM ssh_keys WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(ssh_key).transpose()
    }

    /// A page of the SSH keys of an organization, the oldest first, and how many there are.
    pub async fn ssh_keys(
        &mut self,
        organization: &OrgId,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<SshKey>, u64), StoreError> {
        let rows = self
            .all(
                "SELECT * FROM ssh_keys WHERE organization_id = $1 ORDER BY created_at, id LIMIT $3 OFFSET $2",
                &[organization.into(), offset.into(), limit.into()],
            )
            .await?;
        let sql = "SELECT COUNT(*) AS total FROM ssh_keys WHERE organization_id = $1";
        let total = self.total(sql, &[organization.into()]).await?;
        Ok((rows.iter().map(ssh_key).collect::<Result<_, _>>()?, total))
    }

    /// The SSH key that a workspace uses.
    pub async fn workspace_ssh_key(&mut self, id: &WorkspaceId) -> Result<Option<SshKeyId>, StoreError> {
        let row = self.optional("SELECT ssh_key_id FROM workspaces WHERE id = $1", &[id.into()]).await?;
        row.map_or(Ok(None), |row| row.optional_parsed("ssh_key_id"))
    }

    /// Lets a workspace use an SSH key, or none.
    pub async fn set_workspace_ssh_key(
        &mut self,
        id: &WorkspaceId,
        key: Option<&SshKeyId>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE workspaces SET ssh_key_id = $2 WHERE id = $1";
        self.execute(sql, &[id.into(), key.into()]).await.map(drop)
    }
}
