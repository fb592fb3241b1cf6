# Secrets with the private key of the client certificate and the key of the seals, with create_vault only. Prefer to create the secrets
# yourself and set syslog_client_key and seal_key: then the Terraform state does not contain the keys.

resource "oci_kms_vault" "this" {
  count = var.create_vault ? 1 : 0

  compartment_id = var.compartment_ocid
  display_name   = var.name
  vault_type     = "DEFAULT"
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "oci_kms_key" "this" {
  count = var.create_vault ? 1 : 0

  compartment_id      = var.compartment_ocid
  display_name        = var.name
  management_endpoint = oci_kms_vault.this[0].management_endpoint
  protection_mode     = "SOFTWARE"
  defined_tags        = local.defined_tags
  freeform_tags       = var.freeform_tags

  key_shape {
    algorithm = "AES"
    length    = 32
  }
}

resource "oci_vault_secret" "client_key" {
  count = var.create_vault && local.has_client_key_pem ? 1 : 0

  compartment_id = var.compartment_ocid
  vault_id       = oci_kms_vault.this[0].id
  key_id         = oci_kms_key.this[0].id
  secret_name    = "${var.name}-syslog-client-key"
  description    = "Private key of the certificate that Epimetheus presents to the SIEM."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  secret_content {
    content_type = "BASE64"
    content      = try(base64encode(var.syslog_client_key_pem), null)
  }
}

resource "oci_vault_secret" "seal_key" {
  count = var.create_vault && local.has_seal_key_pem ? 1 : 0

  compartment_id = var.compartment_ocid
  vault_id       = oci_kms_vault.this[0].id
  key_id         = oci_kms_key.this[0].id
  secret_name    = "${var.name}-seal-key"
  description    = "Private key with which Epimetheus signs the seals of its runs."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  secret_content {
    content_type = "BASE64"
    content      = try(base64encode(var.seal_key_pem), null)
  }
}
