# Least-privilege policies. A comment at each statement names the API call that needs it; without the statement, OCI answers 404. Statements
# about one compartment are in a policy of that compartment, the others in the root compartment.

locals {
  group = oci_identity_dynamic_group.function.name
  scope = var.compartment_ocid == var.tenancy_ocid ? "tenancy" : "compartment id ${var.compartment_ocid}"
  metrics_scope = (
    local.metrics_compartment == var.tenancy_ocid ? "tenancy" : "compartment id ${local.metrics_compartment}"
  )

  secrets = concat(
    [
      for name in ["SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SEAL_KEY"] : trimprefix(local.settings[name], "vault:")
      if startswith(lookup(local.settings, name, ""), "vault:")
    ],
    oci_vault_secret.client_key[*].id,
    oci_vault_secret.seal_key[*].id,
  )
  uses_secrets     = length(local.secrets) > 0
  uses_cloud_guard = contains(var.sources, "cloud_guard")

  # These conditions have not been tested in every realm. relaxed_policy_conditions omits them.
  strict = { for each in ["objects", "metrics", "secrets", "functions"] : each => !contains(var.relaxed_policy_conditions, each) }
  objects_where = join("", [
    "all {target.bucket.name='${local.bucket}'",
    local.strict.objects ? ", any {${join(", ", [
      for each in ["OBJECT_READ", "OBJECT_CREATE", "OBJECT_OVERWRITE"] : "request.permission='${each}'"
    ])}}" : "",
    "}",
  ])
  # What the function reads, but never writes: certificates, RULES and FIELD_MAP. A quotation mark would end the name.
  config_objects = distinct([
    for each in values(local.settings) : trimprefix(each, "object:") if startswith(each, "object:") && !strcontains(each, "'")
  ])
  objects_statements = length(local.config_objects) == 0 || !local.strict.objects ? [
    "Allow dynamic-group ${local.group} to manage objects in ${local.scope} where ${local.objects_where}",
    ] : [
    "Allow dynamic-group ${local.group} to read objects in ${local.scope} where all {target.bucket.name='${local.bucket}', request.permission='OBJECT_READ'}",
    "Allow dynamic-group ${local.group} to manage objects in ${local.scope} where all {target.bucket.name='${local.bucket}', ${local.writes}, ${local.not_config}}",
  ]
  writes     = "any {request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}"
  not_config = join(", ", [for each in local.config_objects : "target.object.name!='${each}'"])
  ledger_where = join("", [
    "all {target.bucket.name='${local.ledger_bucket}'",
    local.strict.objects ? ", any {${join(", ", [
      for each in ["OBJECT_INSPECT", "OBJECT_READ", "OBJECT_CREATE"] : "request.permission='${each}'"
    ])}}" : "",
    "}",
  ])
  metrics_statements = var.metrics_namespace == "" ? [] : [
    "Allow dynamic-group ${local.group} to use metrics in ${local.metrics_scope}${local.metrics_where}",
  ]
  metrics_here  = local.metrics_compartment == var.compartment_ocid
  metrics_where = local.strict.metrics ? " where target.metrics.namespace='${var.metrics_namespace}'" : ""
  secrets_where = local.strict.secrets ? (
    " where any {${join(", ", [for each in local.secrets : "target.secret.id='${each}'"])}}"
  ) : ""

  # any {} combines the schedules in one statement: a policy can have 50 statements at most.
  schedules_where = join(", ", concat(
    [
      "request.principal.type='resourceschedule'",
      "any {${join(", ", [for each in oci_resource_scheduler_schedule.run : "request.principal.id='${each.id}'"])}}",
    ],
    local.strict.functions ? ["target.function.id='${oci_functions_function.this.id}'"] : [],
  ))
}

locals {
  function_ids = concat([oci_functions_function.this.id], oci_functions_function.push[*].id)
  matched_ids  = length(local.function_ids) == 1 ? "resource.id='${local.function_ids[0]}'" : "any {${join(", ", [for each in local.function_ids : "resource.id='${each}'"])}}"
}

# Matches these functions only, not others of the compartment.
resource "oci_identity_dynamic_group" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = var.name
  description    = "The Epimetheus function, which forwards audit events."
  matching_rule  = "ALL {resource.type='fnfunc', ${local.matched_ids}}"
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

