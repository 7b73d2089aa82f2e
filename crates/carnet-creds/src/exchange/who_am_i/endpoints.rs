//! Where providers are asked whose address no workspace says.

/// The addresses of services that are asked who a run is.
///
/// They are the operator's to set and no workspace's: a token is sent there, from outside of the run's sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Google's exchange of tokens.
    pub google_sts: String,
    /// Google's access tokens of service accounts.
    pub google_iam_credentials: String,
    /// What Google says about an access token.
    pub google_oauth2: String,
    /// Microsoft Entra, instead of that of the cloud that a workspace names.
    pub entra: Option<String>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            google_sts: "https://sts.googleapis.com".to_owned(),
            google_iam_credentials: "https://iamcredentials.googleapis.com".to_owned(),
            google_oauth2: "https://oauth2.googleapis.com".to_owned(),
            entra: None,
        }
    }
}

/// A cloud of Microsoft: where its tokens come from, and the resource that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AzureCloud {
    pub(super) entra: &'static str,
    pub(super) scope: &'static str,
}

impl AzureCloud {
    /// The cloud that `ARM_ENVIRONMENT` names.
    pub(super) fn named(environment: Option<&str>) -> Self {
        match environment.unwrap_or_default().to_ascii_lowercase().as_str() {
            "usgovernment" | "usgovernmentl4" | "usgovernmentl5" => Self {
                entra: "https://login.microsoftonline.us",
                scope: "https://management.usgovcloudapi.net/.default",
            },
            "china" => Self {
                entra: "https://login.chinacloudapi.cn",
                scope: "https://management.chinacloudapi.cn/.default",
            },
            _ => Self {
                entra: "https://login.microsoftonline.com",
                scope: "https://management.azure.com/.default",
            },
        }
    }
}
