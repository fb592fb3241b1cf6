# Written by python -m tests.terraform.stack.

variable "compartment_ocid" {
  type        = string
  nullable    = false
  description = "Compartment of all resources except the dynamic group and the policies about the whole tenancy, which are in the root compartment. See also network_compartment_ocid."
}

variable "region" {
  type        = string
  nullable    = false
  description = "Region that the function runs in, like eu-frankfurt-1."
}

variable "name" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "Name of the resources. Each deployment in a tenancy needs a different name. To change it later, see docs/deploy.md: a plan that would delete a bucket fails."
}

variable "image" {
  type        = string
  nullable    = false
  description = "Image of the function in the registry of its region: HOST/NAMESPACE/REPOSITORY:TAG, as scripts/deploy.sh pushes it."
}

variable "image_digest" {
  type        = string
  default     = null
  description = "Digest that the image must have. Default: the digest of its tag at deployment."
}

variable "image_signing_key_ocids" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Vault keys that sign the image. With them, OCI rejects an image that none of them has signed."
}

variable "shape" {
  type        = string
  default     = "GENERIC_X86"
  nullable    = false
  description = "Processor architecture that the image is built for: GENERIC_X86, GENERIC_ARM or GENERIC_X86_ARM."
}

variable "memory_in_mbs" {
  type        = number
  default     = 256
  nullable    = false
  description = "Memory of the function in MB. 256 is enough for a backlog of any length; an hour with millions of events needs more, see docs/scale.md."
}

variable "timeout_in_seconds" {
  type        = number
  default     = 300
  nullable    = false
  description = "Maximum duration in seconds of a run whose caller waits for its report, for example scripts/deploy.sh."
}

variable "detached_timeout_in_seconds" {
  type        = number
  default     = 840
  nullable    = false
  description = "Maximum duration in seconds of a scheduled run. The next run continues with the remaining events."
}

variable "interval_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes between the starts of runs. OCI schedules are hourly at most, so 15 minutes take four staggered schedules."
}

variable "schedule_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "If false, the schedules do not start the function. OCI retains the events until it runs again, for up to a year."
}

variable "follow_seconds" {
  type        = number
  default     = 0
  nullable    = false
  description = "Seconds for which each run polls for new events, for near-real-time forwarding with interval_minutes = 60. With 0, runs do not poll."
}

variable "subnet_ocid" {
  type        = string
  default     = null
  description = "Existing subnet with routes to the SIEM and to the OCI services. By default, the module creates a network."
}

variable "use_existing_network" {
  type        = bool
  default     = false
  nullable    = false
  description = "If true, the module creates no network, and subnet_ocid is required. Set it if subnet_ocid comes from a resource in the same configuration: its value is then not known in the plan."
}

variable "vcn_ocid" {
  type        = string
  default     = null
  description = "VCN of subnet_ocid. Only the form of Resource Manager uses it, to list its subnets."
}

variable "network_compartment_ocid" {
  type        = string
  default     = null
  description = "Compartment of the network, created or existing. Default: compartment_ocid."
}

variable "network_security_group_ocids" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Existing network security groups to add the function to, in addition to the one that is created with the network."
}

variable "vcn_cidr" {
  type        = string
  default     = "10.77.0.0/24"
  nullable    = false
  description = "CIDR block of the VCN that the module creates. The VCN has one subnet. It cannot be changed later."
}

variable "nat_public_ip_ocid" {
  type        = string
  default     = null
  description = "Existing reserved public IP address for the NAT gateway that the module creates: the address that the SIEM's firewall allows then outlives the network. By default, OCI assigns an address, which stays as long as the gateway."
}

variable "siem_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
  description = "CIDR blocks of the SIEM: the only addresses that the created network can reach on syslog_port. Narrow the default."
}

variable "create_vault" {
  type        = bool
  default     = false
  nullable    = false
  description = "If true, the module creates a vault, a key, and secrets with syslog_client_key_pem and seal_key_pem. Terraform never deletes the vault. OCI deletes a vault after 7 days at the earliest."
}

variable "syslog_client_key_secret_ocid" {
  type        = string
  default     = null
  description = "Existing secret with the private key of syslog_client_cert. The same as syslog_client_key = vault:SECRET_OCID."
}

variable "seal_key_secret_ocid" {
  type        = string
  default     = null
  description = "Existing secret with the private key that signs the seals. The same as seal_key = vault:SECRET_OCID."
}

