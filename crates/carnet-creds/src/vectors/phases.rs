//! Values with one variable for each phase and one for both: every family, every name.

use carnet_model::Phase::{Apply, Plan};

use super::{check_problems, injected, resolved};
use crate::family::FamilyName;

const VAULT: [(&str, &str); 3] =
    [("TFC_VAULT_PROVIDER_AUTH", "true"), ("TFC_VAULT_ADDR", "https://v"), ("TFC_VAULT_RUN_ROLE", "r")];

/// Which value the configuration of the family uses in a phase, as it shows in its role, its step or its files.
#[track_caller]
fn check(family: FamilyName, fixed: &[(&str, &str)], names: [&str; 3], values: [&str; 3]) {
    let [run, plan, apply] = names;
    let [both, planned, applied] = values;
    let cases = [
        (vec![(run, both)], both, both),
        (vec![(run, both), (plan, planned)], planned, both),
        (vec![(run, both), (apply, applied)], both, applied),
        (vec![(plan, planned), (apply, applied)], planned, applied),
    ];
    for (own, wanted_at_plan, wanted_at_apply) in cases {
        let variables: Vec<(&str, &str)> = VAULT.iter().chain(fixed).copied().chain(own).collect();
        for (phase, wanted, others) in [(Plan, wanted_at_plan, applied), (Apply, wanted_at_apply, planned)] {
            let resolution = resolved(phase, &variables, &[]).expect("resolves");
            let position = resolution.configured.iter().position(|one| one.family == family).expect("is on");
            let injection = injected(&resolution);
            let files: Vec<String> = injection
                .files
                .iter()
                .map(|file| secrecy::ExposeSecret::expose_secret(&file.content).to_owned())
                .collect();
            let shown = format!(
                "{} {:?} {files:?} {:?}",
                resolution.steps()[position],
                resolution.configured[position].configuration.role(),
                injection.variables
            );
            assert!(shown.contains(wanted), "{family} {phase}: {shown}");
            assert!(wanted == others || !shown.contains(others), "{family} {phase}: {shown}");
        }
    }
    let variables: Vec<(&str, &str)> = VAULT.iter().chain(fixed).copied().chain([(plan, planned)]).collect();
    let problems = resolved(Apply, &variables, &[]).expect_err("the apply has no value");
    let text = problems[0].to_string();
    assert!(text.contains(apply) && text.contains(run) && !text.contains(plan), "{text}");
}

#[test]
fn clouds_take_the_value_of_the_phase() {
    check(
        FamilyName::Aws,
        &[("TFC_AWS_PROVIDER_AUTH", "true")],
        ["TFC_AWS_RUN_ROLE_ARN", "TFC_AWS_PLAN_ROLE_ARN", "TFC_AWS_APPLY_ROLE_ARN"],
        ["role/both", "role/planned", "role/applied"],
    );
    check(
        FamilyName::Azure,
        &[("TFC_AZURE_PROVIDER_AUTH", "true")],
        ["TFC_AZURE_RUN_CLIENT_ID", "TFC_AZURE_PLAN_CLIENT_ID", "TFC_AZURE_APPLY_CLIENT_ID"],
        ["client-both", "client-planned", "client-applied"],
    );
    check(
        FamilyName::Gcp,
        &[
            ("TFC_GCP_PROVIDER_AUTH", "true"),
            (
                "TFC_GCP_WORKLOAD_PROVIDER_NAME",
                "projects/123/locations/global/workloadIdentityPools/p/providers/q",
            ),
        ],
        [
            "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL",
            "TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL",
            "TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL",
        ],
        ["both@p.iam", "planned@p.iam", "applied@p.iam"],
    );
    check(
        FamilyName::Hcp,
        &[("TFC_HCP_PROVIDER_AUTH", "true")],
        [
            "TFC_HCP_RUN_PROVIDER_RESOURCE_NAME",
            "TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME",
            "TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME",
        ],
        [
            "iam/project/p/service-principal/both/workload-identity-provider/w",
            "iam/project/p/service-principal/planned/workload-identity-provider/w",
            "iam/project/p/service-principal/applied/workload-identity-provider/w",
        ],
    );
    check(
        FamilyName::TencentCloud,
        &[("TFC_TENCENTCLOUD_PROVIDER_AUTH", "true")],
        [
            "TFC_TENCENTCLOUD_RUN_ROLE_ARN",
            "TFC_TENCENTCLOUD_PLAN_ROLE_ARN",
            "TFC_TENCENTCLOUD_APPLY_ROLE_ARN",
        ],
        [
            "qcs::cam::uin/1:roleName/both",
            "qcs::cam::uin/1:roleName/planned",
            "qcs::cam::uin/1:roleName/applied",
        ],
    );
}

