//! The data of a large site, for measurements.

use std::collections::BTreeMap;

use carnet_model::{
    OrgId, OrgName, ProjectId, Run, RunOptions, RunSource, RunStatus, Timestamp, UserId, Variable,
    VariableCategory, VariableInput, VariableOwner, VariableSet, VariableValue, WorkspaceId,
};
use secrecy::SecretString;

use crate::{Store, StoreError, Tx};

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Workspaces, at least 200.
    pub workspaces: u32,
    /// Runs; a tenth of them is of the first workspace.
    pub runs: u32,
    /// Entries of the ledger for each run.
    pub tokens_per_run: u32,
    /// Variable sets.
    pub variable_sets: u32,
}

/// What the data belongs to.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The organization, which is there already.
    pub organization: OrgId,
    /// Its name.
    pub name: OrgName,
    /// Who made the runs.
    pub user: UserId,
}

const PROJECTS: u32 = 50;
const TAGS: u32 = 100;
const VARIABLES_OF_SET: u32 = 4;
const VARIABLES_OF_WORKSPACE: u32 = 3;
const MINUTE: i64 = 60_000;

/// Numbers without order, as identifiers have none: a power of a primitive root of a prime.
fn suffix(number: u32) -> String {
    format!("{:010}", u64::from(number) * 48_271 % 2_147_483_647)
}

fn named<T: std::str::FromStr>(prefix: &str, number: u32) -> Result<T, StoreError> {
    format!("{prefix}-{}", suffix(number))
        .parse()
        .map_err(|_| StoreError::Corrupt { column: prefix.to_owned() })
}

/// The id of the workspace of a number, from 1 on. The first one has a tenth of all runs.
pub fn workspace(number: u32) -> Result<WorkspaceId, StoreError> {
    named("ws", number)
}

/// The statements of tests are checked for reading whole tables; those that make data for measurements say that they do.
macro_rules! bulk {
    ($($text:expr),+) => {
        concat!("-- Makes data for measurements.\n", $($text),+)
    };
}

/// The numbers from 1 to `$1` as `n.i`, and as the identifier's text `s`.
macro_rules! numbers {
    () => {
        "WITH RECURSIVE c (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT c.i + 1 FROM c WHERE c.i < $1), \
         n (i, s) AS (SELECT c.i, SUBSTR(CAST(10000000000 + (c.i * 48271) % 2147483647 AS TEXT), 2) FROM c) "
    };
}

impl Store {
    /// Fills an organization that is otherwise empty. `now` is behind everything that happened there.
    pub async fn fill(&self, owner: &Owner, scale: Scale, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.fill_workspaces(owner, scale.workspaces, now).await?;
        tx.commit().await?;
        let mut tx = self.write().await?;
        tx.fill_runs(owner, scale, now).await?;
        tx.commit().await?;
        let mut tx = self.write().await?;
        tx.fill_ledger(&owner.organization, scale.tokens_per_run).await?;
        tx.commit().await?;
        let mut tx = self.write().await?;
        tx.fill_variables(owner, scale, now).await?;
        tx.commit().await?;
        self.database.vacuum().await
    }
}

