terraform {
  cloud {
    hostname     = "carnet.example.org"
    organization = "acme"
    workspaces {
      name = "net"
    }
  }

  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

# Who the run is: the plan shows the role of the plan, the apply the role of the apply.
data "aws_caller_identity" "this" {}

output "who" {
  value = data.aws_caller_identity.this.arn
}
