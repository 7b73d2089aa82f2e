terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    azurerm = {
      source = "hashicorp/azurerm"
    }
  }
}

# The tenant and the subscription come from ARM_TENANT_ID and ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  features {}
}

# Who the run is: the client id of the application of the phase.
data "azurerm_client_config" "this" {}

output "who" {
  value = data.azurerm_client_config.this.client_id
}
