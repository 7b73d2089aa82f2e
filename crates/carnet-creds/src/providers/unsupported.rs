//! Families that are known and not supported: switching one on stops the phase, it is never ignored.

use crate::{
    family::FamilyName::{
        self, Azure, Gcp, Hcp, Kubernetes, TencentCloud, VaultBackedAws, VaultBackedAzure, VaultBackedGcp,
    },
    lexicon::{Values, variable_name},
    notice::Notice,
    problem::Problem,
    setting::SettingKind,
    switches::flags_on,
};

/// A family without a file of its own: its flag and the names of its values.
struct Unsupported {
    family: FamilyName,
    flag: &'static str,
    // The names are needed because a value may begin like a flag with a tag: `..._AUTH_TYPE`.
    values: &'static [&'static str],
}

const UNSUPPORTED: [Unsupported; 8] = [
    Unsupported {
        family: Azure,
        flag: "TFC_AZURE_PROVIDER_AUTH",
        values: &[
            "TFC_AZURE_RUN_CLIENT_ID",
            "TFC_AZURE_PLAN_CLIENT_ID",
            "TFC_AZURE_APPLY_CLIENT_ID",
            "TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE",
        ],
    },
    Unsupported {
        family: Gcp,
        flag: "TFC_GCP_PROVIDER_AUTH",
        values: &[
            "TFC_GCP_PRINCIPAL_TYPE",
            "TFC_GCP_WORKLOAD_PROVIDER_NAME",
            "TFC_GCP_PROJECT_NUMBER",
            "TFC_GCP_WORKLOAD_POOL_ID",
            "TFC_GCP_WORKLOAD_PROVIDER_ID",
            "TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE",
            "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL",
            "TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL",
            "TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL",
        ],
    },
    Unsupported {
        family: Kubernetes,
        flag: "TFC_KUBERNETES_PROVIDER_AUTH",
        values: &["TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE"],
    },
    Unsupported {
        family: Hcp,
        flag: "TFC_HCP_PROVIDER_AUTH",
        values: &[
            "TFC_HCP_RUN_PROVIDER_RESOURCE_NAME",
            "TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME",
            "TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME",
            "TFC_HCP_WORKLOAD_IDENTITY_AUDIENCE",
        ],
    },
    Unsupported {
        family: TencentCloud,
        flag: "TFC_TENCENTCLOUD_PROVIDER_AUTH",
        values: &[
            "TFC_TENCENTCLOUD_RUN_ROLE_ARN",
            "TFC_TENCENTCLOUD_PLAN_ROLE_ARN",
            "TFC_TENCENTCLOUD_APPLY_ROLE_ARN",
            "TFC_TENCENTCLOUD_WORKLOAD_IDENTITY_AUDIENCE",
        ],
    },
    Unsupported {
        family: VaultBackedAws,
        flag: "TFC_VAULT_BACKED_AWS_AUTH",
        values: &[
            "TFC_VAULT_BACKED_AWS_AUTH_TYPE",
            "TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_APPLY_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_MOUNT_PATH",
            "TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN",
            "TFC_VAULT_BACKED_AWS_PLAN_ROLE_ARN",
            "TFC_VAULT_BACKED_AWS_APPLY_ROLE_ARN",
            "TFC_VAULT_BACKED_AWS_SLEEP_SECONDS",
            "TFC_VAULT_BACKED_AWS_VAULT_CONFIG",
        ],
    },
    Unsupported {
        family: VaultBackedAzure,
        flag: "TFC_VAULT_BACKED_AZURE_AUTH",
        values: &[
            "TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_PLAN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_APPLY_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_MOUNT_PATH",
            "TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS",
            "TFC_VAULT_BACKED_AZURE_VAULT_CONFIG",
        ],
    },
    Unsupported {
        family: VaultBackedGcp,
        flag: "TFC_VAULT_BACKED_GCP_AUTH",
        values: &[
            "TFC_VAULT_BACKED_GCP_AUTH_TYPE",
            "TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET",
            "TFC_VAULT_BACKED_GCP_PLAN_VAULT_ROLESET",
            "TFC_VAULT_BACKED_GCP_APPLY_VAULT_ROLESET",
            "TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT",
            "TFC_VAULT_BACKED_GCP_PLAN_VAULT_STATIC_ACCOUNT",
            "TFC_VAULT_BACKED_GCP_APPLY_VAULT_STATIC_ACCOUNT",
            "TFC_VAULT_BACKED_GCP_MOUNT_PATH",
            "TFC_VAULT_BACKED_GCP_VAULT_CONFIG",
        ],
    },
];

/// Flags of a service that was discontinued.
const WITHDRAWN: [&str; 2] = ["TFC_HVS_BACKED_AWS_AUTH", "TFC_HVS_BACKED_GCP_AUTH"];

/// Every base name, with its kind.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, SettingKind)> {
    let own = UNSUPPORTED.iter().flat_map(|one| {
        let values = one.values.iter().map(|name| (*name, SettingKind::Value));
        values.chain([(one.flag, SettingKind::Enable)])
    });
    own.chain(WITHDRAWN.into_iter().map(|flag| (flag, SettingKind::Enable)))
}

/// The flag of every unsupported family.
pub(crate) fn flags() -> impl Iterator<Item = (FamilyName, &'static str)> {
    UNSUPPORTED.iter().map(|one| (one.family, one.flag))
}

/// Records a problem for every flag that is on.
pub(crate) fn check(values: &Values<'_>, problems: &mut Vec<Problem>, warnings: &mut Vec<Notice>) {
    for one in &UNSUPPORTED {
        for tag in flags_on(values, one.flag, warnings) {
            let variable = variable_name(one.flag, tag);
            problems.push(Problem::Unsupported { family: one.family, variable });
        }
    }
    for flag in WITHDRAWN {
        for tag in flags_on(values, flag, warnings) {
            problems.push(Problem::Withdrawn { variable: variable_name(flag, tag) });
        }
    }
}
