//! The variables that take effect in a workspace: its own, those of the variable sets that apply there, those of a run.

use carnet_model::{
    EffectiveVariable, Run, RunVariable, Variable, VariableCategory, VariableOwner, VariableSource,
    VariableValue, Workspace, merge_variables,
};
use carnet_store::Tx;

use crate::error::ApiError;

/// Every stored variable that could take effect in the workspace, with its place.
pub(crate) async fn stored_variables(
    tx: &mut Tx,
    workspace: &Workspace,
) -> Result<Vec<(VariableSource, Variable)>, ApiError> {
    let of_workspace = tx.variables(&VariableOwner::Workspace(workspace.id.clone())).await?;
    let source = VariableSource::Workspace(workspace.name.clone());
    let mut found: Vec<_> = of_workspace.into_iter().map(|variable| (source.clone(), variable)).collect();
    let applied = tx.applied_variable_sets(workspace).await?;
    let sets: Vec<_> = applied.iter().map(|applied| applied.set.id.clone()).collect();
    let mut variables = tx.variables_of_sets(&sets).await?;
    for applied in applied {
        let of_set = variables.remove(&applied.set.id).unwrap_or_default();
        let source = VariableSource::Set { name: applied.set.name, level: applied.level };
        found.extend(of_set.into_iter().map(|variable| (source.clone(), variable)));
    }
    Ok(found)
}

/// What takes effect in a run.
pub(crate) async fn run_variables(
    tx: &mut Tx,
    run: &Run,
    workspace: &Workspace,
) -> Result<Vec<EffectiveVariable>, ApiError> {
    let stored = stored_variables(tx, workspace).await?;
    // Clients send the values of a run as HCL.
    let of_run = tx.run_variables(&run.id).await?.into_iter().map(|(key, value)| RunVariable {
        id: None,
        key,
        value: VariableValue(value),
        category: VariableCategory::Terraform,
        hcl: true,
        sensitive: false,
        source: VariableSource::Run,
    });
    Ok(merge_variables(stored.iter().map(candidate).chain(of_run)))
}

/// A stored variable as a run would see it.
pub(crate) fn candidate((source, variable): &(VariableSource, Variable)) -> RunVariable {
    RunVariable {
        id: Some(variable.id.clone()),
        key: variable.input.key.to_string(),
        value: variable.input.value.clone(),
        category: variable.input.category,
        hcl: variable.input.hcl,
        sensitive: variable.input.sensitive,
        source: source.clone(),
    }
}
