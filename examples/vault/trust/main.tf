# Vault trusts runs of acme/net (project Default Project)
#
# The policy carnet-acme-net-plan lets the plan do nothing but keep its own token: add the paths that it needs,
# or name policies that are there already (--policy-plan).
#
# The policy carnet-acme-net-apply lets the apply do nothing but keep its own token: add the paths that it
# needs, or name policies that are there already (--policy-apply).

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

# One mount serves every workspace of the issuer: the trust of another one shares it (--knows-issuer).
resource "vault_jwt_auth_backend" "carnet" {
  path               = "jwt"
  oidc_discovery_url = "https://carnet.example.org"
  bound_issuer       = "https://carnet.example.org"
}

resource "vault_policy" "plan" {
  name   = "carnet-acme-net-plan"
  policy = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\npath \"auth/token/renew-self\" { capabilities = [\"update\"] }\npath \"auth/token/revoke-self\" { capabilities = [\"update\"] }\npath \"sys/leases/renew\" { capabilities = [\"update\"] }\n"
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
  name   = "carnet-acme-net-apply"
  policy = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\npath \"auth/token/renew-self\" { capabilities = [\"update\"] }\npath \"auth/token/revoke-self\" { capabilities = [\"update\"] }\npath \"sys/leases/renew\" { capabilities = [\"update\"] }\n"
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

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_VAULT_PROVIDER_AUTH = "true"
    TFC_VAULT_ADDR          = var.vault_addr
    TFC_VAULT_PLAN_ROLE     = vault_jwt_auth_backend_role.plan.role_name
    TFC_VAULT_APPLY_ROLE    = vault_jwt_auth_backend_role.apply.role_name
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
