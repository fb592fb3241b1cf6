# One bucket for the state, and for values that are too long for the function's configuration; another one for the ledger and the seals,
# where the function can create objects, but neither overwrite nor delete them. A retention rule denies both to everyone else.

locals {
  ledger_rule = {
    name     = "ledger"
    target   = "objects"
    days     = var.ledger_days
    prefixes = ["${local.state_prefix}ledger/"]
  }
  versions_rule = {
    name     = "previous-versions"
    target   = "previous-object-versions"
    days     = var.state_versions_days
    prefixes = []
  }
  state_rules = local.separate_ledger ? [local.versions_rule] : [local.versions_rule, local.ledger_rule]
  # Object Storage accepts no retention rule in a bucket with versioning, which the state needs.
  ledger_retention_days = local.separate_ledger ? coalesce(var.ledger_retention_days, var.ledger_days) : 0
}

data "oci_objectstorage_namespace" "this" {
  compartment_id = var.compartment_ocid
}

resource "oci_objectstorage_bucket" "state" {
  compartment_id        = var.compartment_ocid
  namespace             = local.namespace
  name                  = local.bucket
  access_type           = "NoPublicAccess"
  storage_tier          = "Standard"
  versioning            = "Enabled"
  object_events_enabled = true
  kms_key_id            = local.kms_key_id
  defined_tags          = local.defined_tags
  freeform_tags         = var.freeform_tags

  # With kms_key_ocid, Object Storage needs permission to use the key before the bucket is created.
  depends_on = [oci_identity_policy.keys]

  # A changed key is assigned with the CLI (docs/operate.md). The provider keeps the key of a bucket that the configuration leaves out, and
  # does not encrypt existing objects with a new one, while the permission to use the old one is removed.
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [kms_key_id]

    postcondition {
      condition     = coalesce(self.kms_key_id, "none") == coalesce(local.kms_key_id, "none")
      error_message = "The bucket ${self.name} is encrypted with the key ${coalesce(self.kms_key_id, "none")}, but kms_key_ocid is ${coalesce(local.kms_key_id, "not set")}. Without permission to use the key, the bucket cannot be read. Set kms_key_ocid to it, or see \"Encryption key\" in docs/operate.md."
    }
  }
}

resource "oci_objectstorage_object_lifecycle_policy" "state" {
  namespace = local.namespace
  bucket    = oci_objectstorage_bucket.state.name

  dynamic "rules" {
    for_each = local.state_rules
    content {
      name        = rules.value.name
      action      = "DELETE"
      target      = rules.value.target
      is_enabled  = true
      time_amount = tostring(rules.value.days)
      time_unit   = "DAYS"

      dynamic "object_name_filter" {
        for_each = length(rules.value.prefixes) > 0 ? [rules.value.prefixes] : []
        content {
          inclusion_prefixes = object_name_filter.value
        }
      }
    }
  }

  # OCI rejects the rules until the policy has propagated. Creating them after the function leaves time for that.
  depends_on = [oci_identity_policy.services, oci_functions_function.this]
}

# Entries and seals are never overwritten, so there are no previous versions to keep. Seals have no lifecycle rule: they are small, and
# without an old seal, the chain cannot be verified from its start.
resource "oci_objectstorage_bucket" "ledger" {
  # checkov:skip=CKV_OCI_8: a bucket with versioning cannot have a retention rule, which protects more: nobody can delete an object
  count = local.separate_ledger ? 1 : 0

  compartment_id        = var.compartment_ocid
  namespace             = local.namespace
  name                  = local.ledger_bucket
  access_type           = "NoPublicAccess"
  storage_tier          = "Standard"
  versioning            = "Disabled"
  object_events_enabled = true
  kms_key_id            = local.kms_key_id
  defined_tags          = local.defined_tags
  freeform_tags         = var.freeform_tags

  dynamic "retention_rules" {
    for_each = local.ledger_retention_days > 0 ? [local.ledger_retention_days] : []
    content {
      display_name     = "ledger"
      time_rule_locked = local.ledger_retention_lock_time

      duration {
        time_amount = tostring(retention_rules.value)
        time_unit   = "DAYS"
      }
    }
  }

  depends_on = [oci_identity_policy.keys]

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [kms_key_id]

    postcondition {
      condition     = coalesce(self.kms_key_id, "none") == coalesce(local.kms_key_id, "none")
      error_message = "The bucket ${self.name} is encrypted with the key ${coalesce(self.kms_key_id, "none")}, but kms_key_ocid is ${coalesce(local.kms_key_id, "not set")}. Without permission to use the key, the bucket cannot be read. Set kms_key_ocid to it, or see \"Encryption key\" in docs/operate.md."
    }
  }
}

resource "oci_objectstorage_object_lifecycle_policy" "ledger" {
  count = local.separate_ledger ? 1 : 0

  namespace = local.namespace
  bucket    = oci_objectstorage_bucket.ledger[0].name

  rules {
    name        = local.ledger_rule.name
    action      = "DELETE"
    target      = local.ledger_rule.target
    is_enabled  = true
    time_amount = tostring(local.ledger_rule.days)
    time_unit   = "DAYS"

    object_name_filter {
      inclusion_prefixes = local.ledger_rule.prefixes
    }
  }

  depends_on = [oci_identity_policy.services, oci_functions_function.this]
}

resource "oci_objectstorage_object" "inline_value" {
  for_each = local.inline_values

  namespace                  = local.namespace
  bucket                     = oci_objectstorage_bucket.state.name
  object                     = each.value.object
  content                    = each.value.content
  content_type               = "text/plain"
  delete_all_object_versions = true

  lifecycle {
    create_before_destroy = true
  }
}
