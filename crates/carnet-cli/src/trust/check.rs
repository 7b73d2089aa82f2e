//! `carnet trust check`: whether a relying party takes a token, and if not, why and what helps.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use carnet_issuer::IssuerUrl;
use carnet_issuer::probe::Report;
use carnet_model::{OrgName, Phase, ProjectName, WorkspaceName};
use carnet_trust::check::{Claims, Family, Judgement, Question, Trust, UnknownFamily, judge};
use carnet_trust::scan::unreadable_beside;
use clap::{Args, ValueEnum};
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

use super::fetch::Source;
use super::{fetch, input, outside};
use crate::api_client::{ApiClient, ApiRequest};
use crate::edge;
use crate::reach::server_address;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

const EXAMPLES: &str = "\
Where the policies come from:
  aws         --fetch aws:ROLE, or
              aws iam get-role --role-name ROLE > role.json
              aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN > provider.json   (--beside)
  azure       --fetch azure:CLIENT_ID, or
              az ad app federated-credential list --id CLIENT_ID
              az identity federated-credential list --identity-name NAME --resource-group GROUP
  gcp         --fetch gcp:PROJECT/POOL/PROVIDER (--role EMAIL for the service account), or
              gcloud iam workload-identity-pools providers describe NAME --workload-identity-pool POOL --location global \\
                --format json
              gcloud iam service-accounts get-iam-policy EMAIL --format json   (--beside)
  vault       --fetch vault:jwt/ROLE, or
              vault read -format=json auth/jwt/role/ROLE
              vault read -format=json auth/jwt/config   (--beside)
  kubernetes  yq -o=json . authentication-configuration.yaml
              kubectl get clusterrolebinding NAME -o json   (--beside)

Examples:
  carnet trust check aws --fetch aws:net-plan --server https://carnet.example.com --org acme --workspace net --phase plan
  aws iam get-role --role-name net-plan | carnet trust check aws --policy - --url https://carnet.example.com \\
    --org acme --workspace net --phase plan
  carnet trust check auto --policy role.json --token token.jwt --jwks jwks.json
  VAULT_ADDR=https://vault:8200 VAULT_TOKEN=... carnet trust check vault --fetch vault:jwt/net-plan --claims claims.json

Exit codes: 0 accepted, 1 refused, 2 it could not be judged, or the command was called in the wrong way.";

/// What is judged.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CheckOptions {
    /// The kind of relying party; auto tells it by the policy.
    #[arg(value_name = "aws|azure|gcp|vault|kubernetes|auto", value_parser = family)]
    family: FamilyChoice,

    /// The policy as JSON, or - for standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "fetch")]
    policy: Option<PathBuf>,

    /// What stands beside the policy: the OIDC provider of AWS, the IAM policy of Google's service account, the configuration of
    /// Vault's mount, the binding of Kubernetes.
    #[arg(long, visible_alias = "provider", value_name = "FILE")]
    beside: Option<PathBuf>,

    /// Read the policy, and what stands beside it, from the service with the caller's own credentials: vault:MOUNT/ROLE (with
    /// VAULT_ADDR and VAULT_TOKEN), aws:ROLE, azure:CLIENT_ID or gcp:PROJECT/POOL/PROVIDER (through aws, az and gcloud).
    #[arg(long, value_name = "SOURCE", conflicts_with = "policy")]
    fetch: Option<Source>,

    /// The ARN of AWS's role, whose account the OIDC provider must be in.
    #[arg(long, value_name = "ARN")]
    role: Option<String>,

    /// A token, or - for standard input. It is never printed.
    #[arg(long, value_name = "FILE", group = "presented")]
    token: Option<PathBuf>,

    /// The key set of the issuer, to check the signature of the token with.
    #[arg(long, value_name = "FILE", requires = "token")]
    jwks: Option<PathBuf>,

    /// The claims of a token as a JSON object, or - for standard input.
    #[arg(long, value_name = "FILE", group = "presented")]
    claims: Option<PathBuf>,

    /// The server that is asked which claims the workspace presents: with its ids, its own issuer and subject, and the audience
    /// that its variables lead to. Needs CARNET_TOKEN or --token-file.
    #[arg(long, value_name = "URL", value_parser = server_address, requires_all = ["org", "workspace", "phase"], group = "presented")]
    server: Option<Url>,

    /// The file of an API token for --server; CARNET_TOKEN beats it.
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,

    /// The issuer of the token that a workspace would present, by its names alone.
    #[arg(long, value_name = "URL", requires_all = ["org", "workspace", "phase"], group = "presented")]
    url: Option<IssuerUrl>,

    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: Option<OrgName>,

    /// The project.
    #[arg(long, default_value = "Default Project", value_name = "NAME")]
    project: ProjectName,

    /// The workspace.
    #[arg(long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,

    /// The phase.
    #[arg(long, value_name = "plan|apply", value_parser = phase)]
    phase: Option<Phase>,

    /// The tag of the configuration that presents the token.
    #[arg(long, value_name = "TAG", requires = "server")]
    tag: Option<String>,

    /// The audience, if it is not the family's own.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,

    /// Look at discovery and keys of the issuer, too, as relying parties see them: from where this is run.
    #[arg(long)]
    outside: bool,

    /// Certificate authorities to trust beside the system's, of the server and when looking outside, PEM: clouds trust public ones
    /// only.
    #[arg(long, env = "CARNET_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// How the answer is written.
    #[arg(long, default_value = "text", value_name = "text|json")]
    format: AnswerFormat,
}

