# Values derived from variables alone. functions.tf adds those that depend on resources.
locals {
  # null and empty values stand for the default of the setting, except for two: an empty METRICS_NAMESPACE disables metrics,
  # and an empty RECONCILE_AFTER reconciliation. A default is not sent: the configuration has 4 KB, and some settings exclude others.
  settings = {
    for name, value in local.all_settings : name => value
    if value != null && (value != "" || contains(["METRICS_NAMESPACE", "RECONCILE_AFTER"], name)) && value != lookup(local.defaults, name, null)
  }

  # The defaults of the variables, as the function receives them. A test compares them with the variables' and with the function's.
  defaults = {
    SYSLOG_PORT                  = "6514"
    SYSLOG_TRANSPORT             = "tls"
    SYSLOG_CONFIRM_DELAY_SECONDS = "0.2"
    SYSLOG_FRAMING               = "octet-counting"
    SYSLOG_HEADER                = "rfc5424"
    SYSLOG_FACILITY              = "local0"
    SYSLOG_APP_NAME              = "epimetheus"
    SYSLOG_MAX_BYTES             = "8000"
    SYSLOG_TIMEOUT_SECONDS       = "10"
    FORMAT                       = "cef"
    OCSF_CLASSES                 = "auto"
    STATE_PREFIX                 = "epimetheus/"
    LEDGER_DAYS                  = "35"
    SEAL_MESSAGES                = "true"
    REGIONS                      = "all"
    COMPARTMENT_MODE             = "all"
    LISTING_MINUTES              = "15"
    LISTING_MAX_AGE_MINUTES      = "60"
    INITIAL_LOOKBACK_HOURS       = "24"
    OVERLAP_MINUTES              = "15"
    SOURCES                      = "audit"
    CLOUD_GUARD_MINUTES          = "15"
    RECONCILE_AFTER              = "60,1440"
    SLICE_MINUTES                = "60"
    API_CONCURRENCY              = "8"
    API_REQUESTS_PER_SECOND      = "20"
    OWN_EVENTS                   = "summarize"
    METRICS_NAMESPACE            = "epimetheus"
    LOG_LEVEL                    = "info"
  }

  all_settings = {
    SYSLOG_HOST                  = var.syslog_host
    SYSLOG_PORT                  = tostring(var.syslog_port)
    SYSLOG_TRANSPORT             = var.syslog_transport
    SYSLOG_CONFIRM_DELAY_SECONDS = tostring(var.syslog_confirm_delay_seconds)
    SYSLOG_CA                    = try("object:${local.inline_values.SYSLOG_CA.object}", var.syslog_ca)
    SYSLOG_CLIENT_CERT           = try("object:${local.inline_values.SYSLOG_CLIENT_CERT.object}", var.syslog_client_cert)
    SYSLOG_CLIENT_KEY            = local.client_key_secret == null ? var.syslog_client_key : "vault:${local.client_key_secret}"
    SYSLOG_SERVER_NAME           = var.syslog_server_name
    SYSLOG_FRAMING               = var.syslog_framing
    SYSLOG_HEADER                = var.syslog_header
    SYSLOG_FACILITY              = var.syslog_facility
    SYSLOG_APP_NAME              = var.syslog_app_name
    SYSLOG_HOSTNAME              = var.syslog_hostname
    SYSLOG_MAX_BYTES             = tostring(var.syslog_max_bytes)
    SYSLOG_TIMEOUT_SECONDS       = tostring(var.syslog_timeout_seconds)
    FORMAT                       = var.format
    OCSF_CLASSES                 = var.ocsf_classes
    STATE_BUCKET                 = local.bucket
    STATE_NAMESPACE              = local.namespace
    STATE_PREFIX                 = var.state_prefix
    LEDGER_BUCKET                = local.ledger_bucket
    LEDGER_DAYS                  = tostring(var.ledger_days)
    SEAL_KEY                     = local.seal_key_secret == null ? var.seal_key : "vault:${local.seal_key_secret}"
    SEAL_MESSAGES                = tostring(var.seal_messages)
    TENANCY_OCID                 = var.tenancy_ocid
    REGIONS                      = join(",", local.regions)
    COMPARTMENT_MODE             = var.compartment_mode
    COMPARTMENT_IDS              = try(join(",", var.compartment_ids), null)
    LISTING_MINUTES              = tostring(var.listing_minutes)
    LISTING_MAX_AGE_MINUTES      = tostring(var.listing_max_age_minutes)
    INITIAL_LOOKBACK_HOURS       = tostring(var.initial_lookback_hours)
    OVERLAP_MINUTES              = tostring(var.overlap_minutes)
    SETTLE_MINUTES               = tostring(var.settle_minutes)
    SOURCES                      = join(",", var.sources)
    CLOUD_GUARD_MINUTES          = tostring(var.cloud_guard_minutes)
    PUSH                         = var.push_enabled ? "true" : null
    RECONCILE_AFTER              = join(",", var.reconcile_after)
    SLICE_MINUTES                = tostring(var.slice_minutes)
    API_CONCURRENCY              = tostring(var.api_concurrency)
    API_REQUESTS_PER_SECOND      = tostring(var.api_requests_per_second)
    RULES                        = try("object:${local.inline_values.RULES.object}", var.rules)
    FIELD_MAP                    = try("object:${local.inline_values.FIELD_MAP.object}", var.field_map)
    OWN_EVENTS                   = var.own_events
    TAMPER_WATCH                 = try(join(",", var.tamper_watch), null)
    REDACT                       = try(join(",", var.redact), null)
    METRICS_NAMESPACE            = var.metrics_namespace
    METRICS_COMPARTMENT_OCID     = local.metrics_compartment
    LOG_LEVEL                    = var.log_level
  }

  # Certificates, rules and field maps do not fit into the 4 KB of a configuration: inline values become objects that the function reads.
  # A changed text has another name, so that the function can read the old object until its configuration names the new one.
  inline_values = {
    for name, value in local.inline_candidates : name => {
      content = value.content
      object  = "${value.name}-${substr(sha256(value.content), 0, 12)}.${value.type}"
    } if can(regex("-----BEGIN|^\\s*\\{", value.content))
  }
  inline_candidates = {
    SYSLOG_CA          = { content = var.syslog_ca, name = "config/syslog-ca", type = "pem" }
    SYSLOG_CLIENT_CERT = { content = var.syslog_client_cert, name = "config/syslog-client-cert", type = "pem" }
    RULES              = { content = var.rules, name = "config/rules", type = "json" }
    FIELD_MAP          = { content = var.field_map, name = "config/field-map", type = "json" }
  }

  # Size in UTF-8: four digits of base64 encode three bytes.
  setting_bytes = {
    for name, value in local.settings : name =>
    length(base64encode("${name}${value}")) * 3 / 4 - length(regexall("=", base64encode("${name}${value}")))
  }

  state_prefix = coalesce(var.state_prefix, local.defaults.STATE_PREFIX)

  bucket              = coalesce(var.state_bucket, var.name)
  ledger_bucket       = coalesce(var.ledger_bucket, "${local.bucket}-ledger")
  separate_ledger     = local.ledger_bucket != local.bucket
  namespace           = coalesce(var.state_namespace, data.oci_objectstorage_namespace.this.namespace)
  metrics_compartment = coalesce(var.metrics_compartment_ocid, var.compartment_ocid)
  network_compartment = coalesce(var.network_compartment_ocid, var.compartment_ocid)
  create_network      = var.use_existing_network ? false : var.subnet_ocid == null || var.subnet_ocid == ""
  kms_key_id          = var.kms_key_ocid == "" ? null : var.kms_key_ocid
  image_digest        = var.image_digest == "" ? null : var.image_digest

  # An empty map would remove the tags that OCI adds by the tenancy's tag defaults.
  defined_tags = length(var.defined_tags) == 0 ? null : var.defined_tags

  ledger_retention_lock_time = var.ledger_retention_lock_time == "" ? null : var.ledger_retention_lock_time

  client_key_secret = var.syslog_client_key_secret_ocid == "" ? null : var.syslog_client_key_secret_ocid
  seal_key_secret   = var.seal_key_secret_ocid == "" ? null : var.seal_key_secret_ocid

  # Whether a key is given is no secret, and decides whether a secret is created.
  has_client_key_pem = nonsensitive(var.syslog_client_key_pem != null && var.syslog_client_key_pem != "")
  has_seal_key_pem   = nonsensitive(var.seal_key_pem != null && var.seal_key_pem != "")

  # Minute 0 and every interval_minutes after it. Each is a separate hourly schedule.
  crons = { for minute in range(0, 60, var.interval_minutes) : format("%02d", minute) => "${minute} * * * *" }
  # Request body of every scheduled call.
  request = var.follow_seconds == 0 ? jsonencode({}) : jsonencode({ follow_seconds = var.follow_seconds })
  # Window of the alarms: three intervals, as metric queries accept it (minutes up to 60m, then hours).
  window = var.interval_minutes <= 20 ? "${3 * var.interval_minutes}m" : "${ceil(3 * var.interval_minutes / 60)}h"
}
