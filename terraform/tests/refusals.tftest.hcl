# Values that each variable rejects, and combinations that are rejected. Booleans need no test: their type rejects other values.

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

run "compartment_ocid" {
  command = plan

  variables {
    compartment_ocid = "ocid1.user.oc1..alice"
  }

  expect_failures = [var.compartment_ocid]
}

run "region" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "name" {
  command = plan

  variables {
    name = "9 lives"
  }

  expect_failures = [var.name]
}

run "image" {
  command = plan

  variables {
    image = "epimetheus"
  }

  expect_failures = [var.image]
}

run "image_2" {
  command = plan

  variables {
    image = "fra.ocir.io/axexample/epimetheus:latest"
  }

  expect_failures = [var.image]
}

run "image_digest" {
  command = plan

  variables {
    image_digest = "sha256:1234"
  }

  expect_failures = [var.image_digest]
}

run "image_signing_key_ocids" {
  command = plan

  variables {
    image_signing_key_ocids = ["ocid1.vault.oc1..v"]
  }

  expect_failures = [var.image_signing_key_ocids]
}

run "shape" {
  command = plan

  variables {
    shape = "GENERIC_RISCV"
  }

  expect_failures = [var.shape]
}

run "memory_in_mbs" {
  command = plan

  variables {
    memory_in_mbs = 300
  }

  expect_failures = [var.memory_in_mbs]
}

run "timeout_in_seconds" {
  command = plan

  variables {
    timeout_in_seconds = 301
  }

  expect_failures = [var.timeout_in_seconds]
}

run "detached_timeout_in_seconds" {
  command = plan

  variables {
    detached_timeout_in_seconds = 3601
  }

  expect_failures = [var.detached_timeout_in_seconds]
}

run "interval_minutes" {
  command = plan

  variables {
    interval_minutes = 7
  }

  expect_failures = [var.interval_minutes]
}

run "follow_seconds" {
  command = plan

  variables {
    follow_seconds = 59
  }

  expect_failures = [var.follow_seconds]
}

run "follow_seconds_2" {
  command = plan

  variables {
    follow_seconds = 3600
  }

  expect_failures = [var.follow_seconds]
}

run "subnet_ocid" {
  command = plan

  variables {
    subnet_ocid = "ocid1.vcn.oc1..net"
  }

  expect_failures = [var.subnet_ocid]
}

run "vcn_ocid" {
  command = plan

  variables {
    vcn_ocid = "ocid1.subnet.oc1..net"
  }

  expect_failures = [var.vcn_ocid]
}

run "network_compartment_ocid" {
  command = plan

  variables {
    network_compartment_ocid = "here"
  }

  expect_failures = [var.network_compartment_ocid]
}

run "network_security_group_ocids" {
  command = plan

  variables {
    network_security_group_ocids = ["ocid1.vcn.oc1..net"]
  }

  expect_failures = [var.network_security_group_ocids]
}

run "vcn_cidr" {
  command = plan

  variables {
    vcn_cidr = "10.0.0.0/28"
  }

  expect_failures = [var.vcn_cidr]
}

run "vcn_cidr_2" {
  command = plan

  variables {
    vcn_cidr = "fd00::/64"
  }

  expect_failures = [var.vcn_cidr]
}

run "vcn_cidr_with_host_bits" {
  command = plan

  variables {
    vcn_cidr = "10.77.0.1/24"
  }

  expect_failures = [var.vcn_cidr]
}

run "siem_cidrs_twice" {
  command = plan

  variables {
    siem_cidrs = ["203.0.113.0/24", "203.0.113.0/24"]
  }

  expect_failures = [var.siem_cidrs]
}

run "siem_cidrs_with_host_bits" {
  command = plan

  variables {
    siem_cidrs = ["203.0.113.7/24"]
  }

  expect_failures = [var.siem_cidrs]
}

run "siem_cidrs_of_ipv6" {
  command = plan

  variables {
    siem_cidrs = ["2001:db8::/32"]
  }

  expect_failures = [var.siem_cidrs]
}

