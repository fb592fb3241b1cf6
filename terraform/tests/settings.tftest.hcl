# Every setting that differs from its default reaches the function, and no others.

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

run "everything_set" {
  variables {
    syslog_port                  = 601
    syslog_transport             = "tls"
    syslog_confirm_delay_seconds = 0.5
    syslog_server_name           = "audit.example.com"
    syslog_framing               = "lf"
    syslog_header                = "rfc3164"
    syslog_facility              = "audit"
    syslog_app_name              = "oci"
    syslog_hostname              = "cloud"
    syslog_max_bytes             = 0
    syslog_timeout_seconds       = 20
    format                       = "json"
    ocsf_classes                 = "api"
    state_bucket                 = "our-state"
    state_namespace              = "ours"
    state_prefix                 = "state/"
    ledger_bucket                = "our-ledger"
    ledger_days                  = 90
    regions                      = ["eu-frankfurt-1", "us-ashburn-1"]
    compartment_mode             = "exclude"
    compartment_ids              = ["ocid1.compartment.oc1..a", "ocid1.compartment.oc1..b"]
    listing_minutes              = 0
    listing_max_age_minutes      = 120
    initial_lookback_hours       = 0
    overlap_minutes              = 30
    settle_minutes               = 5
    sources                      = ["audit", "cloud_guard"]
    cloud_guard_minutes          = 30
    reconcile_after              = [60, 720]
    slice_minutes                = 120
    api_concurrency              = 4
    api_requests_per_second      = 12.5
    own_events                   = "forward"
    tamper_watch                 = ["ocid1.instance.oc1..jump"]
    redact                       = ["data.identity.ipAddress", "data.a"]
    seal_key                     = "vault:ocid1.vaultsecret.oc1..seal"
    seal_messages                = false
    metrics_namespace            = "ours"
    metrics_compartment_ocid     = "ocid1.compartment.oc1..m"
    log_level                    = "debug"
    syslog_ca                    = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    syslog_client_cert           = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    syslog_client_key            = "vault:ocid1.vaultsecret.oc1..key"
    rules                        = "{\"event_filtering\": {\"mode\": \"all\"}}"
    field_map                    = "{}"
  }

  assert {
    condition = oci_functions_function.this.config == tomap({
      SYSLOG_HOST                  = "siem.example.com"
      TENANCY_OCID                 = "ocid1.tenancy.oc1..tenancy"
      SYSLOG_CA                    = "object:config/syslog-ca-8010bfcee184.pem"
      SYSLOG_CLIENT_CERT           = "object:config/syslog-client-cert-8010bfcee184.pem"
      SYSLOG_CLIENT_KEY            = "vault:ocid1.vaultsecret.oc1..key"
      RULES                        = "object:config/rules-0e265f6f1bdb.json"
      FIELD_MAP                    = "object:config/field-map-44136fa355b3.json"
      SYSLOG_PORT                  = "601"
      SYSLOG_CONFIRM_DELAY_SECONDS = "0.5"
      SYSLOG_SERVER_NAME           = "audit.example.com"
      SYSLOG_FRAMING               = "lf"
      SYSLOG_HEADER                = "rfc3164"
      SYSLOG_FACILITY              = "audit"
      SYSLOG_APP_NAME              = "oci"
      SYSLOG_HOSTNAME              = "cloud"
      SYSLOG_MAX_BYTES             = "0"
      SYSLOG_TIMEOUT_SECONDS       = "20"
      FORMAT                       = "json"
      OCSF_CLASSES                 = "api"
      STATE_BUCKET                 = "our-state"
      STATE_NAMESPACE              = "ours"
      STATE_PREFIX                 = "state/"
      LEDGER_BUCKET                = "our-ledger"
      LEDGER_DAYS                  = "90"
      SEAL_KEY                     = "vault:ocid1.vaultsecret.oc1..seal"
      SEAL_MESSAGES                = "false"
      REGIONS                      = "eu-frankfurt-1,us-ashburn-1"
      COMPARTMENT_MODE             = "exclude"
      COMPARTMENT_IDS              = "ocid1.compartment.oc1..a,ocid1.compartment.oc1..b"
      LISTING_MINUTES              = "0"
      LISTING_MAX_AGE_MINUTES      = "120"
      INITIAL_LOOKBACK_HOURS       = "0"
      OVERLAP_MINUTES              = "30"
      SETTLE_MINUTES               = "5"
      SOURCES                      = "audit,cloud_guard"
      CLOUD_GUARD_MINUTES          = "30"
      RECONCILE_AFTER              = "60,720"
      SLICE_MINUTES                = "120"
      API_CONCURRENCY              = "4"
      API_REQUESTS_PER_SECOND      = "12.5"
      OWN_EVENTS                   = "forward"
      TAMPER_WATCH                 = "ocid1.instance.oc1..jump"
      REDACT                       = "data.identity.ipAddress,data.a"
      METRICS_NAMESPACE            = "ours"
      METRICS_COMPARTMENT_OCID     = "ocid1.compartment.oc1..m"
      LOG_LEVEL                    = "debug"
    })
    error_message = jsonencode(oci_functions_function.this.config)
  }

  assert {
    condition = { for each in oci_objectstorage_object.inline_value : each.object => each.content } == {
      "config/syslog-ca-8010bfcee184.pem"          = var.syslog_ca
      "config/syslog-client-cert-8010bfcee184.pem" = var.syslog_client_cert
      "config/rules-0e265f6f1bdb.json"             = var.rules
      "config/field-map-44136fa355b3.json"         = var.field_map
    }
    error_message = "an inline value is not in the object that the configuration refers to"
  }

  assert {
    condition     = alltrue([for each in oci_objectstorage_object.inline_value : each.bucket == "our-state" && each.namespace == "ours"])
    error_message = "an inline value is in another bucket"
  }

  assert {
    condition     = output.config_bytes == sum([for key, value in oci_functions_function.this.config : length(key) + length(value)])
    error_message = "config_bytes is ${output.config_bytes}"
  }
}

