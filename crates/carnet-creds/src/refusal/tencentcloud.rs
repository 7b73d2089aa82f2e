//! How Tencent Cloud's token service refuses an identity, and what helps.

use super::{
    Advice, Presented,
    signature::{Party, Refused, Signature},
};

pub(super) const PARTY: Party = Party {
    name: "Tencent Cloud",
    tried,
    starts: &["[tencentcloudsdkerror]", "code="],
    ends: &[", requestid=", " requestid:"],
    signatures: &[
        Signature::new(&["webidentitytokenerror"], token),
        Signature::new(&["resourcenotfound.rolenotfound"], role),
        Signature::new(&["internalerror.getroleerror"], role),
        Signature::new(&["invalidparameter.overtimeerror"], duration),
        Signature::new(&["unauthorizedoperation", "assumerolewithwebidentity"], trust),
        Signature::new(&["invalidparameter.paramerror", "assumerolewithwebidentity"], parameter),
    ],
};

const FAMILY: &str = "TFC_TENCENTCLOUD";
const ROLE: &str = "ROLE_ARN";

fn tried(presented: &Presented) -> String {
    format!(
        "AssumeRoleWithWebIdentity at https://sts.tencentcloudapi.com, role {} (from {})",
        presented.role(),
        presented.role_variables(FAMILY, ROLE)
    )
}

fn token(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the OIDC identity provider in CAM belongs to another issuer or client id, cannot verify the token, or the token \
         has ended",
        format!(
            "its URL must be exactly \"{}\", its client id \"{}\" (or set {} to the one it has), and its keys those that \
             the issuer publishes; they are copied there, and must be copied again after a change of keys",
            one.issuer(),
            one.audience(),
            one.variable("TFC_TENCENTCLOUD_WORKLOAD_IDENTITY_AUDIENCE")
        ),
    )
}

fn role(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "there is no such role",
        format!("correct {}: qcs::cam::uin/ACCOUNT:roleName/NAME", one.role_variables(FAMILY, ROLE)),
    )
}

fn trust(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let condition = serde_json::json!({
        "string_equal": { "oidc:aud": [one.audience()], "oidc:iss": [one.issuer()], "oidc:sub": [one.subject()] },
    });
    Advice::new(
        "the role does not let this token in: its carrier is another identity provider, or its conditions are not true",
        format!("{} its trust policy must have", one.own_role_first(FAMILY, ROLE)),
    )
    .and(format!("  \"condition\": {condition}"))
}

fn parameter(_: &Refused<'_>) -> Advice {
    Advice::new(
        "a part of the request is not right, most often the name of the identity provider",
        "correct provider_id in assume_role_with_web_identity of the provider block: the name of the OIDC identity \
         provider in CAM",
    )
}

fn duration(_: &Refused<'_>) -> Advice {
    Advice::new(
        "a session longer than the role allows was asked for",
        "lower session_duration in the provider block, or raise the maximum session duration of the role",
    )
}
