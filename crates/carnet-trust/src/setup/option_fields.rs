//! What the options of each family are called and mean, for those who ask for them in a form.

/// How an option is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A text.
    Text,
    /// Texts, separated by commas.
    List,
    /// On or off.
    Flag,
}

/// One option of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionField {
    /// The name, as the API takes it.
    pub name: &'static str,
    /// How it is given.
    pub kind: OptionKind,
    /// What it is, and what happens without it.
    pub help: &'static str,
}

const fn text(name: &'static str, help: &'static str) -> OptionField {
    OptionField { name, kind: OptionKind::Text, help }
}

const fn list(name: &'static str, help: &'static str) -> OptionField {
    OptionField { name, kind: OptionKind::List, help }
}

const fn flag(name: &'static str, help: &'static str) -> OptionField {
    OptionField { name, kind: OptionKind::Flag, help }
}

const AWS: &[OptionField] = &[
    text("account-id", "The account, twelve digits. Terraform and the script find it out by themselves."),
    text("partition", "aws, aws-cn or aws-us-gov; aws if empty."),
    list("policy-arns-plan", "ARNs of the managed policies of the plan's role."),
    list("policy-arns-apply", "ARNs of the managed policies of the apply's role."),
];

const AZURE: &[OptionField] = &[
    text("tenant-id", "The tenant. Asked for when the trust is applied, if empty."),
    text("subscription-id", "The subscription that roles are assigned in. Asked for as well."),
    text("application-name", "The display name of the application."),
    flag(
        "application-per-phase",
        "An application for each phase, so that a plan cannot do what an apply may.",
    ),
    text("role-plan", "The role of the plan; Reader if empty."),
    text("role-apply", "The role of the apply; Contributor if empty."),
];

const GCP: &[OptionField] = &[
    text("project-id", "The project that the pool lies in. Asked for when the trust is applied, if empty."),
    text("project-number", "The number of that project. Terraform and the script find it out by themselves."),
    text("pool", "The pool; one is made for this trust alone if empty."),
    flag("direct", "Runs act as themselves, without service accounts."),
    text("service-account-plan", "The address of a service account for plans that is there already."),
    text("service-account-apply", "The address of a service account for applies that is there already."),
    text("role-plan", "The role of the plan in the project; roles/viewer if empty."),
    text("role-apply", "The role of the apply in the project; roles/editor if empty."),
];

const KUBERNETES: &[OptionField] = &[
    text(
        "host",
        "The address of the API server, as runs reach it. Asked for when the trust is applied, if empty.",
    ),
    text("cluster-role-plan", "The ClusterRole of the plan; view if empty."),
    text("cluster-role-apply", "The ClusterRole of the apply; edit if empty."),
    text(
        "api-version",
        "The version of AuthenticationConfiguration: v1beta1 before Kubernetes 1.34; v1 if empty.",
    ),
];

const HCP: &[OptionField] = &[
    text("hcp-project-id", "The project of HCP, by its id. Asked for when the trust is applied, if empty."),
    text("role-plan", "The role of the plan in the project; roles/viewer if empty."),
    text("role-apply", "The role of the apply in the project; roles/contributor if empty."),
];

const TENCENT_CLOUD: &[OptionField] = &[
    text("account-uin", "The account (UIN). Asked for when the trust is applied, if empty."),
    list("policies-plan", "Names of the policies of the plan's role."),
    list("policies-apply", "Names of the policies of the apply's role."),
];

const VAULT: &[OptionField] = &[
    text(
        "vault-addr",
        "The address of Vault as runs reach it. Asked for when the trust is applied, if empty.",
    ),
    text("namespace", "The namespace."),
    text("mount", "Where the JWT auth method is, or will be, mounted; jwt if empty."),
    list("policy-plan", "The policies of the plan's role; one that lets it read nothing is made if empty."),
    list("policy-apply", "The policies of the apply's role."),
    text(
        "encoded-ca",
        "The certificate authority of Vault, as base64 of PEM, if it is not publicly trusted.",
    ),
    text("token-ttl", "How long the Vault token lives between renewals; 20m if empty."),
];

const VAULT_AWS: &[OptionField] = &[
    text("engine", "Where the secrets engine is mounted; aws if empty."),
    text("role-arn-plan", "The AWS role that plans get keys of."),
    text("role-arn-apply", "The AWS role that applies get keys of."),
];

const VAULT_AZURE: &[OptionField] = &[
    text("engine", "Where the secrets engine is mounted; azure if empty."),
    text("tenant-id", "The tenant."),
    text("subscription-id", "The subscription that the roles are in."),
    text("role-plan", "The role of the plan; Reader if empty."),
    text("role-apply", "The role of the apply; Contributor if empty."),
];

const VAULT_GCP: &[OptionField] = &[
    text("engine", "Where the secrets engine is mounted; gcp if empty."),
    text("project-id", "The project."),
    text("role-plan", "The role of the plan in the project; roles/viewer if empty."),
    text("role-apply", "The role of the apply in the project; roles/editor if empty."),
];

/// The options of a family, in the order in which they are asked for; none of a name that is no family.
pub fn option_fields(family: &str) -> Vec<OptionField> {
    let (first, then): (_, &[OptionField]) = match family {
        "aws" => (AWS, &[]),
        "azure" => (AZURE, &[]),
        "gcp" => (GCP, &[]),
        "vault" => (VAULT, &[]),
        "kubernetes" => (KUBERNETES, &[]),
        "hcp" => (HCP, &[]),
        "tencentcloud" => (TENCENT_CLOUD, &[]),
        "vault-aws" => (VAULT, VAULT_AWS),
        "vault-azure" => (VAULT, VAULT_AZURE),
        "vault-gcp" => (VAULT, VAULT_GCP),
        _ => (&[], &[]),
    };
    first.iter().chain(then).copied().collect()
}
