# Values derived from variables alone. functions.tf adds those that depend on resources.
locals {
  # null and empty values stand for the default of the setting, except for two: an empty METRICS_NAMESPACE disables metrics,
  # and an empty RECONCILE_AFTER reconciliation.
  settings = { for name, value in local.all_settings : name => value if value != null && (value != "" || contains(["METRICS_NAMESPACE", "RECONCILE_AFTER"], name)) }

  all_settings = {
    SYSLOG_HOST                  = var.syslog_host
    SYSLOG_PORT                  = tostring(var.syslog_port)
    SYSLOG_TRANSPORT             = var.syslog_transport
    SYSLOG_CONFIRM_DELAY_SECONDS = tostring(var.syslog_confirm_delay_seconds)
    SYSLOG_CA                    = try("object:${local.inline_values.SYSLOG_CA.object}", var.syslog_ca)
    SYSLOG_CLIENT_CERT           = try("object:${local.inline_values.SYSLOG_CLIENT_CERT.object}", var.syslog_client_cert)
    SYSLOG_CLIENT_KEY            = var.create_vault ? null : var.syslog_client_key
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
    LEDGER_BUCKET                = var.ledger_bucket
    LEDGER_DAYS                  = tostring(var.ledger_days)
    TENANCY_OCID                 = var.tenancy_ocid
    REGIONS                      = var.regions == null ? null : join(",", local.regions)
    COMPARTMENT_MODE             = var.compartment_mode
    COMPARTMENT_IDS              = try(join(",", var.compartment_ids), null)
    LISTING_MINUTES              = tostring(var.listing_minutes)
    LISTING_MAX_AGE_MINUTES      = tostring(var.listing_max_age_minutes)
    INITIAL_LOOKBACK_HOURS       = tostring(var.initial_lookback_hours)
    OVERLAP_MINUTES              = tostring(var.overlap_minutes)
    SETTLE_MINUTES               = tostring(var.settle_minutes)
    PUSH                         = var.push_enabled ? "true" : null
    RECONCILE_AFTER              = try(join(",", var.reconcile_after), null)
    SLICE_MINUTES                = tostring(var.slice_minutes)
    API_CONCURRENCY              = tostring(var.api_concurrency)
    API_REQUESTS_PER_SECOND      = tostring(var.api_requests_per_second)
    RULES                        = try("object:${local.inline_values.RULES.object}", var.rules)
    FIELD_MAP                    = try("object:${local.inline_values.FIELD_MAP.object}", var.field_map)
    OWN_EVENTS                   = var.own_events
    TAMPER_WATCH                 = try(join(",", var.tamper_watch), null)
    REDACT                       = try(join(",", var.redact), null)
    RUN_MESSAGE                  = tostring(var.run_message)
    METRICS_NAMESPACE            = var.metrics_namespace
    METRICS_COMPARTMENT_OCID     = local.metrics_compartment
    LOG_LEVEL                    = var.log_level
  }

  # Certificates, rules and field maps do not fit into the 4 KB of a configuration: inline values become objects that the function reads.
  inline_values = { for name, value in local.inline_candidates : name => value if can(regex("-----BEGIN|^\\s*\\{", value.content)) }
  inline_candidates = {
    SYSLOG_CA          = { content = var.syslog_ca, object = "config/syslog-ca.pem" }
    SYSLOG_CLIENT_CERT = { content = var.syslog_client_cert, object = "config/syslog-client-cert.pem" }
    RULES              = { content = var.rules, object = "config/rules.json" }
    FIELD_MAP          = { content = var.field_map, object = "config/field-map.json" }
  }

  # Size in UTF-8: four digits of base64 encode three bytes.
  setting_bytes = {
    for name, value in local.settings : name =>
    length(base64encode("${name}${value}")) * 3 / 4 - length(regexall("=", base64encode("${name}${value}")))
  }

  # Defaults of settings that the module also needs. A test compares them with the function's.
  syslog_port       = var.syslog_port == null ? 6514 : var.syslog_port
  metrics_namespace = var.metrics_namespace == null ? "epimetheus" : var.metrics_namespace
  ledger_days       = var.ledger_days == null ? 35 : var.ledger_days
  state_prefix      = coalesce(var.state_prefix, "epimetheus/")

  bucket              = coalesce(var.state_bucket, var.name)
  ledger_bucket       = coalesce(var.ledger_bucket, local.bucket)
  separate_ledger     = local.ledger_bucket != local.bucket
  namespace           = coalesce(var.state_namespace, data.oci_objectstorage_namespace.this.namespace)
  metrics_compartment = coalesce(var.metrics_compartment_ocid, var.compartment_ocid)
  network_compartment = coalesce(var.network_compartment_ocid, var.compartment_ocid)
  create_network      = var.subnet_id == null || var.subnet_id == ""
  kms_key_id          = var.kms_key_id == "" ? null : var.kms_key_id
  image_digest        = var.image_digest == "" ? null : var.image_digest

  # Minute 0 and every interval_minutes after it. Each is a separate hourly schedule.
  crons = { for minute in range(0, 60, var.interval_minutes) : format("%02d", minute) => "${minute} * * * *" }
  # Request body of every scheduled call.
  request = var.follow_seconds == 0 ? jsonencode({}) : jsonencode({ follow_seconds = var.follow_seconds })
  # Window of the alarms: three intervals, as metric queries accept it (minutes up to 60m, then hours).
  window = var.interval_minutes <= 20 ? "${3 * var.interval_minutes}m" : "${ceil(3 * var.interval_minutes / 60)}h"
}
