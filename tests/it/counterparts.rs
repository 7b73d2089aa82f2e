//! The counterparts themselves: they accept what they should and refuse everything else.

use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{
    Access, CertificateAuthority, IssuerServer, JwtRole, OpenBao, SeaweedFs, SeaweedOptions, TrustedRole,
};
use serde_json::json;

const VAULT_AUDIENCE: &str = "vault.workload.identity";
const AWS_AUDIENCE: &str = "aws.workload.identity";

fn identity(organization: &str, phase: Phase) -> anyhow::Result<WorkloadIdentity> {
    Ok(WorkloadIdentity {
        organization_id: "org-AAAAAAAAAAAAAAAA".parse()?,
        organization_name: organization.parse()?,
        project_id: "prj-AAAAAAAAAAAAAAAA".parse()?,
        project_name: "Default Project".parse()?,
        workspace_id: "ws-AAAAAAAAAAAAAAAA".parse()?,
        workspace_name: "network".parse()?,
        run_id: "run-AAAAAAAAAAAAAAAA".parse()?,
        phase,
    })
}

#[expect(clippy::disallowed_methods, reason = "the counterparts compare tokens with the real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn openbao_gives_a_token_to_the_bound_subject_only() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let issuer = IssuerServer::start(&ca).await?;
    let bao = OpenBao::start(&ca).await?;
    bao.trust_issuer("jwt", &issuer.url(), ca.pem()).await?;
    let plan = identity("acme", Phase::Plan)?;
    let subject = plan.subject();
    let role = JwtRole { name: "plan", audience: VAULT_AUDIENCE, subject: &subject, policies: &["reader"] };
    bao.write_role("jwt", &role).await?;
    bao.write_reader_policy("reader", "app").await?;
    bao.write_secret("app", json!({"password": "p"})).await?;

    let refused = [
        (identity("acme", Phase::Apply)?, VAULT_AUDIENCE, r#"claim \"sub\" does not match"#),
        (identity("other", Phase::Plan)?, VAULT_AUDIENCE, r#"claim \"sub\" does not match"#),
        (plan.clone(), AWS_AUDIENCE, "invalid audience (aud) claim"),
    ];
    for (identity, audience, reason) in refused {
        let answer = bao.login("jwt", "plan", &issuer.mint(&identity, audience, now())?).await?;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.to_string().replace("\\\\\\\"", "\\\"").contains(reason), "{}", answer.body);
    }

    let auth = bao.login("jwt", "plan", &issuer.mint(&plan, VAULT_AUDIENCE, now())?).await?.success()?;
    let (token, accessor) = (&auth["auth"]["client_token"], &auth["auth"]["accessor"]);
    let (token, accessor) = (token.as_str().unwrap(), accessor.as_str().unwrap());
    let secret = bao.request("GET", "secret/data/app", Some(token), None).await?.success()?;
    assert_eq!(secret["data"]["data"]["password"], "p");
    assert!(bao.is_live(accessor).await?);
    let logins = bao.logins()?;
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert_eq!(
        (&*logins[0].accessor, &*logins[0].role, &*logins[0].policies),
        (accessor, "plan", &["reader".to_owned()][..])
    );

    bao.request("POST", "auth/token/revoke-self", Some(token), None).await?.success()?;
    assert!(!bao.is_live(accessor).await?);
    assert!(!bao.audit_log()?.iter().any(|entry| entry.to_string().contains(token)));
    Ok(())
}

#[tokio::test]
async fn seaweedfs_gives_keys_to_the_bound_subject_only() -> anyhow::Result<()> {
    let ca = CertificateAuthority::new()?;
    let issuer = IssuerServer::start(&ca).await?;
    let plan = identity("acme", Phase::Plan)?;
    let seaweed = SeaweedFs::start(&SeaweedOptions {
        issuer_url: issuer.url(),
        jwks_url: issuer.jwks_url(),
        issuer_ca: ca.pem_file(),
        audience: AWS_AUDIENCE.to_owned(),
        roles: vec![TrustedRole { name: "plan".to_owned(), subject: plan.subject(), access: Access::Read }],
    })
    .await?;
    seaweed.create_bucket("artifacts").await?;
    assert_eq!(seaweed.object("artifacts", "none").await?, None);

    let token = issuer.mint(&plan, AWS_AUDIENCE, now())?;
    let answer = seaweed.assume_role("plan", &token).await?.success()?;
    assert!(answer.as_str().unwrap().contains("<SecretAccessKey>"), "{answer}");

    let refused = [
        (identity("acme", Phase::Apply)?, AWS_AUDIENCE, 403, "trust policy denies web identity assumption"),
        (identity("other", Phase::Plan)?, AWS_AUDIENCE, 403, "trust policy denies web identity assumption"),
        (plan.clone(), VAULT_AUDIENCE, 400, "invalid token audience"),
    ];
    for (identity, audience, status, reason) in refused {
        let answer = seaweed.assume_role("plan", &issuer.mint(&identity, audience, now())?).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.as_str().unwrap().contains(reason), "{}", answer.body);
    }
    let stranger = IssuerServer::start(&ca).await?;
    let answer = seaweed.assume_role("plan", &stranger.mint(&plan, AWS_AUDIENCE, now())?).await?;
    assert!((400..500).contains(&answer.status), "{}", answer.body);
    Ok(())
}
