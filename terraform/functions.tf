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
    oci_vault_secret.seal_key[*].id,
  )
  use_default_tamper_watch = var.tamper_watch == null
  config = merge(
    local.settings,
    { for each in oci_vault_secret.client_key : "SYSLOG_CLIENT_KEY" => "vault:${each.id}" },
    { for each in oci_vault_secret.seal_key : "SEAL_KEY" => "vault:${each.id}" },
    local.use_default_tamper_watch ? { TAMPER_WATCH = join(",", local.default_tamper_watch) } : {},
  )

  # OCIDs of new resources are unknown during planning. Each is shorter than 128 bytes.
  unknown_ocid_bytes = (
    (local.use_default_tamper_watch ? 12 + 128 * length(local.default_tamper_watch) : 0) +
    length(oci_vault_secret.client_key) * (17 + 6 + 128) + length(oci_vault_secret.seal_key) * (8 + 6 + 128)
  )
  config_bytes = sum(concat(values(local.setting_bytes), [local.unknown_ocid_bytes]))

  has_certificate = contains(keys(local.settings), "SYSLOG_CLIENT_CERT")
  has_key         = local.has_client_key_pem || contains(keys(local.settings), "SYSLOG_CLIENT_KEY")
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
  defined_tags               = local.defined_tags
  freeform_tags              = var.freeform_tags

  dynamic "image_policy_config" {
    for_each = length(var.image_signing_key_ocids) > 0 ? [var.image_signing_key_ocids] : []
    content {
      is_policy_enabled = true

      dynamic "key_details" {
        for_each = image_policy_config.value
        content {
          kms_key_id = key_details.value
        }
      }
    }
  }

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
  defined_tags                     = local.defined_tags
  freeform_tags                    = var.freeform_tags

  # Reports runs that are killed, or that fail before they post metrics.
  failure_destination {
    kind     = "NOTIFICATION"
    topic_id = oci_ons_notification_topic.this.id
  }

  # The configuration names these objects: new ones exist before it changes, and old ones are deleted after it.
  depends_on = [oci_objectstorage_object.inline_value]

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
      condition     = var.create_vault == (local.has_client_key_pem || local.has_seal_key_pem)
      error_message = "create_vault, and one of syslog_client_key_pem and seal_key_pem: set both or neither."
    }
    precondition {
      condition = (
        length(compact([var.syslog_client_key, var.syslog_client_key_secret_ocid])) + (local.has_client_key_pem ? 1 : 0) <= 1
      )
      error_message = "syslog_client_key, syslog_client_key_secret_ocid and syslog_client_key_pem: set only one of them."
    }
    precondition {
      condition     = length(compact([var.seal_key, var.seal_key_secret_ocid])) + (local.has_seal_key_pem ? 1 : 0) <= 1
      error_message = "seal_key, seal_key_secret_ocid and seal_key_pem: set only one of them."
    }
    precondition {
      condition     = local.ledger_retention_days <= var.ledger_days
      error_message = "ledger_retention_days is ${local.ledger_retention_days}: expected at most ledger_days (${var.ledger_days}), because entries could not be deleted then."
    }
    precondition {
      condition     = local.ledger_retention_lock_time == null || local.ledger_retention_days > 0
      error_message = "ledger_retention_lock_time: requires a retention rule. Set ledger_retention_days to more than 0, and ledger_bucket to another bucket than state_bucket."
    }
    precondition {
      condition     = !var.use_existing_network || (var.subnet_ocid != null && var.subnet_ocid != "")
      error_message = "use_existing_network is true, but subnet_ocid is not set: set it, or let the module create a network."
    }
    precondition {
      condition     = !local.create_network || !strcontains(var.syslog_host, ":")
      error_message = "syslog_host is an IPv6 address, but the network that the module creates has IPv4 only. Use an IPv4 address or a name, or set subnet_ocid."
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
      condition     = var.listing_minutes <= var.listing_max_age_minutes
      error_message = "listing_minutes is ${var.listing_minutes}: expected at most listing_max_age_minutes (${var.listing_max_age_minutes})."
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