run "siem_cidrs_open" {
  command = plan

  variables {
    siem_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [check.siem_cidrs]
}

run "alarms_without_recipients" {
  command = plan

  variables {
    notification_emails = []
  }

  expect_failures = [check.recipients]
}

run "an_existing_network_without_a_subnet" {
  command = plan

  variables {
    use_existing_network = true
  }

  expect_failures = [oci_functions_function.this]
}

run "an_ipv6_address_in_a_network_without_ipv6" {
  command = plan

  variables {
    syslog_host = "2001:db8::1"
  }

  expect_failures = [oci_functions_function.this]
}

run "nat_public_ip_ocid" {
  command = plan

  variables {
    nat_public_ip_ocid = "203.0.113.9"
  }

  expect_failures = [var.nat_public_ip_ocid]
}

run "siem_cidrs" {
  command = plan

  variables {
    siem_cidrs = []
  }

  expect_failures = [var.siem_cidrs]
}

run "siem_cidrs_2" {
  command = plan

  variables {
    siem_cidrs = ["siem.example.com"]
  }

  expect_failures = [var.siem_cidrs]
}

run "syslog_client_key_pem" {
  command = plan

  variables {
    syslog_client_key_pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----"
  }

  expect_failures = [var.syslog_client_key_pem]
}

run "syslog_client_key_secret_ocid" {
  command = plan

  variables {
    syslog_client_key_secret_ocid = "vault:ocid1.vaultsecret.oc1..key"
  }

  expect_failures = [var.syslog_client_key_secret_ocid]
}

run "seal_key_secret_ocid" {
  command = plan

  variables {
    seal_key_secret_ocid = "ocid1.key.oc1..key"
  }

  expect_failures = [var.seal_key_secret_ocid]
}

run "kms_vault_ocid" {
  command = plan

  variables {
    kms_vault_ocid = "ocid1.key.oc1..key"
  }

  expect_failures = [var.kms_vault_ocid]
}

run "kms_key_ocid" {
  command = plan

  variables {
    kms_key_ocid = "ocid1.vault.oc1..v"
  }

  expect_failures = [var.kms_key_ocid]
}

run "state_versions_days" {
  command = plan

  variables {
    state_versions_days = 0
  }

  expect_failures = [var.state_versions_days]
}

run "ledger_retention_days" {
  command = plan

  variables {
    ledger_retention_days = 401
  }

  expect_failures = [var.ledger_retention_days]
}

run "ledger_retention_lock_time" {
  command = plan

  variables {
    ledger_retention_lock_time = "2027-01-31"
  }

  expect_failures = [var.ledger_retention_lock_time]
}

run "seal_key_pem" {
  command = plan

  variables {
    seal_key_pem = "-----BEGIN EC PRIVATE KEY-----"
  }

  expect_failures = [var.seal_key_pem]
}

run "seal_public_key" {
  command = plan

  variables {
    seal_public_key = "-----BEGIN PRIVATE KEY-----"
  }

  expect_failures = [var.seal_public_key]
}

run "log_retention_days" {
  command = plan

  variables {
    log_retention_days = 45
  }

  expect_failures = [var.log_retention_days]
}

run "notification_emails" {
  command = plan

  variables {
    notification_emails = ["soc"]
  }

  expect_failures = [var.notification_emails]
}

run "lag_alarm_minutes" {
  command = plan

  variables {
    lag_alarm_minutes = 9
  }

  expect_failures = [var.lag_alarm_minutes]
}

run "certificate_alarm_days" {
  command = plan

  variables {
    certificate_alarm_days = 0
  }

  expect_failures = [var.certificate_alarm_days]
}

run "relaxed_policy_conditions" {
  command = plan

  variables {
    relaxed_policy_conditions = ["everything"]
  }

  expect_failures = [var.relaxed_policy_conditions]
}

run "freeform_tags" {
  command = plan

  variables {
    freeform_tags = { "a b" = "c" }
  }

  expect_failures = [var.freeform_tags]
}

run "defined_tags" {
  command = plan

  variables {
    defined_tags = { team = "soc" }
  }

  expect_failures = [var.defined_tags]
}

run "syslog_host" {
  command = plan

  variables {
    syslog_host = "siem.example.com:6514"
  }

  expect_failures = [var.syslog_host]
}

run "syslog_port" {
  command = plan

  variables {
    syslog_port = 65536
  }

  expect_failures = [var.syslog_port]
}

run "syslog_port_2" {
  command = plan

  variables {
    syslog_port = 6514.5
  }

  expect_failures = [var.syslog_port]
}

run "syslog_transport" {
  command = plan

  variables {
    syslog_transport = "udp"
  }

  expect_failures = [var.syslog_transport]
}

run "syslog_confirm_delay_seconds" {
  command = plan

  variables {
    syslog_confirm_delay_seconds = 0.1
  }

  expect_failures = [var.syslog_confirm_delay_seconds]
}

run "syslog_ca" {
  command = plan

  variables {
    syslog_ca = "ca.pem"
  }

  expect_failures = [var.syslog_ca]
}

run "syslog_client_cert" {
  command = plan

  variables {
    syslog_client_cert = "-----BEGIN PRIVATE KEY-----"
  }

  expect_failures = [var.syslog_client_cert]
}

run "syslog_client_key" {
  command = plan

  variables {
    syslog_client_key = "-----BEGIN PRIVATE KEY-----"
  }

  expect_failures = [var.syslog_client_key]
}

run "syslog_server_name" {
  command = plan

  variables {
    syslog_server_name = "https://siem.example.com"
  }

  expect_failures = [var.syslog_server_name]
}

run "syslog_framing" {
  command = plan

  variables {
    syslog_framing = "crlf"
  }

  expect_failures = [var.syslog_framing]
}

run "syslog_header" {
  command = plan

  variables {
    syslog_header = "rfc3195"
  }

  expect_failures = [var.syslog_header]
}

run "syslog_facility" {
  command = plan

  variables {
    syslog_facility = "local8"
  }

  expect_failures = [var.syslog_facility]
}

run "syslog_app_name" {
  command = plan

  variables {
    syslog_app_name = "two words"
  }

  expect_failures = [var.syslog_app_name]
}

run "syslog_hostname" {
  command = plan

  variables {
    syslog_hostname = "two words"
  }

  expect_failures = [var.syslog_hostname]
}

run "syslog_max_bytes" {
  command = plan

  variables {
    syslog_max_bytes = 479
  }

  expect_failures = [var.syslog_max_bytes]
}

run "syslog_timeout_seconds" {
  command = plan

  variables {
    syslog_timeout_seconds = 0.5
  }

  expect_failures = [var.syslog_timeout_seconds]
}

run "ocsf_classes" {
  command = plan

  variables {
    ocsf_classes = "all"
  }

  expect_failures = [var.ocsf_classes]
}

run "format" {
  command = plan

  variables {
    format = "xml"
  }

  expect_failures = [var.format]
}

run "state_bucket" {
  command = plan

  variables {
    state_bucket = "a/b"
  }

  expect_failures = [var.state_bucket]
}

run "state_namespace" {
  command = plan

  variables {
    state_namespace = "a.b"
  }

  expect_failures = [var.state_namespace]
}

run "state_prefix" {
  command = plan

  variables {
    state_prefix = "/"
  }

  expect_failures = [var.state_prefix]
}

run "ledger_bucket" {
  command = plan

  variables {
    ledger_bucket = "a/b"
  }

  expect_failures = [var.ledger_bucket]
}

run "seal_key" {
  command = plan

  variables {
    seal_key = "-----BEGIN PRIVATE KEY-----"
  }

  expect_failures = [var.seal_key]
}

run "ledger_days" {
  command = plan

  variables {
    ledger_days = 8
  }

  expect_failures = [var.ledger_days]
}

run "tenancy_ocid" {
  command = plan

  variables {
    tenancy_ocid = "ocid1.compartment.oc1..here"
  }

  expect_failures = [var.tenancy_ocid]
}

run "regions" {
  command = plan

  variables {
    regions = ["all", "eu-frankfurt-1"]
  }

  expect_failures = [var.regions]
}

run "regions_2" {
  command = plan

  variables {
    regions = ["frankfurt"]
  }

  expect_failures = [var.regions]
}

run "compartment_mode" {
  command = plan

  variables {
    compartment_mode = "some"
  }

  expect_failures = [var.compartment_mode]
}

run "compartment_ids" {
  command = plan

  variables {
    compartment_ids = ["ocid1.instance.oc1..i"]
  }

  expect_failures = [var.compartment_ids]
}

run "initial_lookback_hours" {
  command = plan

  variables {
    initial_lookback_hours = 8761
  }

  expect_failures = [var.initial_lookback_hours]
}

run "listing_minutes" {
  command = plan

  variables {
    listing_minutes = 1441
  }

  expect_failures = [var.listing_minutes]
}

run "listing_max_age_minutes" {
  command = plan

  variables {
    listing_max_age_minutes = 0
  }

  expect_failures = [var.listing_max_age_minutes]
}

run "overlap_minutes" {
  command = plan

  variables {
    overlap_minutes = -1
  }

  expect_failures = [var.overlap_minutes]
}

run "settle_minutes" {
  command = plan

  variables {
    settle_minutes = 61
  }

  expect_failures = [var.settle_minutes]
}

run "sources" {
  command = plan

  variables {
    sources = ["audit", "logging"]
  }

  expect_failures = [var.sources]
}

run "cloud_guard_minutes" {
  command = plan

  variables {
    cloud_guard_minutes = 31
  }

  expect_failures = [var.cloud_guard_minutes]
}

run "reconcile_after" {
  command = plan

  variables {
    reconcile_after = [60, 4]
  }

  expect_failures = [var.reconcile_after]
}

run "slice_minutes" {
  command = plan

  variables {
    slice_minutes = 0
  }

  expect_failures = [var.slice_minutes]
}

run "api_concurrency" {
  command = plan

  variables {
    api_concurrency = 65
  }

  expect_failures = [var.api_concurrency]
}

run "api_requests_per_second" {
  command = plan

  variables {
    api_requests_per_second = 0
  }

  expect_failures = [var.api_requests_per_second]
}

run "rules" {
  command = plan

  variables {
    rules = "[]"
  }

  expect_failures = [var.rules]
}

run "field_map" {
  command = plan

  variables {
    field_map = "{"
  }

  expect_failures = [var.field_map]
}

run "own_events" {
  command = plan

  variables {
    own_events = "drop"
  }

  expect_failures = [var.own_events]
}

run "tamper_watch" {
  command = plan

  variables {
    tamper_watch = ["bucket"]
  }

  expect_failures = [var.tamper_watch]
}

run "redact" {
  command = plan

  variables {
    redact = ["a..b"]
  }

  expect_failures = [var.redact]
}

run "metrics_namespace" {
  command = plan

  variables {
    metrics_namespace = "oci_audit"
  }

  expect_failures = [var.metrics_namespace]
}

run "metrics_compartment_ocid" {
  command = plan

  variables {
    metrics_compartment_ocid = "ocid1.user.oc1..alice"
  }

  expect_failures = [var.metrics_compartment_ocid]
}

run "log_level" {
  command = plan

  variables {
    log_level = "trace"
  }

  expect_failures = [var.log_level]
}

run "a_configuration_one_byte_too_long" {
  command = plan

  variables {
    tamper_watch = []
    redact       = [format("data.%03894d", 0)]
  }

  expect_failures = [oci_functions_function.this]
}

run "a_configuration_without_space_for_tamper_watch" {
  command = plan

  variables {
    redact = [format("data.%03600d", 0)]
  }

  expect_failures = [oci_functions_function.this]
}

run "a_certificate_without_a_key" {
  command = plan

  variables {
    syslog_client_cert = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  expect_failures = [oci_functions_function.this]
}

run "a_key_without_a_certificate" {
  command = plan

  variables {
    syslog_client_key = "vault:ocid1.vaultsecret.oc1..key"
  }

  expect_failures = [oci_functions_function.this]
}

run "a_vault_without_a_key" {
  command = plan

  variables {
    create_vault       = true
    syslog_client_cert = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  expect_failures = [oci_functions_function.this]
}

run "a_key_without_a_vault" {
  command = plan

  variables {
    syslog_client_key_pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
  }

  expect_failures = [oci_functions_function.this]
}

run "two_keys" {
  command = plan

  variables {
    create_vault          = true
    syslog_client_cert    = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    syslog_client_key_pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    syslog_client_key     = "vault:ocid1.vaultsecret.oc1..key"
  }

  expect_failures = [oci_functions_function.this]
}

run "two_secrets" {
  command = plan

  variables {
    syslog_client_cert            = "object:cert.pem"
    syslog_client_key             = "vault:ocid1.vaultsecret.oc1..key"
    syslog_client_key_secret_ocid = "ocid1.vaultsecret.oc1..key"
  }

  expect_failures = [oci_functions_function.this]
}

run "two_seal_keys" {
  command = plan

  variables {
    create_vault         = true
    seal_key_pem         = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
    seal_key_secret_ocid = "ocid1.vaultsecret.oc1..key"
  }

  expect_failures = [oci_functions_function.this]
}

run "a_seal_key_without_a_vault" {
  command = plan

  variables {
    seal_key_pem = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
  }

  expect_failures = [oci_functions_function.this]
}

run "entries_retained_for_longer_than_they_are_kept" {
  command = plan

  variables {
    ledger_days           = 30
    ledger_retention_days = 31
  }

  expect_failures = [oci_functions_function.this]
}

run "a_lock_without_a_retention_rule" {
  command = plan

  variables {
    ledger_retention_days      = 0
    ledger_retention_lock_time = "2027-01-31T00:00:00Z"
  }

  expect_failures = [oci_functions_function.this]
}

run "a_lock_in_the_bucket_of_the_state" {
  command = plan

  variables {
    ledger_bucket              = "epimetheus"
    ledger_retention_lock_time = "2027-01-31T00:00:00Z"
  }

  expect_failures = [oci_functions_function.this]
}

run "ca_certificates_with_plain_tcp" {
  command = plan

  variables {
    syslog_transport = "tcp"
    syslog_ca        = "object:ca.pem"
  }

  expect_failures = [oci_functions_function.this]
}

run "listings_reused_beyond_their_maximum_age" {
  command = plan

  variables {
    listing_minutes = 61
  }

  expect_failures = [oci_functions_function.this]
}

run "framing_with_relp" {
  command = plan

  variables {
    syslog_transport = "relp"
    syslog_framing   = "lf"
  }

  expect_failures = [oci_functions_function.this]
}

run "no_size_limit_with_relp" {
  command = plan

  variables {
    syslog_transport = "relp"
    syslog_max_bytes = 0
  }

  expect_failures = [oci_functions_function.this]
}

run "messages_too_long_for_relp" {
  command = plan

  variables {
    syslog_transport = "relp"
    syslog_max_bytes = 131073
  }

  expect_failures = [oci_functions_function.this]
}

run "compartment_ids_with_mode_all" {
  command = plan

  variables {
    compartment_ids = ["ocid1.compartment.oc1..there"]
  }

  expect_failures = [oci_functions_function.this]
}

run "exclude_without_compartment_ids" {
  command = plan

  variables {
    compartment_mode = "exclude"
  }

  expect_failures = [oci_functions_function.this]
}

run "follow_mode_longer_than_the_timeout" {
  command = plan

  variables {
    follow_seconds = 840
  }

  expect_failures = [oci_functions_function.this]
}

run "follow_mode_longer_than_the_interval" {
  command = plan

  variables {
    follow_seconds              = 1000
    detached_timeout_in_seconds = 3600
  }

  expect_failures = [oci_functions_function.this]
}

run "a_lag_alarm_that_never_clears" {
  command = plan

  variables {
    interval_minutes  = 60
    lag_alarm_minutes = 62
  }

  expect_failures = [oci_functions_function.this]
}

run "push" {
  command = plan

  variables {
    push_memory_in_mbs         = 100
    push_timeout_in_seconds    = 301
    push_batch_size_in_kbs     = 5001
    push_batch_time_in_seconds = 61
  }

  expect_failures = [
    var.push_memory_in_mbs,
    var.push_timeout_in_seconds,
    var.push_batch_size_in_kbs,
    var.push_batch_time_in_seconds,
  ]
}
