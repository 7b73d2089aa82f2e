//! The steps that make and change the tables, in order. Each runs once, on either engine.

use crate::db::Engine;

/// The version of a step and its SQL.
pub(crate) const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("migrations/0001_initial.sql")),
    (2, include_str!("migrations/0002_login_codes.sql")),
    (3, include_str!("migrations/0003_teams.sql")),
    (4, include_str!("migrations/0004_organizations.sql")),
    (5, include_str!("migrations/0005_projects.sql")),
    (6, include_str!("migrations/0006_workspaces.sql")),
    (7, include_str!("migrations/0007_runs.sql")),
    (8, include_str!("migrations/0008_state_versions.sql")),
    (9, include_str!("migrations/0009_agent_pools.sql")),
    (10, include_str!("migrations/0010_registry.sql")),
    (11, include_str!("migrations/0011_notifications.sql")),
    (12, include_str!("migrations/0012_audit.sql")),
    (13, include_str!("migrations/0013_blobs.sql")),
    (14, include_str!("migrations/0014_accounts.sql")),
    (15, include_str!("migrations/0015_run_counts.sql")),
    (16, include_str!("migrations/0016_organization_names.sql")),
    (17, include_str!("migrations/0017_suspended_users.sql")),
    (18, include_str!("migrations/0018_upload_rights.sql")),
    (19, include_str!("migrations/0019_key_rotation.sql")),
    (20, include_str!("migrations/0020_subjects.sql")),
    (21, include_str!("migrations/0021_issuance_policies.sql")),
    (22, include_str!("migrations/0022_ledger.sql")),
    (23, include_str!("migrations/0023_key_places.sql")),
    (24, include_str!("migrations/0024_former_usernames.sql")),
];

/// What a step does besides on one engine alone: triggers have no text that both understand.
pub(crate) fn engine_part(version: i64, engine: Engine) -> Option<&'static str> {
    match (version, engine) {
        (22, Engine::Sqlite) => Some(include_str!("migrations/0022_ledger_sqlite.sql")),
        (22, Engine::Postgres) => Some(include_str!("migrations/0022_ledger_postgres.sql")),
        _ => None,
    }
}
