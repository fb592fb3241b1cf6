# The function and its configuration.

locals {
  # A change of these resources affects forwarding itself. The function's configuration contains their OCIDs, so they are created first;
  # resources that depend on the function's OCID (the schedules, the dynamic group, the policies) cannot be among them.
  default_tamper_watch = concat(
    [
      oci_functions_application.this.id,
      oci_objectstorage_bucket.state.bucket_id,
      oci_ons_notification_topic.this.id,
      oci_logging_log_group.this.id,
    ],
    oci_objectstorage_bucket.ledger[*].bucket_id,
    oci_vault_secret.client_key[*].id,
  )
  use_default_tamper_watch = var.tamper_watch == null
  config = merge(
    local.settings,
    var.create_vault ? { SYSLOG_CLIENT_KEY = "vault:${oci_vault_secret.client_key[0].id}" } : {},
    local.use_default_tamper_watch ? { TAMPER_WATCH = join(",", local.default_tamper_watch) } : {},
  )

  # OCIDs of new resources are unknown during planning. Each is shorter than 128 bytes.
  unknown_ocid_bytes = (
    (local.use_default_tamper_watch ? 12 + 128 * length(local.default_tamper_watch) : 0) + (var.create_vault ? 17 + 6 + 128 : 0)
  )
  config_bytes = sum(concat(values(local.setting_bytes), [local.unknown_ocid_bytes]))

  has_certificate = contains(keys(local.settings), "SYSLOG_CLIENT_CERT")
  has_key         = var.create_vault || contains(keys(local.settings), "SYSLOG_CLIENT_KEY")
  tls_only        = setintersection(["SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SYSLOG_SERVER_NAME"], keys(local.settings))
  mode            = coalesce(var.compartment_mode, "all")
  mode_needs_ids  = contains(["include", "exclude"], local.mode)
}

resource "oci_functions_application" "this" {
  compartment_id             = var.compartment_ocid
  display_name               = var.name
  shape                      = var.shape
  subnet_ids                 = [local.subnet_id]
  network_security_group_ids = local.security_group_ids
  defined_tags               = var.defined_tags
  freeform_tags              = var.freeform_tags

  # The function logs JSON lines. With this format, Logging search can filter by their fields.
  logging {
    line_format = "JSON"
  }
}

resource "oci_functions_function" "this" {
  application_id                   = oci_functions_application.this.id
  display_name                     = var.name
  image                            = var.image
  image_digest                     = local.image_digest
  memory_in_mbs                    = tostring(var.memory_in_mbs)
  timeout_in_seconds               = var.timeout_in_seconds
  detached_mode_timeout_in_seconds = var.detached_timeout_in_seconds
  config                           = local.config
  defined_tags                     = var.defined_tags
  freeform_tags                    = var.freeform_tags

  # Reports runs that are killed, or that fail before they post metrics.
  failure_destination {
    kind     = "NOTIFICATION"
    topic_id = oci_ons_notification_topic.this.id
  }

  # Combinations of variables. The function makes the same checks, but only when it runs.
  lifecycle {
    precondition {
      condition = local.config_bytes <= 4096
      error_message = join(" ", [
        "The configuration of the function takes ${local.config_bytes} bytes: the limit of OCI Functions is 4096 for all keys and values.",
        "Shorten the lists compartment_ids, regions, redact and tamper_watch. PEM certificates and JSON rules do not count.",
      ])
    }
    precondition {
      condition     = local.has_certificate == local.has_key
      error_message = "syslog_client_cert and its key (syslog_client_key or create_vault): set both or neither."
    }
    precondition {
      condition     = var.create_vault == (var.syslog_client_key_pem != null && var.syslog_client_key_pem != "")
      error_message = "create_vault and syslog_client_key_pem: set both or neither."
    }
    precondition {
      condition     = !var.create_vault || var.syslog_client_key == null || var.syslog_client_key == ""
      error_message = "create_vault and syslog_client_key are both set: set only one of them."
    }
    precondition {
      condition     = var.syslog_transport != "tcp" || length(local.tls_only) == 0
      error_message = "${lower(join(", ", local.tls_only))}: not used with syslog_transport = tcp. Remove it, or set syslog_transport to tls or relp."
    }
    precondition {
      condition     = var.syslog_transport != "relp" || !contains(keys(local.settings), "SYSLOG_FRAMING")
      error_message = "syslog_framing: not used with syslog_transport = relp, which has its own framing. Remove it, or set syslog_transport to tls or tcp."
    }
    precondition {
      condition     = var.syslog_transport != "relp" || try(var.syslog_max_bytes > 0 && var.syslog_max_bytes <= 131072, true)
      error_message = "syslog_max_bytes: syslog_transport = relp limits messages to 131072 bytes; expected an integer from 480 to 131072."
    }
    precondition {
      condition     = coalesce(var.listing_minutes, 0) <= coalesce(var.listing_max_age_minutes, 60)
      error_message = "listing_minutes is greater than listing_max_age_minutes (default: 60): expected at most that value."
    }
    precondition {
      condition     = local.mode_needs_ids == contains(keys(local.settings), "COMPARTMENT_IDS")
      error_message = "compartment_ids ${local.mode_needs_ids ? "is required for" : "is not used with"} compartment_mode = ${local.mode}: set it for include and exclude only."
    }
    precondition {
      condition     = var.follow_seconds == 0 || var.follow_seconds < var.detached_timeout_in_seconds
      error_message = "follow_seconds is ${var.follow_seconds}: expected less than detached_timeout_in_seconds (${var.detached_timeout_in_seconds})."
    }
    precondition {
      condition     = var.follow_seconds <= 60 * var.interval_minutes
      error_message = "follow_seconds is ${var.follow_seconds}: expected at most interval_minutes (${60 * var.interval_minutes} seconds), because runs would overlap."
    }
    precondition {
      condition     = var.lag_alarm_minutes > var.interval_minutes + coalesce(var.settle_minutes, var.push_enabled ? 20 : 2)
      error_message = "lag_alarm_minutes is ${var.lag_alarm_minutes}: expected more than the sum of interval_minutes and settle_minutes, because the alarm would never clear."
    }
  }
}
