terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    kubernetes = {
      source = "hashicorp/kubernetes"
    }
  }
}

variable "cluster_ca_certificate" {
  type        = string
  description = "the certificate authority of the API server, PEM"
}

# The address comes from KUBE_HOST, the token from KUBE_TOKEN.
provider "kubernetes" {
  cluster_ca_certificate = var.cluster_ca_certificate
}

# What the plan may read: the namespaces.
data "kubernetes_all_namespaces" "this" {}

output "namespaces" {
  value = data.kubernetes_all_namespaces.this.namespaces
}
