terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    vault = {
      source = "hashicorp/vault"
    }
  }
}

# The address and the token come from VAULT_ADDR and VAULT_TOKEN.
provider "vault" {}

# Who the run is: the role and the policies of the phase.
data "vault_generic_secret" "self" {
  path = "auth/token/lookup-self"
}

output "who" {
  value     = data.vault_generic_secret.self.data["display_name"]
  sensitive = true
}