# The tenancy as a whole.
resource "oci_identity_policy" "function" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-function"
  description    = "Allows the Epimetheus function to read audit events in the whole tenancy, and the secrets in its settings."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    [
      # Audit ListEvents, in every compartment.
      "Allow dynamic-group ${local.group} to read audit-events in tenancy",
      # Identity ListCompartments, for the whole tree.
      "Allow dynamic-group ${local.group} to inspect compartments in tenancy",
      # Identity ListRegionSubscriptions: which regions to read and, if regions names them, which ones are not read. The verb inspect allows
      # reading the tenancy's own properties only: name, home region and subscribed regions.
      "Allow dynamic-group ${local.group} to inspect tenancies in tenancy",
    ],
    # Cloud Guard GetConfiguration, and ListProblems and GetProblem for all compartments.
    local.uses_cloud_guard ? [
      "Allow dynamic-group ${local.group} to read cloud-guard-config in tenancy",
      "Allow dynamic-group ${local.group} to read cloud-guard-problems in tenancy",
    ] : [],
    # Monitoring PostMetricData, for one namespace, in another compartment.
    local.metrics_here ? [] : local.metrics_statements,
    # Secrets GetSecretBundle, for the secrets in the settings, in any compartment.
    local.uses_secrets ? ["Allow dynamic-group ${local.group} to read secret-bundles in tenancy${local.secrets_where}"] : [],
  )
}

resource "oci_identity_policy" "function_resources" {
  provider = oci.home

  compartment_id = var.compartment_ocid
  name           = "${var.name}-function-resources"
  description    = "Allows the Epimetheus function to store its state and ledger, and to post metrics."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  # Without the conditions on objects, two statements can be the same.
  statements = distinct(concat(
    # Object Storage GetObject: certificates, RULES, FIELD_MAP; GetObject and PutObject: the state and its markers. The function can neither
    # delete objects nor overwrite those that it is configured by.
    local.objects_statements,
    [
      # Object Storage ListObjects, GetObject, and PutObject of new objects: the ledger and the seals. Nothing in them is overwritten or deleted.
      "Allow dynamic-group ${local.group} to manage objects in ${local.scope} where ${local.ledger_where}",
      # Notifications PublishMessage: OCI Functions publishes failed runs as the function (failure_destination).
      "Allow dynamic-group ${local.group} to use ons-topics in ${local.scope} where request.permission='ONS_TOPIC_PUBLISH'",
    ],
    # Monitoring PostMetricData, for one namespace.
    local.metrics_here ? local.metrics_statements : [],
  ))
}

resource "oci_identity_policy" "schedules" {
  provider = oci.home

  compartment_id = var.compartment_ocid
  name           = "${var.name}-schedules"
  description    = "Allows the schedules of Epimetheus to start the function."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  statements = [
    # Functions InvokeFunction.
    "Allow any-user to use fn-invocation in ${local.scope} where all {${local.schedules_where}}",
    # Functions GetFunction: returns the invoke endpoint.
    "Allow any-user to read fn-function in ${local.scope} where all {${local.schedules_where}}",
  ]
}

resource "oci_identity_policy" "services" {
  provider = oci.home

  compartment_id = var.compartment_ocid
  name           = "${var.name}-services"
  description    = "Allows Object Storage to delete previous versions of the Epimetheus state, and old entries of the ledger."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  # Object Storage lifecycle rules, which delete previous versions and old entries of the ledger.
  statements = [
    for each in distinct([local.bucket, local.ledger_bucket]) :
    "Allow service objectstorage-${var.region} to manage object-family in ${local.scope} where target.bucket.name='${each}'"
  ]
}

# The key can be in any compartment.
resource "oci_identity_policy" "keys" {
  count    = local.kms_key_id == null ? 0 : 1
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-keys"
  description    = "Allows Object Storage to use the key of the Epimetheus buckets."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  # Vault Encrypt and Decrypt.
  statements = ["Allow service objectstorage-${var.region} to use keys in tenancy where target.key.id='${local.kms_key_id}'"]
}