#[test]
fn what_is_read_from_vault_takes_the_value_of_the_phase() {
    check(
        FamilyName::VaultBackedAws,
        &[("TFC_VAULT_BACKED_AWS_AUTH", "true"), ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user")],
        [
            "TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_PLAN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_APPLY_VAULT_ROLE",
        ],
        ["role-both", "role-planned", "role-applied"],
    );
    check(
        FamilyName::VaultBackedAws,
        &[
            ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
            ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role"),
            ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
        ],
        [
            "TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN",
            "TFC_VAULT_BACKED_AWS_PLAN_ROLE_ARN",
            "TFC_VAULT_BACKED_AWS_APPLY_ROLE_ARN",
        ],
        ["both", "planned", "applied"],
    );
    check(
        FamilyName::VaultBackedAzure,
        &[("TFC_VAULT_BACKED_AZURE_AUTH", "true")],
        [
            "TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_PLAN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_APPLY_VAULT_ROLE",
        ],
        ["role-both", "role-planned", "role-applied"],
    );
}

#[test]
fn google_credentials_of_vault_take_the_value_of_the_phase() {
    for kind in ["access_token", "service_account_key"] {
        check(
            FamilyName::VaultBackedGcp,
            &[
                ("TFC_VAULT_BACKED_GCP_AUTH", "true"),
                ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", &format!("roleset/{kind}")),
            ],
            [
                "TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET",
                "TFC_VAULT_BACKED_GCP_PLAN_VAULT_ROLESET",
                "TFC_VAULT_BACKED_GCP_APPLY_VAULT_ROLESET",
            ],
            ["set-both", "set-planned", "set-applied"],
        );
        check(
            FamilyName::VaultBackedGcp,
            &[
                ("TFC_VAULT_BACKED_GCP_AUTH", "true"),
                ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", &format!("static_account/{kind}")),
            ],
            [
                "TFC_VAULT_BACKED_GCP_RUN_VAULT_STATIC_ACCOUNT",
                "TFC_VAULT_BACKED_GCP_PLAN_VAULT_STATIC_ACCOUNT",
                "TFC_VAULT_BACKED_GCP_APPLY_VAULT_STATIC_ACCOUNT",
            ],
            ["account-both", "account-planned", "account-applied"],
        );
    }
}

/// Each family that reads from Vault: its flag and type, its mount, its Vault configuration, and its path.
#[test]
fn mounts_and_vault_configurations_can_be_chosen() {
    let families = [
        (
            FamilyName::VaultBackedAzure,
            vec![("TFC_VAULT_BACKED_AZURE_AUTH", "true"), ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "z")],
            ["TFC_VAULT_BACKED_AZURE_MOUNT_PATH", "TFC_VAULT_BACKED_AZURE_VAULT_CONFIG"],
            ["azure/creds/z", "teams/cloud/creds/z"],
        ),
        (
            FamilyName::VaultBackedGcp,
            vec![
                ("TFC_VAULT_BACKED_GCP_AUTH", "true"),
                ("TFC_VAULT_BACKED_GCP_AUTH_TYPE", "roleset/access_token"),
                ("TFC_VAULT_BACKED_GCP_RUN_VAULT_ROLESET", "s"),
            ],
            ["TFC_VAULT_BACKED_GCP_MOUNT_PATH", "TFC_VAULT_BACKED_GCP_VAULT_CONFIG"],
            ["gcp/roleset/s/token", "teams/cloud/roleset/s/token"],
        ),
        (
            FamilyName::VaultBackedAws,
            vec![
                ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
                ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
                ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
            ],
            ["TFC_VAULT_BACKED_AWS_MOUNT_PATH", "TFC_VAULT_BACKED_AWS_VAULT_CONFIG"],
            ["aws/creds/d", "teams/cloud/creds/d"],
        ),
    ];
    for (family, fixed, [mount, config], [usual, other]) in families {
        let step = |more: &[(&str, &str)]| {
            let variables: Vec<(&str, &str)> = VAULT.iter().chain(&fixed).chain(more).copied().collect();
            let resolution = resolved(Plan, &variables, &[]).expect("resolves");
            let position = resolution.configured.iter().position(|one| one.family == family).expect("is on");
            resolution.steps()[position].clone()
        };
        assert!(step(&[]).contains(&format!(" {usual} ")), "{}", step(&[]));
        assert!(step(&[(mount, "teams/cloud")]).contains(&format!(" {other} ")));
        let second = [
            ("TFC_VAULT_PROVIDER_AUTH_OPS", "true"),
            ("TFC_VAULT_ADDR_OPS", "https://o"),
            ("TFC_VAULT_RUN_ROLE_OPS", "r"),
        ];
        step(&[&second[..], &[(config, "OPS")]].concat());
        let variables: Vec<(&str, &str)> =
            VAULT.iter().chain(&fixed).copied().chain([(config, "OPS")]).collect();
        check_problems(
            Plan,
            &variables,
            &[&format!(
                "E11 configuration for {} is invalid: no Vault configuration named \"OPS\" (configured: the default one)",
                family.human()
            )],
        );
    }
}

#[test]
fn the_time_to_settle_is_a_whole_number_of_seconds() {
    for (flag, role, sleep) in [
        (
            "TFC_VAULT_BACKED_AWS_AUTH",
            "TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AWS_SLEEP_SECONDS",
        ),
        (
            "TFC_VAULT_BACKED_AZURE_AUTH",
            "TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE",
            "TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS",
        ),
    ] {
        let with = |seconds: &'static str| {
            let own = [
                (flag, "true"),
                (role, "r"),
                (sleep, seconds),
                ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
            ];
            let variables: Vec<(&str, &str)> = VAULT.iter().copied().chain(own).collect();
            resolved(Plan, &variables, &[])
        };
        for seconds in ["0", "30", "1500"] {
            assert!(with(seconds).is_ok(), "{sleep}={seconds}");
        }
        for seconds in ["1501", "-1", "1m", "1.5"] {
            let problems = with(seconds).expect_err("has problems");
            assert_eq!(problems[0].id(), "E5", "{sleep}={seconds}");
            assert!(problems[0].to_string().contains(sleep), "{}", problems[0]);
        }
    }
}
