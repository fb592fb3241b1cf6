# Policies are compared as whole statements, so that any additional permission fails.

mock_provider "oci" {
  source = "./tests/mocks"
}

mock_provider "oci" {
  alias  = "home"
  source = "./tests/mocks"
}

variables {
  tenancy_ocid     = "ocid1.tenancy.oc1..tenancy"
  compartment_ocid = "ocid1.compartment.oc1..here"
  region           = "eu-frankfurt-1"
  image            = "fra.ocir.io/axexample/epimetheus:0.1.0"
  syslog_host      = "siem.example.com"
  siem_cidrs       = ["203.0.113.7/32"]

  notification_emails = ["soc@example.com"]
}

run "defaults" {
  variables {
    interval_minutes = 60
  }

  assert {
    condition     = oci_identity_dynamic_group.function.matching_rule == "ALL {resource.type='fnfunc', resource.id='ocid1.fnfunc.oc1..function'}"
    error_message = oci_identity_dynamic_group.function.matching_rule
  }

  assert {
    condition = oci_identity_policy.function.statements == tolist([
      "Allow dynamic-group epimetheus to read audit-events in tenancy",
      "Allow dynamic-group epimetheus to inspect compartments in tenancy",
      "Allow dynamic-group epimetheus to inspect tenancies in tenancy",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus', any {request.permission='OBJECT_READ', request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}}",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus-ledger', any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ', request.permission='OBJECT_CREATE'}}",
      "Allow dynamic-group epimetheus to use ons-topics in compartment id ocid1.compartment.oc1..here where request.permission='ONS_TOPIC_PUBLISH'",
      "Allow dynamic-group epimetheus to use metrics in compartment id ocid1.compartment.oc1..here where target.metrics.namespace='epimetheus'",
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition = oci_identity_policy.schedules.statements == tolist([
      "Allow any-user to use fn-invocation in compartment id ocid1.compartment.oc1..here where all {request.principal.type='resourceschedule', any {request.principal.id='ocid1.resourceschedule.oc1..schedule'}}",
      "Allow any-user to read functions-family in compartment id ocid1.compartment.oc1..here where all {request.principal.type='resourceschedule', any {request.principal.id='ocid1.resourceschedule.oc1..schedule'}}",
    ])
    error_message = jsonencode(oci_identity_policy.schedules.statements)
  }

  assert {
    condition = oci_identity_policy.services.statements == tolist([
      "Allow service objectstorage-eu-frankfurt-1 to manage object-family in compartment id ocid1.compartment.oc1..here where target.bucket.name='epimetheus'",
      "Allow service objectstorage-eu-frankfurt-1 to manage object-family in compartment id ocid1.compartment.oc1..here where target.bucket.name='epimetheus-ledger'",
    ])
    error_message = jsonencode(oci_identity_policy.services.statements)
  }

  assert {
    condition     = local.home_region == "us-ashburn-1"
    error_message = "groups and policies are created in ${local.home_region}, which is not the home region"
  }

  assert {
    condition = alltrue([
      for each in [oci_identity_dynamic_group.function, oci_identity_policy.function, oci_identity_policy.schedules, oci_identity_policy.services] :
      each.compartment_id == "ocid1.tenancy.oc1..tenancy"
    ])
    error_message = "a group or policy is not in the root compartment, which statements on the whole tenancy require"
  }
}

run "statements_on_objects_are_limited_to_the_bucket" {
  variables {
    state_bucket              = "our-state"
    ledger_bucket             = "our-state"
    relaxed_policy_conditions = ["objects", "metrics", "secrets"]
    syslog_ca                 = "vault:ocid1.vaultsecret.oc1..ca"
    metrics_compartment_ocid  = "ocid1.tenancy.oc1..tenancy"
    regions                   = ["eu-frankfurt-1"]
  }

  assert {
    condition = alltrue([
      for each in output.policy_statements : strcontains(each, "target.bucket.name='our-state'") if can(regex("object|bucket", replace(each, "service objectstorage-", "")))
    ]) && length([for each in output.policy_statements : each if strcontains(each, "target.bucket.name='our-state'")]) == 2
    error_message = jsonencode(output.policy_statements)
  }

  assert {
    condition = slice(oci_identity_policy.function.statements, 2, 7) == tolist([
      "Allow dynamic-group epimetheus to inspect tenancies in tenancy",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='our-state'}",
      "Allow dynamic-group epimetheus to use ons-topics in compartment id ocid1.compartment.oc1..here where request.permission='ONS_TOPIC_PUBLISH'",
      "Allow dynamic-group epimetheus to use metrics in tenancy",
      "Allow dynamic-group epimetheus to read secret-bundles in tenancy",
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }
}

run "the_ledger_cannot_be_overwritten" {
  variables {
    ledger_bucket = "our-ledger"
  }

  assert {
    condition = slice(oci_identity_policy.function.statements, 3, 5) == tolist([
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus', any {request.permission='OBJECT_READ', request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}}",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='our-ledger', any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ', request.permission='OBJECT_CREATE'}}",
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition     = oci_identity_policy.services.statements[1] == "Allow service objectstorage-eu-frankfurt-1 to manage object-family in compartment id ocid1.compartment.oc1..here where target.bucket.name='our-ledger'"
    error_message = jsonencode(oci_identity_policy.services.statements)
  }
}

run "secrets_are_listed_individually" {
  variables {
    syslog_ca             = "vault:ocid1.vaultsecret.oc1..ca"
    syslog_client_cert    = "object:cert.pem"
    create_vault          = true
    syslog_client_key_pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    seal_key_pem          = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
    metrics_namespace     = ""
  }

  assert {
    condition     = oci_identity_policy.function.statements[6] == "Allow dynamic-group epimetheus to read secret-bundles in tenancy where any {target.secret.id='ocid1.vaultsecret.oc1..ca', target.secret.id='ocid1.vaultsecret.oc1..made', target.secret.id='ocid1.vaultsecret.oc1..made'}"
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition     = length(oci_identity_policy.function.statements) == 7
    error_message = "metrics are disabled but still allowed: ${jsonencode(oci_identity_policy.function.statements)}"
  }
}

run "everything_in_the_root_compartment" {
  variables {
    compartment_ocid = "ocid1.tenancy.oc1..tenancy"
  }

  assert {
    condition     = length([for each in output.policy_statements : each if strcontains(each, "compartment id")]) == 0
    error_message = jsonencode(output.policy_statements)
  }
}
