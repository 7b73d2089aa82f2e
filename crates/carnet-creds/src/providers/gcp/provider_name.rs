//! The name of a workload identity provider, written as a whole or in three parts.

use crate::{
    family::FamilyName,
    form::{Form, Found, Incomplete},
    notice::Notice,
    setting::{Required, Setting, SettingKind, UPSTREAM},
};

static PROVIDER_NAME: Setting<'static> = Setting {
    name: "TFC_GCP_WORKLOAD_PROVIDER_NAME",
    family: FamilyName::Gcp,
    kind: SettingKind::Value,
    label: "GCP workload provider name",
    required: Required::Yes,
    default: None,
    example: "projects/123456789012/locations/global/workloadIdentityPools/pool/providers/provider",
    doc: "The name of the workload identity provider; instead of it, its three parts may be given, which are the project \
          number, the pool id and the provider id.",
    source: UPSTREAM,
};
static PROJECT_NUMBER: Setting<'static> = Setting {
    name: "TFC_GCP_PROJECT_NUMBER",
    label: "GCP project number",
    required: Required::No,
    example: "123456789012",
    doc: "The number of the project that the pool lies in; together with the pool id and the provider id.",
    ..PROVIDER_NAME
};
static POOL_ID: Setting<'static> = Setting {
    name: "TFC_GCP_WORKLOAD_POOL_ID",
    label: "GCP workload pool ID",
    required: Required::No,
    example: "pool",
    doc: "The id of the workload identity pool; together with the project number and the provider id.",
    ..PROVIDER_NAME
};
static PROVIDER_ID: Setting<'static> = Setting {
    name: "TFC_GCP_WORKLOAD_PROVIDER_ID",
    label: "GCP workload provider ID",
    required: Required::No,
    example: "provider",
    doc: "The id of the workload identity provider; together with the project number and the pool id.",
    ..PROVIDER_NAME
};

/// The settings that the name is read from.
pub(super) static SETTINGS: [Setting<'static>; 4] = [PROVIDER_NAME, PROJECT_NUMBER, POOL_ID, PROVIDER_ID];

/// What the full name starts with; consoles show it with the scheme, too.
const SERVICE: &str = "//iam.googleapis.com/";
const SERVICE_URL: &str = "https://iam.googleapis.com/";

/// The name of a workload identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProviderName {
    project: String,
    pool: String,
    provider: String,
}

impl ProviderName {
    /// The full name, which is also the audience that Google accepts by default.
    pub(super) fn full(&self) -> String {
        let Self { project, pool, provider } = self;
        format!(
            "{SERVICE}projects/{project}/locations/global/workloadIdentityPools/{pool}/providers/{provider}"
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let [
            "projects",
            project,
            "locations",
            "global",
            "workloadIdentityPools",
            pool,
            "providers",
            provider,
        ] = parts[..]
        else {
            return None;
        };
        let is_whole = ![project, pool, provider].contains(&"");
        is_whole.then(|| Self { project: project.into(), pool: pool.into(), provider: provider.into() })
    }
}

/// A part of the name as it was given.
type Given = Result<Option<Found>, Incomplete>;

/// Reads the name as a whole, or else its parts.
pub(super) fn read(form: &mut Form<'_>) -> Result<ProviderName, Incomplete> {
    let given = [&PROJECT_NUMBER, &POOL_ID, &PROVIDER_ID].map(|setting| form.optional(setting));
    if form.optional(&PROVIDER_NAME)?.is_none() && given.iter().any(|part| !matches!(part, Ok(None))) {
        return parts(form, given);
    }
    let found = form.required(&PROVIDER_NAME)?;
    whole(form, found, given)
}

fn whole(form: &mut Form<'_>, found: Found, given: [Given; 3]) -> Result<ProviderName, Incomplete> {
    let text = found.value.strip_prefix(SERVICE_URL).or_else(|| found.value.strip_prefix(SERVICE));
    let Some(name) = ProviderName::parse(text.unwrap_or(&found.value)) else {
        let rule =
            "must look like projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
        return Err(form.malformed("E4", &found, rule));
    };
    let variable = found.variable;
    if text.is_some() {
        form.remark(format!("the name in {variable} is used without {SERVICE} in front of it"));
    }
    let [project, pool, provider] = given;
    for (part, used) in [(project?, &name.project), (pool?, &name.pool), (provider?, &name.provider)] {
        if let Some(part) = part.filter(|part| part.value != *used) {
            form.remark(format!("{variable} is used and not {}, which differs from it", part.variable));
        }
    }
    if !is_number(&name.project) {
        let expected = "a name with the number of the project, not its id";
        form.notice(Notice::Unusual { variable, expected });
    }
    Ok(name)
}

fn parts(form: &mut Form<'_>, given: [Given; 3]) -> Result<ProviderName, Incomplete> {
    let [project, pool, provider] = given;
    let project =
        part(form, &PROJECT_NUMBER, project, is_number, "must be the number of the project, not its id");
    let pool = part(form, &POOL_ID, pool, is_id, "must be an id without slashes");
    let provider = part(form, &PROVIDER_ID, provider, is_id, "must be an id without slashes");
    Ok(ProviderName { project: project?, pool: pool?, provider: provider? })
}

fn part(
    form: &mut Form<'_>,
    setting: &Setting<'_>,
    given: Given,
    is_right: fn(&str) -> bool,
    rule: &str,
) -> Result<String, Incomplete> {
    let found = match given? {
        Some(found) => found,
        None => form.required(setting)?,
    };
    if is_right(&found.value) {
        return Ok(found.value);
    }
    Err(form.malformed("E4", &found, rule))
}

fn is_id(text: &str) -> bool {
    !text.contains('/')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
