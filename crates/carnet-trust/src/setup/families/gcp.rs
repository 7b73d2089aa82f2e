//! Google Cloud: a workload identity pool with a provider, and for each phase a service account or a principal of its own
//! (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers>).

mod accounts;

use carnet_model::Phase;
use serde::Deserialize;

use crate::setup::block::Block;
use crate::setup::carnet_side::workspace_id;
use crate::setup::command::{Command, flag, plain, word};
use crate::setup::name::{NameRule, object_name};
use crate::setup::outline::{Source, TrustSetup};
use crate::setup::request::{Scope, SetupError, TrustRequest};
use crate::setup::subject::{cel_names, cel_quoted, subject};
use crate::setup::text::{Text, Value};

/// Pools and providers: 4 to 32 small letters, digits and dashes.
const POOL: NameRule = NameRule { longest: 32, is_lower: true };
/// Service accounts: 6 to 30 of the same.
const ACCOUNT: NameRule = NameRule { longest: 30, is_lower: true };
/// The most bytes of `google.subject`.
const LONGEST_SUBJECT: usize = 127;
/// The most characters of a condition.
const LONGEST_CONDITION: usize = 4096;
/// The provider in a pool of its own.
const PROVIDER: &str = "carnet";
const PHASE_ATTRIBUTE: &str = "attribute.terraform_run_phase";

/// What the trust of Google Cloud depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GcpOptions {
    /// The project that the pool lies in, by its id.
    pub project_id: Option<String>,
    /// The number of that project; Terraform and the script find it out by themselves.
    pub project_number: Option<String>,
    /// The pool; one is made for this trust alone without another name.
    pub pool: Option<String>,
    /// Runs act as themselves, without a service account.
    pub direct: bool,
    /// A service account for plans that is there already.
    pub service_account_plan: Option<String>,
    /// A service account for applies that is there already.
    pub service_account_apply: Option<String>,
    /// The role of the plan in the project; `roles/viewer` without another.
    pub role_plan: Option<String>,
    /// The role of the apply in the project; `roles/editor` without another.
    pub role_apply: Option<String>,
}

struct Gcp<'a> {
    request: &'a TrustRequest,
    options: &'a GcpOptions,
    project: Text,
    /// The number, outside Terraform.
    number: Text,
    pool: String,
    /// The provider: in a pool that others may use, too, each trust has one of its own, since a provider has one condition.
    provider: String,
}

pub(super) fn setup(request: &TrustRequest, options: &GcpOptions) -> Result<TrustSetup, SetupError> {
    let mut setup = TrustSetup::new(format!("Google Cloud trusts runs of {}", request.whose()));
    setup.provider("google", "hashicorp/google", ">= 6.0");
    let project =
        setup.told(options.project_id.as_ref(), "project_id", "the project that the pool lies in, by its id");
    let number = match &options.project_number {
        Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Text::from(number.as_str())
        }
        Some(_) => {
            return Err(SetupError::option("--project-number", "the number of a project has digits only"));
        }
        None => setup.input("project_number", "the number of that project", Source::Made),
    };
    let own = object_name(request, None, POOL);
    let (pool, provider) = match &options.pool {
        Some(_) if request.scope != Scope::Workspace => {
            let reason = "a wider scope lets every identity of a phase in the pool in: leave the pool out, and one is made for it alone";
            return Err(SetupError::option("--pool", reason));
        }
        Some(pool) => (checked_pool(pool)?, own),
        None => (own, PROVIDER.to_owned()),
    };
    if request.issuer_ca.is_some() && request.issuer_keys.is_none() {
        return Err(SetupError::option(
            "--issuer-ca-file",
            "Google trusts public certificate authorities only: give the key set with --issuer-keys-file, and again after each rotation",
        ));
    }
    let gcp = Gcp { request, options, project, number, pool, provider };
    gcp.project_number(&mut setup);
    gcp.pool(&mut setup)?;
    setup.variable(request, "TFC_GCP_PROVIDER_AUTH", "true");
    setup.variable(request, "TFC_GCP_WORKLOAD_PROVIDER_NAME", gcp.provider_name());
    if let Some(audience) = &request.audience {
        setup.variable(request, "TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE", audience.as_str());
    }
    if options.direct {
        setup.variable(request, "TFC_GCP_PRINCIPAL_TYPE", "workload_pool");
    }
    for phase in request.phases.each() {
        gcp.phase(&mut setup, *phase)?;
    }
    setup.provider_variable(request, "GOOGLE_PROJECT", &gcp.project);
    Ok(setup)
}

