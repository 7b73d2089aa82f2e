//! What a mount without `bound_issuer` says to another issuer whose tokens its keys signed, judged by OpenBao.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{CertificateAuthority, IssuerServer, OpenBao};
use carnet_trust::check::{Claims, Family, Question, Trust, judge};
use serde_json::{Map, Value, json};

#[expect(clippy::disallowed_methods, reason = "the token is compared with the real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The claims of a token.
fn claims(token: &str) -> anyhow::Result<Map<String, Value>> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

#[tokio::test]
async fn openbao_compares_the_issuer_with_what_is_bound_alone() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let issuer = IssuerServer::start(&ca).await?;
    let bao = OpenBao::start(&ca).await?;
    let identity = WorkloadIdentity {
        organization_id: "org-AAAAAAAAAAAAAAAA".parse()?,
        organization_name: "acme".parse()?,
        project_id: "prj-AAAAAAAAAAAAAAAA".parse()?,
        project_name: "Default Project".parse()?,
        workspace_id: "ws-AAAAAAAAAAAAAAAA".parse()?,
        workspace_name: "net".parse()?,
        run_id: "run-AAAAAAAAAAAAAAAA".parse()?,
        phase: Phase::Plan,
    };
    let role = json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
        "bound_claims": {"terraform_workspace_name": "net"}});
    let tokens = [issuer.mint(&identity, "a", now())?, issuer.mint_as_other(&identity, "a", now())?];
    for (mount, bound, verdicts) in
        [("open", String::new(), [true, true]), ("bound", issuer.url(), [true, false])]
    {
        bao.trust_issuer(mount, &issuer.url(), ca.pem()).await?;
        let config = json!({"oidc_discovery_url": issuer.url(), "oidc_discovery_ca_pem": ca.pem(), "bound_issuer": bound});
        bao.admin("POST", &format!("auth/{mount}/config"), config.clone()).await?;
        bao.admin("POST", &format!("auth/{mount}/role/r"), role.clone()).await?;
        for (token, verdict) in tokens.iter().zip(verdicts) {
            let answer = bao.login(mount, "r", token).await?;
            assert_eq!(answer.status == 200, verdict, "{mount}: OpenBao says {}", answer.body);
            let trust = Trust { policy: role.clone(), beside: Some(config.clone()), role: None };
            let question =
                Question { claims: Claims::new(claims(token)?), trust, now: Some(now().as_second()) };
            let judgement = judge(Family::Vault, &question);
            assert_eq!(judgement.is_accepted(), verdict, "{mount}: {:?}", judgement.findings);
        }
    }
    Ok(())
}
