# Who may do what, as little as it takes. Each statement names the call it is for; without it, that call answers 404.

locals {
  group = oci_identity_dynamic_group.function.name
  here  = var.compartment_ocid == var.tenancy_ocid ? "tenancy" : "compartment id ${var.compartment_ocid}"
  metrics_there = (
    local.metrics_compartment == var.tenancy_ocid ? "tenancy" : "compartment id ${local.metrics_compartment}"
  )

  secrets = concat(
    [
      for name in ["SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY"] : trimprefix(local.known[name], "vault:")
      if startswith(lookup(local.known, name, ""), "vault:")
    ],
    oci_vault_secret.client_key[*].id,
  )
  uses_secrets = length(local.secrets) > 0

  # How far the conditions go that could not be tried in every realm: relaxed_policy_conditions leaves them out.
  strict = { for each in ["objects", "metrics", "secrets"] : each => !contains(var.relaxed_policy_conditions, each) }
  objects_where = join("", [
    "all {target.bucket.name='${local.bucket}'",
    local.strict.objects ? ", any {${join(", ", [
      for each in ["OBJECT_READ", "OBJECT_CREATE", "OBJECT_OVERWRITE"] : "request.permission='${each}'"
    ])}}" : "",
    "}",
  ])
  metrics_where = local.strict.metrics ? " where target.metrics.namespace='${local.metrics_namespace}'" : ""
  secrets_where = local.strict.secrets ? (
    " where any {${join(", ", [for each in local.secrets : "target.secret.id='${each}'"])}}"
  ) : ""

  # any {} takes the schedules together: a policy holds 50 statements at most.
  schedules_where = join(", ", [
    "request.principal.type='resourceschedule'",
    "any {${join(", ", [for each in oci_resource_scheduler_schedule.run : "request.principal.id='${each.id}'"])}}",
  ])
}

# This function, and no other of the compartment.
resource "oci_identity_dynamic_group" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = var.name
  description    = "The function Epimetheus, which forwards audit events."
  matching_rule  = "ALL {resource.type='fnfunc', resource.id='${oci_functions_function.this.id}'}"
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_identity_policy" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-function"
  description    = "What the function Epimetheus may do: read audit events, keep its state, post metrics."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    [
      # Audit ListEvents, of every compartment.
      "Allow dynamic-group ${local.group} to read audit-events in tenancy",
      # Identity ListCompartments, of the whole tree.
      "Allow dynamic-group ${local.group} to inspect compartments in tenancy",
      # Object Storage GetObject and PutObject: the state and its markers, and texts like certificates and rules. It can delete nothing.
      "Allow dynamic-group ${local.group} to manage objects in ${local.here} where ${local.objects_where}",
      # Notifications PublishMessage: OCI Functions tells of a failed run in the function's name (failure_destination).
      "Allow dynamic-group ${local.group} to use ons-topics in ${local.here} where request.permission='ONS_TOPIC_PUBLISH'",
    ],
    # Identity ListRegionSubscriptions, for regions = ["all"].
    contains(coalesce(var.regions, []), "all") ? ["Allow dynamic-group ${local.group} to inspect tenancies in tenancy"] : [],
    # Monitoring PostMetricData, into the one namespace.
    local.metrics_namespace == "" ? [] : [
      "Allow dynamic-group ${local.group} to use metrics in ${local.metrics_there}${local.metrics_where}",
    ],
    # Secrets GetSecretBundle, of the secrets named in the settings; their compartment need not be known.
    local.uses_secrets ? ["Allow dynamic-group ${local.group} to read secret-bundles in tenancy${local.secrets_where}"] : [],
  )
}

resource "oci_identity_policy" "schedules" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-schedules"
  description    = "What the schedules of Epimetheus may do: start the function."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = [
    # Functions InvokeFunction.
    "Allow any-user to use fn-invocation in ${local.here} where all {${local.schedules_where}}",
    # Functions GetFunction: where to call it.
    "Allow any-user to read functions-family in ${local.here} where all {${local.schedules_where}}",
  ]
}

resource "oci_identity_policy" "services" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-services"
  description    = "What Object Storage may do for Epimetheus: delete former versions of the state."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    # Object Storage's lifecycle rules, which delete former versions.
    ["Allow service objectstorage-${var.region} to manage object-family in ${local.here} where target.bucket.name='${local.bucket}'"],
    # Vault Encrypt and Decrypt: a bucket with a key of your own.
    local.kms_key_id == null ? [] : [
      "Allow service objectstorage-${var.region} to use keys in tenancy where target.key.id='${local.kms_key_id}'",
    ],
  )
}