fn checked_pool(pool: &str) -> Result<String, SetupError> {
    let is_pool = (4..=32).contains(&pool.len())
        && pool.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !pool.starts_with("gcp-");
    let reason = "a pool has 4 to 32 small letters, digits and dashes, and does not start with gcp-";
    if is_pool { Ok(pool.to_owned()) } else { Err(SetupError::option("--pool", reason)) }
}

impl Gcp<'_> {
    fn project_number(&self, setup: &mut TrustSetup) {
        if self.options.project_number.is_none() {
            setup.blocks.push(Block::data("google_project", "this").set("project_id", &self.project));
            let ask = Command::new([
                plain("gcloud projects describe"),
                word(&self.project),
                plain("--format='value(projectNumber)'"),
            ]);
            setup.commands.push(ask.kept_as("project_number"));
        }
    }

    /// The number, also for Terraform.
    fn number(&self) -> Text {
        match self.options.project_number {
            Some(_) => self.number.clone(),
            None => Text::made("data.google_project.this.number", &self.number),
        }
    }

    fn pool_name(&self) -> Text {
        let name = Text::from("projects/")
            .and(self.number().plain())
            .and(format!("/locations/global/workloadIdentityPools/{}", self.pool));
        let source = self.source();
        Text::made(format!("{source}google_iam_workload_identity_pool.carnet.name"), name)
    }

    fn provider_name(&self) -> Text {
        let name = self.pool_name().and(format!("/providers/{}", self.provider));
        match self.knows_provider() {
            true => name,
            false => Text::made("google_iam_workload_identity_pool_provider.carnet.name", name.plain()),
        }
    }

    /// Whether the provider is there already, in the pool of this trust alone.
    fn knows_provider(&self) -> bool {
        self.request.knows_issuer && self.options.pool.is_none()
    }

    fn pool(&self, setup: &mut TrustSetup) -> Result<(), SetupError> {
        let resource = "google_iam_workload_identity_pool";
        let pool = if self.request.knows_issuer {
            Block::data(resource, "carnet")
        } else {
            Block::resource(resource, "carnet")
                .comment("A pool for this trust alone: no other provider can make its principals.")
        };
        let pool = pool.set("project", &self.project).set("workload_identity_pool_id", self.pool.as_str());
        setup.blocks.push(pool);
        if self.knows_provider() {
            return Ok(());
        }
        let (mapping, condition) = (self.mapping()?, self.condition()?);
        let keys = self.request.issuer_keys.as_deref();
        let audiences = self.request.audience.as_deref().map(|audience| Value::texts([audience]));
        let oidc = Block::new("oidc")
            .set("issuer_uri", self.request.issuer.as_str())
            .set_some("allowed_audiences", audiences.clone())
            .set_some("jwks_json", keys);
        setup.blocks.push(
            Block::resource("google_iam_workload_identity_pool_provider", "carnet")
                .set("project", &self.project)
                .set(
                    "workload_identity_pool_id",
                    Text::made(
                        format!("{}{resource}.carnet.workload_identity_pool_id", self.source()),
                        self.pool.as_str(),
                    ),
                )
                .set("workload_identity_pool_provider_id", self.provider.as_str())
                .set("attribute_condition", condition.as_str())
                .set("attribute_mapping", Value::Map(mapping.clone()))
                .nested(oidc),
        );
        self.pool_commands(setup, &mapping, &condition);
        let mut oidc = vec![("issuerUri".to_owned(), Value::from(self.request.issuer.as_str()))];
        oidc.extend(audiences.map(|audiences| ("allowedAudiences".to_owned(), audiences)));
        oidc.extend(keys.map(|keys| ("jwksJson".to_owned(), keys.into())));
        let body = Value::map([
            ("attributeMapping", Value::Map(mapping)),
            ("attributeCondition", condition.into()),
            ("oidc", Value::Map(oidc)),
        ]);
        let what = format!(
            "POST https://iam.googleapis.com/v1/POOL/providers?workloadIdentityPoolProviderId={}",
            self.provider
        );
        setup.document("workload-identity-pool-provider", what, body);
        Ok(())
    }

    fn source(&self) -> &'static str {
        if self.request.knows_issuer { "data." } else { "" }
    }

    fn pool_commands(&self, setup: &mut TrustSetup, mapping: &[(String, Value)], condition: &str) {
        let place = || [flag("--project", &self.project), plain("--location=global")];
        let named = |command| [plain(command), word(self.pool.as_str())];
        if !self.request.knows_issuer {
            setup.commands.push(
                Command::new(named("gcloud iam workload-identity-pools create").into_iter().chain(place()))
                    .unless(named("gcloud iam workload-identity-pools describe").into_iter().chain(place())),
            );
        }
        let mapped: Vec<String> = mapping
            .iter()
            .map(|(name, value)| match value {
                Value::Text(text) => format!("{name}={}", text.with_placeholders()),
                _ => name.clone(),
            })
            .collect();
        let provider = |command| {
            let words = [
                plain(command),
                word(self.provider.as_str()),
                flag("--workload-identity-pool", self.pool.as_str()),
            ];
            words.into_iter().chain(place())
        };
        let mut what = vec![
            flag("--issuer-uri", self.request.issuer.as_str()),
            flag("--attribute-mapping", mapped.join(",")),
            flag("--attribute-condition", condition),
        ];
        what.extend(self.request.audience.as_deref().map(|audience| flag("--allowed-audiences", audience)));
        if let Some(keys) = &self.request.issuer_keys {
            let write = [
                plain("file=$(mktemp); printf '%s'"),
                word(keys.as_str()),
                plain("> \"$file\"; echo \"$file\""),
            ];
            setup.commands.push(Command::new(write).kept_as("issuer_keys_file"));
            let keys =
                setup.input("issuer_keys_file", "the file with the key set of the issuer", Source::Made);
            what.push(flag("--jwk-json-path", keys));
        }
        setup.commands.push(
            Command::new(
                provider("gcloud iam workload-identity-pools providers create-oidc").chain(what.clone()),
            )
            .unless(provider("gcloud iam workload-identity-pools providers describe"))
            .or_update(provider("gcloud iam workload-identity-pools providers update-oidc").chain(what)),
        );
    }

    /// Whether the subject itself can be `google.subject` and stand in the name of a principal.
    fn maps_subject(&self) -> Result<bool, SetupError> {
        let mut fits = self.request.scope == Scope::Workspace;
        for phase in self.request.phases.each() {
            let subject = subject(self.request, *phase)?;
            let is_plain = |one: char| one.is_ascii_alphanumeric() || ":_-@.".contains(one);
            fits &= subject
                .exact()
                .is_some_and(|subject| subject.len() <= LONGEST_SUBJECT && subject.chars().all(is_plain));
        }
        Ok(fits)
    }

    fn mapping(&self) -> Result<Vec<(String, Value)>, SetupError> {
        let subject = if self.maps_subject()? {
            "assertion.sub"
        } else {
            // The id has no spaces and is short, and it stays after a rename.
            "assertion.terraform_workspace_id + \":\" + assertion.terraform_run_phase"
        };
        let claims =
            ["run_phase", "run_id", "workspace_id", "workspace_name", "project_name", "organization_name"];
        let attribute = |claim: &str| {
            (format!("attribute.terraform_{claim}"), Value::from(format!("assertion.terraform_{claim}")))
        };
        let subject = ("google.subject".to_owned(), Value::from(subject));
        Ok([subject].into_iter().chain(claims.map(attribute)).collect())
    }

    /// Who gets into the pool. The phase is no part of it, since a provider may be that of both phases, whose trust may be
    /// written one after the other: what a phase may do is bound to its principal.
    fn condition(&self) -> Result<String, SetupError> {
        let mut condition = cel_names(self.request, "assertion");
        let told = [&self.request.subjects.plan, &self.request.subjects.apply];
        let own: Vec<String> = told.into_iter().flatten().map(|subject| cel_quoted(subject)).collect();
        if !own.is_empty() {
            condition.push_str(&format!(" && assertion.sub in [{}]", own.join(", ")));
        }
        if condition.chars().count() > LONGEST_CONDITION {
            let reason =
                format!("the condition has more than the {LONGEST_CONDITION} characters that Google takes");
            return Err(SetupError::Impossible(reason));
        }
        Ok(condition)
    }

    /// Who a phase is to Google.
    fn member(&self, setup: &mut TrustSetup, phase: Phase) -> Result<Text, SetupError> {
        let pool = self.pool_name();
        if self.maps_subject()? {
            let subject = subject(self.request, phase)?.glob();
            return Ok(Text::from("principal://iam.googleapis.com/")
                .and(pool)
                .and(format!("/subject/{subject}")));
        }
        if self.request.scope == Scope::Workspace {
            let id = workspace_id(setup, self.request);
            let start = Text::from("principal://iam.googleapis.com/").and(pool).and("/subject/");
            return Ok(start.and(id).and(format!(":{phase}")));
        }
        let set = Text::from("principalSet://iam.googleapis.com/").and(pool);
        Ok(set.and(format!("/{PHASE_ATTRIBUTE}/{phase}")))
    }
}
