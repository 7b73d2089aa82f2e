//! Vectors of the Tencent Cloud family.

use carnet_model::Phase::{Apply, Plan};

use super::{TEN_MINUTES, check, check_problems, check_warnings, injected, resolved};

const R: &str = "qcs::cam::uin/100:roleName/r";
const ON: (&str, &str) = ("TFC_TENCENTCLOUD_PROVIDER_AUTH", "true");
const RUN: (&str, &str) = ("TFC_TENCENTCLOUD_RUN_ROLE_ARN", R);
const APPLY: (&str, &str) = ("TFC_TENCENTCLOUD_APPLY_ROLE_ARN", "qcs::cam::uin/100:roleName/a");

fn variable(role: &str) -> String {
    format!(
        r#"var tfc_tencentcloud_dynamic_credentials={{"default":{{"token_file":"/h/tfc-tencentcloud-token","role_arn":"{role}"}},"aliases":{{}}}}"#
    )
}

#[test]
fn vector_37_the_variable_is_the_only_way() {
    let file = "file tfc-tencentcloud-token=J(tencentcloud.workload.identity)";
    check(Plan, &[ON, RUN], &[file, &variable(R)]);
    check(Apply, &[ON, RUN, APPLY], &[file, &variable(APPLY.1)]);
    check_warnings(Plan, &[ON, RUN], &[]);
    let lifetime = resolved(Plan, &[ON, RUN], &[]).expect("resolves").requests()[0].lifetime;
    assert_eq!(lifetime, TEN_MINUTES, "it must outlive the initialization");
}

#[test]
fn vector_37_another_role_at_apply_is_lost_in_a_saved_plan() {
    let warning = "plan and apply use different values for role_arn, which a saved plan keeps from the plan; declare the \
                   variable with ephemeral = true";
    check_warnings(Plan, &[ON, RUN, APPLY], &[&format!("W6 Tencent Cloud: {warning}")]);
    check_warnings(Plan, &[ON, RUN, ("TFC_TENCENTCLOUD_APPLY_ROLE_ARN", R)], &[]);
    check_warnings(
        Plan,
        &[
            ("TFC_TENCENTCLOUD_PROVIDER_AUTH_A", "true"),
            ("TFC_TENCENTCLOUD_RUN_ROLE_ARN_A", R),
            ("TFC_DEFAULT_TENCENTCLOUD_APPLY_ROLE_ARN", APPLY.1),
        ],
        &[&format!("W6 Tencent Cloud (tag \"A\"): {warning}")],
    );
}

#[test]
fn an_alias_has_its_own_token_and_role() {
    let variables = [
        ("TFC_TENCENTCLOUD_PROVIDER_AUTH_A", "true"),
        ("TFC_TENCENTCLOUD_RUN_ROLE_ARN_A", R),
        ("TFC_TENCENTCLOUD_WORKLOAD_IDENTITY_AUDIENCE_A", "tencent"),
    ];
    check(
        Plan,
        &variables,
        &[
            "file tfc-tencentcloud-token-A=J(tencent)",
            r#"var tfc_tencentcloud_dynamic_credentials={"default":null,"aliases":{"A":{"token_file":"/h/tfc-tencentcloud-token-A","role_arn":"qcs::cam::uin/100:roleName/r"}}}"#,
        ],
    );
}

#[test]
fn the_role_must_be_there_and_should_be_an_arn() {
    check_problems(
        Plan,
        &[ON],
        &[
            "E2 configuration for Tencent Cloud is invalid: missing required value(s): Tencent Cloud role ARN; set \
           TFC_TENCENTCLOUD_PLAN_ROLE_ARN, TFC_DEFAULT_TENCENTCLOUD_PLAN_ROLE_ARN, TFC_TENCENTCLOUD_RUN_ROLE_ARN or \
           TFC_DEFAULT_TENCENTCLOUD_RUN_ROLE_ARN",
        ],
    );
    for role in ["r", "qcs::cam::uin/acme:roleName/r", "qcs::cam::uin/100:roleName/"] {
        check_warnings(
            Plan,
            &[ON, ("TFC_TENCENTCLOUD_RUN_ROLE_ARN", role)],
            &["W13 TFC_TENCENTCLOUD_RUN_ROLE_ARN does not look like the ARN of a CAM role \
               (qcs::cam::uin/ACCOUNT:roleName/NAME)"],
        );
    }
}

#[test]
fn a_role_cannot_become_an_expression_of_terraform() {
    let variables = [ON, ("TFC_TENCENTCLOUD_RUN_ROLE_ARN", r#"${file("/etc/passwd")}"#)];
    let injection = injected(&resolved(Plan, &variables, &[]).expect("resolves"));
    let text = &injection.variables["tfc_tencentcloud_dynamic_credentials"];
    assert!(text.contains(r#""role_arn":"$${file(\"/etc/passwd\")}""#), "{text}");
}

#[test]
fn static_credentials_are_warned_about() {
    check_warnings(
        Plan,
        &[
            ON,
            RUN,
            ("TENCENTCLOUD_SECRET_ID", "i"),
            ("TENCENTCLOUD_SECRET_KEY", "k"),
            ("TENCENTCLOUD_REGION", "r"),
        ],
        &[
            "W3 TENCENTCLOUD_SECRET_ID is set and takes precedence over dynamic credentials for Tencent Cloud",
            "W3 TENCENTCLOUD_SECRET_KEY is set and takes precedence over dynamic credentials for Tencent Cloud",
        ],
    );
}
