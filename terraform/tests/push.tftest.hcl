# Connector Hub: nothing without push_enabled; with it, a connector, a second function, its policies and alarms.

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

run "off" {
  assert {
    condition = (
      length(oci_functions_function.push) + length(oci_sch_service_connector.push) + length(oci_sch_service_connector.stream) +
      length(oci_streaming_stream.push) + length(oci_identity_policy.connector) + length(oci_monitoring_alarm.push) +
      length(oci_monitoring_alarm.connector) == 0
    )
    error_message = "push resources exist without push_enabled"
  }

  assert {
    condition     = !contains(keys(oci_functions_function.this.config), "PUSH")
    error_message = "the function expects pushes"
  }
}

run "logging" {
  variables {
    push_enabled            = true
    push_memory_in_mbs      = 1024
    push_timeout_in_seconds = 120
    seal_key_secret_ocid    = "ocid1.vaultsecret.oc1..seal"
  }

  assert {
    condition = (
      oci_functions_function.push[0].memory_in_mbs == "1024" && oci_functions_function.push[0].timeout_in_seconds == 120 &&
      oci_functions_function.push[0].image == oci_functions_function.this.image &&
      tomap(merge(oci_functions_function.push[0].config, { SEAL_KEY = "vault:ocid1.vaultsecret.oc1..seal" })) == oci_functions_function.this.config &&
      !contains(keys(oci_functions_function.push[0].config), "SEAL_KEY") &&
      oci_functions_function.push[0].config.PUSH == "true"
    )
    error_message = "the push function differs from the scheduled one in more than its memory and timeout, or has the key that signs seals"
  }

  assert {
    condition = (
      oci_sch_service_connector.push[0].source[0].kind == "logging" &&
      oci_sch_service_connector.push[0].source[0].log_sources[0].compartment_id == "ocid1.tenancy.oc1..tenancy" &&
      oci_sch_service_connector.push[0].source[0].log_sources[0].log_group_id == "_Audit_Include_Subcompartment" &&
      oci_sch_service_connector.push[0].target[0].kind == "functions" &&
      oci_sch_service_connector.push[0].target[0].function_id == oci_functions_function.push[0].id &&
      oci_sch_service_connector.push[0].target[0].batch_size_in_kbs == 4096 &&
      oci_sch_service_connector.push[0].target[0].batch_time_in_sec == 60 &&
      length(oci_streaming_stream.push) == 0
    )
    error_message = "the connector does not move the audit logs of the whole tenancy to the push function"
  }

  assert {
    condition = oci_identity_policy.connector[0].statements == tolist([
      "Allow any-user to read log-content in tenancy where all {request.principal.type='serviceconnector', request.principal.compartment.id='ocid1.compartment.oc1..here'}",
      "Allow any-user to use fn-function in compartment id ocid1.compartment.oc1..here where all {request.principal.type='serviceconnector', request.principal.compartment.id='ocid1.compartment.oc1..here'}",
      "Allow any-user to use fn-invocation in compartment id ocid1.compartment.oc1..here where all {request.principal.type='serviceconnector', request.principal.compartment.id='ocid1.compartment.oc1..here'}",
    ])
    error_message = jsonencode(oci_identity_policy.connector[0].statements)
  }

  assert {
    condition     = oci_identity_dynamic_group.function.matching_rule == "ALL {resource.type='fnfunc', any {resource.id='ocid1.fnfunc.oc1..function', resource.id='ocid1.fnfunc.oc1..function'}}"
    error_message = oci_identity_dynamic_group.function.matching_rule
  }

  assert {
    condition = { for name, each in oci_monitoring_alarm.push : name => each.query } == {
      failed  = "pushes_failed[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).sum() > 0"
      stopped = "push_stopped[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 0"
      missing = "push_seconds[2h]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).absent(3d)"
      delay   = "push_delay_seconds[45m]{deployment = \"epimetheus/epimetheus\"}.groupBy(region).min() > 900"
    }
    error_message = jsonencode({ for name, each in oci_monitoring_alarm.push : name => each.query })
  }

  assert {
    condition = alltrue([
      for each in concat(values(oci_monitoring_alarm.push), values(oci_monitoring_alarm.connector)) : (
        each.is_enabled && each.destinations == tolist(["ocid1.onstopic.oc1..topic"]) &&
        contains(["CRITICAL", "ERROR", "WARNING", "INFO"], each.severity) && each.pending_duration == "PT5M"
      )
    ])
    error_message = "an alarm is disabled, has no destination, or has a value that Monitoring rejects"
  }

  assert {
    condition     = toset([for each in oci_monitoring_alarm.connector : each.namespace]) == toset(["oci_service_connector_hub"])
    error_message = "the alarms on the connector query another namespace"
  }
}

run "stream" {
  variables {
    push_enabled        = true
    push_stream_enabled = true
  }

  assert {
    condition = (
      oci_streaming_stream.push[0].retention_in_hours == 168 && oci_streaming_stream.push[0].partitions == 1 &&
      oci_sch_service_connector.stream[0].source[0].log_sources[0].log_group_id == "_Audit_Include_Subcompartment" &&
      oci_sch_service_connector.stream[0].target[0].stream_id == oci_streaming_stream.push[0].id &&
      oci_sch_service_connector.push[0].source[0].kind == "streaming" &&
      oci_sch_service_connector.push[0].source[0].stream_id == oci_streaming_stream.push[0].id &&
      oci_sch_service_connector.push[0].source[0].cursor[0].kind == "TRIM_HORIZON" &&
      length(oci_sch_service_connector.push[0].source[0].log_sources) == 0
    )
    error_message = "the events do not go through the stream"
  }

  assert {
    condition = (
      length(oci_identity_policy.connector[0].statements) == 5 &&
      strcontains(oci_identity_policy.connector[0].statements[3], "use stream-push in compartment id ocid1.compartment.oc1..here") &&
      strcontains(oci_identity_policy.connector[0].statements[4], "use stream-pull in compartment id ocid1.compartment.oc1..here")
    )
    error_message = jsonencode(oci_identity_policy.connector[0].statements)
  }
}
