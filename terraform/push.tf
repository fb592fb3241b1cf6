# Connector Hub pushes the audit events of this region to a second function, within about a minute. The schedules poll the rest.

locals {
  push_count = var.push_enabled ? 1 : 0
  # With a stream, events wait there for up to a week: Logging keeps what a connector has not delivered for 24 hours only.
  push_stream_count = var.push_enabled && var.push_stream_enabled ? 1 : 0

  connector_where = "request.principal.type='serviceconnector', request.principal.compartment.id='${var.compartment_ocid}'"

  push_alarms = !var.push_enabled || var.metrics_namespace == "" ? {} : {
    failed = {
      query    = "pushes_failed[${local.window}]${local.this_deployment}.groupBy(region).sum() > 0"
      severity = "WARNING", pending = "PT5M"
      body     = "A push failed. The connector sends its batch again, and polling sends what is not pushed. The log line of the push contains the cause."
    }
    stopped = {
      query    = "push_stopped[${local.window}]${local.this_deployment}.groupBy(region).min() > 0"
      severity = "ERROR", pending = "PT5M"
      body     = "Nothing is pushed any more, but polling still finds events. They are forwarded later than usual, and none is lost. Check the connector's state and policies."
    }
    # The state of a connector is not a metric. Polling itself is audited, so a connector that is active always has events to push.
    missing = {
      query    = "push_seconds[2h]${local.this_deployment}.groupBy(region).absent(3d)"
      severity = "ERROR", pending = "PT5M"
      body     = "Nothing has been pushed for two hours: the connector is deactivated or needs attention. Polling forwards the events. Check its state, and activate it again. ${local.absent_clears}"
    }
    delay = {
      query    = "push_delay_seconds[${local.window}]${local.this_deployment}.groupBy(region).min() > 900"
      severity = "WARNING", pending = "PT5M"
      body     = "Events are pushed more than 15 minutes after they happened: the connector is behind."
    }
  }
  connector_alarms = !var.push_enabled ? {} : {
    errors = {
      query    = "ServiceConnectorHubErrors[5m]{${local.push_connectors}}.groupBy(connectorId).sum() > 0"
      severity = "WARNING", pending = "PT5M"
      body     = "The connector reports errors: a policy is missing, or the push function fails. It sends the batch again."
    }
    freshness = {
      query    = "DataFreshness[5m]{${local.push_connectors}}.groupBy(connectorId).max() > 900000"
      severity = "WARNING", pending = "PT5M"
      body     = "The oldest event that the connector has not delivered is more than 15 minutes old. Logging keeps it for 24 hours; polling sends what is lost."
    }
  }
  push_connectors = "connectorId =~ \"${join("|", concat(oci_sch_service_connector.push[*].id, oci_sch_service_connector.stream[*].id))}\""
}

resource "oci_functions_function" "push" {
  count = local.push_count

  application_id     = oci_functions_application.this.id
  display_name       = "${var.name}-push"
  image              = var.image
  image_digest       = local.image_digest
  memory_in_mbs      = tostring(var.push_memory_in_mbs)
  timeout_in_seconds = var.push_timeout_in_seconds
  config             = { for name, value in local.config : name => value if name != "SEAL_KEY" } # the scheduled function seals what is pushed
  defined_tags       = local.defined_tags
  freeform_tags      = var.freeform_tags

  depends_on = [oci_objectstorage_object.inline_value]
}

resource "oci_streaming_stream" "push" {
  count = local.push_stream_count

  compartment_id     = var.compartment_ocid
  name               = "${var.name}-push"
  partitions         = 1 # one connector reads in order
  retention_in_hours = 168
  defined_tags       = local.defined_tags
  freeform_tags      = var.freeform_tags
}

# From the audit logs of the whole tenancy, in this region, to the stream.
resource "oci_sch_service_connector" "stream" {
  count = local.push_stream_count

  compartment_id = var.compartment_ocid
  display_name   = "${var.name}-stream"
  description    = "Moves the audit events of the tenancy to a stream, which keeps them for a week."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  source {
    kind = "logging"
    log_sources {
      compartment_id = var.tenancy_ocid
      log_group_id   = "_Audit_Include_Subcompartment"
    }
  }

  target {
    kind      = "streaming"
    stream_id = oci_streaming_stream.push[0].id
  }

  depends_on = [oci_identity_policy.connector]
}

# From the audit logs, or from the stream, to the push function.
resource "oci_sch_service_connector" "push" {
  count = local.push_count

  compartment_id = var.compartment_ocid
  display_name   = "${var.name}-push"
  description    = "Pushes the audit events of the tenancy to Epimetheus."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  source {
    kind      = var.push_stream_enabled ? "streaming" : "logging"
    stream_id = one(oci_streaming_stream.push[*].id)

    dynamic "cursor" {
      for_each = oci_streaming_stream.push
      content {
        kind = "TRIM_HORIZON"
      }
    }
    dynamic "log_sources" {
      for_each = var.push_stream_enabled ? [] : [var.tenancy_ocid]
      content {
        compartment_id = log_sources.value
        log_group_id   = "_Audit_Include_Subcompartment"
      }
    }
  }

  target {
    kind              = "functions"
    function_id       = oci_functions_function.push[0].id
    batch_size_in_kbs = var.push_batch_size_in_kbs
    batch_time_in_sec = var.push_batch_time_in_seconds
  }

  depends_on = [oci_identity_policy.connector]
}

# Nothing allows a connector anything by default: without these statements it moves nothing, silently.
resource "oci_identity_policy" "connector" {
  provider = oci.home
  count    = local.push_count

  compartment_id = var.tenancy_ocid
  name           = "${var.name}-connector"
  description    = "Allows the connector of Epimetheus to read audit logs and to call the push function."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags

  statements = concat(
    [
      # Logging: the audit logs of all compartments.
      "Allow any-user to read log-content in tenancy where all {${local.connector_where}}",
      # Functions GetFunction and InvokeFunction.
      "Allow any-user to use fn-function in ${local.scope} where all {${local.connector_where}}",
      "Allow any-user to use fn-invocation in ${local.scope} where all {${local.connector_where}}",
    ],
    # Streaming PutMessages, GetMessages and CreateCursor.
    flatten([
      for each in oci_streaming_stream.push : [
        "Allow any-user to use stream-push in ${local.scope} where all {${local.connector_where}, target.stream.id='${each.id}'}",
        "Allow any-user to use stream-pull in ${local.scope} where all {${local.connector_where}, target.stream.id='${each.id}'}",
      ]
    ]),
  )
}

resource "oci_monitoring_alarm" "push" {
  for_each = local.push_alarms

  compartment_id        = var.compartment_ocid
  metric_compartment_id = local.metrics_compartment
  namespace             = var.metrics_namespace
  display_name          = "${var.name}-push-${each.key}"
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = "${each.value.body} See docs/operate.md."
  is_enabled            = var.alarms_enabled
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = local.defined_tags
  freeform_tags         = var.freeform_tags

  repeat_notification_duration                  = "PT12H"
  is_notifications_per_metric_dimension_enabled = true
}

resource "oci_monitoring_alarm" "connector" {
  for_each = local.connector_alarms

  compartment_id        = var.compartment_ocid
  metric_compartment_id = var.compartment_ocid
  namespace             = "oci_service_connector_hub"
  display_name          = "${var.name}-connector-${each.key}"
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = "${each.value.body} See docs/operate.md."
  is_enabled            = var.alarms_enabled
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = local.defined_tags
  freeform_tags         = var.freeform_tags

  repeat_notification_duration = "PT12H"
}