run "references_are_passed_unchanged" {
  command = plan

  variables {
    syslog_ca          = "object:ca.pem"
    syslog_client_cert = "vault:ocid1.vaultsecret.oc1..cert"
    syslog_client_key  = "vault:ocid1.vaultsecret.oc1..key"
    rules              = "object:rules.json"
    field_map          = "file:/function/fields.json"
    tamper_watch       = []
  }

  assert {
    condition = local.config == {
      SYSLOG_HOST              = "siem.example.com"
      SYSLOG_CA                = "object:ca.pem"
      SYSLOG_CLIENT_CERT       = "vault:ocid1.vaultsecret.oc1..cert"
      SYSLOG_CLIENT_KEY        = "vault:ocid1.vaultsecret.oc1..key"
      STATE_BUCKET             = "epimetheus"
      LEDGER_BUCKET            = "epimetheus-ledger"
      STATE_NAMESPACE          = "axexample"
      TENANCY_OCID             = "ocid1.tenancy.oc1..tenancy"
      RULES                    = "object:rules.json"
      FIELD_MAP                = "file:/function/fields.json"
      METRICS_COMPARTMENT_OCID = "ocid1.compartment.oc1..here"
    }
    error_message = jsonencode(local.config)
  }

  assert {
    condition     = length(oci_objectstorage_object.inline_value) == 0
    error_message = "a reference was treated as an inline value"
  }
}

run "empty_is_unset" {
  command = plan

  variables {
    syslog_ca        = ""
    syslog_framing   = ""
    regions          = []
    compartment_ids  = []
    rules            = ""
    image_digest     = ""
    kms_key_ocid     = ""
    subnet_ocid      = ""
    compartment_mode = ""
    tamper_watch     = []
  }

  assert {
    condition     = keys(local.config) == ["LEDGER_BUCKET", "METRICS_COMPARTMENT_OCID", "STATE_BUCKET", "STATE_NAMESPACE", "SYSLOG_HOST", "TENANCY_OCID"]
    error_message = jsonencode(local.config)
  }
}

run "defaults_are_not_sent_and_null_stands_for_them" {
  command = plan

  variables {
    syslog_port             = null
    regions                 = null
    reconcile_after         = null
    metrics_namespace       = null
    syslog_transport        = "tls"
    syslog_framing          = "octet-counting"
    api_requests_per_second = 20
    seal_messages           = true
    tamper_watch            = []
  }

  assert {
    condition     = keys(local.config) == ["LEDGER_BUCKET", "METRICS_COMPARTMENT_OCID", "STATE_BUCKET", "STATE_NAMESPACE", "SYSLOG_HOST", "TENANCY_OCID"]
    error_message = jsonencode(local.config)
  }
}

run "bytes_are_counted_not_characters" {
  command = plan

  variables {
    tamper_watch = []
    redact       = ["data.größe"]
  }

  # ö and ß take two bytes each: data.größe takes 12.
  assert {
    condition     = output.config_bytes == sum([for key, value in local.config : length(key) + length(value)]) + 2
    error_message = "config_bytes is ${output.config_bytes}"
  }
}

run "the_maximum_size_of_a_configuration" {
  command = plan

  variables {
    tamper_watch = []
    redact       = [format("data.%03893d", 0)]
  }

  assert {
    condition     = output.config_bytes == 4096
    error_message = "config_bytes is ${output.config_bytes}"
  }
}

run "a_key_in_a_created_vault" {
  variables {
    syslog_client_cert    = "object:cert.pem"
    create_vault          = true
    syslog_client_key_pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
  }

  assert {
    condition = (
      oci_functions_function.this.config.SYSLOG_CLIENT_KEY == "vault:ocid1.vaultsecret.oc1..made" &&
      base64decode(oci_vault_secret.client_key[0].secret_content[0].content) == var.syslog_client_key_pem &&
      strcontains(oci_functions_function.this.config.TAMPER_WATCH, "ocid1.vaultsecret.oc1..made")
    )
    error_message = "the key is not in the secret that the configuration refers to"
  }

  assert {
    condition     = !strcontains(jsonencode(oci_functions_function.this.config), "PRIVATE KEY")
    error_message = "the key is in the function's configuration"
  }
}

run "signed_images" {
  command = plan

  variables {
    image_signing_key_ocids = ["ocid1.key.oc1..a", "ocid1.key.oc1..b"]
  }

  assert {
    condition = (
      oci_functions_application.this.image_policy_config[0].is_policy_enabled &&
      toset([for each in oci_functions_application.this.image_policy_config[0].key_details : each.kms_key_id]) == toset(["ocid1.key.oc1..a", "ocid1.key.oc1..b"])
    )
    error_message = jsonencode(oci_functions_application.this.image_policy_config)
  }
}

run "images_need_no_signature" {
  command = plan

  assert {
    condition     = length(oci_functions_application.this.image_policy_config) == 0
    error_message = jsonencode(oci_functions_application.this.image_policy_config)
  }
}