impl Tx {
    async fn fill_workspaces(&mut self, owner: &Owner, count: u32, now: Timestamp) -> Result<(), StoreError> {
        let organization = &owner.organization;
        self.execute(
            bulk!(
                numbers!(),
                "INSERT INTO projects (id, organization_id, name, description, created_at) ",
                "SELECT 'prj-' || n.s, $2, 'project-' || n.s, '', $3 + n.i FROM n"
            ),
            &[PROJECTS.into(), organization.into(), now.into()],
        )
        .await?;
        self.execute(
            bulk!(
                numbers!(),
                "INSERT INTO workspaces (id, organization_id, project_id, name, description, execution_mode, ",
                "terraform_version, working_directory, auto_apply, allow_destroy_plan, structured_run_output, lock_reason, ",
                "resource_count, created_at, updated_at, latest_change_at) ",
                "SELECT 'ws-' || n.s, $2, 'prj-' || m.s, 'service-' || n.s, 'One of many', 'remote', '1.9.0', '', FALSE, ",
                "TRUE, TRUE, '', 12, $3 + n.i, $3 + n.i, $3 + n.i FROM n JOIN n m ON m.i = n.i % $4 + 1"
            ),
            &[count.into(), organization.into(), now.into(), PROJECTS.into()],
        )
        .await?;
        self.execute(
            bulk!(
                numbers!(),
                "INSERT INTO tags (id, organization_id, name) SELECT 'tag-' || n.s, $2, 'tag-' || n.i FROM n"
            ),
            &[TAGS.into(), organization.into()],
        )
        .await?;
        for step in [1_u32, 38] {
            self.execute(
                bulk!(
                    numbers!(),
                    "INSERT INTO workspace_tags (workspace_id, tag_id, value) SELECT 'ws-' || n.s, 'tag-' || m.s, '' ",
                    "FROM n JOIN n m ON m.i = (n.i + $2) % $3 + 1"
                ),
                &[count.into(), step.into(), TAGS.into()],
            )
            .await?;
        }
        self.execute(
            bulk!(
                numbers!(),
                "INSERT INTO configuration_versions (id, workspace_id, status, auto_queue_runs, speculative, provisional, ",
                "source, created_at, uploaded_at) ",
                "SELECT 'cv-' || n.s, 'ws-' || n.s, 'uploaded', FALSE, FALSE, FALSE, 'tfe-api', $2, $2 FROM n"
            ),
            &[count.into(), now.into()],
        )
        .await
        .map(drop)
    }

    async fn fill_runs(&mut self, owner: &Owner, scale: Scale, now: Timestamp) -> Result<(), StoreError> {
        let start = now.as_millisecond() - i64::from(scale.runs) * MINUTE;
        for number in 1..=scale.runs {
            let place = if number.is_multiple_of(10) { 1 } else { number % scale.workspaces + 1 };
            let created = Timestamp::from_millisecond(start + i64::from(number) * MINUTE)
                .map_err(|_| StoreError::Corrupt { column: "created_at".to_owned() })?;
            self.insert_run(&run(owner, number, place, created)?, &Vec::new()).await?;
        }
        for phase in ["plan", "apply"] {
            self.execute(
                bulk!(
                    "INSERT INTO phases (id, run_id, phase, status, additions, changes, destructions, imports, ",
                    "generated_configuration, log_hash, sealed_log_key, log_length, status_timestamps) ",
                    "SELECT CASE WHEN $1 = 'plan' THEN r.plan_id ELSE r.apply_id END, r.id, $1, 'finished', 1, 0, 0, 0, FALSE, ",
                    "$1 || r.id, '', 0, '{}' FROM runs r WHERE r.organization_id = $2"
                ),
                &[phase.into(), (&owner.organization).into()],
            )
            .await?;
        }
        self.execute(
            bulk!(
                "INSERT INTO run_events (id, run_id, action, description, actor_id, created_at, place) ",
                "SELECT 're-' || SUBSTR(r.id, 5), r.id, 'queued', 'The run was queued', r.created_by, r.created_at, 0 ",
                "FROM runs r WHERE r.organization_id = $1"
            ),
            &[(&owner.organization).into()],
        )
        .await?;
        self.execute(
            bulk!(
                "UPDATE workspaces SET current_run_id = (SELECT r.id FROM runs r WHERE r.workspace_id = workspaces.id ",
                "ORDER BY r.created_at DESC, r.id DESC LIMIT 1) WHERE organization_id = $1"
            ),
            &[(&owner.organization).into()],
        )
        .await
        .map(drop)
    }

    async fn fill_ledger(&mut self, organization: &OrgId, per_run: u32) -> Result<(), StoreError> {
        self.execute(
            bulk!(
                numbers!(),
                "INSERT INTO identity_tokens (jti, job_id, run_id, workspace_id, organization_id, phase, family, audience, ",
                "subject, claims, kid, issued_at, expires_at) ",
                "SELECT SUBSTR(r.id, 5) || '-' || n.i, 'job-' || SUBSTR(r.id, 5), r.id, r.workspace_id, r.organization_id, ",
                "'plan', 'vault', 'vault.workload.identity', 'organization:scale:workspace:' || r.workspace_id, ",
                "'{\"terraform_run_phase\":\"plan\",\"terraform_run_id\":\"' || r.id || '\"}', 'key', ",
                "r.created_at + n.i, r.created_at + 600000 FROM runs r JOIN n ON n.i > 0 WHERE r.organization_id = $2"
            ),
            &[per_run.into(), organization.into()],
        )
        .await
        .map(drop)
    }

