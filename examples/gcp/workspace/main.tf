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

# The project comes from GOOGLE_PROJECT.
provider "google" {}

# Who the run is: the service account of the phase.
data "google_client_openid_userinfo" "this" {}

output "who" {
  value = data.google_client_openid_userinfo.this.email
}
