# A bucket for the state, for the ledger, and for values that are too long for the function's configuration. With ledger_bucket, the ledger
# has a bucket of its own, in which the function can create objects, but not overwrite them.

locals {
  # Entries of the ledger are deleted. Their previous versions are then deleted like those of the state.
  ledger_rule = {
    name     = "ledger"
    target   = "objects"
    days     = local.ledger_days
    prefixes = ["${local.state_prefix}ledger/"]
  }
  versions_rule = {
    name     = "previous-versions"
    target   = "previous-object-versions"
    days     = var.state_versions_days
    prefixes = []
  }
  state_rules = local.separate_ledger ? [local.versions_rule] : [local.versions_rule, local.ledger_rule]
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
  defined_tags          = var.defined_tags
  freeform_tags         = var.freeform_tags

  # With kms_key_id, Object Storage needs permission to use the key before the bucket is created.
  depends_on = [oci_identity_policy.services]
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

resource "oci_objectstorage_bucket" "ledger" {
  count = local.separate_ledger ? 1 : 0

  compartment_id        = var.compartment_ocid
  namespace             = local.namespace
  name                  = local.ledger_bucket
  access_type           = "NoPublicAccess"
  storage_tier          = "Standard"
  versioning            = "Enabled"
  object_events_enabled = true
  kms_key_id            = local.kms_key_id
  defined_tags          = var.defined_tags
  freeform_tags         = var.freeform_tags

  depends_on = [oci_identity_policy.services]
}

resource "oci_objectstorage_object_lifecycle_policy" "ledger" {
  count = local.separate_ledger ? 1 : 0

  namespace = local.namespace
  bucket    = oci_objectstorage_bucket.ledger[0].name

  rules {
    name        = local.versions_rule.name
    action      = "DELETE"
    target      = local.versions_rule.target
    is_enabled  = true
    time_amount = tostring(local.versions_rule.days)
    time_unit   = "DAYS"
  }

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
}
