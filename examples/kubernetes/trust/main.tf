# Kubernetes trusts runs of acme/net (project Default Project)
#
# The AuthenticationConfiguration is a file of every API server (--authentication-config), which no API can
# write: add its entry jwt[0] to yours, unless one of this issuer is there (--knows-issuer). It excludes the
# flags --oidc-*. Managed clusters have a form of their own for it: give that one the same issuer, audience,
# claim sub and prefix.
#
# Where the certificate of the API server is not publicly trusted, give its authority in the provider block
# (cluster_ca_certificate): a variable of the environment has one line.

terraform {
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.30"
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

variable "kube_host" {
  type        = string
  description = "the address of the API server, as runs reach it"
}

# The file for --authentication-config; JSON is YAML, too.
output "authentication_configuration" {
  value = jsonencode({
    apiVersion = "apiserver.config.k8s.io/v1"
    kind       = "AuthenticationConfiguration"
    jwt = [
      {
        issuer = {
          url       = "https://carnet.example.org"
          audiences = ["kubernetes"]
        }
        claimValidationRules = [
          {
            expression = "claims.terraform_organization_name == \"acme\" && claims.terraform_project_name == \"Default Project\" && claims.terraform_workspace_name == \"net\" && claims.sub in [\"organization:acme:project:Default Project:workspace:net:run_phase:plan\", \"organization:acme:project:Default Project:workspace:net:run_phase:apply\"]"
            message    = "the token is of another organization, project, workspace or phase"
          }
        ]
        claimMappings = {
          username = {
            claim  = "sub"
            prefix = "https://carnet.example.org#"
          }
        }
      }
    ]
  })
}

resource "kubernetes_cluster_role_binding_v1" "plan" {
  metadata {
    name = "carnet-acme-net-plan"
  }

  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = "view"
  }

  subject {
    api_group = "rbac.authorization.k8s.io"
    kind      = "User"
    name      = "https://carnet.example.org#organization:acme:project:Default Project:workspace:net:run_phase:plan"
  }
}

resource "kubernetes_cluster_role_binding_v1" "apply" {
  metadata {
    name = "carnet-acme-net-apply"
  }

  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = "edit"
  }

  subject {
    api_group = "rbac.authorization.k8s.io"
    kind      = "User"
    name      = "https://carnet.example.org#organization:acme:project:Default Project:workspace:net:run_phase:apply"
  }
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_KUBERNETES_PROVIDER_AUTH              = "true"
    TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE = "kubernetes"
    KUBE_HOST                                 = var.kube_host
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
