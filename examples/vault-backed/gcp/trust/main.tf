# Vault makes Google credentials for runs of acme/net (project Default Project)
#
# The secrets engine at gcp must be there already, with the credentials by which Vault makes others.
#
# A workspace has one Vault role for each phase, whatever it reads: where it has the trust of another engine or
# of Vault itself already, name the policies of that with --policy-plan and --policy-apply, or they are taken
# from the role.

terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 4.0"
    }
    tfe = {
      source  = "hashicorp/tfe"
      version = ">= 0.60"
    }
  }
}

# Needs a token of an administrator of Vault: VAULT_TOKEN.
provider "vault" {
  address = var.vault_addr
}

# Needs a token of Carnet: terraform login, or TFE_TOKEN.
provider "tfe" {
  hostname     = "carnet.example.org"
  organization = "acme"
}

variable "vault_addr" {
  type        = string
  description = "the address of Vault, as runs reach it"
}

variable "project_id" {
  type        = string
  description = "the project that the runs work in, by its id"
}

# One mount serves every workspace of the issuer: the trust of another one shares it (--knows-issuer).
resource "vault_jwt_auth_backend" "carnet" {
  path               = "jwt"
  oidc_discovery_url = "https://carnet.example.org"
  bound_issuer       = "https://carnet.example.org"
}

resource "vault_policy" "plan" {
  name   = "carnet-acme-net-plan-vault-gcp"
  policy = "path \"gcp/roleset/carnet-acme-net-plan/token\" { capabilities = [\"read\"] }\npath \"auth/token/lookup-self\" { capabilities = [\"read\"] }\npath \"auth/token/renew-self\" { capabilities = [\"update\"] }\npath \"auth/token/revoke-self\" { capabilities = [\"update\"] }\npath \"sys/leases/renew\" { capabilities = [\"update\"] }\n"
}

resource "vault_jwt_auth_backend_role" "plan" {
  backend           = vault_jwt_auth_backend.carnet.path
  role_name         = "carnet-acme-net-plan"
  role_type         = "jwt"
  bound_audiences   = ["vault.workload.identity"]
  bound_claims_type = "string"
  bound_claims = {
    sub = "organization:acme:project:Default Project:workspace:net:run_phase:plan"
  }
  user_claim = "terraform_workspace_id"
  claim_mappings = {
    terraform_run_id    = "terraform_run_id"
    terraform_run_phase = "terraform_run_phase"
  }
  token_policies = [vault_policy.plan.name]
  token_ttl      = 1200
}

resource "vault_policy" "apply" {
  name   = "carnet-acme-net-apply-vault-gcp"
  policy = "path \"gcp/roleset/carnet-acme-net-apply/token\" { capabilities = [\"read\"] }\npath \"auth/token/lookup-self\" { capabilities = [\"read\"] }\npath \"auth/token/renew-self\" { capabilities = [\"update\"] }\npath \"auth/token/revoke-self\" { capabilities = [\"update\"] }\npath \"sys/leases/renew\" { capabilities = [\"update\"] }\n"
}

resource "vault_jwt_auth_backend_role" "apply" {
  backend           = vault_jwt_auth_backend.carnet.path
  role_name         = "carnet-acme-net-apply"
  role_type         = "jwt"
  bound_audiences   = ["vault.workload.identity"]
  bound_claims_type = "string"
  bound_claims = {
    sub = "organization:acme:project:Default Project:workspace:net:run_phase:apply"
  }
  user_claim = "terraform_workspace_id"
  claim_mappings = {
    terraform_run_id    = "terraform_run_id"
    terraform_run_phase = "terraform_run_phase"
  }
  token_policies = [vault_policy.apply.name]
  token_ttl      = 1200
}

resource "vault_gcp_secret_roleset" "plan" {
  backend      = "gcp"
  roleset      = "carnet-acme-net-plan"
  secret_type  = "access_token"
  project      = var.project_id
  token_scopes = ["https://www.googleapis.com/auth/cloud-platform"]

  binding {
    resource = "//cloudresourcemanager.googleapis.com/projects/${var.project_id}"
    roles    = ["roles/viewer"]
  }
}

resource "vault_gcp_secret_roleset" "apply" {
  backend      = "gcp"
  roleset      = "carnet-acme-net-apply"
  secret_type  = "access_token"
  project      = var.project_id
  token_scopes = ["https://www.googleapis.com/auth/cloud-platform"]

  binding {
    resource = "//cloudresourcemanager.googleapis.com/projects/${var.project_id}"
    roles    = ["roles/editor"]
  }
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_VAULT_PROVIDER_AUTH                  = "true"
    TFC_VAULT_ADDR                           = var.vault_addr
    TFC_VAULT_PLAN_ROLE                      = vault_jwt_auth_backend_role.plan.role_name
    TFC_VAULT_APPLY_ROLE                     = vault_jwt_auth_backend_role.apply.role_name
    TFC_VAULT_BACKED_GCP_AUTH                = "true"
    TFC_VAULT_BACKED_GCP_AUTH_TYPE           = "roleset/access_token"
    TFC_VAULT_BACKED_GCP_PLAN_VAULT_ROLESET  = vault_gcp_secret_roleset.plan.roleset
    TFC_VAULT_BACKED_GCP_APPLY_VAULT_ROLESET = vault_gcp_secret_roleset.apply.roleset
    GOOGLE_PROJECT                           = var.project_id
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
