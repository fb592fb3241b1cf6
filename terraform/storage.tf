# One bucket for the state and for values that are too long for the function's configuration.

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

  rules {
    name        = "previous-versions"
    action      = "DELETE"
    target      = "previous-object-versions"
    is_enabled  = true
    time_amount = tostring(var.state_versions_days)
    time_unit   = "DAYS"
  }

  # OCI rejects the rule until the policy has propagated. Creating it after the function leaves time for that.
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
