# Google Cloud trusts runs of acme/net (project Default Project)

terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
    tfe = {
      source  = "hashicorp/tfe"
      version = ">= 0.60"
    }
  }
}

# Needs a token of Carnet: terraform login, or TFE_TOKEN.
provider "tfe" {
  hostname     = "carnet.example.org"
  organization = "acme"
}

variable "project_id" {
  type        = string
  description = "the project that the pool lies in, by its id"
}

data "google_project" "this" {
  project_id = var.project_id
}

# A pool for this trust alone: no other provider can make its principals.
resource "google_iam_workload_identity_pool" "carnet" {
  project                   = var.project_id
  workload_identity_pool_id = "carnet-acme-net"
}

resource "google_iam_workload_identity_pool_provider" "carnet" {
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.carnet.workload_identity_pool_id
  workload_identity_pool_provider_id = "carnet"
  attribute_condition                = "assertion.terraform_organization_name == \"acme\" && assertion.terraform_project_name == \"Default Project\" && assertion.terraform_workspace_name == \"net\""
  attribute_mapping = {
    "google.subject"                        = "assertion.terraform_workspace_id + \":\" + assertion.terraform_run_phase"
    "attribute.terraform_run_phase"         = "assertion.terraform_run_phase"
    "attribute.terraform_run_id"            = "assertion.terraform_run_id"
    "attribute.terraform_workspace_id"      = "assertion.terraform_workspace_id"
    "attribute.terraform_workspace_name"    = "assertion.terraform_workspace_name"
    "attribute.terraform_project_name"      = "assertion.terraform_project_name"
    "attribute.terraform_organization_name" = "assertion.terraform_organization_name"
  }

  oidc {
    issuer_uri = "https://carnet.example.org"
  }
}

resource "google_service_account" "plan" {
  project      = var.project_id
  account_id   = "carnet-acme-net-plan"
  display_name = "plan of acme/net (project Default Project)"
}

resource "google_service_account_iam_member" "plan" {
  service_account_id = google_service_account.plan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.carnet.name}/subject/${data.tfe_workspace.this.id}:plan"
}

resource "google_project_iam_member" "plan" {
  project = var.project_id
  role    = "roles/viewer"
  member  = "serviceAccount:${google_service_account.plan.email}"
}

resource "google_service_account" "apply" {
  project      = var.project_id
  account_id   = "carnet-acme-net-apply"
  display_name = "apply of acme/net (project Default Project)"
}

resource "google_service_account_iam_member" "apply" {
  service_account_id = google_service_account.apply.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.carnet.name}/subject/${data.tfe_workspace.this.id}:apply"
}

resource "google_project_iam_member" "apply" {
  project = var.project_id
  role    = "roles/editor"
  member  = "serviceAccount:${google_service_account.apply.email}"
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_GCP_PROVIDER_AUTH               = "true"
    TFC_GCP_WORKLOAD_PROVIDER_NAME      = google_iam_workload_identity_pool_provider.carnet.name
    TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL  = google_service_account.plan.email
    TFC_GCP_APPLY_SERVICE_ACCOUNT_EMAIL = google_service_account.apply.email
    GOOGLE_PROJECT                      = var.project_id
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
