//! Vectors of families that were withdrawn.

use carnet_model::Phase::Plan;

use super::check_problems;

#[test]
fn vector_53_a_withdrawn_service_stops_the_phase() {
    for flag in ["TFC_HVS_BACKED_AWS_AUTH", "TFC_HVS_BACKED_GCP_AUTH", "TFC_HVS_BACKED_AWS_AUTH_A"] {
        check_problems(
            Plan,
            &[(flag, "true")],
            &[&format!(
                "E14 HCP Vault Secrets-backed credentials are not supported: the service was discontinued (unset {flag})"
            )],
        );
    }
}