variable "syslog_client_key_pem" {
  type        = string
  default     = null
  sensitive   = true
  description = "With create_vault: private key of syslog_client_cert in PEM. It is also stored in the Terraform state."
}

variable "seal_key_pem" {
  type        = string
  default     = null
  sensitive   = true
  description = "With create_vault: Ed25519 private key that signs the seals, in PEM. It is also stored in the Terraform state."
}

variable "seal_public_key" {
  type        = string
  default     = null
  description = "Public key of the seals in PEM; while keys are rotated, both. The function does not use it: the output of the same name hands it to auditors."
}

variable "kms_vault_ocid" {
  type        = string
  default     = null
  description = "Vault of kms_key_ocid. Only the form of Resource Manager uses it, to list its keys."
}

variable "kms_key_ocid" {
  type        = string
  default     = null
  description = "Existing vault key that encrypts the buckets. To rotate it, create a new version of the key; docs/operate.md has the steps for another key, or none. Default: a key that Oracle manages."
}

variable "state_versions_days" {
  type        = number
  default     = 30
  nullable    = false
  description = "Days to keep previous versions of the state, for recovery."
}

variable "ledger_retention_days" {
  type        = number
  default     = null
  description = "Days for which no one can overwrite or delete an object in the ledger's bucket. With 0, its administrators can. Not used if ledger_bucket is state_bucket. Default: ledger_days."
}

variable "ledger_retention_lock_time" {
  type        = string
  default     = null
  description = "Time from which the retention rule is locked, like 2027-01-31T00:00:00Z, at least 14 days after the apply. Not even an administrator can then remove or shorten it, or delete the bucket before its last object expires. By default, the rule is not locked."
}

variable "log_retention_days" {
  type        = number
  default     = 90
  nullable    = false
  description = "Days to keep the log of the function."
}

variable "notification_emails" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "E-mail addresses that receive alarms and failed runs. Each recipient must first confirm the subscription."
}

variable "alarms_enabled" {
  type        = bool
  default     = true
  nullable    = false
  description = "If true, the alarms are enabled."
}

variable "lag_alarm_minutes" {
  type        = number
  default     = 120
  nullable    = false
  description = "Lag in minutes above which an alarm fires."
}

variable "certificate_alarm_days" {
  type        = number
  default     = 21
  nullable    = false
  description = "Days before the expiry of a certificate at which an alarm fires."
}

variable "relaxed_policy_conditions" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Policy conditions to omit where OCI does not support them (runs fail with 404, or are not started): objects, metrics, secrets, functions."
}

variable "freeform_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Free-form tags of all resources."
}

variable "defined_tags" {
  type        = map(string)
  default     = {}
  nullable    = false
  description = "Defined tags of all resources. If the tenancy has tag defaults, also set ignore_defined_tags (in a configuration of your own, that of the providers)."
}

variable "push_enabled" {
  type        = bool
  default     = false
  nullable    = false
  description = "Create a connector of Connector Hub and a second function, so that events arrive within about a minute. The schedules then poll what was not pushed. Covers the region of the deployment only."
}

variable "push_stream_enabled" {
  type        = bool
  default     = false
  nullable    = false
  description = "Put a stream between the connector and the push function, which keeps undelivered events for a week instead of 24 hours."
}

variable "push_memory_in_mbs" {
  type        = number
  default     = 512
  nullable    = false
  description = "Memory of the push function in MB. Values: 256, 512, 1024, 2048 or 3072."
}

variable "push_timeout_in_seconds" {
  type        = number
  default     = 300
  nullable    = false
  description = "Timeout of the push function in seconds. A batch that is not confirmed by then is sent again."
}

variable "push_batch_size_in_kbs" {
  type        = number
  default     = 4096
  nullable    = false
  description = "Size of a batch in KB at which the connector pushes it. A request may have 6 MB."
}

variable "push_batch_time_in_seconds" {
  type        = number
  default     = 60
  nullable    = false
  description = "Age of a batch in seconds at which the connector pushes it."
}

variable "syslog_host" {
  type        = string
  nullable    = false
  description = "Host name or IP address of the syslog receiver. Its port is syslog_port."
}

variable "syslog_port" {
  type        = number
  default     = 6514
  nullable    = false
  description = "TCP port of the receiver. The network that this module creates allows traffic to this port."
}

variable "syslog_transport" {
  type        = string
  default     = "tls"
  nullable    = false
  description = "Protocol: syslog over TLS, RELP over TLS (the receiver acknowledges every message), or syslog over unencrypted TCP. Values: tls, relp or tcp."
}

