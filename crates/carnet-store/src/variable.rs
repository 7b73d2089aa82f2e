//! Variables of workspaces and of variable sets. Every value is sealed, sensitive or not.

use std::collections::BTreeMap;

use carnet_model::{Variable, VariableId, VariableInput, VariableOwner, VariableSetId, VariableValue};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Row, StoreError, Tx, corrupt};
use crate::search::{hundred, hundreds};

/// What a sealed value belongs to: whoever writes to the database without the key cannot give it to somebody else, or have a
/// sensitive one shown.
fn place(id: &VariableId, owner: &VariableOwner, is_sensitive: bool) -> String {
    let kind = if is_sensitive { "sensitive variable" } else { "variable" };
    match owner {
        VariableOwner::Workspace(workspace) => format!("{kind} {id} of {workspace}"),
        VariableOwner::Set(set) => format!("{kind} {id} of {set}"),
    }
}

fn owner(row: &Row) -> Result<VariableOwner, StoreError> {
    match (row.optional_parsed("workspace_id")?, row.optional_parsed("variable_set_id")?) {
        (Some(workspace), None) => Ok(VariableOwner::Workspace(workspace)),
        (None, Some(set)) => Ok(VariableOwner::Set(set)),
        (Some(_), Some(_)) | (None, None) => Err(corrupt("variable_set_id")),
    }
}

impl Tx {
    fn opened_variable(&self, row: &Row) -> Result<Variable, StoreError> {
        let id: VariableId = row.parsed("id")?;
        let (owner, sensitive) = (owner(row)?, row.boolean("sensitive")?);
        let plain = self.sealer.open(&place(&id, &owner, sensitive), &row.text("sealed_value")?)?;
        let value = std::str::from_utf8(&plain).map_err(|_| corrupt("sealed_value"))?;
        Ok(Variable {
            owner,
            input: VariableInput {
                key: row.parsed("key")?,
                value: VariableValue(SecretString::from(value)),
                description: row.text("description")?,
                category: row.parsed("category")?,
                hcl: row.boolean("hcl")?,
                sensitive,
            },
            version: row.count("version")?,
            created_at: row.time("created_at")?,
            id,
        })
    }

    fn sealed_value(&self, variable: &Variable) -> Result<String, StoreError> {
        let place = place(&variable.id, &variable.owner, variable.input.sensitive);
        Ok(self.sealer.seal(&place, variable.input.value.0.expose_secret().as_bytes())?)
    }

    /// Stores a new variable; a second one of the same key and category is a conflict.
    pub async fn insert_variable(&mut self, variable: &Variable) -> Result<(), StoreError> {
        self.audit_variable(variable.input.key.as_str());
        let sealed = self.sealed_value(variable)?;
        let (workspace, set) = match &variable.owner {
            VariableOwner::Workspace(workspace) => (Some(workspace), None),
            VariableOwner::Set(set) => (None, Some(set)),
        };
        self.execute(
            "INSERT INTO variables (id, workspace_id, variable_set_id, key, category, sealed_value, description, \
             hcl, sensitive, version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                (&variable.id).into(),
                workspace.into(),
                set.into(),
                (&variable.input.key).into(),
                variable.input.category.as_str().into(),
                sealed.into(),
                (&variable.input.description).into(),
                variable.input.hcl.into(),
                variable.input.sensitive.into(),
                variable.version.into(),
                variable.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The variables of a workspace or of a variable set, by age.
    pub async fn variables(&mut self, owner: &VariableOwner) -> Result<Vec<Variable>, StoreError> {
        let rows = match owner {
            VariableOwner::Workspace(workspace) => {
                let query = "SELECT * FROM variables WHERE workspace_id = $1 ORDER BY created_at, id";
                self.all(query, &[workspace.into()]).await?
            }
            VariableOwner::Set(set) => {
                let query = "SELECT * FROM variables WHERE variable_set_id = $1 ORDER BY created_at, id";
                self.all(query, &[set.into()]).await?
            }
        };
        rows.iter().map(|row| self.opened_variable(row)).collect()
    }

    /// The variables of each of these variable sets, by age.
    pub async fn variables_of_sets(
        &mut self,
        sets: &[VariableSetId],
    ) -> Result<BTreeMap<VariableSetId, Vec<Variable>>, StoreError> {
        let sql = concat!(
            "SELECT * FROM variables WHERE variable_set_id IN (",
            hundred!(),
            ") ORDER BY variable_set_id, created_at, id"
        );
        let mut found: BTreeMap<VariableSetId, Vec<Variable>> = BTreeMap::new();
        for binds in hundreds(sets) {
            for row in &self.all(sql, &binds).await? {
                let set = row.parsed("variable_set_id")?;
                found.entry(set).or_default().push(self.opened_variable(row)?);
            }
        }
        Ok(found)
    }

    /// One variable, whatever it belongs to.
    pub async fn variable(&mut self, id: &VariableId) -> Result<Option<Variable>, StoreError> {
        let row = self.optional("SELECT * FROM variables WHERE id = $1", &[id.into()]).await?;
        row.map(|row| self.opened_variable(&row)).transpose()
    }

    /// Saves what was written and the version; a second one of the same key and category is a conflict.
    pub async fn update_variable(&mut self, variable: &Variable) -> Result<(), StoreError> {
        if self.audit.is_some() {
            let sql = "SELECT key FROM variables WHERE id = $1";
            if let Some(before) = self.optional(sql, &[(&variable.id).into()]).await? {
                self.audit_variable(&before.text("key")?);
            }
        }
        self.audit_variable(variable.input.key.as_str());
        let sealed = self.sealed_value(variable)?;
        self.execute(
            "UPDATE variables SET key = $2, category = $3, sealed_value = $4, description = $5, hcl = $6, \
             sensitive = $7, version = $8 WHERE id = $1",
            &[
                (&variable.id).into(),
                (&variable.input.key).into(),
                variable.input.category.as_str().into(),
                sealed.into(),
                (&variable.input.description).into(),
                variable.input.hcl.into(),
                variable.input.sensitive.into(),
                variable.version.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes a variable.
    pub async fn delete_variable(&mut self, id: &VariableId) -> Result<bool, StoreError> {
        let gone = self.optional("DELETE FROM variables WHERE id = $1 RETURNING key", &[id.into()]).await?;
        if let Some(row) = &gone {
            self.audit_variable(&row.text("key")?);
        }
        Ok(gone.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, Sealer};

    #[test]
    fn a_row_that_was_given_to_somebody_else_or_made_readable_does_not_open() {
        let sealer = Sealer::new(&MasterKey::from_bytes([7; 32])).expect("a sealer");
        let id: VariableId = "var-AAAAAAAAAAAAAAAA".parse().expect("an id");
        let own = VariableOwner::Workspace("ws-AAAAAAAAAAAAAAAA".parse().expect("an id"));
        let other = VariableOwner::Workspace("ws-BBBBBBBBBBBBBBBB".parse().expect("an id"));
        let set = VariableOwner::Set("varset-AAAAAAAAAAAAAAAA".parse().expect("an id"));
        let sealed = sealer.seal(&place(&id, &own, true), b"hunter2").expect("sealed");
        assert!(sealer.open(&place(&id, &own, true), &sealed).is_ok());
        for (owner, is_sensitive) in [(&own, false), (&other, true), (&set, true)] {
            assert!(sealer.open(&place(&id, owner, is_sensitive), &sealed).is_err());
        }
    }
}
