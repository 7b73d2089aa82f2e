terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    hcp = {
      source = "hashicorp/hcp"
    }
  }
}

# The credentials come from HCP_CRED_FILE.
provider "hcp" {}

# The project that the service principal of the phase belongs to.
data "hcp_project" "this" {}

output "project" {
  value = data.hcp_project.this.resource_name
}
