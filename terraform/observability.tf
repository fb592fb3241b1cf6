# Who is told what: the function's log, alarms on its metrics, and e-mails.

resource "oci_ons_notification_topic" "this" {
  compartment_id = var.compartment_ocid
  name           = var.name
  description    = "Alarms of Epimetheus, and its failed runs."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_ons_subscription" "email" {
  for_each = toset(var.notification_emails)

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this.id
  protocol       = "EMAIL"
  endpoint       = each.value
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_logging_log_group" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  description    = "The log of the function Epimetheus."
  defined_tags   = var.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_logging_log" "invocations" {
  log_group_id       = oci_logging_log_group.this.id
  display_name       = "${var.name}-invocations"
  log_type           = "SERVICE"
  is_enabled         = true
  retention_duration = var.log_retention_days
  defined_tags       = var.defined_tags
  freeform_tags      = var.freeform_tags

  configuration {
    compartment_id = var.compartment_ocid

    source {
      source_type = "OCISERVICE"
      service     = "functions"
      category    = "invoke"
      resource    = oci_functions_application.this.id
    }
  }
}

locals {
  # The function's own metrics: a stream for each region it forwards, which says nothing between two runs.
  own_alarms = local.metrics_namespace == "" ? {} : {
    lag = {
      query    = "lag_seconds[${local.window}].groupBy(region).max() > ${60 * var.lag_alarm_minutes}"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = false
      body     = "Events are more than ${var.lag_alarm_minutes} minutes behind. Nothing is lost: OCI keeps them for a year."
    }
    failed = {
      query    = "runs_failed[${local.window}].groupBy(region).sum() > 0"
      severity = "ERROR", pending = "PT1M", when_scheduled = false
      body     = "A run failed; its log line says why and what to do. The next run begins where the last good one ended."
    }
    # Without groupBy, or where absent() gives up sooner, silence would look like health.
    missing = {
      query    = "run_seconds[${local.window}].groupBy(region).absent(3d)"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = true
      body     = "No run has come to its end for ${local.window}: look at the schedules, and at the function's log."
    }
    # The least of the window: 1 only if every run of it was skipped.
    skipped = {
      query    = "runs_skipped[${local.window}].groupBy(region).min() > 0"
      severity = "WARNING", pending = "PT5M", when_scheduled = false
      body     = "For ${local.window}, every run was skipped: another run holds the lease."
    }
    first_start = {
      query    = "first_start[${local.window}].groupBy(region).max() > 0"
      severity = "INFO", pending = "PT1M", when_scheduled = false
      body     = "A run found no earlier state and began anew. Expected once, after the first deployment or for a new region."
    }
    behind = {
      query    = "compartments_behind[${local.window}].groupBy(region).max() > 0"
      severity = "WARNING", pending = "PT30M", when_scheduled = false
      body     = "A compartment can not be read. The others go on, and it is made up for once it can."
    }
    listing_age = {
      query    = "listing_age_seconds[${local.window}].groupBy(region).min() > ${60 * coalesce(var.listing_max_age_minutes, 60)}"
      severity = "ERROR", pending = "PT5M", when_scheduled = false
      body     = "The list of compartments or regions is out of date: new ones are not read. Check the policy for `inspect compartments`."
    }
    given_up = {
      query    = "compartments_given_up[${local.window}].groupBy(region).max() > 0"
      severity = "ERROR", pending = "PT1M", when_scheduled = false
      body     = "Deleted compartments were refused for 6 hours and are given up; their last events are not forwarded. The log names them."
    }
    rate_limited = {
      query    = "events_rate_limited[${local.window}].groupBy(region).max() > 0"
      severity = "WARNING", pending = "PT5M", when_scheduled = false
      body     = "Rate limits of RULES hold events back."
    }
    certificate = {
      query    = "certificate_days_left[${local.window}].groupBy(region).min() < ${var.certificate_alarm_days}"
      severity = "ERROR", pending = "PT5M", when_scheduled = false
      body     = "A certificate expires in less than ${var.certificate_alarm_days} days. After that nothing is forwarded."
    }
  }
  this_function = "resourceId = \"${oci_functions_function.this.id}\""
  # The platform's word, for a function that does not get as far as posting metrics.
  platform_alarms = {
    not_started = {
      query    = "FunctionInvocationCount[${local.window}]{${local.this_function}}.groupBy(resourceId).absent(3d)"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = true
      body     = "Nobody has started the function for ${local.window}: look at the schedules and their policy."
    }
  }
}

resource "oci_monitoring_alarm" "own" {
  for_each = local.own_alarms

  compartment_id        = var.compartment_ocid
  metric_compartment_id = local.metrics_compartment
  namespace             = local.metrics_namespace
  display_name          = "${var.name}-${replace(each.key, "_", "-")}"
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = "${each.value.body} docs/operate.md says more."
  is_enabled            = var.alarms_enabled && (var.schedule_enabled || !each.value.when_scheduled)
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = var.defined_tags
  freeform_tags         = var.freeform_tags

  repeat_notification_duration                  = "PT12H"
  is_notifications_per_metric_dimension_enabled = true
}

resource "oci_monitoring_alarm" "platform" {
  for_each = local.platform_alarms

  compartment_id        = var.compartment_ocid
  metric_compartment_id = var.compartment_ocid
  namespace             = "oci_faas"
  display_name          = "${var.name}-${replace(each.key, "_", "-")}"
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = "${each.value.body} docs/operate.md says more."
  is_enabled            = var.alarms_enabled && (var.schedule_enabled || !each.value.when_scheduled)
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = var.defined_tags
  freeform_tags         = var.freeform_tags

  repeat_notification_duration = "PT12H"
}
