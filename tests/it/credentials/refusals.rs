//! OpenBao refuses the identity of anybody else, and the run's log says why, without the token.

use carnet_tests::ApiClient;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, Site, Variables, accessors, id, script, status, with, workspace};

/// An identity that Vault must not take for another.
struct Case {
    /// The organization and the workspace.
    place: (&'static str, &'static str),
    variables: Variables,
    /// The phase that is refused.
    phase: &'static str,
    /// The audience that is presented.
    audience: &'static str,
    /// What Vault says about the token.
    answer: &'static str,
    /// What probably helps.
    advice: &'static str,
}

const AUDIENCE: &str = "vault.workload.identity";
const WRONG_SUBJECT: &str = r#"claim "sub" does not match"#;

#[tokio::test]
async fn a_token_of_anybody_else_is_refused_and_explained() -> anyhow::Result<()> {
    let site = Site::start().await?;
    site.api.create_organization("rival").await?;
    let trusted = site.trust("net", &[]).await?;
    let [audience, early, late] =
        [site.trust("audience", &[]).await?, site.trust("early", &[]).await?, site.trust("late", &[]).await?];
    let (accept, others) = ("probably belongs to another phase or workspace", "belongs to another workspace");
    let cases = [
        Case {
            place: (ORGANIZATION, "other"),
            variables: trusted.clone(),
            phase: "plan",
            audience: AUDIENCE,
            answer: WRONG_SUBJECT,
            advice: others,
        },
        Case {
            place: ("rival", "net"),
            variables: trusted,
            phase: "plan",
            audience: AUDIENCE,
            answer: WRONG_SUBJECT,
            advice: others,
        },
        Case {
            place: (ORGANIZATION, "audience"),
            variables: with(&audience, &[("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE", "somebody.else")]),
            phase: "plan",
            audience: "somebody.else",
            answer: "invalid audience (aud) claim",
            advice: "set TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE to an audience that is bound",
        },
        Case {
            place: (ORGANIZATION, "early"),
            variables: with(&early, &[("TFC_VAULT_PLAN_ROLE", "carnet-acme-early-apply")]),
            phase: "plan",
            audience: AUDIENCE,
            answer: WRONG_SUBJECT,
            advice: accept,
        },
        Case {
            place: (ORGANIZATION, "late"),
            variables: with(&late, &[("TFC_VAULT_APPLY_ROLE", "carnet-acme-late-plan")]),
            phase: "apply",
            audience: AUDIENCE,
            answer: WRONG_SUBJECT,
            advice: accept,
        },
    ];
    let count = cases.len();
    let configuration = script("reader", &site.read_secret());
    try_join_all(cases.iter().map(|case| check(&site.api, case, &configuration))).await?;

    let logins = site.bao.logins()?;
    assert_eq!(logins.iter().map(|login| &*login.role).collect::<Vec<_>>(), ["carnet-acme-late-plan"]);
    assert!(!site.bao.is_live(&logins[0].accessor).await?);
    let refused = |entry: &&Value| {
        entry["request"]["path"] == "auth/jwt/login" && entry["response"]["data"]["error"].is_string()
    };
    assert_eq!(site.bao.audit_log()?.iter().filter(refused).count(), count, "each was asked for once");
    Ok(())
}

async fn check(api: &ApiClient, case: &Case, configuration: &str) -> anyhow::Result<()> {
    let (organization, name) = case.place;
    let workspace = workspace(api, organization, name, &case.variables).await?;
    let run = api.run_to_end(&workspace, configuration).await?;
    let log = api.phase_log(id(&run), case.phase).await?;
    assert_eq!(status(&run), "errored", "{log}");

    let project = "Default Project";
    let subject = format!(
        "sub = organization:{organization}:project:{project}:workspace:{name}:run_phase:{}",
        case.phase
    );
    let audience = format!("aud = {}", case.audience);
    for text in
        ["Operation failed: failed authenticating to Vault", &subject, &audience, case.answer, case.advice]
    {
        assert!(log.contains(text), "{text:?} is not in the log of {organization}/{name}:\n{log}");
    }
    assert!(!log.contains("eyJ"), "the log has a token, or the start of one:\n{log}");
    assert!(!log.contains("Initializing"), "terraform was started:\n{log}");
    assert!(accessors(&log).is_empty(), "{log}");
    let tokens = api.identity_tokens(&workspace).await?;
    assert_eq!(tokens.last().map(|token| &token["audience"]), Some(&json!(case.audience)));
    Ok(())
}
