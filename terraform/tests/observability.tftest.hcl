# Alarms query the metrics that this function posts, and its invocations.

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

run "cloud_guard_is_missing_if_it_is_not_polled" {
  variables {
    sources             = ["audit", "cloud_guard"]
    interval_minutes    = 5
    cloud_guard_minutes = 30
  }

  assert {
    condition     = oci_monitoring_alarm.own["cloud_guard_missing"].query == "poll_seconds[2h]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["cloud_guard_missing"].query
  }

  assert {
    condition     = length(oci_monitoring_alarm.own) == 18
    error_message = "the alarm replaces another one"
  }
}

run "alarms" {
  variables {
    notification_emails = ["soc@example.com", "oncall@example.com"]
  }

  assert {
    condition = { for name, each in oci_monitoring_alarm.own : name => each.query } == {
      lag                    = "lag_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 7200"
      failed                 = "runs_failed[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).sum() > 0"
      missing                = "run_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
      skipped                = "runs_skipped[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 0"
      seal_missing           = "seals[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() < 1"
      seals_unsent           = "seals_unsent[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 0"
      seal_chain_broken      = "seal_chain_broken[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 0"
      first_start            = "first_start[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 0"
      behind                 = "compartments_behind[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 0"
      listing_age            = "listing_age_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 3600"
      regions_uncovered      = "regions_uncovered[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 0"
      compartments_uncovered = "compartments_uncovered[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 0"
      late                   = "late_events[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).sum() > 0"
      reconcile_lag          = "reconcile_lag_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 86400"
      given_up               = "compartments_given_up[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 0"
      rate_limited           = "events_rate_limited[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max() > 0"
      certificate            = "certificate_days_left[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() < 21"
    }
    error_message = jsonencode({ for name, each in oci_monitoring_alarm.own : name => each.query })
  }

  assert {
    condition = alltrue([
      for each in oci_monitoring_alarm.own : each.namespace == "epimetheus" && each.metric_compartment_id == "ocid1.compartment.oc1..here"
    ])
    error_message = "an alarm queries a compartment or namespace that the function does not post to"
  }

  assert {
    condition = (
      oci_functions_function.this.config.METRICS_COMPARTMENT_OCID == "ocid1.compartment.oc1..here" &&
      !contains(keys(oci_functions_function.this.config), "METRICS_NAMESPACE")
    )
    error_message = "the function posts metrics to a compartment or namespace without alarms"
  }

  assert {
    condition = (
      oci_monitoring_alarm.platform["not_started"].namespace == "oci_faas" &&
      oci_monitoring_alarm.platform["not_started"].query == "FunctionInvocationCount[45m]{resourceId = \"ocid1.fnfunc.oc1..function\"}.groupBy(resourceId).absent(3d)"
    )
    error_message = oci_monitoring_alarm.platform["not_started"].query
  }

  assert {
    condition = alltrue([
      for each in concat(values(oci_monitoring_alarm.own), values(oci_monitoring_alarm.platform)) : (
        each.is_enabled && each.destinations == tolist(["ocid1.onstopic.oc1..topic"]) &&
        contains(["CRITICAL", "ERROR", "WARNING", "INFO"], each.severity) &&
        contains(["PT1M", "PT5M", "PT30M"], each.pending_duration) && each.resolution == "1m"
      )
    ])
    error_message = "an alarm is disabled, has no destination, or has a value that Monitoring rejects"
  }

  assert {
    condition = (
      toset([for each in oci_ons_subscription.email : "${each.protocol} ${each.endpoint} ${each.topic_id}"]) ==
      toset(["EMAIL soc@example.com ocid1.onstopic.oc1..topic", "EMAIL oncall@example.com ocid1.onstopic.oc1..topic"])
    )
    error_message = "an e-mail address has no subscription"
  }

  assert {
    condition     = output.log_searches.everything == "search \"ocid1.compartment.oc1..here/ocid1.loggroup.oc1..group/ocid1.log.oc1..log\" | sort by datetime desc"
    error_message = output.log_searches.everything
  }

  assert {
    condition = (
      output.dashboard.namespace == "epimetheus" && output.dashboard.compartment_ocid == "ocid1.compartment.oc1..here" &&
      length(output.dashboard.widgets) == 12 && output.dashboard.widgets[0] == {
        title = "Lag (s)"
        chart = "line"
        query = "lag_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).max()"
      }
    )
    error_message = jsonencode(output.dashboard)
  }

  assert {
    condition     = output.metric_queries.unconfirmed == "events_unconfirmed[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).sum()"
    error_message = jsonencode(output.metric_queries)
  }
}

run "other_namespace_compartment_and_thresholds" {
  command = plan

  variables {
    metrics_namespace        = "audit_forwarding"
    metrics_compartment_ocid = "ocid1.compartment.oc1..metrics"
    lag_alarm_minutes        = 60
    certificate_alarm_days   = 30
    state_prefix             = "audit/second/"
  }

  assert {
    condition = alltrue([
      for each in oci_monitoring_alarm.own : each.namespace == "audit_forwarding" && each.metric_compartment_id == "ocid1.compartment.oc1..metrics"
    ])
    error_message = "an alarm queries a compartment or namespace that the function does not post to"
  }

  assert {
    condition = (
      oci_monitoring_alarm.own["lag"].query == "lag_seconds[45m]{deployment = \"epimetheus/audit/second\"}.groupBy(region).max() > 3600" &&
      oci_monitoring_alarm.own["certificate"].query == "certificate_days_left[45m]{deployment = \"epimetheus/audit/second\"}.groupBy(region).min() < 30"
    )
    error_message = "an alarm does not use the threshold of its variable"
  }
}

run "without_metrics" {
  command = plan

  variables {
    metrics_namespace = ""
  }

  assert {
    condition     = length(oci_monitoring_alarm.own) == 0 && length(oci_monitoring_alarm.platform) == 1 && length(output.metric_queries) == 0 && length(output.dashboard.widgets) == 0
    error_message = "there are alarms on metrics that are not posted"
  }

  assert {
    condition     = local.config.METRICS_NAMESPACE == ""
    error_message = "the configuration does not disable metrics"
  }
}

run "alarms_disabled" {
  command = plan

  variables {
    alarms_enabled = false
  }

  assert {
    condition     = !anytrue([for each in concat(values(oci_monitoring_alarm.own), values(oci_monitoring_alarm.platform)) : each.is_enabled])
    error_message = "an alarm is enabled"
  }
}