#[derive(Debug, Clone, Copy)]
struct FamilyChoice(Option<Family>);

fn family(text: &str) -> Result<FamilyChoice, UnknownFamily> {
    if text == "auto" { Ok(FamilyChoice(None)) } else { text.parse().map(Some).map(FamilyChoice) }
}

fn phase(text: &str) -> Result<Phase, String> {
    match text {
        "plan" => Ok(Phase::Plan),
        "apply" => Ok(Phase::Apply),
        _ => Err("a phase is plan or apply".to_owned()),
    }
}

/// Judges, prints, and says whether the token would be accepted.
pub(super) fn run(options: &CheckOptions) -> anyhow::Result<bool> {
    let files = [&options.policy, &options.beside, &options.token, &options.claims, &options.jwks];
    if files.into_iter().flatten().filter(|file| file.as_os_str() == "-").count() > 1 {
        super::usage("only one of the files can be standard input");
    }
    let ways =
        [options.token.is_some(), options.claims.is_some(), options.url.is_some(), options.server.is_some()];
    if !ways.contains(&true) {
        super::usage(
            "say what is presented: --token FILE, --claims FILE, or --server or --url with --org, --workspace and --phase",
        );
    }
    let trust = trust(options)?;
    let family = match (options.family.0, Family::of(&trust.policy)) {
        (Some(family), Some(other)) if family != other => {
            bail!("this is a policy of {other}, and not of {family}");
        }
        (Some(family), _) | (None, Some(family)) => family,
        (None, None) => bail!("the policy is of no known family; name one instead of auto"),
    };
    if let Some(says) = trust.beside.as_ref().and_then(|beside| unreadable_beside(family, beside)) {
        bail!("what was given with --beside is something else: {says}");
    }
    let (claims, said) = presented(options, family, &trust)?;
    let now = claims.get("exp").map(|_| edge::now().as_second());
    let question = Question { claims, trust, now };
    let judgement = judge(family, &question);
    if let Some(first) = judgement.first().filter(|first| first.is_of_no_policy()) {
        bail!("{}", first.says);
    }
    let seen = match options.outside {
        true => Some(outside::look(&question.claims, options.ca_file.as_deref())?),
        false => None,
    };
    let answer = Answer { family, judgement: &judgement, said, seen: seen.as_ref() };
    edge::print(&answer.written(options.format, &question)?)?;
    Ok(judgement.is_accepted() && seen.is_none_or(|seen| seen.is_accepted()))
}

fn trust(options: &CheckOptions) -> anyhow::Result<Trust> {
    let mut trust = match (&options.fetch, &options.policy) {
        (Some(source), _) => fetch::trust(source, options.role.as_deref())?,
        (None, Some(policy)) => Trust { policy: input::document(policy)?, ..Trust::default() },
        (None, None) => bail!("there is no policy"),
    };
    if let Some(beside) = &options.beside {
        trust.beside = Some(input::document(beside)?);
    }
    if let Some(role) = &options.role {
        trust.role = Some(role.clone());
    }
    Ok(trust)
}

