# Required variables only, and those without which a plan warns.

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

run "defaults" {
  assert {
    condition = oci_functions_function.this.config == tomap({
      SYSLOG_HOST              = "siem.example.com"
      STATE_BUCKET             = "epimetheus"
      LEDGER_BUCKET            = "epimetheus-ledger"
      STATE_NAMESPACE          = "axexample"
      TENANCY_OCID             = "ocid1.tenancy.oc1..tenancy"
      METRICS_COMPARTMENT_OCID = "ocid1.compartment.oc1..here"
      TAMPER_WATCH             = "ocid1.fnapp.oc1..app,ocid1.bucket.oc1..bucket,ocid1.onstopic.oc1..topic,ocid1.loggroup.oc1..group,ocid1.bucket.oc1..bucket"
    })
    error_message = "the configuration contains more or less than the values that differ from the defaults: ${jsonencode(oci_functions_function.this.config)}"
  }

  assert {
    condition = (
      oci_functions_function.this.memory_in_mbs == "256" &&
      oci_functions_function.this.timeout_in_seconds == 300 &&
      oci_functions_function.this.detached_mode_timeout_in_seconds == 840 &&
      oci_functions_function.this.image == "fra.ocir.io/axexample/epimetheus:0.1.0"
    )
    error_message = "memory, timeouts or image differ from the variables"
  }

  assert {
    condition = (
      oci_functions_function.this.failure_destination[0].kind == "NOTIFICATION" &&
      oci_functions_function.this.failure_destination[0].topic_id == "ocid1.onstopic.oc1..topic"
    )
    error_message = "failed runs are not published to the topic"
  }

  assert {
    condition = (
      oci_functions_application.this.logging[0].line_format == "JSON" &&
      oci_functions_application.this.shape == "GENERIC_X86" &&
      toset(oci_functions_application.this.network_security_group_ids) == toset(["ocid1.networksecuritygroup.oc1..group"]) &&
      oci_functions_application.this.subnet_ids[0] == "ocid1.subnet.oc1..made"
    )
    error_message = "the application does not log JSON lines, or is not in the created network"
  }

  assert {
    condition = (
      oci_objectstorage_bucket.state.access_type == "NoPublicAccess" &&
      oci_objectstorage_bucket.state.versioning == "Enabled" &&
      oci_objectstorage_bucket.state.name == "epimetheus" &&
      oci_objectstorage_bucket.state.namespace == "axexample"
    )
    error_message = "the bucket is not private, not versioned, or has the wrong name or namespace"
  }

  assert {
    condition = (
      length(oci_kms_vault.this) + length(oci_kms_key.this) == 0 &&
      length(oci_vault_secret.client_key) + length(oci_vault_secret.seal_key) == 0 &&
      length(oci_objectstorage_object.inline_value) == 0
    )
    error_message = "an optional resource is created by default"
  }

  assert {
    condition = (
      oci_logging_log.invocations.configuration[0].source[0].resource == "ocid1.fnapp.oc1..app" &&
      oci_logging_log.invocations.configuration[0].source[0].service == "functions" &&
      oci_logging_log.invocations.configuration[0].source[0].category == "invoke" &&
      oci_logging_log.invocations.configuration[0].source[0].source_type == "OCISERVICE" &&
      oci_logging_log.invocations.log_type == "SERVICE" &&
      oci_logging_log.invocations.retention_duration == 90
    )
    error_message = "the log is not the application's invocation log"
  }

  assert {
    condition     = output.config_bytes <= 1024 && output.config_bytes > 512
    error_message = "config_bytes is ${output.config_bytes}"
  }

  assert {
    condition     = output.invoke_command == "oci fn function invoke --region eu-frankfurt-1 --function-id ocid1.fnfunc.oc1..function --file - --body ''"
    error_message = output.invoke_command
  }

  assert {
    condition = output.commands == {
      run    = "oci fn function invoke --region eu-frankfurt-1 --function-id ocid1.fnfunc.oc1..function --file - --body ''"
      health = "oci fn function invoke --region eu-frankfurt-1 --function-id ocid1.fnfunc.oc1..function --file - --body '{\"action\": \"health\"}'"
      runs   = "epimetheus runs --log ocid1.compartment.oc1..here/ocid1.loggroup.oc1..group/ocid1.log.oc1..log"
      state  = "epimetheus state show --function ocid1.fnfunc.oc1..function"
      check  = "epimetheus validate --function ocid1.fnfunc.oc1..function"
      verify = "epimetheus verify --from 24h --function ocid1.fnfunc.oc1..function"
    }
    error_message = jsonencode(output.commands)
  }
}

run "a_plan_needs_no_values_known_after_apply" {
  command = plan
}
