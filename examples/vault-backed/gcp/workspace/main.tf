terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

# The project comes from GOOGLE_PROJECT, the token from GOOGLE_OAUTH_ACCESS_TOKEN.
provider "google" {}

# Who the run is: the service account that Vault made for the roleset of the phase.
data "google_client_openid_userinfo" "this" {}

output "who" {
  value = data.google_client_openid_userinfo.this.email
}
