# HCP trusts runs of acme/net (project Default Project)

terraform {
  required_providers {
    hcp = {
      source  = "hashicorp/hcp"
      version = ">= 0.90"
    }
    tfe = {
      source  = "hashicorp/tfe"
      version = ">= 0.60"
    }
  }
}

provider "hcp" {
  project_id = var.hcp_project_id
}

# Needs a token of Carnet: terraform login, or TFE_TOKEN.
provider "tfe" {
  hostname     = "carnet.example.org"
  organization = "acme"
}

variable "hcp_project_id" {
  type        = string
  description = "the project of HCP, by its id"
}

resource "hcp_service_principal" "plan" {
  name   = "carnet-acme-net-plan"
  parent = "project/${var.hcp_project_id}"
}

resource "hcp_iam_workload_identity_provider" "plan" {
  name               = "carnet-acme-net-plan"
  service_principal  = hcp_service_principal.plan.resource_name
  conditional_access = "jwt_claims.sub == \"organization:acme:project:Default Project:workspace:net:run_phase:plan\""
  oidc = {
    issuer_uri = "https://carnet.example.org"
  }
}

resource "hcp_project_iam_binding" "plan" {
  project_id   = var.hcp_project_id
  principal_id = hcp_service_principal.plan.resource_id
  role         = "roles/viewer"
}

resource "hcp_service_principal" "apply" {
  name   = "carnet-acme-net-apply"
  parent = "project/${var.hcp_project_id}"
}

resource "hcp_iam_workload_identity_provider" "apply" {
  name               = "carnet-acme-net-apply"
  service_principal  = hcp_service_principal.apply.resource_name
  conditional_access = "jwt_claims.sub == \"organization:acme:project:Default Project:workspace:net:run_phase:apply\""
  oidc = {
    issuer_uri = "https://carnet.example.org"
  }
}

resource "hcp_project_iam_binding" "apply" {
  project_id   = var.hcp_project_id
  principal_id = hcp_service_principal.apply.resource_id
  role         = "roles/contributor"
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_HCP_PROVIDER_AUTH                = "true"
    TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME  = hcp_iam_workload_identity_provider.plan.resource_name
    TFC_HCP_APPLY_PROVIDER_RESOURCE_NAME = hcp_iam_workload_identity_provider.apply.resource_name
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
