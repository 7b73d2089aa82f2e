# AWS trusts runs of acme/net (project Default Project)

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.81"
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

# An account has one provider for each issuer: the trust of another workspace shares it (--knows-issuer).
resource "aws_iam_openid_connect_provider" "carnet" {
  url            = "https://carnet.example.org"
  client_id_list = ["aws.workload.identity"]
}

resource "aws_iam_role" "plan" {
  name = "carnet-acme-net-plan"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.carnet.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "carnet.example.org:aud" = "aws.workload.identity"
            "carnet.example.org:sub" = "organization:acme:project:Default Project:workspace:net:run_phase:plan"
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy_attachment" "plan_0" {
  role       = aws_iam_role.plan.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role" "apply" {
  name = "carnet-acme-net-apply"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.carnet.arn
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "carnet.example.org:aud" = "aws.workload.identity"
            "carnet.example.org:sub" = "organization:acme:project:Default Project:workspace:net:run_phase:apply"
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy_attachment" "apply_0" {
  role       = aws_iam_role.apply.name
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}

data "tfe_workspace" "this" {
  name = "net"
}

resource "tfe_variable" "carnet" {
  for_each = {
    TFC_AWS_PROVIDER_AUTH  = "true"
    TFC_AWS_PLAN_ROLE_ARN  = aws_iam_role.plan.arn
    TFC_AWS_APPLY_ROLE_ARN = aws_iam_role.apply.arn
  }
  key          = each.key
  value        = each.value
  category     = "env"
  workspace_id = data.tfe_workspace.this.id
}