    /// Every tenth set is global, every fifth is assigned to a project, the others to ten workspaces each.
    async fn fill_variables(
        &mut self,
        owner: &Owner,
        scale: Scale,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut number = 0;
        for place in 1..=scale.variable_sets {
            let set = variable_set(owner, place, now)?;
            self.insert_variable_set(&set).await?;
            if place % 5 == 1 {
                self.assign_to_project(&set.id, &named::<ProjectId>("prj", place % PROJECTS + 1)?).await?;
            } else if !set.is_global {
                for step in 0..10 {
                    let place =
                        if step == 0 && place < 20 { 1 } else { (place * 10 + step) % scale.workspaces + 1 };
                    self.assign_to_workspace(&set.id, &workspace(place)?).await?;
                }
            }
            for key in 0..VARIABLES_OF_SET {
                number += 1;
                let key = format!("set_{}_{key}", place % 60);
                self.insert_variable(&variable(VariableOwner::Set(set.id.clone()), number, &key, now)?)
                    .await?;
            }
        }
        for place in 1..=scale.workspaces {
            for key in 0..VARIABLES_OF_WORKSPACE {
                number += 1;
                let owner = VariableOwner::Workspace(workspace(place)?);
                self.insert_variable(&variable(owner, number, &format!("own_{key}"), now)?).await?;
            }
        }
        Ok(())
    }
}

fn run(owner: &Owner, number: u32, place: u32, created_at: Timestamp) -> Result<Run, StoreError> {
    let plan_only = number.is_multiple_of(8);
    let status = match number % 20 {
        _ if plan_only => RunStatus::PlannedAndFinished,
        3 => RunStatus::Errored,
        7 => RunStatus::Discarded,
        _ => RunStatus::Applied,
    };
    Ok(Run {
        id: named("run", number)?,
        workspace_id: workspace(place)?,
        organization_id: owner.organization.clone(),
        configuration_version_id: named("cv", place)?,
        plan_id: named("plan", number)?,
        apply_id: named("apply", number)?,
        status,
        options: RunOptions {
            plan_only,
            save_plan: false,
            auto_apply: true,
            allow_empty_apply: false,
            allow_config_generation: false,
            debugging_mode: false,
            is_destroy: false,
            refresh: true,
            refresh_only: false,
            target_addrs: Vec::new(),
            replace_addrs: Vec::new(),
        },
        message: format!("Change number {number}"),
        source: if number.is_multiple_of(3) { RunSource::Cloud } else { RunSource::Api },
        terraform_version: "1.9.0".to_owned(),
        structured_output: true,
        has_changes: true,
        triggering_run_id: None,
        created_by: Some(owner.user.clone()),
        confirmed_by: None,
        created_at,
        canceled_at: None,
        force_cancel_available_at: None,
        status_timestamps: BTreeMap::from([("applied".to_owned(), created_at)]),
    })
}

fn variable_set(owner: &Owner, place: u32, now: Timestamp) -> Result<VariableSet, StoreError> {
    Ok(VariableSet {
        id: named("varset", place)?,
        organization_id: owner.organization.clone(),
        organization_name: owner.name.clone(),
        parent_project_id: None,
        name: named("set", place)?,
        description: String::new(),
        is_global: place.is_multiple_of(10),
        has_priority: place.is_multiple_of(50),
        created_at: now,
        updated_at: now,
    })
}

fn variable(owner: VariableOwner, number: u32, key: &str, now: Timestamp) -> Result<Variable, StoreError> {
    Ok(Variable {
        id: named("var", number)?,
        owner,
        input: VariableInput {
            key: key.parse().map_err(|_| StoreError::Corrupt { column: "key".to_owned() })?,
            value: VariableValue(SecretString::from(format!("value {number}"))),
            description: String::new(),
            category: VariableCategory::Terraform,
            hcl: false,
            sensitive: number.is_multiple_of(4),
        },
        version: 1,
        created_at: now,
    })
}
