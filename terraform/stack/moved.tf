# Written by python -m tests.terraform.stack.

moved {
  from = oci_functions_application.this
  to   = module.epimetheus.oci_functions_application.this
}

moved {
  from = oci_functions_function.this
  to   = module.epimetheus.oci_functions_function.this
}

moved {
  from = oci_identity_dynamic_group.function
  to   = module.epimetheus.oci_identity_dynamic_group.function
}

moved {
  from = oci_identity_policy.function
  to   = module.epimetheus.oci_identity_policy.function
}

moved {
  from = oci_identity_policy.function_resources
  to   = module.epimetheus.oci_identity_policy.function_resources
}

moved {
  from = oci_identity_policy.schedules
  to   = module.epimetheus.oci_identity_policy.schedules
}

moved {
  from = oci_identity_policy.services
  to   = module.epimetheus.oci_identity_policy.services
}

moved {
  from = oci_identity_policy.keys
  to   = module.epimetheus.oci_identity_policy.keys
}

moved {
  from = oci_core_vcn.this
  to   = module.epimetheus.oci_core_vcn.this
}

moved {
  from = oci_core_nat_gateway.this
  to   = module.epimetheus.oci_core_nat_gateway.this
}

moved {
  from = oci_core_service_gateway.this
  to   = module.epimetheus.oci_core_service_gateway.this
}

moved {
  from = oci_core_route_table.private
  to   = module.epimetheus.oci_core_route_table.private
}

moved {
  from = oci_core_security_list.private
  to   = module.epimetheus.oci_core_security_list.private
}

moved {
  from = oci_core_subnet.private
  to   = module.epimetheus.oci_core_subnet.private
}

moved {
  from = oci_core_network_security_group.function
  to   = module.epimetheus.oci_core_network_security_group.function
}

moved {
  from = oci_core_network_security_group_security_rule.egress
  to   = module.epimetheus.oci_core_network_security_group_security_rule.egress
}

moved {
  from = oci_ons_notification_topic.this
  to   = module.epimetheus.oci_ons_notification_topic.this
}

moved {
  from = oci_ons_subscription.email
  to   = module.epimetheus.oci_ons_subscription.email
}

moved {
  from = oci_logging_log_group.this
  to   = module.epimetheus.oci_logging_log_group.this
}

moved {
  from = oci_logging_log.invocations
  to   = module.epimetheus.oci_logging_log.invocations
}

moved {
  from = oci_monitoring_alarm.own
  to   = module.epimetheus.oci_monitoring_alarm.own
}

moved {
  from = oci_monitoring_alarm.platform
  to   = module.epimetheus.oci_monitoring_alarm.platform
}

moved {
  from = oci_functions_function.push
  to   = module.epimetheus.oci_functions_function.push
}

moved {
  from = oci_streaming_stream.push
  to   = module.epimetheus.oci_streaming_stream.push
}

moved {
  from = oci_sch_service_connector.stream
  to   = module.epimetheus.oci_sch_service_connector.stream
}

moved {
  from = oci_sch_service_connector.push
  to   = module.epimetheus.oci_sch_service_connector.push
}

moved {
  from = oci_identity_policy.connector
  to   = module.epimetheus.oci_identity_policy.connector
}

moved {
  from = oci_monitoring_alarm.push
  to   = module.epimetheus.oci_monitoring_alarm.push
}

moved {
  from = oci_monitoring_alarm.connector
  to   = module.epimetheus.oci_monitoring_alarm.connector
}

moved {
  from = oci_resource_scheduler_schedule.run
  to   = module.epimetheus.oci_resource_scheduler_schedule.run
}

moved {
  from = oci_objectstorage_bucket.state
  to   = module.epimetheus.oci_objectstorage_bucket.state
}

moved {
  from = oci_objectstorage_object_lifecycle_policy.state
  to   = module.epimetheus.oci_objectstorage_object_lifecycle_policy.state
}

moved {
  from = oci_objectstorage_bucket.ledger
  to   = module.epimetheus.oci_objectstorage_bucket.ledger
}

moved {
  from = oci_objectstorage_object_lifecycle_policy.ledger
  to   = module.epimetheus.oci_objectstorage_object_lifecycle_policy.ledger
}

moved {
  from = oci_objectstorage_object.inline_value
  to   = module.epimetheus.oci_objectstorage_object.inline_value
}

moved {
  from = oci_kms_vault.this
  to   = module.epimetheus.oci_kms_vault.this
}

moved {
  from = oci_kms_key.this
  to   = module.epimetheus.oci_kms_key.this
}

moved {
  from = oci_vault_secret.client_key
  to   = module.epimetheus.oci_vault_secret.client_key
}

moved {
  from = oci_vault_secret.seal_key
  to   = module.epimetheus.oci_vault_secret.seal_key
}
