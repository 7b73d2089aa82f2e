# What the demo applies. No provider is downloaded: `terraform_data` is built in.

variable "bao" {
  description = "The program that reads the secret: bao, or vault."
  type        = string
}

resource "terraform_data" "reader" {
  # Reads with VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT, which Carnet put into the environment of this run. Of the
  # secret itself only a fingerprint reaches the log.
  provisioner "local-exec" {
    command     = <<-EOT
      set -eu
      secret=$("$BAO" kv get -mount=secret -field=password shop/database)
      printf 'fingerprint of the secret: %s\n' "$(printf %s "$secret" | sha256sum | cut -c1-16)"
    EOT
    environment = { BAO = var.bao }
  }
}

output "reader" {
  value = terraform_data.reader.id
}
