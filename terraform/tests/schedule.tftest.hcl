# Hourly schedules combine into a run every interval_minutes.

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

run "every_60_minutes" {
  command = plan

  variables {
    interval_minutes = 60
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 1
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[3h]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "every_30_minutes" {
  command = plan

  variables {
    interval_minutes = 30
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *", "30 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 2
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[2h]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "every_20_minutes" {
  command = plan

  variables {
    interval_minutes = 20
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *", "20 * * * *", "40 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 3
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[60m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "every_15_minutes" {
  command = plan

  variables {
    interval_minutes = 15
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *", "15 * * * *", "30 * * * *", "45 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 4
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "every_10_minutes" {
  command = plan

  variables {
    interval_minutes = 10
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *", "10 * * * *", "20 * * * *", "30 * * * *", "40 * * * *", "50 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 6
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[30m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "every_5_minutes" {
  command = plan

  variables {
    interval_minutes = 5
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.recurrence_details] == ["0 * * * *", "5 * * * *", "10 * * * *", "15 * * * *", "20 * * * *", "25 * * * *", "30 * * * *", "35 * * * *", "40 * * * *", "45 * * * *", "50 * * * *", "55 * * * *"]
    error_message = jsonencode([for each in oci_resource_scheduler_schedule.run : each.recurrence_details])
  }

  assert {
    condition     = length(toset([for each in oci_resource_scheduler_schedule.run : each.display_name])) == 12
    error_message = "schedule names are not unique"
  }

  assert {
    condition     = oci_monitoring_alarm.own["missing"].query == "run_seconds[15m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
    error_message = oci_monitoring_alarm.own["missing"].query
  }
}

run "each_starts_this_function_with_an_empty_request" {
  assert {
    condition = alltrue([
      for each in oci_resource_scheduler_schedule.run : (
        each.action == "START_RESOURCE" && each.recurrence_type == "CRON" && each.state == "ACTIVE" &&
        length(each.resources) == 1 && each.resources[0].id == "ocid1.fnfunc.oc1..function" &&
        length(each.resources[0].parameters) == 1 && each.resources[0].parameters[0].parameter_type == "BODY" &&
        length(each.resources[0].parameters[0].value) == 1 && each.resources[0].parameters[0].value[0] == "{}"
      )
    ])
    error_message = jsonencode(oci_resource_scheduler_schedule.run)
  }
}

run "follow_mode" {
  command = plan

  variables {
    interval_minutes            = 60
    detached_timeout_in_seconds = 3600
    follow_seconds              = 3500
  }

  assert {
    condition     = [for each in oci_resource_scheduler_schedule.run : each.resources[0].parameters[0].value[0]] == ["{\"follow_seconds\":3500}"]
    error_message = "a schedule does not request follow mode"
  }
}

run "schedules_disabled" {
  command = plan

  variables {
    schedule_enabled = false
  }

  assert {
    condition     = alltrue([for each in oci_resource_scheduler_schedule.run : each.state == "INACTIVE"])
    error_message = "a schedule is active"
  }

  assert {
    condition = (
      [for name, each in oci_monitoring_alarm.own : name if !each.is_enabled] == ["missing"] &&
      [for name, each in oci_monitoring_alarm.platform : name if !each.is_enabled] == ["not_started"]
    )
    error_message = "with schedules disabled, the alarms on missing runs and no others must be disabled"
  }
}