variable "syslog_confirm_delay_seconds" {
  type        = number
  default     = 0.2
  nullable    = false
  description = "Seconds that the receiver must stay up after it reads a batch before the batch counts as delivered. Not used with relp."
}

variable "syslog_ca" {
  type        = string
  default     = null
  description = "CA certificates that verify the receiver's certificate. PEM certificates are stored as an object in the bucket. Default: the system trust store."
}

variable "syslog_client_cert" {
  type        = string
  default     = null
  description = "Client certificate, with any intermediate certificates, for mutual TLS. Requires syslog_client_key or create_vault. PEM certificates are stored as an object in the bucket."
}

variable "syslog_client_key" {
  type        = string
  default     = null
  description = "Private key of syslog_client_cert. It must be a secret in an existing vault: vault:SECRET_OCID. To create a vault and a secret, use create_vault."
}

variable "syslog_server_name" {
  type        = string
  default     = null
  description = "Name that the receiver's certificate must contain, if it differs from syslog_host."
}

variable "syslog_framing" {
  type        = string
  default     = "octet-counting"
  nullable    = false
  description = "How messages are separated in the stream (RFC 6587): by a byte count before each message, or by a line feed after it. Not used with relp. Values: octet-counting or lf."
}

variable "syslog_header" {
  type        = string
  default     = "rfc5424"
  nullable    = false
  description = "Syslog header: RFC 5424, or the older BSD format of RFC 3164. Values: rfc5424 or rfc3164."
}

variable "syslog_facility" {
  type        = string
  default     = "local0"
  nullable    = false
  description = "Syslog facility of every message."
}

variable "syslog_app_name" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "Application name in the syslog header: APP-NAME (RFC 5424) or TAG (RFC 3164)."
}

variable "syslog_hostname" {
  type        = string
  default     = null
  description = "Host name in the syslog header. Default: the region that the event comes from."
}

variable "syslog_max_bytes" {
  type        = number
  default     = 8000
  nullable    = false
  description = "Maximum size of a message in bytes, header and body; a longer message is truncated and marked. With relp, from 480 to 131072."
}

variable "syslog_timeout_seconds" {
  type        = number
  default     = 10
  nullable    = false
  description = "Timeout in seconds for each of connect, TLS handshake, write and confirmation."
}

variable "format" {
  type        = string
  default     = "cef"
  nullable    = false
  description = "Format of the message body. Values: cef, json, leef or ocsf."
}

variable "ocsf_classes" {
  type        = string
  default     = "auto"
  nullable    = false
  description = "Classes of the events if format is ocsf: auto sends sign-ons as Authentication, changes of users, passwords and MFA as Account Change, changes of groups as Group Management, and the rest as API Activity; api sends everything as API Activity. Values: auto or api."
}

variable "state_bucket" {
  type        = string
  default     = null
  description = "Object Storage bucket for the state and for the objects that object:NAME refers to. The module creates it, and never deletes it; see docs/deploy.md for a change. Default: the value of name."
}

variable "state_namespace" {
  type        = string
  default     = null
  description = "Object Storage namespace of the buckets. Default: the tenancy's namespace."
}

variable "state_prefix" {
  type        = string
  default     = "epimetheus/"
  nullable    = false
  description = "Start of the names of the objects of the state, the ledger and the seals. Deployments that share a bucket need different prefixes."
}

variable "ledger_bucket" {
  type        = string
  default     = null
  description = "Object Storage bucket for the ledger and the seals. The module creates it, and never deletes it; see docs/deploy.md for a change. Use the name of state_bucket for a single bucket, in which the function can overwrite objects. Default: the name of state_bucket, followed by -ledger."
}

variable "ledger_days" {
  type        = number
  default     = 35
  nullable    = false
  description = "Days for which the entries of the ledger are kept. In a bucket, a lifecycle rule deletes them."
}

variable "seal_key" {
  type        = string
  default     = null
  description = "Private key that signs the seals and the ledger entries, from epimetheus seal keygen. If not set, seals form a chain but have no signature. It must be a secret in an existing vault: vault:SECRET_OCID."
}

variable "seal_messages" {
  type        = bool
  default     = true
  nullable    = false
  description = "If true, each run sends the receiver a message that contains its seal."
}

variable "tenancy_ocid" {
  type        = string
  nullable    = false
  description = "Tenancy whose events are forwarded. The dynamic group and the policies are created in its root compartment."
}

