# The function and its configuration.

locals {
  # Changes of these resources affect the forwarding itself. The function's configuration contains their OCIDs, so they must exist before it.
  # What depends on the function's OCID cannot be included: the function, the schedules, the dynamic group, the policies.
  watched = concat(
    [
      oci_functions_application.this.id,
      oci_objectstorage_bucket.state.bucket_id,
      oci_ons_notification_topic.this.id,
      oci_logging_log_group.this.id,
    ],
    oci_vault_secret.client_key[*].id,
  )
  watch_own = var.tamper_watch == null
  config = merge(
    local.known,
    var.create_vault ? { SYSLOG_CLIENT_KEY = "vault:${oci_vault_secret.client_key[0].id}" } : {},
    local.watch_own ? { TAMPER_WATCH = join(",", local.watched) } : {},
  )

  # The length of OCIDs is unknown when planning; 128 bytes each is an upper bound.
  late_bytes   = (local.watch_own ? 12 + 128 * length(local.watched) : 0) + (var.create_vault ? 17 + 6 + 128 : 0)
  config_bytes = sum(concat(values(local.sizes), [local.late_bytes]))

  has_certificate = contains(keys(local.known), "SYSLOG_CLIENT_CERT")
  has_key         = var.create_vault || contains(keys(local.known), "SYSLOG_CLIENT_KEY")
  tls_only        = setintersection(["SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SYSLOG_SERVER_NAME"], keys(local.known))
  mode            = coalesce(var.compartment_mode, "all")
  mode_takes_ids  = contains(["include", "exclude"], local.mode)
}

resource "oci_functions_application" "this" {
  compartment_id             = var.compartment_ocid
  display_name               = var.name
  shape                      = var.shape
  subnet_ids                 = [local.subnet_id]
  network_security_group_ids = local.security_group_ids
  defined_tags               = var.defined_tags
  freeform_tags              = var.freeform_tags

  # The function logs JSON lines, so that they can be searched by field.
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

  # Also reports a run that was killed, or failed before it posted metrics.
  failure_destination {
    kind     = "NOTIFICATION"
    topic_id = oci_ons_notification_topic.this.id
  }

  # Combinations of variables that the function rejects, but only when it runs.
  lifecycle {
    precondition {
      condition = local.config_bytes <= 4096
      error_message = join(" ", [
        "The function's configuration takes ${local.config_bytes} bytes, keys and values together: OCI Functions allows 4096.",
        "Shorten the lists: compartment_ids, regions, redact, tamper_watch. Texts of certificates and rules do not count.",
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
      error_message = "syslog_transport is tcp: these variables require tls or relp: ${join(", ", local.tls_only)}."
    }
    precondition {
      condition     = var.syslog_transport != "relp" || !contains(keys(local.known), "SYSLOG_FRAMING")
      error_message = "syslog_framing is set and syslog_transport is relp, which has its own frames: set syslog_framing only with tls or tcp."
    }
    precondition {
      condition     = var.syslog_transport != "relp" || try(var.syslog_max_bytes > 0 && var.syslog_max_bytes <= 131072, true)
      error_message = "syslog_max_bytes with syslog_transport=relp: expected an integer from 480 to 131072."
    }
    precondition {
      condition     = coalesce(var.listing_minutes, 0) <= coalesce(var.listing_max_age_minutes, 60)
      error_message = "listing_minutes: expected at most listing_max_age_minutes (60); otherwise runs are partial without a cause."
    }
    precondition {
      condition     = local.mode_takes_ids == contains(keys(local.known), "COMPARTMENT_IDS")
      error_message = "compartment_mode is ${local.mode}: include and exclude require compartment_ids; all and tenancy_only do not accept it."
    }
    precondition {
      condition     = var.follow_seconds == 0 || var.follow_seconds < var.detached_timeout_in_seconds
      error_message = "follow_seconds is ${var.follow_seconds}: expected less than detached_timeout_in_seconds."
    }
    precondition {
      condition     = var.follow_seconds <= 60 * var.interval_minutes
      error_message = "follow_seconds is ${var.follow_seconds}: expected at most interval_minutes; otherwise runs overlap."
    }
    precondition {
      condition     = var.lag_alarm_minutes > var.interval_minutes + coalesce(var.settle_minutes, 2)
      error_message = "lag_alarm_minutes: expected more than interval_minutes plus settle_minutes; otherwise the alarm never clears."
    }
  }
}
