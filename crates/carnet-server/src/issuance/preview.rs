//! What policies would do with the workspaces as they are: asked before a policy is saved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carnet_creds::AdapterDefinition;
use carnet_model::{
    IdentityTokenTtl, IssuancePolicy, IssuanceRequest, Organization, Phase, PolicyLevel, RunId,
    VariableCategory, Workspace, decide_issuance, merge_variables,
};
use carnet_store::Tx;
use secrecy::SecretString;

use super::grants::{Configured, Grant, hidden};
use crate::app::Settings;
use crate::effective_variables::{candidate, stored_variables};
use crate::error::ApiError;

/// What would become of one identity token of one phase.
pub(crate) struct Forecast {
    pub(crate) phase: Phase,
    /// What the variables lead to; values of sensitive variables are hidden.
    pub(crate) grant: Option<Grant>,
    pub(crate) verdict: Verdict,
}

/// What the policies would say.
pub(crate) enum Verdict {
    /// Every run gets it, with these statements.
    Allowed(Vec<String>),
    /// It depends on the run: on these members of the statements.
    Depends(Vec<&'static str>, Vec<String>),
    /// No run gets it: why, and what leads out.
    Refused(String, Vec<String>),
    /// The variables are not complete, line by line: nothing is asked for.
    Incomplete(Vec<String>),
}

/// What is the same for all workspaces.
pub(crate) struct Preview<'a> {
    pub(crate) organization: &'a Organization,
    pub(crate) settings: &'a Settings,
    pub(crate) adapters: &'a [Arc<AdapterDefinition>],
}

impl Preview<'_> {
    /// What the policies would say to every token that the workspace's variables lead to, the plan's first.
    pub(crate) async fn of_workspace(
        &self,
        tx: &mut Tx,
        workspace: &Workspace,
        policies: &[(PolicyLevel, &IssuancePolicy)],
    ) -> Result<Vec<Forecast>, ApiError> {
        let stored = stored_variables(tx, workspace).await?;
        let effective = merge_variables(stored.iter().map(candidate));
        let of_env = effective.into_iter().map(|one| one.variable);
        let of_env: Vec<_> = of_env.filter(|one| one.category == VariableCategory::Env).collect();
        let secrets: Vec<SecretString> =
            of_env.iter().filter(|one| one.sensitive).map(|one| one.value.0.clone()).collect();
        let env: BTreeMap<String, SecretString> =
            of_env.into_iter().map(|one| (one.key, one.value.0)).collect();
        let mut found = Vec::new();
        for phase in [Phase::Plan, Phase::Apply] {
            match self.grants(workspace, phase, env.clone()) {
                Ok(grants) => found.extend(
                    grants.into_iter().map(|grant| forecast(phase, grant, workspace, policies, &secrets)),
                ),
                Err(problems) => {
                    found.push(Forecast { phase, grant: None, verdict: Verdict::Incomplete(problems) });
                }
            }
        }
        Ok(found)
    }

    fn grants(
        &self,
        workspace: &Workspace,
        phase: Phase,
        env: BTreeMap<String, SecretString>,
    ) -> Result<Vec<Grant>, Vec<String>> {
        let ttl = IdentityTokenTtl::that_applies(
            workspace.identity_token_ttl,
            self.organization.identity_token_ttl,
        );
        let configured = Configured {
            phase,
            // There is no run; its id is only a part of paths.
            run_id: &RunId::from_entropy([0; 16]),
            env,
            adapters: self.adapters,
            phase_limit: match phase {
                Phase::Plan => self.settings.plan_timeout,
                Phase::Apply => self.settings.apply_timeout,
            },
            identity_token_ttl: Duration::from_secs(ttl.as_seconds().into()),
        };
        configured.grants()
    }
}

fn forecast(
    phase: Phase,
    grant: Grant,
    workspace: &Workspace,
    policies: &[(PolicyLevel, &IssuancePolicy)],
    secrets: &[SecretString],
) -> Forecast {
    let request = IssuanceRequest {
        family: &grant.family,
        phase,
        audience: &grant.audience,
        role: grant.role.as_deref(),
        project: workspace.project_name.as_str(),
        workspace: workspace.name.as_str(),
        run: None,
    };
    let verdict = match decide_issuance(policies, &request) {
        Ok(allowed) => {
            let statements =
                allowed.statements.into_iter().map(|(level, name)| format!("{}: {name}", level.as_str()));
            let statements = statements.collect();
            match allowed.open.is_empty() {
                true => Verdict::Allowed(statements),
                false => {
                    Verdict::Depends(allowed.open.into_iter().map(|open| open.as_str()).collect(), statements)
                }
            }
        }
        Err(refusal) => {
            let fix = refusal.fix().iter().map(|line| hidden(line, secrets)).collect();
            Verdict::Refused(hidden(&refusal.cause(), secrets), fix)
        }
    };
    let grant = Grant {
        audience: hidden(&grant.audience, secrets),
        role: grant.role.as_deref().map(|role| hidden(role, secrets)),
        ..grant
    };
    Forecast { phase, grant: Some(grant), verdict }
}
