//! The configuration as text.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use carnet_agent::SandboxMode;

use super::{ServerConfig, TlsMode};
use crate::database::Database;

fn quoted(value: &dyn Display) -> String {
    format!("{:?}", value.to_string())
}

fn path(value: &Path) -> String {
    quoted(&value.display())
}

/// The configuration as a file would say it, for people.
pub(crate) fn text(config: &ServerConfig) -> String {
    let tls = match &config.tls {
        TlsMode::Auto => "auto".to_owned(),
        TlsMode::Off => "off".to_owned(),
        TlsMode::Files { certificate, key } => format!("{}+{}", certificate.display(), key.display()),
    };
    let sandbox = match config.sandbox {
        SandboxMode::Required => "required",
        SandboxMode::Auto => "auto",
        SandboxMode::Off => "off",
    };
    let duration = |value: Duration| quoted(&format!("{}s", value.as_secs()));
    let (database, database_file) = match &config.database {
        Database::DataDir => (None, None),
        Database::Postgres { url, file } => (Some(url), file.clone()),
    };
    let lines = [
        ("data", Some(path(&config.data))),
        ("database_file", database_file.as_ref().map(|file| path(file))),
        // Without the user and the password, it is no setting.
        ("# database", database.map(|url| quoted(&url.display()))),
        ("listen", Some(quoted(&config.listen))),
        ("url", Some(quoted(&config.address()))),
        ("issuer_url", Some(quoted(&config.issuer()))),
        ("key_rotation", Some(config.key_rotation.period.map_or_else(|| quoted(&"off"), duration))),
        ("key_announcement", Some(duration(config.key_rotation.announcement))),
        ("jwks_max_age", Some(duration(config.key_rotation.published_lifetime))),
        ("key_leeway", Some(quoted(&format!("{}ms", config.key_rotation.leeway.as_millis())))),
        ("tls", Some(quoted(&tls))),
        (
            "master_key_file",
            Some(path(config.master_key_file.as_ref().unwrap_or(&config.data.join("master.key")))),
        ),
    ];
    let others = [
        ("ca_file", config.ca_file.as_ref().map(|file| path(file))),
        ("adapters", config.adapters.as_ref().map(|file| path(file))),
        ("allow_provider_hosts", Some(format!("{:?}", config.allow_provider_hosts))),
        ("no_agent", Some((!config.has_agent).to_string())),
        ("terraform", config.terraform.as_ref().map(|file| path(file))),
        ("terraform_plugin_dir", config.terraform_plugin_dir.as_ref().map(|file| path(file))),
        ("work_root", Some(path(&config.work_root))),
        ("concurrency", Some(config.concurrency.to_string())),
        ("sandbox", Some(quoted(&sandbox))),
        ("rate_limit", Some(config.rate_limit.to_string())),
        ("forwarded_for", Some(config.forwarded_for.to_string())),
        ("allow_notification_hosts", Some(format!("{:?}", config.allow_notification_hosts))),
        ("upload_limit", Some(config.upload_limit.to_string())),
        ("checkpoint_after", Some(duration(config.checkpoint_after))),
        ("plan_timeout", Some(duration(config.plan_timeout))),
        ("apply_timeout", Some(duration(config.apply_timeout))),
    ];
    let all = lines.into_iter().chain(key_places(config)).chain(others);
    all.filter_map(|(key, value)| Some(format!("{key} = {}\n", value?))).collect()
}

/// Where keys are that do not lie in the data directory, and where they are published.
fn key_places(config: &ServerConfig) -> Vec<(&'static str, Option<String>)> {
    let (transit, module) = (&config.transit, &config.module);
    let text = |value: &Option<String>| value.as_ref().map(|text| quoted(text));
    vec![
        ("master_key_wrapper", text(&config.master_key_wrapper)),
        ("signing_keys", Some(quoted(&config.signing_keys))),
        ("transit_address", text(&transit.transit_address)),
        ("transit_namespace", text(&transit.transit_namespace)),
        ("transit_ca_file", transit.transit_ca_file.as_ref().map(|file| path(file))),
        ("transit_token_file", transit.transit_token_file.as_ref().map(|file| path(file))),
        ("transit_role_id", text(&transit.transit_role_id)),
        ("transit_secret_id_file", transit.transit_secret_id_file.as_ref().map(|file| path(file))),
        ("transit_kubernetes_role", text(&transit.transit_kubernetes_role)),
        ("transit_auth_mount", text(&transit.transit_auth_mount)),
        ("pkcs11_module", module.pkcs11_module.as_ref().map(|file| path(file))),
        ("pkcs11_pin_file", module.pkcs11_pin_file.as_ref().map(|file| path(file))),
        ("publish_to", text(&config.publish_to)),
    ]
}