variable "regions" {
  type        = list(string)
  default     = ["all"]
  nullable    = false
  description = "Regions whose events are forwarded; all stands for every region that the tenancy subscribes to."
}

variable "compartment_mode" {
  type        = string
  default     = "all"
  nullable    = false
  description = "Compartments whose events are forwarded: all, only the root compartment (tenancy_only), only compartment_ids and their descendants (include), or all others (exclude)."
}

variable "compartment_ids" {
  type        = list(string)
  default     = null
  description = "Compartments for compartment_mode. Required for include and exclude, otherwise not accepted."
}

variable "listing_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes for which a listing of the compartments is reused, at most listing_max_age_minutes. With 0, every run lists them."
}

variable "listing_max_age_minutes" {
  type        = number
  default     = 60
  nullable    = false
  description = "Age in minutes above which a listing of compartments or regions makes runs partial, because new ones may be missing."
}

variable "initial_lookback_hours" {
  type        = number
  default     = 24
  nullable    = false
  description = "How many hours back the first run reads, in addition to overlap_minutes and settle_minutes."
}

variable "overlap_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes before the cursor that every run reads again, to find events that OCI lists late. Duplicates are dropped."
}

variable "settle_minutes" {
  type        = number
  default     = null
  description = "Minutes before now at which a run stops reading. Newer events may not be listed yet or, with PUSH, not be pushed yet. With push_enabled, the default is 20. Default: 2."
}

variable "sources" {
  type        = list(string)
  default     = ["audit"]
  nullable    = false
  description = "What is forwarded: audit stands for audit events, cloud_guard for the problems of Cloud Guard."
}

variable "cloud_guard_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minimum number of minutes between two polls of Cloud Guard. A poll lists all problems, and forwards those that have changed."
}

variable "reconcile_after" {
  type        = list(number)
  default     = [60, 1440]
  nullable    = false
  description = "Ages in minutes at which closed windows are listed again, to find events that OCI listed after they were read. Windows are as long as the age, but at least an hour and at most a day: with 5, an event is found after 5 to 65 minutes. Each age is one more pass over all events; empty means none."
}

variable "slice_minutes" {
  type        = number
  default     = 60
  nullable    = false
  description = "Minimum length in minutes of the time window that a run reads, sends and confirms in one step."
}

variable "api_concurrency" {
  type        = number
  default     = 8
  nullable    = false
  description = "Maximum number of concurrent requests to the Audit API."
}

variable "api_requests_per_second" {
  type        = number
  default     = 20
  nullable    = false
  description = "Maximum rate of requests to the Audit API, per second."
}

variable "rules" {
  type        = string
  default     = null
  description = "Rules that filter events, limit their rate and set their severity; see docs/rules.md. A JSON object is stored as an object in the bucket."
}

variable "field_map" {
  type        = string
  default     = null
  description = "Custom field names, additional fields and field order for each format; see docs/formats.md. A JSON object is stored as an object in the bucket."
}

variable "own_events" {
  type        = string
  default     = "summarize"
  nullable    = false
  description = "How to treat the events that Epimetheus's own polling creates: send one summary for each run, or forward them like other events. Values: summarize or forward."
}

variable "tamper_watch" {
  type        = list(string)
  default     = null
  description = "Resources to protect: an event that names one bypasses every rule, is marked, and has a severity of at least 9. Default: the buckets, topic, log group, application and secrets that this module creates; [] protects none."
}

variable "redact" {
  type        = list(string)
  default     = null
  description = "Event fields to redact in addition to credentials, which are always redacted; * matches any key or index."
}

variable "metrics_namespace" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "OCI Monitoring namespace of the metrics. If empty, no metrics are posted. Their alarms are then not created either."
}

variable "metrics_compartment_ocid" {
  type        = string
  default     = null
  description = "Compartment that the metrics are posted to. Default: compartment_ocid."
}

variable "log_level" {
  type        = string
  default     = "info"
  nullable    = false
  description = "Minimum level of the log lines to write. Values: debug, info, warning or error."
}

variable "ignore_defined_tags" {
  type        = list(string)
  default     = []
  nullable    = false
  description = "Defined tags that Terraform leaves alone, like NAMESPACE.KEY: those of the tenancy's tag defaults. Without them and with defined_tags, each plan would remove them."

  validation {
    condition     = alltrue([for each in var.ignore_defined_tags : can(regex("^[^.\\s]{1,100}\\.[^.\\s]{1,100}$", each))])
    error_message = "ignore_defined_tags: expected names like NAMESPACE.KEY."
  }
}
