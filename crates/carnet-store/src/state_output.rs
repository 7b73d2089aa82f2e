//! Outputs of state versions. Every value is sealed, sensitive or not.

use carnet_model::{StateOutput, StateVersionId, StateVersionOutputId};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Row, StoreError, Tx, corrupt};

fn place(id: &StateVersionOutputId) -> String {
    format!("state output {id}")
}

impl Tx {
    fn opened_output(&self, row: &Row) -> Result<StateOutput, StoreError> {
        let id: StateVersionOutputId = row.parsed("id")?;
        let plain = self.sealer.open(&place(&id), &row.text("sealed_value")?)?;
        let value = std::str::from_utf8(&plain).map_err(|_| corrupt("sealed_value"))?;
        Ok(StateOutput {
            state_version_id: row.parsed("state_version_id")?,
            name: row.text("name")?,
            sensitive: row.boolean("sensitive")?,
            value_type: row.text("value_type")?,
            detailed_type: row.text("detailed_type")?,
            value: SecretString::from(value),
            id,
        })
    }

    /// Stores an output.
    pub async fn insert_state_output(&mut self, output: &StateOutput) -> Result<(), StoreError> {
        let sealed = self.sealer.seal(&place(&output.id), output.value.expose_secret().as_bytes())?;
        self.execute(
            "INSERT INTO state_outputs (id, state_version_id, name, sensitive, value_type, detailed_type, sealed_value) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&output.id).into(),
                (&output.state_version_id).into(),
                (&output.name).into(),
                output.sensitive.into(),
                (&output.value_type).into(),
                (&output.detailed_type).into(),
                sealed.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The outputs of a state version, by name.
    pub async fn state_outputs(&mut self, version: &StateVersionId) -> Result<Vec<StateOutput>, StoreError> {
        let rows =
            self.all("SELECT * FROM state_outputs WHERE state_version_id = $1", &[version.into()]).await?;
        let mut outputs = rows.iter().map(|row| self.opened_output(row)).collect::<Result<Vec<_>, _>>()?;
        outputs.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(outputs)
    }

    /// The ids of the outputs of a state version, by name.
    pub async fn state_output_ids(
        &mut self,
        version: &StateVersionId,
    ) -> Result<Vec<StateVersionOutputId>, StoreError> {
        let rows = self
            .all("SELECT id, name FROM state_outputs WHERE state_version_id = $1", &[version.into()])
            .await?;
        let mut named = rows
            .iter()
            .map(|row| Ok((row.text("name")?, row.parsed("id")?)))
            .collect::<Result<Vec<(String, StateVersionOutputId)>, StoreError>>()?;
        named.sort();
        Ok(named.into_iter().map(|(_, id)| id).collect())
    }

    /// The output of this id.
    pub async fn state_output(
        &mut self,
        id: &StateVersionOutputId,
    ) -> Result<Option<StateOutput>, StoreError> {
        let row = self.optional("SELECT * FROM state_outputs WHERE id = $1", &[id.into()]).await?;
        row.map(|row| self.opened_output(&row)).transpose()
    }
}
