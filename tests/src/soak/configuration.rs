//! The configuration of the run: a chain of objects and waits, and clients that work beside it.

use std::path::PathBuf;

use super::{options::SoakOptions, site::BUCKET};
use crate::{
    archive::Archive,
    tool::{AwsClient, Tool, aws_client, tool},
};

const CLIENTS: [(&str, &str); 5] = [
    ("clients/steady.py", include_str!("clients/steady.py")),
    ("clients/use_aws.py", include_str!("clients/use_aws.py")),
    ("clients/use_azure.py", include_str!("clients/use_azure.py")),
    ("clients/use_google.py", include_str!("clients/use_google.py")),
    ("clients/use_vault.py", include_str!("clients/use_vault.py")),
];

/// The programs that run in the apply.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) aws: AwsClient,
    hvac: PathBuf,
    azure: PathBuf,
    google: PathBuf,
}

/// Where the stand-ins are.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) entra: String,
    pub(super) google: String,
    /// The certificate of the authority behind both.
    pub(super) ca_pem: String,
}

impl Clients {
    pub(super) async fn find() -> anyhow::Result<Self> {
        Ok(Self {
            aws: aws_client().await?,
            hvac: tool(Tool::Hvac).await?,
            azure: tool(Tool::AzureIdentity).await?,
            google: tool(Tool::GoogleAuth).await?,
        })
    }

    /// What the workspace is given to run.
    pub(super) fn archive(&self, options: &SoakOptions, places: &Places) -> anyhow::Result<Vec<u8>> {
        let mut archive =
            Archive::new().file("main.tf", &self.main(options, places))?.file("ca.pem", &places.ca_pem)?;
        for (path, program) in CLIENTS {
            archive = archive.file(path, program)?;
        }
        archive.finish()
    }

    fn main(&self, options: &SoakOptions, places: &Places) -> String {
        let seconds = options.apply.as_secs_f64();
        let every = options.object_every.as_secs_f64();
        let client = |name: &str, python: &PathBuf, program: &str, more: &str| {
            format!(
                r#"
resource "terraform_data" "{name}" {{
  provisioner "local-exec" {{
    command = "exec '{python}' -B '${{abspath(path.module)}}/clients/{program}' {seconds} {more}"
    environment = {{
      REQUESTS_CA_BUNDLE = "${{abspath(path.module)}}/ca.pem"
      SOAK_ENTRA_URL     = "{entra}"
      SOAK_GOOGLE_URL    = "{google}"
    }}
  }}
}}
"#,
                python = python.display(),
                entra = places.entra,
                google = places.google,
            )
        };
        let aws = match &self.aws {
            AwsClient::Provider { .. } => chain(options),
            AwsClient::Boto3 { python } => client("aws", python, "use_aws.py", &format!("{BUCKET} {every}")),
        };
        [
            aws,
            client("vault", &self.hvac, "use_vault.py", ""),
            client("azure", &self.azure, "use_azure.py", ""),
            client("gcp", &self.google, "use_google.py", ""),
        ]
        .concat()
    }
}

/// Objects, each made when the wait behind the one before is over: the same process of the provider makes them all.
fn chain(options: &SoakOptions) -> String {
    let mut text = r#"
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  skip_requesting_account_id  = true
  skip_credentials_validation = true
  s3_use_path_style           = true
}
"#
    .to_owned();
    for place in 0..options.objects() {
        let after = match place.checked_sub(1) {
            Some(before) => format!("terraform_data.wait_{before:03}"),
            None => String::new(),
        };
        text.push_str(&format!(
            r#"
resource "aws_s3_object" "use_{place:03}" {{
  bucket     = "{BUCKET}"
  key        = "{key}"
  content    = "{place}"
  depends_on = [{after}]
}}

resource "terraform_data" "wait_{place:03}" {{
  depends_on = [aws_s3_object.use_{place:03}]
  provisioner "local-exec" {{
    command = "sleep {every}"
  }}
}}
"#,
            key = object_key(place),
            every = options.object_every.as_secs_f64(),
        ));
    }
    text
}

/// The name of an object.
pub(super) fn object_key(place: usize) -> String {
    format!("use-{place:03}.txt")
}
