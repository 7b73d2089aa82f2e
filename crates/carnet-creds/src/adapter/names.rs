//! Which names a document may give, and which are taken.

/// What starts the settings of built-in families, and what a run sets itself.
const RESERVED_SETTINGS: [&str; 17] = [
    "TFC_AGENT_",
    "TFC_AWS_",
    "TFC_AZURE_",
    "TFC_CONFIGURATION_",
    "TFC_DEFAULT_",
    "TFC_GCP_",
    "TFC_HCP_",
    "TFC_HVS_",
    "TFC_KUBERNETES_",
    "TFC_ORGANIZATION_",
    "TFC_PROJECT_",
    "TFC_RUN_",
    "TFC_TENCENTCLOUD_",
    "TFC_TERRAFORM_",
    "TFC_VAULT_",
    "TFC_WORKLOAD_",
    "TFC_WORKSPACE_",
];

/// Environment variables that change what is run, how it is run, or whom it trusts.
const RESERVED_ENV: [&str; 26] = [
    "ALL_PROXY",
    "BASH_ENV",
    "CDPATH",
    "CHECKPOINT_DISABLE",
    "CURL_CA_BUNDLE",
    "ENV",
    "FTP_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IFS",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "PWD",
    "REQUESTS_CA_BUNDLE",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERRAFORM_CONFIG",
    "TMPDIR",
    "TZ",
    "USER",
    "ZDOTDIR",
];
const RESERVED_ENV_PREFIXES: [&str; 16] = [
    "BASH_", "CARNET_", "DYLD_", "GIT_", "GLIBC_", "GODEBUG", "JAVA_", "LC_", "LD_", "NODE_", "PERL",
    "PYTHON", "RUBY", "SSH_", "TFC_", "TF_",
];

/// What starts the variables with bare tokens, which several providers read by a name of their own.
const BARE_TOKEN: &str = "TFC_WORKLOAD_IDENTITY_TOKEN_";

/// The middle of the file names and Terraform variables of built-in families.
const FAMILIES: [&str; 9] =
    ["aws", "azure", "gcp", "google", "hcp", "kubernetes", "tencentcloud", "vault", "workload"];

/// Names of built-in families, which no adapter may take.
const FAMILY_NAMES: [&str; 11] = [
    "plain",
    "aws",
    "azure",
    "gcp",
    "kubernetes",
    "hcp",
    "tencentcloud",
    "vault",
    "vault_backed_aws",
    "vault_backed_azure",
    "vault_backed_gcp",
];

/// Headers that belong to the connection and not to the request.
const RESERVED_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a text cannot name an adapter.
pub(super) fn adapter(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if !name.starts_with(|first: char| first.is_ascii_lowercase())
        || name.len() > 32
        || !name.bytes().all(is_character)
    {
        return Some("has 1 to 32 lower-case letters, digits, \"_\" and \"-\", a letter first");
    }
    FAMILY_NAMES.contains(&name).then_some("is the name of a built-in family")
}

/// Why a text cannot be the environment variable of a setting.
pub(super) fn setting(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.starts_with("TFC_") {
        return Some("must start with TFC_");
    }
    if !name.bytes().all(is_character) || name.contains("__") || name.ends_with('_') || name.len() > 64 {
        return Some("has at most 64 upper-case letters, digits and single underscores");
    }
    let is_reserved = RESERVED_SETTINGS
        .iter()
        .any(|prefix| name.starts_with(prefix) || name == prefix.trim_end_matches('_'));
    is_reserved.then_some("is taken: it starts like a setting of a built-in family or of the run itself")
}

/// Why a text cannot be an environment variable that an adapter sets.
pub(super) fn env(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_character) {
        return Some("has 1 to 64 letters, digits and underscores");
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Some("must not start with a digit");
    }
    if name.strip_prefix(BARE_TOKEN).is_some_and(|rest| !rest.is_empty()) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let is_reserved = RESERVED_ENV.contains(&upper.as_str())
        || RESERVED_ENV_PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    is_reserved.then_some("must not be set: it changes what a run executes or trusts")
}

/// Why a text cannot be the stem of a file.
pub(super) fn file(stem: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let Some(rest) = stem.strip_prefix("tfc-").filter(|rest| !rest.is_empty()) else {
        return Some("must start with tfc-");
    };
    if stem.len() > 64 || !stem.bytes().all(is_character) || stem.contains("..") || stem.contains("--") {
        return Some("has at most 64 lower-case letters, digits, and single \"-\" and \".\"");
    }
    let first = rest.split('-').next().unwrap_or_default();
    FAMILIES.contains(&first).then_some("is taken: it starts like a file of a built-in family")
}

/// Why a text cannot be the Terraform variable of an adapter.
pub(super) fn variable(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let middle = name.strip_prefix("tfc_").and_then(|rest| rest.strip_suffix("_dynamic_credentials"));
    let Some(middle) = middle.filter(|middle| !middle.is_empty() && middle.bytes().all(is_character)) else {
        return Some("must look like tfc_NAME_dynamic_credentials");
    };
    let is_taken = FAMILIES.contains(&middle) || middle.starts_with("vault_backed_");
    is_taken.then_some("is the variable of a built-in family")
}

/// Why a text cannot be a key of the document: of a setting, an answer or an attribute.
pub(super) fn key(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_key = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 64
        && name.bytes().all(is_character);
    (!is_key).then_some("has 1 to 64 lower-case letters, digits and underscores, a letter first")
}

/// Why a text cannot name a header of a request.
pub(super) fn header(name: &str) -> Option<&'static str> {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_character) {
        return Some("has 1 to 64 letters, digits and \"-\"");
    }
    let is_reserved = RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str());
    is_reserved.then_some("must not be set: the connection or the body decides it")
}

/// Why a text cannot be a JSON pointer (RFC 6901).
pub(super) fn pointer(text: &str) -> Option<&'static str> {
    let is_escaped = |segment: &str| {
        let mut rest = segment.split('~').skip(1);
        rest.all(|after| after.starts_with(['0', '1']))
    };
    let is_pointer = text.starts_with('/') && text.len() <= 256 && text.split('/').all(is_escaped);
    (!is_pointer).then_some("is no JSON pointer: it starts with \"/\", and \"~\" is written \"~0\"")
}