fn presented(
    options: &CheckOptions,
    family: Family,
    trust: &Trust,
) -> anyhow::Result<(Claims, &'static str)> {
    if let Some(token) = &options.token {
        return input::token(token, options.jwks.as_deref());
    }
    if let Some(file) = &options.claims {
        return Ok((input::claims(file)?, "claims only: no signature was checked"));
    }
    let (Some(org), Some(workspace), Some(phase)) = (&options.org, &options.workspace, options.phase) else {
        bail!("--org, --workspace and --phase belong together");
    };
    if let Some(server) = &options.server {
        let client = ApiClient::open(server, options.token_file.as_deref(), options.ca_file.as_deref())?
            .unseen("there is no such workspace, or this token may not see its variables");
        let question = Asked { org, workspace, phase, family, trust, options };
        return Ok((
            edge::runtime()?.block_on(question.claims(&client))?,
            "claims that the server would sign for the workspace: no signature was checked",
        ));
    }
    let Some(url) = &options.url else { bail!("nothing is presented") };
    let Some(audience) = options.audience.clone().or_else(|| default_audience(family, &trust.policy)) else {
        super::usage("the policy does not name the provider, which Google's audience is: give --audience");
    };
    let now = edge::now().as_second();
    let project = &options.project;
    let full = format!("organization:{org}:project:{project}:workspace:{workspace}");
    let claims = json!({
        "iss": url.as_str(), "aud": audience, "sub": format!("{full}:run_phase:{phase}"),
        "iat": now, "nbf": now - 30, "exp": now + LIFE,
        "terraform_organization_id": "org-AAAAAAAAAAAAAAAA", "terraform_project_id": "prj-AAAAAAAAAAAAAAAA",
        "terraform_workspace_id": "ws-AAAAAAAAAAAAAAAA", "terraform_run_id": "run-AAAAAAAAAAAAAAAA",
        "terraform_organization_name": org.to_string(), "terraform_project_name": project.to_string(),
        "terraform_workspace_name": workspace.to_string(), "terraform_full_workspace": full,
        "terraform_run_phase": phase.as_str(),
    });
    let members: Map<String, Value> = serde_json::from_value(claims).context("claims are an object")?;
    Ok((
        Claims::new(members).signed_with(algorithm()),
        "claims of the names given; their ids (ws-AAAAAAAAAAAAAAAA) are made up: --server knows them",
    ))
}

/// What a server is asked.
struct Asked<'a> {
    org: &'a OrgName,
    workspace: &'a WorkspaceName,
    phase: Phase,
    family: Family,
    trust: &'a Trust,
    options: &'a CheckOptions,
}

impl Asked<'_> {
    /// The claims that the workspace presents.
    async fn claims(&self, server: &ApiClient) -> anyhow::Result<Claims> {
        let id = server.workspace_id(self.org.as_str(), self.workspace.as_str()).await?;
        let attributes = json!({
            "family": self.family.as_str(), "policy": self.trust.policy, "phase": self.phase.as_str(),
            "tag": self.options.tag, "audience": self.options.audience,
        });
        let document = json!({ "data": { "type": "trust-checks", "attributes": attributes } });
        let path = ["api", "carnet", "v1", "workspaces", &id, "trust-check"];
        let answer = server.send(ApiRequest::new(Method::POST, &path).body(Some(document))).await?;
        match answer.pointer("/data/attributes/presented") {
            Some(Value::Object(claims)) => Ok(Claims::new(claims.clone()).signed_with(algorithm())),
            _ => bail!("the server named no claims"),
        }
    }
}

/// What signs every token of Carnet.
fn algorithm() -> Option<String> {
    Some("RS256".to_owned())
}

/// How long a token that is only spoken of lives, in seconds.
const LIFE: i64 = 600;

/// The audience that tokens get where nobody chose one.
fn default_audience(family: Family, policy: &Value) -> Option<String> {
    let usual = match family {
        Family::Aws => "aws.workload.identity",
        Family::Azure => "api://AzureADTokenExchange",
        Family::Vault => "vault.workload.identity",
        // What `carnet trust kubernetes` writes.
        Family::Kubernetes => "kubernetes",
        Family::Gcp => {
            let provider = policy["name"].as_str()?;
            return Some(format!("//iam.googleapis.com/{provider}"));
        }
    };
    Some(usual.to_owned())
}

/// What was found out.
struct Answer<'a> {
    family: Family,
    judgement: &'a Judgement,
    said: &'static str,
    /// The issuer as it is seen from here.
    seen: Option<&'a Report>,
}

impl Answer<'_> {
    fn written(&self, format: AnswerFormat, question: &Question) -> anyhow::Result<String> {
        match format {
            AnswerFormat::Text => {
                let mut lines = self.judgement.lines(self.family, question);
                lines.push(format!("  {:<11} {}", "checked:", self.said));
                let seen = self.seen.map(|seen| format!("\n{seen}")).unwrap_or_default();
                Ok(lines.join("\n") + "\n" + &seen)
            }
            AnswerFormat::Json => {
                let mut value = self.judgement.to_json(self.family);
                value["checked"] = json!(self.said);
                if let Some(seen) = self.seen {
                    value["outside"] = serde_json::to_value(seen)?;
                }
                Ok(serde_json::to_string_pretty(&value)? + "\n")
            }
        }
    }
}
