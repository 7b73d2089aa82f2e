//! Whatever Terraform and what it starts print, it is read.

use proptest::prelude::*;

use super::*;

/// What refusals are made of, in any order, and anything else.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "AssumeRoleWithWebIdentity",
        "AccessDenied",
        "api error ",
        "AADSTS700213: presented assertion subject '",
        "AADSTS70021:",
        " Trace ID:",
        "The issuer in ID Token",
        "the expected ones:",
        "invalid_grant",
        "sts.googleapis.com",
        "is forbidden: User \"",
        "cannot",
        "exchange token status code 40",
        "\u{1b}[31m",
        "\u{1b}",
        "\n",
        "\n\n",
        "╷\n",
        "│ ",
        "╵\n",
        "Error: ",
        "{\"@message\":\"",
        "\"}",
    ];
    prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn everybody() -> Vec<Presented> {
    let families = [
        FamilyName::Aws,
        FamilyName::Azure,
        FamilyName::Gcp,
        FamilyName::Kubernetes,
        FamilyName::Hcp,
        FamilyName::TencentCloud,
        FamilyName::VaultBackedAws,
        FamilyName::VaultBackedAzure,
    ];
    families.into_iter().map(|family| presented(family, "", "")).collect()
}

proptest! {
    #[test]
    fn no_output_breaks_the_search_or_a_line(pieces in prop::collection::vec(piece(), 0..40)) {
        for refusal in find(&messages(&pieces.concat()), &everybody()) {
            let lines = refusal.details().iter().map(String::as_str).chain([refusal.summary()]);
            for line in lines {
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
                prop_assert!(line.chars().count() < 1500, "{line}");
            }
        }
    }
}
