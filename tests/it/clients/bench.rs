//! An issuer without a server around it, and every token that a stand-in may be shown.

use std::time::Duration;

use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use carnet_tests::{
    Answer, CertificateAuthority, Exchange, Forgery, IssuerServer, JsonClient, TrustedIssuer,
};

use crate::site::claims;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A token that is presented to a stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Good,
    OtherPhase,
    OtherOrganization,
    OtherAudience,
    OtherIssuer,
    Expired,
    NotYetValid,
    Forged(Forgery),
    Rubbish,
}

/// A verdict on a case: the status and the service's code.
pub(super) type Verdict = (Case, u16, &'static str);

/// An issuer, and one that nobody trusts.
pub(super) struct Bench {
    pub(super) ca: CertificateAuthority,
    pub(super) issuer: IssuerServer,
    pub(super) stranger: IssuerServer,
    pub(super) audience: String,
}

pub(super) fn identity(organization: &str, phase: Phase) -> anyhow::Result<WorkloadIdentity> {
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

pub(super) fn subject() -> String {
    "organization:acme:project:Default Project:workspace:network:run_phase:plan".to_owned()
}

#[expect(clippy::disallowed_methods, reason = "the stand-ins compare tokens with the real time")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

impl Bench {
    pub(super) async fn start(audience: &str) -> anyhow::Result<Self> {
        let ca = CertificateAuthority::new()?;
        let (issuer, stranger) = (IssuerServer::start(&ca).await?, IssuerServer::start(&ca).await?);
        Ok(Self { ca, issuer, stranger, audience: audience.to_owned() })
    }

    pub(super) fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer { url: self.issuer.url(), ca_pem: self.ca.pem().to_owned() }
    }

    pub(super) async fn token(&self, case: Case) -> anyhow::Result<String> {
        let plan = identity("acme", Phase::Plan)?;
        let Self { issuer, audience, .. } = self;
        match case {
            Case::Good => issuer.mint(&plan, audience, now()),
            Case::OtherPhase => issuer.mint(&identity("acme", Phase::Apply)?, audience, now()),
            Case::OtherOrganization => issuer.mint(&identity("rival", Phase::Plan)?, audience, now()),
            Case::OtherAudience => issuer.mint(&plan, "somebody.else", now()),
            Case::OtherIssuer => self.stranger.mint(&plan, audience, now()),
            Case::Expired => issuer.mint(&plan, audience, now() - HOUR),
            Case::NotYetValid => issuer.mint(&plan, audience, now() + HOUR),
            Case::Rubbish => Ok("eyJhbGciOiJSUzI1NiJ9.e30".to_owned()),
            Case::Forged(forgery) => {
                let token = issuer.mint(&plan, audience, now())?;
                let jwks = JsonClient::new(&issuer.url(), Some(self.ca.pem()))?;
                let jwks = jwks.request("GET", "/.well-known/jwks", None).await?.success()?;
                tokio::task::spawn_blocking(move || forgery.forge(&token, &jwks)).await?
            }
        }
    }

    /// Presents a token for every verdict and compares; `code` finds the service's code in an answer.
    pub(super) async fn check(
        &self,
        verdicts: &[Verdict],
        present: impl AsyncFn(String) -> anyhow::Result<Answer>,
        code: impl Fn(&Answer) -> String,
        record: impl Fn() -> Vec<Exchange>,
    ) -> anyhow::Result<()> {
        for (case, status, expected) in verdicts {
            let token = self.token(*case).await?;
            let answer = present(token.clone()).await?;
            assert_eq!((answer.status, &*code(&answer)), (*status, *expected), "{case:?}: {}", answer.body);
            let entry = record().pop().unwrap_or_else(|| panic!("{case:?} is not on record"));
            assert_eq!((entry.status, &*entry.verdict), (*status, *expected), "{case:?}");
            let id = claims(&token).ok().and_then(|claims| claims["jti"].as_str().map(str::to_owned));
            assert_eq!(entry.token_id, id, "{case:?}");
        }
        Ok(())
    }
}
