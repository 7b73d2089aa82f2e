# Azure trusts runs of acme/net (project Default Project)
#
# A new federated credential takes some minutes to work everywhere: AADSTS70021 or AADSTS700213 meanwhile.
#
# After a rename of the organization, the project or the workspace the subjects are others: apply the trust
# again.

terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = ">= 3.0"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0"
    }
    tfe = {
      source  = "hashicorp/tfe"
      version = ">= 0.60"
    }
  }
}

provider "azurerm" {
  subscription_id = var.subscription_id
  tenant_id       = var.tenant_id

  features {}
}

# Needs a token of Carnet: terraform login, or TFE_TOKEN.
provider "tfe" {
  hostname     = "carnet.example.org"
  organization = "acme"
}

variable "tenant_id" {
  type        = string
  description = "the tenant of Microsoft Entra"
}

variable "subscription_id" {
  type        = string
  description = "the subscription that the runs work in"
}

resource "azuread_application" "plan" {
  display_name = "carnet-acme-net-plan"
}

resource "azuread_service_principal" "plan" {
  client_id = azuread_application.plan.client_id
}

resource "azuread_application_federated_identity_credential" "plan" {
  application_id = azuread_application.plan.id
  display_name   = "carnet-acme-net-plan"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = "https://carnet.example.org"
  subject        = "organization:acme:project:Default Project:workspace:net:run_phase:plan"
}

resource "azurerm_role_assignment" "plan" {
  scope                = "/subscriptions/${var.subscription_id}"
  role_definition_name = "Reader"
  principal_id         = azuread_service_principal.plan.object_id
  principal_type       = "ServicePrincipal"
}

resource "azuread_application" "apply" {
  display_name = "carnet-acme-net-apply"
}

resource "azuread_service_principal" "apply" {
  client_id = azuread_application.apply.client_id
}

resource "azuread_application_federated_identity_credential" "apply" {
  application_id = azuread_application.apply.id
  display_name   = "carnet-acme-net-apply"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = "https://carnet.example.org"
  subject        = "organization:acme:project:Default Project:workspace:net:run_phase:apply"
}

resource "azurerm_role_assignment" "apply" {
  scope                = "/subscriptions/${var.subscription_id}"
  role_definition_name = "Contributor"
  principal_id         = azuread_service_principal.apply.object_id
  principal_type       = "ServicePrincipal"
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_AZURE_PROVIDER_AUTH   = "true"
    TFC_AZURE_PLAN_CLIENT_ID  = azuread_application.plan.client_id
    TFC_AZURE_APPLY_CLIENT_ID = azuread_application.apply.client_id
    ARM_TENANT_ID             = var.tenant_id
    ARM_SUBSCRIPTION_ID       = var.subscription_id
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
