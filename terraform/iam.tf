# Least-privilege policies. Each statement names the API call it allows; without it, that call returns 404.

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

  # Conditions that could not be tested in every realm; relaxed_policy_conditions omits them.
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

  # any {} combines the schedules, because a policy has at most 50 statements.
  schedules_where = join(", ", [
    "request.principal.type='resourceschedule'",
    "any {${join(", ", [for each in oci_resource_scheduler_schedule.run : "request.principal.id='${each.id}'"])}}",
  ])
}

# Only this function, not others in the compartment.
resource "oci_identity_dynamic_group" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = var.name
  description    = "The Epimetheus function, which forwards audit events."
  matching_rule  = "ALL {resource.type='fnfunc', resource.id='${oci_functions_function.this.id}'}"
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_identity_policy" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-function"
  description    = "Permissions of the Epimetheus function: read audit events, store its state, post metrics."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    [
      # Audit ListEvents, of every compartment.
      "Allow dynamic-group ${local.group} to read audit-events in tenancy",
      # Identity ListCompartments, of the whole tree.
      "Allow dynamic-group ${local.group} to inspect compartments in tenancy",
      # Object Storage GetObject and PutObject: the state and its markers, certificates, rules. It cannot delete objects.
      "Allow dynamic-group ${local.group} to manage objects in ${local.here} where ${local.objects_where}",
      # Notifications PublishMessage: OCI Functions reports a failed run on behalf of the function (failure_destination).
      "Allow dynamic-group ${local.group} to use ons-topics in ${local.here} where request.permission='ONS_TOPIC_PUBLISH'",
    ],
    # Identity ListRegionSubscriptions, for regions = ["all"].
    contains(coalesce(var.regions, []), "all") ? ["Allow dynamic-group ${local.group} to inspect tenancies in tenancy"] : [],
    # Monitoring PostMetricData, into the one namespace.
    local.metrics_namespace == "" ? [] : [
      "Allow dynamic-group ${local.group} to use metrics in ${local.metrics_there}${local.metrics_where}",
    ],
    # Secrets GetSecretBundle, only of the secrets named in the settings.
    local.uses_secrets ? ["Allow dynamic-group ${local.group} to read secret-bundles in tenancy${local.secrets_where}"] : [],
  )
}

resource "oci_identity_policy" "schedules" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-schedules"
  description    = "Permissions of the Epimetheus schedules: start the function."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = [
    # Functions InvokeFunction.
    "Allow any-user to use fn-invocation in ${local.here} where all {${local.schedules_where}}",
    # Functions GetFunction, to find its endpoint.
    "Allow any-user to read functions-family in ${local.here} where all {${local.schedules_where}}",
  ]
}

resource "oci_identity_policy" "services" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-services"
  description    = "Permissions of Object Storage for Epimetheus: delete previous versions of the state."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    # Lifecycle rules, which delete previous versions.
    ["Allow service objectstorage-${var.region} to manage object-family in ${local.here} where target.bucket.name='${local.bucket}'"],
    # Vault Encrypt and Decrypt, for a bucket with kms_key_id.
    local.kms_key_id == null ? [] : [
      "Allow service objectstorage-${var.region} to use keys in tenancy where target.key.id='${local.kms_key_id}'",
    ],
  )
}
