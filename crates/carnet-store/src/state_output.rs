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
        let rows = self
            .all("SELECT * FROM state_outputs WHERE state_version_id = $1 ORDER BY name", &[version.into()])
            .await?;
        rows.iter().map(|row| self.opened_output(row)).collect()
    }

    /// Some outputs of a state version, by name.
    pub async fn some_state_outputs(
        &mut self,
        version: &StateVersionId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<StateOutput>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM state_outputs WHERE state_version_id = $1 ORDER BY name LIMIT $2 OFFSET $3",
                &[version.into(), limit.into(), offset.into()],
            )
            .await?;
        rows.iter().map(|row| self.opened_output(row)).collect()
    }

    /// How many outputs a state version has.
    pub async fn state_output_count(&mut self, version: &StateVersionId) -> Result<u64, StoreError> {
        self.total(
            "SELECT COUNT(*) AS total FROM state_outputs WHERE state_version_id = $1",
            &[version.into()],
        )
        .await
    }

    /// The ids of the outputs of a state version, by name.
    pub async fn state_output_ids(
        &mut self,
        version: &StateVersionId,
    ) -> Result<Vec<StateVersionOutputId>, StoreError> {
        let rows = self
            .all("SELECT id FROM state_outputs WHERE state_version_id = $1 ORDER BY name", &[version.into()])
            .await?;
        rows.iter().map(|row| row.parsed("id")).collect()
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
