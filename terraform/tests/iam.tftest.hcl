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
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition = oci_identity_policy.function_resources.statements == tolist([
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus', any {request.permission='OBJECT_READ', request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}}",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus-ledger', any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ', request.permission='OBJECT_CREATE'}}",
      "Allow dynamic-group epimetheus to use ons-topics in compartment id ocid1.compartment.oc1..here where request.permission='ONS_TOPIC_PUBLISH'",
      "Allow dynamic-group epimetheus to use metrics in compartment id ocid1.compartment.oc1..here where target.metrics.namespace='epimetheus'",
    ])
    error_message = jsonencode(oci_identity_policy.function_resources.statements)
  }

  assert {
    condition = oci_identity_policy.schedules.statements == tolist([
      "Allow any-user to use fn-invocation in compartment id ocid1.compartment.oc1..here where all {request.principal.type='resourceschedule', any {request.principal.id='ocid1.resourceschedule.oc1..schedule'}, target.function.id='ocid1.fnfunc.oc1..function'}",
      "Allow any-user to read fn-function in compartment id ocid1.compartment.oc1..here where all {request.principal.type='resourceschedule', any {request.principal.id='ocid1.resourceschedule.oc1..schedule'}, target.function.id='ocid1.fnfunc.oc1..function'}",
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
    condition     = length(oci_identity_policy.keys) == 0
    error_message = "a key is allowed that is not used"
  }

  assert {
    condition = alltrue([
      for each in [oci_identity_dynamic_group.function, oci_identity_policy.function] : each.compartment_id == "ocid1.tenancy.oc1..tenancy"
    ])
    error_message = "a group or policy is not in the root compartment, which statements on the whole tenancy require"
  }

  assert {
    condition = alltrue([
      for each in [oci_identity_policy.function_resources, oci_identity_policy.schedules, oci_identity_policy.services] :
      each.compartment_id == "ocid1.compartment.oc1..here" && alltrue([for one in each.statements : strcontains(one, "in compartment id ocid1.compartment.oc1..here")])
    ])
    error_message = "a policy about one compartment is not in it, or says something about the tenancy"
  }
}

run "cloud_guard_needs_two_statements" {
  variables {
    sources = ["audit", "cloud_guard"]
  }

  assert {
    condition = slice(oci_identity_policy.function.statements, 3, 5) == tolist([
      "Allow dynamic-group epimetheus to read cloud-guard-config in tenancy",
      "Allow dynamic-group epimetheus to read cloud-guard-problems in tenancy",
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }
}

run "statements_on_objects_are_limited_to_the_bucket" {
  variables {
    state_bucket              = "our-state"
    ledger_bucket             = "our-state"
    relaxed_policy_conditions = ["objects", "metrics", "secrets", "functions"]
    syslog_ca                 = "vault:ocid1.vaultsecret.oc1..ca"
    rules                     = "object:rules.json"
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
    condition = slice(oci_identity_policy.function.statements, 2, 5) == tolist([
      "Allow dynamic-group epimetheus to inspect tenancies in tenancy",
      "Allow dynamic-group epimetheus to use metrics in tenancy",
      "Allow dynamic-group epimetheus to read secret-bundles in tenancy",
    ])
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition = oci_identity_policy.function_resources.statements == tolist([
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='our-state'}",
      "Allow dynamic-group epimetheus to use ons-topics in compartment id ocid1.compartment.oc1..here where request.permission='ONS_TOPIC_PUBLISH'",
    ])
    error_message = jsonencode(oci_identity_policy.function_resources.statements)
  }

  assert {
    condition     = !anytrue([for each in oci_identity_policy.schedules.statements : strcontains(each, "target.function.id")])
    error_message = jsonencode(oci_identity_policy.schedules.statements)
  }
}

run "the_function_cannot_overwrite_what_it_is_configured_by" {
  variables {
    syslog_ca = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    rules     = "object:rules.json"
    field_map = "object:it's.json"
  }

  assert {
    condition = slice(oci_identity_policy.function_resources.statements, 0, 2) == tolist([
      "Allow dynamic-group epimetheus to read objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus', request.permission='OBJECT_READ'}",
      "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='epimetheus', any {request.permission='OBJECT_CREATE', request.permission='OBJECT_OVERWRITE'}, target.object.name!='rules.json', target.object.name!='config/syslog-ca-8010bfcee184.pem'}",
    ])
    error_message = jsonencode(oci_identity_policy.function_resources.statements)
  }
}

run "the_ledger_cannot_be_overwritten" {
  variables {
    ledger_bucket = "our-ledger"
  }

  assert {
    condition     = oci_identity_policy.function_resources.statements[1] == "Allow dynamic-group epimetheus to manage objects in compartment id ocid1.compartment.oc1..here where all {target.bucket.name='our-ledger', any {request.permission='OBJECT_INSPECT', request.permission='OBJECT_READ', request.permission='OBJECT_CREATE'}}"
    error_message = jsonencode(oci_identity_policy.function_resources.statements)
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
    condition     = oci_identity_policy.function.statements[3] == "Allow dynamic-group epimetheus to read secret-bundles in tenancy where any {target.secret.id='ocid1.vaultsecret.oc1..ca', target.secret.id='ocid1.vaultsecret.oc1..made', target.secret.id='ocid1.vaultsecret.oc1..made'}"
    error_message = jsonencode(oci_identity_policy.function.statements)
  }

  assert {
    condition     = length(oci_identity_policy.function.statements) == 4 && length(oci_identity_policy.function_resources.statements) == 4
    error_message = "metrics are disabled but still allowed: ${jsonencode(output.policy_statements)}"
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
