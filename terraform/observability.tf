# The function's log, alarms on its metrics, and notifications by e-mail.

resource "oci_ons_notification_topic" "this" {
  compartment_id = var.compartment_ocid
  name           = var.name
  description    = "Alarms and failed runs of Epimetheus."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

# A warning: it does not stop an apply.
check "recipients" {
  assert {
    condition     = !var.alarms_enabled || length(var.notification_emails) > 0
    error_message = "notification_emails is empty: no one receives the alarms, unless the topic has other subscriptions. Set notification_emails, or alarms_enabled = false."
  }
}

resource "oci_ons_subscription" "email" {
  for_each = toset(var.notification_emails)

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this.id
  protocol       = "EMAIL"
  endpoint       = each.value
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_logging_log_group" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  description    = "Log of the Epimetheus function."
  defined_tags   = local.defined_tags
  freeform_tags  = var.freeform_tags
}

resource "oci_logging_log" "invocations" {
  log_group_id       = oci_logging_log_group.this.id
  display_name       = "${var.name}-invocations"
  log_type           = "SERVICE"
  is_enabled         = true
  retention_duration = var.log_retention_days
  defined_tags       = local.defined_tags
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
  # Other deployments can post to the same compartment and namespace. The function makes the same value (epimetheus/wiring/regions.py).
  this_deployment = "{deployment = \"${substr(trimsuffix("${local.bucket}/${local.state_prefix}", "/"), 0, 256)}\"}"

  absent_clears = "This alarm clears after 3 days, even if nothing has changed by then: also search for silence in the SIEM (docs/siem.md)."

  # A run polls Cloud Guard less often than it reads audit events, so its absence has a metric and a window of its own.
  poll_minutes = 3 * max(var.interval_minutes, var.cloud_guard_minutes)
  poll_window  = local.poll_minutes <= 60 ? "${local.poll_minutes}m" : "${ceil(local.poll_minutes / 60)}h"
  cloud_guard_alarms = { for name, alarm in {
    cloud_guard_missing = {
      query    = "poll_seconds[${local.poll_window}]${local.this_deployment}.groupBy(region).absent(3d)"
      severity = "ERROR", pending = "PT5M", when_scheduled = true
      body     = "No poll of Cloud Guard has ended for ${local.poll_window}. Audit events are not affected. ${local.absent_clears}"
    }
  } : name => alarm if local.uses_cloud_guard }

  # The function's own metrics: one stream for each region, without data points between runs.
  own_alarms = var.metrics_namespace == "" ? {} : merge(local.cloud_guard_alarms, {
    lag = {
      query    = "lag_seconds[${local.window}]${local.this_deployment}.groupBy(region).max() > ${60 * var.lag_alarm_minutes}"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = false
      body     = "Forwarding lags by more than ${var.lag_alarm_minutes} minutes. No events are lost: OCI retains them for a year."
    }
    failed = {
      query    = "runs_failed[${local.window}]${local.this_deployment}.groupBy(region).sum() > 0"
      severity = "ERROR", pending = "PT1M", when_scheduled = false
      body     = "A run failed. Its log line contains the cause and the fix. The next run continues from the last checkpoint."
    }
    # Without groupBy, a missing stream would not raise an alarm. absent() forgets a stream after its period, of three days at most, and does
    # not know one that never was: before the first run has ended, not_started reports.
    missing = {
      query    = "run_seconds[${local.window}]${local.this_deployment}.groupBy(region).absent(3d)"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = true
      body     = "No run has ended for ${local.window}. Check the schedules and the function's log. ${local.absent_clears}"
    }
    # Each run posts 1 or 0.
    seal_missing = {
      query    = "seals[${local.window}]${local.this_deployment}.groupBy(region).max() < 1"
      severity = "ERROR", pending = "PT5M", when_scheduled = false
      body     = "No run of the last ${local.window} has stored its seal. Events are forwarded, but `epimetheus verify` cannot prove it. The warning of the run has the cause."
    }
    seals_unsent = {
      query    = "seals_unsent[${local.window}]${local.this_deployment}.groupBy(region).min() > 0"
      severity = "WARNING", pending = "PT30M", when_scheduled = false
      body     = "Seals are stored, but their messages have not reached the SIEM: it cannot witness the chain. Runs send them first, as soon as they can."
    }
    seal_chain_broken = {
      query    = "seal_chain_broken[${local.window}]${local.this_deployment}.groupBy(region).max() > 0"
      severity = "ERROR", pending = "PT1M", when_scheduled = false
      body     = "A run found that the newest seal was deleted: the chain has a gap. The warning of the run names the object. Restore it from a copy, find out who deleted it, and run `epimetheus verify`."
    }
    # The minimum of the window is 1 only if every run was skipped.
    skipped = {
      query    = "runs_skipped[${local.window}]${local.this_deployment}.groupBy(region).min() > 0"
      severity = "WARNING", pending = "PT5M", when_scheduled = false
      body     = "Every run of the last ${local.window} was skipped: another run holds the lease."
    }
    first_start = {
      query    = "first_start[${local.window}]${local.this_deployment}.groupBy(region).max() > 0"
      severity = "INFO", pending = "PT1M", when_scheduled = false
      body     = "A run found no state and started from INITIAL_LOOKBACK_HOURS. Expected once, after the first deployment or for a new region."
    }
    behind = {
      query    = "compartments_behind[${local.window}]${local.this_deployment}.groupBy(region).max() > 0"
      severity = "WARNING", pending = "PT30M", when_scheduled = false
      body     = "A compartment cannot be read. The others continue; it is backfilled when it can be read again."
    }
    listing_age = {
      query    = "listing_age_seconds[${local.window}]${local.this_deployment}.groupBy(region).min() > ${60 * var.listing_max_age_minutes}"
      severity = "ERROR", pending = "PT5M", when_scheduled = false
      body     = "The listing of compartments or regions is out of date: new ones are not read. Check the policy statements `inspect compartments` and `inspect tenancies`."
    }
    # A gap that closes within half an hour, such as a compartment that was just created, raises no alarm.
    regions_uncovered = {
      query    = "regions_uncovered[${local.window}]${local.this_deployment}.groupBy(region).min() > 0"
      severity = "ERROR", pending = "PT30M", when_scheduled = false
      body     = "Subscribed regions are not read, or OCI does not list them. The warning of the run names them and the missing policy statement."
    }
    compartments_uncovered = {
      query    = "compartments_uncovered[${local.window}]${local.this_deployment}.groupBy(region).min() > 0"
      severity = "ERROR", pending = "PT30M", when_scheduled = false
      body     = "Existing compartments cannot be read or listed: their events are not forwarded. The warning of the run names them."
    }
    late = {
      query    = "late_events[${local.window}]${local.this_deployment}.groupBy(region).sum() > 0"
      severity = "INFO", pending = "PT1M", when_scheduled = false
      body     = "OCI listed events after they were read. Reconciliation found them and sent them, marked late: rules for recent events may have missed them."
    }
    # The last pass lists a day at once: up to a day is due for a moment.
    reconcile_lag = {
      query    = "reconcile_lag_seconds[${local.window}]${local.this_deployment}.groupBy(region).min() > 86400"
      severity = "WARNING", pending = "PT30M", when_scheduled = false
      body     = "Reconciliation is more than a day behind: runs have too little time left for it. New events are forwarded; events that OCI lists late arrive later."
    }
    given_up = {
      query    = "compartments_given_up[${local.window}]${local.this_deployment}.groupBy(region).max() > 0"
      severity = "ERROR", pending = "PT1M", when_scheduled = false
      body     = "Deleted compartments could not be read for 6 hours and are abandoned: their last events are not forwarded. The log names them."
    }
    rate_limited = {
      query    = "events_rate_limited[${local.window}]${local.this_deployment}.groupBy(region).max() > 0"
      severity = "WARNING", pending = "PT5M", when_scheduled = false
      body     = "Events exceed a rate limit in RULES and are not forwarded."
    }
    certificate = {
      query    = "certificate_days_left[${local.window}]${local.this_deployment}.groupBy(region).min() < ${var.certificate_alarm_days}"
      severity = "ERROR", pending = "PT5M", when_scheduled = false
      body     = "A certificate expires in less than ${var.certificate_alarm_days} days. Forwarding stops when it expires."
    }
  })
  # In the order of the dashboard. Statistics suit metrics that are posted once a run.
  widgets = var.metrics_namespace == "" ? [] : [
    { name = "lag", title = "Lag (s)", chart = "line", query = "lag_seconds[${local.window}]${local.this_deployment}.groupBy(region).max()" },
    { name = "failed", title = "Failed runs", chart = "bar", query = "runs_failed[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "skipped", title = "Skipped runs", chart = "bar", query = "runs_skipped[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "behind", title = "Compartments behind", chart = "line", query = "compartments_behind[${local.window}]${local.this_deployment}.groupBy(region).max()" },
    { name = "late", title = "Late events", chart = "bar", query = "late_events[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "reconcile_lag", title = "Reconciliation lag (s)", chart = "line", query = "reconcile_lag_seconds[${local.window}]${local.this_deployment}.groupBy(region).max()" },
    { name = "forwarded", title = "Events forwarded", chart = "bar", query = "events_forwarded[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "filtered", title = "Events filtered", chart = "bar", query = "events_filtered[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "unconfirmed", title = "Events unconfirmed", chart = "bar", query = "events_unconfirmed[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "duration", title = "Duration of runs (s)", chart = "line", query = "run_seconds[${local.window}]${local.this_deployment}.groupBy(region).max()" },
    { name = "throttled", title = "Requests throttled by OCI", chart = "bar", query = "api_throttled[${local.window}]${local.this_deployment}.groupBy(region).sum()" },
    { name = "certificate", title = "Certificate (days left)", chart = "single value", query = "certificate_days_left[${local.window}]${local.this_deployment}.groupBy(region).min()" },
  ]
  this_function = "resourceId = \"${oci_functions_function.this.id}\""
  # A metric of the platform, for a function that fails before it posts metrics.
  platform_alarms = {
    not_started = {
      query    = "FunctionInvocationCount[${local.window}]{${local.this_function}}.groupBy(resourceId).absent(3d)"
      severity = "CRITICAL", pending = "PT5M", when_scheduled = true
      body     = "The function has not been started for ${local.window}. Check the schedules and their policy. ${local.absent_clears}"
    }
  }
}

resource "oci_monitoring_alarm" "own" {
  for_each = local.own_alarms

  compartment_id        = var.compartment_ocid
  metric_compartment_id = local.metrics_compartment
  namespace             = var.metrics_namespace
  display_name          = "${var.name}-${replace(each.key, "_", "-")}"
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = "${each.value.body} See docs/operate.md."
  is_enabled            = var.alarms_enabled && (var.schedule_enabled || !each.value.when_scheduled)
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = local.defined_tags
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
  body                  = "${each.value.body} See docs/operate.md."
  is_enabled            = var.alarms_enabled && (var.schedule_enabled || !each.value.when_scheduled)
  destinations          = [oci_ons_notification_topic.this.id]
  resolution            = "1m"
  message_format        = "ONS_OPTIMIZED"
  defined_tags          = local.defined_tags
  freeform_tags         = var.freeform_tags

  repeat_notification_duration = "PT12H"
}
