# The buckets: what is kept, for how long, and what no one can change.

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

run "two_buckets" {
  variables {
    ledger_days  = 90
    state_prefix = "state/"
  }

  assert {
    condition = (
      oci_objectstorage_bucket.ledger[0].name == "epimetheus-ledger" && output.ledger_bucket == "epimetheus-ledger" &&
      oci_objectstorage_bucket.ledger[0].namespace == "axexample" &&
      oci_objectstorage_bucket.ledger[0].access_type == "NoPublicAccess" &&
      oci_functions_function.this.config.LEDGER_BUCKET == "epimetheus-ledger"
    )
    error_message = "the bucket of the ledger is not private, or the function uses another one"
  }

  assert {
    condition = oci_objectstorage_bucket.ledger[0].versioning == "Disabled" && [
      for rule in oci_objectstorage_bucket.ledger[0].retention_rules :
      "${rule.display_name} ${rule.duration[0].time_amount} ${rule.duration[0].time_unit} ${rule.time_rule_locked == null}"
    ] == ["ledger 90 DAYS true"]
    error_message = "the ledger has no retention rule, or versioning, which excludes it: ${jsonencode(oci_objectstorage_bucket.ledger[0].retention_rules)}"
  }

  assert {
    condition = [
      for rule in oci_objectstorage_object_lifecycle_policy.ledger[0].rules :
      join(" ", concat([rule.action, rule.target, rule.time_amount, rule.time_unit], tolist(rule.object_name_filter[0].inclusion_prefixes)))
    ] == ["DELETE objects 90 DAYS state/ledger/"]
    error_message = "not only entries are deleted: ${jsonencode(oci_objectstorage_object_lifecycle_policy.ledger[0].rules)}"
  }

  assert {
    condition = oci_objectstorage_bucket.state.versioning == "Enabled" && length(oci_objectstorage_bucket.state.retention_rules) == 0 && [
      for rule in oci_objectstorage_object_lifecycle_policy.state.rules :
      "${rule.action} ${rule.target} ${rule.time_amount} ${rule.time_unit} ${length(rule.object_name_filter)}"
    ] == ["DELETE previous-object-versions 30 DAYS 0"]
    error_message = "the state's bucket does not keep versions for 30 days, or deletes something else"
  }
}

run "a_locked_rule" {
  command = plan

  variables {
    ledger_days                = 400
    ledger_retention_days      = 365
    ledger_retention_lock_time = "2027-01-31T00:00:00Z"
  }

  assert {
    condition = [
      for rule in oci_objectstorage_bucket.ledger[0].retention_rules : "${rule.duration[0].time_amount} ${rule.time_rule_locked}"
    ] == ["365 2027-01-31T00:00:00Z"]
    error_message = jsonencode(oci_objectstorage_bucket.ledger[0].retention_rules)
  }
}

run "no_rule" {
  command = plan

  variables {
    ledger_retention_days      = 0
    ledger_retention_lock_time = ""
  }

  assert {
    condition     = length(oci_objectstorage_bucket.ledger[0].retention_rules) == 0
    error_message = jsonencode(oci_objectstorage_bucket.ledger[0].retention_rules)
  }
}

run "one_bucket" {
  variables {
    state_bucket  = "ours"
    ledger_bucket = "ours"
  }

  assert {
    condition     = length(oci_objectstorage_bucket.ledger) + length(oci_objectstorage_object_lifecycle_policy.ledger) == 0
    error_message = "the bucket is created twice"
  }

  assert {
    condition = toset([
      for rule in oci_objectstorage_object_lifecycle_policy.state.rules :
      join(" ", concat(
        [rule.action, rule.target, rule.time_amount, rule.time_unit],
        try(tolist(rule.object_name_filter[0].inclusion_prefixes), []),
      ))
    ]) == toset(["DELETE previous-object-versions 30 DAYS", "DELETE objects 35 DAYS epimetheus/ledger/"])
    error_message = jsonencode(oci_objectstorage_object_lifecycle_policy.state.rules)
  }

  assert {
    condition     = oci_objectstorage_bucket.state.versioning == "Enabled" && length(oci_objectstorage_bucket.state.retention_rules) == 0
    error_message = "the state could not be written: its bucket has a retention rule"
  }
}

run "keys_of_seals" {
  variables {
    create_vault    = true
    seal_key_pem    = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
    seal_public_key = "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"
  }

  assert {
    condition = (
      oci_functions_function.this.config.SEAL_KEY == "vault:ocid1.vaultsecret.oc1..made" &&
      !contains(keys(oci_functions_function.this.config), "SYSLOG_CLIENT_KEY") &&
      length(oci_vault_secret.client_key) == 0 && oci_vault_secret.seal_key[0].secret_name == "epimetheus-seal-key" &&
      base64decode(oci_vault_secret.seal_key[0].secret_content[0].content) == var.seal_key_pem &&
      strcontains(oci_functions_function.this.config.TAMPER_WATCH, "ocid1.vaultsecret.oc1..made")
    )
    error_message = "the key is not in the secret that the configuration refers to"
  }

  assert {
    condition     = !strcontains(jsonencode(oci_functions_function.this.config), "PRIVATE KEY")
    error_message = "the key is in the function's configuration"
  }

  assert {
    condition     = output.seal_public_key == var.seal_public_key
    error_message = "the public key is not the one that was given"
  }
}

run "existing_secrets" {
  variables {
    syslog_client_cert            = "object:cert.pem"
    syslog_client_key_secret_ocid = "ocid1.vaultsecret.oc1..client"
    seal_key_secret_ocid          = "ocid1.vaultsecret.oc1..seal"
  }

  assert {
    condition = (
      oci_functions_function.this.config.SYSLOG_CLIENT_KEY == "vault:ocid1.vaultsecret.oc1..client" &&
      oci_functions_function.this.config.SEAL_KEY == "vault:ocid1.vaultsecret.oc1..seal"
    )
    error_message = jsonencode(oci_functions_function.this.config)
  }

  assert {
    condition = (
      output.policy_statements[3] ==
      "Allow dynamic-group epimetheus to read secret-bundles in tenancy where any {target.secret.id='ocid1.vaultsecret.oc1..client', target.secret.id='ocid1.vaultsecret.oc1..seal'}"
    )
    error_message = jsonencode(output.policy_statements)
  }
}
